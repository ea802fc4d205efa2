"""The house rules that can be counted: generated code is fresh, files keep to their room, nothing
dangerous stands outside its one place."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.import_graph import imported_names, names_used

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("runtime", "native", "tests", "conformance")
    for pattern in ("*.py", "*.c", "*.h")
    for path in (ROOT / folder).rglob(pattern)
)


def test_the_generated_modules_are_what_plan_def_and_wire_def_say() -> None:
    sys.path.insert(0, str(ROOT / "native"))
    from generate import generated

    for target, source in generated().items():
        assert ast.dump(ast.parse(target.read_text())) == ast.dump(ast.parse(source)), target


def test_the_types_of_config_json_are_what_the_table_says() -> None:
    sys.path.insert(0, str(ROOT / "runtime"))
    from generate_config_types import TABLE, TARGET, generate
    from hutch.spec import table

    assert TARGET.read_text() == generate(TABLE.read_text(), vars(table))


# Where the type checker is told nothing: how often at most, and why. Documents are not among them:
# a config, a process, resources and statistics have types of their own.
UNTYPED = {
    "cli/warren/go_template/fmt.py": (1, "the name of what templates are filled in from"),
    "cli/warren/parser.py": (2, "the signatures of argparse"),
    "plan/describe.py": (1, "one function an operation, each with its own arguments"),
    "plan/encode.py": (1, "one function a kind of argument"),
    "container/filter_cache.py": (1, "an entry that hutch wrote, of which a digest is kept"),
    "container/cold/net_devices.py": (4, "messages of netlink, as pyroute2 has them"),
}


@pytest.mark.parametrize(
    "folder", ["container", "plan", "cgroups", "cli", "image", "images", "engine"]
)
def test_documents_have_types(folder: str) -> None:
    root = ROOT / "runtime" / "hutch"
    untyped = {}
    for path in sorted((root / folder).rglob("*.py")):
        lines = [line for line in path.read_text().splitlines() if " import " not in line]
        name = str(path.relative_to(root))
        number = sum(len(re.findall(r"\bAny\b", line)) for line in lines)
        if number > UNTYPED.get(name, (0, ""))[0]:
            untyped[name] = number
    assert untyped == {}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_keeps_to_its_room(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500


def test_no_file_has_a_name_that_says_nothing() -> None:
    nothing = {"util", "utils", "helper", "helpers", "misc", "common", "manager"}
    assert [path for path in SOURCES if path.stem in nothing] == []


# What no module may use, under whatever alias: copies of this process that go on in Python, shells,
# code from data, and what makes folders or files out of names that others have given.
BANNED = {"fork", "forkpty", "system", "popen", "extractall", "makedirs", "eval", "pickle"}


def test_s63_s81_dangerous_calls_are_not_made() -> None:
    found = {
        (path.stem, name)
        for path in (ROOT / "runtime").rglob("*.py")
        for name in (names_used(path) | imported_names(path)) & BANNED
    }
    assert found == set()


def test_no_shell_is_started() -> None:
    found = [path for path in (ROOT / "runtime").rglob("*.py") if "shell=True" in path.read_text()]
    assert found == []


def test_s63_s81_dangerous_calls_are_found(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    for text in ("posix.fork()", "from os import fork as f", "import pickle as p", "eval('1')",
                 "getattr(os, 'fork')()", "archive.extractall('.')"):  # fmt: skip
        path.write_text(text)
        assert (names_used(path) | imported_names(path)) & BANNED


def test_only_the_command_line_prints() -> None:
    found = [
        path
        for path in (ROOT / "runtime" / "hutch").rglob("*.py")
        if "cli" not in path.parts
        and any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "print"
            for node in ast.walk(ast.parse(path.read_text()))
        )
    ]
    assert found == []


CHANGES = {"append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault", "sort"}


def written_plans(tree: ast.AST) -> Iterator[ast.AST]:
    """Where something is assigned to an attribute or item of what is called ``plan``, or a method
    of one changes it."""

    def is_of_plan(node: ast.AST) -> bool:
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
            if getattr(node, "id", getattr(node, "attr", "")) == "plan":
                return True
        return False

    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            targets = [node.func] if node.func.attr in CHANGES else []
        if any(is_of_plan(target) for target in targets):
            yield node


def test_a_compiled_plan_is_not_written_to() -> None:
    """What is known only later is in Bindings (hutch/plan/plan.py)."""
    folders = ("container", "engine", "cli", "cgroups")
    files = [path for name in folders for path in (ROOT / "runtime/hutch" / name).rglob("*.py")]
    found = {path.name for path in files for _ in written_plans(ast.parse(path.read_text()))}
    assert found == set()
    for text in ("plan.cgroup = 1", "self.plan.warnings.append(1)", "plan.idmaps[1] += 2"):
        assert [*written_plans(ast.parse(text))]


def test_arrows_between_the_layers_go_down_only() -> None:
    done = subprocess.run(
        [str(Path(sys.prefix) / "bin" / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_verb_of_the_table_has_its_module() -> None:
    from hutch.cli.table import VERBS

    folder = ROOT / "runtime" / "hutch" / "cli" / "verbs"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules == {"execute" if verb == "exec" else verb.replace("-", "_") for verb in VERBS}
