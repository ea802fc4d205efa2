"""A program that exists but that the kernel refuses to execute (execve(2))."""

import os
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Runtime, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

# fmt: off
PROGRAMS = {
    "no program": (b"neither a program nor a script\n", "exec format error"),
    "another machine's": (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\xf3\0" + bytes(100),
                          "exec format error"),
    "no interpreter": (b"#!/bin/nothing\n", "no such file or directory"),
}
# fmt: on
each = pytest.mark.parametrize("kind", PROGRAMS)


def lay(bundle: Bundle, kind: str) -> str:
    program = bundle.rootfs / "bin" / "odd"
    program.write_bytes(PROGRAMS[kind][0])
    program.chmod(0o755)
    bundle.args("odd")
    return PROGRAMS[kind][1]


@each
def test_start_begins_and_the_container_says_why_it_ends(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, kind: str
) -> None:
    """Engines remove a container that ends, but not one whose start fails."""
    reason = lay(bundle, kind)
    marker = tmp_path / "poststart"
    bundle.config["hooks"] = {"poststart": [{"path": "/bin/touch", "args": ["touch", str(marker)]}]}
    said = tmp_path / "said"
    with said.open("w") as stderr:
        hutch("create", "--bundle", str(bundle.save().path), "test", stderr=stderr)
    done = hutch("start", "test")
    assert "warning" in done.err
    assert "config.json: process.args: execute odd: execve: " in done.err
    assert reason in done.err
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    assert said.read_text() == f"exec /bin/odd: {reason}\n"
    # A program that never ran was not started.
    assert not marker.exists()
    hutch("delete", "test")


def test_an_execve_that_is_refused_because_of_its_arguments_is_reported_too(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    bundle.args("echo", "x" * (200 << 10))  # one argument has at most 128 KiB (execve(2))
    said = tmp_path / "said"
    with said.open("w") as stderr:
        hutch("create", "--bundle", str(bundle.path), "test", stderr=stderr)
    error = hutch("start", "test").err
    assert "config.json: process.args: execute echo xxx" in error
    assert "...: execve: argument list too long" in error
    assert len(error) < 400
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    assert said.read_text() == "exec /bin/echo: argument list too long\n"


@each
def test_start_reports_it_if_nobody_reads_the_output_of_the_container(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, kind: str
) -> None:
    """The write causes SIGPIPE, which ends a process unless it is the first of a pid namespace."""
    reason = lay(bundle, kind)
    marker = tmp_path / "poststart"
    bundle.config["hooks"] = {"poststart": [{"path": "/bin/touch", "args": ["touch", str(marker)]}]}
    bundle.share("pid")
    reader, writer = os.pipe()
    hutch("create", "--bundle", str(bundle.path), "test", stderr=writer)
    os.close(writer)
    os.close(reader)
    assert reason in hutch("start", "test").err
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    assert not marker.exists()


@each
def test_with_strict_start_fails(hutch: Runtime, bundle: Bundle, kind: str) -> None:
    reason = lay(bundle, kind)
    hutch("--strict", "create", "--bundle", str(bundle.path), "test")
    error = hutch.refuses("start", "test")
    assert "process.args" in error
    assert reason in error


@each
def test_run_and_exec_fail(hutch: Runtime, bundle: Bundle, kind: str) -> None:
    reason = lay(bundle, kind)
    assert reason in hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert hutch.ids() == []
    hutch("run", "--detach", "--bundle", str(bundle.args("sleep", "1000").path), "test")
    error = hutch("exec", "test", "odd", check=False)
    assert error.code != 0
    assert reason in error.err
    assert hutch("exec", "test", "echo", "reached").out == "reached\n"


def test_ambient_capabilities_that_cannot_be_raised_are_told_of_once(
    hutch: Runtime, bundle: Bundle
) -> None:
    """config.md "capabilities": a capability that cannot be set MUST be logged. buildah asks for 14
    of them in each config, and a user sees the warning."""
    sets = bundle.config["process"]["capabilities"]
    sets["inheritable"] = ["CAP_CHOWN"]
    for kind in ("bounding", "effective", "permitted"):
        sets[kind] = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"]
    sets["ambient"] = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"]
    bundle.sh("grep CapAmb /proc/self/status")
    done = hutch("run", "--bundle", str(bundle.path), "test")
    assert done.out == "CapAmb:\t0000000000000001\n"
    assert 'process.capabilities.ambient: "CAP_KILL", "CAP_SETUID" are left out' in done.err
    assert done.err.count("warning") == 1
    assert "CAP_CHOWN" not in done.err
