"""Unpacks one layer from a tar stream to a tree of files; no entry can leave the tree.

There are two ways, and the given ``Removal`` selects one. *Merged*: the layer is unpacked over the
lower layers, and its whiteouts delete their files (a bundle's root file system). *Overlay*: the
layer has its own tree, and its whiteouts become those of overlayfs (the store's layers).
"""

import os
import stat
from dataclasses import dataclass, field
from errno import (
    EACCES,
    EDQUOT,
    EINVAL,
    EIO,
    ELOOP,
    EMFILE,
    ENFILE,
    ENOENT,
    ENOMEM,
    ENOSPC,
    ENOTDIR,
    EOPNOTSUPP,
    EPERM,
    EROFS,
)

from hutch.errors import HutchError, KernelError, shown
from hutch.image.errors import ImageError
from hutch.image.folders import Folder
from hutch.image.limits import Budget
from hutch.image.ownership import Ownership
from hutch.image.tarstream import (
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    FILE,
    LINK,
    SYMLINK,
    Entry,
    TarReader,
)
from hutch.image.tree import Tree, split
from hutch.image.whiteout import PREFIX, Removal, hidden_name
from hutch.kernel.create_file import NONE, changed_bits, create_file
from hutch.kernel.plain_files import make_plain_files

HOST_ERRORS = (
    ENOSPC, EDQUOT, EIO, EROFS, EMFILE, ENFILE, ENOMEM, EOPNOTSUPP, EPERM, EACCES,
)  # fmt: skip
NO_FOLDER = (ENOENT, ENOTDIR, ELOOP)
WRITTEN = 150  # bytes of memory that a path in a set needs, in addition to its letters
HOLE = 64 << 10  # a run of zeros this long becomes a hole
ZEROS = bytes(HOLE)
CAPABILITY = b"security.capability"
ACLS = (b"system.posix_acl_access", b"system.posix_acl_default")
OVERLAY_XATTRS = (b"trusted.overlay.", b"user.overlay.")  # they would steer overlayfs (S-66)


@dataclass(slots=True)
class Losses:
    """How many attributes of files could not be set, by kind, for one warning at the end."""

    owners: int = 0
    devices: int = 0
    xattrs: int = 0

    def sentence(self) -> str:
        """The warning; "" if nothing was lost."""
        parts = [
            f"{count} {what}"
            for count, what in (
                (self.owners, "files of other owners are now yours"),
                (self.devices, "device nodes became empty files"),
                (self.xattrs, "extended attributes were dropped"),
            )
            if count
        ]
        return ", ".join(parts)


@dataclass(slots=True)
class Result:
    """The result of unpacking a layer: how many entries it has, and its bytes on disk. What still
    needs the lower layers is in ``Tree.folders``."""

    entries: int = 0
    size: int = 0
    losses: Losses = field(default_factory=Losses)


class Unpacker:
    """Unpacks the entries of one layer into ``tree``."""

    def __init__(self, tree: Tree, removal: Removal, budget: Budget, ownership: Ownership) -> None:
        self.tree = tree
        self.removal = removal
        self.budget = budget
        self.ownership = ownership
        self.result = Result()
        self._names = 0  # bytes of memory for the paths that ``removal`` remembers
        self._changed_bits = changed_bits(tree.root)

    def unpack(self, reader: TarReader) -> Result:
        """Unpacks all entries of ``reader``. Raises ImageError if the archive is to blame, and
        KernelError if the host is."""
        path = b""
        try:
            while True:
                if self.removal.stands_alone and self.ownership.privileged:
                    self._plain_files(reader)
                if (entry := reader.next()) is None:
                    break
                self.budget.entry()
                self.result.entries += 1
                path = entry.name
                self._entry(entry, reader)
            root = self.tree.folders.at(b"")
            root.implied = self.removal.stands_alone and root.entry is None
            for path, folder in self.tree.folders.inside_out():
                self._finish_folder(path, folder)
            if self.removal.stands_alone:
                self.tree.folders = self.tree.folders.unsettled()
            else:
                self.tree.folders.forget()
        except OSError as error:
            raise explained(path, error) from error
        finally:
            self.tree.close()
            self.budget.release(self._names)
        return self.result

    def _plain_files(self, reader: TarReader) -> None:
        """Makes the plain files that come next in the archive, without reading their entries.

        Files of lower layers need no care here: this tree has none, and names that exist already,
        also those of hard links that are still to be made, are left to ``_entry``.
        """
        directory, folder = -1, b""
        while ahead := reader.ahead():
            made = make_plain_files(
                directory, folder, ahead, HOLE, self._changed_bits,
                (self.ownership.uid, self.ownership.gid),
            )  # fmt: skip
            self.result.entries += made.entries
            self.result.size += made.size
            self.budget.entry(made.entries)
            reader.take(made.taken)
            if made.folder is None or made.taken == len(ahead):
                return
            try:
                parts = split(made.folder)
                if any(part.startswith(PREFIX) for part in parts):
                    return
                directory, true = self.tree.parent(b"/".join(parts))
            except (OSError, ImageError):
                return  # _entry says what is wrong with it
            if self.tree.folders.has_links(true):
                return
            folder = made.folder

    def _entry(self, entry: Entry, reader: TarReader) -> None:
        parts = split(entry.name)
        if not parts:
            # CVE-2021-29136: a "." entry that is a symlink would move the root itself (S-60).
            if entry.kind != DIRECTORY:
                raise ImageError('the entry "/" is not a folder')
            self.tree.folders.describe(b"", entry)
            return
        base = parts[-1]
        if any(part.startswith(PREFIX) for part in parts[:-1]):
            raise ImageError(f"entry {shown(os.fsdecode(entry.name))}: below a whiteout")
        if base.startswith(PREFIX):
            self._whiteout(parts)
            return
        directory, parent = self.tree.parent(b"/".join(parts[:-1]))
        path = parent + b"/" + base if parent else base
        self.tree.folders.unlink(parent, base)
        kind = entry.kind
        if kind == DIRECTORY:
            self._folder(directory, path, base, entry)
        elif kind == LINK:
            self._link(directory, path, base, entry)
        else:
            self._make(directory, path, base, entry, reader)
        if not self.removal.has_written(path):
            self._names += len(path) + WRITTEN
            self.budget.hold(len(path) + WRITTEN)
            self.removal.note_written(path)

    def _whiteout(self, parts: tuple[bytes, ...]) -> None:
        """Hides the file that the marker names. Does nothing if the marker's parent is not a
        folder, or if this layer has replaced the folder.

        If a folder became a file or a symlink, umoci writes the new entry and also markers below it
        for everything that was in the folder. Through the symlink they would hide other files.
        """
        hidden = hidden_name(parts[-1])  # refuses a malformed marker in any folder
        for count in range(1, len(parts)):
            above = b"/".join(parts[:count])
            status = self.tree.status(above)
            if status is None:
                break
            if not stat.S_ISDIR(status.st_mode) and self.removal.has_written(above):
                return
        make = self.removal.stands_alone  # the lower layers may have this folder
        try:
            directory, parent = self.tree.parent(b"/".join(parts[:-1]), make=make)
        except OSError as error:
            if not make and error.errno in NO_FOLDER:
                return
            raise
        if hidden is None or self.tree.folders.pending(parent, hidden) is None:
            self.removal.whiteout(self.tree, directory, parent, parts[-1])

    def _folder(self, directory: int, path: bytes, base: bytes, entry: Entry) -> None:
        try:
            os.mkdir(base, 0o700, dir_fd=directory)
        except FileExistsError:
            status = os.stat(base, dir_fd=directory, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                self.removal.replace(self.tree, directory, path, status)
                os.mkdir(base, 0o700, dir_fd=directory)
                self.removal.replaced_by_folder(self.tree, directory, base, status)
        self.tree.folders.describe(path, entry)

    def _clear(self, directory: int, path: bytes, base: bytes) -> bool:
        """Removes what is at ``path``. Returns whether anything was there."""
        try:
            status = os.stat(base, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return False
        self.removal.replace(self.tree, directory, path, status)
        return True

    def _make(
        self, directory: int, path: bytes, base: bytes, entry: Entry, reader: TarReader
    ) -> None:
        """Makes a file, symlink, device or FIFO, and replaces what was at ``path``."""
        if entry.kind == FILE:
            self._regular(directory, path, base, entry, reader)
            return
        try:
            self._special(directory, path, base, entry, reader)
        except FileExistsError:
            self._clear(directory, path, base)
            self._special(directory, path, base, entry, reader)

    def _regular(
        self, directory: int, path: bytes, base: bytes, entry: Entry, reader: TarReader
    ) -> None:
        if entry.sparse is not None:
            # Holes need no disk space here, but a copy of the file may fill them.
            self.budget.produce(entry.size - sum(length for _, length in entry.sparse))
        elif entry.size < HOLE and not entry.xattrs:
            data = reader.whole()
            if data is not None:
                self._small(directory, path, base, entry, data)
                return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            fd = os.open(base, flags, 0o600, dir_fd=directory)
        except FileExistsError:
            self._clear(directory, path, base)
            fd = os.open(base, flags, 0o600, dir_fd=directory)
        try:
            if entry.size:
                self._content(fd, entry, reader)
            self._set_metadata(fd, entry)
        finally:
            os.close(fd)

    def _small(
        self, directory: int, path: bytes, base: bytes, entry: Entry, data: memoryview
    ) -> None:
        """Makes a file whose content is in memory, with one call. Most files are like this."""
        made_as = 0o600 if entry.mode & self._changed_bits else entry.mode
        mode = NONE if made_as == entry.mode else entry.mode
        uid, gid = (entry.uid, entry.gid) if self._owner(entry) else (NONE, NONE)
        while True:
            try:
                create_file(directory, base, data, made_as, mode, uid, gid, entry.mtime)
                break
            except FileExistsError:
                self._clear(directory, path, base)
            except OSError as error:
                if error.errno != EINVAL or not self.ownership.namespaced or uid == NONE:
                    raise
                uid = gid = NONE  # not mapped in our user namespace
                self.result.losses.owners += 1
        self.result.size += entry.size

    def _content(self, fd: int, entry: Entry, reader: TarReader) -> None:
        end, hole = 0, False
        for at, piece in reader.placed():
            if len(piece) < HOLE:
                _write(fd, piece, at)
                hole = False
            else:
                hole = self._with_holes(fd, piece, at)
            end = at + len(piece)
            self.result.size += len(piece)
        if hole or end < entry.size:
            os.ftruncate(fd, entry.size)

    @staticmethod
    def _with_holes(fd: int, piece: memoryview, at: int) -> bool:
        """Writes ``piece`` at the offset ``at``, without its blocks of zeros. Returns whether it
        ends with such a block."""
        start, hole = 0, False
        for block in range(0, len(piece), HOLE):
            part = piece[block : block + HOLE]
            if len(part) == HOLE and part == ZEROS:
                if start < block:
                    _write(fd, piece[start:block], at + start)
                start, hole = block + HOLE, True
            else:
                hole = False
        if start < len(piece):
            _write(fd, piece[start:], at + start)
        return hole

    def _special(
        self, directory: int, path: bytes, base: bytes, entry: Entry, reader: TarReader
    ) -> None:
        if entry.kind == SYMLINK:
            if not entry.link or len(entry.link) > 4095:
                raise ImageError(f"entry {shown(os.fsdecode(entry.name))}: a symlink to nothing")
            os.symlink(entry.link, base, dir_fd=directory)
        elif entry.kind == FIFO:
            os.mkfifo(base, 0o600, dir_fd=directory)
        elif not self._device(directory, base, entry):
            self._regular(directory, path, base, entry, reader)
            return
        self._set_metadata_by_name(directory, base, entry)

    def _device(self, directory: int, base: bytes, entry: Entry) -> bool:
        """Makes a device node. False if this process may not; the caller then makes an empty file
        instead (S-67)."""
        if entry.kind == CHARACTER and entry.major == 0 and entry.minor == 0:
            # To overlayfs such a node is a whiteout, so an image could hide files with it.
            raise ImageError(f"entry {shown(os.fsdecode(entry.name))}: a character device 0:0")
        if not (0 <= entry.major < 1 << 12 and 0 <= entry.minor < 1 << 20):
            raise ImageError(f"entry {shown(os.fsdecode(entry.name))}: no such device number")
        kind = stat.S_IFBLK if entry.kind == BLOCK_DEVICE else stat.S_IFCHR
        if self.ownership.privileged:
            try:
                device = os.makedev(entry.major, entry.minor)
                os.mknod(base, kind | 0o600, device, dir_fd=directory)
                return True
            except PermissionError:
                pass  # EPERM for the root user of a user namespace (mknod(2))
        self.result.losses.devices += 1
        return False

    def _link(self, directory: int, path: bytes, base: bytes, entry: Entry) -> None:
        """Makes a hard link to a file of this tree; symlinks are not followed (S-64)."""
        what = f"entry {shown(os.fsdecode(entry.name))}: hard link to"
        parts = split(entry.link, what)
        if not parts:
            raise ImageError(f"{what} the root")
        target, true = self.tree.parent(b"/".join(parts[:-1]))
        source = true + b"/" + parts[-1] if true else parts[-1]
        try:
            status = os.stat(parts[-1], dir_fd=target, follow_symlinks=False)
        except FileNotFoundError:
            status = None
        if status is None or self.removal.is_whiteout(status):
            if status is None and self.removal.stands_alone:
                # A lower layer may have the target. lower_layers.py makes the link, or refuses it,
                # when all lower layers are complete.
                waiting = self.tree.folders.pending(true, parts[-1])
                self._clear(directory, path, base)
                self.tree.folders.link(path.rpartition(b"/")[0], base, waiting or source)
                return
            raise ImageError(f"{what} {shown(os.fsdecode(entry.link))}, which is not in the layer")
        if stat.S_ISDIR(status.st_mode):
            raise ImageError(f"{what} {shown(os.fsdecode(entry.link))}, a folder")
        if source == path:
            return
        try:
            self._hard_link(target, parts[-1], directory, base)
        except FileExistsError:
            self._clear(directory, path, base)
            self._hard_link(target, parts[-1], directory, base)

    @staticmethod
    def _hard_link(source: int, old: bytes, directory: int, new: bytes) -> None:
        os.link(old, new, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False)

    def _finish_folder(self, path: bytes, folder: Folder) -> None:
        """Sets the metadata of a folder. Called at the end, for inner folders first, because the
        kernel changes a folder's time with every file that is made in it."""
        if (entry := folder.entry) is not None:
            if not self.ownership.privileged:
                entry.mode |= 0o700  # otherwise its owner could neither fill nor remove it
            with self.tree.folder(path) as fd:
                self._set_metadata(fd, entry)
        elif folder.time is not None and not self.removal.stands_alone:
            # A folder that this layer does not describe keeps its time, even if its files changed.
            with self.tree.folder(path) as fd:
                os.utime(fd, ns=(folder.time, folder.time))

    def _owner(self, entry: Entry) -> bool:
        """Whether chown(2) must be called for the file. Counts an owner that cannot be set."""
        mine = entry.uid == self.ownership.uid and entry.gid == self.ownership.gid
        if mine:
            return False
        if self.ownership.privileged:
            return True
        if (entry.uid, entry.gid) != (0, 0):  # without root, this user takes root's place
            self.result.losses.owners += 1
        return False

    def _chown(self, file: int | bytes, entry: Entry, directory: int | None = None) -> None:
        """Sets the owner. An id that is not mapped in this user namespace (EINVAL) is counted as
        lost."""
        try:
            if isinstance(file, int):
                os.fchown(file, entry.uid, entry.gid)
            else:
                os.chown(file, entry.uid, entry.gid, dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            if error.errno != EINVAL or not self.ownership.namespaced:
                raise
            self.result.losses.owners += 1

    def _set_metadata(self, fd: int, entry: Entry) -> None:
        """Sets owner, mode, xattrs and times through the descriptor of the new file (S-61).

        The owner comes first, because chown(2) clears setuid bits and file capabilities.
        """
        if self._owner(entry):
            self._chown(fd, entry)
        os.fchmod(fd, entry.mode)
        if entry.xattrs:
            for name, value in self._kept_xattrs(entry.xattrs):
                try:
                    os.setxattr(fd, name, value)
                except OSError:
                    self.result.losses.xattrs += 1
        os.utime(fd, ns=(entry.mtime, entry.mtime))

    def _set_metadata_by_name(self, directory: int, base: bytes, entry: Entry) -> None:
        """The same for a file that cannot be opened: by its name in the open folder. A symlink is
        not followed."""
        if self._owner(entry):
            self._chown(base, entry, directory)
        if entry.kind != SYMLINK:
            os.chmod(base, entry.mode, dir_fd=directory)
        if entry.xattrs:
            place = b"/proc/self/fd/%d/%s" % (directory, base)
            for name, value in self._kept_xattrs(entry.xattrs):
                try:
                    os.setxattr(place, name, value, follow_symlinks=False)
                except OSError:
                    self.result.losses.xattrs += 1
        os.utime(base, ns=(entry.mtime, entry.mtime), dir_fd=directory, follow_symlinks=False)

    def _kept_xattrs(self, xattrs: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """The xattrs that an image may set (S-66). All others control overlayfs or a security
        module."""
        kept = []
        for name, value in xattrs.items():
            if name.startswith(OVERLAY_XATTRS) or b"\0" in name:
                continue
            capability = name == CAPABILITY and self.ownership.privileged
            if capability or name.startswith((b"user.", b"trusted.")) or name in ACLS:
                kept.append((name, value))
        return kept


def explained(path: bytes, error: OSError) -> HutchError:
    """The error for a failed call: KernelError if the host is to blame (no space, not allowed),
    otherwise ImageError."""
    name = shown(os.fsdecode(path))
    number = error.errno or 0
    if number in HOST_ERRORS:
        return KernelError(f"unpack {name}", "write", number)
    return ImageError(f"entry {name}: cannot be unpacked: {os.strerror(number).lower()}")


def _write(fd: int, data: memoryview, at: int) -> None:
    while data:
        written = os.pwrite(fd, data, at)
        data, at = data[written:], at + written
