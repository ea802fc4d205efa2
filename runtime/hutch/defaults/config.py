"""The default config of a container, with the defaults of Docker.

It adds to the config of spec/default.py (mounts, devices, masked and read-only paths) Docker's
capabilities, the default seccomp profile, the AppArmor profile if the host has AppArmor, and
limits.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.defaults import apparmor
from hutch.defaults.seccomp import default_seccomp
from hutch.image.ownership import Ownership
from hutch.spec.capabilities import CAPABILITIES as CAPABILITY_NUMBERS
from hutch.spec.default import default_config

if TYPE_CHECKING:
    from hutch.spec.config import Config, IdMapping, Rlimit

# Docker's documentation, "Runtime privilege and Linux capabilities": allowed by default.
CAPABILITIES = (
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)
# The limit of open files, soft and hard, as systemd sets it, also for Docker's daemon. The soft
# limit is 1024 because select(2) cannot use higher descriptors; a program may raise it.
NOFILE = (1024, 524_288)
# The limit of processes and threads, as in podman. Docker has none, but then a fork bomb in a
# container affects the whole host.
PIDS = 2048


def container_config() -> "Config":
    """A new config for a container on this host. The caller may change it.

    If the caller is not root, the config has a user namespace. If the caller is already in a user
    namespace, the container gets the same id mappings, because the unpacked files have these ids.
    """
    ownership = Ownership.current()
    unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    rootless = ownership.namespaced or not ownership.privileged
    config = default_config(
        rootless, unified, uid=ownership.uid, gid=ownership.gid, cpus=os.cpu_count() or 0
    )
    process, linux = config["process"], config["linux"]
    process["capabilities"] = {
        "bounding": list(CAPABILITIES),
        "effective": list(CAPABILITIES),
        "permitted": list(CAPABILITIES),
    }
    # As in Docker, setuid programs work by default (docker run --security-opt no-new-privileges).
    process["noNewPrivileges"] = False
    process["rlimits"] = rlimits(rootless)
    linux["seccomp"] = default_seccomp(CAPABILITIES)
    if ownership.namespaced:
        linux["uidMappings"] = _mappings("/proc/self/uid_map")
        linux["gidMappings"] = _mappings("/proc/self/gid_map")
    if not rootless:
        linux["resources"]["pids"] = {"limit": PIDS}
        if apparmor.loaded():
            process["apparmorProfile"] = apparmor.NAME
    return config


def rlimits(rootless: bool) -> "list[Rlimit]":
    """The limits of a container's processes, at most those that the caller may set."""
    soft, hard = NOFILE
    hard = min(hard, int(Path("/proc/sys/fs/nr_open").read_text()))
    if rootless or not _may_raise_limits():
        hard = min(hard, _own_limit(hard))
    return [{"type": "RLIMIT_NOFILE", "soft": min(soft, hard), "hard": hard}]


def _own_limit(unlimited: int) -> int:
    """This process's hard limit of open files. The module resource is a shared object, which the
    static executable cannot load."""
    limits = Path("/proc/self/limits").read_text()
    hard = limits.partition("Max open files")[2].split()[1]
    return unlimited if hard == "unlimited" else int(hard)


def _may_raise_limits() -> bool:
    """Whether this process has CAP_SYS_RESOURCE. Root in a container may not have it."""
    status = Path("/proc/self/status").read_text()
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    return bool(effective >> CAPABILITY_NUMBERS["CAP_SYS_RESOURCE"] & 1)


def _mappings(path: str) -> "list[IdMapping]":
    lines = [list(map(int, line.split())) for line in Path(path).read_text().splitlines()]
    return [{"containerID": line[0], "hostID": line[1], "size": line[2]} for line in lines]
