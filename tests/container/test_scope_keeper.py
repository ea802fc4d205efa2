"""The process that keeps a systemd scope alive until the container's first process is in it. These
tests need no systemd; those of scopes are in tests/vm."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hutch.cgroups.cold.systemd import Keeper

from tests.support.containers import eventually

pytestmark = [pytest.mark.no_runtime, pytest.mark.root]

INIT = "/memfd:hutch-init (deleted)"


def test_the_keeper_waits_until_it_is_released() -> None:
    keeper = Keeper()
    assert os.readlink(f"/proc/{keeper.pid}/exe") == INIT
    # It has no open file of the runtime, such as a lock.
    held = {int(name) for name in os.listdir(f"/proc/{keeper.pid}/fd")}
    assert held <= {0, 1, 2, 3, 4}
    keeper.end()
    assert not Path(f"/proc/{keeper.pid}").exists()


def test_the_keeper_ends_with_the_runtime() -> None:
    words = (
        "from hutch.cgroups.cold.systemd import Keeper; print(Keeper().pid, flush=True); input()"
    )
    runtime = subprocess.Popen(
        [sys.executable, "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert runtime.stdout is not None
    pid = int(runtime.stdout.readline())
    assert os.readlink(f"/proc/{pid}/exe") == INIT
    runtime.send_signal(signal.SIGKILL)
    runtime.communicate()
    eventually(lambda: not Path(f"/proc/{pid}/exe").exists() or _is_zombie(pid))


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
