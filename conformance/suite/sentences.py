"""The lines of the specification with a requirement, and a check that each of them has a row.

sentences.txt lists each line of v1.3.0 with a word of RFC 2119 (except MAY and OPTIONAL, which
require nothing), without its text. For a line about another platform it names the platform.
"""

from pathlib import Path
from typing import NamedTuple

from conformance.suite.table import Row

LIST = Path(__file__).with_name("sentences.txt")


class Sentence(NamedTuple):
    """A line: its document and number, its words of RFC 2119, and its platform, if this is not
    Linux."""

    document: str
    line: int
    words: tuple[str, ...]
    platform: str


def sentences() -> list[Sentence]:
    """All lines of the list."""
    result = []
    for text in LIST.read_text().splitlines():
        if text and not text.startswith("#"):
            left, _, platform = text.partition(" -- ")
            document, line, words = left.split(" ", 2)
            result.append(Sentence(document, int(line), tuple(words.split(", ")), platform))
    return result


def uncovered(rows: list[Row]) -> list[str]:
    """The lines about Linux that have no row."""
    covered = {(row.document, line) for row in rows for line in row.lines}
    return [
        f"{sentence.document}:{sentence.line}"
        for sentence in sentences()
        if not sentence.platform and (sentence.document, sentence.line) not in covered
    ]
