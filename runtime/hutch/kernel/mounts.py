"""Mounts of the host: ids, mount, bind, unmount; a private mount namespace."""

from hutch._native import lib
from hutch.errors import KernelError


def mount_id(path: str) -> int:
    """The number of the mount that ``path`` is on (statx(2), stx_mnt_id); raises KernelError."""
    result: int = lib.hutch_mount_id(path.encode())
    if result < 0:
        raise KernelError("look at " + path, "statx", -result)
    return result


def unmount(path: str, flags: int) -> None:
    """umount2(2), never following a symbolic link; raises KernelError."""
    result = lib.hutch_unmount(path.encode(), flags)
    if result < 0:
        raise KernelError("unmount " + path, "umount2", -result)


def private_mounts() -> None:
    """Moves this process to a new mount namespace (unshare(2)); raises KernelError.

    The host does not see mounts made in it, but mounts and unmounts of the host happen in it too
    (mount_namespaces(7), slave mounts).
    """
    result = lib.hutch_private_mounts()
    if result < 0:
        raise KernelError("make a mount namespace", "unshare", -result)


def bind(source: str, target: str) -> None:
    """Binds a directory with all below it (MS_BIND | MS_REC); raises KernelError."""
    result = lib.hutch_bind(source.encode(), target.encode())
    if result < 0:
        raise KernelError("bind " + source + " on " + target, "mount", -result)


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    """mount(2) of a new file system of type ``kind``; raises KernelError."""
    result = lib.hutch_mount(source.encode(), target.encode(), kind.encode(), flags, data.encode())
    if result < 0:
        raise KernelError("mount " + kind + " on " + target, "mount", -result)
