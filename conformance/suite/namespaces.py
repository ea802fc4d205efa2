"""config-linux.md "Namespaces", "User namespace mappings", "Offset for Time Namespace"."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conformance.suite import host
from conformance.suite.case import Case, expect, needs, same
from conformance.suite.documents import LINUX
from conformance.suite.table import MUST, SAYS, SHOULD

# Type in the config -> type in /proc, and flag of unshare(1).
KINDS = {
    "pid": ("pid", "--pid"),
    "network": ("net", "--net"),
    "mount": ("mnt", "--mount"),
    "ipc": ("ipc", "--ipc"),
    "uts": ("uts", "--uts"),
    "cgroup": ("cgroup", "--cgroup"),
    "time": ("time", "--time"),
}


@contextmanager
def another(kind: str) -> Iterator[str]:
    """A context manager with the path of another namespace."""
    name, flag = KINDS[kind]
    fork = ["--fork"] if kind in ("pid", "time") else []
    process = subprocess.Popen(
        ["unshare", flag, *fork, "sh", "-c", "echo ready; read nothing"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin and process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        pid = process.pid
        if fork:
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        yield f"/proc/{pid}/ns/{name}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdin.close()
        process.stdout.close()


def namespaces_of(case: Case) -> dict[str, str]:
    """The namespaces of the container's process, as the host's /proc shows them."""
    case.create()
    pid = case.state()["pid"]
    return {
        name: os.readlink(f"/proc/{pid}/ns/{name}") for name, _ in [*KINDS.values(), ("user", "")]
    }


def time_needed(kind: str) -> None:
    needs(
        kind != "time" or Path("/proc/self/ns/time").exists(), "this kernel has no time namespaces"
    )


def add(kind: str) -> None:
    """The rows of one type of namespace."""
    name = KINDS[kind][0]

    def new(case: Case) -> None:
        time_needed(kind)
        case.without(kind)
        case.linux["namespaces"].append({"type": kind})
        expect(
            namespaces_of(case)[name] != host.namespace(name),
            f"it is the runtime's {kind} namespace",
        )

    def inherited(case: Case) -> None:
        case.without(kind)
        if kind == "uts":
            del case.config["hostname"]
        if kind == "network":
            # Mounting sysfs needs rights in the user namespace that owns the network namespace.
            case.config["mounts"] = [m for m in case.config["mounts"] if m["destination"] != "/sys"]
        same(namespaces_of(case)[name], host.namespace(name), f"the {kind} namespace")

    def joined(case: Case) -> None:
        time_needed(kind)
        case.without(kind)
        if kind == "uts":
            del case.config["hostname"]
        with another(kind) as path:
            wanted = os.readlink(path)
            case.linux["namespaces"].append({"type": kind, "path": path})
            same(namespaces_of(case)[name], wanted, f"the {kind} namespace")

    LINUX.shown(SHOULD, f"namespaces of type {kind} are supported", 29)(new)
    LINUX.shown(MUST, f"a {kind} namespace without path is a new one", 43)(new)
    LINUX.shown(MUST, f"a {kind} namespace that is not listed is the runtime's", 45)(inherited)
    LINUX.shown(MUST, f"a {kind} namespace with a path is the one at that path", 40)(joined)


for each in KINDS:
    add(each)


@LINUX.shown(
    SHOULD, "namespaces of type user are supported, and have the mappings of the config", 29, 43
)
def user_namespace(case: Case) -> None:
    case.with_user_namespace()
    case.create()
    pid = case.state()["pid"]
    expect(os.readlink(f"/proc/{pid}/ns/user") != host.namespace("user"), "it is the runtime's")
    for name in ("uid_map", "gid_map"):
        same(Path(f"/proc/{pid}/{name}").read_text().split(), ["0", "100000", "65536"], name)
    case.start()
    same(case.seen()["uids"], [0, 0, 0], "the ids inside")


@LINUX.shown(MUST, "a namespace with an unknown type, or without a type, is an error", 29)
def unknown_type(case: Case) -> None:
    for entry in ({"type": "rabbit"}, {"path": "/proc/self/ns/net"}):
        case.linux["namespaces"] = [{"type": "mount"}, entry]
        case.refused()


@LINUX.shown(MUST, "a namespace's path that is not absolute is an error", 39)
def relative_path(case: Case) -> None:
    case.without("ipc")
    case.linux["namespaces"].append({"type": "ipc", "path": "proc/self/ns/ipc"})
    case.refused()


@LINUX.shown(MUST, "a path to a namespace of another type, or to another file, is an error", 41)
def wrong_type(case: Case) -> None:
    for kind, path in (
        ("ipc", "/proc/self/ns/net"),
        ("network", "/proc/self/ns/uts"),
        ("uts", "/proc/self/ns/ipc"),
        ("pid", "/proc/self/ns/mnt"),
        ("network", "/dev/null"),
        ("network", "/nowhere"),
    ):
        case.linux["namespaces"] = [{"type": "mount"}, {"type": kind, "path": path}]
        case.config.pop("hostname", None)
        case.refused()


@LINUX.shown(MUST, "two namespaces of the same type are an error", 46)
def twice(case: Case) -> None:
    case.linux["namespaces"].append({"type": "ipc"})
    case.refused()


@LINUX.shown(MUST, "a mapping without containerID, hostID or size is an error", 88, 89, 90)
def mapping_fields(case: Case) -> None:
    whole = {"containerID": 0, "hostID": 100000, "size": 1000}
    case.linux["namespaces"].append({"type": "user"})
    case.linux["gidMappings"] = [whole]
    for field in whole:
        case.linux["uidMappings"] = [{key: whole[key] for key in whole if key != field}]
        case.refused()


@LINUX.shown(SHOULD, "a mapping does not change the owners of the files in the root", 92)
def owners_kept(case: Case) -> None:
    case.with_user_namespace()
    before = {path: path.lstat().st_uid for path in case.rootfs.rglob("*")}
    case.run()
    after = {path: path.lstat().st_uid for path in before if path.exists()}
    same(after, before, "the owners")


def clocks(case: Case, offsets: dict[str, Any]) -> dict[str, int]:
    """The clocks inside minus the clocks of the host."""
    import time

    needs(Path("/proc/self/ns/time").exists(), "this kernel has no time namespaces")
    case.linux["namespaces"].append({"type": "time"})
    case.linux["timeOffsets"] = offsets
    inside = case.run()["clocks"]
    return {
        "monotonic": inside["monotonic"] - int(time.clock_gettime(time.CLOCK_MONOTONIC)),
        "boottime": inside["boottime"] - int(time.clock_gettime(time.CLOCK_BOOTTIME)),
    }


@LINUX.shown(SAYS, "timeOffsets set the clocks monotonic and boottime forward", 116)
def time_offsets(case: Case) -> None:
    wanted = {"monotonic": 172800, "boottime": 604800}
    found = clocks(case, {name: {"secs": secs, "nanosecs": 0} for name, secs in wanted.items()})
    for name, seconds in wanted.items():
        expect(abs(found[name] - seconds) < 60, f"{name} is {found[name]} s ahead, not {seconds}")
