"""Races: while the runtime mounts in a directory, another process replaces it by a link, again and
again.

Each test makes a limited number of attempts. The tests run with other runtimes too
(``HUTCH=runc``), so they check the host and the container, not the text of errors.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Runtime
from tests.support.controls import reached

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

ATTEMPTS = 40
MOUNTS = 15
SOURCE = Path(__file__).parents[1] / "native" / "swap.c"


@pytest.fixture(scope="module")
def swap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("swap") / "swap"
    subprocess.run(["cc", "-O1", SOURCE, "-o", program], check=True)
    return program


@contextmanager
def swapping(program: Path, first: Path, second: Path) -> Iterator[None]:
    """A context manager: a process exchanges the two names again and again."""
    process = subprocess.Popen([program, first, second])
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("target", ["absolute", "upward"])
def test_s23_s24_cve_2021_30465_cve_2024_45310_a_directory_that_becomes_a_link(
    hutch: Runtime, bundle: Bundle, swap: Path, outside: Path, target: str
) -> None:
    """No file is made, and nothing is mounted, at the link's target on the host."""
    volume = bundle.rootfs / "volume"
    (volume / "place").mkdir(parents=True)
    up = "../" * len(bundle.rootfs.parts) + str(outside).lstrip("/")
    (volume / "link").symlink_to(outside if target == "absolute" else up)
    for number in range(MOUNTS):
        bundle.config["mounts"].append(
            {"destination": f"/volume/place/{number}/deep", "type": "tmpfs", "source": "race"}
        )
    bundle.sh("grep -c ' race ' /proc/self/mountinfo")
    reached(hutch, bundle, f"{MOUNTS}\n")
    with swapping(swap, volume / "place", volume / "link"):
        for _ in range(ATTEMPTS):
            done = hutch("run", "-b", str(bundle.path), "test", check=False, timeout=60)
            assert list(outside.iterdir()) == []
            # Each mount is somewhere inside the root, or the container did not start.
            assert done.code != 0 or done.out.strip() == str(MOUNTS)


def test_s25_cve_2025_31133_a_null_device_that_becomes_a_link(
    hutch: Runtime, bundle: Bundle, swap: Path
) -> None:
    """A masked file does not show the link's target."""
    bundle.config["mounts"] = [
        m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")
    ]
    bundle.config["root"]["readonly"] = False
    (bundle.rootfs / "trap").write_text("trap\n")
    (bundle.rootfs / "secret").write_text("secret\n")
    dev = bundle.rootfs / "dev"
    os.mknod(dev / "null", 0o666 | 0o020000, os.makedev(1, 3))
    (dev / "link").symlink_to("/trap")
    bundle.config["linux"]["maskedPaths"] = ["/secret"]
    bundle.sh("cat /secret; echo x > /secret; cat /trap")
    reached(hutch, bundle, "trap\n")
    with swapping(swap, dev / "null", dev / "link"):
        for _ in range(ATTEMPTS):
            done = hutch("run", "-b", str(bundle.path), "test", check=False, timeout=60)
            assert done.code != 0 or done.out == "trap\n"
            assert (bundle.rootfs / "trap").read_text() == "trap\n"


def test_s29_cve_2026_41579_a_dev_that_becomes_a_link(
    hutch: Runtime, bundle: Bundle, swap: Path, outside: Path
) -> None:
    """No device, link or file is made or removed at the link's target on the host."""
    (outside / "ptmx").write_text("keep")
    bundle.config["mounts"] = [
        m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")
    ]
    bundle.config["root"]["readonly"] = False
    (bundle.rootfs / "link").symlink_to(outside)
    reached(hutch, bundle)
    bundle.args("true")
    with swapping(swap, bundle.rootfs / "dev", bundle.rootfs / "link"):
        for _ in range(ATTEMPTS):
            hutch("run", "-b", str(bundle.path), "test", check=False, timeout=60)
            assert [path.name for path in outside.iterdir()] == ["ptmx"]
            assert (outside / "ptmx").read_text() == "keep"


def test_s27_cve_2025_52881_a_proc_that_becomes_a_link(
    hutch: Runtime, bundle: Bundle, swap: Path, outside: Path
) -> None:
    """A sysctl is written to the kernel or not at all, and not to the link's target."""
    (outside / "sys" / "net" / "ipv4").mkdir(parents=True)
    trap = outside / "sys" / "net" / "ipv4" / "ip_forward"
    trap.write_text("trap")
    (bundle.rootfs / "link").symlink_to(outside)
    bundle.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
    bundle.sh("cat /proc/sys/net/ipv4/ip_forward")
    reached(hutch, bundle, "1\n")
    with swapping(swap, bundle.rootfs / "proc", bundle.rootfs / "link"):
        for _ in range(ATTEMPTS):
            done = hutch("run", "-b", str(bundle.path), "test", check=False, timeout=60)
            assert done.code != 0 or done.out == "1\n"
            assert trap.read_text() == "trap"


@pytest.mark.parametrize("what", ["the console", "the terminals"])
def test_s26_cve_2025_52565_a_terminal_that_becomes_a_link(
    hutch: Runtime, bundle: Bundle, swap: Path, outside: Path, what: str
) -> None:
    """The console is the new terminal. Its name in /dev/pts is not used, and nothing is changed at
    the target of /dev/console on the host."""
    (outside / "file").write_text("keep")
    before = (outside / "file").stat()
    bundle.config["mounts"] = [
        m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")
    ]
    shown = bundle.path / "shown"
    shown.mkdir()
    shown.chmod(0o777)
    bundle.config["mounts"] += [
        {"destination": "/dev/pts", "type": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
        {"destination": "/shown", "source": str(shown), "options": ["bind"]},
    ]
    bundle.config["root"]["readonly"] = False
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    reached(hutch, bundle)
    bundle.config["process"]["terminal"] = True
    bundle.sh("stat -c '%t %F' /dev/console > /shown/console; stat -c %u /trap > /shown/trap")
    (bundle.rootfs / "trap").write_text("trap")
    dev = bundle.rootfs / "dev"
    (dev / "pts").mkdir(exist_ok=True)
    if what == "the console":
        names = (dev / "console", dev / "link")
        names[0].touch()
        names[1].symlink_to(outside / "file")
    else:
        # Whichever name the real one has just now, its multiplexer is found: only what that
        # makes is another's.
        names = (dev / "pts", dev / "false")
        names[1].mkdir()
        (names[1] / "ptmx").symlink_to("/dev/false/ptmx")
        for number in range(3):
            (names[1] / str(number)).symlink_to("/trap")
    with swapping(swap, *names):
        for _ in range(ATTEMPTS):
            master, slave = os.openpty()
            words = ("run", "-b", str(bundle.path), "test")
            done = hutch(*words, check=False, stdin=slave, stdout=slave, timeout=60)
            os.close(slave)
            os.close(master)
            # What is mounted on the console is at its other name half of the time.
            if done.code == 0 and what == "the terminals":
                # Unix98 terminals have the major numbers from 136 on.
                assert (shown / "console").read_text() == "88 character special file\n"
                assert (shown / "trap").read_text() == "0\n"
            assert (bundle.rootfs / "trap").read_text() == "trap"
            assert [path.name for path in outside.iterdir()] == ["file"]
            assert (outside / "file").read_text() == "keep"
            after = (outside / "file").stat()
            assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)
