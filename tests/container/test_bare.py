"""conformance/bench/bare.c, beside which the runtimes are measured, makes what hutch makes."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.bench.bundle import make_bundle
from conformance.bench.measures import wait_stopped
from conformance.bench.peers import Peer, make_bare, peers

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]
ID = "test-bare"


@pytest.fixture
def both(tmp_path: Path) -> Iterator[list[Peer]]:
    found = peers(tmp_path, tmp_path, [], {}, ["runc", "crun", "hutch-a"])
    yield found
    for peer in found:
        peer.clear()


def output(peer: Peer, *words: str) -> list[str]:
    done = subprocess.run(
        peer.words("exec", ID, "/bin/busybox", *words), check=True, text=True, capture_output=True
    )
    return done.stdout.splitlines()


def own_namespaces(pid: int) -> set[str]:
    """Those that the process does not share with this one."""
    here, there = Path("/proc/self/ns"), Path(f"/proc/{pid}/ns")
    return {
        each.name for each in here.iterdir() if each.readlink() != (there / each.name).readlink()
    }


def test_bare_makes_the_mounts_namespaces_and_cgroups_of_hutch(
    both: list[Peer], tmp_path: Path
) -> None:
    bundle = str(make_bundle(tmp_path / "waits", "sleep", "1000"))
    (tmp_path / "waits/rootfs/bin/cat").symlink_to("busybox")
    pid_file = tmp_path / "pid"
    seen = {}
    for peer in both:
        peer.call("create", "--bundle", bundle, "--pid-file", str(pid_file), ID)
        peer.call("start", ID)
        mounts = {tuple(line.split()[1:3]) for line in output(peer, "cat", "/proc/self/mounts")}
        cgroups = {
            line.rpartition("/")[0].rpartition(":")[0]
            for line in output(peer, "cat", "/proc/self/cgroup")
            if line.rpartition("/")[2].endswith(ID)
        }
        devices = output(peer, "ls", "/dev")
        seen[peer.name] = (mounts, cgroups, devices, own_namespaces(int(pid_file.read_text())))
        peer.call("kill", ID, "KILL")
        wait_stopped(peer, ID)
        peer.call("delete", ID)
    hutch, bare = seen["hutch"], seen["bare"]
    assert {where for where, _ in bare[0]} == {where for where, _ in hutch[0]}
    assert bare[1:] == hutch[1:]
    assert bare[1]


def test_bare_runs_and_leaves_nothing(tmp_path: Path) -> None:
    peer = Peer("bare", make_bare(tmp_path), tmp_path)
    bundle = str(make_bundle(tmp_path / "true", "true"))
    peer.call("run", "--bundle", bundle, ID)
    assert list(Path(peer.root).iterdir()) == []
    (tmp_path / "true" / "rootfs" / "bin" / "true").unlink()
    assert peer.call("run", "--bundle", bundle, ID, check=False).returncode == 1
    peer.call("delete", "--force", ID, check=False)


def test_a_peer_that_is_no_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"bench: --peer x: .*: not a program"):
        peers(tmp_path, tmp_path, [], {"x": tmp_path}, ["bare"])
