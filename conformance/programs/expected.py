"""Which programs cannot pass, and why: expected.toml, as it applies to this host."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

LIST = Path(__file__).with_name("expected.toml")
CAP_SYS_RESOURCE = 24


class Expected(NamedTuple):
    """Why a program fails. A ``racy`` program sometimes passes, which is not reported."""

    reason: str
    racy: bool = False


def _bounding_set() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            return int(line.split()[1], 16)
    return 0


def _v1_controllers() -> set[str]:
    """The controllers of the kernel that are mounted as cgroup v1, or not mounted."""
    if not Path("/sys/fs/cgroup/memory").is_dir():
        return set()
    rows = [line.split() for line in Path("/proc/cgroups").read_text().splitlines()[1:]]
    return {name for name, *_ in rows}


# The conditions of entries: the name in expected.toml, and a function that tests this host.
CONDITIONS: dict[str, Callable[[], bool]] = {
    "no net_cls and net_prio": lambda: not {"net_cls", "net_prio"} <= _v1_controllers(),
    "no hugetlb": lambda: "hugetlb" not in _v1_controllers(),
    "no AppArmor": lambda: not Path("/sys/kernel/security/apparmor/profiles").exists(),
    "no cgroup v1": lambda: not _v1_controllers(),
    "no CAP_SYS_RESOURCE": lambda: not _bounding_set() >> CAP_SYS_RESOURCE & 1,
}


def expected(version: str) -> dict[str, Expected]:
    """The entries by program, for programs that write configs with this ``version``. An entry holds
    for every version unless it names one (``version = "1.0"`` or ``"1.3"``), and on every host
    unless it names a condition (``where``)."""
    result = {}
    for entry in tomllib.loads(LIST.read_text())["program"]:
        if not version.startswith(entry.get("version", "")):
            continue
        if "where" in entry and not CONDITIONS[entry["where"]]():
            continue
        for name in entry["names"]:
            result[name] = Expected(entry["reason"], entry.get("racy", False))
    return result
