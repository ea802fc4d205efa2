"""What a profile does to each system call of this machine, and what differs between two."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hutch.did_you_mean import suggestion
from hutch.errors import ConfigError, UsageError
from hutch.kernel.libseccomp import call_names, call_number, native
from hutch.spec.check import check
from hutch.spec.cold.seccomp_rules import (
    Profile,
    Rule,
    action_name,
    architecture_name,
    condition_in_words,
    errno_name,
    in_words,
)
from hutch.spec.json import decode
from hutch.spec.load import in_document
from hutch.spec.seccomp import ENOSYS, ERRNO

if TYPE_CHECKING:
    from hutch.spec.config import Seccomp

BASE = "linux.seccomp"


def checked(profile: object, document: str, pointer: str = BASE) -> "Seccomp":
    """The checked profile of ``document``, which has it at ``pointer``. Raises ConfigError."""
    whole = {"ociVersion": "1.3.0", "root": {"path": "/"}, "linux": {"seccomp": profile}}
    try:
        config, _ = check(whole)
    except ConfigError as error:
        error.document = document
        if not pointer:
            in_document(error, document, BASE)
        raise
    return config["linux"]["seccomp"]


def profile_to_extend(text: bytes, document: str) -> "Seccomp":
    """The profile in a file that a recording is added to. Raises HutchError."""
    profile = decode(text, document)
    made = checked(profile, document, "")
    assert isinstance(profile, dict)
    for field in ("archMap", "linux"):
        if field in profile:
            raise ConfigError(field, _NOT_PLAIN, document=document)
    entries = profile.get("syscalls")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        for field in ("includes", "excludes"):
            if isinstance(entry, dict) and entry.get(field):
                place = f"syscalls[{index}].{field}"
                raise ConfigError(place, _NOT_PLAIN, document=document)
    return made


_NOT_PLAIN = (
    "is no field of a profile as config.json has it at linux.seccomp, and only such a profile can "
    "be extended"
)


class Row:
    """One answer to a call: ``condition`` in words ("" for none), the ``answer``, and ``pointer``,
    the field that says so."""

    __slots__ = ("answer", "condition", "pointer")

    def __init__(self, condition: str, answer: int, pointer: str) -> None:
        self.condition = condition
        self.answer = answer
        self.pointer = pointer

    @property
    def meaning(self) -> tuple[str, int]:
        """What it does, without the place that says so."""
        return self.condition, self.answer

    def to_json(self) -> dict[str, str]:
        made = {"action": action_name(self.answer), "pointer": self.pointer}
        if errno := errno_name(self.answer):
            made["errno"] = errno
        if self.condition:
            made["if"] = self.condition
        return made

    def __str__(self) -> str:
        return in_words(self.answer) + (f" if {self.condition}" if self.condition else "")


class View:
    """A profile on this machine's architecture."""

    def __init__(
        self, profile: "Seccomp", pointer: str = BASE, places: Sequence[int] | None = None
    ) -> None:
        self.profile = Profile(profile, pointer, places)
        self.token = native()
        self.names = {name: number for number, name in call_names(self.token).items()}
        known = [call_number(self.token, name) for name in self.profile.named]
        self.highest = max(known, default=-1)
        architectures = [self.token, *self.profile.architectures]
        self.architectures = list(dict.fromkeys(map(architecture_name, architectures)))

    def rows(self, name: str) -> list[Row]:
        """The answers to a call, in the order in which their conditions are compared."""
        rules = self.profile.rules(name)
        found = [_row(rule) for rule in rules]
        if not rules or rules[-1].condition:
            found.append(self._otherwise(name))
        return found

    def _otherwise(self, name: str) -> Row:
        """The answer where no rule decides."""
        profile = self.profile
        newer = self.names.get(name, -1) > self.highest >= 0 and name not in profile.named
        if newer and profile.denies:
            return Row("", ERRNO | ENOSYS, profile.place("syscalls"))
        return Row("", profile.default, profile.place("defaultAction"))

    def unknown(self) -> list[str]:
        """The names in the profile that are no call of this architecture."""
        return sorted(self.profile.named.keys() - self.names.keys())

    def find(self, call: str) -> str:
        """The name of a call that is given by name or number. Raises UsageError."""
        if call.isascii() and call.isdigit():
            for name, number in self.names.items():
                if number == int(call):
                    return name
        elif call in self.names:
            return call
        raise UsageError(
            f"{architecture_name(self.token)} has no system call {call}",
            hint=suggestion(call, self.names, "give a name, or a number of this architecture"),
        )


def _row(rule: Rule) -> Row:
    return Row(condition_in_words(rule.condition), rule.action, rule.pointer)


class Change:
    """A difference: of a ``field`` of the profile, or of what is done to a ``call``; ``before`` and
    ``after`` are in words, the JSON forms are in ``rows``."""

    __slots__ = ("after", "before", "call", "field", "rows")

    def __init__(self, before: str, after: str, *, call: str = "", field: str = "") -> None:
        self.call = call
        self.field = field
        self.before = before
        self.after = after
        self.rows: tuple[list[Row], list[Row]] = ([], [])

    def to_json(self) -> dict[str, object]:
        if self.field:
            return {"field": self.field, "before": self.before, "after": self.after}
        before, after = ([row.to_json() for row in rows] for rows in self.rows)
        return {"call": self.call, "before": before, "after": after}


def differences(one: View, other: View) -> list[Change]:
    """What another profile does otherwise: the fields that count for all calls, then each call that
    one of both names, by name."""
    found = []
    fields = (
        ("defaultAction", in_words(one.profile.default), in_words(other.profile.default)),
        ("architectures", ", ".join(one.architectures), ", ".join(other.architectures)),
        ("flags", ", ".join(one.profile.flags), ", ".join(other.profile.flags)),
    )
    for field, before, after in fields:
        if before != after:
            found.append(Change(before, after, field=field))
    for name in sorted(one.profile.named.keys() | other.profile.named.keys()):
        rows = one.rows(name), other.rows(name)
        if _meaning(rows[0]) == _meaning(rows[1]) or (
            # Only the default action differs, which was told above.
            _is_default(one, rows[0])
            and _is_default(other, rows[1])
            and _meaning(rows[0][:-1]) == _meaning(rows[1][:-1])
        ):
            continue
        change = Change(in_one_line(rows[0]), in_one_line(rows[1]), call=name)
        change.rows = rows
        found.append(change)
    return found


def _is_default(view: View, rows: list[Row]) -> bool:
    return rows[-1].pointer == view.profile.place("defaultAction")


def _meaning(rows: list[Row]) -> list[tuple[str, int]]:
    """The order of rules with the same answer does not count."""
    meanings = [row.meaning for row in rows]
    if len({answer for condition, answer in meanings if condition}) < 2:
        return sorted(meanings)
    return meanings


def in_one_line(rows: list[Row]) -> str:
    """The answers to a call as one sentence."""
    if len(rows) == 1:
        return str(rows[0])
    return "; ".join(map(str, rows[:-1])) + "; otherwise " + str(rows[-1])
