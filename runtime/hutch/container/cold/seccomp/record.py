"""seccomp record: learns a profile from the calls of a container."""

import json
import os
from pathlib import Path
from sys import byteorder
from typing import TYPE_CHECKING

from hutch.container.cold.seccomp.callers import memory
from hutch.container.cold.seccomp.calls import Call, answer
from hutch.container.cold.seccomp.explain import Names, token_of
from hutch.container.cold.seccomp.filters import ACTION, outcomes
from hutch.container.cold.seccomp.learnt import (
    ALWAYS,
    MOST,
    Learnt,
    check_mergeable,
    compared,
    merged,
)
from hutch.container.cold.seccomp.profiles import profile_to_extend
from hutch.container.filter_verdict import verdict
from hutch.container.store import write_file
from hutch.errors import HutchError
from hutch.kernel.filter_head import WIDE
from hutch.kernel.libseccomp import native
from hutch.spec.cold.seccomp_rules import OPERATOR_NAMES, Profile, architecture_name
from hutch.spec.seccomp import ENOSYS, ERRNO

if TYPE_CHECKING:
    from hutch.container.cold.seccomp.learnt import Args
    from hutch.container.cold.seccomp.watch import Report
    from hutch.spec.config import Seccomp

S390 = (0x0000_0016, 0x8000_0016)
# What clone3 can do and clone cannot: the flag CLONE_INTO_CGROUP and the field set_tid_size.
INTO_CGROUP = 0x2_0000_0000
SET_TID_SIZE = 72  # offset in struct clone_args
CLONE_ARGS = 88


class Recorder:
    """Lets all calls run that the profile of config.json allows, and learns them. What that profile
    refuses is refused, and is not learnt. ``file`` gets the profile at the end; ``before`` is the
    profile that it has now, or None; ``profile`` is that of config.json, or None, and ``program``
    its filter."""

    def __init__(
        self,
        file: str,
        before: "Seccomp | None",
        profile: "Seccomp | None",
        program: bytes,
    ) -> None:
        self._file = file
        self._before = before
        self._profile = None if profile is None else Profile(profile)
        self._program = program if profile is not None else b""
        self._names = Names()
        self._learnt = Learnt()
        self._unknown: set[int] = set()
        # By architecture and number: what a call with all arguments is answered.
        self._settled: dict[tuple[int, int], int] = {}
        self._loose: set[str] = set()

    def take(self, listener: int, call: Call) -> None:
        errno = self._settled.get((call.architecture, call.number))
        if errno is None:
            errno = self._learn(call)
        answer(listener, call, errno)

    def waits(self) -> bool:
        return False

    def idle(self) -> None:
        pass

    def finish(self, started: bool) -> "Report":
        if not started:
            return {}
        learnt = self._learnt
        for name in ALWAYS:
            learnt.allowed[name] = {()}
        learnt.architectures.add(architecture_name(native()))
        new = learnt.allowed.keys() - _named(self._before)
        profile, notes = merged(learnt, self._before)
        notes += [
            f"system call {number} has no name that libseccomp knows: it fails with ENOSYS"
            for number in sorted(self._unknown)
        ]
        notes += [
            f"{name} was called with more than {MOST} values: it is allowed with all"
            for name, conditions in sorted(learnt.allowed.items())
            if len(conditions) > MOST and () not in conditions
        ]
        notes += [
            f"{name} is allowed with all arguments, of which config.json refuses some"
            for name in sorted(self._loose & learnt.allowed.keys())
            if () in learnt.allowed[name]
        ]
        write_file(self._file, (json.dumps(profile, indent=2) + "\n").encode(), 0o644)
        return {
            "calls": len(learnt.allowed),
            "new": len(new),
            "notes": notes,
            "profile": profile,
            "with_args": len(learnt.with_args()),
        }

    def _learn(self, call: Call) -> int:
        """Learns from a call; returns the errno for it, or 0."""
        place = (call.architecture, call.number)
        name = self._names.of(call)
        if not name:
            self._unknown.add(call.number)
            self._settled[place] = ENOSYS
            return ENOSYS
        errno = self._refusal(call)
        self._learnt.architectures.add(architecture_name(token_of(call)))
        if errno:
            # If the arguments decide, the recorded rules say which are allowed.
            if not self._depends(call):
                self._settled[place] = errno
                self._learnt.refused[name] = errno
            return errno
        if name == "clone3" and not _needs_clone3(call):
            # Its flags are in memory, which no filter can read. With ENOSYS the C library calls
            # clone, whose flags can be compared.
            self._learnt.refused[name] = ENOSYS
            return ENOSYS
        args = compared(name, call.args, call.architecture in S390)
        narrowed = bool(self._program) and self._depends(call)
        if narrowed:
            args = self._narrowed(name, call, args)
        if not args:
            self._learnt.refused.pop(name, None)
        self._learnt.allow(name, args)
        if not args and not narrowed:
            self._settled[place] = 0
        return 0

    def _narrowed(self, name: str, call: Call, args: "Args") -> "Args":
        """``args``, and what else the rule of config.json that allows the call compares."""
        rule = None
        if self._profile is not None:
            narrow = not call.architecture & WIDE
            rule = self._profile.deciding(name, call.args, narrow)
        if rule is None:
            # It is allowed by default, and refused with other arguments: no rule can say that.
            self._loose.add(name)
            return args
        own = [index for index, _, _, _ in args]
        return args + tuple(
            (index, value, second, OPERATOR_NAMES[operator])
            for index, operator, value, second in rule.condition
            if index not in own
        )

    def _refusal(self, call: Call) -> int:
        """The errno of the profile of config.json for a call; 0 if it allows the call."""
        if not self._program:
            return 0
        result = verdict(self._program, call.architecture, call.number, call.args)
        return result & ~ACTION if result & ACTION == ERRNO else 0

    def _depends(self, call: Call) -> bool:
        return len(outcomes(self._program, call.architecture, call.number)) > 1


def _needs_clone3(call: Call) -> bool:
    """Whether clone3 is asked for something that clone does not have. Raises nothing: what cannot
    be read needs nothing."""
    data = memory(call.pid, call.args[0], min(call.args[1], CLONE_ARGS))
    flags, tids = data[:8], data[SET_TID_SIZE : SET_TID_SIZE + 8]
    return bool(int.from_bytes(flags, byteorder) & INTO_CGROUP or any(tids))


def _named(profile: "Seccomp | None") -> set[str]:
    entries = (profile.get("syscalls") if profile else None) or []
    return {name for entry in entries for name in entry["names"]}


def profile_in(file: str) -> "Seccomp | None":
    """The profile in the file that a recording adds to; None if there is none. Raises HutchError if
    nothing can be added to it, or if the file cannot be written."""
    folder = Path(file).absolute().parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise HutchError(
            f"{file} cannot be written: {folder} is no directory that the caller may write to"
        )
    if not Path(file).exists():
        return None
    profile = profile_to_extend(Path(file).read_bytes(), file)
    check_mergeable(profile, file)
    return profile
