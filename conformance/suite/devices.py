"""config-linux.md "Devices", "Default Devices" and "Allowed Device list"."""

import os
import stat

from conformance.suite.case import Case, expect, same
from conformance.suite.documents import LINUX
from conformance.suite.table import MUST, SAYS, SHOULD

EPERM, ENXIO = 1, 6
FUSE = {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}
DEFAULT = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
DENY_ALL = {"allow": False, "access": "rwm"}


def device(case: Case, **fields: object) -> dict[str, object]:
    """The result of stat(2) for a device of the config."""
    entry = {**FUSE, **fields}
    case.linux["devices"] = [entry]
    return case.deed(f"stat:{entry['path']}")


for kind, name in (("c", "character"), ("b", "block"), ("u", "unbuffered character")):

    @LINUX.shown(
        MUST, f"a {name} device ({kind}) that is listed is there, with its numbers", 127, 132, 137
    )
    def listed(case: Case, kind: str = kind) -> None:
        seen = device(case, type=kind)
        same(seen.get("kind"), "b" if kind == "b" else "c", "what it is")
        same((seen["major"], seen["minor"]), (10, 229), "its numbers")


@LINUX.shown(MUST, "a listed FIFO (p) exists, and needs no numbers", 132, 137)
def fifo(case: Case) -> None:
    case.linux["devices"] = [{"path": "/dev/pipe", "type": "p"}]
    same(case.deed("stat:/dev/pipe").get("kind"), "p", "what it is")


@LINUX.shown(MUST, "a device without type or path, or of an unknown type, is an error", 132, 134)
def device_fields(case: Case) -> None:
    for entry in (
        {key: FUSE[key] for key in FUSE if key != "type"},
        {key: FUSE[key] for key in FUSE if key != "path"},
        {**FUSE, "type": "x"},
    ):
        case.linux["devices"] = [entry]
        case.refused()


@LINUX.shown(MUST, "a device can be anywhere in the container", 134)
def device_elsewhere(case: Case) -> None:
    same(device(case, path="/data/deep/fuse").get("kind"), "c", "what is at /data/deep/fuse")


@LINUX.shown(MUST, "another file at the path of a device is an error", 135)
def device_mismatch(case: Case) -> None:
    (case.rootfs / "data" / "file").write_text("not a device")
    case.linux["devices"] = [{**FUSE, "path": "/data/file"}]
    case.refused()


@LINUX.shown(MUST, "another device at the path of a device is an error", 135)
def device_of_other_numbers(case: Case) -> None:
    os.mknod(case.rootfs / "data" / "node", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    case.linux["devices"] = [{**FUSE, "path": "/data/node"}]
    case.refused()


@LINUX.shown(SAYS, "the device has the given fileMode, uid and gid", 139, 141, 142)
def device_owner(case: Case) -> None:
    seen = device(case, fileMode=0o640, uid=12, gid=34)
    same((seen["mode"], seen["uid"], seen["gid"]), (0o640, 12, 34), "its mode and owner")


LINUX.argued(
    SHOULD,
    "only one entry has a device's type and numbers",
    143,
    why="this is a requirement for the config; a runtime may accept two names for one device",
)


@LINUX.shown(MUST, "null, zero, full, random, urandom and tty are in /dev, and ptmx", 180)
def default_devices(case: Case) -> None:
    names = list(DEFAULT)
    seen = case.deeds(*(f"stat:/dev/{name}" for name in names), "open:/dev/ptmx")
    for name, found in zip(names, seen, strict=False):
        same(found.get("kind"), "c", f"what /dev/{name} is")
        same((found["major"], found["minor"]), DEFAULT[name], f"the numbers of /dev/{name}")
    same(seen[-1]["errno"], 0, "opening /dev/ptmx")


@LINUX.shown(MUST, "the default devices can be used even if the rules deny all devices", 180)
def default_devices_work(case: Case) -> None:
    paths = ("null", "zero", "full", "random", "urandom")
    for name, found in zip(paths, case.deeds(*(f"open:/dev/{n}" for n in paths)), strict=True):
        same(found["errno"], 0, f"opening /dev/{name}")


@LINUX.shown(SAYS, "/dev/ptmx is that of the container's own devpts", 188)
def ptmx(case: Case) -> None:
    seen = case.deed("stat:/dev/ptmx")
    if seen.get("kind") == "l":
        same(seen["target"].lstrip("/"), "pts/ptmx", "where /dev/ptmx leads")
    else:
        same((seen.get("major"), seen.get("minor")), (5, 2), "the numbers of /dev/ptmx")


@LINUX.shown(SAYS, "with a terminal, /dev/console is this terminal", 187)
def console(case: Case) -> None:
    from conformance.suite.terminal import with_terminal

    seen = with_terminal(case, "stat:/dev/console")["deeds"][0]
    same(seen.get("kind"), "c", "what /dev/console is")
    expect(136 <= seen["major"] <= 143, f"/dev/console is {seen['major']}:{seen['minor']}: no pty")


# The rules for the container's cgroup


def opened(case: Case, rules: list[dict[str, object]], *deeds: str) -> list[int]:
    """The errnos of deeds under these rules."""
    case.resources["devices"] = rules
    case.linux["devices"] = [FUSE]
    return [seen["errno"] for seen in case.deeds(*deeds)]


@LINUX.shown(MUST, "rules for devices are applied in the order in which they are listed", 405)
def rules_in_order(case: Case) -> None:
    allow = {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rwm"}
    deny = {**allow, "allow": False}
    # If there is no driver, the errno is another than EPERM.
    for last, denied in (([DENY_ALL, deny, allow], False), ([DENY_ALL, allow, deny], True)):
        (errno,) = opened(case, last, "open:/dev/fuse")
        same(errno == EPERM, denied, f"whether /dev/fuse is denied (errno {errno})")
        case.call("delete", "--force", case.id)


@LINUX.shown(MUST, "a rule without allow is an error", 409)
def rule_fields(case: Case) -> None:
    case.resources["devices"] = [{"type": "c", "access": "rwm"}]
    case.refused()


@LINUX.shown(SAYS, "a rule is for the given type, or for all types", 410)
def rule_type(case: Case) -> None:
    errnos = opened(
        case,
        [DENY_ALL, {"allow": True, "type": "b", "access": "m"}],
        "node:/data/b:b:7:200",
        "node:/data/c:c:7:200",
    )
    # Some runtimes allow mknod for every device, and forbid only the open.
    same(errnos[0], 0, "making a block device that is allowed")


@LINUX.shown(SAYS, "a rule's access is for reading, writing or making", 415)
def rule_access(case: Case) -> None:
    rule = {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "r"}
    reading, writing = opened(case, [DENY_ALL, rule], "open:/dev/fuse", "open:/dev/fuse:w")
    expect(reading != EPERM, "reading is denied")
    same(writing, EPERM, "the errno of writing, which is not allowed")
