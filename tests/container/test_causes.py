"""The cause of a failure, found after it: the sentence names it, the JSON log has its fields."""

import json
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import COMMAND, Bundle, Runtime, eventually, reachable

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


def record(hutch: Runtime, bundle: Bundle, verb: str = "run") -> dict[str, Any]:
    """The last line of the JSON log of a command that fails."""
    log = bundle.path / "log"
    words = ["--log", str(log), "--log-format", "json", verb, "--bundle", str(bundle.path), "test"]
    done = hutch(*words, check=False)
    assert done.code == 1, done.err
    return dict(json.loads(log.read_text().splitlines()[-1]))


def lay(bundle: Bundle, content: bytes, mode: int = 0o755) -> None:
    program = bundle.rootfs / "bin" / "odd"
    program.write_bytes(content)
    program.chmod(mode)
    bundle.args("odd")


def elf(machine: bytes, interpreter: bytes = b"") -> bytes:
    """A program for 64-bit little-endian machines, with one segment that names its loader."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0" + machine
    head += struct.pack("<IQQQIHHHHHH", 1, 0x400000, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    size = len(interpreter)
    return head + struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, size, size, 1) + interpreter


HERE = Path("/bin/busybox").read_bytes()[18:20]
# What a program's file says, and the words and the cause that come of it.
PROGRAMS = {
    "a script's interpreter": (b"#!/bin/absent -x\n", "#! line names /bin/absent", "interpreter"),
    "line ends of DOS": (b"#!/bin/sh\r\necho\r\n", "line ends of DOS", "interpreter"),
    "a dynamic loader": (elf(HERE, b"/lib/ld-no.so\0"), "loader /lib/ld-no.so", "interpreter"),
    "another machine": (elf(b"\xf3\0"), "a program for riscv64", "format"),
    "no program": (b"hello\n", "neither an ELF program nor a script", "format"),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_the_kernel_does_not_execute(
    hutch: Runtime, bundle: Bundle, name: str
) -> None:
    content, words, cause = PROGRAMS[name]
    lay(bundle, content)
    said = record(hutch, bundle)
    assert words in said["msg"]
    assert said["cause"] == cause
    assert said["call"] == "execve"
    assert said["pointer"] == "process.args"
    # create and start tell the same, and exec into a container that runs.
    hutch("create", "--bundle", str(bundle.path), "test", stderr=subprocess.DEVNULL)
    assert words in hutch("start", "test").err
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    hutch("delete", "test")
    hutch("run", "-d", "--bundle", str(bundle.args("sleep", "1000").path), "test")
    assert words in hutch("exec", "test", "odd", check=False).err


def test_an_interpreter_on_a_noexec_mount_is_named_by_the_mount(
    hutch: Runtime, bundle: Bundle
) -> None:
    """The lookup sees the program, whose own mount is noexec, before execve does."""
    bundle.config["mounts"].append(
        {"destination": "/opt", "source": str(bundle.rootfs / "bin"), "options": ["bind", "noexec"]}
    )
    bundle.args("/opt/busybox", "true")
    said = record(hutch, bundle)
    assert "mounts[7], at /opt, is noexec" in said["msg"]
    assert "permission denied" in said["msg"]


def test_a_directory_that_the_user_may_not_enter(hutch: Runtime, bundle: Bundle) -> None:
    closed = bundle.rootfs / "closed"
    closed.mkdir()
    (closed / "sh").write_bytes((bundle.rootfs / "bin" / "busybox").read_bytes())
    (closed / "sh").chmod(0o755)
    closed.chmod(0o700)
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    bundle.config["process"]["capabilities"] = {}
    bundle.args("/closed/sh")
    said = record(hutch, bundle)
    assert "uid 1000, gid 1000 of process.user may not enter the directory /closed" in said["msg"]
    assert said["cause"] == "permissions"
    assert said["errno"] == "EACCES"


def test_a_file_that_the_user_may_not_execute(hutch: Runtime, bundle: Bundle) -> None:
    lay(bundle, (bundle.rootfs / "bin" / "busybox").read_bytes(), 0o744)
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    bundle.config["process"]["capabilities"] = {}
    said = record(hutch, bundle.save())
    assert "may not execute /bin/odd (mode 0744, owner 0:0 of the host)" in said["msg"]


@pytest.mark.parametrize(
    ("program", "words"),
    [("/tmp", "/tmp is a directory"), ("odd", "/bin/odd has no execute bit (mode 0644)")],
)
def test_what_is_no_program(hutch: Runtime, bundle: Bundle, program: str, words: str) -> None:
    lay(bundle, b"#!/bin/sh\n", 0o644)
    bundle.args(program)
    said = record(hutch, bundle, verb="create")
    assert words in said["msg"]
    assert f'exec: "{program}": permission denied' in said["msg"]
    assert said["cause"] == "not executable"


def test_a_filter_that_forbids_execve(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["execve", "execveat"], "action": "SCMP_ACT_ERRNO"}],
    }
    said = record(hutch, bundle.save())
    assert "linux.seccomp forbids execve" in said["msg"]
    assert "operation not permitted" in said["msg"]
    assert said["cause"] == "seccomp"


@pytest.mark.parametrize(
    ("kind", "script", "fields", "end"),
    [
        ("prestart", "echo one; echo two >&2; exit 3", {}, {"exitStatus": 3}),
        ("createContainer", "echo one; echo two >&2; kill -9 $$", {}, {"signal": 9}),
        ("startContainer", "echo one; echo two >&2; sleep 60", {"timeout": 1}, {"timeout": 1}),
        ("createRuntime", "echo one; echo two >&2; sleep 60", {"timeout": 1}, {"timeout": 1}),
    ],
)
def test_a_hook_that_fails(
    hutch: Runtime, bundle: Bundle, kind: str, script: str, fields: dict[str, int],
    end: dict[str, int],
) -> None:  # fmt: skip
    shell = {"path": "/bin/sh", "args": ["sh", "-c", script], **fields}
    bundle.config["hooks"] = {kind: [{"path": "/bin/true"}, shell]}
    said = record(hutch, bundle.save())
    assert said["pointer"] == f"hooks.{kind}[1]"
    assert said["cause"] == "hook"
    assert said["hook"] == "/bin/sh"
    assert said["output"] == "one; two"
    assert {key: said[key] for key in end} == end


# Mounts a tmpfs over a part of proc in a mount namespace of its own, then runs the command.
MASKED = 'mount -t tmpfs none /proc/bus && exec "$@"'


@pytest.mark.parametrize("masked", [False, True])
def test_proc_that_another_mount_covers(hutch: Runtime, bundle: Bundle, masked: bool) -> None:
    """With the control: without the mask a user namespace may mount proc."""
    linux = bundle.config["linux"]
    linux["namespaces"].append({"type": "user"})
    for field in ("uidMappings", "gidMappings"):
        linux[field] = [{"containerID": 0, "hostID": 700000, "size": 1000}]
    bundle.save()
    reachable(bundle.path)
    words = [COMMAND, "--root", str(hutch.root), "run", "--bundle", str(bundle.path), "test"]
    if masked:
        words = ["unshare", "--mount", "sh", "-c", MASKED, "sh", *words]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if not masked:
        assert done.returncode == 0, done.stderr
        return
    assert "mounts[0]: mount proc on /proc" in done.stderr
    assert "operation not permitted" in done.stderr
    assert "parts of the host's proc are covered by mounts at /proc/bus" in done.stderr
