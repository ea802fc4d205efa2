"""The list of mutants: each is a defence, the smallest change that removes it, and the tests that
must fall then. The files are those named *.toml here; an entry of one is

    [[mutant]]
    name = "short-kebab-name"
    defence = "one sentence: what it guards"
    file = "native/init/rootfs.c"
    old = '''text that stands in the file once'''
    new = '''what stands there without the defence'''
    tests = ["tests/security/test_paths.py::test_name"]
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FOLDER = Path(__file__).parent
PART = 12  # mutants in one day's part, about


@dataclass(frozen=True)
class Mutant:
    """One entry; ``source`` is the name of the file that it stands in."""

    name: str
    defence: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    source: str


def catalog(folder: Path = FOLDER) -> list[Mutant]:
    """All mutants, as they stand in the files. TypeError for an unknown or missing key."""
    found = []
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text())["mutant"]:
            tests = tuple(entry.pop("tests"))
            found.append(Mutant(**entry, tests=tests, source=path.name))
    return found


def part(mutants: list[Mutant], number: int, parts: int) -> list[Mutant]:
    """Part ``number`` of ``parts``, from 1 on: every so many-th, so that each has some of all."""
    if not 1 <= number <= parts:
        raise ValueError(f"there is no part {number} of {parts}")
    return mutants[number - 1 :: parts]


def part_of(day: date, count: int) -> tuple[int, int]:
    """(number, parts): which part of ``count`` mutants that day has; in turn, and all in time."""
    parts = max(1, round(count / PART))
    return day.toordinal() % parts + 1, parts
