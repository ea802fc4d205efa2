"""check: finds all problems of a bundle at once, before anything is made.

It uses the same table of fields, the same rules, the same plan compiler and the same preflight as
create. What create finds out only when it carries the plan out is looked for on this host
(check_files.py, check_kernel.py): as far as the caller may look, and without changing anything.
"""

import posix
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hutch.container.cold.remaining import Remaining
from hutch.errors import ConfigError, HutchError
from hutch.spec import table
from hutch.spec.check import check as check_config
from hutch.spec.cold.diagnostics import findings, warnings
from hutch.spec.cold.places import Places, json_pointer, path_of
from hutch.spec.cold.sections import section_of
from hutch.spec.json import decode, encode
from hutch.spec.json_error import JsonError
from hutch.spec.load import read_bundle
from hutch.spec.normalize import normalize

if TYPE_CHECKING:
    from hutch.container.request import Request
    from hutch.plan.plan import Plan
    from hutch.spec.config import CheckedConfig
    from hutch.spec.json import Json
    from hutch.spec.pointer import Path

Severity = Literal["error", "warning", "note"]
Problem = tuple[Severity, HutchError]
# The errno of a look that the caller may not take.
NOT_ALLOWED = (1, 13)  # EPERM, EACCES


@dataclass(frozen=True)
class Finding:
    """A problem of a bundle.

    ``severity``: "error" if the container cannot be made or started, "warning" if something is
    ignored or probably a mistake, "note" if something could not be checked. ``pointer`` is the
    field as people write it, ``json_pointer`` the same in RFC 6901; both are "" for the whole.
    ``line`` and ``column`` count from 1. ``value`` is the field's value (``...``: none to show).
    ``section`` is that of the runtime specification.
    """

    severity: Severity
    pointer: str
    json_pointer: str
    line: int
    column: int
    value: object
    reason: str
    hint: str
    section: str


class _Findings:
    """The findings so far, each once."""

    def __init__(self, text: str, config: "Json") -> None:
        self._places = Places(text)
        self._config = config
        self._found: dict[tuple[str, str], Finding] = {}

    def add(self, severity: Severity, error: HutchError, pointer: str) -> None:
        known = (pointer, error.reason)
        if known in self._found:
            return
        path, missing = path_of(pointer, self._config)
        shown = error.value is not ... and not missing
        line, column = self._places.of(path, key=not shown)
        self._found[known] = Finding(
            severity,
            "" if pointer == "document" else pointer,
            json_pointer((*path, *missing)),
            line,
            column,
            error.value,
            error.reason,
            error.hint,
            section_of(pointer),
        )

    def has_error_at(self, pointer: str) -> bool:
        return any(f.severity == "error" and f.pointer == pointer for f in self._found.values())

    def sorted(self) -> list[Finding]:
        return sorted(self._found.values(), key=lambda f: (f.line, f.column, f.pointer, f.reason))


def check_bundle(request: "Request") -> list[Finding]:
    """All problems of the bundle of ``request``, in the order of the file; [] if there is none.

    Changes nothing and needs no privilege; the choices of the request are those for create. Raises
    HutchError if there is no config.json, or if it cannot be read.
    """
    data = read_bundle(request.bundle)
    try:
        config = decode(data, "config.json")
    except JsonError as error:
        finding = Finding(
            "error", "", "", error.line, error.column, ..., f"is not JSON: {error.reason}", "",
            "config.md",
        )  # fmt: skip
        return [finding]
    return _check(config, data.decode(), request)


def _check(config: "Json", text: str, request: "Request") -> list[Finding]:
    found = _Findings(text, config)
    problems: list[HutchError] = [*findings(config)]
    for problem in problems:
        found.add("error", problem, problem.pointer)
    told: list[HutchError] = [*warnings(config)]
    for problem in told:
        found.add("warning", problem, problem.pointer)
    if not problems and request.choices.strict:
        try:
            check_config(config, strict=True)
        except ConfigError as error:
            found.add("error", error, error.pointer)
    remaining = Remaining(normalize(config, table.CONFIG, ())[0])
    for problem in reversed(told):
        # The compiler warns of an unknown capability too, with a less exact pointer.
        if problem.pointer.startswith("process.capabilities."):
            remaining.take_out(problem.pointer)
    plan = _planned(remaining, request, found)
    if plan is None:
        return found.sorted()
    from hutch.container.cold.check_files import file_problems
    from hutch.container.cold.check_kernel import kernel_problems

    for severity, problem in (*file_problems(*plan), *kernel_problems(*plan)):
        pointer = remaining.first_pointer(problem.pointer)
        if severity == "note" or not found.has_error_at(pointer):
            found.add(severity, problem, pointer)
    return found.sorted()


def _planned(
    remaining: Remaining, request: "Request", found: _Findings
) -> "tuple[CheckedConfig, Plan, Remaining] | None":
    """The plan of what is right in the config; the problems of the rest are added to ``found``.
    None if nothing can be compiled."""

    def tell(severity: Severity) -> "Callable[[HutchError], None]":
        return lambda error: found.add(severity, error, remaining.first_pointer(error.pointer))

    request.warn = tell("warning")
    while True:
        try:
            checked, _ = check_config(remaining.config)
        except ConfigError as error:
            # Reported already, or only because something around it was taken out.
            if remaining.lacks_neighbours(error.pointer) and error.value is not ...:
                tell("error")(error)
            if not remaining.take_out(error.pointer):
                return None
            continue
        if any(_is_namespace(path) for path in remaining.removed):
            reason = "the rest is not checked until these are right: other fields depend on them"
            found.add("note", ConfigError("", reason), "linux.namespaces")
            return None
        try:
            return checked, _tried(checked, request), remaining
        except HutchError as error:
            allowed = not (error.errno in NOT_ALLOWED and posix.geteuid())
            tell("error" if allowed else "note")(error)
            if not error.pointer or not remaining.take_out(error.pointer):
                return None


def _is_namespace(path: "Path") -> bool:
    return path[:2] == ("linux", "namespaces") and path[3:] != ("path",)


def _tried(config: "CheckedConfig", request: "Request") -> "Plan":
    """The plan for a config, after what create checks before it makes anything. Raises as create
    does."""
    from hutch.container.create import plan_for
    from hutch.container.preflight import check_host, check_tools, open_namespaces
    from hutch.plan.plan import Bindings

    request.config = config, encode(config).encode()
    plan = plan_for(request, "")[3]
    check_host(plan, config, Bindings(None))
    check_tools(plan)
    for fd in open_namespaces(plan):
        posix.close(fd)
    return plan


def counts(found: list[Finding]) -> "Iterator[tuple[Severity, int]]":
    """How many findings there are of each severity."""
    severities: tuple[Severity, ...] = ("error", "warning", "note")
    for severity in severities:
        yield severity, sum(finding.severity == severity for finding in found)
