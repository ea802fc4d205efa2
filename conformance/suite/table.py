"""Rows: a requirement of the specification, its place there, and the check."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from conformance.suite.case import Case

# The last one is for sentences without a word of RFC 2119.
MUST, SHOULD, SAYS = "MUST", "SHOULD", "says"
PASS, FAIL, ARGUED, NOT_HERE = "pass", "fail", "argued", "not here"
RESULTS = (PASS, FAIL, NOT_HERE, ARGUED)
SOURCE = "https://github.com/opencontainers/runtime-spec/blob/v1.3.0/"

Check = Callable[["Case"], None]


class Unmet(Exception):
    """The runtime does not meet the requirement of the row. The message says what it did."""


class NotHere(Exception):
    """The row cannot be tested on this host. The message says what the host lacks."""


class Row(NamedTuple):
    """One requirement. ``lines`` are the lines of the document that contain it. A row has either a
    ``check`` or an ``argument``."""

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
        """The URL of the line in the specification."""
        return f"{SOURCE}{self.document}?plain=1#L{self.lines[0]}"


class Document:
    """One document of the specification, with the first line of each section. Collects its rows."""

    def __init__(self, name: str, prefix: str, sections: dict[int, str]) -> None:
        self.name = name
        self.prefix = prefix
        self.sections = sections
        self.rows: list[Row] = []

    def section(self, line: int) -> str:
        """The title of the section that contains a line."""
        return self.sections[max(start for start in self.sections if start <= line)]

    def shown(self, level: str, requirement: str, *lines: int) -> Callable[[Check], Check]:
        """Decorates a check, and adds the row for the requirement in these lines."""

        def add(check: Check) -> Check:
            self._add(level, requirement, lines, check, "")
            return check

        return add

    def argued(self, level: str, requirement: str, *lines: int, why: str) -> None:
        """Adds a requirement that no container can test, with the reason."""
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
