"""Real containers on a host booted for it: the fixtures of tests/container.

Run by ``./dev test --host vm``. A test that takes a special machine is marked ``selinux`` (SELinux
enforcing) or ``v1`` (systemd on cgroup v1); the others run on cgroup v2 with AppArmor, and those
marked ``systemd`` with SELinux too.
"""

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
