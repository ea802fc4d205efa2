"""The defaults of a container of an image: `warren bundle`, then hutch."""

import io
import json
import os
import platform
import resource
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyseccomp
import pytest
from hutch.defaults.config import CAPABILITIES, NOFILE, PIDS
from hutch.defaults.seccomp import default_seccomp
from hutch.spec.capabilities import NAMES, mask
from hutch.spec.default import MASKED_PATHS, READONLY_PATHS

from tests.support.containers import Outcome, Runtime, make_rootfs
from tests.support.leftovers import CGROUPS

pytestmark = pytest.mark.root

EPERM, ENOSYS = 1, 38
X32_BIT = 0x4000_0000
NEWUSER, FS = 0x1000_0000, 0x200

# A call with arguments that the kernel refuses as well, but never with EPERM and without doing
# anything; and the capability that the profile allows it with.
CALLS = {
    "keyctl": ("9999", ""),
    "add_key": ("0", ""),
    "request_key": ("0", ""),
    "userfaultfd": ("0xffff", ""),
    "io_uring_setup": ("0,0", ""),
    "kexec_load": ("0,0,0,0xffff", ""),
    "swapon": ("0,0xff000000", ""),
    "pivot_root": ("0,0", ""),
    "clone": (f"{NEWUSER | FS}", "CAP_SYS_ADMIN"),
    "unshare": ("0x1", "CAP_SYS_ADMIN"),
    "setns": (f"{2**64 - 1},0", "CAP_SYS_ADMIN"),
    "mount": ("0,0,0,0,0", "CAP_SYS_ADMIN"),
    "umount2": ("0,0", "CAP_SYS_ADMIN"),
    "fsopen": ("0,0", "CAP_SYS_ADMIN"),
    "bpf": ("9999,0,0", "CAP_BPF"),
    "perf_event_open": ("0,0,0,0,0", "CAP_PERFMON"),
    "syslog": ("9999", "CAP_SYSLOG"),
    "open_by_handle_at": (f"{2**64 - 1},0,0", "CAP_DAC_READ_SEARCH"),
    "reboot": ("0,0,0,0", "CAP_SYS_BOOT"),
    "init_module": ("0,0,0", "CAP_SYS_MODULE"),
    "acct": ("1", "CAP_SYS_PACCT"),
    "kcmp": ("1,1,9999,0,0", "CAP_SYS_PTRACE"),
    "clock_settime": ("9999,0", "CAP_SYS_TIME"),
}
CLONE3 = "clone3"
SOCKETS = {family: f"{family},9999,0" for family in (38, 40)}  # AF_ALG, AF_VSOCK


def number(name: str) -> int:
    return int(pyseccomp.resolve_syscall(pyseccomp.system_arch(), name))


def held() -> list[str]:
    """The capabilities of root on this machine."""
    status = Path("/proc/self/status").read_text()
    bounding = int(status.partition("CapBnd:")[2].split()[0], 16)
    return [name for bit, name in enumerate(NAMES) if bounding >> bit & 1]


def tarred(rootfs: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(rootfs, arcname=".")
    return buffer.getvalue()


@pytest.fixture
def warren(tmp_path: Path) -> Callable[..., str]:
    """The output of the command, which has its own store."""

    def run(*words: str, input: bytes = b"") -> str:
        program = [sys.executable, "-m", "hutch.cli.warren", "--root", str(tmp_path / "store")]
        done = subprocess.run([*program, *words], input=input, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    return run


class Made:
    """A bundle of warren, which hutch runs."""

    def __init__(self, path: Path, hutch: Runtime) -> None:
        self.path = path
        self.hutch = hutch
        self.config: dict[str, Any] = json.loads((path / "config.json").read_text())
        self.config["linux"]["cgroupsPath"] = f"/{CGROUPS}/defaults-{os.getpid()}"

    def run(self, *words: str, check: bool = True) -> Outcome:
        self.config["process"]["args"] = list(words)
        (self.path / "config.json").write_text(json.dumps(self.config))
        return Outcome(self.hutch("run", "--bundle", str(self.path), "made", check=check))

    def calls(self, *calls: str) -> list[int]:
        """The errno of each call that the container makes."""
        told = self.run("filtered", "-", "0", *calls)
        return [int(line) for line in told.lines][1:]

    def give(self, *capabilities: str) -> None:
        """Sets these capabilities, and the seccomp profile for them."""
        for kind in ("bounding", "effective", "permitted"):
            self.config["process"]["capabilities"][kind] = list(capabilities)
        self.config["linux"]["seccomp"] = default_seccomp(capabilities)


@pytest.fixture
def made(warren: Callable[..., str], filtered: Path, hutch: Runtime, tmp_path: Path) -> Made:
    """The bundle of an image with a shell and the program that makes system calls."""
    rootfs = make_rootfs(tmp_path / "rootfs")
    (rootfs / "bin" / "filtered").write_bytes(filtered.read_bytes())
    (rootfs / "bin" / "filtered").chmod(0o755)
    warren("import", "-q", "-", "plain:1", input=tarred(rootfs))
    warren("bundle", "-q", "plain:1", str(tmp_path / "b"))
    return Made(tmp_path / "b", hutch)


def call(name: str) -> str:
    return f"{number(name)},{CALLS[name][0]}"


def test_the_blocked_calls_are_refused(made: Made) -> None:
    calls = [call(name) for name in CALLS]
    sockets = [f"{number('socket')},{args}" for args in SOCKETS.values()]
    told = made.calls(*calls, *sockets, f"{number(CLONE3)},0,0")
    assert told.pop() == ENOSYS
    assert dict(zip([*CALLS, *SOCKETS], told, strict=True)) == dict.fromkeys(
        [*CALLS, *SOCKETS], EPERM
    )


def test_without_the_filter_the_kernel_accepts_the_blocked_calls(made: Made) -> None:
    """The control: the filter refuses the calls, not the kernel because a capability is missing."""
    made.give(*held())
    del made.config["linux"]["seccomp"]
    calls = [call(name) for name in CALLS]
    sockets = [f"{number('socket')},{args}" for args in SOCKETS.values()]
    told = made.calls(*calls, *sockets)
    refused = {name for name, errno in zip([*CALLS, *SOCKETS], told, strict=True) if errno == EPERM}
    assert refused == set()


def test_a_capability_allows_its_blocked_calls(made: Made) -> None:
    gated = {name: gate for name, (_, gate) in CALLS.items() if gate}
    for capability in sorted(set(gated.values())):
        made.give(*CAPABILITIES, capability)
        told = made.calls(*(call(name) for name in gated))
        allowed = {name for name, errno in zip(gated, told, strict=True) if errno != EPERM}
        if capability == "CAP_SYS_ADMIN":
            allowed -= {"bpf", "perf_event_open", "syslog"}  # it stands for these as well
        assert allowed == {name for name, gate in gated.items() if gate == capability}, capability


if platform.machine() == "x86_64":

    def test_programs_of_32_bits_and_of_x32_are_covered(made: Made) -> None:
        names = ("mount", "keyctl", "bpf", "unshare", "ptrace")
        old = [pyseccomp.resolve_syscall(pyseccomp.Arch.X86, name) for name in names]
        told = made.calls(
            *(f"i386:{at},9999" for at in old),
            *(f"{X32_BIT | number(name)},9999" for name in names[:-1]),
        )
        assert told == [EPERM] * 4 + [3] + [EPERM] * 4
        del made.config["linux"]["seccomp"]
        assert EPERM not in made.calls(f"i386:{old[1]},9999", f"{X32_BIT | number('keyctl')},9999")


def test_capabilities_are_dockers_fourteen(made: Made) -> None:
    wanted, _ = mask(CAPABILITIES)
    assert wanted == 0x00000000A80425FB  # what `grep Cap /proc/self/status` says under Docker
    status = made.run("grep", "^Cap", "/proc/self/status").out.split()
    sets = dict(zip(status[::2], (int(value, 16) for value in status[1::2]), strict=True))
    assert sets == {
        "CapInh:": 0, "CapPrm:": wanted, "CapEff:": wanted, "CapBnd:": wanted, "CapAmb:": 0
    }  # fmt: skip


def test_a_user_other_than_root_has_no_capability(
    warren: Callable[..., str], made: Made, tmp_path: Path
) -> None:
    change = ["--change", "USER guest"]
    image = tarred(make_rootfs(tmp_path / "again"))
    warren("import", "-q", *change, "-", "guest:1", input=image)
    warren("bundle", "-q", "guest:1", str(tmp_path / "guest"))
    guest = Made(tmp_path / "guest", made.hutch)
    status = guest.run("grep", "^Cap", "/proc/self/status").out.split()[1::2]
    assert [int(value, 16) for value in status] == [0, 0, 0, 0xA80425FB, 0]


def test_masked_paths_show_nothing(made: Made) -> None:
    there = [path for path in MASKED_PATHS if Path(path).exists()]
    assert "/proc/kcore" in there or "/proc/keys" in there
    look = (
        'for path; do if [ -d "$path" ]; then ls -A "$path" | head -n 3;'
        ' else head -c 3 "$path"; fi; done'
    )
    assert made.run("sh", "-c", look, "sh", *there).out == ""
    made.config["linux"]["maskedPaths"] = []
    assert made.run("sh", "-c", look, "sh", *there).out != ""


def test_read_only_paths_cannot_be_written(made: Made) -> None:
    script = (
        "echo x > /proc/sys/kernel/hostname; while read _ place _ options _;"
        " do case $options in ro,*) echo $place;; esac; done < /proc/self/mounts"
    )
    there = {path for path in READONLY_PATHS if Path(path).exists()}
    outcome = made.run("sh", "-c", script)
    assert "Read-only file system" in outcome.err
    assert there <= set(outcome.lines)
    made.config["linux"]["readonlyPaths"] = []
    assert not there & set(made.run("sh", "-c", script).lines)


def test_limits_and_shared_memory(made: Made) -> None:
    script = "ulimit -Sn; ulimit -Hn; df -k /dev/shm | tail -n 1; grep NoNewPrivs /proc/self/status"
    soft, hard, shm, privileges = made.run("sh", "-c", script).lines
    own = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    raised = "CAP_SYS_RESOURCE" in held() or own == resource.RLIM_INFINITY
    assert (int(soft), int(hard)) == (NOFILE[0], NOFILE[1] if raised else min(NOFILE[1], own))
    assert shm.split()[1] == "65536"
    assert privileges.split() == ["NoNewPrivs:", "0"]
    assert made.config["linux"]["resources"]["pids"] == {"limit": PIDS}


def test_the_host_s_cgroups_and_devices_are_not_there(made: Made) -> None:
    namespaces = [entry["type"] for entry in made.config["linux"]["namespaces"]]
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    assert ("cgroup" in namespaces) == unified
    devices = made.run(
        "sh", "-c", "cd /dev; for node in *; do [ -h $node ] || [ -d $node ] || echo $node; done"
    )
    assert set(devices.lines) <= {"full", "null", "ptmx", "random", "tty", "urandom", "zero"}
    # Device nodes may be made, but not opened, for example the one of the host's memory.
    script = "mknod /tmp/mem c 1 1; head -c 1 /tmp/mem; mknod /tmp/null c 1 3; echo > /tmp/null"
    outcome = made.run("sh", "-c", script)
    assert "Operation not permitted" in outcome.err and outcome.err.count("\n") == 1
