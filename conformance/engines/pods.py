"""Checks of pods, as a kubelet asks for them."""

import contextlib
import json
import os
import re

from conformance.engines.checks import check, expect
from conformance.engines.cri import INSTALL, Cri, output_of
from conformance.engines.crio import Crio
from conformance.engines.engine import Engine, until
from conformance.engines.kernel import processes
from conformance.engines.lives import SLEEP, running
from conformance.engines.streams import Stream
from conformance.engines.wish import Wish, Wrong

PODS = ("cri", "crio")
# With a first process that is the pod's own in each engine.
SHARED = SLEEP.but(pod_pids=True)


def cri(engine: Engine) -> Cri:
    assert isinstance(engine, Cri)
    return engine


@check("pods", "the handler of a RuntimeClass, and one that is not there", PODS)
def _(engine: Engine) -> None:
    with running(engine) as name:
        expect(cri(engine).handler(name), engine.runtime)
    own = engine.runtime
    engine.use("nothing")
    there = has_handler(engine)
    engine.use(own)
    if there:
        raise Wrong("a pod of a handler that is not there")


@check("pods", "what install-runtime writes: a RuntimeClass, and its handler", PODS)
def _(engine: Engine) -> None:
    own = engine.runtime
    written = engine.must(*INSTALL, "kubernetes", "--name", own)
    handler = re.search(r"^handler: (.+)$", written, re.MULTILINE)
    assert handler
    engine.use(handler[1])
    try:
        # The engine's configure has called install-runtime for it, with the runtime's program.
        with running(engine) as name:
            for made in cri(engine).made(name):
                root = ["--root", cri(engine).states]
                words = [engine.place.runtimes[own], *root, "state", made]
                expect(json.loads(engine.must(*words))["status"], "running")
    finally:
        engine.use(own)


@check("pods", "install-runtime: a default, after a restart; --remove takes it back", ("crio",))
def _(engine: Engine) -> None:
    assert isinstance(engine, Crio)
    own, file = engine.runtime, engine.drop_ins / "50-other.conf"
    before = f'# what was there stays\n[crio.runtime]\ndefault_runtime = "{own}"\n'
    file.write_text(before)
    program, calls = engine.place.folder / "other", engine.place.folder / "calls"
    program.write_text(f'#!/bin/sh\necho >>{calls}\nexec {engine.place.runtimes[own]} "$@"\n')
    program.chmod(0o755)
    said = engine.install("other", "--program", str(program), "--write", "--default")
    assert "systemctl restart crio" in said, said
    engine.crash()
    try:
        for handler in ("other", ""):
            calls.unlink(missing_ok=True)
            engine.use(handler)
            with running(engine):
                assert calls.exists(), f"handler {handler!r}: another runtime was called"
        said = engine.install("other", "--remove", "--write")
        assert "systemctl restart crio" in said, said
        expect(file.read_text(), before)
        engine.use("other")
        engine.crash()
        assert not has_handler(engine), "the handler is still there"
    finally:
        file.unlink()
        engine.use(own)


def has_handler(engine: Engine) -> bool:
    """Whether a pod with the handler that is chosen can be made."""
    try:
        engine.remove(cri(engine).make_pod(SLEEP))
    except Wrong:
        return False
    return True


@check("pods", "a container that ended is created again in its pod", PODS)
def _(engine: Engine) -> None:
    with running(engine, Wish(shell="exit 4")) as name:
        expect(engine.exit_code(name), 4)
        cri(engine).make_container(name, Wish(shell="echo again; sleep 1000"), attempt=1)
        until(lambda: "again" in engine.logs(name), "its output")
        expect(engine.exec(name, "hostname").out, f"{name}\n")


@check("pods", "containers share network, ipc and host name, and have own processes", PODS)
def _(engine: Engine) -> None:
    with running(engine, SLEEP.but(hostname="pod")) as name:
        pod = cri(engine).pods[name]
        first, pid = pod.container, engine.pid(name)
        cri(engine).make_container(name, SLEEP, attempt=1)
        other = engine.pid(name)
        for kind in ("net", "ipc", "uts"):
            own = os.readlink(f"/proc/{pid}/ns/{kind}")
            expect(os.readlink(f"/proc/{other}/ns/{kind}"), own, kind)
        for kind in ("pid", "mnt"):
            if os.readlink(f"/proc/{pid}/ns/{kind}") == os.readlink(f"/proc/{other}/ns/{kind}"):
                raise Wrong(f"the same {kind}")
        expect(engine.exec(name, "hostname").out, "pod\n")
        assert first != pod.container


@check("pods", "containers that share the pod's processes", PODS)
def _(engine: Engine) -> None:
    with running(engine, SHARED) as name:
        first = engine.pid(name)
        cri(engine).make_container(name, SHARED, attempt=1)
        own = os.readlink(f"/proc/{first}/ns/pid")
        expect(os.readlink(f"/proc/{engine.pid(name)}/ns/pid"), own)
        expect(engine.exec(name, "cat", "/proc/1/comm").out, "sleep\n")
        expect(engine.exec(name, "sh", "-c", "ps | grep -c 'sleep 1000$'").out, "2\n")


@check("pods", "exec by a stream: output, error output, exit code, what is typed", PODS)
def _(engine: Engine) -> None:
    with running(engine) as name:
        script = "read a; echo got-$a; echo err >&2; exit 7"
        stream = cri(engine).exec_stream(name, "sh", "-c", script, tty=False)
        stream.send("word\n")
        expect(output_of(stream), (7, "got-word\n", "err\n"))


@check("pods", "exec that takes too long is ended", PODS)
def _(engine: Engine) -> None:
    with running(engine) as name:
        container = cri(engine).pods[name].container
        ask, words = cri(engine).ask, ["sleep", "4247"]
        with contextlib.suppress(Wrong):
            # CRI-O answers with a code.
            code = ask("ExecSync", container_id=container, cmd=words, timeout=1).exit_code
            assert code, "no error"
        until(lambda: not processes("sleep 4247"), "the end of its process")


@check("pods", "port-forward", PODS)
def _(engine: Engine) -> None:
    with running(engine, Wish(shell="echo hello | nc -l -p 80; sleep 1000")) as name:
        pod = cri(engine).pods[name].id
        until(
            lambda: engine.exec(name, "sh", "-c", "cat /proc/net/tcp* | grep -q :0050").code == 0,
            "its port",
        )
        url = cri(engine).ask("PortForward", pod_sandbox_id=pod, port=[80]).url
        stream = Stream(f"{url}?port=80")
        # The first frame of a channel holds the port; channel 0 is the data of the first port.
        until(lambda: stream.read() and b"hello" in stream.seen.get(0, b""), "its answer", 60)
        stream.socket.close()


@check("pods", "a pod's own address", PODS)
def _(engine: Engine) -> None:
    with running(engine) as name:
        pod = cri(engine).pods[name].id
        status = cri(engine).ask("PodSandboxStatus", pod_sandbox_id=pod).status
        if not status.network.ip.startswith("10.77."):
            raise Wrong(f"address {status.network.ip!r}")
        if status.network.ip not in engine.exec(name, "ip", "addr").out:
            raise Wrong("the container has another address")


@check("pods", "a pod whose first process ends is not ready", PODS)
def _(engine: Engine) -> None:
    with running(engine, SHARED) as name:
        pod = cri(engine).pods[name].id
        for pid in processes("/bin/sleep 1000000"):
            os.kill(pid, 9)
        ask = cri(engine).ask
        until(lambda: ask("PodSandboxStatus", pod_sandbox_id=pod).status.state == 1, "not ready")


@check("pods", "the log is opened again after it was moved", PODS)
def _(engine: Engine) -> None:
    script = "while :; do echo line; sleep 0.05; done"
    with running(engine, Wish(shell=script)) as name:
        log = engine.place.folder / "logs" / name / "0.log"
        until(lambda: log.exists() and log.stat().st_size, "a line")
        log.rename(log.with_suffix(".old"))
        cri(engine).of_container("ReopenContainerLog", name)
        until(lambda: log.exists() and log.stat().st_size, "a line in the new file")


@check("pods", "statistics of all containers", PODS)
def _(engine: Engine) -> None:
    with running(engine) as name:
        answer = cri(engine).ask("ListContainerStats", "Empty")
        expect([one.attributes.id for one in answer.stats], [cri(engine).pods[name].container])
