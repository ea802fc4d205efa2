"""What the kernel's log says of processes that the kernel has killed: /dev/kmsg, see
Documentation/ABI/testing/dev-kmsg.

Only root, or who has CAP_SYSLOG, may read it. The kernel limits the rate of its messages, so that
one may be missing. It names processes by their pids in the first pid namespace.
"""

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    class Victim(TypedDict):
        """A process that was killed because memory ran out. ``limited`` is the cgroup whose limit
        was reached, as a path in its hierarchy; "" if the machine had no memory left."""

        pid: int
        name: str
        limited: str


RECORD_MAX = 8192  # what one read(2) of a record may need
EAGAIN, EPIPE = 11, 32


def messages(since: float) -> "list[str]":
    """The texts of the log from ``since`` on, which is a time of CLOCK_MONOTONIC in seconds; [] if
    the log cannot be read."""
    from time import CLOCK_MONOTONIC_RAW, clock_gettime, monotonic

    found: list[str] = []
    # The log has a clock of its own. After some months it may be many seconds away from one of
    # these two, because NTP adjusts CLOCK_MONOTONIC; it is always near to the other.
    now = monotonic()
    since = min(clock_gettime(CLOCK_MONOTONIC_RAW), now) - (now - since) - 1
    try:
        fd = posix.open("/dev/kmsg", posix.O_RDONLY | posix.O_NONBLOCK | posix.O_CLOEXEC)
    except OSError:
        return found
    try:
        while True:
            try:
                record = posix.read(fd, RECORD_MAX)
            except OSError as error:
                if error.errno == EPIPE:  # a record was overwritten while we read; the next follows
                    continue
                return found
            head, _, text = record.decode(errors="replace").partition(";")
            stamp = head.split(",")[2:3]
            if stamp and stamp[0].isdecimal() and int(stamp[0]) >= since * 1e6:
                found.append(text.partition("\n")[0])
    finally:
        posix.close(fd)


def oom_victims(texts: "list[str]", directory: str) -> "list[Victim]":
    """The processes that were killed in the cgroup ``directory`` and below, in order."""
    found: list[Victim] = []
    inner = path_in_hierarchy(directory)
    for text in texts:
        if not text.startswith("oom-kill:"):
            continue
        # ...,oom_memcg=/a,task_memcg=/a/b,task=NAME,pid=N,uid=N. A name may have commas too.
        front, _, rest = text.partition(",task_memcg=")
        rest, _, pid = rest.rpartition(",uid=")[0].rpartition(",pid=")
        path, _, name = rest.partition(",task=")
        if pid.isdecimal() and (path + "/").startswith(inner + "/"):
            limited = front.partition(",oom_memcg=")[2]
            found.append({"pid": int(pid), "name": name, "limited": limited})
    return found


def path_in_hierarchy(directory: str) -> str:
    """The path of a cgroup from the root of its hierarchy, from its directory, which may be gone:
    what is below the mount point."""
    point = directory
    while point:
        above = point.rpartition("/")[0]
        try:
            if posix.stat(point).st_dev != posix.stat(above or "/").st_dev:
                return directory[len(point) :]
        except FileNotFoundError:
            pass
        except OSError:
            break
        point = above
    return directory


def forbidden_call(texts: "list[str]", pid: int) -> "tuple[int, int, str] | None":
    """The architecture (AUDIT_ARCH_...), the number and the program of the last system call for
    which a seccomp filter has killed process ``pid``; None if the log has none. With pid 0 it is
    the call of any process, and None if there were several calls."""
    calls: list[tuple[int, int, str]] = []
    for text in texts:
        _, _, audit = text.partition("type=1326 ")
        fields = dict([word.partition("=")[::2] for word in audit.split(" ")])
        if fields.get("sig") != "31" or (pid and fields.get("pid") != str(pid)):
            continue
        try:
            call = int(fields["arch"], 16), int(fields["syscall"]), _text(fields.get("comm", ""))
        except (KeyError, ValueError):
            continue
        calls.append(call)
    if not calls or (not pid and len({call[:2] for call in calls}) > 1):
        return None
    return calls[-1]


def _text(field: str) -> str:
    """A field of the audit log: a name in quotes, or in hexadecimal digits."""
    if field.startswith('"'):
        return field.strip('"')
    try:
        return bytes.fromhex(field).decode(errors="replace")
    except ValueError:
        return field


def fault_of(texts: "list[str]", pid: int) -> str:
    """What the kernel says of the last fault of process ``pid``, such as "segfault at 0"; "" if it
    says nothing (sysctl debug.exception-trace)."""
    found = ""
    for text in texts:
        front, bracket, rest = text.partition("[" + str(pid) + "]")
        if bracket and not front.startswith("oom-kill:"):
            # NAME[PID]: segfault at 0 ip ..., traps: NAME[PID] trap invalid opcode ip:...
            fault = rest.lstrip(": ").partition(" ip")[0]
            if fault.startswith(("segfault", "trap", "general protection")):
                found = fault
    return found
