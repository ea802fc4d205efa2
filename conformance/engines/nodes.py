"""Checks of services on several nodes."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator

from conformance.engines.checks import check, expect
from conformance.engines.engine import Engine, until
from conformance.engines.kernel import limit, processes
from conformance.engines.swarm import COUNT, Swarm
from conformance.engines.wish import Wrong

SERVICES = ("swarm",)
TASK = ("sleep", "4250")


@contextlib.contextmanager
def service(
    engine: Engine, *words: str, command: tuple[str, ...] = TASK
) -> Iterator[tuple[Swarm, str]]:
    """A service, which is removed at the end."""
    assert isinstance(engine, Swarm)
    name = engine.create(*words, command=command)
    try:
        yield engine, name
    finally:
        engine.ask("service", "rm", name)
        until(lambda: not processes(" ".join(command)), "the end of its tasks", 240)


@check("services", "six tasks on three nodes", SERVICES)
def _(engine: Engine) -> None:
    with service(engine, "--replicas", "6") as (swarm, name):
        swarm.settled(name, 6)
        expect(sorted(Counter(swarm.tasks(name)).values()), [2, 2, 2])
        expect(len(processes("sleep 4250")), 6)


@check("services", "one task on each node", SERVICES)
def _(engine: Engine) -> None:
    with service(engine, "--mode", "global") as (swarm, name):
        swarm.settled(name, COUNT)


@check("services", "scaled to 60 tasks, and back", SERVICES)
def _(engine: Engine) -> None:
    with service(engine) as (swarm, name):
        swarm.settled(name, 1)
        swarm.ask("service", "scale", "--detach", f"{name}=60")
        swarm.settled(name, 60, 300)
        expect(len(processes("sleep 4250")), 60)
        swarm.ask("service", "scale", "--detach", f"{name}=2")
        swarm.settled(name, 2, 300)
        until(lambda: len(processes("sleep 4250")) == 2, "the end of the others", 240)


@check("services", "a task that is killed is started again", SERVICES)
def _(engine: Engine) -> None:
    with service(engine, "--replicas", "2") as (swarm, name):
        swarm.settled(name, 2)
        before = set(processes("sleep 4250"))
        os.kill(min(before), 9)
        until(lambda: len(set(processes("sleep 4250")) - before) == 1, "a new task", 240)
        swarm.settled(name, 2)


@check("services", "a rolling update", SERVICES)
def _(engine: Engine) -> None:
    with service(engine, "--replicas", "6", command=("sleep", "4251")) as (swarm, name):
        swarm.settled(name, 6)
        flags = [
            "--detach",
            "--no-resolve-image",
            "--update-parallelism",
            "2",
            "--args",
            "sleep 4252",
        ]
        swarm.ask("service", "update", *flags, name)
        until(lambda: swarm.inspect(name, "{{.UpdateStatus.State}}") == "completed", "it", 240)
        swarm.settled(name, 6)
        expect((len(processes("sleep 4251")), len(processes("sleep 4252"))), (0, 6))
        swarm.ask("service", "rollback", "--detach", name)
        until(lambda: not processes("sleep 4252"), "the end of the new tasks", 240)
        until(lambda: len(processes("sleep 4251")) == 6, "the old tasks", 240)
        swarm.settled(name, 6)


@check("services", "an update that cannot be executed is rolled back by itself", SERVICES)
def _(engine: Engine) -> None:
    with service(engine, "--replicas", "3") as (swarm, name):
        swarm.settled(name, 3)
        flags = [
            "--update-failure-action",
            "rollback",
            "--update-monitor",
            "5s",
            "--args",
            "nothing",
        ]
        swarm.ask("service", "update", "--detach", "--no-resolve-image", *flags, name)
        done = "rollback_completed"
        until(lambda: swarm.inspect(name, "{{.UpdateStatus.State}}") == done, "its roll-back", 240)
        swarm.settled(name, 3)


@check("services", "a node is drained, and comes back", SERVICES)
def _(engine: Engine) -> None:
    with service(engine, "--replicas", "6") as (swarm, name):
        swarm.settled(name, 6)
        swarm.ask("node", "update", "--availability", "drain", swarm.ids[2])
        until(lambda: set(swarm.tasks(name)) == {"node1", "node3"}, "an empty node", 240)
        swarm.settled(name, 6)
        expect(swarm.on(2, "ps", "--quiet"), "")
        swarm.ask("node", "update", "--availability", "active", swarm.ids[2])


@check("services", "secrets and configs", SERVICES)
def _(engine: Engine) -> None:
    assert isinstance(engine, Swarm)
    for kind in ("secret", "config"):
        engine.must("sh", "-c", f"echo of-{kind} >{engine.place.folder}/{kind}")
        engine.ask(kind, "create", f"own-{kind}", f"{engine.place.folder}/{kind}")
    script = "cat /run/secrets/own-secret /own-config; sleep 1000"
    words = ["--secret", "own-secret", "--config", "own-config"]
    try:
        with service(engine, *words, command=("sh", "-c", script)) as (swarm, name):
            swarm.settled(name, 1)
            until(lambda: swarm.ask("service", "logs", name).count("of-") == 2, "both in the log")
    finally:
        engine.ask("secret", "rm", "own-secret")
        engine.ask("config", "rm", "own-config")


@check("services", "limits of a task", SERVICES)
def _(engine: Engine) -> None:
    words = ["--limit-memory", "64m", "--limit-cpu", "0.5"]
    with service(engine, *words) as (swarm, name):
        swarm.settled(name, 1)
        (pid,) = processes("sleep 4250")
        expect(limit(pid, "memory", "memory.limit_in_bytes", "memory.max"), str(2**26))


@check("services", "a port of the node", SERVICES)
def _(engine: Engine) -> None:
    script = "while :; do echo from-task | nc -l -p 80; done"
    words = ["--publish", "mode=host,target=80,published=8099", "--mode", "global"]
    with service(engine, *words, command=("sh", "-c", script)) as (swarm, name):
        swarm.settled(name, COUNT)
        for node in range(1, COUNT + 1):
            ask = ["busybox", "nc", "-w", "2", f"10.78.0.{node}", "8099"]
            place = f"--net=/run/netns/node{node % COUNT + 1}"
            until(lambda: "from-task" in swarm.done("nsenter", place, *ask).out, "an answer")  # noqa: B023


@check("services", "tasks find each other by name on an overlay network", SERVICES)
def _(engine: Engine) -> None:
    assert isinstance(engine, Swarm)
    engine.ask("network", "create", "--driver", "overlay", "inner")
    script = "while :; do echo from-$(hostname) | nc -l -p 80; done"
    words = ["--network", "inner", "--endpoint-mode", "dnsrr"]
    try:
        with service(engine, *words, "--mode", "global", command=("sh", "-c", script)) as (
            swarm,
            one,
        ):
            swarm.settled(one, COUNT)
            asks = f"while :; do nc -w 2 tasks.{one} 80 </dev/null; sleep 0.2; done"
            with service(engine, *words, command=("sh", "-c", asks)) as (_, other):
                until(lambda: "from-" in swarm.ask("service", "logs", other), "an answer", 240)
    finally:
        until(lambda: not failed(engine, "network", "rm", "inner"), "the network's removal", 240)


def failed(swarm: Swarm, *words: str) -> bool:
    try:
        swarm.ask(*words)
    except Wrong:
        return True
    return False


@check("services", "the node of the leader is killed, and comes back", SERVICES)
def _(engine: Engine) -> None:
    with service(engine, "--replicas", "6") as (swarm, name):
        swarm.settled(name, 6)
        leader = int(swarm.on(1, "node", "ls", "--filter", "role=manager", "--format",
                              "{{if .ManagerStatus}}{{.ManagerStatus}} {{.Hostname}}{{end}}")
                     .partition("Leader node")[2][0])  # fmt: skip
        swarm.kill_node(leader)
        others = {f"node{node}" for node in range(1, COUNT + 1)} - {f"node{leader}"}
        until(lambda: set(swarm.tasks(name)) == others, "its tasks on other nodes", 240)
        swarm.settled(name, 6)
        expect(len(processes("sleep 4250")), 6)
        swarm.start_node(leader)
        ready = "{{.Status.State}}"
        node = swarm.ids[leader]
        until(
            lambda: swarm.ask("node", "inspect", "--format", ready, node).strip() == "ready",
            "it",
            60,
        )
        swarm.ask("service", "scale", "--detach", f"{name}=12")
        swarm.settled(name, 12)
        until(lambda: len(set(swarm.tasks(name))) == COUNT, "tasks on it", 240)
