"""The container's groups in resctrl. create makes them before the first process; delete removes
them.

``placed`` below is saved in the state file: ``tasks`` are the files that pids are written to, and
``made`` the directories that delete removes.
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
    """Where resctrl is mounted, from the text of /proc/self/mountinfo. Raises HostError if it is
    not mounted."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("resctrl "):
            return before.split(" ")[4]
    raise HostError(
        "no resctrl file system is mounted",
        pointer=POINTER,
        hint="if CPU and kernel support it: mount -t resctrl resctrl /sys/fs/resctrl",
    )


def resctrl() -> str:
    """Where resctrl is mounted for this process. Raises HostError if it is not mounted."""
    return find_resctrl(read_file("/proc/self/mountinfo").decode("utf-8", "replace"))


def place(rdt: "Rdt", root: str) -> "Placed":
    """Finds which directories must be made and which files take pids; changes nothing.

    Raises ConfigError if a group that must exist does not, if the group belongs to another
    container, or if its schemata differ from those in the config.
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
    """Makes the directories and writes the schemata. ``made`` then has the directories that this
    call has made, also after an error. Raises KernelError."""
    missing, placed["made"] = placed["made"], []
    for directory in missing:
        try:
            _make_directory(directory)
            placed["made"].append(directory)
        except OSError as error:
            raise _failed("make " + directory, "mkdir", error, POINTER, root) from None
    change(placed, rdt.lines, root)


def change(placed: "Placed", lines: "list[tuple[str, str]]", root: str) -> None:
    """Writes ``lines``, each (the flag or field that asks for it, the line), to the schemata of the
    container's group. Raises KernelError."""
    group = placed["tasks"][0].rpartition("/")[0]
    for pointer, line in lines:
        try:
            _write(group + "/schemata", line + "\n")
        except OSError as error:
            doing = "write " + line + " to " + group + "/schemata"
            raise _failed(doing, "write", error, pointer, root) from None


def kept(rdt: "Rdt", placed: "Placed") -> "Placed":
    """``placed`` with only the directories that delete must remove: a group that the config names
    does not belong to the container (config-linux.md "IntelRdt")."""
    own = [path for path in placed["made"] if not rdt.named or "/mon_groups/" in path]
    return {**placed, "made": own}


def join(placed: "Placed", pid: int) -> None:
    """Moves a process into the groups. Raises KernelError."""
    for path in placed["tasks"]:
        try:
            _write(path, str(pid))
        except OSError as error:
            raise _failed(f"write {pid} to {path}", "write", error, POINTER, "") from None


def remove(placed: "Placed") -> None:
    """Removes the directories in ``made`` that still exist. Raises KernelError."""
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
    """The error, with the message in resctrl's own last_cmd_status."""
    detail = ""
    if root:
        try:
            detail = read_file(root + "/info/last_cmd_status").decode("utf-8", "replace").strip()
        except OSError:
            pass
    hint = "the CPU supports no more groups" if error.errno == ENOSPC else ""
    return KernelError(
        doing,
        call,
        error.errno,
        pointer=pointer,
        detail="" if detail == "ok" else detail,
        hint=hint,
    )
