"""What the two fronts are made of: the modules in them, and the binding of C."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "runtime"
sys.path.insert(0, str(ROOT / "native"))

import binding  # noqa: E402
import embed  # noqa: E402
import frozen  # noqa: E402
from archive import HEAD, write_archive  # noqa: E402

FROZEN = frozen.modules(SOURCE, {*embed.BUILTIN, *embed.CORE, *embed.OURS})

# What a frozen module imports while it works that is not in the executable: the command is then
# executed by the interpreter's front. Each of these must be wanted before anything was changed, or
# by a verb that can begin again, as delete can.
ELSEWHERE = {
    ("hutch.cgroups", "hutch.cgroups.systemd"),
    ("hutch.container.create", "hutch.cgroups.systemd"),
    ("hutch.container.barriers", "hutch.cgroups.systemd"),
    ("hutch.container.preflight", "hutch.container.net_devices"),
    ("hutch.container.barriers", "hutch.container.net_devices"),
    ("hutch.container.listing", "pwd"),
    ("hutch.container.listing", "subprocess"),
    ("hutch.spec.load", "hutch.spec.diagnostics"),
}


def late_imports(path: Path) -> set[str]:
    """What the functions of a module import, except for type checkers."""
    tree = ast.parse(path.read_bytes())
    found: set[str] = set()
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module or "")
    return found


def test_what_is_not_in_the_executable_is_known() -> None:
    at_hand = {*FROZEN, *embed.BUILTIN, *embed.CORE, *embed.OURS, *embed.STANDARD}
    wanted = {
        (name, module)
        for name, path in FROZEN.items()
        for module in late_imports(path)
        if module not in at_hand
    }
    assert wanted == ELSEWHERE


def test_the_modules_of_every_verb_are_in_the_executable() -> None:
    verbs = {name for name in FROZEN if name.startswith("hutch.cli.verbs.")}
    files = {f"hutch.cli.verbs.{path.stem}" for path in (SOURCE / "hutch/cli/verbs").glob("[a-z]*")}
    assert files - {"hutch.cli.verbs.__pycache__"} == verbs


def test_the_modules_that_verbs_start_with_are_in_the_executable() -> None:
    listed = (ROOT / "tests" / "container" / "startup_modules.txt").read_text().split()
    ours = {name for name in listed if name.startswith("hutch") and "._" not in name}
    assert ours <= set(FROZEN)


@pytest.mark.parametrize("name", sorted(FROZEN))
def test_a_module_of_the_executable_needs_no_open_or_print(name: str) -> None:
    tree = ast.parse(FROZEN[name].read_bytes())
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    defined = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert not called & {"open", "print", "input"} - defined


def test_a_module_that_imports_what_is_not_builtin_stays_out(tmp_path: Path) -> None:
    package = tmp_path / "hutch"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "lean.py").write_text(
        "import posix\nTYPE_CHECKING = False\nif TYPE_CHECKING:\n    import typing\n"
        "def later():\n    import re\n"
    )
    (package / "heavy.py").write_text("import re\n")
    (package / "behind.py").write_text("from hutch import heavy\n")
    assert set(frozen.modules(tmp_path, {"posix"})) == {"hutch", "hutch.lean"}


def test_code_is_stored_without_docstrings_and_with_asserts(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text('"""doc"""\ndef f(x):\n    """doc"""\n    assert x, "told"\n    return 7\n')
    names: dict[str, object] = {"__doc__": None}
    exec(frozen.code_of("m", path), names)
    function = names["f"]
    assert names["__doc__"] is None and function.__doc__ is None
    with pytest.raises(AssertionError, match="told"):
        function(0)


@pytest.mark.parametrize("folder", ["kernel", "seccomp"])
def test_the_binding_has_every_call_of_the_header(folder: str) -> None:
    header = (ROOT / "native" / folder / "calls.h").read_text()
    source = binding.write_binding(ROOT / "native" / folder, "hutch._native")
    names = [name for name, _ in binding.prototypes(header)]
    assert len(names) == header.count("long long hutch_")
    assert all(f'{{"{name}", ' in source for name in names)


def test_the_binding_refuses_a_type_that_it_does_not_know() -> None:
    with pytest.raises(KeyError):
        binding.prototypes("long long hutch_x(struct stat *status);")


def test_the_archive_has_the_modules_where_its_index_says() -> None:
    import marshal

    name, archive = write_archive(SOURCE, {"hutch._native": "hutch/_native.so"})
    importer, first, index, largest, extensions = marshal.loads(archive[:HEAD])
    assert extensions == {"hutch._native": "hutch/_native.so"}
    assert (importer.co_filename, first.co_filename) == ("<hutch_importer>", "<hutch_archived>")
    for module, place in index.items():
        offset, size, is_package = place >> 32, place >> 1 & 0x7FFF_FFFF, place & 1
        assert size <= largest
        assert marshal.loads(archive[offset : offset + size]).co_filename == f"<{module}>"
        assert is_package == (SOURCE.joinpath(*module.split(".")).is_dir())
    assert write_archive(SOURCE, {})[0] != name
