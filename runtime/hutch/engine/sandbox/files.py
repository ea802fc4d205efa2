"""Files put into a container and taken out of it.

The container's root is open to us as /proc/PID/root. A program in it may change any path at any
moment, so all paths are resolved inside that root by openat2(2), and nothing of the host is reached
(S-60). What is written is a new file, which a rename puts into its place: an existing one could be
a device, a fifo or a file on a mount.
"""

import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress

from hutch.engine.sandbox.box import Box
from hutch.engine.sandbox.settings import Content
from hutch.errors import KernelError, UsageError, shown
from hutch.kernel.beneath import O_PATH, open_in_root

DIRECTORY = O_PATH | os.O_DIRECTORY
CHUNK = 1 << 20


def write_files(box: Box, files: Mapping[str, Content]) -> None:
    """Writes files, which then belong to the program's user, with the mode 0644; missing
    directories are made. A path that does not start with "/" counts from the working directory.

    The content is bytes, a text, or the path of a file of the host (an object of pathlib), whose
    mode is kept. Raises KernelError, UsageError.
    """
    root = _open_root(box)
    try:
        for path, content in files.items():
            _write(box, root, path, content)
    finally:
        os.close(root)


def _open_root(box: Box) -> int:
    try:
        return os.open(f"/proc/{box.made.init.pid}/root", DIRECTORY)
    except OSError as error:
        raise KernelError("open the sandbox's files", "open", error.errno) from None


def _parts(box: Box, path: str) -> list[str]:
    cwd = box.made.config["process"]["cwd"]
    whole = path if path.startswith("/") else cwd + "/" + path
    parts = [part for part in whole.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or path.endswith("/") or "\0" in path:
        raise UsageError(f"files: {shown(path)} is not the path of a file")
    return parts


def _owner(box: Box) -> tuple[int, int]:
    """An ordinary user's files are his own anyway, and he may not give them away."""
    if os.geteuid() != 0:
        return -1, -1
    user = box.made.config["process"]["user"]
    return user.get("uid", 0), user.get("gid", 0)


def _write(box: Box, root: int, path: str, content: Content) -> None:
    *folders, name = _parts(box, path)
    owner = _owner(box)
    try:
        place = _make_folders(root, folders, owner)
        try:
            _replace(place, name, content, owner)
        finally:
            os.close(place)
    except OSError as error:
        raise KernelError(f"write {path} in the sandbox", "open", error.errno) from None


def _make_folders(root: int, folders: list[str], owner: tuple[int, int]) -> int:
    here = "/"
    place = open_in_root(root, here, DIRECTORY)
    for folder in folders:
        below = here.rstrip("/") + "/" + folder
        try:
            following = open_in_root(root, below, DIRECTORY)
        except FileNotFoundError:
            os.mkdir(folder, 0o755, dir_fd=place)
            os.chown(folder, *owner, dir_fd=place, follow_symlinks=False)
            following = open_in_root(root, below, DIRECTORY)
        finally:
            os.close(place)
        here, place = below, following
    return place


def _replace(place: int, name: str, content: Content, owner: tuple[int, int]) -> None:
    temporary = f".{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o600, dir_fd=place)
    try:
        with open(fd, "wb") as file:
            mode = 0o644
            if isinstance(content, str):
                file.write(content.encode())
            elif isinstance(content, os.PathLike):
                with open(content, "rb") as source:
                    mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode) & 0o777
                    while data := source.read(CHUNK):
                        file.write(data)
            else:
                file.write(content)
            file.flush()
            os.fchown(fd, *owner)
            os.fchmod(fd, mode)
        os.rename(temporary, name, src_dir_fd=place, dst_dir_fd=place)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=place)
        raise


def read_file(box: Box, path: str, limit: int) -> bytes:
    """The content of a regular file. Raises UsageError if it is none, or is larger than ``limit``
    bytes; KernelError."""
    root = _open_root(box)
    try:
        fd = open_in_root(root, "/" + "/".join(_parts(box, path)), O_PATH)
        try:
            # Looked at before it is opened: to open a fifo or a device may do things.
            if not stat.S_ISREG(os.stat(fd).st_mode):
                raise UsageError(f"{shown(path)} in the sandbox is not a regular file")
            with open(f"/proc/self/fd/{fd}", "rb") as file:
                data = file.read(limit + 1)
        finally:
            os.close(fd)
    except OSError as error:
        raise KernelError(f"read {path} in the sandbox", "open", error.errno) from None
    finally:
        os.close(root)
    if len(data) > limit:
        raise UsageError(f"{shown(path)} in the sandbox is larger than {limit} bytes")
    return data
