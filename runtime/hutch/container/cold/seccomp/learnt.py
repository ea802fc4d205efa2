"""A seccomp profile that is learnt from system calls, and merged with one that is there already."""

from typing import TYPE_CHECKING, Final, cast

from hutch.errors import ConfigError
from hutch.spec.seccomp import EPERM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hutch.spec.cold.config_types import SeccompArchitecture, SeccompOperator
    from hutch.spec.config import Seccomp, Syscall, SyscallArgument

    Args = tuple[tuple[int, int, int, SeccompOperator], ...]  # index, value, valueTwo, op

INT = 0xFFFF_FFFF
# CLONE_NEW* of clone(2): a new namespace of each kind; the time namespace's bit is used by the exit
# signal there, and has a meaning in unshare(2) and clone3(2) only.
NAMESPACES = 0x7E02_0000
# The calls whose argument decides how much of the kernel they reach: (index of the argument, mask
# of its bits that count). Each value that was used is allowed. The kernel ignores the upper half of
# arguments that are int. Other calls are allowed whatever their arguments are.
COMPARED: "Mapping[str, tuple[int, int]]" = {
    "bpf": (0, INT),  # the command
    "clone": (0, NAMESPACES),  # which namespaces it makes
    "ioctl": (1, INT),  # the request
    "keyctl": (0, INT),  # the operation
    "personality": (0, INT),  # the persona
    "prctl": (0, INT),  # the option
    "ptrace": (0, INT),  # the request
    "setns": (1, INT),  # the kind of the namespace
    "socket": (0, INT),  # the family
    "socketpair": (0, INT),  # the family
    "unshare": (0, INT),  # the namespaces
}
MOST = 64  # with more values of an argument, a call is allowed with all of them

# Allowed always. hutch-init makes the first four under the filter, whatever the config is: it tells
# the runtime that it is ready and waits (write, read), executes the program, and ends if that
# fails. The kernel makes a program call the last two: at the end of a signal's handler, and when a
# call goes on after a stop, as by pause.
ALWAYS = ("execve", "exit_group", "read", "restart_syscall", "rt_sigreturn", "write")

MASKED_EQ: Final = "SCMP_CMP_MASKED_EQ"
ALLOW: Final = "SCMP_ACT_ALLOW"
ERRNO: Final = "SCMP_ACT_ERRNO"
DENYING = (ERRNO, "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP")


def compared(name: str, args: "Sequence[int]", s390: bool = False) -> "Args":
    """The comparison that allows a call with the value that it was called with; () if the arguments
    of this call do not count. On s390 the flags of clone are its second argument (clone(2))."""
    if name not in COMPARED:
        return ()
    index, mask = COMPARED[name]
    if name == "clone" and s390:
        index = 1
    return ((index, mask, args[index] & mask, MASKED_EQ),)


class Learnt:
    """The calls of a program: ``allowed`` has the conditions of each call, where () means that it
    is allowed with all arguments; ``refused`` the errno of each that was refused on purpose;
    ``architectures`` those of the calls."""

    def __init__(self) -> None:
        self.allowed: dict[str, set[Args]] = {}
        self.refused: dict[str, int] = {}
        self.architectures: set[str] = set()

    def allow(self, name: str, args: "Args" = ()) -> None:
        """Adds a call; with ``args``, only where all these comparisons are true."""
        self.allowed.setdefault(name, set()).add(args)

    def with_args(self) -> list[str]:
        """The calls that are allowed with some arguments only."""
        return sorted(name for name, found in self.allowed.items() if () not in found)


def merged(learnt: Learnt, before: "Seccomp | None") -> "tuple[Seccomp, list[str]]":
    """(a profile that allows what was learnt, sentences about what it does not allow).

    ``before`` is a checked profile to add to: its other fields stay, and so do its entries that
    refuse something. Names and entries are sorted.
    """
    profile: Seccomp = {"defaultAction": ERRNO, "defaultErrnoRet": EPERM}
    if before is not None:
        profile = before.copy()
    allowed = {name: set(conditions) for name, conditions in learnt.allowed.items()}
    refused = {}
    kept = []
    for entry in profile.get("syscalls") or []:
        if entry["action"] == ALLOW:
            for name in entry["names"]:
                allowed.setdefault(name, set()).update(_conditions(entry))
        elif _is_plain_refusal(entry):
            refused.update({name: entry.get("errnoRet", EPERM) for name in entry["names"]})
        else:
            kept.append(entry)
    notes = []
    by_hand = {name for entry in kept for name in entry["names"]} | refused.keys()
    for name in sorted(by_hand & learnt.allowed.keys()):
        notes.append(f"{name} was called, but stays refused, as the profile says")
        del allowed[name]
    default = profile.get("defaultErrnoRet", EPERM) if profile["defaultAction"] == ERRNO else 0
    for name, errno in learnt.refused.items():
        if name not in allowed and name not in by_hand and errno != default:
            refused[name] = errno
    names = sorted(name for name, conditions in allowed.items() if _is_free(conditions))
    entries: list[Syscall] = [{"names": names, "action": ALLOW}] if names else []
    for name in sorted(allowed.keys() - set(names)):
        entries += [
            {"names": [name], "action": ALLOW, "args": _args(args)}
            for args in sorted(allowed[name])
        ]
    for errno in sorted(set(refused.values())):
        of_errno = sorted(name for name, own in refused.items() if own == errno)
        entries.append({"names": of_errno, "action": ERRNO, "errnoRet": errno})
    listed = [*(profile.get("architectures") or [])]
    new = sorted(learnt.architectures - set(listed))
    listed += [cast("SeccompArchitecture", name) for name in new]
    profile["architectures"] = listed
    profile["syscalls"] = entries + kept
    return profile, notes


def check_mergeable(profile: "Seccomp", document: str) -> None:
    """Raises ConfigError if nothing can be added to a profile: it allows what it does not name."""
    if profile["defaultAction"] not in DENYING:
        raise ConfigError(
            "defaultAction",
            "allows what the profile does not name: there is nothing to add to it",
            document=document,
            value=profile["defaultAction"],
            hint="give the name of a new file",
        )


def _conditions(entry: "Syscall") -> "list[Args]":
    """The conditions of an entry: two comparisons of one argument are alternatives
    (hutch.spec.seccomp)."""
    args = [
        (arg["index"], arg["value"], arg.get("valueTwo", 0), arg["op"])
        for arg in entry.get("args") or []
    ]
    if len({arg[0] for arg in args}) < len(args):
        return [(arg,) for arg in args]
    return [cast("Args", tuple(args))]


def _is_free(conditions: "set[Args]") -> bool:
    return () in conditions or len(conditions) > MOST


def _is_plain_refusal(entry: "Syscall") -> bool:
    return entry["action"] == ERRNO and not entry.get("args")


def _args(args: "Args") -> "list[SyscallArgument]":
    made: list[SyscallArgument] = []
    for index, value, second, op in args:
        if op == MASKED_EQ or second:
            made.append({"index": index, "value": value, "valueTwo": second, "op": op})
        else:
            made.append({"index": index, "value": value, "op": op})
    return made
