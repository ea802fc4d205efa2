"""config-linux.md "IntelRdt"."""

from typing import Any

from conformance.suite import host
from conformance.suite.case import Case, expect, needs, same
from conformance.suite.documents import LINUX
from conformance.suite.table import MUST, SHOULD

ABSENT = "no resctrl file system is mounted: it takes a processor with Intel RDT or AMD QoS"


def allocated(case: Case, **fields: Any) -> None:
    """A created container with this value of linux.intelRdt."""
    needs(host.resctrl(), ABSENT)
    case.linux["intelRdt"] = fields
    case.create()


def tasks(group: str) -> list[str]:
    return (host.RESCTRL / group / "tasks").read_text().split()


def own_schema() -> str:
    """The first line of the root group's schemata. Writing it again changes nothing."""
    needs(host.resctrl(), ABSENT)
    return (host.RESCTRL / "schemata").read_text().split("\n")[0].strip()


@LINUX.shown(MUST, "intelRdt puts the process into the group of closID", 739)
def in_group(case: Case) -> None:
    allocated(case, closID=case.id, schemata=[own_schema()])
    expect(str(case.state()["pid"]) in tasks(case.id), "the process is not in it")


@LINUX.shown(MUST, "without a mounted resctrl intelRdt is an error", 740)
def no_resctrl(case: Case) -> None:
    needs(not host.resctrl(), "resctrl is mounted")
    case.linux["intelRdt"] = {"closID": "group"}
    case.refused()


@LINUX.shown(MUST, "without intelRdt no resctrl file system is touched", 742)
def untouched(case: Case) -> None:
    needs(host.resctrl(), ABSENT)
    before = sorted(path.name for path in host.RESCTRL.iterdir())
    case.create()
    same(sorted(path.name for path in host.RESCTRL.iterdir()), before, "what is in resctrl")


@LINUX.shown(MUST, "closID / is the default group", 747)
def default_group(case: Case) -> None:
    allocated(case, closID="/")
    expect(str(case.state()["pid"]) in tasks(""), "the process is not in it")


def bad_schema(case: Case, field: str, value: Any) -> None:
    case.linux["intelRdt"] = {"closID": "group", field: value}
    case.refused()


@LINUX.shown(SHOULD, "an l3CacheSchema with several lines is an error", 751)
def l3_lines(case: Case) -> None:
    bad_schema(case, "l3CacheSchema", "L3:0=f\nMB:0=10")


@LINUX.shown(
    MUST, "a memBwSchema that does not begin with MB: or has several lines is an error", 753
)
def bandwidth_form(case: Case) -> None:
    bad_schema(case, "memBwSchema", "L3:0=f")
    bad_schema(case, "memBwSchema", "MB:0=10\nL3:0=f")


@LINUX.shown(MUST, "an element of schemata with several lines is an error", 754)
def schemata_lines(case: Case) -> None:
    bad_schema(case, "schemata", ["L3:0=f\nMB:0=10"])


@LINUX.shown(
    MUST,
    "the rules for parameters are applied: schemata are written to the group",
    757,
    759,
    761,
    763,
)
def schemata_written(case: Case) -> None:
    line = own_schema()
    allocated(case, closID=case.id, schemata=[line])
    expect(line in (host.RESCTRL / case.id / "schemata").read_text(), "they are not written")


@LINUX.shown(MUST, "without a schema nothing is written", 765)
def nothing_written(case: Case) -> None:
    needs(host.resctrl(), ABSENT)
    before = (host.RESCTRL / "schemata").read_text()
    allocated(case, closID="/")
    same((host.RESCTRL / "schemata").read_text(), before, "the schemata of the default group")


@LINUX.shown(
    MUST, "without closID the container has its own group, which is removed with it", 767, 775
)
def own_group(case: Case) -> None:
    allocated(case, schemata=[own_schema()])
    expect((host.RESCTRL / case.id).is_dir(), "there is no group of its id")
    case.call("delete", "--force", case.id)
    expect(not (host.RESCTRL / case.id).exists(), "the group is left")


@LINUX.shown(MUST, "a missing group of closID is made, and an existing group is compared", 770, 771)
def made_or_compared(case: Case) -> None:
    allocated(case, closID=case.id, schemata=[own_schema()])
    expect((host.RESCTRL / case.id).is_dir(), "it is not made")


@LINUX.shown(MUST, "closID alone needs an existing group; otherwise it is an error", 773)
def must_exist(case: Case) -> None:
    needs(host.resctrl(), ABSENT)
    case.linux["intelRdt"] = {"closID": "no-such-group"}
    case.refused()


@LINUX.shown(MUST, "a group of closID stays when the container is deleted", 777)
def group_stays(case: Case) -> None:
    allocated(case, closID=case.id, schemata=[own_schema()])
    case.call("delete", "--force", case.id)
    try:
        expect((host.RESCTRL / case.id).is_dir(), "it is removed")
    finally:
        if (host.RESCTRL / case.id).is_dir():
            (host.RESCTRL / case.id).rmdir()


@LINUX.shown(
    MUST,
    "enableMonitoring makes a monitoring group with the container's id, or is an error",
    779,
    780,
    783,
    785,
)
def monitoring(case: Case) -> None:
    allocated(case, closID="/", enableMonitoring=True)
    group = host.RESCTRL / "mon_groups" / case.id
    expect(group.is_dir(), "there is none")
    case.call("delete", "--force", case.id)
    expect(not group.exists(), "it is left")
