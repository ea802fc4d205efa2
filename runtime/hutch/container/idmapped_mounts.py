"""Makes the descriptors that hutch-init needs for mounts with an id mapping, before it starts."""

import posix

from hutch.errors import KernelError
from hutch.kernel.idmap import idmap_mount, open_tree, user_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hutch.plan.idmap import Idmap


def open_idmaps(idmaps: "Iterable[Idmap]") -> "list[int]":
    """One descriptor for each mount: a clone of the bind's source with the mapping, or, for a new
    file system, the user namespace with the mapping. The caller closes them. Raises KernelError;
    then none is left open."""
    opened: list[int] = []
    try:
        for idmap in idmaps:
            opened.append(_open(idmap))
    except BaseException:
        for fd in opened:
            posix.close(fd)
        raise
    return opened


def _open(idmap: "Idmap") -> int:
    namespace = _namespace(idmap)
    if not idmap.source:
        return namespace
    try:
        tree = open_tree(idmap.source, idmap.tree, idmap.pointer)
        error = idmap_mount(tree, namespace, idmap.recursive)
        if error:
            posix.close(tree)
            raise _refused(idmap, error)
        return tree
    finally:
        posix.close(namespace)


def _namespace(idmap: "Idmap") -> int:
    if not idmap.path:
        return user_namespace(idmap.uid_map, idmap.gid_map, idmap.pointer)
    try:
        return posix.open(idmap.path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError as error:
        raise KernelError(
            "open " + idmap.path, "open", error.errno, pointer=idmap.pointer
        ) from None


def _refused(idmap: "Idmap", error: int) -> KernelError:
    """The error of mount_setattr(2). The kernel only says EINVAL if a file system does not support
    id mappings, so the hint names it."""
    return KernelError(
        "map the ids of " + idmap.source,
        "mount_setattr(MOUNT_ATTR_IDMAP)",
        error,
        pointer=idmap.pointer,
        hint=_filesystem(idmap.source)
        + (", or what is mounted below it," if idmap.recursive else "")
        + " on Linux "
        + posix.uname().release
        + " may not take idmapped mounts, or a mount that is idmapped already; without root none "
        "can be made",
    )


def _filesystem(path: str) -> str:
    from hutch.container.store import read_file
    from hutch.kernel.mounts import mount_id

    number = str(mount_id(path)).encode()
    for line in read_file("/proc/self/mountinfo").splitlines():
        fields = line.split(b" ")
        if fields[0] == number:
            return fields[fields.index(b"-") + 1].decode("utf-8", "replace")
    return "the file system"
