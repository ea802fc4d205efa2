"""Where logs go: several files, one of which is full, and the journal."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import Engine, eventually, kill9, make_image

pytestmark = pytest.mark.root

WRITER = """
i=0
while [ $i -lt 900 ]; do
    i=$((i + 1)); echo line $i
    [ $((i % 30)) = 0 ] && sleep 0.05
    [ $i = 450 ] && while [ ! -e /go ]; do sleep 0.05; done
done
exec sleep 1000
"""


def companions(engine: Engine, id: str) -> list[int]:
    """The processes that rotate the container's log."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                here = (folder / "cwd").readlink() == engine.root / "containers" / id
                line = (folder / "cmdline").read_bytes().split(b"\0")[0]
            except OSError:
                continue
            if here and line.endswith(b"/warren-logs"):
                found.append(int(folder.name))
    return found


def test_a_full_log_is_followed_by_another(engine: Engine) -> None:
    id = engine.start(
        "--name", "one", "--log-opt", "max-size=4k", "--log-opt", "max-file=3", engine.image,
        "sh", "-c", WRITER,
    )  # fmt: skip
    follower = subprocess.Popen(
        engine.command("logs", "-f", "one"), env=engine.variables(), stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    eventually(lambda: "line 450\n" in engine.ok("logs", "one"))
    (first,) = companions(engine, id)
    kill9(first)
    eventually(lambda: companions(engine, id) == [])
    engine.ok("ps")
    assert len(companions(engine, id)) == 1
    engine.ok("exec", "one", "touch", "/go")
    eventually(lambda: "line 900\n" in engine.ok("logs", "one"))
    folder = engine.root / "containers" / id
    files = ["log", "log.1", "log.2"]
    eventually(lambda: sorted(p.name for p in folder.glob("log*") if p.suffix != ".lock") == files)
    sizes = [(folder / name).stat().st_size for name in files]
    assert max(sizes) < 12 << 10  # some lines came before it was noticed
    kept = engine.ok("logs", "one").splitlines()
    last = [f"line {number}" for number in range(1, 901)]
    assert 100 < len(kept) < 800 and kept == last[-len(kept) :]
    assert engine.ok("logs", "-n", "2", "one") == "line 899\nline 900\n"
    (config,) = [engine.inspect("one")["HostConfig"]]
    assert config["LogConfig"] == {  # type: ignore[index]
        "Type": "k8s-file", "Config": {"max-size": "4096", "max-file": "3"},
    }  # fmt: skip
    engine.ok("rm", "-f", "one")
    assert follower.stdout is not None
    assert follower.stdout.read().splitlines() == last
    follower.stdout.close()
    assert follower.wait(20) == 0
    eventually(lambda: companions(engine, id) == [])


class Journalling(Engine):
    """warren on a host with a journal, which only a mount namespace of ours has."""

    host = 0

    def command(self, *arguments: object) -> list[str]:
        return ["nsenter", "-m", f"--target={self.host}", "--", *super().command(*arguments)]


HOST = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journald.conf.d &&
printf '[Journal]\\nReadKMsg=no\\nAudit=\\nRuntimeMaxUse=8M\\n' >/run/systemd/journald.conf.d/t.conf
exec /lib/systemd/systemd-journald
"""


@pytest.fixture
def journalling(tmp_path: Path) -> Iterator[Journalling]:
    host = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", HOST], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    engine = Journalling(tmp_path)
    engine.host = host.pid
    socket = Path(f"/proc/{host.pid}/root/run/systemd/journal/socket")
    try:
        eventually(socket.exists)
        engine.ok("pull", "-q", make_image(tmp_path / "box"))
        engine.image = "box:box"
        yield engine
        engine.ok("rm", "-f", *engine.ok("ps", "-aq", "--no-trunc").split())
        eventually(lambda: not engine.traces())
    finally:
        host.terminate()
        host.wait(20)


def test_the_journal(journalling: Journalling) -> None:
    engine = journalling
    script = "echo out; echo err >&2; printf '\\377\\n'; sleep 0.5; printf last"
    flags = ["--log-driver", "journald", "--log-opt", "tag=mine", "--name", "one"]
    id = engine.start(*flags, engine.image, "sh", "-c", script)
    done = subprocess.run(
        engine.command("logs", "-f", "one"), env=engine.variables(), capture_output=True, timeout=60
    )
    assert (done.stdout, done.stderr) == (b"out\n\xff\nlast", b"err\n")
    assert engine.run("logs", "-n", "1", "one").stdout == "last"
    assert engine.ok("logs", "-t", "one").splitlines()[0].endswith("Z out")
    assert engine.ok("logs", "--until", "2001-01-01", "one") == ""
    seen = subprocess.run(
        ["nsenter", "-m", f"--target={engine.host}", "journalctl", "-q", "-o", "cat",
         "CONTAINER_TAG=mine", f"CONTAINER_ID_FULL={id}", "-n", "1"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert seen.stdout == "last\n"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--log-driver", "journald"], "systemd-journald"),
        (["--log-opt", "max-file=3"], "without max-size"),
        (["--log-opt", "max-file=0", "--log-opt", "max-size=1m"], "from 1 on"),
        (["--log-opt", "tag=x"], "does not have it"),
        (["--log-driver", "none", "--log-opt", "max-size=1m"], "does not have it"),
    ],
)
def test_what_cannot_be_is_told(engine: Engine, flags: list[str], said: str) -> None:
    if "journald" in flags and Path("/run/systemd/journal/socket").exists():
        pytest.skip("this host has a journal")
    assert said in engine.fails("run", *engine.create(*flags, engine.image, "true"), status=125)


def slept(pid: int) -> int:
    """How often the process's threads have slept and were woken (proc(5), status)."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        found += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))
    return found


def test_a_follower_sleeps_until_there_is_something(engine: Engine) -> None:
    script = "mknod /tmp/pipe p; echo begun; cat /tmp/pipe; echo more; sleep 1000"
    engine.start("--name", "one", engine.image, "sh", "-c", script)
    command, variables = engine.command("logs", "-f", "one"), engine.variables()
    ends, other = (
        subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    )
    assert ends.stdout and other.stdout
    assert ends.stdout.readline() == other.stdout.readline() == b"begun\n"

    def asleep() -> bool:
        before = slept(ends.pid)
        time.sleep(0.5)  # ten looks, if it looked every 50 ms
        return slept(ends.pid) - before < 5

    eventually(asleep)
    engine.ok("exec", "one", "sh", "-c", "echo x > /tmp/pipe")
    for output in (ends.stdout, other.stdout):
        assert [output.readline() for _ in range(2)] == [b"x\n", b"more\n"]
    other.send_signal(signal.SIGINT)
    other.communicate(timeout=20)
    assert other.returncode == 130
    engine.ok("rm", "-f", "one")
    assert ends.communicate(timeout=20)[0] == b""
    assert ends.returncode == 0
