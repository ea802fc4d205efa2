"""Rows: what the specification demands, where it says so, and how it is shown."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from conformance.suite.case import Case

# The last is for what the specification says without a word of RFC 2119.
MUST, SHOULD, SAYS = "MUST", "SHOULD", "says"
PASS, FAIL, ARGUED, NOT_HERE = "pass", "fail", "argued", "not here"
RESULTS = (PASS, FAIL, NOT_HERE, ARGUED)
SOURCE = "https://github.com/opencontainers/runtime-spec/blob/v1.3.0/"

Check = Callable[["Case"], None]


class Unmet(Exception):
    """The runtime does not do what the row demands; the message says what it did."""


class NotHere(Exception):
    """This host cannot show it; the message says what it lacks."""


class Row(NamedTuple):
    """One requirement. ``lines`` are those of the document that it covers; exactly one of ``check``
    and ``argument`` is there."""

    id: str
    document: str
    section: str
    level: str
    requirement: str
    lines: tuple[int, ...]
    check: Check | None = None
    argument: str = ""

    @property
    def link(self) -> str:
        """Where the specification says it."""
        return f"{SOURCE}{self.document}?plain=1#L{self.lines[0]}"


class Document:
    """One document of the specification, by its sections' first lines; collects its rows."""

    def __init__(self, name: str, prefix: str, sections: dict[int, str]) -> None:
        self.name = name
        self.prefix = prefix
        self.sections = sections
        self.rows: list[Row] = []

    def section(self, line: int) -> str:
        """The title above a line."""
        return self.sections[max(start for start in self.sections if start <= line)]

    def shown(self, level: str, requirement: str, *lines: int) -> Callable[[Check], Check]:
        """Decorates the check that shows a requirement of these lines."""

        def add(check: Check) -> Check:
            self._add(level, requirement, lines, check, "")
            return check

        return add

    def argued(self, level: str, requirement: str, *lines: int, why: str) -> None:
        """Adds a requirement that no container can show, and why."""
        self._add(level, requirement, lines, None, why)

    def _add(
        self, level: str, requirement: str, lines: tuple[int, ...], check: Check | None, why: str
    ) -> None:
        number = sum(row.lines[0] == lines[0] for row in self.rows)
        id = f"{self.prefix}-{lines[0]:03}" + (
            "abcdefghijklmnopqrstuvwxyz"[number] if number else ""
        )
        self.rows.append(
            Row(id, self.name, self.section(lines[0]), level, requirement, lines, check, why)
        )
