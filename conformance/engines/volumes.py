"""Checks of Kubernetes' volumes, and of a pod's user namespace, namespaces and rights."""

import os
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from conformance.engines.checks import check, expect
from conformance.engines.engine import Engine
from conformance.engines.kernel import kernel_version, shared_folder
from conformance.engines.kubernetes import box
from conformance.engines.shots import STATUS
from conformance.engines.wish import Lacks, Wrong
from conformance.engines.workloads import ONLY, kept, of, one, pod, script

CORE = "/api/v1/namespaces/default"


def said(engine: Engine, spec: dict[str, Any], **metadata: Any) -> str:
    """What a pod prints, which must succeed."""
    with pod(engine, spec, **metadata) as name:
        of(engine).wait_for_start(name)
        ended = of(engine).terminated(name)
        if ended["exitCode"]:
            raise Wrong(f"{ended}: {engine.logs(name)[-300:]}")
        return engine.logs(name)


def at(**paths: str) -> list[dict[str, str]]:
    return [{"name": name, "mountPath": path} for name, path in paths.items()]


def config_map(engine: Engine, data: dict[str, str]) -> AbstractContextManager[None]:
    """A ConfigMap "own" while it is needed."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own"}, "data": data}
    return kept(engine, f"{CORE}/configmaps", body)


def secret(engine: Engine, data: dict[str, str]) -> AbstractContextManager[None]:
    """A Secret "hidden" while it is needed."""
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hidden"},
            "stringData": data}  # fmt: skip
    return kept(engine, f"{CORE}/secrets", body)


@check("kubernetes", "configMap, secret, downwardAPI: files, one folder, variables", ONLY)
def _(engine: Engine) -> str:
    sources: list[dict[str, Any]] = [
        {"configMap": {"name": "own"}},
        {"secret": {"name": "hidden"}},
        {"downwardAPI": {"items": [
            {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"serviceAccountToken": {"path": "token"}},
    ]  # fmt: skip
    text = (
        "cat /all/a /all/s /all/labels; echo; [ -s /all/token ] && echo token; cat /one/a; "
        "echo $A,$NAME; touch /one/x 2>/dev/null || echo refused; stat -c %a /one/..data/a; "
        "ls /var/run/secrets/kubernetes.io/serviceaccount"
    )
    spec = one(text, volumeMounts=at(all="/all", one="/one"), env=[
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "own", "key": "a"}}},
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
    ])  # fmt: skip
    spec["volumes"] = [
        {"name": "all", "projected": {"sources": sources}},
        {"name": "one", "configMap": {"name": "own", "defaultMode": 0o440}},
    ]
    own = {"a": "of the map\n"}
    with config_map(engine, own), secret(engine, {"s": "secret\n"}):
        found = said(engine, spec, labels={"k": "v"})
    begin = 'of the map\nsecret\nk="v"\ntoken\nof the map\nof the map ,default\nrefused\n440\n'
    expect(found[: len(begin)], begin)
    return found


@check("kubernetes", "emptyDir: on disk and in memory, shared by containers, with fsGroup", ONLY)
def _(engine: Engine) -> None:
    text = "while [ ! -e /d/x ]; do sleep 0.1; done; cat /d/x; stat -c %g /d/x; df -k /m | tail -1"
    spec = one(text + " | awk '{print $1,$2}'", volumeMounts=at(d="/d", m="/m"))
    spec["containers"].append(script("echo word >/d/x", "other", volumeMounts=at(d="/d")))
    spec["securityContext"] = {"fsGroup": 4321}
    memory = {"medium": "Memory", "sizeLimit": "1Mi"}
    spec["volumes"] = [{"name": "d", "emptyDir": {}}, {"name": "m", "emptyDir": memory}]
    expect(said(engine, spec), "word\n4321\ntmpfs 1024\n")


@check("kubernetes", "subPath: a folder, a file, one by a variable, one that leads out", ONLY)
def _(engine: Engine) -> None:
    mounts = [
        {"name": "d", "mountPath": "/whole"},
        {"name": "d", "mountPath": "/part", "subPath": "deep/part"},
        {"name": "d", "mountPath": "/named", "subPathExpr": "for-$(A)"},
        {"name": "m", "mountPath": "/etc/own", "subPath": "a", "readOnly": True},
    ]
    text = "echo x >/part/f; echo y >/named/g; cat /whole/deep/part/f /whole/for-b/g /etc/own"
    spec = one(text, volumeMounts=mounts, env=[{"name": "A", "value": "b"}])
    spec["volumes"] = [{"name": "d", "emptyDir": {}}, {"name": "m", "configMap": {"name": "own"}}]
    with config_map(engine, {"a": "of the map\n"}):
        expect(said(engine, spec), "x\ny\nof the map\n")
    out = one("cat /out/passwd", volumeMounts=[{"name": "d", "mountPath": "/out", "subPath": "l"}])
    words = ("/bin/busybox", "ln", "-s", "/etc", "/d/l")
    link = box(*words, name="link", volumeMounts=at(d="/d"))
    out |= {"initContainers": [link], "volumes": [{"name": "d", "emptyDir": {}}]}
    with pod(engine, out) as name:
        try:
            of(engine).wait_for_start(name)
        except Wrong:
            return
        raise Wrong("a link to the host's /etc was followed")


def below(engine: Engine) -> Path:
    """A folder of the host with a mount below it."""
    folder = shared_folder(engine.place.folder / "tree")
    (folder / "below").mkdir(exist_ok=True)
    if not os.path.ismount(folder / "below"):
        subprocess.run(["mount", "-t", "tmpfs", "below", str(folder / "below")], check=True)
    return folder


@check("kubernetes", "read-only volumes, with the mounts below or without", ONLY)
def _(engine: Engine) -> None:
    text = "for f in /t/x /t/below/x; do touch $f 2>/dev/null && echo made || echo refused; done"
    for kind, wanted in (("Disabled", "made"), ("IfPossible", "refused"), ("Enabled", "refused")):
        mount = {"name": "t", "mountPath": "/t", "readOnly": True, "recursiveReadOnly": kind}
        spec = one(text, volumeMounts=[mount])
        spec["volumes"] = [{"name": "t", "hostPath": {"path": str(below(engine))}}]
        expect(said(engine, spec), f"refused\n{wanted}\n", kind)


def own_users() -> dict[str, Any]:
    """A user namespace of its own, for which Kubernetes wants volumes in memory with mapped ids."""
    if kernel_version() < (6, 3):
        raise Lacks("user namespaces with a kernel before 6.3, which maps no ids of a tmpfs")
    return {"hostUsers": False}


@check("kubernetes", "a user namespace: ids, files of the image and of volumes", ONLY)
def _(engine: Engine) -> None:
    text = (
        "awk '{print $1,($2>=65536),$3}' /proc/self/uid_map; id -u; stat -c %u /bin/busybox "
        "/data/kept; cat /map/a; stat -c %u:%g /map/..data/a; touch /root/x /d/x && "
        "stat -c %u /d/x; hostname new && hostname; readlink /proc/self/ns/user"
    )
    spec = one(text, volumeMounts=at(map="/map", d="/d"),
               securityContext={"capabilities": {"add": ["SYS_ADMIN"]}})  # fmt: skip
    spec["volumes"] = [{"name": "map", "configMap": {"name": "own"}}, {"name": "d", "emptyDir": {}}]
    spec |= own_users()
    with config_map(engine, {"a": "of the map\n"}):
        *found, namespace = said(engine, spec).splitlines()
    expect("\n".join(found), "0 1 65536\n0\n0\n1000\nof the map\n0:0\n0\nnew")
    if namespace == os.readlink("/proc/self/ns/user"):
        raise Wrong("the host's user namespace")


@check("kubernetes", "a user namespace: two containers, exec, a user, a limit of memory", ONLY)
def _(engine: Engine) -> str:
    limits = {"limits": {"memory": "64Mi"}}
    spec: dict[str, Any] = one("sleep 1000", resources=limits, securityContext={"runAsUser": 1000})
    spec["containers"].append(script("sleep 1000", "other"))
    spec |= own_users() | {"shareProcessNamespace": True}
    with pod(engine, spec) as name:
        of(engine).wait_for_start(name)
        own = of(engine).exec_in(name, "main", "readlink", "/proc/self/ns/user").out
        expect(of(engine).exec_in(name, "other", "readlink", "/proc/self/ns/user").out, own)
        return engine.exec(name, "sh", "-c", STATUS).out


@check("kubernetes", "procMount Unmasked, in a user namespace", ONLY)
def _(engine: Engine) -> str:
    text = "awk '$5 ~ /^.proc/ {print $5, $6}' /proc/self/mountinfo"
    spec = one(text, securityContext={"procMount": "Unmasked"}) | own_users()
    found = said(engine, spec)
    if "/proc/" in found:
        raise Wrong(f"masked: {found}")
    return found


@check("kubernetes", "privileged: capabilities, devices, what is not masked", ONLY)
def _(engine: Engine) -> str:
    text = f"{STATUS}; test -e /dev/kmsg && echo kmsg; mount -t tmpfs t /tmp && echo mounted; " \
           "awk '$5 ~ /^.(proc|sys)/ {print $5, $6}' /proc/self/mountinfo | sort"  # fmt: skip
    found = said(engine, one(text, securityContext={"privileged": True}))
    if "mounted" not in found:
        raise Wrong(found)
    return found


@check("kubernetes", "groups: merged with the image's, or strictly those that are asked for", ONLY)
def _(engine: Engine) -> None:
    for policy, wanted in (("Merge", "1000 50 77"), ("Strict", "1000 77")):
        spec = one("id -G", securityContext={"runAsUser": 1000, "runAsGroup": 1000})
        spec["securityContext"] = {
            "supplementalGroups": [77], "supplementalGroupsPolicy": policy,
        }  # fmt: skip
        expect(sorted(said(engine, spec).split()), sorted(wanted.split()), policy)


@check("kubernetes", "runAsNonRoot refuses root", ONLY)
def _(engine: Engine) -> None:
    with pod(engine, one("true", securityContext={"runAsNonRoot": True})) as name:
        try:
            of(engine).wait_for_start(name)
        except Wrong:
            return
        raise Wrong("it was started")


@check("kubernetes", "containers that share their processes, or have their own", ONLY)
def _(engine: Engine) -> None:
    for shared in (True, False):
        spec: dict[str, Any] = one("sleep 4252") | {"shareProcessNamespace": shared}
        spec["containers"].append(script("sleep 4253", "other"))
        with pod(engine, spec) as name:
            of(engine).wait_for_start(name)
            text = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; cat /proc/1/comm"
            found = engine.exec(name, "sh", "-c", text).out
            expect(("sleep 4253" in found, "sleep 4252" in found), (shared, True))


@check("kubernetes", "the host's network, processes and ipc", ONLY)
def _(engine: Engine) -> None:
    text = "for kind in net ipc pid uts mnt; do readlink /proc/self/ns/$kind; done"
    spec = one(text) | {"hostNetwork": True, "hostIPC": True, "hostPID": True}
    *shared, mount = said(engine, spec).split()
    expect(shared, [os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "ipc", "pid", "uts")])
    if mount == os.readlink("/proc/self/ns/mnt"):
        raise Wrong("the host's mounts")


@check("kubernetes", "a pod's host name, hosts, and address", ONLY)
def _(engine: Engine) -> None:
    spec = one("hostname; cat /etc/hosts; ip addr") | {
        "hostname": "inside", "subdomain": "sub",
        "hostAliases": [{"ip": "10.1.2.3", "hostnames": ["other"]}],
    }  # fmt: skip
    found = said(engine, spec)
    for word in ("inside\n", "10.1.2.3\tother", "inside.sub", "inet 10.77."):
        if word not in found:
            raise Wrong(f"no {word!r}: {found}")
