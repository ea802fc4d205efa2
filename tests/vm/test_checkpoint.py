"""checkpoint and restore with CRIU itself, which knows the kernel of the test host."""

import array
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.checkpoints import COUNT, QUIET, READY, Counter
from tests.support.containers import Bundle, Runtime, eventually
from tests.support.systemd import SLICE, SystemdRuntime

pytestmark = [pytest.mark.root, pytest.mark.vm, pytest.mark.usefixtures("no_traces")]


@pytest.fixture
def counter(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> Counter:
    return Counter(hutch, bundle, tmp_path)


def cgroup_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text().partition("0::")[2].strip()


def test_memory_goes_on_where_it_was_and_the_container_is_whole(
    hutch: Runtime, counter: Counter
) -> None:
    counter.bundle.config["linux"]["resources"]["pids"] = {"limit": 30}
    counter.bundle.save()
    counter.run()
    saved = counter.checkpoint()
    assert hutch.ids() == []
    assert json.loads((counter.images / "descriptors.json").read_text())
    counter.restore()
    state = hutch.state("test")
    assert counter.pid_file.read_text() == str(state["pid"])
    counter.goes_on_from(saved)
    # In its cgroup, limited, and itself again: exec, pause, kill and delete work.
    path = "/sys/fs/cgroup" + cgroup_of(state["pid"])
    assert path.endswith(counter.bundle.config["linux"]["cgroupsPath"])
    assert Path(path, "pids.max").read_text() == "30\n"
    assert hutch("exec", "test", "cat", "/tmp/n").out.strip().isdigit()
    hutch("pause", "test")
    stood = counter.count()
    hutch("resume", "test")
    counter.goes_on_from(stood)
    hutch("kill", "test", "KILL")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    hutch("delete", "test")


def test_a_process_that_waits_for_its_child_in_vfork_is_waited_for(counter: Counter) -> None:
    """CRIU stops the child, and then waits in vain for the parent. The child ends once it sees that
    it has been stopped for long."""
    counter.with_python(
        "import ctypes, os, time\n"
        "CLONE, CLONE_VFORK, SIGCHLD = 56, 0x4000, 17\n"
        "if ctypes.CDLL(None).syscall(CLONE, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0) == 0:\n"
        f"    {READY}"
        "    before = time.monotonic()\n"
        "    while time.monotonic() - before < 5:\n"
        "        before = time.monotonic()\n"
        "        time.sleep(0.1)\n"
        "    open('/tmp/stopped', 'w').close()\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "time.sleep(1000)\n"
    )
    counter.run()
    assert not (counter.bundle.rootfs / "tmp" / "stopped").exists()
    saved = counter.checkpoint()
    assert (counter.bundle.rootfs / "tmp" / "stopped").exists()
    counter.restore()
    counter.goes_on_from(saved)


def test_a_container_that_is_left_running_can_be_restored_twice_and_under_another_name(
    hutch: Runtime, counter: Counter
) -> None:
    # On a tmpfs the file that shows the count is saved with the container. Any other would be a
    # different one by the restore, which CRIU refuses if it was open at the checkpoint.
    tmpfs = {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}
    counter.bundle.change(lambda config: config["mounts"].append(tmpfs))

    def count(id: str) -> int:
        done = hutch("exec", id, "cat", "/tmp/n", check=False)
        return int(done.out or 0) if done.code == 0 else 0

    hutch("run", "-d", "-b", str(counter.bundle.path), "test", **QUIET)
    eventually(lambda: count("test") > 30)
    hutch("checkpoint", *counter.flags, "--leave-running", "test")
    left = count("test")
    eventually(lambda: count("test") > left)
    hutch("delete", "--force", "test")
    counter.bundle.for_id("other")
    counter.restore(id="other")
    assert count("other") > 30, "it has begun again"
    assert cgroup_of(hutch.state("other")["pid"]).endswith("-other")
    hutch("delete", "--force", "other")


def test_restore_in_the_foreground_stays_to_the_end_and_takes_signals(
    hutch: Runtime, counter: Counter, tmp_path: Path
) -> None:
    counter.bundle.sh("trap 'echo bye; exit 7' TERM;" + COUNT)
    with open(os.devnull, "rb") as nothing, subprocess.Popen(
        [hutch.command, "--root", str(hutch.root), "run", "-b", str(counter.bundle.path), "test"],
        stdin=nothing, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ):  # fmt: skip
        eventually(lambda: counter.count() > 3)
        saved = counter.checkpoint()
    words = ["restore", *counter.flags, "-b", str(counter.bundle.path), "--no-subreaper", "test"]
    with subprocess.Popen(
        [hutch.command, "--root", str(hutch.root), *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as restored:  # fmt: skip
        eventually(lambda: counter.count() > saved + 2)
        restored.send_signal(signal.SIGTERM)
        # The pipe of the old caller is that of the new one now.
        out, _ = restored.communicate(timeout=120)
        assert (out, restored.returncode) == ("bye\n", 7)
    assert hutch.ids() == []


def test_a_terminal_comes_back_over_the_console_socket(
    hutch: Runtime, counter: Counter, tmp_path: Path
) -> None:
    def listener() -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        made.bind(str(path))
        made.listen()
        made.settimeout(120)
        return made

    def master(made: socket.socket) -> int:
        connection, _ = made.accept()
        _, control, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
        made.close()
        return array.array("i", control[0][2])[0]

    path = tmp_path / "console"
    counter.bundle.config["process"]["terminal"] = True
    counter.bundle.sh("while read line; do echo got $line; done")
    made = listener()
    words = ["-d", "-b", str(counter.bundle.path), "--console-socket", str(path), "test"]
    hutch("run", *words)
    first = master(made)
    hutch("checkpoint", *counter.flags, "test")
    os.close(first)
    made = listener()
    hutch("restore", *counter.flags, *words)
    second = master(made)
    os.write(second, b"here\n")
    shown = b""
    while b"got here" not in shown:
        shown += os.read(second, 4096)
    os.close(second)


def test_a_checkpoint_builds_on_the_pre_dump_before(counter: Counter, tmp_path: Path) -> None:
    counter.bundle.sh("x=$(head -c 4000000 /dev/zero | tr '\\0' x);" + COUNT)
    counter.run()
    before = ["--image-path", str(tmp_path / "before")]
    counter.checkpoint("--pre-dump", *before)
    saved = counter.checkpoint("--parent-path", "../before")
    assert os.readlink(counter.images / "parent") == "../before"
    assert sum(path.stat().st_size for path in (tmp_path / "before").iterdir()) > 4_000_000
    counter.restore()
    counter.goes_on_from(saved)


def test_memory_can_go_through_a_page_server(counter: Counter) -> None:
    counter.run()
    counter.images.mkdir()
    port = free_port()
    with subprocess.Popen(
        ["criu", "page-server", "-D", counter.images, "--address", "127.0.0.1", "--port", port]
    ) as server:
        eventually(lambda: listens(port))
        saved = counter.checkpoint("--page-server", f"127.0.0.1:{port}")
        assert server.wait(120) == 0
    counter.restore()
    counter.goes_on_from(saved)


def test_memory_can_be_fetched_when_it_is_needed(
    hutch: Runtime, counter: Counter, tmp_path: Path
) -> None:
    counter.run()
    port = free_port()
    read, write = os.pipe()
    words = ["--lazy-pages", "--page-server", f"127.0.0.1:{port}", "--status-fd", str(write)]
    dump = subprocess.Popen(
        [hutch.command, "--root", str(hutch.root), "checkpoint", *counter.flags, *words, "test"],
        pass_fds=[write],
    )
    os.close(write)
    # CRIU says so when the pages can be had.
    assert os.read(read, 1) == b"\0"
    os.close(read)
    saved = counter.count()
    with subprocess.Popen(
        ["criu", "lazy-pages", "--page-server", "--address", "127.0.0.1", "--port", port,
         "-D", counter.images, "-W", tmp_path / "work"],
    ) as fetcher:  # fmt: skip
        eventually((tmp_path / "work" / "lazy-pages.socket").exists)
        counter.bundle.for_id("lazy")
        counter.restore("--lazy-pages", id="lazy")
        eventually(lambda: counter.count() > saved + 2)
        assert dump.wait(120) == 0
        assert fetcher.wait(120) == 0
    hutch("delete", "--force", "lazy")


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def listens(port: str) -> bool:
    return f":{int(port):04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()


def test_connections_are_saved_only_if_asked_for(hutch: Runtime, counter: Counter) -> None:
    counter.bundle.sh(
        "mkfifo /tmp/a /tmp/b; nc -l -p 7000 < /tmp/a > /tmp/out & exec 7> /tmp/a;"
        "until grep -q :1B58 /proc/net/tcp /proc/net/tcp6; do usleep 50000; done;"
        "nc 127.0.0.1 7000 < /tmp/b & exec 8> /tmp/b; echo one >&8;"
        "until grep -q one /tmp/out; do usleep 50000; done;" + COUNT
    )
    counter.run()
    words = ["checkpoint", *counter.flags]
    assert "--tcp-established" in hutch.refuses(*words, "test") or (
        "tcp" in (counter.images.parent / "work" / "dump.log").read_text()
    )
    counter.goes_on_from(counter.count())
    saved = counter.checkpoint("--tcp-established")
    counter.restore("--tcp-established")
    counter.goes_on_from(saved)
    hutch("exec", "test", "sh", "-c", "echo two > /tmp/b")
    eventually(lambda: "two" in (counter.bundle.rootfs / "tmp" / "out").read_text())


def test_an_empty_network_namespace_is_made_anew(hutch: Runtime, counter: Counter) -> None:
    counter.run()
    saved = counter.checkpoint("--empty-ns", "network")
    assert not list(counter.images.glob("netdev-*"))
    counter.restore("--empty-ns", "network")
    counter.goes_on_from(saved)


@pytest.mark.parametrize("mode", ["ignore", "full"])
def test_with_every_mode_for_cgroups_it_is_in_the_cgroup_of_its_config(
    mode: str, hutch: Runtime, counter: Counter
) -> None:
    counter.run()
    saved = counter.checkpoint("--manage-cgroups-mode", mode)
    counter.restore("--manage-cgroups-mode", mode)
    counter.goes_on_from(saved)
    path = cgroup_of(hutch.state("test")["pid"])
    assert path.endswith(counter.bundle.config["linux"]["cgroupsPath"])


def test_in_a_scope_of_systemd(systemd: SystemdRuntime, bundle: Bundle, tmp_path: Path) -> None:
    """CRIU itself puts the processes into the scope, which must be there until then."""
    counter = Counter(systemd, bundle, tmp_path)
    for _ in range(3):
        counter.run()
        saved = counter.checkpoint()
        counter.restore()
        counter.goes_on_from(saved)
        assert cgroup_of(systemd.state("test")["pid"]).endswith(f"/{SLICE}/hutch-test.scope")
        systemd("delete", "--force", "test")
        (bundle.rootfs / "tmp" / "n").unlink()


def test_binds_of_the_host_are_found_again(
    hutch: Runtime, counter: Counter, tmp_path: Path
) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "where").write_text(name)
    (counter.bundle.rootfs / "link").symlink_to("/tmp")
    mount = {"destination": "/link/data", "source": str(tmp_path / "old"), "options": ["rbind"]}
    counter.bundle.config["mounts"].append(mount)
    counter.bundle.save()
    counter.run()
    saved = counter.checkpoint()
    mount["source"] = str(tmp_path / "new")
    counter.bundle.save()
    counter.restore()
    counter.goes_on_from(saved)
    assert hutch("exec", "test", "cat", "/tmp/data/where").out == "new"


def test_a_network_namespace_that_was_joined_is_joined_again(
    hutch: Runtime, counter: Counter
) -> None:
    name = f"hutch-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        path = f"/run/netns/{name}"
        namespaces = counter.bundle.config["linux"]["namespaces"]
        namespaces.remove({"type": "network"})
        namespaces.append({"type": "network", "path": path})
        counter.bundle.save()
        counter.run()
        saved = counter.checkpoint()
        counter.restore()
        counter.goes_on_from(saved)
        pid = hutch.state("test")["pid"]
        assert os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat(path).st_ino
        hutch("delete", "--force", "test")
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def test_hooks_run_and_a_restore_that_fails_leaves_nothing(
    hutch: Runtime, counter: Counter, tmp_path: Path
) -> None:
    record = tmp_path / "hooks"
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f"cat >> {record}; echo >> {record}"]}
    counter.run()
    saved = counter.checkpoint()
    counter.bundle.config["hooks"] = {"createRuntime": [hook], "poststart": [hook]}
    counter.bundle.save()
    counter.restore()
    counter.goes_on_from(saved)
    seen = [json.loads(line) for line in record.read_text().splitlines()]
    assert [state["status"] for state in seen] == ["creating", "running"]
    assert {state["pid"] for state in seen} == {hutch.state("test")["pid"]}
    hutch("delete", "--force", "test")
    counter.bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}
    counter.bundle.save()
    words = ["restore", *counter.flags, "-d", "-b", str(counter.bundle.path), "test"]
    assert "hooks.createRuntime[0]" in hutch.refuses(*words)
    assert hutch.ids() == []
