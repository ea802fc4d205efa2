"""The default seccomp profile, for tests and benchmarks of the filter."""

from typing import Any, cast

from hutch.defaults.seccomp import default_profile, default_seccomp

# The calls that it allows with any arguments, capabilities, architecture and kernel.
ALLOWED = sorted(
    name
    for entry in default_profile()["syscalls"]
    if entry["action"] == "SCMP_ACT_ALLOW" and not entry.keys() & {"args", "includes", "excludes"}
    for name in entry["names"]
)
NEW_NAMESPACES = 0x7E020000  # all CLONE_NEW... flags except CLONE_NEWTIME
AF_VSOCK = 40


def engine_profile(*capabilities: str) -> dict[str, Any]:
    """``linux.seccomp`` as an engine writes it for a container with these capabilities."""
    return cast("dict[str, Any]", default_seccomp(capabilities))
