"""hutch called as CRI-O calls its runtime, by itself and through conmon: words and configuration.

CRI-O gives the root as two words, conmon as one. Neither gives --log.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.engines.kernel import limit
from tests.support.containers import Bundle, Runtime, alive, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

KINDS = {"network": "net", "ipc": "ipc", "uts": "uts", "user": "user"}
HOLD = "unshare --user --net --ipc --uts sleep 1000"
TRAPS = "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.05; done"


@pytest.fixture
def pinned(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The namespaces of a pod, by their kinds: files, as pinns makes them."""
    holder = subprocess.Popen(HOLD.split())
    own = Path("/proc/self/ns/uts").readlink()
    eventually(lambda: Path(f"/proc/{holder.pid}/ns/uts").readlink() != own)
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{holder.pid}/{name}").write_text("0 0 65536\n")
    found = {kind: str(tmp_path / file) for kind, file in KINDS.items()}
    for kind, path in found.items():
        Path(path).touch()
        namespace = f"/proc/{holder.pid}/ns/{KINDS[kind]}"
        subprocess.run(["mount", "--bind", namespace, path], check=True)
    holder.kill()
    holder.wait()
    yield found
    for path in found.values():
        subprocess.run(["umount", path], check=True)


def in_pod(bundle: Bundle, pinned: dict[str, str], *kinds: str) -> Bundle:
    """A bundle as CRI-O writes it: namespaces of these kinds by path, limits that are zero."""
    joined = [{"type": kind, "path": pinned[kind]} for kind in kinds]
    bundle.config["linux"]["namespaces"] = [{"type": "pid"}, *joined, {"type": "mount"}]
    bundle.config["linux"]["resources"] = {
        "devices": [{"allow": False, "access": "rwm"}],
        "cpu": {"shares": 0, "quota": 0, "period": 0},
        "pids": {"limit": -1},
    }
    bundle.config["process"]["oomScoreAdj"] = 0
    bundle.config["annotations"] = {"io.kubernetes.cri-o.Devices": "", "io.container.manager": "c"}
    return bundle.save()


def by_conmon(hutch: Runtime, verb: str, *words: str) -> None:
    command = [hutch.command, f"--root={hutch.root}", verb, *words]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)


def created(hutch: Runtime, bundle: Bundle) -> int:
    """A container by ``create``; its pid."""
    file = bundle.path / "pidfile"
    by_conmon(hutch, "create", "--bundle", str(bundle.path), "--pid-file", str(file), "c")
    return int(file.read_text())


def test_the_life_of_a_container_in_namespaces_that_are_pinned(
    hutch: Runtime, bundle: Bundle, pinned: dict[str, str]
) -> None:
    kinds = ("network", "ipc", "uts")
    pid = created(hutch, in_pod(bundle, pinned, *kinds).args("sleep", "1000"))
    hutch("start", "c")
    state = hutch.state("c")
    assert (state["status"], state["pid"], state["bundle"]) == ("running", pid, str(bundle.path))
    for kind in kinds:
        own = Path(f"/proc/{pid}/ns/{KINDS[kind]}").stat().st_ino
        assert own == Path(pinned[kind]).stat().st_ino, kind
    hutch("kill", "c", "15")  # which the first process of a pid namespace does not see
    hutch("kill", "c", "KILL")
    eventually(lambda: not alive(pid))
    assert hutch.state("c")["status"] == "stopped"
    assert "container not running" in hutch.refuses("kill", "c", "KILL")
    hutch("delete", "--force", "c")
    hutch("delete", "--force", "c")
    assert "does not exist" in hutch.refuses("state", "c")


def test_a_user_namespace_that_is_pinned_and_its_map(
    hutch: Runtime, bundle: Bundle, pinned: dict[str, str]
) -> None:
    maps = [{"containerID": 0, "hostID": 0, "size": 65536}]
    bundle.change(lambda config: config["linux"].update(uidMappings=maps, gidMappings=maps))
    kinds = ("network", "ipc", "uts", "user")
    pid = created(hutch, in_pod(bundle, pinned, *kinds).args("sleep", "1000"))
    hutch("start", "c")
    assert Path(f"/proc/{pid}/ns/user").stat().st_ino == Path(pinned["user"]).stat().st_ino
    assert hutch("exec", "c", "id", "-u").out == "0\n"
    hutch("delete", "--force", "c")


def test_exec_of_a_file_in_the_background_and_with_streams(
    hutch: Runtime, sleeper: str, tmp_path: Path
) -> None:
    """conmon has the pid written, and reaps it; CRI-O itself waits for the exit code."""
    process = {
        "args": ["sh", "-c", "read a; echo $A-$a; exit 7"], "cwd": "/", "env": ["A=b", "PATH=/bin"],
        "user": {"uid": 0, "gid": 0, "additionalGids": [0]}, "oomScoreAdj": 0,
    }  # fmt: skip
    file, typed = tmp_path / "process", tmp_path / "typed"
    file.write_text(json.dumps(process))
    typed.write_text("word\n")
    with typed.open() as stdin:
        done = hutch("exec", "--process", str(file), sleeper, check=False, stdin=stdin)
    assert (done.code, done.out) == (7, "b-word\n")
    file.write_text(json.dumps({**process, "args": ["sleep", "1000"]}))
    pid_file = tmp_path / "pidfile"
    words = ["--pid-file", str(pid_file), "--process", str(file), "--detach", sleeper]
    by_conmon(hutch, "exec", *words)
    assert Path(f"/proc/{pid_file.read_text()}/cmdline").read_bytes() == b"sleep\x001000\x00"


def test_a_container_that_ends_by_itself_on_the_signal_of_a_stop(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.sh(TRAPS)
    with open(bundle.path / "out", "wb") as out:
        command = [hutch.command, f"--root={hutch.root}", "create", "--bundle", str(bundle.path)]
        subprocess.run([*command, "c"], check=True, stdout=out, stderr=out, timeout=60)
    hutch("start", "c")
    eventually(lambda: (bundle.path / "out").read_text() == "ready\n")
    hutch("kill", "c", "15")
    eventually(lambda: hutch.state("c")["status"] == "stopped")
    assert (bundle.path / "out").read_text() == "ready\ncaught\n"


def test_update_of_memory_with_swap_and_of_processors(
    hutch: Runtime, sleeper: str, tmp_path: Path
) -> None:
    resources = {
        "memory": {"limit": 2**27, "swap": 2**27},
        "cpu": {"quota": 25000, "period": 100000},
    }
    (tmp_path / "resources").write_text(json.dumps(resources))
    pid = hutch.state(sleeper)["pid"]
    with open(tmp_path / "resources") as stdin:
        hutch("update", "--resources", "-", sleeper, stdin=stdin)
    assert limit(pid, "memory", "memory.limit_in_bytes", "memory.max") == str(2**27)
    assert limit(pid, "cpu", "cpu.cfs_quota_us", "cpu.max").startswith("25000")
