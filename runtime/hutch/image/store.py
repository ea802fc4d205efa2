"""The store: blobs in an OCI image layout, layers unpacked once, names in SQLite.

    ROOT/                     0700: no other user can run the setuid files of images (S-77)
        store.db              database.Database
        reserve               a file whose space rmi and prune use if the disk is full
        images/               an OCI image layout; skopeo and others read it as it is
            blobs/sha256/HEX  appears by rename, after its digest and size are right (S-71)
            index.json        replaced, by rename, when a name changes
        layers/HEX/diff       by chain ID, for overlayfs; appears by rename
        partial/sha256-HEX    an unfinished download, which a later pull continues
        work/                 layers that are being unpacked; removed if their process has ended
        locks/                locked (flock) while a blob or layer is made, so that only one process
                              makes it

A killed process leaves a partial blob or a folder in ``work``, never an incomplete visible object.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hutch.errors import HutchError
from hutch.image.database import Database, ImageRecord
from hutch.image.digest import Digest
from hutch.image.errors import ImageError, storage_error
from hutch.image.layout import VERSION, Layout, index_json, read_bounded
from hutch.image.manifest import Descriptor
from hutch.image.platform import Platform
from hutch.image.tree import remove_tree

RESERVE = 1 << 20  # bytes


def default_root() -> Path:
    """/var/lib/hutch for root, ``user_root`` for others."""
    return Path("/var/lib/hutch") if os.geteuid() == 0 else user_root()


def user_root() -> Path:
    """$XDG_DATA_HOME/hutch, for an ordinary user."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(data) / "hutch"


class Lock:
    """A lock: flock(2) on a file of its own. The kernel releases it when its process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1

    def acquire(self, *, wait: bool = True, shared: bool = False) -> bool:
        """Takes the lock. With ``wait`` False, returns False if another process has it."""
        flags = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        while True:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, flags)
                # The last holder may have unlinked the file after the open and before the flock.
                if os.fstat(fd).st_nlink:
                    self._fd = fd
                    return True
            except BlockingIOError:
                os.close(fd)
                return False
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)

    def release(self) -> None:
        """Releases the lock and removes its file."""
        if self._fd >= 0:
            self.path.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = -1


class Store:
    """One store. Its files are written only by this class, by pull and by collect."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout_root = root / "images"
        self.layers = root / "layers"
        self.partial = root / "partial"
        self.work = root / "work"
        self.locks = root / "locks"
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = root.stat()
            if status.st_uid != os.geteuid() and os.geteuid() == 0:
                raise ImageError(
                    f"the store {root} belongs to the user {status.st_uid}, who could enter it"
                    " and use the images' setuid programs and devices",
                    hint="name another place with --root, or give it to root",
                )
            if status.st_mode & 0o077:
                root.chmod(0o700)
            (self.layout_root / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
            for folder in (self.layers, self.partial, self.work, self.locks):
                folder.mkdir(mode=0o700, exist_ok=True)
            if not (self.layout_root / "oci-layout").exists():
                self._write(self.layout_root / "oci-layout", VERSION.encode())
            if not (self.layout_root / "index.json").exists():
                self._write(self.layout_root / "index.json", index_json([]))
        except OSError as error:
            raise storage_error(f"open the store {root}", error.errno) from None
        self.database = Database(root / "store.db")
        self._reserve = root / "reserve"
        if not self._reserve.exists():
            self._keep_reserve()

    def _keep_reserve(self) -> None:
        with suppress(OSError), open(self._reserve, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE)

    @contextmanager
    def using_reserve(self) -> Iterator[None]:
        """For operations that free space: on a full disk they need space for their own records."""
        with suppress(OSError):
            os.truncate(self._reserve, 0)
        try:
            yield
        finally:
            self._keep_reserve()

    def close(self) -> None:
        self.database.close()

    @contextmanager
    def _written(self, data: bytes) -> Iterator[Path]:
        """A temporary file, which the caller renames to its place; otherwise it is deleted.

        There is no fsync: ext4 would first write hundreds of megabytes of the layers to disk.
        ``warren system check --repair`` finds and repairs the damage of a power failure.
        """
        temporary = self.work / f"file-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            with open(temporary, "xb") as file:
                file.write(data)
            yield temporary
        except OSError as error:
            raise storage_error(f"write to the store {self.root}", error.errno) from None
        finally:
            temporary.unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes) -> None:
        """Writes a file that becomes visible when it is complete."""
        with self._written(data) as temporary:
            os.rename(temporary, path)

    # Blobs

    def blob_path(self, digest: Digest) -> Path:
        return self.layout_root / "blobs" / digest.path

    def partial_path(self, digest: Digest) -> Path:
        return self.partial / f"{digest.algorithm}-{digest.hex}"

    def has_blob(self, digest: Digest) -> bool:
        return self.blob_path(digest).exists()

    def read_blob(self, digest: Digest, limit: int) -> bytes:
        """A small blob; its digest is verified again. Raises ImageError."""
        data = read_bounded(self.blob_path(digest), limit)
        if not digest.matches(data):
            raise ImageError(
                f"blob {digest} in the store is damaged", hint="warren system check --repair"
            )
        return data

    def add_blob(self, digest: Digest, data: bytes) -> None:
        """Adds a small blob; its digest must already have been checked against ``data``.

        A damaged blob with this digest is replaced.
        """
        path = self.blob_path(digest)
        if not (path.exists() and path.read_bytes() == data):
            path.parent.mkdir(exist_ok=True)
            self._write(path, data)

    def publish_blob(self, digest: Digest) -> None:
        """Makes a complete and verified blob visible."""
        self.blob_path(digest).parent.mkdir(exist_ok=True)
        os.rename(self.partial_path(digest), self.blob_path(digest))

    # Layers

    def layer_path(self, chain: Digest) -> Path:
        """The folder that overlayfs mounts for the layer."""
        return self.layers / chain.hex / "diff"

    def has_layer(self, chain: Digest) -> bool:
        return self.database.layer(chain) is not None and self.layer_path(chain).is_dir()

    def discard(self, path: Path) -> None:
        """Renames a folder so that it is not visible any more, and then deletes it."""
        rubbish = self.work / f"rubbish-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            os.rename(path, rubbish)
        except FileNotFoundError:
            return
        remove_tree(str(rubbish))

    # Locks and leases

    def lock(self, name: str) -> Lock:
        return Lock(self.locks / name)

    @contextmanager
    def lease(self) -> Iterator[str]:
        """A lease. While this process runs, ``collect`` does not remove the items that are added to
        the lease (``Database.lease``)."""
        name = f"lease-{os.getpid()}-{os.urandom(8).hex()}"
        lock = self.lock(name)
        lock.acquire()
        try:
            yield name
        finally:
            with suppress(HutchError):  # a full disk; ``living_leases`` deletes the row later
                self.database.end_lease(name)
            lock.release()

    # Names

    @contextmanager
    def naming(self) -> Iterator[None]:
        """A transaction that changes names, in the database and in index.json, or in neither.

        The new index.json is written before the commit, because the disk may be full, and renamed
        after the commit. The lock is held from the write to the rename, so that two processes
        rename their files in the order of their commits.
        """
        lock = self.lock("index")
        try:
            with ExitStack() as stack:
                with self.database.transaction():
                    yield
                    lock.acquire()
                    temporary = stack.enter_context(self._written(self._index()))
                os.rename(temporary, self.layout_root / "index.json")
        finally:
            lock.release()

    def renew_layout(self) -> None:
        """Writes oci-layout and index.json again, from the database."""
        self._write(self.layout_root / "oci-layout", VERSION.encode())
        with self.naming():
            pass

    def _index(self) -> bytes:
        entries: list[tuple[str, Descriptor]] = []
        images = {image.manifest: image for image in self.database.images()}
        named = set()
        for name, manifest, _ in self.database.names():
            named.add(manifest)
            entries.append((name, self._descriptor(images[manifest])))
        entries += [("", self._descriptor(i)) for m, i in images.items() if m not in named]
        return index_json(entries)

    @staticmethod
    def _descriptor(image: ImageRecord) -> Descriptor:
        platform = Platform(image.os, image.architecture, image.variant)
        return Descriptor(image.media_type, image.manifest, image.manifest_size, platform)

    @property
    def layout(self) -> Layout:
        """The store's images as an OCI layout, for reading."""
        return Layout(self.layout_root)
