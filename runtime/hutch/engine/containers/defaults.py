"""What a container gets when nobody says otherwise: a stand-in for the tables of defaults."""

import os
from typing import TYPE_CHECKING

from hutch.image.unpack import Ownership
from hutch.spec.default import default_config

if TYPE_CHECKING:
    from hutch.spec.config import Config

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


def container_config() -> "Config":
    """A config for a container on this host and of this caller; the caller's to change."""
    ownership = Ownership.current()
    unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    rootless = ownership.namespaced or not ownership.privileged
    config = default_config(
        rootless, unified, uid=ownership.uid, gid=ownership.gid, cpus=os.cpu_count() or 0
    )
    process = config["process"]
    process["capabilities"] = {
        "bounding": list(CAPABILITIES),
        "effective": list(CAPABILITIES),
        "permitted": list(CAPABILITIES),
    }
    process["noNewPrivileges"] = False
    process.pop("rlimits", None)
    return config
