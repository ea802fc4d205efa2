"""The flags of checkpoint and restore that let CRIU save what it otherwise refuses to."""

import fcntl
import os
import pty
import select
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.checkpoints import COUNT, READY, Counter
from tests.support.containers import Bundle, Runtime, eventually

pytestmark = [pytest.mark.root, pytest.mark.vm, pytest.mark.usefixtures("no_traces")]


@pytest.fixture
def counter(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> Counter:
    return Counter(hutch, bundle, tmp_path)


@pytest.fixture
def refused(hutch: Runtime, counter: Counter) -> Callable[..., str]:
    """refused(flags): the error of a checkpoint, after which the container goes on."""

    def refuses(*flags: str) -> str:
        error = hutch.refuses("checkpoint", *counter.flags, *flags, "test")
        counter.goes_on_from(counter.count())
        return error

    return refuses


def test_file_locks_are_saved_only_if_asked_for(
    counter: Counter, refused: Callable[..., str]
) -> None:
    counter.with_python(
        "import fcntl, time\n"
        "file = open('/tmp/locked', 'w')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        f"{READY}"
        "time.sleep(1000)\n",
    )
    counter.run()
    assert "--file-locks" in refused()
    saved = counter.checkpoint("--file-locks")
    with open(counter.bundle.rootfs / "tmp" / "locked") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_UN)
        counter.restore("--file-locks")
        counter.goes_on_from(saved)
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_name_is_made_for_a_file_whose_own_is_gone_only_if_asked_for(
    hutch: Runtime, counter: Counter, refused: Callable[..., str]
) -> None:
    """A file without any name is saved whole; that with another one, unknown to CRIU, is not."""
    counter.bundle.sh("exec 7>/tmp/a; echo one >&7; ln /tmp/a /tmp/b; rm /tmp/a;" + COUNT)
    counter.run()
    tmp = counter.bundle.rootfs / "tmp"
    assert "Use link-remap option" in refused()
    saved = counter.checkpoint("--link-remap")
    (remap,) = tmp.glob("link_remap.*")
    assert remap.samefile(tmp / "b")
    counter.restore("--link-remap")
    counter.goes_on_from(saved)
    assert list(tmp.glob("link_remap.*")) == []
    hutch("exec", "test", "sh", "-c", "echo two >/proc/1/fd/7")
    assert "two" in (tmp / "b").read_text()


def test_a_socket_connected_to_the_hosts_is_saved_only_if_asked_for(
    counter: Counter, refused: Callable[..., str], tmp_path: Path
) -> None:
    """Datagrams to a log daemon, as from a container in the host's network namespace. CRIU connects
    it again by the name that the daemon has given its own, so that has to lead there inside too."""
    place = tmp_path / "shared"
    place.mkdir()
    shared = {"destination": str(place), "source": str(place), "options": ["bind"]}
    counter.bundle.config["mounts"].append(shared)
    counter.bundle.config["linux"]["namespaces"].remove({"type": "network"})
    counter.with_python(
        "import socket, time\n"
        "log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        f"log.connect('{place}/log')\n"
        f"{READY}"
        "while True:\n"
        "    log.send(b'here')\n"
        "    time.sleep(0.1)\n",
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(place / "log"))
        log.settimeout(60)
        counter.run()
        assert log.recv(10) == b"here"
        assert "ext-unix-sk" in refused()
        saved = counter.checkpoint("--ext-unix-sk")
        log.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                log.recv(10)
        log.settimeout(60)
        counter.restore("--ext-unix-sk")
        counter.goes_on_from(saved)
        assert log.recv(10) == b"here"


def test_the_callers_terminal_is_taken_only_if_asked_for(
    hutch: Runtime, counter: Counter, refused: Callable[..., str]
) -> None:
    counter.bundle.sh(f"({COUNT}) & while read line; do echo got $line; done; wait")
    old, new = pty.openpty(), pty.openpty()
    streams = [dict.fromkeys(("stdin", "stdout", "stderr"), slave) for _, slave in (old, new)]
    words = ["-d", "-b", str(counter.bundle.path), "test"]
    hutch("run", *words, **streams[0])
    eventually(lambda: counter.count() > 3)
    assert "--shell-job" in refused()
    saved = counter.checkpoint("--shell-job")
    hutch("restore", *counter.flags, "--shell-job", *words, **streams[1])
    counter.goes_on_from(saved)
    os.write(new[0], b"here\n")
    shown = b""
    while b"got here" not in shown:
        assert select.select([new[0]], [], [], 60)[0], shown
        shown += os.read(new[0], 4096)
    for fd in (*old, *new):
        os.close(fd)


def allocated(folder: Path) -> int:
    """The bytes that the saved pages take on disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.glob("pages-*.img"))


def test_what_is_not_needed_any_more_is_punched_out_of_the_images_if_asked_for(
    counter: Counter, tmp_path: Path
) -> None:
    size = 8 << 20
    counter.with_python(
        "import time\n"
        f"memory = bytearray({size})\n"
        "for turn in range(1 << 30):\n"
        f"    memory[:] = bytes([turn % 255 + 1]) * {size}\n"
        f"    {READY}"
        "    time.sleep(0.2)\n",
    )
    counter.run()
    before = tmp_path / "before"
    counter.checkpoint("--pre-dump", "--image-path", str(before))
    whole = allocated(before)
    assert whole > size
    # Left running it has to be restored from the images that follow.
    counter.checkpoint("--parent-path", "../before", "--leave-running")
    assert allocated(before) == whole
    subprocess.run(["rm", "-r", counter.images], check=True)
    saved = counter.checkpoint("--parent-path", "../before", "--auto-dedup")
    assert allocated(before) < whole - size // 2
    whole = allocated(counter.images)
    counter.restore("--auto-dedup")
    counter.goes_on_from(saved)
    assert allocated(counter.images) < whole - size // 2


def test_a_connection_that_is_not_accepted_yet_is_left_out_only_if_asked_for(
    hutch: Runtime, counter: Counter, refused: Callable[..., str]
) -> None:
    counter.bundle.sh(
        "nc -l -p 7000 </dev/null >/tmp/out & echo $! >/tmp/nc;"
        "until grep -q :1B58 /proc/net/tcp /proc/net/tcp6; do usleep 50000; done;"
        "kill -STOP $!;" + COUNT
    )
    counter.run()
    network = f"--net=/proc/{hutch.state('test')['pid']}/ns/net"
    with subprocess.Popen(
        ["nsenter", network, "busybox", "nc", "127.0.0.1", "7000"], stdin=subprocess.PIPE
    ) as client:
        try:
            tcp = f"/proc/{hutch.state('test')['pid']}/net/tcp"
            eventually(lambda: ":1B58 01" in "".join(Path(tcp + v).read_text() for v in ("", "6")))
            assert "In-flight connection" in refused()
            saved = counter.checkpoint("--tcp-skip-in-flight")
        finally:
            client.kill()
    counter.restore()
    counter.goes_on_from(saved)
    tcp = f"/proc/{hutch.state('test')['pid']}/net/tcp"
    shown = "".join(Path(tcp + version).read_text() for version in ("", "6"))
    assert shown.count(":1B58") == 1
    # It listens still.
    hutch("exec", "test", "sh", "-c", "kill -CONT $(cat /tmp/nc); echo two | nc 127.0.0.1 7000")
    eventually(lambda: (counter.bundle.rootfs / "tmp" / "out").read_text() == "two\n")


PROFILE = """
profile hutch-test-{name} flags=(attach_disconnected,mediate_deleted) {{
  file,
  capability,
  signal,
  ptrace,
  network,
  mount,
  umount,
  pivot_root,
  unix,
  dbus,
  deny /etc/{name} r,
}}
"""


@pytest.fixture
def profiles() -> Iterator[None]:
    """hutch-test-before and hutch-test-after: neither may read /etc/ITS-NAME."""
    texts = [PROFILE.format(name=name) for name in ("before", "after")]
    for text in texts:
        words = ["apparmor_parser", "--skip-cache", "--replace"]
        subprocess.run(words, input=text, text=True, check=True)
    yield
    for text in texts:
        subprocess.run(["apparmor_parser", "--remove"], input=text, text=True, check=True)


def test_another_apparmor_profile_if_asked_for(
    hutch: Runtime, counter: Counter, profiles: None
) -> None:
    for name in ("before", "after"):
        (counter.bundle.rootfs / "etc" / name).write_text("secret\n")
    counter.bundle.config["process"]["apparmorProfile"] = "hutch-test-before"
    counter.bundle.save()
    counter.run()

    def profile() -> str:
        pid = hutch.state("test")["pid"]
        return Path(f"/proc/{pid}/attr/current").read_text().strip()

    assert profile() == "hutch-test-before (enforce)"
    counter.checkpoint()
    counter.restore()
    assert profile() == "hutch-test-before (enforce)"
    saved = counter.checkpoint()
    counter.restore("--lsm-profile", "apparmor:hutch-test-after")
    assert profile() == "hutch-test-after (enforce)"
    counter.goes_on_from(saved)
