"""What the two fronts are made of: hot modules and cold ones, and the binding of C."""

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
import versions  # noqa: E402
from archive import HEAD, write_archive  # noqa: E402

from tests.support.import_graph import imported_names, names_used  # noqa: E402

FROZEN = frozen.modules(SOURCE, {*embed.BUILTIN, *versions.CORE, *embed.OURS})

AT_HAND = {*embed.BUILTIN, *versions.CORE, *embed.OURS, *embed.STANDARD}


@pytest.mark.parametrize("name", sorted(FROZEN))
def test_a_hot_module_imports_builtin_and_hot_modules_and_cold_ones_late(name: str) -> None:
    """Whatever else it needs lies behind a cold module, which is imported in a function, once the
    ordinary interpreter runs the command (hutch/front.py)."""
    path = FROZEN[name]
    assert imported_names(path, late=False) <= FROZEN.keys() | AT_HAND
    late = imported_names(path) - FROZEN.keys() - AT_HAND
    assert {module for module in late if not frozen.is_cold(module)} == set()


EXEC = {"execv", "execve", "execvp", "execvpe", "execl", "execle", "execlp", "execlpe"}


def test_only_the_change_of_front_executes_the_command_again() -> None:
    """No import does: neither the runtime's modules nor what imports them."""
    files = [
        *(path for path in (SOURCE / "hutch").rglob("*.py") if "warren" not in path.parts),
        *(ROOT / "native" / "launcher").glob("*.py"),
    ]
    assert [path.name for path in files if names_used(path) & EXEC] == ["front.py"]


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


def test_a_hot_module_that_imports_what_is_not_builtin_is_an_error(tmp_path: Path) -> None:
    package = tmp_path / "hutch"
    (package / "cold").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "cold" / "heavy.py").write_text("import re\n")
    (package / "lean.py").write_text(
        "import posix\nTYPE_CHECKING = False\nif TYPE_CHECKING:\n    import typing\n"
        "def later():\n    import hutch.cold.heavy\n"
    )
    assert set(frozen.modules(tmp_path, {"posix"})) == {"hutch", "hutch.lean"}
    (package / "behind.py").write_text("from hutch.cold import heavy\n")
    with pytest.raises(ValueError, match="behind"):
        frozen.modules(tmp_path, {"posix"})


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

    files = {name: name.replace(".", "/") + ".so" for name in embed.OURS}
    name, archive = write_archive(SOURCE, files)
    importer, first, index, largest, extensions = marshal.loads(archive[:HEAD])
    assert extensions == files
    assert (importer.co_filename, first.co_filename) == ("<hutch_importer>", "<hutch_archived>")
    for module, place in index.items():
        offset, size, is_package = place >> 32, place >> 1 & 0x7FFF_FFFF, place & 1
        assert size <= largest
        assert marshal.loads(archive[offset : offset + size]).co_filename == f"<{module}>"
        assert is_package == (SOURCE.joinpath(*module.split(".")).is_dir())
    assert write_archive(SOURCE, {**files, "hutch._json": "hutch/other.so"})[0] != name
