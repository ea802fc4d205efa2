"""linux.intelRdt: the plan, and what is written to a tree that stands for resctrl.

No machine of the tests has resctrl, so directories play it; only that the kernel puts files into a
new group is done for them.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hutch.cli.arguments import Call, parse
from hutch.container import intel_rdt
from hutch.container.intel_rdt import change, find_resctrl, join, kept, make, place, remove
from hutch.container.update import schemata_of
from hutch.errors import ConfigError, HostError, KernelError
from hutch.plan.features import features
from hutch.plan.intel_rdt import Rdt, compile_rdt, stands_in
from hutch.plan.steps import steps

from tests.support.plans import compiled

L3 = "L3:0=7f0;1=1f"
MB = "MB:0=20;1=70"


def new_group(path: Path) -> None:
    """What the kernel does when a group is made."""
    (path / "tasks").touch()
    if path.parent.name != "mon_groups":
        (path / "schemata").write_text("MB:0=100;1=100\nL3:0=7ff;1=7ff\n")
        (path / "mon_groups").mkdir()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in for resctrl, with the default group and one called "shared"."""
    new_group(tmp_path)
    (tmp_path / "info").mkdir()
    (tmp_path / "info" / "last_cmd_status").write_text("ok\n")
    (tmp_path / "shared").mkdir()
    new_group(tmp_path / "shared")
    (tmp_path / "shared" / "schemata").write_text("    MB:0= 20;1= 70\n    L3:0=7f0;1=01f\n")

    def make_directory(path: str) -> None:
        os.mkdir(path)
        new_group(Path(path))

    monkeypatch.setattr(intel_rdt, "_make_directory", make_directory)
    return tmp_path


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """(file, text) of every write, in order; they are carried out."""
    found: list[tuple[str, str]] = []
    write: Callable[[str, str], None] = intel_rdt._write

    def noted(path: str, text: str) -> None:
        found.append((path, text))
        write(path, text)

    monkeypatch.setattr(intel_rdt, "_write", noted)
    return found


def settings(**fields: Any) -> Rdt:
    return compile_rdt(fields, "box")


def test_schemata_come_last_and_l3_first() -> None:
    rdt = settings(schemata=["L2:0=f", "MB:0=10"], memBwSchema=MB, l3CacheSchema=L3)
    assert rdt.lines == [
        ("linux.intelRdt.l3CacheSchema", L3),
        ("linux.intelRdt.memBwSchema", MB),
        ("linux.intelRdt.schemata[0]", "L2:0=f"),
        ("linux.intelRdt.schemata[1]", "MB:0=10"),
    ]
    assert (rdt.group, rdt.named, rdt.monitor) == ("box", False, "")


def test_explain_and_features_know_it() -> None:
    plan = compiled(
        lambda config: config["linux"].update(
            intelRdt={"closID": "x", "l3CacheSchema": L3, "enableMonitoring": True}
        )
    )
    does = [step.does for step in steps(plan)]
    assert "enter the group x of resctrl" in does
    assert f"write {L3} to its schemata" in does
    assert "make its monitoring group test" in does
    assert features()["linux"]["intelRdt"] == {
        "enabled": True, "schemata": True, "monitoring": True,
    }  # fmt: skip
    assert compiled().rdt is None
    plan = compiled(lambda config: config["linux"].update(intelRdt={}))
    assert plan.rdt is not None
    assert plan.rdt.group == "test"


@pytest.mark.parametrize(
    ("line", "stands"),
    [
        (L3, True), ("L3:0=7F0", True), ("L3:1=1f", True), ("L3:1=1e", False), (MB, True),
        ("MB:0=20;1=70", True), ("MB:0=21", False), ("L3:2=1", False), ("L2:0=f", False),
    ],
)  # fmt: skip
def test_a_line_is_compared_by_what_it_means(line: str, stands: bool) -> None:
    assert stands_in(line, "    MB:0= 20;1= 70\n    L3:0=7f0;1=01f\n") == stands


def test_resctrl_is_found_where_it_is_mounted() -> None:
    line = "36 25 0:31 / /sys/fs/resctrl rw,relatime shared:5 - resctrl resctrl rw\n"
    assert find_resctrl("1 1 0:1 / / rw - ext4 x rw\n" + line) == "/sys/fs/resctrl"
    with pytest.raises(HostError, match="no resctrl file system is mounted"):
        find_resctrl("1 1 0:1 / / rw - ext4 x rw\n")


def test_a_group_of_the_containers_own_is_made_filled_and_removed(
    root: Path, writes: list[tuple[str, str]]
) -> None:
    rdt = settings(memBwSchema=MB, l3CacheSchema=L3, schemata=["L2:0=f"], enableMonitoring=True)
    placed = place(rdt, str(root))
    group = f"{root}/box"
    assert placed == {
        "tasks": [f"{group}/tasks", f"{group}/mon_groups/box/tasks"],
        "made": [group, f"{group}/mon_groups/box"],
    }
    assert not Path(group).exists()
    make(rdt, placed, str(root))
    join(placed, 77)
    assert writes == [
        (f"{group}/schemata", L3 + "\n"), (f"{group}/schemata", MB + "\n"),
        (f"{group}/schemata", "L2:0=f\n"), (f"{group}/tasks", "77"),
        (f"{group}/mon_groups/box/tasks", "77"),
    ]  # fmt: skip
    assert kept(rdt, placed)["made"] == placed["made"]


def test_removing_is_in_reverse_and_twice_is_fine(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    placed = {"tasks": [], "made": [str(tmp_path / "a"), str(tmp_path / "a" / "b")]}
    remove(placed)
    assert not (tmp_path / "a").exists()
    remove(placed)
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(
        KernelError, match=r"linux\.intelRdt: remove .*/a: rmdir: directory not empty"
    ):
        remove({"tasks": [], "made": [str(tmp_path / "a")]})


def test_nothing_is_written_where_no_schema_is_given(
    root: Path, writes: list[tuple[str, str]]
) -> None:
    rdt = settings(closID="shared")
    placed = place(rdt, str(root))
    make(rdt, placed, str(root))
    assert (placed["made"], writes) == ([], [])
    assert placed["tasks"] == [f"{root}/shared/tasks"]


def test_a_named_group_that_is_missing_is_made_only_if_there_is_a_schema(root: Path) -> None:
    with pytest.raises(ConfigError, match=r'closID = "new": resctrl has no group of that name'):
        place(settings(closID="new"), str(root))
    rdt = settings(closID="new", schemata=[MB], enableMonitoring=True)
    placed = place(rdt, str(root))
    make(rdt, placed, str(root))
    assert (root / "new" / "mon_groups" / "box").is_dir()
    # The group outlives the container, its monitoring group does not.
    assert kept(rdt, placed)["made"] == [f"{root}/new/mon_groups/box"]


def test_a_named_group_that_is_there_must_have_the_schemata(root: Path) -> None:
    place(settings(closID="shared", l3CacheSchema=L3, memBwSchema=MB), str(root))
    with pytest.raises(ConfigError, match=r"memBwSchema = .*exists with another schema: MB:0= 20"):
        place(settings(closID="shared", memBwSchema="MB:0=50"), str(root))


def test_the_default_group_is_the_root(root: Path, writes: list[tuple[str, str]]) -> None:
    rdt = settings(closID="/", enableMonitoring=True)
    placed = place(rdt, str(root))
    assert placed == {
        "tasks": [f"{root}/tasks", f"{root}/mon_groups/box/tasks"],
        "made": [f"{root}/mon_groups/box"],
    }
    make(rdt, placed, str(root))
    assert kept(rdt, placed)["made"] == [f"{root}/mon_groups/box"]


def test_a_group_of_the_containers_name_that_is_anothers_is_not_touched(root: Path) -> None:
    (root / "box").mkdir()
    with pytest.raises(ConfigError, match="box exists already"):
        place(settings(), str(root))
    rdt = settings()
    rdt.group = "late"
    placed = place(rdt, str(root))
    (root / "late").mkdir()
    with pytest.raises(KernelError, match=r"make .*/late: mkdir: file exists"):
        make(rdt, placed, str(root))
    assert placed["made"] == []


def test_what_resctrl_says_of_a_schema_is_told(root: Path) -> None:
    (root / "info" / "last_cmd_status").write_text("Mask out of range\n")
    rdt = settings(closID="shared", schemata=[L3])
    placed = place(rdt, str(root))
    (root / "shared" / "schemata").unlink()
    with pytest.raises(KernelError, match=r"schemata\[0\]: write L3.* \(Mask out of range\)"):
        make(rdt, placed, str(root))


def test_update_writes_schemata(root: Path, writes: list[tuple[str, str]]) -> None:
    call = Call()
    parse(["update", "--mem-bw-schema", MB, "--l3-cache-schema", L3, "box"], call)
    lines = schemata_of(call.text("l3-cache-schema"), call.text("mem-bw-schema"))
    placed = place(settings(closID="shared"), str(root))
    change(placed, lines, str(root))
    file = f"{root}/shared/schemata"
    assert writes == [(file, L3 + "\n"), (file, MB + "\n")]
    (root / "shared" / "schemata").unlink()
    with pytest.raises(KernelError, match=r"--l3-cache-schema: write L3:0=7f0"):
        change(placed, lines, str(root))
