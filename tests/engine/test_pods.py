"""Pods: containers that share namespaces, and what is done to all of them."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import Engine, eventually, kill9
from tests.support.leftovers import CGROUPS
from tests.support.networks import NetworkEngine

SLEEP = ("sleep", "1000")


@pytest.fixture
def pods(engine: Engine) -> Iterator[Engine]:
    """An engine whose pods all go at the end."""
    yield engine
    if engine.ok("pod", "ls", "-q"):
        engine.ok("pod", "rm", "-f", "-t", "0", "-a")


def pod(engine: Engine, name: str, *flags: object) -> str:
    """The id of a new pod."""
    return engine.ok("pod", "create", *engine.create("--name", name, *flags)).strip()


def member(engine: Engine, name: str, of: str, *words: object, verb: str = "run") -> str:
    """The id of a new container of a pod; ``words`` are flags, the image and a command."""
    detach = ["-d"] if verb == "run" else []
    flags = ["--stop-timeout", "0", "--name", name, "--pod", of]
    flags += ["--cgroup-parent", f"/{CGROUPS}"] if of.startswith("new:") else []
    return engine.ok(verb, *detach, *flags, *words).strip()


def state(engine: Engine, name: str) -> str:
    return engine.ok("pod", "inspect", "-f", "{{.State}}", name).strip()


def spaces(engine: Engine, id: str) -> dict[str, str]:
    folder = f"/proc/{engine.pid(id)}/ns"
    return {kind: os.readlink(f"{folder}/{kind}") for kind in ("net", "ipc", "uts", "pid", "mnt")}


def test_the_life_of_a_pod(pods: Engine) -> None:
    id = pod(
        pods, "site", "--label", "tier=web", "--hostname", "siteful", "--add-host", "db:10.9.8.7"
    )
    assert (state(pods, "site"), pods.run("pod", "exists", "site").returncode) == ("Created", 0)
    one = member(pods, "one", "site", pods.image, "sh", "-c", "echo said by one; sleep 1000")
    two = member(pods, "two", id[:12], pods.image, *SLEEP)
    (found,) = json.loads(pods.ok("pod", "inspect", "site"))
    infra = found["InfraContainerID"]
    assert [c["Name"] for c in found["Containers"]] == [f"{id[:12]}-infra", "one", "two"]
    assert (found["State"], found["Labels"]) == ("Running", {"tier": "web"})

    # What is shared, and what is not
    mine, theirs, its = spaces(pods, one), spaces(pods, two), spaces(pods, infra)
    for kind in ("net", "ipc", "uts"):
        assert mine[kind] == theirs[kind] == its[kind]
    for kind in ("pid", "mnt"):
        assert len({mine[kind], theirs[kind], its[kind]}) == 3
    assert (
        pods.ok("exec", "one", "cat", "/etc/hostname", "/proc/sys/kernel/hostname")
        == "siteful\n" * 2
    )
    assert "10.9.8.7\tdb" in pods.ok("exec", "two", "cat", "/etc/hosts")
    pods.ok("exec", "one", "touch", "/dev/shm/kept")
    assert pods.ok("exec", "two", "ls", "/dev/shm") == "kept\n"
    assert "HOSTNAME=siteful" in pods.ok("exec", "two", "env")

    # ps, ls, top, stats, logs
    assert (
        pods.ok("ps", "-q", "--no-trunc", "--filter", "pod=site", "--filter", "name=one")
        == one + "\n"
    )
    assert pods.ok("ps", "-q", "--filter", "pod=site").count("\n") == 3
    lines = pods.ok("ps", "--pod", "--filter", "name=two").splitlines()
    assert lines[0].endswith("POD ID         PODNAME")
    assert lines[1].endswith(f"{id[:12]}   site")
    row = pods.ok(
        "pod", "ls", "--format", "{{.Name}} {{.Status}} {{.NumberOfContainers}} {{.InfraID}}"
    )
    assert row == f"site Running 3 {infra[:12]}\n"
    for filter in (
        "label=tier=web",
        "status=running",
        "ctr-names=tw",
        "ctr-number=3",
        f"id={id[:5]}",
    ):
        assert pods.ok("pod", "ps", "-q", "--no-trunc", "--filter", filter) == id + "\n"
    assert pods.ok("pod", "ls", "-q", "--filter", "status=paused") == ""
    assert pods.ok("pod", "ls", "--ctr-names", "--ctr-ids", "--ctr-status").count("one") == 1
    assert pods.ok("pod", "top", "site", "-o", "pid,args").count("sleep 1000") == 2
    assert pods.ok(
        "pod", "stats", "--no-stream", "--format", "{{.Pod}} {{.Name}}", "site"
    ).splitlines() == [f"{id[:12]} {name}" for name in (f"{id[:12]}-infra", "one", "two")]
    eventually(lambda: pods.ok("pod", "logs", "site") == "one said by one\n")
    assert pods.ok("pod", "logs", "-c", "one", "--tail", "1", "site") == "said by one\n"

    # pause, kill, stop, start, restart
    assert pods.ok("pod", "pause", "site") == id + "\n"
    assert (state(pods, "site"), pods.status("one")) == ("Paused", "paused")
    pods.ok("pod", "unpause", "site")
    assert state(pods, "site") == "Running"
    pods.ok("kill", "one")
    assert state(pods, "site") == "Degraded"
    pods.ok("pod", "start", "site")
    pods.ok("pod", "restart", "site")
    assert state(pods, "site") == "Running"
    pods.ok("pod", "kill", "-s", "KILL", "site")
    eventually(lambda: state(pods, "site") == "Exited")
    # A container of a pod brings the infra container along.
    pods.ok("start", "two")
    assert pods.ok("exec", "two", "cat", "/proc/sys/kernel/hostname") == "siteful\n"
    assert state(pods, "site") == "Degraded"

    # remove
    refused = pods.run("rm", "-f", infra)
    assert (refused.returncode, "is the infra container of a pod" in refused.stderr) == (1, True)
    refused = pods.run("pod", "rm", "site")
    assert (refused.returncode, "has running containers: two" in refused.stderr) == (1, True)
    pods.ok("pod", "stop", "-t", "0", "site")
    assert pods.ok("pod", "rm", "site") == id + "\n"
    assert (pods.ok("ps", "-aq"), pods.run("pod", "exists", "site").returncode) == ("", 1)
    assert pods.run("pod", "rm", "site").returncode == 1
    assert pods.run("pod", "rm", "--ignore", "site").returncode == 0


def test_what_a_pod_is_made_with(pods: Engine, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("shared\n")
    id = pod(
        pods, "all", "--share", "+pid", "--shm-size", "5m", "--pod-id-file", tmp_path / "id",
        "-v", f"{tmp_path / 'given'}:/given", "--infra-name", "holder", "--dns", "192.0.2.1",
        "--security-opt", "no-new-privileges", "--sysctl", "kernel.shmmni=77",
    )  # fmt: skip
    assert (tmp_path / "id").read_text() == id
    one = member(pods, "one", "all", pods.image, *SLEEP)
    assert pods.ok("exec", "one", "cat", "/given") == "shared\n"
    assert pods.ok("exec", "one", "cat", "/proc/1/cmdline").startswith("/pause")
    assert pods.ok("exec", "one", "cat", "/etc/resolv.conf").count("nameserver 192.0.2.1") == 1
    assert pods.ok("exec", "one", "cat", "/proc/sys/kernel/shmmni") == "77\n"
    assert " 5120 " in pods.ok("exec", "one", "df", "/dev/shm")
    assert "NoNewPrivs:\t1" in Path(f"/proc/{pods.pid(one)}/status").read_text()
    # The infra container reaps what loses its parent.
    pods.ok("exec", "one", "sh", "-c", "(sleep 0.1 &) ; true")
    eventually(lambda: "sleep 0.1" not in pods.ok("pod", "top", "all", "-o", "pid,args"))
    assert "defunct" not in pods.ok("pod", "top", "all", "-o", "pid,args")
    assert pods.run("pod", "create", "--name", "all").returncode == 1
    assert pods.run("pod", "create", "--name", "one").returncode == 1
    assert pods.run("create", "--name", "all", pods.image).returncode == 1
    # --replace, --infra=false, --infra-image
    other = pods.ok("pod", "create", "--replace", "--infra=false", "all").strip()
    assert other != id and pods.ok("ps", "-aq") == ""
    member(
        pods,
        "lone",
        "all",
        "--cgroup-parent",
        f"/{CGROUPS}",
        "--hostname",
        "own",
        pods.image,
        *SLEEP,
    )
    assert pods.ok("exec", "lone", "cat", "/etc/hostname") == "own\n"
    refused = pods.run("pod", "create", "--infra=false", "--dns", "192.0.2.1")
    assert "conflicting options: --dns" in refused.stderr
    assert "no namespace that a pod" in pods.run("pod", "create", "--share", "mnt").stderr
    pod(pods, "foreign", "--infra-image", pods.image)
    pods.ok("pod", "rm", "foreign")
    assert pods.ok("pod", "prune", "-f") == ""
    pods.ok("stop", "-t", "0", "lone")
    assert pods.ok("pod", "prune", "-f") == other + "\n"


def test_a_new_pod_for_a_container_and_init_containers(pods: Engine, tmp_path: Path) -> None:
    first = member(
        pods, "first", "new:site", "--init-ctr", "always", "-v", f"{tmp_path}:/out", pods.image,
        "sh", "-c", "echo first >>/out/log", verb="create",
    )  # fmt: skip
    member(pods, "once", "site", "--init-ctr", "once", "-v", f"{tmp_path}:/out", pods.image, "sh",
           "-c", "echo once >>/out/log", verb="create")  # fmt: skip
    member(pods, "main", "site", "-v", f"{tmp_path}:/out", pods.image, "sh", "-c",
           "echo main >>/out/log; sleep 1000", verb="create")  # fmt: skip
    pods.ok("pod", "start", "site")
    log = tmp_path / "log"
    eventually(lambda: log.read_text().split() == ["first", "once", "main"])
    assert (pods.status("first"), state(pods, "site")) == ("exited", "Running")
    pods.ok("pod", "restart", "site")
    eventually(lambda: log.read_text().split() == ["first", "once", "main", "first", "main"])
    pods.ok("pod", "stop", "-t", "0", "site")
    pods.ok("rm", first)
    member(pods, "fails", "site", "--init-ctr", "always", pods.image, "false", verb="create")
    refused = pods.run("pod", "start", "site")
    assert (refused.returncode, "init container fails ended with 1" in refused.stderr) == (1, True)
    assert pods.status("main") == "exited"
    for words in (["create", "--init-ctr", "always"],
                  ["run", "--init-ctr", "once", "--pod", "site"],
                  ["create", "--pod", "site", "--network", "none"],
                  ["create", "--pod", "site", "--hostname", "x"]):  # fmt: skip
        assert pods.run(*words, pods.image).returncode == 125, words


def test_the_exit_policy(pods: Engine) -> None:
    for name, policy in (("goes", "stop"), ("stays", "continue")):
        pod(pods, name, "--exit-policy", policy)
        member(pods, f"{name}-1", name, pods.image, "true")
        member(pods, f"{name}-2", name, pods.image, "sh", "-c", "sleep 0.2")
    eventually(lambda: state(pods, "goes") == "Exited")
    assert state(pods, "stays") == "Degraded"


def test_a_pod_survives_a_kill_of_its_processes(pods: Engine) -> None:
    """Whatever is killed, the rows say what there is, and rm takes everything away."""
    pod(pods, "site")
    one = member(pods, "one", "site", "--restart", "always", pods.image, *SLEEP)
    (found,) = json.loads(pods.ok("pod", "inspect", "site"))
    kill9(pods.conmon(found["InfraContainerID"]))
    kill9(pods.pid(found["InfraContainerID"]))
    eventually(lambda: state(pods, "site") == "Degraded")
    kill9(pods.pid(one))  # comes back, with a new infra container
    eventually(lambda: state(pods, "site") == "Running")
    assert spaces(pods, one)["net"] == spaces(pods, found["InfraContainerID"])["net"]


def test_a_kill_of_pod_verbs_leaves_what_the_next_call_can_use(pods: Engine) -> None:
    for count in range(4):
        name = f"pod{count}"
        words = pods.command("pod", "create", *pods.create("--name", name))
        verb = subprocess.Popen(words, env=pods.variables(), stdout=subprocess.DEVNULL)
        if count % 2:
            verb.wait()
            member(pods, f"in{count}", name, pods.image, *SLEEP)
            words = pods.command("pod", "rm", "-f", "-t", "0", name)
            verb = subprocess.Popen(words, env=pods.variables(), stdout=subprocess.DEVNULL)
        try:
            verb.wait(0.1 + 0.06 * count)
        except subprocess.TimeoutExpired:
            verb.send_signal(signal.SIGKILL)
            verb.wait()
        for line in pods.ok("pod", "ls", "--format", "{{.ID}} {{.InfraID}}").splitlines():
            assert len(line.split()) == 2 or count % 2  # a pod has its infra container until rm
        pods.ok("pod", "rm", "-f", "-t", "0", "--ignore", name)
    assert pods.ok("ps", "-aq") == ""
    # The folder of a container of which no row tells yet.
    pods.run("system", "check", "--repair")
    assert pods.run("system", "check").returncode == 0


def test_ports_and_names_are_the_pods(network: NetworkEngine) -> None:
    network.ok("network", "create", "lan")
    try:
        network.ok(
            "pod", "create", *network.create("--name", "site", "--network", "lan", "-p", "8080:80")
        )
        flags = network.create("--pod", "site", "--name")
        serve = "while :; do echo served | nc -l -p 80; done"
        network.ok("run", "-d", *flags, "web", network.image, "sh", "-c", serve)
        network.ok("run", "-d", *flags, "other", network.image, *SLEEP)
        eventually(lambda: network.host.talk("127.0.0.1", 8080) == "served\n")
        eventually(
            lambda: network.ok("exec", "other", "nc", "127.0.0.1", "80", input=b"") == "served\n"
        )
        assert "8080->80" in network.ok("ps", "--filter", "pod=site", "--format", "{{.Ports}}")
        found = network.ok(
            "run", "--rm", *network.create("--network", "lan"), network.image, "nslookup", "site"
        )
        assert "Name:" in found
        refused = network.run("run", *flags, "no", "-p", "81:81", network.image)
        assert "they are the pod's" in refused.stderr
    finally:
        network.ok("pod", "rm", "-f", "-t", "0", "-a")
        network.ok("network", "rm", "lan")
