"""The fixtures of tests/container and tests/engine, for containers that meet faults."""

from tests.support.containers import (
    bundle,
    hutch,
    no_traces,
    pytest_runtest_setup,
    reaper,
    run,
    sleeper,
)
from tests.support.engines import engine
from tests.support.networks import network

__all__ = [
    "bundle", "engine", "hutch", "network", "no_traces", "pytest_runtest_setup", "reaper", "run",
    "sleeper",
]  # fmt: skip
