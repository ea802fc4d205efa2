"""Reads the facts of the host that the plan compiler needs."""

import posix

from hutch.cgroups.files import exists
from hutch.cgroups.layout import read
from hutch.plan.host import Host

PROC_USER_INIT_INO = 0xEFFFFFFD  # linux/proc_ns.h


def read_host() -> Host:
    """The facts of this host; fast enough to be called by every create."""
    from hutch.kernel.process import bounding_set

    return Host(
        uid=posix.geteuid(),
        gid=posix.getegid(),
        capabilities=bounding_set(),
        apparmor=_first_byte("/sys/module/apparmor/parameters/enabled") == b"Y",
        selinux=exists("/sys/fs/selinux/enforce"),
        cgroups=read(),
        groups_denied=_first_byte("/proc/self/setgroups") == b"d",
        in_initial_user_namespace=posix.stat("/proc/self/ns/user").st_ino == PROC_USER_INIT_INO,
        environment=posix.environ,
    )


def _first_byte(path: str) -> bytes:
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return posix.read(fd, 1)
    finally:
        posix.close(fd)
