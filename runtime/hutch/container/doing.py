"""What the making of a container is at, and since when: seen from outside, in /proc.

`state` shows it of a container in creation, and a wait that takes too long names it. Nothing is
written down for it, so that a create that does not take long pays nothing.
"""

import posix

from hutch.cgroups.files import read_file, read_or
from hutch.container.status import INIT_EXE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypedDict

    from hutch.container.state import State
    from hutch.container.store import Entry
    from hutch.plan.hooks import Kind
    from hutch.plan.operations import Operation

    class Doing(TypedDict):
        """``name``: what is done. ``pid``: the process that does it. ``since``: when that process
        was started, as RFC 3339 has it."""

        name: str
        pid: int
        since: str


NAMED = 3  # operations that use the same call; of more, only the number is told
WAITING = ("read", "recvmsg")  # what hutch-init waits with for the runtime's answer


def step_of(state: "State", entry: "Entry") -> "Doing | None":
    """The step of a container in creation; None if the process that makes it has just ended."""
    maker = state.maker
    found = children(maker)
    for child in found:
        hook = _hook(child, entry, ("prestart", "createRuntime"))
        if hook:
            return _doing(hook, child)
    for child in found:
        if _exe(child) == INIT_EXE and _in_cgroup(child, state):
            return _of_init(child, entry)
    if not start_ticks(maker):
        return None
    call = sleeps_in(maker)
    return _doing("the runtime's own work" + (", in " + call if call else ""), maker)


def _of_init(pid: int, entry: "Entry") -> "Doing":
    for child in children(pid):
        hook = _hook(child, entry, ("createContainer", "startContainer"))
        if hook:
            return _doing(hook, child)
    from hutch.container.kept_plan import kept_operations
    from hutch.errors import HutchError

    try:
        operations = kept_operations(entry)
    except HutchError:
        operations = []
    return _doing("hutch-init: " + work_of(pid, operations), pid)


def work_of(pid: int, operations: "Sequence[Operation]") -> str:
    """What hutch-init, the process ``pid``, is at: the operations of its plan that make the kernel
    call in which it sleeps."""
    if _status(pid) in ("T", "t"):
        return "it is stopped by a signal or a debugger"
    call = sleeps_in(pid)
    if not call:
        return "it runs"
    if call in WAITING:
        return "it waits for the runtime"
    from hutch.plan.describe import describe

    found = []
    for operation in operations:
        calls, does = describe(operation)
        if call in calls.replace("(", ",").replace(" ", "").split(","):
            found.append(does + (" (" + operation.origin + ")" if operation.origin else ""))
    if len(found) > NAMED:
        return f"one of {len(found)} operations that call {call}"
    return ", or ".join(found) + ", in " + call if found else "in " + call


def sleeps_in(pid: int) -> str:
    """The kernel call in which a process sleeps (proc(5), syscall): its name, or its number; "" if
    it runs, or if the caller may not know."""
    try:
        word = read_file("/proc/" + str(pid) + "/syscall").split(None, 1)[0]
    except (OSError, IndexError):
        return ""
    if not word.isdigit():
        return ""
    from hutch.errors import HutchError

    try:
        from hutch.kernel.libseccomp import call_name, native

        return call_name(native(), int(word)) or "call " + word
    except HutchError:
        return "call " + word


def children(pid: int) -> "list[int]":
    """The pids of the children of a process, of all its threads; [] if they cannot be known."""
    found: list[int] = []
    folder = "/proc/" + str(pid) + "/task/"
    try:
        for thread in posix.listdir(folder):
            found += map(int, read_file(folder + thread + "/children").split())
    except OSError:
        pass
    return found


def start_ticks(pid: int) -> int:
    from hutch.container.status import start_time

    return start_time(pid)


def _status(pid: int) -> str:
    text = read_or("/proc/" + str(pid) + "/stat")
    return text[text.rfind(")") + 2 :][:1]


def _exe(pid: int) -> str:
    try:
        return posix.readlink("/proc/" + str(pid) + "/exe")
    except OSError:
        return ""


def _in_cgroup(pid: int, state: "State") -> bool:
    """Whether the process is the container's: a program that uses the library may make several at
    once. hutch-init joins its cgroup only as the last one of its first steps."""
    if state.kept_cgroup is None or not state.kept_cgroup["directories"]:
        return True
    directory = next(iter(state.kept_cgroup["directories"].values()))
    try:
        lines = read_file("/proc/" + str(pid) + "/cgroup").splitlines()
    except OSError:
        return False
    paths = [line.split(":", 2)[2] for line in lines]
    own = any(path != "/" and directory.endswith(path) for path in paths)
    return own or not any("/" + state.id in path for path in paths)


def _hook(pid: int, entry: "Entry", kinds: "tuple[Kind, ...]") -> str:
    """The hook of these kinds that the process is, as "hooks.createRuntime[0]: PATH"; "" if it is
    none."""
    from hutch.errors import HutchError
    from hutch.plan.hooks import hooks_of

    try:
        words = read_file("/proc/" + str(pid) + "/cmdline").split("\0")
        hooks = hooks_of(entry.load_config().get("hooks") or {}, kinds)
    except (OSError, HutchError):
        return ""
    for hook in hooks:
        # A script's command line begins with its interpreter.
        if hook.path in words or words[:-1] == hook.args:
            return hook.pointer + ": " + hook.path
    return ""


def _doing(name: str, pid: int) -> "Doing":
    from time import CLOCK_BOOTTIME, clock_gettime_ns, time_ns

    from hutch.container.state import timestamp

    tick = 1_000_000_000 // posix.sysconf(2)  # _SC_CLK_TCK, <unistd.h>
    age = clock_gettime_ns(CLOCK_BOOTTIME) - start_ticks(pid) * tick
    return {"name": name, "pid": pid, "since": timestamp(time_ns() - age)}
