"""hutch features: what this runtime supports (features.md), from the tables that implement it."""

from hutch.plan.mount_options import known_options
from hutch.plan.namespaces import TYPES
from hutch.plan.scheduling import MEMORY_FLAGS, MEMORY_MODES
from hutch.spec.capabilities import NAMES
from hutch.spec.default import OCI_VERSION
from hutch.spec.seccomp import ACTIONS, ARCHITECTURES, FLAGS, OPERATORS

HOOKS = (
    "prestart",
    "createRuntime",
    "createContainer",
    "startContainer",
    "poststart",
    "poststop",
)


def features(checkpoint: bool = False, parts: "dict[str, str] | None" = None) -> dict[str, object]:
    """The document of features.md, version 1.3. ``checkpoint``: whether criu(8) is installed;
    ``parts``: what this runtime is made of."""
    return {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": OCI_VERSION,
        "hooks": list(HOOKS),
        "mountOptions": known_options(),
        "linux": {
            "namespaces": sorted(TYPES),
            "capabilities": list(NAMES),
            "cgroup": {
                "v1": True,
                "v2": True,
                "systemd": True,
                "systemdUser": True,
                "rdma": True,
            },
            "seccomp": {
                "enabled": True,
                "actions": sorted(ACTIONS),
                "operators": sorted(OPERATORS),
                "archs": sorted(ARCHITECTURES),
                "knownFlags": sorted(FLAGS),
                "supportedFlags": sorted(FLAGS),
            },
            "apparmor": {"enabled": True},
            "selinux": {"enabled": True},
            "intelRdt": {"enabled": True, "schemata": True, "monitoring": True},
            "memoryPolicy": {"modes": sorted(MEMORY_MODES), "flags": sorted(MEMORY_FLAGS)},
            "netDevices": {"enabled": True},
            "mountExtensions": {"idmap": {"enabled": True}},
        },
        "potentiallyUnsafeConfigAnnotations": ["org.systemd.property."],
        "annotations": {
            # Podman and Docker look for runc's key.
            "org.opencontainers.runc.checkpoint.enabled": "true" if checkpoint else "false",
            **{"hutch." + name: value for name, value in (parts or {}).items()},
        },
    }
