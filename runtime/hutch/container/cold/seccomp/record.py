"""seccomp record: learns a profile from the calls of a container."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.container.cold.seccomp.callers import memory
from hutch.container.cold.seccomp.calls import Call, answer
from hutch.container.cold.seccomp.explain import Names, token_of
from hutch.container.cold.seccomp.filters import ACTION, outcomes
from hutch.container.cold.seccomp.learnt import (
    ALWAYS,
    COMPARED,
    MOST,
    Learnt,
    check_mergeable,
    merged,
)
from hutch.container.cold.seccomp.profiles import profile_to_extend
from hutch.container.filter_verdict import verdict
from hutch.container.store import write_file
from hutch.errors import HutchError
from hutch.kernel.libseccomp import native
from hutch.spec.cold.seccomp_rules import architecture_name
from hutch.spec.seccomp import ENOSYS, ERRNO

if TYPE_CHECKING:
    from hutch.container.cold.seccomp.watch import Report
    from hutch.spec.config import Seccomp

S390 = (0x0000_0016, 0x8000_0016)  # clone's flags are its second argument there (clone(2))
# What clone3 can do and clone cannot: the flag CLONE_INTO_CGROUP and the field set_tid_size.
INTO_CGROUP = 0x2_0000_0000
SET_TID_SIZE = 72  # offset in struct clone_args
CLONE_ARGS = 88


class Recorder:
    """Lets all calls run that the profile of config.json allows, and learns them. What that profile
    refuses is refused, and is not learnt. ``file`` gets the profile at the end; ``before`` is the
    profile that it has now, or None; ``program`` is the filter of config.json, b"" if it has none.
    """

    def __init__(self, file: str, before: "Seccomp | None", program: bytes) -> None:
        self._file = file
        self._before = before
        self._program = program
        self._names = Names()
        self._learnt = Learnt()
        self._unknown: set[int] = set()
        # By architecture and number: what a call with all arguments is answered.
        self._settled: dict[tuple[int, int], int] = {}
        self._values: set[tuple[int, int, int]] = set()

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
        if name not in COMPARED:
            if name == "clone3":
                self._learnt.refused.pop(name, None)
            self._learnt.allow(name)
            if not self._program or not self._depends(call):
                self._settled[place] = 0
            return 0
        index, mask = COMPARED[name]
        if name == "clone" and call.architecture in S390:
            index = 1
        value = call.args[index] & mask
        if (*place, value) not in self._values:
            self._values.add((*place, value))
            self._learnt.allow(name, value, index, mask)
        return 0

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
    from sys import byteorder

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
