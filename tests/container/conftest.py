"""Real containers: the fixtures, and the checks of each test that runs a container."""

from tests.support.cgroups import place
from tests.support.containers import (
    bundle,
    fault,
    filtered,
    hutch,
    no_traces,
    pytest_runtest_setup,
    reaper,
    run,
    sleeper,
)

__all__ = [
    "bundle",
    "fault",
    "filtered",
    "hutch",
    "no_traces",
    "place",
    "pytest_runtest_setup",
    "reaper",
    "run",
    "sleeper",
]
