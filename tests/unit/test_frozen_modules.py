"""What the build does for the static executables (native/): frozen modules, and the snapshot of an
interpreter that has imported them."""

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

NATIVE = Path(__file__).parents[2] / "native"
sys.path[:0] = [str(NATIVE)]
import frozen  # noqa: E402
import library  # noqa: E402
import snapshot  # noqa: E402


def run(tmp_path: Path, text: str) -> dict[str, Any]:
    path = tmp_path / "m.py"
    path.write_text(text)
    names: dict[str, Any] = {"__name__": "m"}
    exec(frozen.code_of("m", path), names)
    return names


TYPED = '''
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import nothing

class Point(NamedTuple):
    """Two numbers."""
    x: int
    y: int = 2
    if TYPE_CHECKING:
        z: int

def double(point: "nothing.Point") -> int:
    """Twice."""
    found: "nothing" = point.x
    return 2 * found
'''


def test_a_frozen_module_has_no_types_but_the_fields_of_its_classes(tmp_path: Path) -> None:
    names = run(tmp_path, TYPED)
    point = names["Point"](4)
    assert point == (4, 2)
    assert point._fields == ("x", "y")
    assert names["double"](point) == 8
    assert names["double"].__annotations__ == {}
    assert names["double"].__doc__ is None


def executable(*addresses: int) -> bytes:
    """An ELF file with a segment of one page at each address, and sections behind them."""
    table = snapshot.HEADER.size
    count = len(addresses)
    header = snapshot.HEADER.pack(
        b"\x7fELF", 2, 62, 1, 0, table, 9 * 4096, 0, table, snapshot.SEGMENT.size, count, 64, 5, 4
    )
    segments = b"".join(
        snapshot.SEGMENT.pack(1, 6, 4096 * (index + 1), address, address, 4096, 8192, 4096)
        for index, address in enumerate(addresses)
    )
    pages = b"".join(bytes([index]) * 4096 for index in range(1, count + 1))
    return (header + segments).ljust(4096, b"\0") + pages + b"sections"


def test_a_snapshot_replaces_the_segment_at_its_address() -> None:
    content = b"s" * 5000
    written = struct.pack("<QQ", 0x20000, 0x20000 + len(content)) + content
    made = snapshot.with_snapshot(executable(0x10000, 0x20000), written)
    # The other segment is as it was, and nothing is behind the snapshot.
    assert made[4096:] == b"\x01" * 4096 + content
    fields = snapshot.HEADER.unpack_from(made)
    assert (fields[6], fields[12], fields[13]) == (0, 0, 0)
    segment = snapshot.SEGMENT.unpack_from(made, snapshot.HEADER.size + snapshot.SEGMENT.size)
    assert segment == (1, 6, 8192, 0x20000, 0x20000, 5000, 5000, 4096)


def test_a_snapshot_of_another_executable_is_refused() -> None:
    written = struct.pack("<QQ", 0x30000, 0x30000)
    with pytest.raises(ValueError, match="no segment"):
        snapshot.with_snapshot(executable(0x10000, 0x20000), written)


def test_library_modules_are_found_with_all_that_they_import_when_loaded(tmp_path: Path) -> None:
    for name, text in {
        "whole/__init__.py": "from . import one\nimport absent",
        "whole/one.py": "from .two import x\ntry:\n    import above\nexcept ImportError: pass",
        "whole/two.py": "from ..whole import three as x",
        "whole/three.py": "def later():\n    import other",
        "above.py": "import built",
        "built.py": "",
        "other.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = library.files(["whole.one"], tmp_path, {"built"})
    assert list(found) == ["above", "whole", "whole.one", "whole.three", "whole.two"]
    lines, rows = library.rows({"whole": found["whole"], "above": found["above"]})
    assert [".is_package = 1" in row for row in rows] == [True, False]
    assert lines[0].startswith("static const unsigned char library_whole[] =")
