"""Containers whose cgroup systemd makes, for tests on a host that runs it."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.containers import Bundle, Result, Runtime

SLICE = "hutchtest.slice"


def systemctl(*words: str) -> str:
    done = subprocess.run(
        ["systemctl", *words], capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout


def shown(unit: str, *names: str) -> dict[str, str]:
    """Properties of a unit, from systemd."""
    lines = systemctl("show", unit, *(f"--property={name}" for name in names)).splitlines()
    return dict(line.split("=", 1) for line in lines)


def units() -> list[str]:
    text = systemctl("list-units", "--all", "--plain", "--no-legend", "hutch-*.scope")
    return [line.split()[0] for line in text.splitlines() if line]


class SystemdRuntime(Runtime):
    """The command with --systemd-cgroup."""

    def __call__(self, *words: str, **options: Any) -> Result:
        return super().__call__("--systemd-cgroup", *words, **options)


@pytest.fixture
def systemd(hutch: Runtime, bundle: Bundle) -> Iterator[SystemdRuntime]:
    """The command; its units are removed from systemd at the end. The container of the bundle
    sleeps in the scope hutch-ID.scope of the tests' slice."""

    def change(config: dict[str, Any]) -> None:
        config["linux"]["cgroupsPath"] = f"{SLICE}:hutch:"

    bundle.change(change).args("sleep", "1000")
    runtime = SystemdRuntime(hutch.command, hutch.root)
    yield runtime
    for id in runtime.ids():
        runtime("delete", "--force", id, check=False)
    assert units() == []
