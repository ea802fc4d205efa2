"""Files of a container: copied in and out as tar streams, told apart from the image's."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from hutch.engine.containers import id_maps
from hutch.engine.containers import records as phases
from hutch.engine.containers.finish import finish
from hutch.engine.containers.records import Record
from hutch.engine.containers.rootfs import layer_paths, mounted
from hutch.engine.engine import Engine
from hutch.engine.errors import NoSuchContainer, NoSuchPath
from hutch.errors import HutchError, KernelError
from hutch.image.lower_layers import find, is_opaque_folder
from hutch.image.whiteout import Overlay
from hutch.kernel.beneath import O_PATH, open_in_root

CHANGED, ADDED, DELETED = "C", "A", "D"


@contextmanager
def root_of(engine: Engine, record: Record) -> Iterator[int]:
    """The root of a container as it sees it, open: with its volumes if it runs. It does not start
    or end meanwhile."""
    with engine.locked(record.id):
        current = finish(engine, record.id)
        if current is None:
            raise NoSuchContainer(record.name)
        if current.phase == phases.RUNNING:
            fd = os.open(f"/proc/{current.pid}/root", O_PATH | os.O_DIRECTORY)
            try:
                yield fd
            finally:
                os.close(fd)
            return
        with mounted(
            engine.store, current.manifest, engine.places(current), current.options
        ) as path:
            fd = os.open(path, O_PATH | os.O_DIRECTORY)
            try:
                yield fd
            finally:
                os.close(fd)


def export(engine: Engine, record: Record, output: IO[bytes]) -> None:
    """The whole root file system as a tar archive, without what is mounted in it."""
    with root_of(engine, record) as root:
        _tar(["-c", "--one-file-system", "-f", "-", "-C", f"/proc/self/fd/{root}", "."],
             root, stdout=output)  # fmt: skip


def _tar(
    words: list[str], fd: int, *, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None
) -> None:
    """tar(1), which keeps owners, links, holes and extended attributes. Raises HutchError."""
    done = subprocess.run(
        ["tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", *words],
        stdin=stdin if stdin is not None else subprocess.DEVNULL,
        stdout=stdout if stdout is not None else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(fd,),
        check=False,
    )
    if done.returncode > 1:  # 1: a file changed while it was read
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise HutchError("tar: " + (lines[0] if lines else f"exit status {done.returncode}"))


def _split(path: str) -> tuple[str, str]:
    """The folder and the name of a path in a container; of a folder's contents (``/.``) all of
    it and "."."""
    clean = "/" + path.lstrip("/")
    if clean.endswith("/.") or clean == "/":
        return clean.removesuffix("/.") or "/", "."
    folder, _, name = clean.rstrip("/").rpartition("/")
    return folder or "/", name


def archive_out(
    engine: Engine, record: Record, path: str, output: IO[bytes], *, follow: bool = False
) -> None:
    """What is at ``path`` in the container, as a tar archive whose entries begin with its last
    name (after ``/.`` with "."). Raises HutchError if nothing is there."""
    with root_of(engine, record) as root:
        folder, name = _split(path)
        if follow and name != ".":
            folder, name = _split(_target(root, path))
        try:
            place = open_in_root(root, folder, O_PATH | os.O_DIRECTORY)
        except OSError:
            raise _missing(record, path) from None
        try:
            if name != ".":
                try:
                    os.stat(name, dir_fd=place, follow_symlinks=False)
                except OSError:
                    raise _missing(record, path) from None
            words = ["-c", "-f", "-", "-C", f"/proc/self/fd/{place}", "--", name]
            _tar(words, place, stdout=output)
        finally:
            os.close(place)


def _target(root: int, path: str) -> str:
    """The path that a symlink at the end of ``path`` leads to, within the root."""
    fd = open_in_root(root, path, O_PATH)
    try:
        return os.readlink(f"/proc/self/fd/{fd}").removeprefix(
            os.readlink(f"/proc/self/fd/{root}").rstrip("/")
        )
    finally:
        os.close(fd)


class PathStatus(NamedTuple):
    """What is at a path of a container; ``target`` is where a symlink leads, in the container."""

    name: str
    status: os.stat_result
    target: str


def path_status(engine: Engine, record: Record, path: str) -> PathStatus:
    """What is at a path, without following a symlink there. Raises NoSuchPath if nothing is."""
    with root_of(engine, record) as root:
        folder, name = _split(path)
        place = _open(root, record, folder)
        try:
            status = os.stat(name, dir_fd=place, follow_symlinks=False)
        except OSError:
            raise _missing(record, path) from None
        finally:
            os.close(place)
        target = ""
        if stat.S_ISLNK(status.st_mode):
            try:
                target = _target(root, path)
            except OSError:
                target = path  # it leads nowhere
        own = os.path.basename(folder.rstrip("/")) if name == "." else name
        return PathStatus(own or "/", status, target)


def _missing(record: Record, path: str) -> NoSuchPath:
    return NoSuchPath(path, record.name)


def archive_in(
    engine: Engine, record: Record, folder: str, archive: IO[bytes], *, owners: bool = False
) -> None:
    """Lays the entries of a tar archive into a folder of the container; as root's, unless
    ``owners``. Raises HutchError if there is no such folder."""
    with root_of(engine, record) as root:
        try:
            place = open_in_root(root, folder, O_PATH | os.O_DIRECTORY)
        except OSError:
            raise _missing(record, folder) from None
        os.close(place)
        own = id_maps.root_of(record.options)
        unpack_tar(root, folder, archive, owners=owners, own=own)


# Run by an interpreter of its own, which has all that it needs before it leaves the host's root: a
# link in the container, or one that is put there meanwhile, leads nowhere outside (S-60).
UNPACK = """
import encodings.idna, os, sys, tarfile
root, folder, owners = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "True"
os.fchdir(root)
os.chroot(".")
os.chdir(folder)
try:
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|*") as archive:
        archive.extraction_filter = lambda info, path: info
        for info in archive:
            if not owners:
                info.uid, info.gid = int(sys.argv[4]), int(sys.argv[5])
            info.uname = info.gname = ""
            archive.extract(info, ".", numeric_owner=True)
except (OSError, tarfile.TarError) as error:
    sys.exit(str(error))
"""


def unpack_tar(
    root: int, folder: str, archive: IO[bytes], *, owners: bool, own: tuple[int, int]
) -> None:
    """The entries of an archive into a folder, seen from the root; without ``owners`` they belong
    to ``own``. Raises HutchError."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            UNPACK,
            str(root),
            "/" + folder.lstrip("/"),
            str(owners),
            *map(str, own),
        ],
        stdin=archive,
        capture_output=True,
        pass_fds=(root,),
        check=False,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise HutchError("unpack: " + (lines[-1] if lines else f"exit status {done.returncode}"))


def copy_out(
    engine: Engine, record: Record, path: str, target: str, *, owners: bool, follow: bool
) -> None:
    """From the container to a path of the host, with cp(1)'s rules for what is there."""
    _, name = _split(path)
    into, rename = _destination(target, path)
    reader, writer = os.pipe()
    words = ["tar", "-x", "-p", "-f", "-", "-C", into]
    words += [] if owners else ["--no-same-owner"]
    if rename is not None and name != ".":
        words += ["--transform", f"flags=r;s|^{_literal(name)}|{_plain(rename)}|"]
    with (
        os.fdopen(reader, "rb") as source,
        subprocess.Popen(words, stdin=source, stderr=subprocess.PIPE) as unpack,
    ):
        with os.fdopen(writer, "wb") as output:
            archive_out(engine, record, path, output, follow=follow)
        _, said = unpack.communicate()
    if unpack.returncode:
        raise HutchError("tar: " + said.decode(errors="replace").strip().split("\n")[0])


def _literal(name: str) -> str:
    return "".join("\\" + c if c in "\\|.*[]^$" else c for c in name)


def _plain(name: str) -> str:
    return "".join("\\" + c if c in "\\|&" else c for c in name)


def _destination(target: str, source: str) -> tuple[str, str | None]:
    """The folder of the host to unpack in, and the new name of what comes (None: its own)."""
    if os.path.isdir(target):
        return target, None
    if target.endswith("/") and not source.endswith("/."):
        raise HutchError(f"no such directory: {target}")
    folder, name = os.path.split(os.path.abspath(target))
    if not os.path.isdir(folder):
        raise HutchError(f"no such directory: {folder}")
    if source.endswith("/."):
        try:
            os.mkdir(target)
        except OSError as error:
            raise KernelError(f"make {target}", "mkdir", error.errno) from None
        return target, None
    return folder, name


def copy_in(
    engine: Engine, record: Record, source: str, path: str, *, owners: bool, follow: bool
) -> None:
    """From a path of the host into the container, with cp(1)'s rules for what is there."""
    host = Path(source)
    if not os.path.lexists(source.removesuffix("/.")):
        raise HutchError(f"no such file or directory: {source}")
    contents = source.endswith("/.")
    name = "." if contents else host.name
    into, rename = path, name
    with root_of(engine, record) as root:
        kind = _kind(root, path)
        if kind is None or not stat.S_ISDIR(kind):
            folder, last = _split(path)
            if kind is None and (contents or (path.endswith("/") and not host.is_dir())):
                if not contents:
                    raise HutchError(f"no such directory: {path}")
                os.mkdir(last, dir_fd=_open(root, record, folder))
                into = path
            else:
                if kind is not None and host.is_dir():
                    raise HutchError(f"cannot copy a directory to the file {path}")
                into, rename = folder, last
    words = ["tar", "-c", "-f", "-", "--numeric-owner"]
    words += ["-h"] if follow else []
    words += ["-C", str(host if contents else host.parent)]
    if rename != name:
        words += ["--transform", f"flags=r;s|^{_literal(name)}|{_plain(rename)}|"]
    with subprocess.Popen([*words, "--", name], stdout=subprocess.PIPE) as pack:
        assert pack.stdout is not None
        archive_in(engine, record, into, pack.stdout, owners=owners)


def _kind(root: int, path: str) -> int | None:
    """The mode of what is at a path of the container, None if nothing is."""
    try:
        fd = open_in_root(root, path, O_PATH)
    except OSError:
        return None
    try:
        return os.stat(fd).st_mode
    finally:
        os.close(fd)


def _open(root: int, record: Record, folder: str) -> int:
    try:
        return open_in_root(root, folder, O_PATH | os.O_DIRECTORY)
    except OSError:
        raise _missing(record, folder) from None


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs from the image: "A"dded, "C"hanged or "D"eleted."""

    kind: str
    path: str


def changes(engine: Engine, record: Record) -> list[Change]:
    """What the container has changed, parents first. What the runtime needs to mount on is not
    told."""
    upper = engine.places(record).upper
    layers = [os.open(path, os.O_RDONLY | os.O_DIRECTORY)
              for path in reversed(layer_paths(engine.store, record.manifest))]  # fmt: skip
    own = {mount["target"] for mount in record.options.mounts}
    own |= {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}
    found: list[Change] = []
    try:
        _walk(str(upper), "", layers, own, found)
    finally:
        for fd in layers:
            os.close(fd)
    return found


def _walk(upper: str, folder: str, layers: list[int], own: set[str], found: list[Change]) -> None:
    overlay = Overlay()
    for entry in sorted(os.scandir(upper + folder), key=lambda one: one.name):
        path = f"{folder}/{entry.name}"
        status = entry.stat(follow_symlinks=False)
        lower = find(layers, os.fsencode(path[1:]), overlay)
        if overlay.is_whiteout(status):
            found.append(Change(DELETED, path))
            continue
        if path in own and (lower is None or status.st_size == 0):
            continue
        before = len(found)
        found.append(Change(CHANGED if lower else ADDED, path))
        if entry.is_dir(follow_symlinks=False):
            _walk(upper, path, [] if is_opaque_folder(entry.path) else layers, own, found)
            only_own = any(target.startswith(path + "/") for target in own)
            if only_own and len(found) == before + 1:
                del found[before]
