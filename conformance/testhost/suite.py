"""Runs tests/vm, many tests in one machine, in each kind of machine that the tests need.

The project's folder is shared with the machine, read-only and at the same path. Its virtual
environment works there, because both use the python3 of Debian 12.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from . import TestHostError
from .image import image, say
from .machine import Job, Kind
from .machine import run as run_job

PROJECT = Path(__file__).resolve().parents[2]
TIMEOUT = 1800.0
NO_TESTS = 5  # an exit status of pytest

# The kinds of machines, each with the markers of the tests that run there.
HOSTS = {
    "apparmor": (Kind("apparmor", "v2"), "not selinux and not v1"),
    "selinux-enforcing": (Kind("selinux-enforcing", "v2"), "selinux or systemd"),
    "hybrid": (Kind("apparmor", "hybrid"), "v1"),
    "v1": (Kind("apparmor", "v1"), "v1"),
}


def run(hosts: list[str], arguments: list[str], at_once: int) -> int:
    """Runs pytest with these arguments in each machine, ``at_once`` of them at the same time.
    Returns the worst exit status.

    Raises TestHostError if a machine cannot be made.
    """
    version = _python_version()
    if version != "3.11":
        raise TestHostError(
            f".venv is of Python {version}, and the test host has Debian 12's 3.11: "
            "build with /usr/bin/python3 of Debian 12"
        )
    image()
    if len(hosts) > 1:
        return _each_in_a_process(hosts, arguments, at_once)
    kind, markers = HOSTS[hosts[0]]
    start = time.monotonic()
    say(f"tests/vm on a machine with {kind.security} and cgroup {kind.cgroup}")
    status = run_job(kind, _job(markers, arguments))
    say(f"{hosts[0]}: {time.monotonic() - start:.0f} s")
    return status


def _each_in_a_process(hosts: list[str], arguments: list[str], at_once: int) -> int:
    """Several at once take less time, because a test uses only one processor. What a machine prints
    beside an earlier one is shown at its end."""
    command = [sys.executable, "-m", __package__, "test", *arguments, "--only"]
    statuses = []
    waiting = list(hosts)
    with contextlib.ExitStack() as stack:
        running: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = []
        while waiting or running:
            while waiting and len(running) < at_once:
                output = stack.enter_context(tempfile.TemporaryFile())
                to = output if running else None
                process = subprocess.Popen([*command, waiting.pop(0)], stdout=to, stderr=to)
                stack.callback(process.wait)
                stack.callback(process.terminate)
                running.append((process, output))
            process, said = running.pop(0)
            statuses.append(process.wait())
            said.seek(0)
            shutil.copyfileobj(said, sys.stdout.buffer)
            sys.stdout.flush()
    # The arguments may select only tests for other kinds of machines.
    if arguments and set(statuses) != {NO_TESTS}:
        statuses = [status for status in statuses if status != NO_TESTS]
    return max(statuses)


def _python_version() -> str:
    python = PROJECT / ".venv" / "bin" / "python"
    if not python.exists():
        raise TestHostError("there is no .venv: ./dev build makes it")
    show = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run(
        [python, "-c", show], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


def _job(markers: str, arguments: list[str]) -> Job:
    given = [word for word in arguments if not word.startswith("-")]
    command = [
        str(PROJECT / ".venv" / "bin" / "python"),
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--basetemp=/var/tmp/pytest",
        "-m",
        markers,
        *arguments,
        *([] if given else ["tests/vm"]),
    ]
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}
    return Job(command, str(PROJECT), environment, [PROJECT], TIMEOUT)
