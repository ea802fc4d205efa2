"""What a container gets when nobody says otherwise: what Docker gives it.

Beyond the mounts, devices, masked and read-only paths that every config of hutch begins with
(spec/default.py) these are Docker's capabilities, the default seccomp profile, the AppArmor profile
where there is AppArmor, and limits.
"""

import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.defaults import apparmor
from hutch.defaults.seccomp import default_seccomp
from hutch.image.unpack import Ownership
from hutch.spec.capabilities import CAPABILITIES as CAPABILITY_NUMBERS
from hutch.spec.default import default_config

if TYPE_CHECKING:
    from hutch.spec.config import Config, IdMapping, Rlimit

# "Runtime privilege and Linux capabilities" of Docker's documentation: allowed by default.
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
# Open files: what systemd, and so Docker's daemon, gives. select(2) cannot have more than 1024, so
# that a program has to ask for more.
NOFILE = (1024, 524_288)
# Processes and threads. Docker has no limit, podman this one; a fork bomb is the whole host's.
PIDS = 2048


def container_config() -> "Config":
    """A config for a container on this host and of this caller, to be changed by whoever makes it.

    For another caller than root it has a user namespace. Called in one, as images are unpacked
    there, the container gets the ids that are mapped here, which its files have.
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
    # A setuid program is what it is, unless --security-opt no-new-privileges says otherwise.
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
    """The limits of a container's processes, no higher than its maker may set them."""
    soft, hard = NOFILE
    hard = min(hard, int(Path("/proc/sys/fs/nr_open").read_text()))
    if rootless or not _may_raise_limits():
        own = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        hard = hard if own == resource.RLIM_INFINITY else min(hard, own)
    return [{"type": "RLIMIT_NOFILE", "soft": min(soft, hard), "hard": hard}]


def _may_raise_limits() -> bool:
    """Whether this process has CAP_SYS_RESOURCE: root in a container may not."""
    status = Path("/proc/self/status").read_text()
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    return bool(effective >> CAPABILITY_NUMBERS["CAP_SYS_RESOURCE"] & 1)


def _mappings(path: str) -> "list[IdMapping]":
    lines = [list(map(int, line.split())) for line in Path(path).read_text().splitlines()]
    return [{"containerID": line[0], "hostID": line[1], "size": line[2]} for line in lines]
