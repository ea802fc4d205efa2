"""The container's groups in resctrl: made before its first process is started, left by deleting.

``placed`` below is what the state file keeps: ``tasks``, the files that take the pids, and
``made``, the directories that delete removes.
"""

import posix
from errno import ENOENT, ENOSPC

from hutch.cgroups.files import exists
from hutch.container.store import read_file
from hutch.errors import ConfigError, HostError, KernelError
from hutch.plan.intel_rdt import DEFAULT, POINTER, stands_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.intel_rdt import Rdt

    Placed = dict[str, list[str]]


def find_resctrl(mountinfo: str) -> str:
    """Where resctrl is mounted, from the text of /proc/self/mountinfo; raises HostError."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("resctrl "):
            return before.split(" ")[4]
    raise HostError(
        "no resctrl file system is mounted",
        pointer=POINTER,
        hint="where CPU and kernel have it: mount -t resctrl resctrl /sys/fs/resctrl",
    )


def resctrl() -> str:
    """The same for this process."""
    return find_resctrl(read_file("/proc/self/mountinfo").decode("utf-8", "replace"))


def place(rdt: "Rdt", root: str) -> "Placed":
    """Which directories are to be made, and the files that take pids; nothing is changed yet.

    Raises ConfigError for a group that has to be there and is not, that is another container's, or
    that stands for something else than the config says.
    """
    group = root if rdt.group == DEFAULT else root + "/" + rdt.group
    made = []
    if not exists(group):
        if rdt.named and not rdt.lines:
            raise ConfigError(
                POINTER + ".closID",
                "resctrl has no group of that name, and the config says nothing to make one of",
                value=rdt.group,
                hint="make " + group + ", or add schemata",
            )
        made.append(group)
    elif not rdt.named:
        raise ConfigError(
            POINTER, group + " exists already", hint="name it in closID to share it, or remove it"
        )
    elif rdt.compared:
        schemata = read_file(group + "/schemata").decode("utf-8", "replace")
        for pointer, line in rdt.lines:
            if pointer in rdt.compared and not stands_in(line, schemata):
                raise ConfigError(
                    pointer,
                    "the group " + rdt.group + " exists with another schema: "
                    + "; ".join(schemata.split("\n")).strip("; "),
                    value=line,
                )  # fmt: skip
    tasks = [group + "/tasks"]
    if rdt.monitor:
        made.append(group + "/mon_groups/" + rdt.monitor)
        tasks.append(made[-1] + "/tasks")
    return {"tasks": tasks, "made": made}


def make(rdt: "Rdt", placed: "Placed", root: str) -> None:
    """Makes the directories and writes the schemata. Raises KernelError; ``made`` then has those
    that this call has made."""
    missing, placed["made"] = placed["made"], []
    for directory in missing:
        try:
            _make_directory(directory)
            placed["made"].append(directory)
        except OSError as error:
            raise _failed("make " + directory, "mkdir", error, POINTER, root) from None
    change(placed, rdt.lines, root)


def change(placed: "Placed", lines: "list[tuple[str, str]]", root: str) -> None:
    """Writes schemata, (who asks, line) each, to the container's group; raises KernelError."""
    group = placed["tasks"][0].rpartition("/")[0]
    for pointer, line in lines:
        try:
            _write(group + "/schemata", line + "\n")
        except OSError as error:
            doing = "write " + line + " to " + group + "/schemata"
            raise _failed(doing, "write", error, pointer, root) from None


def kept(rdt: "Rdt", placed: "Placed") -> "Placed":
    """What remains to be removed once the container is created: a group that the config names is
    not the container's own (config-linux.md "IntelRdt")."""
    own = [path for path in placed["made"] if not rdt.named or "/mon_groups/" in path]
    return {**placed, "made": own}


def join(placed: "Placed", pid: int) -> None:
    """Puts a process into the groups; raises KernelError."""
    for path in placed["tasks"]:
        try:
            _write(path, str(pid))
        except OSError as error:
            raise _failed(f"write {pid} to {path}", "write", error, POINTER, "") from None


def remove(placed: "Placed") -> None:
    """Removes what was made; what is gone already is fine. Raises KernelError."""
    for path in reversed(placed["made"]):
        try:
            posix.rmdir(path)
        except OSError as error:
            if error.errno != ENOENT:
                raise _failed("remove " + path, "rmdir", error, POINTER, "") from None


def _make_directory(path: str) -> None:
    posix.mkdir(path, 0o755)


def _write(path: str, text: str) -> None:
    fd = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC)
    try:
        posix.write(fd, text.encode())
    finally:
        posix.close(fd)


def _failed(doing: str, call: str, error: OSError, pointer: str, root: str) -> KernelError:
    """With what resctrl itself says about it."""
    detail = ""
    if root:
        try:
            detail = read_file(root + "/info/last_cmd_status").decode("utf-8", "replace").strip()
        except OSError:
            pass
    hint = "the CPU has only so many groups" if error.errno == ENOSPC else ""
    return KernelError(
        doing,
        call,
        error.errno,
        pointer=pointer,
        detail="" if detail == "ok" else detail,
        hint=hint,
    )
