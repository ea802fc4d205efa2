"""Mounts with an id mapping (mount_setattr(2), MOUNT_ATTR_IDMAP, Linux 5.12)."""

from errno import EPERM

from hutch._native import lib
from hutch.errors import KernelError


def user_namespace(uid_map: str, gid_map: str, pointer: str) -> int:
    """A descriptor of a new user namespace with these maps (user_namespaces(7)) and without
    processes. Raises KernelError with the field ``pointer``."""
    result: int = lib.hutch_user_namespace(uid_map.encode(), gid_map.encode())
    if result < 0:
        raise KernelError(
            "make a user namespace for the mapping " + "; ".join(uid_map.splitlines()),
            "clone, write",
            -result,
            pointer=pointer,
            hint="without root only the caller's own id can be mapped",
        )
    return result


def open_tree(path: str, recursive: bool, pointer: str) -> int:
    """A descriptor of a detached bind mount of ``path`` (open_tree(2), OPEN_TREE_CLONE), with all
    mounts below it if ``recursive``. Raises KernelError with the field ``pointer``."""
    result: int = lib.hutch_open_tree(path.encode(), int(recursive))
    if result < 0:
        raise KernelError(
            "bind " + path,
            "open_tree",
            -result,
            pointer=pointer,
            hint="without root no idmapped mount can be made" if -result == EPERM else "",
        )
    return result


def idmap_mount(mount: int, namespace: int, recursive: bool) -> int:
    """Gives a detached mount the mapping of a user namespace, and all mounts below it too if
    ``recursive``. Returns 0 or the errno."""
    result: int = lib.hutch_idmap_mount(mount, namespace, int(recursive))
    return -result


def move_mount(mount: int, target: str) -> None:
    """Attaches a detached mount at ``target`` (move_mount(2)). Raises KernelError."""
    result: int = lib.hutch_move_mount(mount, target.encode())
    if result < 0:
        raise KernelError("mount on " + target, "move_mount", -result)
