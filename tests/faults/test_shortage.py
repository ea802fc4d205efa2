"""What runs short: space, inodes, memory, processes; and state that somebody has spoilt."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.containers import COMMAND, Bundle, Runtime, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A place for a tmpfs of any size; see tmpfs()."""
    path = tmp_path / "small"
    path.mkdir()
    yield path
    subprocess.run(["umount", "--quiet", path], check=False)


def tmpfs(path: Path, options: str) -> None:
    subprocess.run(["umount", "--quiet", path], check=False)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "t", path], check=True)


@pytest.mark.parametrize("verb", ["create", "run"])
@pytest.mark.parametrize(
    ("options", "first", "last"),
    # From nothing to what is enough: the shortage comes at every file in turn.
    [("size={}k", 4, 48), ("nr_inodes={}", 1, 12)],
    ids=["space", "inodes"],
)
def test_s56_a_state_directory_that_fills_up_at_any_file(
    bundle: Bundle, small: Path, options: str, first: int, last: int, verb: str
) -> None:
    bundle.config["process"]["env"].append("PADDING=" + "x" * 6000)
    bundle.save()
    done = []
    for amount in range(first, last + 1, 4 if first == 4 else 1):
        tmpfs(small, options.format(amount))
        runtime = Runtime(COMMAND, small / "state")
        said = runtime(verb, "--bundle", str(bundle.path), "test", check=False)
        done.append(said.code)
        if said.code:
            assert "no space left on device" in said.err
            assert said.err.count("\n") == 1
            assert [id for id in runtime.ids() if not id.startswith(".")] == []
        else:
            runtime("delete", "--force", "test")
    assert set(done) == {0, 1}
    # Once there is enough, there is.
    assert done == sorted(done, reverse=True)


def test_s56_containers_in_a_full_state_directory_can_be_deleted(
    bundle: Bundle, small: Path
) -> None:
    tmpfs(small, "size=64k")
    runtime = Runtime(COMMAND, small / "state")
    bundle.args("sleep", "1000")
    runtime("run", "-d", "--bundle", str(bundle.path), "test")
    with (small / "full").open("wb", buffering=0) as full, pytest.raises(OSError, match="space"):
        while True:
            full.write(bytes(4096))
    assert runtime.state("test")["status"] == "running"
    assert runtime("exec", "test", "echo", "well").out == "well\n"
    runtime("delete", "--force", "test")
    assert runtime.ids() == []


def test_s56_state_cut_off_at_every_length(hutch: Runtime, bundle: Bundle) -> None:
    """At each length it is whole or damaged, never half believed."""
    hutch("create", "--bundle", str(bundle.path), "test")
    path = hutch.root / "test" / "state.json"
    whole = path.read_bytes()
    edges = {0, 1, 2, len(whole) - 1, len(whole) - 2}
    # A length from within each token, and those at the ends of values.
    edges |= {at for at in range(len(whole)) if whole[at : at + 1] in b',:"}]' and at % 7 == 0}
    for length in sorted(edges):
        path.write_bytes(whole[:length])
        error = hutch.refuses("state", "test")
        assert "damaged" in error, length
    for at in range(0, len(whole), 23):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        said = hutch("state", "test", check=False)
        assert said.code == 0 or said.err.count("\n") == 1, at
        assert "Traceback" not in said.err and "internal error" not in said.err, at
    path.write_bytes(whole)
    hutch("delete", "--force", "test")
    assert hutch.ids() == []


def test_s50_a_fork_bomb_is_held_by_its_limit_and_deleted(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["linux"]["resources"]["pids"] = {"limit": 64}
    bundle.sh("bomb() { bomb | bomb & }; while true; do bomb; sleep 0.1; done 2>/dev/null")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    full = Path(f"/sys/fs/cgroup/pids{bundle.config['linux']['cgroupsPath']}/pids.current")
    eventually(lambda: int(full.read_text()) > 32)
    assert int(full.read_text()) <= 64
    # A full cgroup takes no one more, and the runtime says so in a line, or is let in.
    said = hutch("exec", "test", "true", check=False)
    assert said.code == 0 or said.err.count("\n") == 1
    hutch("delete", "--force", "test")


def test_s50_a_memory_hog_is_killed_in_its_own_cgroup(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["linux"]["resources"]["memory"] = {"limit": 16 << 20}
    bundle.config["mounts"].append({"destination": "/tmp", "type": "tmpfs"})
    bundle.sh("sleep 1000 & while true; do dd if=/dev/zero of=/tmp/$$ bs=1M count=64; done")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    path = bundle.config["linux"]["cgroupsPath"]
    events = Path(f"/sys/fs/cgroup/memory{path}/memory.oom_control")
    eventually(lambda: "oom_kill 0" not in events.read_text())
    hutch("delete", "--force", "test")


def test_s50_a_frozen_container_is_deleted(hutch: Runtime, bundle: Bundle) -> None:
    bundle.sh("sleep 1000 & sleep 1000 & wait")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    hutch("pause", "test")
    assert hutch.state("test")["status"] == "paused"
    hutch("delete", "--force", "test")
    assert hutch.ids() == []


PARALLEL = 8
ROUNDS = 200


def pool(commands: list[list[str]], hutch: Runtime) -> list[tuple[int, str]]:
    """Runs all commands, so many at a time; their codes and what they said."""
    with ThreadPoolExecutor(PARALLEL) as threads:
        done = threads.map(lambda words: hutch(*words, check=False, timeout=120), commands)
        return [(result.code, result.err) for result in done]


def test_s52_two_hundred_creates_and_deletes_in_parallel(hutch: Runtime, bundle: Bundle) -> None:
    """Each has an id and a cgroup of its own; half of them are still there when all are deleted."""
    del bundle.config["linux"]["cgroupsPath"]
    config = json.dumps(bundle.config)
    bundles = []
    for number in range(PARALLEL):
        path = bundle.path.parent / f"bundle-{number}"
        path.mkdir()
        (path / "rootfs").symlink_to(bundle.rootfs)
        own = json.loads(config)
        own["root"]["path"] = str(bundle.rootfs)
        bundles.append((path, own))
    ids = [f"many-{number}" for number in range(ROUNDS)]
    creating = []
    for number, id in enumerate(ids):
        path, own = bundles[number % PARALLEL]
        folder = path / id
        folder.mkdir()
        own["linux"]["cgroupsPath"] = bundle.for_id(id).config["linux"]["cgroupsPath"]
        (folder / "config.json").write_text(json.dumps(own))
        creating.append(["create", "--bundle", str(folder), id])
    assert pool(creating, hutch) == [(0, "")] * ROUNDS
    assert sorted(id for id in hutch.ids() if not id.startswith(".")) == sorted(ids)
    assert {hutch.state(id)["status"] for id in ids[::40]} == {"created"}
    assert pool([["delete", "--force", id] for id in ids], hutch) == [(0, "")] * ROUNDS
    assert [id for id in hutch.ids() if not id.startswith(".")] == []


def test_s52_creates_and_deletes_of_the_same_id_in_parallel(hutch: Runtime, bundle: Bundle) -> None:
    """Whoever comes first makes it; the others are told so, or that it is being worked on."""
    words = [
        ["create", "--bundle", str(bundle.path), "same"],
        ["delete", "--force", "same"],
    ] * (ROUNDS // 2)
    for code, said in pool(words, hutch):
        assert code in (0, 1)
        assert "Traceback" not in said and "internal error" not in said
        assert said.count("\n") == code, said
    hutch("delete", "--force", "same")
    assert [id for id in hutch.ids() if not id.startswith(".")] == []
