"""Imports every module that adds rows."""

from conformance.suite import (
    cgroups,
    devices,
    features,
    hooks,
    lifecycle,
    limits,
    mounts,
    namespaces,
    network_devices,
    options,
    paths,
    process,
    properties,
    rdt,
    seccomp,
)

__all__ = [
    "cgroups",
    "devices",
    "features",
    "hooks",
    "lifecycle",
    "limits",
    "mounts",
    "namespaces",
    "network_devices",
    "options",
    "paths",
    "process",
    "properties",
    "rdt",
    "seccomp",
]
