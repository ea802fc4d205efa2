"""Whether the kernel has killed processes of a container because memory ran out."""

import posix

from hutch.cgroups.files import READ, flat, read_or, write_file
from hutch.errors import HostError, KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.cgroup_paths import Cgroup


def oom_killed(cgroup: "Cgroup") -> int:
    """How many processes in the cgroup and below it the kernel has killed; 0 if unknown.

    v1 counts since Linux 4.13, in the cgroup itself only.
    """
    if cgroup.mode == "v2":
        return flat(read_or(cgroup.directories.get("", "") + "/memory.events")).get("oom_kill", 0)
    directory = cgroup.directories.get("memory", "")
    return flat(read_or(directory + "/memory.oom_control")).get("oom_kill", 0)


def oom_watch(cgroup: "Cgroup") -> "tuple[int, int]":
    """A descriptor, and the poll(2) event that it has when ``oom_killed`` may have changed.

    After each event read its content (8 bytes suffice; on v2 from offset 0). The caller closes it.
    It also has the event when the cgroup is removed, on v1 from then on always. Raises HostError if
    the container has no memory cgroup, KernelError.
    """
    from select import POLLIN, POLLPRI

    directory = cgroup.directories.get("" if cgroup.mode == "v2" else "memory")
    if directory is None:
        raise HostError("the container has no memory cgroup, so its memory cannot be watched")
    try:
        if cgroup.mode == "v2":
            return posix.open(directory + "/memory.events", READ), POLLPRI
        control = posix.open(directory + "/memory.oom_control", READ)
        try:
            # Documentation/admin-guide/cgroup-v1/memory.rst, 10. OOM Control
            event = posix.eventfd(0, posix.EFD_CLOEXEC | posix.EFD_NONBLOCK)
            write_file(directory + "/cgroup.event_control", f"{event} {control}")
        finally:
            posix.close(control)
        return event, POLLIN
    except OSError as error:
        raise KernelError(f"watch the memory of {directory}", "open", error.errno or 0) from None


def ooms_told(cgroup: "Cgroup", watch: int, killed: int) -> int:
    """How many times memory has run out since ``watch`` was last read; reads ``watch``.

    ``killed`` is what ``oom_killed`` returned then. cgroup2 has events for other changes too, so
    the counts are compared. v1 has the event before it kills, and once more when the cgroup is
    removed.
    """
    if cgroup.mode == "v2":
        try:
            posix.pread(watch, 4096, 0)
        except OSError:
            return 0  # the cgroup is gone
        return max(0, oom_killed(cgroup) - killed)
    try:
        told = int.from_bytes(posix.read(watch, 8), "little")
    except BlockingIOError:
        return 0
    gone = not read_or(cgroup.directories.get("memory", "") + "/memory.oom_control")
    return told - 1 if gone else told
