"""What top shows, from the files of cgroup v2 and from two looks."""

from pathlib import Path
from types import SimpleNamespace

from hutch.cgroups import stats
from hutch.cli.cold.top_output import as_json, as_lines, in_order, size
from hutch.container.cold.usage import Look, Use, between, block_bytes, counts, memory_used

# As in cgroup-v2.rst of the kernel's documentation.
FILES = {
    "cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n",
    "memory.current": "73400320\n",
    "memory.max": "max\n",
    "memory.stat": "anon 20971520\nfile 52428800\ninactive_file 31457280\n",
    "pids.current": "4\n",
    "pids.max": "max\n",
    "io.stat": "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=7 dios=1\n8:16 rbytes=100\n",
}


def test_the_files_of_v2(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    data = stats(SimpleNamespace(mode="v2", directories={"": str(tmp_path)}))
    assert memory_used(data) == 40 << 20  # without the 30 MiB that can be given back
    assert block_bytes(data) == (4196, 8192)
    assert counts(data) == {
        "cpu": 2_500_000_000, "memory": 40 << 20, "memory_limit": None, "pids": 4,
        "pids_limit": None, "read": 4196, "written": 8192,
    }  # fmt: skip
    (tmp_path / "memory.max").write_text("52428800\n")
    (tmp_path / "pids.max").write_text("9\n")
    limited = counts(stats(SimpleNamespace(mode="v2", directories={"": str(tmp_path)})))
    assert (limited["memory_limit"], limited["pids_limit"]) == (50 << 20, 9)


def look(id: str, at: float, **values: object) -> Look:
    return Look(id, "running", 1, str(values.pop("created", "then")), at, **values)


def test_two_looks_give_what_was_used_between_them() -> None:
    before = [look("a", 10.0, cpu=5_000_000_000, read=0, written=50), look("b", 10.0, cpu=7)]
    now = [
        look("a", 12.0, cpu=6_000_000_000, read=300, written=50),
        look("b", 12.0, cpu=9, created="later"),  # another container of the same id
        look("c", 12.0, cpu=9),
    ]
    a, b, c = between(before, now)
    assert (a.cpu, a.read, a.written) == (50.0, 150.0, 0.0)
    assert (b.cpu, c.cpu) == (None, None)


def test_the_order_and_the_words() -> None:
    uses = [Use(look("a", 0, memory=5), 1.0, None, None), Use(look("b", 0), 2.0, 1.0, 1.0),
            Use(look("x" * 64, 0, memory=9, memory_limit=10), None, 5.0, 0.0)]  # fmt: skip
    assert [use.now.id[0] for use in in_order(uses, "cpu")] == ["b", "a", "x"]
    assert [use.now.id[0] for use in in_order(uses, "memory")] == ["x", "a", "b"]
    assert [use.now.id[0] for use in in_order(uses, "io")] == ["x", "b", "a"]
    lines = as_lines(uses, 12)
    assert lines[3].startswith("xxxxxxxxxxx…  running") and " 90.0 " in lines[3]
    assert len(set(map(len, lines))) == 1
    assert [size(n) for n in (0, 999, 1000, 64 << 20, 5 << 40)] == [
        "0 B", "999 B", "0.98 KiB", "64.0 MiB", "5.00 TiB",
    ]  # fmt: skip
    (first, *_) = as_json(uses)
    assert first["cpu"] == 1.0 and first["memory"] == {"usage": 5, "limit": None}
