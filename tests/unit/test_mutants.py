"""The list of mutants is in order: each changes one place that is there and names real tests."""

import ast
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.mutants.catalog import Mutant, catalog, part, part_of

ROOT = Path(__file__).parents[2]
MUTANTS = catalog()


def test_there_are_forty_or_more_and_each_has_a_name_of_its_own() -> None:
    assert len(MUTANTS) >= 40
    names = [mutant.name for mutant in MUTANTS]
    assert sorted(set(names)) == sorted(names)


def functions(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_place_and_has_tests(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1, mutant.file
    assert mutant.new != mutant.old
    assert mutant.defence and mutant.tests
    for test in mutant.tests:
        path, _, name = test.partition("::")
        assert (ROOT / path).is_file(), test
        assert name.partition("[")[0] in functions(ROOT / path), test


def test_every_mutant_has_its_day() -> None:
    days = [date(2026, 1, 1) + timedelta(n) for n in range(part_of(date.min, len(MUTANTS))[1])]
    parts = [part(MUTANTS, *part_of(day, len(MUTANTS))) for day in days]
    assert sorted(mutant.name for some in parts for mutant in some) == sorted(
        mutant.name for mutant in MUTANTS
    )
    with pytest.raises(ValueError, match="no part"):
        part(MUTANTS, 3, 2)
