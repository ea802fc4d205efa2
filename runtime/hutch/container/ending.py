"""How a container ended, and why, as far as the kernel tells.

    wait status -> exit code, or signal and core dump
    cgroup      -> processes killed because memory ran out, processes refused (cgroups.limits_hit)
    kernel log  -> which process was killed, by whose limit; the forbidden call; the fault
    `kill` note -> whether the signal was sent with `hutch kill`

All this is read only when a container did not end well, and by `state` when it has ended.
"""

import posix

from hutch.spec.signal_names import signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    from hutch.cgroups.limits_hit import MemoryHit, PidsHit
    from hutch.container.kernel_log import Victim
    from hutch.container.state import State
    from hutch.container.store import Entry
    from hutch.errors import HutchError
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.spec.config import Seccomp

    class Call(TypedDict):
        """The system call that the filter killed for, and the program that made it."""

        name: str
        number: int
        program: str

    class Ending(TypedDict, total=False):
        """How a container ended. ``cause``: one of CAUSES. ``reason``: a sentence for people.
        ``exitCode``: that of the program, or 128 + the number of the signal; it is missing if it is
        not known. ``sender``: who sent the signal: KERNEL or one of SENT. ``killed``: the processes
        that were killed because memory ran out, if the kernel's log names them."""

        cause: str
        reason: str
        exitCode: int
        signal: str
        coreDumped: bool
        sender: str
        memory: MemoryHit
        killed: list[Victim]
        pids: PidsHit
        seccomp: Call
        fault: str


# exit: it ended itself; signal: somebody ended it; oom: memory ran out; seccomp: the filter killed
# it; fault: it made an error for which the kernel sends a signal; unknown: its exit code was lost.
CAUSES = ("exit", "signal", "oom", "seccomp", "fault", "unknown")
# The kernel; `hutch kill`; `hutch run`, which has passed on a signal that it got; warren's stop, at
# once or when its time was over, its kill and its run; the time limit of a sandbox, or its caller;
# any other process, of the container or of the host.
KERNEL, KILL_VERB, RUN_VERB, PROCESS = "kernel", "hutch kill", "hutch run", "process"
TIMEOUT, CALLER = "timeout", "caller"
SENT = {
    KILL_VERB: "sent by hutch kill",
    RUN_VERB: "passed on by hutch run",
    "stop": "sent by a stop",
    "stop timeout": "sent by a stop, because it had not ended in time",
    "kill": "sent by warren kill",
    "warren run": "passed on by warren run",
    TIMEOUT: "sent at the end of its time limit",
    CALLER: "sent by its caller",
    PROCESS: "sent by another process or by its own",
}

SIGKILL, SIGSYS = 9, 31
# Nobody is told of these in the foreground: a person has pressed a key or closed the terminal, or
# the reader of a pipeline has ended.
QUIET = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGPIPE")
# The actions that end a process by SIGSYS, unless it has a handler (seccomp(2)).
DEADLY = ("SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP")
FAULTS = (4, 5, 7, 8, 11)  # SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV
# Signals that the kernel sends for something that the program did (signal(7)).
WHY = {
    13: "it wrote to a pipe that nobody reads",
    14: "its alarm(2) ran out",
    24: "its limit of processor time, RLIMIT_CPU, was reached",
    25: "its limit of the size of a file, RLIMIT_FSIZE, was reached",
}
KEPT = "end.json"  # in the container's directory: how it ended (`run --keep`)
SC_CLK_TCK = 2  # <unistd.h>
FIRST_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO, linux/proc_ns.h


def how_it_ended(
    *,
    status: "int | None" = None,
    code: "int | None" = None,
    pid: int = 0,
    since: float = 0.0,
    cgroup: "Cgroup | None" = None,
    filtered: bool = False,
    sent: "tuple[int, str] | None" = None,
    before: "tuple[int, int]" = (0, 0),
) -> "Ending":
    """How a container ended.

    ``status`` is the wait status of its program (waitpid(2)); without it, ``code`` is the exit code
    as its parent has told it, 128 + N for a signal, if that much is known. ``pid`` was that of the
    program, 0 if it is not known. ``since``: when it began, in seconds
    of CLOCK_MONOTONIC. ``cgroup`` is the container's. ``filtered``: its seccomp filter kills for
    some system calls. ``sent``: a signal that was sent to it, and by whom (SENT). ``before``:
    how many processes of the container had been killed and refused before the program began, if it
    is not its first one.
    """
    signal = 0
    if pid and not _in_first_pid_namespace():
        pid = 0  # the log has another one
    ending: Ending = {}
    if status is not None:
        signal = posix.WTERMSIG(status) if posix.WIFSIGNALED(status) else 0
        code = 128 + signal if signal else posix.WEXITSTATUS(status)
    elif sent is not None and (code == 128 + sent[0] or (code is None and sent[0] == SIGKILL)):
        signal = sent[0]  # nothing survives SIGKILL
        code = 128 + signal
    if code is not None:
        ending["exitCode"] = code
    if signal:
        ending["signal"] = signal_name(signal)
        if status is not None:
            ending["coreDumped"] = posix.WCOREDUMP(status)
    # Without the wait status, an exit code over 128 may mean a signal.
    likely = signal or (code - 128 if status is None and code and 128 < code < 193 else 0)
    if cgroup is not None:
        from hutch.cgroups.limits_hit import memory_hit, pids_hit

        hit, refused = memory_hit(cgroup, before[0]), pids_hit(cgroup, before[1])
        if hit is not None:
            ending["memory"] = hit
        if refused is not None:
            ending["pids"] = refused
    if "memory" in ending or likely == SIGSYS or likely in FAULTS or code is None:
        from hutch.container.kernel_log import messages

        _ask_the_log(ending, messages(since), likely, pid, cgroup)
    if not signal and likely and _log_shows(ending, likely, pid):
        signal = likely
        ending["signal"] = signal_name(signal)
    ending["cause"] = _cause(ending, signal, code, pid, filtered, sent)
    sender = _sender(ending, signal, sent)
    if sender:
        ending["sender"] = sender
    ending["reason"] = _reason(ending, likely)
    return ending


def end_of(
    state: "State",
    directory: str,
    *,
    status: "int | None" = None,
    code: "int | None" = None,
    sent: "tuple[int, str] | None" = None,
) -> "Ending":
    """How the container with this ``state`` ended; its state directory is ``directory``. If neither
    ``status`` nor ``code`` is given, its wait status is looked for: it is there as long as the
    parent of the first process has not reaped it. See how_it_ended."""
    if status is None and code is None:
        status = zombie_status(state.pid, state.start_time)
    return how_it_ended(
        status=status,
        code=code,
        pid=state.pid,
        since=began(state.start_time),
        cgroup=state.cgroup(),
        filtered=_filter_kills(directory),
        sent=sent or _signal_of_kill(directory),
    )


def _in_first_pid_namespace() -> bool:
    """Whether this process numbers processes as the kernel's log does."""
    try:
        return posix.readlink("/proc/self/ns/pid") == FIRST_PID_NAMESPACE
    except OSError:
        return False


def _filter_kills(directory: str) -> bool:
    """Whether the container's seccomp filter kills for some system calls."""
    from hutch.container.store import read_file
    from hutch.errors import HutchError
    from hutch.spec.json import decode

    try:
        config = decode(read_file(directory + "/config.json"), "config.json")
    except (OSError, HutchError):
        return False
    linux = config.get("linux") if isinstance(config, dict) else None
    seccomp = linux.get("seccomp") if isinstance(linux, dict) else None
    return isinstance(seccomp, dict) and filter_kills(seccomp)  # type: ignore[arg-type]


def filter_kills(seccomp: "Seccomp") -> bool:
    """Whether a profile kills for some system calls."""
    actions = [rule["action"] for rule in seccomp.get("syscalls") or []]
    return any(action in DEADLY for action in [seccomp["defaultAction"], *actions])


def began(ticks: int) -> float:
    """The time of CLOCK_MONOTONIC, in seconds, of a start time of proc(5), which counts the time of
    suspension too."""
    from time import CLOCK_BOOTTIME, CLOCK_MONOTONIC, clock_gettime

    suspended = clock_gettime(CLOCK_BOOTTIME) - clock_gettime(CLOCK_MONOTONIC)
    return ticks / posix.sysconf(SC_CLK_TCK) - suspended


def zombie_status(pid: int, start_time: int) -> "int | None":
    """The wait status of a process that has ended and was not reaped yet (proc(5), stat, fields 22
    and 52); None if there is no such process, or if the caller may not know it."""
    from hutch.container.store import read_file

    if pid <= 0:
        return None
    try:
        text = read_file("/proc/" + str(pid) + "/stat")
    except OSError:
        return None
    fields = text[text.rfind(b")") + 2 :].split()
    if fields[0] != b"Z" or int(fields[19]) != start_time:
        return None
    return int(fields[49])


def kept_or_found(entry: "Entry", state: "State") -> "Ending | None":
    """How a stopped container ended, for `state`; None if its program was never there."""
    if entry.has(KEPT):
        from hutch.spec.json import decode

        kept = decode(entry.read(KEPT), KEPT)
        if isinstance(kept, dict):
            return kept  # type: ignore[return-value]
    return end_of(state, entry.directory) if state.pid else None


def _signal_of_kill(directory: str) -> "tuple[int, str] | None":
    """The last signal that `hutch kill` has sent."""
    from hutch.container.state import NOTE
    from hutch.container.store import read_file

    try:
        return int(read_file(directory + NOTE)), KILL_VERB
    except (OSError, ValueError):
        return None


def _ask_the_log(
    ending: "Ending", texts: "list[str]", likely: int, pid: int, cgroup: "Cgroup | None"
) -> None:
    """Adds what the kernel's log says."""
    from hutch.container.kernel_log import fault_of, forbidden_call, oom_victims

    hit = ending.get("memory")
    if hit and cgroup is not None:
        directory = cgroup.directories["" if cgroup.mode == "v2" else "memory"]
        # The count is this container's. An earlier one may have had the same cgroup.
        victims = oom_victims(texts, directory)[-hit["kills"] :]
        if victims:
            ending["killed"] = victims
            _by_whose_limit(hit, victims[-1]["limited"], directory, cgroup.mode == "v2")
    if likely == SIGSYS or (pid and "exitCode" not in ending):
        call = forbidden_call(texts, pid)
        if call is not None:
            ending["seccomp"] = {"name": _name(*call[:2]), "number": call[1], "program": call[2]}
    if pid and (likely in FAULTS or "exitCode" not in ending):
        fault = fault_of(texts, pid)
        if fault:
            ending["fault"] = fault


def _log_shows(ending: "Ending", signal: int, pid: int) -> bool:
    """Whether the log shows that this signal ended the program, whose exit code may mean it."""
    if signal == SIGKILL:
        return pid in [victim["pid"] for victim in ending.get("killed", [])]
    return "seccomp" in ending if signal == SIGSYS else "fault" in ending


def _by_whose_limit(hit: "MemoryHit", limited: str, directory: str, unified: bool) -> None:
    """Corrects ``hit`` by what the log says: that is exact."""
    from hutch.cgroups.limits_hit import limit_of
    from hutch.container.kernel_log import path_in_hierarchy

    inner = path_in_hierarchy(directory)
    for key in ("limit", "cgroup"):
        hit.pop(key, None)  # type: ignore[misc]
    if not limited:
        hit["whose"] = "host"
        return
    # A cgroup that the container has made below its own is the container's too.
    own = (limited + "/").startswith(inner + "/")
    place = directory.removesuffix(inner) + limited
    hit["whose"] = "container" if own else "ancestor"
    limit = limit_of(place, unified)
    if limit:
        hit["limit"] = limit
    if place != directory:
        hit["cgroup"] = place


def _name(architecture: int, number: int) -> str:
    """The name of a system call, or its number."""
    from hutch.errors import HutchError

    try:
        from hutch.kernel.libseccomp import call_name

        return call_name(architecture, number) or str(number)
    except HutchError:
        return str(number)


def _cause(
    ending: "Ending",
    signal: int,
    code: "int | None",
    pid: int,
    filtered: bool,
    sent: "tuple[int, str] | None",
) -> str:
    # The log may have lost the message, and has none of SCMP_ACT_TRAP.
    if "seccomp" in ending or (signal == SIGSYS and filtered):
        return "seccomp"
    if "memory" in ending:
        victims = ending.get("killed")
        if pid and victims:
            itself = pid in [victim["pid"] for victim in victims]
        else:  # the log does not tell
            itself = sent is None or sent[0] != SIGKILL
        # A shell exits with 137 if its command was killed.
        if itself if signal == SIGKILL or code is None else code == 128 + SIGKILL:
            return "oom"
    if "fault" in ending or signal in FAULTS:
        return "fault"
    if code is None:
        return "unknown"
    return "signal" if signal else "exit"


def _sender(ending: "Ending", signal: int, sent: "tuple[int, str] | None") -> str:
    cause = ending["cause"]
    if cause in ("oom", "seccomp"):
        return KERNEL
    if not signal:
        return ""
    if sent is not None and sent[0] == signal:
        return sent[1]
    if "fault" in ending or signal in WHY:
        return KERNEL
    # The log has no message of a fault if it cannot be read, or if the rate is limited.
    return PROCESS if signal not in FAULTS else ""


def _reason(ending: "Ending", likely: int) -> str:
    cause, code = ending["cause"], ending.get("exitCode")
    signal = ending.get("signal", "")
    core = ", core dumped" if ending.get("coreDumped") else ""
    if cause == "oom":
        return _of_memory(ending)
    if cause == "seccomp":
        call = ending.get("seccomp")
        made = f": {call['name']}, made by {call['program']}" if call else ""
        return (
            "the kernel killed the container's program for a system call that the filter "
            f"kills for{made}{core}"
        )
    if cause == "fault":
        fault = ending.get("fault")
        return f"ended by {signal or 'a fault'}{': ' + fault if fault else ''}{core}"
    if signal:
        number = (code or 128) - 128
        sender = ending.get("sender")
        why = ", " + SENT[sender] if sender in SENT else ""
        if sender == KERNEL and number in WHY:
            why = ": " + WHY[number]
        said = f"ended by {signal}{why}{core}"
    elif code is None:
        said = "its exit code is known only to its parent process"
    else:
        said = f"exit code {code}"
        if likely:
            said += f", which {signal_name(likely)} gives too"
    if "memory" in ending:
        said += "; " + _of_memory(ending)
    if "pids" in ending and code != 0:
        said += "; " + _of_pids(ending["pids"])
    return said


def _of_memory(ending: "Ending") -> str:
    hit = ending["memory"]
    names = [f"{victim['name']} (pid {victim['pid']})" for victim in ending.get("killed", [])]
    kills = hit["kills"]
    whom = "a process of the container" if kills == 1 else f"{kills} processes of the container"
    said = f"the kernel killed {whom} for want of memory"
    if names:
        said += ": " + ", ".join(names[-3:])
    limit = f" of {hit['limit']} bytes" if "limit" in hit else ""
    said += {
        "container": f"; the container's limit{limit} was reached",
        "ancestor": f"; the limit{limit} of {hit.get('cgroup')}, above it, was reached",
        "host": "; no limit was reached: the machine had no memory left",
    }[hit["whose"]]
    return said + (f"; it had used up to {hit['peak']} bytes" if "peak" in hit else "")


def _of_pids(hit: "PidsHit") -> str:
    times = "once" if hit["refused"] == 1 else f"{hit['refused']} times"
    if hit["whose"] == "ancestor":
        return f"a limit of processes of a cgroup above it was reached {times}"
    return f"its limit of {hit.get('limit')} processes was reached {times}"


def worth_telling(ending: "Ending") -> bool:
    """Whether a person who waits for a container in the foreground is told of it: not of an exit
    code, nor of a signal that hutch was asked to send, nor of the signals in QUIET."""
    signal = ending.get("signal")
    if ending["cause"] in ("oom", "seccomp", "fault"):
        return True
    if ending["cause"] == "signal":
        return ending.get("sender") in (KERNEL, PROCESS) and signal not in QUIET
    return bool(ending.get("exitCode")) and ("pids" in ending or "memory" in ending)


def told(ending: "Ending", limit: "int | None") -> "HutchError":
    """The warning of an end: the sentence, and all that is known as fields of the JSON log.
    ``limit`` is linux.resources.memory.limit, in bytes, if it is given."""
    from hutch.errors import ConfigError, HutchError

    hit = ending.get("memory")
    if ending["cause"] == "oom" and hit and hit["whose"] == "container" and limit:
        error: HutchError = ConfigError("linux.resources.memory.limit", ending["reason"])
        error.value = limit
    elif ending["cause"] == "seccomp":
        error = ConfigError("linux.seccomp", ending["reason"])
    elif "pids" in ending and ending["pids"]["whose"] == "container":
        error = ConfigError("linux.resources.pids.limit", ending["reason"])
        error.value = ending["pids"].get("limit", ...)
    else:
        error = HutchError("the container's program: " + ending["reason"])
    error.facts = {key: value for key, value in ending.items() if key != "reason"}
    return error
