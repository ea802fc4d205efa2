"""Removes each defence in a scratch copy and demands that its tests fall.

    python -m tests.mutants [--all | --part N/M | NAME...]        (./dev mutants)

Without words it takes the part of the list that is this day's. The tests run once as the tree is,
and must pass then; after that once for each mutant. Prints the survivors: mutants under which one
of their tests still passes. The exit code is 1 if there are any, or an entry could not be tried.
"""

import argparse
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from tests.mutants.catalog import Mutant, catalog, part, part_of
from tests.mutants.scratch import FALLEN, HELD, BuildError, Scratch


def chosen(words: list[str]) -> list[Mutant]:
    """The mutants that the command line names."""
    parser = argparse.ArgumentParser("./dev mutants")
    parser.add_argument("--all", action="store_true", help="every mutant")
    parser.add_argument("--part", metavar="N/M", help="the N-th of M parts")
    parser.add_argument("names", nargs="*", metavar="NAME", help="these only")
    given = parser.parse_args(words)
    mutants = catalog()
    if given.names:
        known = {mutant.name: mutant for mutant in mutants}
        unknown = [name for name in given.names if name not in known]
        if unknown:
            parser.error(f"no mutant is called {' or '.join(unknown)}")
        return [known[name] for name in given.names]
    if given.all:
        return mutants
    if given.part:
        try:
            number, parts = map(int, given.part.split("/"))
            return part(mutants, number, parts)
        except ValueError as error:
            parser.error(f"--part {given.part}: {error}")
    number, parts = part_of(date.today(), len(mutants))
    print(f"part {number} of {parts}, the day's; ./dev mutants --all takes all {len(mutants)}")
    return part(mutants, number, parts)


def tried(scratch: Scratch, mutant: Mutant) -> list[str]:
    """What is wrong with a mutant, in lines; none if all its tests fall."""
    try:
        with scratch.without(mutant):
            outcomes, said = scratch.outcomes(mutant.tests)
    except (BuildError, ValueError) as error:
        return [f"could not be tried: {error}"]
    wrong = []
    for test, outcome in outcomes.items():
        if outcome == HELD:
            wrong.append(f"survives {test}")
        elif outcome != FALLEN:
            wrong.append(f"{test} {outcome}:\n{said}")
    return wrong


def main(words: list[str]) -> int:
    mutants = chosen(words)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="hutch-mutants-") as folder:
        scratch = Scratch(Path(folder))
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        outcomes, said = scratch.outcomes(tests)
        fallen = [test for test in tests if outcomes[test] != HELD]
        if fallen:
            print(said)
            print("these do not pass as the tree is:", *fallen, sep="\n  ")
            return 1
        print(f"{len(tests)} tests pass as the tree is", flush=True)
        for number, mutant in enumerate(mutants, 1):
            begun = time.monotonic()
            wrong = tried(scratch, mutant)
            bad += bool(wrong)
            took = f"{time.monotonic() - begun:.1f} s"
            print(f"{number}/{len(mutants)} {mutant.name}: "
                  f"{'SURVIVES' if wrong else 'killed'} ({took})",
                  *(f"  {line}" for line in wrong), sep="\n", flush=True)  # fmt: skip
    print(f"{len(mutants) - bad} of {len(mutants)} mutants are killed")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
