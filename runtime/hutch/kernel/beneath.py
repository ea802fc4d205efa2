"""Opening files below an untrusted root directory, such as the root file system of an image.

A component of a path may be a symlink that leads out of the root. ``open_in_root`` resolves the
path as if the root were "/" (openat2(2) with RESOLVE_IN_ROOT, Linux 5.6) and returns a descriptor;
callers use only this descriptor. If the kernel lacks openat2, ``walk_in_root`` opens one component
after the other with O_NOFOLLOW. That is safe only while no other process renames files in the tree.
"""

from errno import ELOOP, ENOSYS, EPERM
from posix import O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, close, dup, fstat, open, readlink, strerror

O_PATH = 0o10000000  # <fcntl.h>; posix has no O_PATH
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_IN_ROOT = 0x10

S_IFMT = 0o170000
S_IFLNK = 0o120000
LINKS = 40  # as the kernel's MAXSYMLINKS

_missing = False  # openat2 answered ENOSYS (old kernel) or EPERM (old seccomp filter) once


def open_in_root(root: int, path: "str | bytes", flags: int, mode: int = 0) -> int:
    """Opens ``path`` inside the directory ``root`` (a descriptor) and returns a descriptor.

    "/" and ".." in the path and in its symlinks never lead out of ``root``. ``flags`` are those of
    open(2), O_CLOEXEC is added; O_NOFOLLOW holds for the last component only. O_CREAT creates the
    last component only, with ``mode``. Raises OSError.
    """
    global _missing  # noqa: PLW0603 one probe a process
    raw = path.encode("utf-8", "surrogateescape") if isinstance(path, str) else path
    relative = raw.lstrip(b"/") or b"."
    if not _missing:
        try:
            from hutch._native import lib
        except ImportError:
            _missing = True
        else:
            result: int = lib.hutch_openat2(
                root,
                relative,
                flags | O_CLOEXEC,
                mode,
                RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
            )
            if result >= 0:
                return result
            if result not in (-ENOSYS, -EPERM):
                raise OSError(-result, strerror(-result), path)
            _missing = result == -ENOSYS
    return walk_in_root(root, relative, flags, mode)


def walk_in_root(root: int, path: "str | bytes", flags: int, mode: int = 0) -> int:
    """``open_in_root`` without openat2(2).

    It keeps a stack of directory descriptors, and ".." takes the last one off the stack.
    """
    raw = path.encode("utf-8", "surrogateescape") if isinstance(path, str) else path
    todo = [part for part in reversed(raw.split(b"/")) if part not in (b"", b".")]
    stack = [dup(root)]
    links = 0
    try:
        while todo:
            part = todo.pop()
            if part == b"..":
                if len(stack) > 1:
                    close(stack.pop())
                continue
            if not todo and flags & O_NOFOLLOW:
                return open(part, flags | O_CLOEXEC, mode, dir_fd=stack[-1])
            target = _link_target(part, stack[-1])
            if target is not None:
                links += 1
                if links > LINKS:
                    raise OSError(ELOOP, strerror(ELOOP), path)
                if target.startswith(b"/"):
                    while len(stack) > 1:
                        close(stack.pop())
                todo += [p for p in reversed(target.split(b"/")) if p not in (b"", b".")]
                continue
            if not todo:
                return open(part, flags | O_NOFOLLOW | O_CLOEXEC, mode, dir_fd=stack[-1])
            flags_on_the_way = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
            stack.append(open(part, flags_on_the_way, dir_fd=stack[-1]))
        return open(".", flags & ~O_NOFOLLOW | O_CLOEXEC, mode, dir_fd=stack[-1])
    finally:
        for fd in stack:
            close(fd)


def _link_target(name: bytes, directory: int) -> "bytes | None":
    """The target of the symlink ``name``; None if ``name`` is no symlink or does not exist."""
    try:
        fd = open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return None
    try:
        if fstat(fd).st_mode & S_IFMT != S_IFLNK:
            return None
        return readlink(b"", dir_fd=fd)
    finally:
        close(fd)
