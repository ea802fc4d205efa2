"""Pidfds, orphans and the message "ready", which the caller gets from the container."""

import array
import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Runtime, eventually
from tests.support.leftovers import CGROUPS

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


# --pidfd-socket


class Receiver:
    """Listens on a socket for one descriptor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen()

    def descriptor(self, name: bytes) -> int:
        connection, _ = self.listener.accept()
        with connection:
            data, control, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4 * 16))
        assert data == name
        ((_, _, payload),) = control
        (fd,) = array.array("i", payload)
        return fd


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(tmp_path / "pidfd.sock")
    yield made
    made.listener.close()


def pid_of(pidfd: int) -> int:
    info = Path(f"/proc/self/fdinfo/{pidfd}").read_text()
    return int(info.partition("\nPid:")[2].split()[0])


@pytest.mark.parametrize("verb", ["create", "run", "seccomp record"])
def test_the_pidfd_socket_gets_the_first_process(
    verb: str, hutch: Runtime, bundle: Bundle, receiver: Receiver, tmp_path: Path
) -> None:
    bundle.args("sleep", "1000")
    detach = [] if verb == "create" else ["--detach"]
    detach += ["-o", str(tmp_path / "profile.json")] if verb == "seccomp record" else []
    flags = ["--bundle", str(bundle.path), "--pidfd-socket", str(receiver.path)]
    hutch(*verb.split(), *detach, *flags, "test")
    pidfd = receiver.descriptor(b"standard")
    assert pid_of(pidfd) == hutch.state("test")["pid"]
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    os.close(pidfd)


def test_the_pidfd_socket_of_exec_gets_the_new_process(
    hutch: Runtime, sleeper: str, receiver: Receiver, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    flags = ["--pid-file", str(file), "--pidfd-socket", receiver.path.name]
    hutch("exec", "-d", *flags, sleeper, "sleep", "999", cwd=tmp_path)
    pidfd = receiver.descriptor(b"setns")
    assert pid_of(pidfd) == int(file.read_text())
    os.close(pidfd)


def test_a_pidfd_socket_where_nobody_listens_undoes_the_create(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    flags = ["--bundle", str(bundle.path), "--pidfd-socket", str(tmp_path / "none")]
    assert "connect to the pidfd socket" in hutch.refuses("create", *flags, "test")
    assert hutch.ids() == []
    flags[-1] = "/" + "x" * 200
    assert "too long" in hutch.refuses("create", *flags, "test")


# --no-subreaper


@pytest.mark.parametrize("verb", ["run", "seccomp record"])
@pytest.mark.parametrize("adopts", [True, False])
def test_run_adopts_orphans_of_a_container_without_a_pid_namespace_unless_told_not_to(
    adopts: bool, verb: str, hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    namespaces = bundle.config["linux"]["namespaces"]
    namespaces.remove({"type": "pid"})
    bundle.config["mounts"] = [
        {"destination": "/out", "source": str(tmp_path), "options": ["rbind"]}
    ]
    os.mkfifo(tmp_path / "go")
    record = [] if verb == "run" else ["-o", str(tmp_path / "profile.json")]
    flags = record if adopts else [*record, "--no-subreaper"]
    words = [*verb.split(), *flags, "-b", str(bundle.path), "test"]
    bundle.sh("(sleep 1000 & echo $! > /out/orphan); read go < /out/go")
    with subprocess.Popen([hutch.command, "--root", str(hutch.root), *words]) as process:
        orphan = tmp_path / "orphan"
        eventually(lambda: orphan.exists() and orphan.read_text().strip())

        def parent() -> str:
            stat = Path(f"/proc/{orphan.read_text().strip()}/stat").read_text()
            return stat.split()[3]

        # Otherwise this process, which is a subreaper (conftest.py), adopts them.
        wanted = str(process.pid if adopts else os.getpid())
        eventually(lambda: parent() == wanted)
        if adopts:
            # An orphan that ends is reaped.
            pid = orphan.read_text().strip()
            os.kill(int(pid), signal.SIGKILL)
            eventually(lambda: not Path(f"/proc/{pid}").exists())
        (tmp_path / "go").write_text("\n")
        assert process.wait(60) == 0


# NOTIFY_SOCKET


class Service:
    """The socket of a service manager for sd_notify(3)."""

    def __init__(self, address: str) -> None:
        self.name = address.replace("\0", "@")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.environment = {**os.environ, "NOTIFY_SOCKET": self.name}

    def message(self) -> list[str]:
        self.socket.settimeout(30)
        return self.socket.recv(4096).decode().split()

    def silent(self) -> bool:
        return not select.select([self.socket], [], [], 0)[0]


def inside(state: dict[str, int]) -> str:
    """The path of the container's socket on the host."""
    return f"/proc/{state['pid']}/root/run/notify/notify.sock"


def notify(path: str, message: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(message, path)


@pytest.fixture(params=["path", "abstract"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    abstract = f"\0{CGROUPS}-notify"
    made = Service(str(tmp_path / "notify") if request.param == "path" else abstract)
    yield made
    made.socket.close()


def test_start_waits_for_the_program_to_be_ready_and_says_so(
    hutch: Runtime, bundle: Bundle, service: Service
) -> None:
    bundle.sh("echo $NOTIFY_SOCKET; touch /run/notify/x; exec sleep 1000")
    hutch("create", "-b", str(bundle.path), "test", env=service.environment)
    state = hutch.state("test")
    words = [hutch.command, "--root", str(hutch.root), "start", "test"]
    with subprocess.Popen(words, env=service.environment) as start:
        eventually(lambda: os.path.exists(inside(state)))
        eventually(lambda: hutch.state("test")["status"] == "running")
        notify(inside(state), b"STATUS=not yet\nMAINPID=1")
        notify(inside(state), b"STATUS=done\nREADY=1\n")
        assert start.wait(60) == 0
    assert service.message() == ["READY=1", f"MAINPID={state['pid']}"]
    assert service.silent()


def test_the_container_is_told_where_its_socket_is(
    hutch: Runtime, bundle: Bundle, service: Service
) -> None:
    bundle.config["process"]["env"].append("NOTIFY_SOCKET=/elsewhere")
    bundle.sh("env | grep NOTIFY; touch /run/notify/x 2>&1; stat -c %a /run/notify/notify.sock")
    out = hutch("run", "-b", str(bundle.path), "test", env=service.environment).out
    assert out.splitlines() == [
        "NOTIFY_SOCKET=/run/notify/notify.sock",
        "touch: /run/notify/x: Read-only file system",
        "777",
    ]
    assert service.silent()


@pytest.mark.parametrize("detach", [True, False])
def test_run_passes_on_that_the_program_is_ready(
    detach: bool, hutch: Runtime, bundle: Bundle, service: Service, tmp_path: Path
) -> None:
    bundle.args("sleep", "1000")
    file = tmp_path / "pid"
    words = [hutch.command, "--root", str(hutch.root), "run", "--pid-file", str(file)]
    words += [*(["--detach"] if detach else []), "-b", str(bundle.path), "test"]
    with subprocess.Popen(words, env=service.environment) as run:
        eventually(file.exists)
        path = inside({"pid": int(file.read_text())})
        eventually(lambda: os.path.exists(path))
        notify(path, b"READY=1")
        assert service.message() == ["READY=1", f"MAINPID={file.read_text()}"]
        if not detach:
            hutch("kill", "test", "KILL")
        assert run.wait(60) == (0 if detach else 137)


def test_start_does_not_wait_for_a_program_that_has_ended(
    hutch: Runtime, bundle: Bundle, service: Service
) -> None:
    hutch("create", "-b", str(bundle.path), "test", env=service.environment)
    hutch("start", "test", env=service.environment)
    assert service.silent()


def test_a_notify_socket_that_does_not_exist_gives_a_warning(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    bundle.args("sleep", "1000")
    environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "none")}
    hutch("create", "-b", str(bundle.path), "test", env=environment)
    state = hutch.state("test")
    words = [hutch.command, "--root", str(hutch.root), "start", "test"]
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as start:
        eventually(lambda: os.path.exists(inside(state)))
        notify(inside(state), b"READY=1")
        _, said = start.communicate(timeout=60)
    assert start.returncode == 0
    assert f"notify {tmp_path}/none" in said


# --rootless


READ_ONLY = 'mount -o remount,bind,ro /sys/fs/cgroup/pids && exec "$@"'


def test_rootless_true_does_without_cgroups_that_cannot_be_had(
    hutch: Runtime, bundle: Bundle
) -> None:
    """Runs in its own mount namespace, where one hierarchy is read-only."""

    def start(rootless: str) -> subprocess.CompletedProcess[str]:
        words = [hutch.command, "--root", str(hutch.root), "--rootless", rootless]
        words += ["run", "-b", str(bundle.path), "test"]
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", READ_ONLY, "sh", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    # A mount of type cgroup would show a cgroup that the container does not have.
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["type"] != "cgroup"]
    bundle.sh("grep -c hutch-tests /proc/self/cgroup; grep pids: /proc/self/cgroup")
    done = start("true")
    assert done.returncode == 0, done.stderr
    count, pids = done.stdout.split()
    assert int(count) >= 8 and "hutch-tests" not in pids
    for rootless in ("false", "auto"):
        done = start(rootless)
        assert done.returncode == 1
        assert "read-only file system" in done.stderr
    # With a limit, the hierarchy is needed.
    bundle.config["linux"]["resources"]["pids"] = {"limit": 50}
    bundle.save()
    assert "read-only file system" in start("true").stderr


def test_rootless_is_true_false_or_auto(hutch: Runtime, bundle: Bundle) -> None:
    error = hutch.refuses("--rootless", "maybe", "run", "-b", str(bundle.path), "test")
    assert "invalid rootless: maybe" in error
