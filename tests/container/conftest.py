"""Real containers: the fixtures, and what holds for each test that runs some."""

from tests.support.containers import (
    bundle,
    hutch,
    no_traces,
    pytest_runtest_setup,
    reaper,
    run,
    sleeper,
)

__all__ = ["bundle", "hutch", "no_traces", "pytest_runtest_setup", "reaper", "run", "sleeper"]
