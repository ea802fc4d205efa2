"""Freezes all processes of a container, and thaws them.

On hybrid hosts the v1 freezer is used, because other programs look there; if there is none, the
freezer of the cgroup2 tree is used.
"""

import posix

from hutch.cgroups.files import READ, read_file, write_file
from hutch.errors import HostError, HutchError, KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.cgroup_paths import Cgroup


def freezer_of(cgroup: "Cgroup") -> str:
    """The hierarchy that freezes the container: "freezer", or "" for cgroup2. Raises HostError if
    there is none."""
    for hierarchy in ("freezer", ""):
        if hierarchy in cgroup.directories:
            return hierarchy
    raise HostError(
        "the container has no cgroup that can be frozen",
        hint="the freezer controller or cgroup2 must be mounted, and the caller must have access",
    )


def freeze(cgroup: "Cgroup", patience: float = 10.0) -> None:
    """Freezes the container and waits until it is frozen, at most ``patience`` seconds.

    If it does not freeze in time, it is thawed again. Raises HutchError.
    """
    from time import monotonic

    hierarchy = freezer_of(cgroup)
    directory = cgroup.directories[hierarchy]
    _write(directory, hierarchy, True)
    deadline = monotonic() + patience
    try:
        frozen = _wait_v1(directory, deadline) if hierarchy else _wait_v2(directory, deadline)
    except OSError as error:
        raise KernelError(f"freeze the cgroup {directory}", "read", error.errno or 0) from None
    if not frozen:
        _write(directory, hierarchy, False)
        raise HutchError(
            f"the container did not freeze within {patience:.0f} seconds and was thawed again",
            hint="a process in it waits in the kernel and cannot be stopped (state D in ps)",
        )


def thaw(cgroup: "Cgroup") -> None:
    """Thaws a frozen container; does nothing if it is not frozen or does not exist. Raises
    KernelError."""
    for hierarchy in ("freezer", ""):
        if hierarchy in cgroup.directories:
            _write(cgroup.directories[hierarchy], hierarchy, False)
            return


def _write(directory: str, hierarchy: str, frozen: bool) -> None:
    if hierarchy:
        file, value = "/freezer.state", "FROZEN" if frozen else "THAWED"
    else:
        file, value = "/cgroup.freeze", "1" if frozen else "0"
    try:
        write_file(directory + file, value)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not frozen:
            return
        verb = "freeze" if frozen else "thaw"
        raise KernelError(f"{verb} the cgroup {directory}", "write", error.errno or 0) from None


def _wait_v1(directory: str, deadline: float) -> bool:
    """Waits by reading freezer.state: each read makes the kernel check whether all have stopped."""
    from time import monotonic, sleep

    pause = 0.0002
    while read_file(directory + "/freezer.state") != "FROZEN\n":
        if monotonic() > deadline:
            return False
        sleep(pause)
        pause = min(pause * 2, 0.02)
    return True


def _wait_v2(directory: str, deadline: float) -> bool:
    """Waits by poll(2) on cgroup.events, which returns at every change (cgroup-v2.rst)."""
    from select import POLLPRI, poll
    from time import monotonic

    fd = posix.open(directory + "/cgroup.events", READ)
    try:
        waiting = poll()
        waiting.register(fd, POLLPRI)
        while b"frozen 1" not in posix.pread(fd, 4096, 0):
            rest = int((deadline - monotonic()) * 1000)
            if rest <= 0:
                return False
            waiting.poll(rest)
        return True
    finally:
        posix.close(fd)
