"""The lines of the specification that demand something, and whether every one has a row.

sentences.txt names each line of v1.3.0 with a word of RFC 2119 in it (but MAY and OPTIONAL, which
demand nothing), without its text; lines about other platforms name them.
"""

from pathlib import Path
from typing import NamedTuple

from conformance.suite.table import Row

LIST = Path(__file__).with_name("sentences.txt")


class Sentence(NamedTuple):
    """A line: its document and number, the words of RFC 2119 in it, and a platform that is not
    Linux, if it is about one."""

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
    """The lines about Linux that no row is for."""
    covered = {(row.document, line) for row in rows for line in row.lines}
    return [
        f"{sentence.document}:{sentence.line}"
        for sentence in sentences()
        if not sentence.platform and (sentence.document, sentence.line) not in covered
    ]
