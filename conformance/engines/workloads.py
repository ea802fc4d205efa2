"""Checks of what only Kubernetes has: pods as a kubelet starts, watches, restarts and ends them."""

import base64
import contextlib
import os
from collections.abc import Iterator
from typing import Any

from conformance.engines.checks import check, expect
from conformance.engines.cluster import NODE, STRATEGIC
from conformance.engines.engine import Engine, until
from conformance.engines.kernel import limit
from conformance.engines.kubernetes import PODS, RUNTIME_CLASSES, Kubernetes, box
from conformance.engines.lives import SLEEP, running
from conformance.engines.streams import STDERR
from conformance.engines.wish import Limits, Wish, Wrong

ONLY = ("kubernetes",)


def of(engine: Engine) -> Kubernetes:
    assert isinstance(engine, Kubernetes)
    return engine


@contextlib.contextmanager
def pod(engine: Engine, spec: dict[str, Any], **metadata: Any) -> Iterator[str]:
    """A pod that is removed at the end."""
    name = of(engine).create(spec, **metadata)
    try:
        yield name
    finally:
        engine.remove(name)


@contextlib.contextmanager
def kept(engine: Engine, path: str, body: dict[str, Any]) -> Iterator[None]:
    """An object of the API server while it is needed; ``path`` is that of its kind."""
    of(engine).cluster.ask("POST", path, body)
    try:
        yield
    finally:
        of(engine).cluster.ask("DELETE", f"{path}/{body['metadata']['name']}")


def runtime_class(name: str, handler: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name},
            "handler": handler, **more}  # fmt: skip


def script(text: str, name: str = "main", **more: Any) -> dict[str, Any]:
    """A container that runs a script."""
    return box("sh", "-c", text, name=name, **more)


def one(text: str, **more: Any) -> dict[str, Any]:
    """The spec of a pod with one container, which runs a script."""
    return {"containers": [script(text, **more)]}


def phase(engine: Engine, name: str) -> str:
    return str(of(engine).pod(name)["status"].get("phase", ""))


def over(engine: Engine, name: str) -> str:
    """The phase of a pod at its end."""
    until(lambda: phase(engine, name) in ("Succeeded", "Failed"), "its end")
    return phase(engine, name)


def restarted(engine: Engine, name: str, times: int) -> None:
    until(lambda: restarts(engine, name) == times, "its restart")
    until(lambda: engine.state(name) == "running", "it runs again")


def ready(engine: Engine, name: str, container: str = "main") -> bool:
    return bool(of(engine).container(name, container).get("ready"))


def restarts(engine: Engine, name: str, container: str = "main") -> int:
    return int(of(engine).container(name, container).get("restartCount", 0))


@check("kubernetes", "a pod that succeeds, and one that fails: phase, exit code, message", ONLY)
def _(engine: Engine) -> None:
    for code, wanted in ((0, "Succeeded"), (3, "Failed")):
        text = f"echo out; echo last words >/dev/termination-log; exit {code}"
        with pod(engine, one(text)) as name:
            expect(over(engine, name), wanted)
            ended = of(engine).terminated(name)
            expect((ended["exitCode"], ended["message"]), (code, "last words\n"))
            expect(engine.logs(name), "out\n")


@check("kubernetes", "what cannot be executed: StartError, and a message", ONLY)
def _(engine: Engine) -> None:
    for word in ("nothing", "/etc/passwd"):
        with pod(engine, {"containers": [box(word)]}) as name:
            ended = of(engine).terminated(name)
            expect((ended["exitCode"], ended["reason"]), (128, "StartError"))
            if word not in ended["message"]:
                raise Wrong(f"the message does not name it: {ended['message']}")


@check("kubernetes", "restart policy OnFailure: until it succeeds", ONLY)
def _(engine: Engine) -> None:
    text = "echo x >>/c/file; [ $(wc -l </c/file) = 3 ]"
    spec = one(text, volumeMounts=[{"name": "c", "mountPath": "/c"}])
    spec |= {"restartPolicy": "OnFailure", "volumes": [{"name": "c", "emptyDir": {}}]}
    with pod(engine, spec) as name:
        expect(over(engine, name), "Succeeded")
        expect(restarts(engine, name), 2)


@check("kubernetes", "restart policy Always: back-off, and a count", ONLY)
def _(engine: Engine) -> None:
    with pod(engine, {**one("exit 4"), "restartPolicy": "Always"}) as name:

        def backs_off() -> bool:
            waiting = of(engine).container(name)["state"].get("waiting", {})
            return restarts(engine, name) > 1 and waiting.get("reason") == "CrashLoopBackOff"

        until(backs_off, "the second back-off")
        last = of(engine).container(name)["lastState"]["terminated"]
        expect(last["exitCode"], 4)
        expect(of(engine).logs(name, previous="true"), "")


@check("kubernetes", "init containers in their order, and a sidecar to the end", ONLY)
def _(engine: Engine) -> None:
    at = {"volumeMounts": [{"name": "c", "mountPath": "/c"}]}
    spec: dict[str, Any] = one("echo main >>/c/file; cat /c/file", **at)
    side = script("trap 'exit 0' TERM; echo side >>/c/file; while :; do sleep 0.1; done", "side",
                  restartPolicy="Always", startupProbe=probe("test -s /c/file"), **at)  # fmt: skip
    spec["initContainers"] = [script("echo first >>/c/file", "first", **at), side]
    spec["volumes"] = [{"name": "c", "emptyDir": {}}]
    with pod(engine, spec) as name:
        expect(over(engine, name), "Succeeded")
        expect(engine.logs(name), "first\nside\nmain\n")
        expect(of(engine).terminated(name, "side")["exitCode"], 0)


def probe(text: str, **more: Any) -> dict[str, Any]:
    return {"exec": {"command": ["sh", "-c", text]}, "periodSeconds": 1, "failureThreshold": 1,
            **more}  # fmt: skip


@check("kubernetes", "a readiness probe by exec", ONLY)
def _(engine: Engine) -> None:
    spec = one("sleep 1000", readinessProbe=probe("test -e /tmp/ready"))
    with pod(engine, spec) as name:
        of(engine).wait_for_start(name)
        expect(ready(engine, name), False)
        engine.exec(name, "touch", "/tmp/ready")
        until(lambda: ready(engine, name), "it is ready")
        engine.exec(name, "rm", "/tmp/ready")
        until(lambda: not ready(engine, name), "it is not ready")


@check("kubernetes", "a liveness probe by exec, and one that hangs", ONLY)
def _(engine: Engine) -> None:
    for text in ("test ! -e /tmp/dead", "test ! -e /tmp/dead || sleep 100"):
        spec = {**one("sleep 1000", livenessProbe=probe(text)), "restartPolicy": "Always"}
        with pod(engine, spec) as name:
            of(engine).wait_for_start(name)
            engine.exec(name, "touch", "/tmp/dead")
            restarted(engine, name, 1)


@check("kubernetes", "a startup probe by exec holds the others back", ONLY)
def _(engine: Engine) -> None:
    spec = one("sleep 2; touch /tmp/up; sleep 1000", livenessProbe=probe("test -e /tmp/up"),
               startupProbe=probe("test -e /tmp/up", failureThreshold=30))  # fmt: skip
    with pod(engine, spec) as name:
        of(engine).wait_for_start(name)
        until(lambda: of(engine).container(name).get("started"), "its start")
        expect(restarts(engine, name), 0)


@check("kubernetes", "exec: output, error output and what is typed, apart", ONLY)
def _(engine: Engine) -> None:
    with running(engine) as name:
        done = engine.exec(name, "sh", "-c", "read a; echo got-$a; echo err >&2; exit 7",
                           stdin=b"word\n")  # fmt: skip
        expect((done.code, done.out, done.err), (7, "got-word\n", "err\n"))


@check("kubernetes", "files are copied in and out by tar, as kubectl cp does", ONLY)
def _(engine: Engine) -> None:
    data = base64.b64encode(os.urandom(3 * 2**19))  # 2 MiB
    with running(engine) as name:
        put = "cat >/tmp/data && /bin/busybox tar cf /tmp/a.tar -C /tmp data && rm /tmp/data"
        expect(engine.exec(name, "sh", "-c", put, stdin=data).code, 0)
        get = "/bin/busybox tar xf /tmp/a.tar -O"
        if engine.exec(name, "sh", "-c", get).out.encode() != data:
            raise Wrong("other data")


@check("kubernetes", "attach without a terminal: both streams, and the end of the input", ONLY)
def _(engine: Engine) -> None:
    text = "while read a; do echo got-$a; echo err >&2; done; echo ended; sleep 0.5; exit 5"
    with pod(engine, one(text, stdin=True, stdinOnce=True)) as name:
        of(engine).wait_for_start(name)
        stream = of(engine).open(name, "attach", stdin=1, stdout=1, stderr=1)
        stream.send("word\n")
        stream.expect("got-word\n")
        stream.end_input()
        stream.expect("ended\n")
        stream.end()
        expect(stream.seen[STDERR], b"err\n")
        expect(engine.exit_code(name), 5)


@check("kubernetes", "port-forward", ONLY)
def _(engine: Engine) -> None:
    with running(engine, Wish(shell="echo hello | nc -l -p 80; sleep 1000")) as name:
        listens = "cat /proc/net/tcp* | grep -q :0050"
        until(lambda: engine.exec(name, "sh", "-c", listens).code == 0, "its port")
        stream = of(engine).cluster.stream(f"{PODS}/{name}/portforward?ports=80", "v4")
        until(lambda: stream.read() and b"hello" in stream.seen.get(0, b""), "its answer", 60)
        stream.socket.close()


@check("kubernetes", "hooks: postStart before it is ready, preStop before TERM", ONLY)
def _(engine: Engine) -> None:
    text = "trap 'echo term; exit 5' TERM; while :; do sleep 0.1; done"
    say = ["sh", "-c", "echo $0 >/proc/1/fd/1; sleep 0.5"]
    hooks = {
        "postStart": {"exec": {"command": [*say, "post"]}},
        "preStop": {"exec": {"command": [*say, "pre"]}},
    }
    with pod(engine, one(text, lifecycle=hooks)) as name:
        of(engine).wait_for_start(name)
        engine.stop(name, 30)
        expect(of(engine).terminated(name)["exitCode"], 5)
        expect(engine.logs(name), "post\npre\nterm\n")


@check("kubernetes", "TERM is ignored: KILL after the grace period", ONLY)
def _(engine: Engine) -> None:
    with pod(engine, one("trap '' TERM; echo up; while :; do sleep 0.1; done")) as name:
        until(lambda: engine.state(name) == "running" and engine.logs(name), "it runs")
        engine.stop(name, 2)
        expect(of(engine).terminated(name)["exitCode"], 137)


@check("kubernetes", "limits of the pod around those of the container, and shares", ONLY)
def _(engine: Engine) -> str:
    demand = {"limits": {"memory": "64Mi", "cpu": "500m"}}
    with pod(engine, one("sleep 1000", resources=demand)) as name:
        of(engine).wait_for_start(name)
        expect(of(engine).pod(name)["status"]["qosClass"], "Guaranteed")
        pid = engine.pid(name)
        found = {
            above + file: limit(pid, controller, above + file, above + unified)
            for above in ("", "../")
            for controller, file, unified in (
                ("memory", "memory.limit_in_bytes", "memory.max"),
                ("cpu", "cpu.cfs_quota_us", "cpu.max"), ("cpu", "cpu.shares", "cpu.weight"),
            )
        }  # fmt: skip
        for above in ("", "../"):
            expect(found[f"{above}memory.limit_in_bytes"], str(2**26))
        return str(found)


@check("kubernetes", "resize of cpu and memory, up and down, without a restart", ONLY)
def _(engine: Engine) -> str:
    shown = []
    with running(engine, SLEEP.but(memory=2**26, cpus=0.2)) as name:
        pid = engine.pid(name)
        for wanted in (Limits(2**27, 0.5), Limits(2**27, 0.25), Limits(2**25, 0.25)):
            engine.update(name, wanted)
            memory = limit(pid, "memory", "memory.limit_in_bytes", "memory.max")
            expect(memory, str(wanted.memory))
            shown.append(limit(pid, "cpu", "cpu.cfs_quota_us", "cpu.max"))
            shown.append(limit(pid, "cpu", "../cpu.cfs_quota_us", "../cpu.max"))
        expect((restarts(engine, name), engine.pid(name)), (0, pid))
    return " ".join(shown)


@check("kubernetes", "an ephemeral container sees the processes of its target", ONLY)
def _(engine: Engine) -> None:
    with running(engine, Wish(words=("sleep", "4251"))) as name:
        debug = script("tr '\\0' ' ' </proc/1/cmdline; exit 0", "debug")
        debug["targetContainerName"] = "main"
        change = {"spec": {"ephemeralContainers": [debug]}}
        path = f"{PODS}/{name}/ephemeralcontainers"
        of(engine).cluster.ask("PATCH", path, change, STRATEGIC)
        expect(of(engine).terminated(name, "debug")["exitCode"], 0)
        expect(of(engine).logs(name, "debug"), "sleep 4251 ")
        expect(engine.state(name), "running")


@check("kubernetes", "the runtime class's overhead is in the pod's limits", ONLY)
def _(engine: Engine) -> None:
    name = f"{engine.runtime}-overhead"
    more = runtime_class(name, engine.runtime, overhead={"podFixed": {"memory": "32Mi"}})
    demand = {"limits": {"memory": "64Mi", "cpu": "100m"}}
    spec = {**one("sleep 1000", resources=demand), "runtimeClassName": name}
    with kept(engine, RUNTIME_CLASSES, more), pod(engine, spec) as made:
        of(engine).wait_for_start(made)
        pid, file = engine.pid(made), "memory.limit_in_bytes"
        expect(limit(pid, "memory", file, "memory.max"), str(2**26))
        above = limit(pid, "memory", f"../{file}", "../memory.max")
        expect(above, str(96 * 2**20))


@check("kubernetes", "the node tells the features of the runtime's handler", ONLY)
def _(engine: Engine) -> str:
    handlers = of(engine).cluster.get(f"/api/v1/nodes/{NODE}")["status"]["runtimeHandlers"]
    (found,) = (one["features"] for one in handlers if one["name"] == engine.runtime)
    expect(found, {"recursiveReadOnlyMounts": True, "userNamespaces": True})
    return str(found)


@check("kubernetes", "a pod of a runtime class whose handler is not there", ONLY)
def _(engine: Engine) -> None:
    spec = {**one("sleep 1000"), "runtimeClassName": "nothing"}
    absent = runtime_class("nothing", "nothing")
    with kept(engine, RUNTIME_CLASSES, absent), pod(engine, spec) as name:
        events = f"/api/v1/namespaces/default/events?fieldSelector=involvedObject.name={name}"

        def refused() -> bool:
            items = of(engine).cluster.get(events)["items"]
            return any(
                item["reason"] == "FailedCreatePodSandBox" and "nothing" in item["message"]
                for item in items
            )

        until(refused, "an event that says it")
