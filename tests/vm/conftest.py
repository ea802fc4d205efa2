"""Real containers on a host booted for it: the fixtures of tests/container.

Run by ``./dev test --host vm``. A test that takes a special machine is marked ``selinux`` (SELinux
enforcing) or ``v1`` (systemd on cgroup v1); the others run on cgroup v2 with AppArmor, and those
marked ``systemd`` with SELinux too.
"""

import pytest

from tests.support.cgroups import place
from tests.support.containers import (
    Bundle,
    Outcome,
    Runtime,
    bundle,
    hutch,
    no_traces,
    reaper,
    run,
    sleeper,
)
from tests.support.engines import engine
from tests.support.systemd import systemd

__all__ = [
    "Bundle",
    "Outcome",
    "Runtime",
    "bundle",
    "engine",
    "hutch",
    "no_traces",
    "place",
    "reaper",
    "run",
    "sleeper",
    "systemd",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts test_missing_modules.py first. It removes modules, and Linux 6.1 sometimes counts users
    of nf_tables for ever after CRIU has blocked a network."""
    items.sort(key=lambda item: item.path.name != "test_missing_modules.py")
