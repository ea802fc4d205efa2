"""hutch-default, the profile for containers that warren loads: what it forbids, and what not."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Bundle, Outcome, Runtime, eventually

pytestmark = [pytest.mark.root, pytest.mark.vm]

WARREN = Path(sys.prefix) / "bin" / "warren"
PROFILES = Path("/sys/kernel/security/apparmor/profiles")
CAPABILITIES = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_SYS_PTRACE", "CAP_NET_ADMIN"]


def warren(*words: str) -> str:
    return subprocess.run([WARREN, *words], stdout=subprocess.PIPE, text=True, check=True).stdout


@pytest.fixture(scope="module", autouse=True)
def loaded() -> Iterator[None]:
    warren("system", "apparmor")
    assert "hutch-default (enforce)" in PROFILES.read_text()
    warren("system", "apparmor")
    yield
    warren("system", "apparmor", "--remove")
    assert "hutch-default" not in PROFILES.read_text()


@pytest.fixture
def careless(bundle: Bundle) -> Bundle:
    """A bundle that has left out every other wall: nothing masked or read-only, and CAP_SYS_ADMIN.

    (Its own network namespace is what a network sysctl belongs to.)
    """

    def change(config: dict[str, Any]) -> None:
        config["process"]["apparmorProfile"] = "hutch-default"
        config["process"]["noNewPrivileges"] = False
        for kind in ("bounding", "effective", "permitted"):
            config["process"]["capabilities"][kind] = CAPABILITIES
        config["linux"].pop("maskedPaths", None)
        config["linux"].pop("readonlyPaths", None)
        config["linux"].pop("seccomp", None)
        config["root"]["readonly"] = False
        for mount in config["mounts"]:
            if mount["destination"] == "/sys":
                mount["options"] = ["nosuid", "noexec", "nodev"]

    return bundle.change(change)


FORBIDDEN = {
    "mounting": "mount -t tmpfs none /tmp",
    "binding": "mount --bind /etc /tmp",
    "remounting": "mount -o remount,rw /dev/shm",
    "sysrq": "echo h >/proc/sysrq-trigger",
    "core pattern": "cd /proc/sys/kernel; cat core_pattern >/tmp/x; cat /tmp/x >core_pattern",
    "modprobe": "echo /bin/false >/proc/sys/kernel/modprobe",
    "vm sysctls": "cat /proc/sys/vm/swappiness >/tmp/x; cat /tmp/x >/proc/sys/vm/swappiness",
    "uevents": "echo add >/sys/block/vda/uevent",
    "kernel memory": "dd if=/proc/kcore of=/dev/null bs=1 count=1",
    "power": "echo 0 >/sys/power/pm_async",
}  # fmt: skip


def test_with_all_other_walls_forgotten_this_one_stands(
    careless: Bundle, run: Callable[..., Outcome]
) -> None:
    script = "".join(
        f"({command}) 2>&1 | grep -q 'ermission denied' && echo {name.replace(' ', '-')}\n"
        for name, command in FORBIDDEN.items()
    )
    outcome = run("cat /proc/self/attr/current\n" + script, check=False)
    assert outcome.lines == [
        "hutch-default (enforce)",
        *[name.replace(" ", "-") for name in FORBIDDEN],
    ]


def test_without_it_they_would_be_open(careless: Bundle, run: Callable[..., Outcome]) -> None:
    """The same container, unconfined: so it is the profile that forbids, and nothing else."""
    careless.change(lambda config: config["process"].pop("apparmorProfile"))
    open_without = {k: v for k, v in FORBIDDEN.items() if k not in ("modprobe", "sysrq")}
    script = "".join(
        f"({command}) 2>&1 | grep -q 'ermission denied' && echo {name.replace(' ', '-')}\n"
        for name, command in open_without.items()
    )
    assert run(script + "echo done").lines == ["done"]


def test_a_container_can_do_its_work(careless: Bundle, run: Callable[..., Outcome]) -> None:
    script = """
        echo file >/tmp/file && cat /tmp/file
        sleep 1000 & kill $!; wait $!; echo $?
        echo 1 >/proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward
        cat /proc/sys/kernel/msgmax >/tmp/x && cat /tmp/x >/proc/sys/kernel/msgmax && echo msgmax
        ip addr show lo | grep -c LOOPBACK
        umount /dev/shm && echo unmounted
        cat /proc/1/status | head -n 1
    """

    def change(config: dict[str, Any]) -> None:
        for mount in config["mounts"]:
            if mount["destination"] == "/proc":
                mount["options"] = ["nosuid", "noexec", "nodev"]

    careless.change(change)
    assert run(script).lines == [
        "file", "143", "1", "msgmax", "1", "unmounted", "Name:\tsh",
    ]  # fmt: skip


def test_the_runtime_reaches_in(hutch: Runtime, careless: Bundle, no_traces: None) -> None:
    careless.sh("trap 'exit 7' TERM; while :; do sleep 0.1; done")
    hutch("run", "--detach", "--bundle", str(careless.path), "test")
    assert (
        hutch("exec", "test", "cat", "/proc/self/attr/current").out == "hutch-default (enforce)\n"
    )
    hutch("pause", "test")
    hutch("resume", "test")
    hutch("kill", "test", "TERM")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    hutch("delete", "test")


def test_it_is_printed() -> None:
    text = warren("system", "apparmor", "--print")
    assert "profile hutch-default " in text
    assert "deny mount," in text
