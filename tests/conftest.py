"""What holds for all tests, however they were started."""

import os
import signal

import pytest

from tests.support.leftovers import (
    pytest_sessionfinish,
    pytest_sessionstart,
    pytest_terminal_summary,
)

__all__ = ["pytest_sessionfinish", "pytest_sessionstart", "pytest_terminal_summary"]

# A job in the background, or one under nohup(1), is started with these ignored, and so would be
# every command under test. What is caught, unlike what is ignored, is the default again after
# execve.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs containers takes root; without it these tests say so instead of failing."""
    for item in items:
        if os.geteuid() != 0 and item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="takes root"))
