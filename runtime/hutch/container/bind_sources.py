"""Opens sources of binds that hutch-init may not reach, because a directory above denies access.

In a user namespace the container's root user may have fewer rights than the caller. hutch-init asks
for such a source after it got EACCES. The runtime then resolves the path in the mount namespace of
hutch-init, with the caller's rights.
"""

import posix

from hutch.kernel.beneath import O_PATH, open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.init_process import Init


def hand_source(init: "Init", source: str) -> None:
    """Sends hutch-init a descriptor of ``source``, or an answer without one if it cannot be opened:
    hutch-init then reports the error."""
    fd = _open(init.pid, source)
    try:
        init.answer(fd=fd)
    finally:
        if fd >= 0:
            posix.close(fd)


def _open(pid: int, path: str) -> int:
    """An O_PATH descriptor of ``path`` in the root of process ``pid``, or -1. It must come from the
    mount namespace of that process: open_tree(2) refuses to clone mounts of another one."""
    try:
        root = posix.open(f"/proc/{pid}/root", O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC)
    except OSError:
        return -1
    try:
        return open_in_root(root, path, O_PATH)
    except OSError:
        return -1
    finally:
        posix.close(root)
