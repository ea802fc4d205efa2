"""The database of a store: SQLite in WAL mode, one transaction for each operation.

It lists the images with the blobs and layers that they need, their names, the unpacked layers, the
repositories that have a blob (so that a push can mount it from there), and leases: what a running
pull needs, before there is an image that needs it. It does not list the blobs: a blob's file exists
only if the blob was verified.
"""

import errno
import os
from _thread import RLock
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hutch._sqlite import Connection, Error
from hutch.errors import HutchError, KernelError, shown
from hutch.image.digest import Digest
from hutch.image.errors import ImageError, StoreDamaged, storage_error
from hutch.image.schema import MIGRATIONS, VERSION

WAIT = 60_000  # milliseconds a transaction waits for another process

# Result codes (sqlite.org/rescode.html)
CORRUPT, FULL, CANTOPEN, NOTADB = 11, 13, 14, 26


class ImageRecord(NamedTuple):
    """One image of the store. ``size`` is the size of its unpacked layers, in bytes."""

    manifest: Digest
    media_type: str
    manifest_size: int
    config: Digest
    os: str
    architecture: str
    variant: str
    created: str
    size: int
    pulled: float

    @property
    def id(self) -> str:
        """The image id: the digest of its config."""
        return str(self.config)

    @property
    def platform(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class LayerRecord(NamedTuple):
    """One unpacked layer: its chain ID, diffID, compressed blob, bytes on disk, entries."""

    chain: Digest
    diff: Digest
    blob: Digest
    size: int
    entries: int


def failure(path: Path, error: Error) -> HutchError:
    """The error to raise for an error of SQLite. A full disk, or a missing permission, is not
    damage."""
    message, code = error.args
    code &= 0xFF  # without the extended part
    if code == FULL:
        return storage_error(f"change the store's database {path}", errno.ENOSPC)
    if code == CANTOPEN and not os.access(path, os.R_OK | os.W_OK):
        return KernelError(f"open the store's database {path}", "open", errno.EACCES)
    hint = "warren system check --repair" if code in (CORRUPT, NOTADB) else ""
    return StoreDamaged(f"the store's database {path}: {message}", hint=hint)


class Database:
    """The tables of one store. Methods may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._lock = RLock()
        self._path = path
        try:
            self._connection = Connection(str(path), WAIT)
        except Error as error:
            raise failure(path, error) from None
        self.rows("PRAGMA journal_mode=WAL")
        self.rows("PRAGMA synchronous=NORMAL")
        self.rows("PRAGMA wal_autocheckpoint=200")
        self.rows("PRAGMA foreign_keys=ON")
        version = self._version()
        if version < VERSION:
            self._migrate()
        if version > VERSION:
            raise ImageError(f"the store {path.parent} was written by a newer warren")

    def close(self) -> None:
        self._connection.close()

    def _migrate(self) -> None:
        """Changes the tables to the present version. The version is read again within the
        transaction, because another process may have changed it."""
        with self.transaction():
            version = self._version()
            for step in MIGRATIONS[version:]:
                for statement in step.split(";\n"):
                    self.rows(statement)
            if version < VERSION:
                self.rows(f"PRAGMA user_version={VERSION}")

    def _version(self) -> int:
        return int(self.rows("PRAGMA user_version")[0][0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction, with the write lock of the database. It may be nested; the inner one is
        then part of the outer one."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self.rows("BEGIN IMMEDIATE")
            try:
                yield
                self.rows("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite may have rolled it back itself
                    self._connection.rows("ROLLBACK", ())
                raise

    def rows(self, statement: str, *values: int | float | str | None) -> list[tuple[str, ...]]:
        """Executes a statement and returns its rows. The engine uses it for its own tables."""
        try:
            with self._lock:
                return self._connection.rows(statement, values)
        except Error as error:
            raise failure(self._path, error) from None

    # Images and their names

    def add_image(self, record: ImageRecord, blobs: list[Digest], chains: list[Digest]) -> None:
        """Adds or updates an image, and the blobs and layers that it needs."""
        with self.transaction():
            key = str(record.manifest)
            self.rows(
                "INSERT INTO image VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (manifest) "
                "DO UPDATE SET pulled = excluded.pulled, size = excluded.size",
                key, record.media_type, record.manifest_size, str(record.config), record.os,
                record.architecture, record.variant, record.created, record.size, record.pulled,
            )  # fmt: skip
            for blob in blobs:
                self.rows("INSERT OR IGNORE INTO image_blob VALUES (?,?)", key, str(blob))
            for position, chain in enumerate(chains):
                self.rows(
                    "INSERT OR REPLACE INTO image_layer VALUES (?,?,?)", key, position, str(chain)
                )

    def remove_image(self, manifest: Digest) -> None:
        """Removes an image and its names from the database. ``collect`` then removes what only
        this image needed."""
        self.rows("DELETE FROM image WHERE manifest = ?", str(manifest))

    def images(self) -> list[ImageRecord]:
        """All images, newest first."""
        rows = self.rows("SELECT * FROM image ORDER BY created DESC, manifest")
        return [self._image(row) for row in rows]

    def image(self, manifest: Digest) -> ImageRecord | None:
        rows = self.rows("SELECT * FROM image WHERE manifest = ?", str(manifest))
        return self._image(rows[0]) if rows else None

    @staticmethod
    def _image(row: tuple[str, ...]) -> ImageRecord:
        manifest, media_type, manifest_size, config, *rest, size, pulled = row
        os_, architecture, variant, created = rest
        return ImageRecord(
            Digest.parse(manifest), media_type, int(manifest_size), Digest.parse(config),
            os_, architecture, variant, created, int(size), float(pulled),
        )  # fmt: skip

    def set_name(self, name: str, manifest: Digest, top: Digest | None = None) -> None:
        """Makes ``name`` a name of the image. ``top`` is the index that the image was chosen from,
        if there was one."""
        self.rows(
            "INSERT OR REPLACE INTO name VALUES (?,?,?)", name, str(manifest), str(top or manifest)
        )

    def remove_name(self, name: str) -> None:
        self.rows("DELETE FROM name WHERE name = ?", name)

    def names(self) -> list[tuple[str, Digest, Digest]]:
        """(name, manifest, top) of all names, sorted."""
        rows = self.rows("SELECT name, manifest, top FROM name ORDER BY name")
        return [(name, Digest.parse(m), Digest.parse(t)) for name, m, t in rows]

    def named(self, name: str) -> ImageRecord | None:
        rows = self.rows("SELECT manifest FROM name WHERE name = ?", name)
        return self.image(Digest.parse(rows[0][0])) if rows else None

    def names_of(self, manifest: Digest) -> list[str]:
        rows = self.rows("SELECT name FROM name WHERE manifest = ? ORDER BY name", str(manifest))
        return [row[0] for row in rows]

    def by_id(self, prefix: str) -> list[ImageRecord]:
        """Images whose id or manifest digest begins with ``prefix`` (hex, or sha256:hex)."""
        start = prefix if ":" in prefix else "sha256:" + prefix
        rows = self.rows(
            "SELECT * FROM image WHERE substr(config, 1, ?) = ? OR substr(manifest, 1, ?) = ?",
            len(start), start, len(start), start,
        )  # fmt: skip
        return [self._image(row) for row in rows]

    def chains_of(self, manifest: Digest) -> list[Digest]:
        """The image's layers by chain ID, lowest first."""
        rows = self.rows(
            "SELECT chain FROM image_layer WHERE manifest = ? ORDER BY position", str(manifest)
        )
        return [Digest.parse(row[0]) for row in rows]

    # Layers

    def add_layer(self, layer: LayerRecord) -> None:
        self.rows(
            "INSERT OR REPLACE INTO layer VALUES (?,?,?,?,?)",
            str(layer.chain), str(layer.diff), str(layer.blob), layer.size, layer.entries,
        )  # fmt: skip

    def remove_layer(self, chain: Digest) -> None:
        self.rows("DELETE FROM layer WHERE chain = ?", str(chain))

    def layer(self, chain: Digest) -> LayerRecord | None:
        rows = self.rows("SELECT * FROM layer WHERE chain = ?", str(chain))
        return self._layer(rows[0]) if rows else None

    def layers(self) -> list[LayerRecord]:
        return [self._layer(row) for row in self.rows("SELECT * FROM layer ORDER BY chain")]

    @staticmethod
    def _layer(row: tuple[str, ...]) -> LayerRecord:
        chain, diff, blob, size, entries = row
        return LayerRecord(
            Digest.parse(chain), Digest.parse(diff), Digest.parse(blob), int(size), int(entries)
        )

    # Where blobs have been seen

    def add_seen(self, digests: list[Digest], repository: str) -> None:
        """Remembers that ``repository`` (``registry/path``) has these blobs."""
        with self.transaction():
            for digest in digests:
                self.rows("INSERT OR IGNORE INTO seen VALUES (?,?)", str(digest), repository)

    def seen(self, digest: Digest) -> list[str]:
        rows = self.rows("SELECT repository FROM seen WHERE digest = ?", str(digest))
        return [row[0] for row in rows]

    # Leases and holds

    def lease(self, lease: str, items: list[str]) -> None:
        """Adds ``items`` to a lease, so that ``collect`` does not remove them. An item is the
        digest of a blob, or ``layer:`` and a chain ID."""
        with self.transaction():
            for item in items:
                self.rows("INSERT OR IGNORE INTO lease VALUES (?,?)", lease, item)

    def end_lease(self, lease: str) -> None:
        self.rows("DELETE FROM lease WHERE lease = ?", lease)

    def leases(self) -> dict[str, set[str]]:
        """The items of each lease."""
        found: dict[str, set[str]] = {}
        for lease, item in self.rows("SELECT lease, item FROM lease"):
            found.setdefault(lease, set()).add(item)
        return found

    def hold(self, holder: str, manifest: Digest) -> None:
        """Records that ``holder`` uses an image. The image then stays, also without a name. Raises
        ImageError if the store does not have it."""
        if self.image(manifest) is None:
            raise ImageError(f"image {shown(str(manifest))} is not in the store")
        self.rows("INSERT OR IGNORE INTO hold VALUES (?,?)", holder, str(manifest))

    def release(self, holder: str) -> None:
        self.rows("DELETE FROM hold WHERE holder = ?", holder)

    def holders(self, manifest: Digest) -> list[str]:
        rows = self.rows("SELECT holder FROM hold WHERE manifest = ?", str(manifest))
        return [row[0] for row in rows]

    def needed(self) -> set[str]:
        """Everything that images and leases need, as items (see ``lease``)."""
        blobs = {row[0] for row in self.rows("SELECT digest FROM image_blob")}
        chains = {"layer:" + row[0] for row in self.rows("SELECT chain FROM image_layer")}
        return blobs.union(chains, *self.leases().values())

    def forget_seen(self) -> None:
        """Removes the rows of ``seen`` for blobs that no image needs."""
        self.rows("DELETE FROM seen WHERE digest NOT IN (SELECT digest FROM image_blob)")

    def sound(self) -> str:
        """ "ok", or the first problem that SQLite's quick_check finds."""
        return self.rows("PRAGMA quick_check(1)")[0][0]
