"""The virtual machine: a QEMU process. It is booted and saved once, and resumed for every job.

The host and the guest communicate over the guest's second serial port. The guest writes "ready"
until the host sends the time; after that it writes the output of the job. The job is in a folder,
the first 9p share: the script, its settings, and at the end its exit status. QEMU cannot save a
machine with a mounted 9p share. So the shares are mounted after the machine is resumed, and a saved
machine has a fixed number of them.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from . import TestHostError
from .image import GUEST, cache_lock, call, image, say, tool

SHARES = 2
BOOT_LIMIT = 300.0  # seconds, on a loaded machine
TIMED_OUT, FAILED = 124, 125  # exit statuses, as those of timeout(1)
MEMORY = 2048  # MiB
PR_SET_PDEATHSIG = 1
READY = re.compile(rb"\A(?:ready\n)*")

SECURITY = {
    "apparmor": "security=apparmor apparmor=1 selinux=0",
    "selinux": "security=selinux selinux=1 enforcing=0 apparmor=0",
    "selinux-enforcing": "security=selinux selinux=1 enforcing=1 apparmor=0",
    "none": "lsm=yama apparmor=0 selinux=0",
}
CGROUP = {
    "v2": "systemd.unified_cgroup_hierarchy=1",
    "hybrid": "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=0",
    "v1": "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1",
}
KERNEL = (
    "console=ttyS0 panic=-1 loglevel=4 mitigations=off nowatchdog random.trust_cpu=on "
    "no_timer_check net.ifnames=0 systemd.show_status=0"
)
# The time goes on at once when the processor waits.
COUNTING = ("-smp", "1", "-accel", "tcg,thread=single,tb-size=512", "-icount", "shift=0,sleep=off")


class Kind(NamedTuple):
    """The kind of machine: a key of SECURITY and a key of CGROUP; packages that it has besides.
    ``counting``: it has one processor, and its clock counts the instructions that this executes,
    one as a nanosecond. So processor time in it is a number of instructions."""

    security: str = "apparmor"
    cgroup: str = "v2"
    packages: tuple[str, ...] = ()
    counting: bool = False


class Job(NamedTuple):
    """A job: its command, and ``shares``, the folders that it can read at the same paths."""

    command: list[str]
    folder: str = "/root"
    environment: dict[str, str] = {}  # noqa: RUF012 - never changed
    shares: list[Path] = []  # noqa: RUF012
    timeout: float = 600.0


ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LANG": "C.UTF-8",
}


def run(kind: Kind, job: Job) -> int:
    """Runs a job in its own machine. Returns its exit status, TIMED_OUT, or FAILED.

    Its output goes to stdout at once. Raises TestHostError if the machine cannot be made.
    """
    disk = image(kind.packages)
    saved = _saved(kind, disk)
    work = Path(tempfile.mkdtemp(prefix="hutch-testhost-"))
    try:
        _write_job(work / "job", job)
        drive = f"file={_escaped(saved / 'disk')},format=qcow2,snapshot=on"
        machine = Machine(kind, disk, drive, work, [work / "job", *job.shares], saved / "memory")
        try:
            machine.wait_ready()
            deadline = time.monotonic() + job.timeout
            if not machine.work(deadline):
                say(f"the job was not done within {job.timeout:.0f} s")
                return TIMED_OUT
        finally:
            machine.end()
        status = work / "job" / "status"
        if not status.exists():
            machine.show_console()
            say("the machine ended before its job")
            return FAILED
        return int(status.read_text())
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write_job(folder: Path, job: Job) -> None:
    folder.mkdir()
    shutil.copy(GUEST / "agent", folder)
    environment = {**ENVIRONMENT, **job.environment}

    def array(words: list[str]) -> str:
        return "(" + " ".join(shlex.quote(word) for word in words) + ")"

    lines = {
        "shares": array([str(share) for share in job.shares]),
        "folder": shlex.quote(job.folder),
        "environment": array([f"{name}={value}" for name, value in environment.items()]),
        "command": array(job.command),
    }
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    (folder / "job.conf").write_text(text)


def _saved(kind: Kind, disk: Path) -> Path:
    """The folder of the saved machine of this kind. Boots and saves it if there is none."""
    qemu = os.stat(tool("qemu-system-x86_64"))
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    key = hashlib.sha256(repr((own, qemu.st_size, qemu.st_mtime_ns)).encode()).hexdigest()[:8]
    name = f"{kind.security}-{kind.cgroup}" + ("-counting" if kind.counting else "")
    target = disk / f"{name}-{key}"
    if target.exists():
        return target
    with cache_lock():
        if target.exists():
            return target
        start = time.monotonic()
        say(f"booting a machine with {kind.security} and cgroup {kind.cgroup}, to save it booted")
        work = Path(tempfile.mkdtemp(prefix="saving-", dir=disk))
        try:
            (work / "result").mkdir(mode=0o755)
            overlay = work / "result" / "disk"
            create = (tool("qemu-img"), "create", "-q", "-f", "qcow2", "-F", "raw")
            call(*create, "-b", disk / "disk", overlay)
            machine = Machine(kind, disk, f"file={_escaped(overlay)},format=qcow2", work, [])
            try:
                machine.wait_ready()
                machine.save(work / "result" / "memory")
            except TestHostError:
                machine.show_console()
                raise
            finally:
                machine.end()
            (work / "result").rename(target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        say(f"booted and saved: {time.monotonic() - start:.0f} s")
    return target


class Machine:
    """A running QEMU. ``drive`` is its disk; ``work`` is a folder for the log of the console."""

    def __init__(
        self,
        kind: Kind,
        disk: Path,
        drive: str,
        work: Path,
        shares: list[Path],
        memory: "Path | None" = None,
    ) -> None:
        self.console = work / "console"
        empty = work / "empty"
        empty.mkdir()
        shares = shares + [empty] * (1 + SHARES - len(shares))
        self.door, door = socket.socketpair()
        self.control, control = socket.socketpair()
        words = _qemu(kind, disk, drive, shares, door.fileno(), control.fileno())
        if memory is not None:
            words += ["-incoming", f"exec:cat {shlex.quote(str(memory))}"]
        with open(self.console, "wb") as log:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[door.fileno(), control.fileno()],
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        door.close()
        control.close()

    def wait_ready(self) -> None:
        """Waits until the guest asks for a job. Raises TestHostError."""
        self.door.settimeout(BOOT_LIMIT)
        heard = b""
        while not heard.endswith(b"ready\n"):
            try:
                data = self.door.recv(4096)
            except TimeoutError:
                raise TestHostError(f"no machine within {BOOT_LIMIT:.0f} s") from None
            if not data:
                self.show_console()
                raise TestHostError("the machine ended instead of booting")
            heard += data

    def work(self, deadline: float) -> bool:
        """Sends the job and prints its output until it ends. False if the deadline has passed."""
        self.door.sendall(b"%d\n" % time.time())
        beginning, heard = True, b""
        while (rest := deadline - time.monotonic()) > 0:
            if not select.select([self.door], [], [], rest)[0]:
                break
            try:
                data = self.door.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return True
            if beginning:
                # The guest writes "ready" until it receives the answer.
                heard = READY.sub(b"", heard + data)
                beginning = b"ready\n".startswith(heard)
                data = b"" if beginning else heard
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        return False

    def save(self, path: Path) -> None:
        """Saves memory and devices to a file, and ends QEMU (with QMP). Raises TestHostError."""
        self.control.settimeout(120)
        replies = self.control.makefile("r")
        replies.readline()  # the greeting

        def ask(command: str, **arguments: "str | int") -> "dict[str, Any]":
            text = json.dumps({"execute": command, "arguments": arguments})
            self.control.sendall(text.encode())
            while True:
                reply: dict[str, Any] = json.loads(replies.readline())
                if "error" in reply:
                    raise TestHostError(f"QEMU: {command}: {reply['error']['desc']}")
                if "return" in reply:
                    return dict(reply["return"])

        ask("qmp_capabilities")
        ask("migrate-set-parameters", **{"max-bandwidth": 16 << 30})
        ask("migrate", uri=f"exec:cat >{shlex.quote(str(path))}")
        while (status := ask("query-migrate").get("status")) != "completed":
            if status in {"failed", "cancelled"}:
                raise TestHostError("QEMU could not save the machine")
            time.sleep(0.05)
        ask("quit")
        self.process.wait(30)

    def show_console(self) -> None:
        text = self.console.read_bytes()[-4000:].decode(errors="replace")
        say("the console's last lines:\n" + text)

    def end(self) -> None:
        """Ends QEMU and its child processes."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.door.close()
        self.control.close()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _escaped(path: Path) -> str:
    """Escapes a value for QEMU's options: a comma must be written twice."""
    return str(path).replace(",", ",,")


def _qemu(
    kind: Kind, disk: Path, drive: str, shares: list[Path], door: int, control: int
) -> list[str]:
    # fmt: off
    words = [
        tool("qemu-system-x86_64"), "-nodefaults", "-no-user-config", "-display", "none",
        "-no-reboot", "-machine", "q35", "-cpu", "max", "-m", str(MEMORY),
        *(COUNTING if kind.counting else ("-smp", "2", "-accel", "tcg,thread=multi,tb-size=512")),
        "-kernel", str(disk / "vmlinuz"), "-initrd", str(disk / "initrd"),
        "-append", f"{KERNEL} {SECURITY[kind.security]} {CGROUP[kind.cgroup]}",
        "-drive", f"{drive},if=virtio,cache=unsafe",
        "-serial", "stdio",
        "-chardev", f"socket,id=door,fd={door}", "-serial", "chardev:door",
        "-chardev", f"socket,id=control,fd={control}", "-mon", "chardev=control,mode=control",
    ]
    # fmt: on
    model = "passthrough" if os.geteuid() == 0 else "none"
    for index, path in enumerate(shares):
        tag = f"share{index - 1}" if index else "job"
        access = ",readonly=on" if index else ""
        words += [
            "-fsdev",
            f"local,id={tag},path={_escaped(path)},security_model={model},multidevs=remap{access}",
            "-device",
            f"virtio-9p-pci,fsdev={tag},mount_tag={tag}",
        ]
    return words
