"""config.md "Linux mount options": one row for each option, tested with the container's mount
table."""

from collections.abc import Callable
from typing import Any, NamedTuple

from conformance.suite.case import Case, expect, mounts, needs, same
from conformance.suite.documents import CONFIG
from conformance.suite.host import kernel
from conformance.suite.stage import share
from conformance.suite.table import MUST, SHOULD

Mount = dict[str, Any]
TMPFS, BIND, TREE, HARD = "tmpfs", "bind", "tree", "hard"
ATIME = {"noatime", "relatime"}


class Option(NamedTuple):
    """How one option is tested: a mount of this kind gets the options ``before`` and then this one,
    and ``holds`` checks the mount's line in the mount table (in a tree also the line of the inner
    mount)."""

    line: int
    level: str
    name: str
    kind: str
    does: str
    holds: Callable[[Mount], bool]
    before: tuple[str, ...] = ()
    since: tuple[int, int] = (5, 4)


def on(flag: str) -> Callable[[Mount], bool]:
    """The mount has this flag."""
    return lambda mount: flag in mount["options"]


def off(flag: str) -> Callable[[Mount], bool]:
    """The mount lacks this flag."""
    return lambda mount: flag not in mount["options"]


def on_file_system(flag: str) -> Callable[[Mount], bool]:
    """The file system as a whole has this flag."""
    return lambda mount: flag in mount["super"]


def off_file_system(flag: str) -> Callable[[Mount], bool]:
    """The file system as a whole lacks this flag."""
    return lambda mount: flag not in mount["super"]


def peers(word: str) -> Callable[[Mount], bool]:
    """The propagation is this: "shared:", "master:", "unbindable"."""
    return lambda mount: any(field.startswith(word) for field in mount["shared"])


def no_peers(mount: Mount) -> bool:
    """Neither shared nor a slave."""
    return not mount["shared"]


def strict(mount: Mount) -> bool:
    """Every access changes the access time."""
    return not ATIME & set(mount["options"])


def relative(mount: Mount) -> bool:
    """Not every access changes the access time."""
    return bool(ATIME & set(mount["options"]))


def mounted(mount: Mount) -> bool:
    """The runtime accepts the option, and does not give it to the file system, which would refuse
    it."""
    return bool(mount["type"] == "tmpfs")


def any_mount(mount: Mount) -> bool:
    """The mount exists."""
    return bool(mount)


SLAVE = "receives mounts from its peers and sends none"
ATTR = (5, 12)  # mount_setattr(2)
OPTIONS = (
    Option(95, MUST, "async", TMPFS, "turns sync off", off_file_system("sync"), ("sync",)),
    Option(96, MUST, "atime", TMPFS, "turns noatime off", off("noatime"), ("noatime",)),
    Option(97, MUST, "bind", BIND, "binds one mount, not those inside", any_mount),
    Option(98, MUST, "defaults", TMPFS, "is rw, suid, dev, exec", on("rw")),
    Option(99, MUST, "dev", TMPFS, "turns nodev off", off("nodev"), ("nodev",)),
    Option(
        100, MUST, "diratime", TMPFS, "turns nodiratime off", off("nodiratime"), ("nodiratime",)
    ),
    Option(101, MUST, "dirsync", TMPFS, "makes directories synchronous", on_file_system("dirsync")),
    Option(102, MUST, "exec", TMPFS, "turns noexec off", off("noexec"), ("noexec",)),
    Option(103, MUST, "iversion", TMPFS, "counts changes of inodes", mounted),
    Option(104, MUST, "lazytime", TMPFS, "writes times late", on_file_system("lazytime")),
    Option(105, MUST, "loud", TMPFS, "turns silent off", mounted, ("silent",)),
    Option(107, MUST, "noatime", TMPFS, "notes no access", on("noatime")),
    Option(108, MUST, "nodev", TMPFS, "makes device files dead", on("nodev")),
    Option(109, MUST, "nodiratime", TMPFS, "notes no access to directories", on("nodiratime")),
    Option(110, MUST, "noexec", TMPFS, "executes nothing", on("noexec")),
    Option(111, MUST, "noiversion", TMPFS, "turns iversion off", mounted, ("iversion",)),
    Option(
        112,
        MUST,
        "nolazytime",
        TMPFS,
        "turns lazytime off",
        off_file_system("lazytime"),
        ("lazytime",),
    ),
    Option(114, MUST, "norelatime", TMPFS, "takes relatime back", mounted, ("relatime",)),
    Option(115, MUST, "nostrictatime", TMPFS, "turns strictatime off", relative, ("strictatime",)),
    Option(116, MUST, "nosuid", TMPFS, "honours no set-user-id bits", on("nosuid")),
    Option(
        117, SHOULD, "nosymfollow", TMPFS, "follows no symlinks", on("nosymfollow"), (), (5, 10)
    ),
    Option(118, MUST, "private", BIND, "has no peers", no_peers),
    Option(119, SHOULD, "ratime", HARD, "turns noatime off", off("noatime"), (), ATTR),
    Option(120, MUST, "rbind", TREE, "binds the mounts inside as well", any_mount),
    Option(121, SHOULD, "rdev", HARD, "turns nodev off", off("nodev"), (), ATTR),
    Option(122, SHOULD, "rdiratime", HARD, "turns nodiratime off", off("nodiratime"), (), ATTR),
    Option(123, MUST, "relatime", TMPFS, "notes accesses sparingly", on("relatime")),
    Option(125, SHOULD, "rexec", HARD, "turns noexec off", off("noexec"), (), ATTR),
    Option(126, SHOULD, "rnoatime", TREE, "notes no access", on("noatime"), (), ATTR),
    Option(
        127,
        SHOULD,
        "rnodiratime",
        TREE,
        "notes no access to directories",
        on("nodiratime"),
        (),
        ATTR,
    ),
    Option(128, SHOULD, "rnoexec", TREE, "executes nothing", on("noexec"), (), ATTR),
    Option(129, SHOULD, "rnorelatime", TREE, "takes relatime back", any_mount, (), ATTR),
    Option(130, SHOULD, "rnostrictatime", TREE, "turns strictatime off", relative, (), ATTR),
    Option(131, SHOULD, "rnosuid", TREE, "honours no set-user-id bits", on("nosuid"), (), ATTR),
    Option(132, SHOULD, "rnosymfollow", TREE, "follows no symlinks", on("nosymfollow"), (), ATTR),
    Option(133, MUST, "ro", TMPFS, "is read-only", on("ro")),
    Option(134, MUST, "rprivate", TREE, "has no peers", no_peers),
    Option(135, SHOULD, "rrelatime", HARD, "notes accesses sparingly", on("relatime"), (), ATTR),
    Option(136, SHOULD, "rro", TREE, "is read-only", on("ro"), (), ATTR),
    Option(137, SHOULD, "rrw", TREE, "is writable", on("rw"), (), ATTR),
    Option(138, MUST, "rshared", TREE, "sends mounts to its peers", peers("shared:")),
    Option(139, MUST, "rslave", TREE, SLAVE, peers("master:")),
    Option(140, SHOULD, "rstrictatime", TREE, "notes every access", strict, (), ATTR),
    Option(141, SHOULD, "rsuid", HARD, "turns nosuid off", off("nosuid"), (), ATTR),
    Option(142, SHOULD, "rsymfollow", HARD, "follows symlinks", off("nosymfollow"), (), ATTR),
    Option(143, MUST, "runbindable", TREE, "cannot be bound", peers("unbindable")),
    Option(144, MUST, "rw", TMPFS, "turns ro off", on("rw"), ("ro",)),
    Option(145, MUST, "shared", TMPFS, "sends mounts to its peers", peers("shared:")),
    Option(146, MUST, "silent", TMPFS, "keeps the kernel from telling", mounted),
    Option(147, MUST, "slave", BIND, SLAVE, peers("master:")),
    Option(148, MUST, "strictatime", TMPFS, "notes every access", strict),
    Option(149, MUST, "suid", TMPFS, "turns nosuid off", off("nosuid"), ("nosuid",)),
    Option(
        150,
        SHOULD,
        "symfollow",
        TMPFS,
        "turns nosymfollow off",
        off("nosymfollow"),
        ("nosymfollow",),
        (5, 10),
    ),
    Option(151, MUST, "sync", TMPFS, "makes writes synchronous", on_file_system("sync")),
    Option(153, MUST, "unbindable", BIND, "cannot be bound", peers("unbindable")),
)


def mount_with(case: Case, option: Option) -> None:
    """Adds the mount at /data for the test of an option."""
    words = [*option.before, option.name]
    if option.kind == TMPFS:
        case.mount("/data", type="tmpfs", source="tmpfs", options=words)
        return
    share(case.stage)
    # With this, the source has peers in the container's mount namespace too.
    case.linux["rootfsPropagation"] = "slave"
    source = case.stage.hard if option.kind == HARD else case.stage.plain
    first = "bind" if option.kind == BIND else "rbind"
    if option.name != first:
        words.insert(0, first)
    case.mount("/data", source=str(source), options=words)


def show(case: Case, option: Option) -> None:
    """Runs a container with the option and checks the mount table."""
    needs(kernel() >= option.since, "takes Linux {}.{}".format(*option.since))
    mount_with(case, option)
    table = mounts(case.run())
    expect("/data" in table, "nothing is mounted at /data")
    if option.kind in (TREE, HARD):
        expect("/data/inner" in table, "the mount inside is not bound")
    if option.kind == BIND:
        expect("/data/inner" not in table, "the mount inside is bound as well")
    for place in ("/data", "/data/inner"):
        if place in table:
            found = table[place]
            how = [*found["options"], *found["shared"], *found["super"]]
            expect(option.holds(found), f"{place} is {','.join(how)}")


def add(option: Option) -> None:
    """The row of an option."""
    deep = option.kind in (TREE, HARD)
    where = ", also of the mounts inside" if deep and option.name != "rbind" else ""
    text = f"the mount option {option.name} {option.does}{where}"
    CONFIG.shown(option.level, text, option.line)(lambda case: show(case, option))


for each in OPTIONS:
    add(each)


@CONFIG.shown(MUST, "the mount option remount changes the options of an existing mount", 124)
def remount(case: Case) -> None:
    case.mount("/data", type="tmpfs", source="tmpfs", options=["rw"])
    case.mount("/data", type="tmpfs", source="tmpfs", options=["remount", "ro"])
    table = mounts(case.run("write:/data/file"))
    expect("ro" in table["/data"]["options"] or "ro" in table["/data"]["super"], "it stays rw")


CONFIG.argued(
    MUST,
    "the required options are those of mount(8); the table says MUST, SHOULD or MAY",
    91,
    161,
    why="this sentence explains the table; each of its options has its own row",
)


CONFIG.argued(
    SHOULD,
    "an additional option of a runtime has the meaning of mount(8), if mount(8) has it",
    164,
    why="only the runtime knows which options it has in addition to those of the table",
)


@CONFIG.shown(SHOULD, "unknown options are given to the file system, in one list with commas", 166)
def unknown_options(case: Case) -> None:
    options = ["size=128k", "mode=700", "nr_inodes=64"]
    case.mount("/data", type="tmpfs", source="tmpfs", options=options)
    seen = case.run("stat:/data")
    found = mounts(seen)["/data"]["super"]
    for option in ("size=128k", "mode=700", "nr_inodes=64"):
        expect(option in found, f"the file system has {','.join(found)}")
    same(seen["deeds"][0]["mode"], 0o700, "the mode of its root")
