"""The fixtures of tests/container, for containers that meet faults."""

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
