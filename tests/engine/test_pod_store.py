"""Pods in what looks after a store (check, prune, df), their limits, and their names."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import Engine, eventually
from tests.support.leftovers import CGROUPS

SLEEP = ("sleep", "1000")
# Both versions of cgroups say this of a pod: its memory, its quota, its shares or weight.
FILES = {
    "memory": ("memory.limit_in_bytes", "memory.max"),
    "cpu": ("cpu.cfs_quota_us", "cpu.max"),
    "cpuset": ("cpuset.cpus", "cpuset.cpus"),
}


@pytest.fixture
def pods(engine: Engine) -> Iterator[Engine]:
    """An engine whose pods all go at the end."""
    yield engine
    if engine.ok("pod", "ls", "-q"):
        engine.ok("pod", "rm", "-f", "-t", "0", "-a")


def pod(engine: Engine, name: str, *flags: object) -> str:
    return engine.ok("pod", "create", *engine.create("--name", name, *flags)).strip()


def member(engine: Engine, name: str, of: str, *words: object) -> str:
    flags = ["--stop-timeout", "0", "--name", name, "--pod", of]
    return engine.ok("run", "-d", *flags, engine.image, *(words or SLEEP)).strip()


def cgroup_of(pid: int, controller: str) -> Path:
    """The cgroup of a process in the hierarchy of a controller (cgroups(7))."""
    unified = Path("/sys/fs/cgroup")
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return Path("/sys/fs/cgroup", controller) / path.lstrip("/")
        if not controllers:
            unified = Path("/sys/fs/cgroup") / path.lstrip("/")
    return unified


def value(pid: int, controller: str) -> str:
    """What the cgroup above that of a process says."""
    above = cgroup_of(pid, controller).parent
    (found,) = [above / name for name in FILES[controller] if (above / name).exists()][:1]
    return found.read_text().split()[0]


def test_the_limits_of_all_containers_together(pods: Engine) -> None:
    limits = ("--memory", "64m", "--memory-swap", "64m", "--cpus", "0.5", "--cpuset-cpus", "0",
              "--cpu-shares", "512", "--blkio-weight", "300")  # fmt: skip
    id = pod(pods, "small", *limits)
    one, two = (member(pods, name, "small") for name in ("one", "two"))
    for container in (one, two):
        pid = pods.pid(container)
        assert cgroup_of(pid, "memory").parent.name == f"pod-{id}"
        assert [value(pid, name) for name in FILES] == [str(64 << 20), "50000", "0"]
        assert int(cgroup_of(pid, "memory").stat().st_nlink) >= 2
    (found,) = json.loads(pods.ok("pod", "inspect", "small"))
    shown = [found[name] for name in ("memory_limit", "cpu_quota", "cpu_shares", "cpuset_cpus")]
    assert shown == [64 << 20, 50_000, 512, "0"]
    assert found["CgroupPath"] == f"/{CGROUPS}/pod-{id}"
    # No container has a limit of its own, and all of them together have one.
    assert pods.ok("inspect", "-f", "{{.HostConfig.Memory}}", "one") == "0\n"
    greedy = member(pods, "greedy", "small", "tail", "/dev/zero")
    assert pods.ok("wait", greedy) == "137\n"
    assert pods.ok("inspect", "-f", "{{.State.OOMKilled}}", greedy) == "true\n"
    place = cgroup_of(pods.pid(one), "memory").parent
    pods.ok("pod", "stop", "-t", "0", "small")
    # As after a boot: it is made anew.
    place.rmdir()
    pods.ok("pod", "start", "small")
    assert value(pods.pid(one), "memory") == str(64 << 20)
    pods.ok("pod", "rm", "-f", "-t", "0", "small")
    assert not place.exists()
    for wrong in (("--memory", "1k"), ("--memory-swap", "1g"), ("--cpus", "9999"),
                  ("--device-read-bps", "/dev/null:1mb"), ("--infra=false", "--memory", "64m"),
                  ("--memory-reservation", "32m")):  # fmt: skip
        refused = pods.run("pod", "create", *pods.create("--name", "bad", *wrong))
        assert refused.returncode == 125 and wrong[0].split("=")[0] in refused.stderr
    assert pods.ok("pod", "ls", "-q") == ""


def test_the_names_of_a_pod_are_in_its_hosts(pods: Engine) -> None:
    id = pod(pods, "site", "--add-host", "db:192.0.2.1")
    member(pods, "one", "site")
    member(pods, "two", "site")
    names = {f"{id[:12]}-infra", "one", "two"}

    def hosts(container: str) -> list[str]:
        return pods.ok("exec", container, "cat", "/etc/hosts").splitlines()

    for container in ("one", "two"):
        assert {f"127.0.0.1\t{name}" for name in names} <= set(hosts(container))
        assert "192.0.2.1\tdb" in hosts(container)
    assert "127.0.0.1" in pods.ok("exec", "one", "ping", "-c", "1", "two")
    # One that has gone is named no more once another one starts; none is named twice.
    pods.ok("rm", "-f", "two")
    member(pods, "three", "site")
    found = hosts("one")
    assert "127.0.0.1\tthree" in found and "127.0.0.1\ttwo" not in found
    assert len(found) == len(set(found))
    pods.ok("pod", "restart", "site")
    assert set(hosts("three")) == set(found)


def test_df_prune_and_check_know_pods(pods: Engine) -> None:
    play = "apiVersion: v1\nkind: Pod\nmetadata: {name: lived}\nspec:\n  restartPolicy: Never\n"
    play += "  containers:\n  - {name: c, image: box:box, command: [sh, -c, 'head -c 5000 /dev/zero"
    play += " > /v/x'], volumeMounts: [{name: v, mountPath: /v}]}\n  volumes: [{name: v}]\n"
    pods.ok("kube", "play", "--network", "none", "-", input=play.encode())
    pod(pods, "lives")
    one = member(pods, "one", "lives")
    eventually(lambda: pods.status("lived-c") == "exited")
    pods.ok("pod", "stop", "-t", "0", "lived")
    rows = pods.ok("system", "df", "--format", "{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}")
    assert "Pods|2|1|5kB" in rows.splitlines()
    assert "all is well" in pods.ok("system", "check")
    # A pod goes with its containers; one of which a container runs stays whole.
    gone = pods.ok("system", "prune", "-f")
    assert "Deleted Pods:" in gone
    assert pods.ok("pod", "ls", "--format", "{{.Name}} {{.Status}}") == "lives Running\n"
    assert pods.status("one") == "running"
    assert "Pods|1|1|0B" in pods.ok("system", "df", "--format",
                                    "{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}")  # fmt: skip

    # Folders that no row has: an empty one is removed, files are not.
    (pods.root / "pods" / ("e" * 64)).mkdir(parents=True)
    kept = pods.root / "pods" / ("f" * 64) / "volumes" / "v"
    kept.mkdir(parents=True)
    (kept / "file").write_text("x")
    said = pods.run("system", "check")
    assert said.returncode == 1
    assert "pod eeeeeeeeeeee: nobody knows it" in said.stdout + said.stderr
    assert f"its files are in {kept.parents[1]}" in said.stdout + said.stderr
    assert pods.run("system", "check", "--repair").returncode == 1
    assert [one.name[0] for one in (pods.root / "pods").iterdir()] == ["f"]
    (kept / "file").unlink()
    pods.ok("system", "check", "--repair")

    # Rows that are lost
    infra = pods.ok("pod", "inspect", "-f", "{{.InfraContainerID}}", "lives").strip()
    os.kill(pods.pid(infra), 9)
    eventually(lambda: pods.status(f"{infra[:12]}") != "running")
    # Its folder alone is left: conmon has cleaned up.
    eventually(lambda: [line for line in pods.traces() if infra in line] == [infra])
    pods.ok("stop", "-t", "0", one)
    with sqlite3.connect(pods.root / "store.db") as database:
        database.execute("DELETE FROM container WHERE id = ?", (infra,))
    shutil.rmtree(pods.root / "containers" / infra)
    said = pods.run("system", "check", "--repair")
    assert "pod lives: its infra container is gone" in said.stdout + said.stderr
    pods.ok("pod", "rm", "-f", "lives")
    assert "all is well" in pods.ok("system", "check")
