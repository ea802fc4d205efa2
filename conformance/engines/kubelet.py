"""Checks of a node: the kubelet restarted, the runtime killed, many pods at once."""

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

from conformance.engines.checks import check, expect
from conformance.engines.cluster import NODE
from conformance.engines.engine import Engine, until
from conformance.engines.kernel import cgroups, mounts, processes
from conformance.engines.kills import calm, deadly, killable, nothing_left
from conformance.engines.kubernetes import Kubernetes
from conformance.engines.lives import SLEEP, running
from conformance.engines.wish import Wish, Wrong
from conformance.engines.workloads import ONLY, of, one, pod, restarts

MANY = 30
ROUNDS = 3
CALLS = (1, 2, 3, 1)  # of the runtime, which are killed one after the other
PARENTS = ("/kubepods", "/kubepods/besteffort", "/kubepods/burstable")  # these stay, or not


def traces(engine: Kubernetes) -> set[str]:
    """Cgroups, mounts and states of containers."""
    found = {path for path in cgroups() if not path.endswith(PARENTS)}
    found |= mounts(str(engine.place.folder))
    with contextlib.suppress(FileNotFoundError):
        found |= {f"{engine.states}/{name}" for name in os.listdir(engine.states)}
    return found


def only(engine: Kubernetes, before: set[str], words: str) -> None:
    """Waits until nothing else is left than before. The kubelet sweeps dead containers once a
    minute."""
    nothing_left(words, lambda: traces(engine) - before, 180)


def started(engine: Engine, name: str) -> None:
    """Its container has been started, or could not be: the pod is not to be restarted. The kubelet
    may need more than one try for the pod."""
    until(lambda: engine.state(name) in ("running", "exited"), "its start", 120)


def restart_kubelet(engine: Kubernetes, how: signal.Signals) -> None:
    engine.cluster.kubelet.send_signal(how)
    engine.cluster.kubelet.wait(60)
    engine.cluster.start_kubelet()
    path = f"/api/v1/nodes/{NODE}/proxy/pods"
    until(lambda: engine.cluster.found(path), "the kubelet answers")

    def known() -> set[str]:
        pods = engine.cluster.get(path).get("items") or []
        return {one["metadata"]["name"] for one in pods}

    until(lambda: set(engine.pods) <= known(), "it knows its pods")


@check("kubernetes", "the kubelet ended, or killed, and started again: pods go on", ONLY)
def _(engine: Engine) -> None:
    with running(engine) as name, pod(engine, one("sleep 3; exit 6")) as other:
        pid = engine.pid(name)
        of(engine).wait_for_start(other)
        restart_kubelet(of(engine), signal.SIGTERM)
        expect(engine.exit_code(other), 6)
        restart_kubelet(of(engine), signal.SIGKILL)
        expect((engine.pid(name), restarts(engine, name)), (pid, 0))
        expect(engine.exec(name, "echo", "on").out, "on\n")
        engine.stop(name, 1)
        expect(engine.exit_code(name), 137)


@check(
    "kubernetes", "the runtime killed at starts: pods come all the same, all can be deleted", ONLY
)
def _(engine: Engine) -> None:
    def start(names: list[str]) -> None:
        for call in CALLS:
            deadly(engine, call)
            wait_for_kill(engine)
        calm(engine)
        for name in names:
            started(engine, name)

    killed_in(engine, start)


@check(
    "kubernetes", "the runtime killed at removals: pods go all the same, all can be deleted", ONLY
)
def _(engine: Engine) -> None:
    def remove(names: list[str]) -> None:
        for name in names:
            started(engine, name)
        for name, call in zip(names, CALLS, strict=True):
            deadly(engine, call)
            of(engine).let_go(name)
            wait_for_kill(engine)
        calm(engine)

    killed_in(engine, remove)


def killed_in(engine: Engine, act: Callable[[list[str]], None]) -> None:
    """Makes pods, as many as there are calls to kill, and does ``act`` with their names, in which
    the runtime is killed. After all rounds nothing is left."""
    with killable(engine):
        words, before = words_of_its_own(engine)
        for _ in range(ROUNDS):
            names = created(engine, Wish(words=words), len(CALLS))
            act(names)
            remove_all(engine, names)
        delete_again(engine)
        only(of(engine), before, " ".join(words))


def created(engine: Engine, wish: Wish, count: int) -> list[str]:
    """Pods, without waiting."""
    return [of(engine).create(of(engine).spec(wish)) for _ in range(count)]


def wait_for_kill(engine: Engine) -> None:
    """Two seconds at most: the runtime may not be called any more."""
    with contextlib.suppress(Wrong):
        until(lambda: not any(engine.place.kills.iterdir()), "a kill", 2)


def delete_again(engine: Engine) -> None:
    """Deletes what containerd forgets: it does not always ask for a deletion when a creation was
    killed, and not again when that was killed."""
    program = engine.place.commands()[engine.runtime]
    states = of(engine).states
    killed = {line.split()[-1] for line in engine.place.killed.read_text().splitlines()}
    for name in killed:
        if Path(states, name).exists():
            engine.must(program, "--root", states, "delete", "--force", name)


def words_of_its_own(engine: Engine) -> tuple[tuple[str, str], set[str]]:
    """A program that no other check runs, and what there is after a pod with it."""
    words = ("sleep", str(10**6 + engine.count))
    with running(engine, Wish(words=words)):
        pass
    return words, traces(of(engine))


def remove_all(engine: Engine, names: list[str]) -> None:
    for name in names:
        of(engine).let_go(name)
    for name in names:
        engine.remove(name)


@check("kubernetes", "thirty pods at once, started and removed: nothing is left", ONLY)
def _(engine: Engine) -> None:
    words, before = words_of_its_own(engine)
    names = created(engine, Wish(words=words), MANY)
    for name in names:
        of(engine).wait_for_start(name)
        expect(engine.state(name), "running")
    expect(len(processes(" ".join(words))), MANY)
    remove_all(engine, names)
    only(of(engine), before, " ".join(words))


@check("kubernetes", "containerd restarted while pods are started: all come", ONLY)
def _(engine: Engine) -> None:
    names = created(engine, SLEEP, 4)
    engine.crash()
    for name in names:
        started(engine, name)
        engine.remove(name)
