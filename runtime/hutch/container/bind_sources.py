"""Sources of binds that the container's root may not reach: below a folder that is closed to it.

hutch-init asks for them when its own try was refused. It is answered with what the path names in
the mount namespace that it is in, looked up with the caller's rights.
"""

import posix

from hutch.kernel.beneath import O_PATH, open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.init_process import Init


def hand_source(init: "Init", source: str) -> None:
    """Answers with the ``source`` of a bind, or without it: hutch-init then says what is wrong."""
    fd = _open(init.pid, source)
    try:
        init.answer(fd=fd)
    finally:
        if fd >= 0:
            posix.close(fd)


def _open(pid: int, path: str) -> int:
    """An O_PATH descriptor of ``path`` as process ``pid`` would see it, or -1. A descriptor of our
    own mount namespace would be refused there: and its mounts are not locked for the container."""
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
