"""Containers whose plans, taken together, have every operation that this host can carry out."""

import subprocess
from pathlib import Path
from typing import Any

from tests.support.containers import Bundle

MAPPING = [{"containerID": 0, "hostID": 100000, "size": 65536}]
HOOK = [{"path": "/bin/true", "args": ["true"], "timeout": 30}]
INSIDE = [{"path": "/bin/true", "args": ["true"]}]
SLEEP = ["sleep", "987654"]


def rich(bundle: Bundle, folder: Path) -> None:
    """A container with its own namespaces that uses most fields."""
    source = folder / "source"
    source.mkdir()
    (source / "file").write_text("from the host\n")
    config = bundle.config
    config["domainname"] = "example.org"
    config["process"].update(
        user={"uid": 1000, "gid": 1001, "additionalGids": [5], "umask": 0o22},
        oomScoreAdj=500,
        rlimits=[{"type": "RLIMIT_CORE", "soft": 0, "hard": 4096}],
        cwd="/made",
    )
    config["root"]["readonly"] = False
    config["hooks"] = {
        "prestart": HOOK, "createRuntime": HOOK, "createContainer": HOOK,
        "startContainer": INSIDE, "poststart": HOOK, "poststop": HOOK,
    }  # fmt: skip
    config["mounts"] += [
        {"destination": "/etc/file", "source": str(source / "file"), "options": ["bind", "ro"]},
        {"destination": "/data", "source": str(source), "options": ["rbind", "rslave"]},
        {"destination": "/tmp", "type": "tmpfs", "options": ["size=1m"]},
        {"destination": "/tmp", "type": "tmpfs", "options": ["remount", "ro"]},
    ]
    linux = config["linux"]
    linux["namespaces"].append({"type": "cgroup"})
    linux["rootfsPropagation"] = "rprivate"
    linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    linux["devices"] = [{"path": "/dev/pipe", "type": "p"}]
    linux["resources"] = {"pids": {"limit": 50}, "memory": {"limit": 64 << 20}}
    linux["maskedPaths"] = ["/proc/kcore", "/sys/firmware", "/etc/passwd"]
    linux["readonlyPaths"] = ["/proc/sys", "/root"]
    linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}],
    }


def in_a_user_namespace(bundle: Bundle, folder: Path) -> None:
    """A container with a user namespace: ids are mapped, and devices are bound."""
    linux = bundle.config["linux"]
    linux["namespaces"].append({"type": "user"})
    linux["uidMappings"] = linux["gidMappings"] = MAPPING


def on_the_hosts_mounts(bundle: Bundle, folder: Path) -> None:
    """A container without a mount namespace: its mounts are visible on the host until it ends."""
    linux = bundle.config["linux"]
    linux["namespaces"] = [entry for entry in linux["namespaces"] if entry["type"] != "mount"]


def in_joined_namespaces(bundle: Bundle, holder: "subprocess.Popen[bytes]") -> None:
    """A container that joins a pid namespace and others, which needs one more process."""
    inner = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()[0]
    for entry in bundle.config["linux"]["namespaces"]:
        file = {"pid": "pid", "ipc": "ipc", "uts": "uts"}.get(entry["type"])
        if file:
            entry["path"] = f"/proc/{inner}/ns/{file}"


def with_a_terminal(bundle: Bundle, folder: Path) -> None:
    """A container with a console, whose master is sent over a socket."""
    bundle.config["process"]["terminal"] = True
    bundle.config["process"]["consoleSize"] = {"height": 20, "width": 70}


PLANS: dict[str, Any] = {
    "rich": rich,
    "in a user namespace": in_a_user_namespace,
    "on the host's mounts": on_the_hosts_mounts,
    "with a terminal": with_a_terminal,
}
