"""Workflows run what a person runs: ./dev and .ci/run, and nothing else."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
COMMANDS = set(re.findall(r"^  (\w+) ", (ROOT / "dev").read_text(), re.MULTILINE))


def steps(path: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(path.read_text())["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def test_there_are_workflows() -> None:
    assert "tests.yml" in [path.name for path in WORKFLOWS]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_the_projects_commands_only(path: Path) -> None:
    for step in steps(path):
        if "run" in step:
            program, *words = step["run"].split()
            assert program in ("./dev", ".ci/run")
            assert program == ".ci/run" or words[0] in COMMANDS
            assert not set(step["run"]) & set(";&|\n$`")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_pinned_to_a_commit(path: Path) -> None:
    for step in steps(path):
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"])
