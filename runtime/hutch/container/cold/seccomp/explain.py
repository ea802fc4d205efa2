"""run --seccomp-explain: says of each call that the profile refuses which rule does it, as it
happens."""

import os
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from hutch.container.cold.seccomp.callers import Caller, caller_of
from hutch.container.cold.seccomp.calls import Call, answer, waits
from hutch.container.cold.seccomp.filters import ACTION, KILLING
from hutch.container.filter_verdict import verdict
from hutch.errors import ConfigError, HutchError
from hutch.kernel.filter_head import WIDE, X32, X32_BIT, X86_64
from hutch.kernel.libseccomp import call_names, native
from hutch.spec.cold.seccomp_rules import (
    Profile,
    action_name,
    architecture_name,
    condition_in_words,
    errno_name,
)
from hutch.spec.seccomp import ENOSYS

if TYPE_CHECKING:
    from hutch.container.cold.seccomp.watch import Report
    from hutch.spec.config import Seccomp

AGAIN = 1.0  # seconds before repetitions are told


def token_of(call: Call) -> int:
    """The architecture of a call (hutch.spec.seccomp.ARCHITECTURES)."""
    if call.architecture == X86_64 and call.number & X32_BIT:
        return X32
    return call.architecture


class Names:
    """The names of calls on all architectures."""

    def __init__(self) -> None:
        self._known: dict[int, dict[int, str]] = {}

    def of(self, call: Call) -> str:
        """The name of a call; "" if it has none that libseccomp or hutch knows."""
        token = token_of(call)
        if token not in self._known:
            self._known[token] = call_names(token)
        return self._known[token].get(call.number, "")


class _Refusal:
    """A call that was refused, and how often the same was refused since it was told."""

    def __init__(self, warning: ConfigError) -> None:
        self.warning = warning
        self.again = 0


class Explainer:
    """Answers as ``program``, the profile's filter, would have, and tells ``warn`` about it.

    A refusal is told at once. The same call, of processes of the same name, for the same reason, is
    then only counted; the count is told when there is a second without a refusal, after
    each hundredth, and at the end. Without ``by_rule``, what a rule of the profile refuses is
    neither told nor counted: only what is refused because no rule allows it.
    """

    def __init__(
        self,
        profile: "Seccomp",
        program: bytes,
        warn: Callable[[HutchError], None],
        by_rule: bool = True,
    ) -> None:
        self._by_rule = by_rule
        self._profile = Profile(profile)
        self._program = program
        self._warn = warn
        self._names = Names()
        self._known: dict[tuple[object, ...], _Refusal] = {}
        self._told = time.monotonic()
        self._count = 0

    def take(self, listener: int, call: Call) -> None:
        result = verdict(self._program, call.architecture, call.number, call.args)
        caller = caller_of(call.pid)
        if not waits(listener, call):
            return
        self._tell(call, caller, result)
        if result & ACTION in KILLING:
            # The kernel's SIGSYS cannot be sent: the first process of a pid namespace ignores it.
            os.kill(caller.pid, signal.SIGKILL)
        else:
            answer(listener, call, result & ~ACTION)

    def waits(self) -> bool:
        return any(refusal.again for refusal in self._known.values())

    def idle(self) -> None:
        for refusal in self._known.values():
            if refusal.again:
                self._again(refusal)

    def finish(self, started: bool) -> "Report":
        self.idle()
        return {"refused": self._count}

    def _tell(self, call: Call, caller: Caller, result: int) -> None:
        warning = self._explained(call, caller, result)
        if not self._by_rule and ".syscalls[" in warning.pointer:
            return
        self._count += 1
        key = (caller.name, warning.pointer, warning.facts["syscall"], warning.facts["rule_args"])
        known = self._known.get(key)
        if known is None:
            self._known[key] = _Refusal(warning)
            self._warn(warning)
            return
        known.again += 1
        if known.again == 100:
            self._again(known)

    def _again(self, refusal: _Refusal) -> None:
        first = refusal.warning
        times = "once more" if refusal.again == 1 else f"{refusal.again} times more"
        name = first.facts["syscall"]
        told = ConfigError(first.pointer, f"{name} of {first.facts['comm']}: the same {times}")
        told.facts = {**first.facts, "count": refusal.again}
        refusal.again = 0
        self._warn(told)

    def _explained(self, call: Call, caller: Caller, result: int) -> ConfigError:
        name = self._names.of(call) or f"system call {call.number}"
        pointer, why, told = self._reason(call, name, result)
        if result & ACTION in KILLING:
            does = f"kills process {caller.inner} ({caller.name}, on the host {caller.pid})"
            does += " with SIGKILL in place of SIGSYS"
        else:
            does = (
                f"fails with {errno_name(result)} in process {caller.inner} "
                f"({caller.name}, on the host {caller.pid})"
            )
        warning = ConfigError(pointer, f"{name} {does}: {why}")
        warning.facts = {
            "action": action_name(result),
            "architecture": architecture_name(token_of(call)),
            "args": list(call.args),
            "comm": caller.name,
            "container_pid": caller.inner,
            "count": 1,
            "pid": caller.pid,
            "refused_errno": errno_name(result),
            "rule_args": told,
            "syscall": name,
        }
        return warning

    def _reason(self, call: Call, name: str, result: int) -> tuple[str, str, str]:
        """The field that decides, why, and the values of the arguments that rules compare."""
        profile = self._profile
        token = token_of(call)
        if token != native() and token not in profile.architectures:
            listed = profile.place("architectures")
            return listed, f"{architecture_name(token)} is not in the profile", ""
        rule = profile.deciding(name, call.args, not token & WIDE)
        compared = sorted(
            {comparison[0] for one in profile.rules(name) for comparison in one.condition}
        )
        values = ", ".join(f"argument {index} is {call.args[index]:#x}" for index in compared)
        if rule is not None and rule.action == result:
            if rule.condition:
                said = f"{condition_in_words(rule.condition)}, and {values}"
                return rule.entry, said, values
            return rule.pointer, "the rule has no condition", values
        default = profile.place("defaultAction")
        if named := profile.rules(name):
            entries = list(dict.fromkeys(one.entry for one in named))
            more = f" and {len(entries) - 1} more" if len(entries) > 1 else ""
            return default, f"the args of {entries[0]}{more} allow others, and {values}", values
        if result & ~ACTION == ENOSYS and result != profile.default:
            said = "it is newer than all calls in the profile"
            return profile.place("syscalls"), said, values
        if name in profile.named:
            return profile.named[name][0].pointer, "it has the default action there", values
        return default, "no rule names it", values
