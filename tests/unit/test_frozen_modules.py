"""What the build changes in the modules of warren's static executable (native/)."""

import ast
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

NATIVE = Path(__file__).parents[2] / "native"
sys.path[:0] = [str(NATIVE)]
import frozen  # noqa: E402
from sunk import sink  # noqa: E402


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module that written-out NamedTuples import."""
    module = ModuleType("hutch_named")
    exec((NATIVE / "launcher" / "named.py").read_text(), vars(module))
    monkeypatch.setitem(sys.modules, "hutch_named", module)


def run(tmp_path: Path, text: str) -> dict[str, Any]:
    path = tmp_path / "m.py"
    path.write_text(text)
    names: dict[str, Any] = {"__name__": "m"}
    exec(frozen.code_of("m", path), names)
    return names


POINT = '''
from typing import NamedTuple, TypedDict, cast
from collections.abc import Callable

class Point(NamedTuple):
    """Two numbers."""
    x: int
    y: "int" = 2

    @property
    def sum(self) -> int:
        return cast("int", self.x + self.y)

    @classmethod
    def of(cls, f: Callable[[], int]) -> "Point":
        return cls(f())

class Row(TypedDict, total=False):
    a: int

row: Row = Row(a=1)
'''


@pytest.mark.usefixtures("named")
def test_a_named_tuple_is_what_it_was(tmp_path: Path) -> None:
    names = run(tmp_path, POINT)
    plain: dict[str, Any] = {"__name__": "m"}
    exec(POINT, plain)
    assert not {"NamedTuple", "TypedDict", "cast", "Callable"} & names.keys()
    for kind in (names["Point"], plain["Point"]):
        point = kind(1)
        assert point == (1, 2)
        assert (point.x, point.y, point.sum) == (1, 2, 3)
        assert kind(y=5, x=4) == (4, 5)
        assert kind.of(lambda: 7) == (7, 2)
        assert point._replace(y=9) == (1, 9)
        assert point._asdict() == {"x": 1, "y": 2}
        assert repr(point) == "Point(x=1, y=2)"
        assert kind._fields == kind.__match_args__ == ("x", "y")
        with pytest.raises(TypeError):
            kind()
        with pytest.raises(AttributeError):
            point.x = 3
        match point:
            case kind(x, y):
                assert (x, y) == (1, 2)
    assert names["row"] == plain["row"] == {"a": 1}


def sunk(text: str) -> str:
    tree = ast.parse(text)
    sink(tree, {"re", "json"})
    return ast.unparse(tree)


MOVED = '''
def f(x):
    """About."""
    import re
    return re.match("a", x)

def g():
    pass
'''


def test_an_import_moves_into_the_functions_that_use_it() -> None:
    before = "import re\n" + MOVED.replace("    import re\n", "")
    assert sunk(before) == ast.unparse(ast.parse(MOVED))


@pytest.mark.parametrize(
    "text",
    [
        "import re\nA = re.compile('a')\ndef f():\n    return re.match('a', 'b')",
        "import re\ndef f(x=re.I):\n    return re",
        "import re\nclass C:\n    a = re.I",
        "import re\ndef f():\n    global re\n    re = 1",
        "import re\ndef f(re):\n    return re",
        "import re\ndef f():\n    class C:\n        a = re.I",
        "import os\ndef f():\n    return os.name",
    ],
)
def test_an_import_stays_where_its_name_is_used_otherwise(text: str) -> None:
    assert sunk(text) == ast.unparse(ast.parse(text))


def test_names_of_one_import_move_alone() -> None:
    text = "from json import dumps, loads\nA = loads('1')\ndef f():\n    return dumps(1)"
    assert sunk(text).startswith("from json import loads\n")
