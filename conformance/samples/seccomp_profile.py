"""The default seccomp profile, as the filter's tests and benchmarks take it."""

from typing import Any, cast

from hutch.defaults.seccomp import default_profile, default_seccomp

# What it allows whatever the arguments, capabilities, architecture and kernel are.
ALLOWED = sorted(
    name
    for entry in default_profile()["syscalls"]
    if entry["action"] == "SCMP_ACT_ALLOW" and not entry.keys() & {"args", "includes", "excludes"}
    for name in entry["names"]
)
NEW_NAMESPACES = 0x7E020000  # the CLONE_NEW... but for CLONE_NEWTIME
AF_VSOCK = 40


def engine_profile(*capabilities: str) -> dict[str, Any]:
    """``linux.seccomp`` as an engine writes it for a container with these capabilities."""
    return cast("dict[str, Any]", default_seccomp(capabilities))
