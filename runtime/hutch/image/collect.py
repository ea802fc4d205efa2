"""Garbage collection: removes what no image, no name and no running pull needs.

One transaction decides what is removed, so it sees either all of a pull's lease or none of it. The
files are first renamed, within this transaction, and then deleted.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hutch.errors import HutchError, KernelError
from hutch.image.digest import Digest
from hutch.image.errors import FULL, ImageError, storage_error
from hutch.image.store import Store
from hutch.image.tree import remove_tree


class Freed:
    """What a collection removed; the size in bytes."""

    def __init__(self) -> None:
        self.blobs: list[Digest] = []
        self.layers: list[Digest] = []
        self.size = 0


def living_leases(store: Store) -> set[str]:
    """The leases of running processes. The rows of all other leases are deleted."""
    living = set()
    names = {name for name in os.listdir(store.locks) if name.startswith("lease-")}
    for name in names | set(store.database.leases()):
        lock = store.lock(name)
        if lock.acquire(wait=False):
            store.database.end_lease(name)
            lock.release()
        else:
            living.add(name)
    return living


def collect(store: Store, only: "set[str] | None" = None) -> Freed:
    """Removes blobs and layers that nothing needs. With ``only`` (items as in ``Database.lease``),
    removes only these."""
    freed = Freed()
    rubbish: list[Path] = []

    def away(path: Path) -> None:
        aside = store.work / f"rubbish-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            os.rename(path, aside)
        except FileNotFoundError:
            return
        rubbish.append(aside)

    try:
        with store.database.transaction():
            living = living_leases(store)
            needed = store.database.needed()
            for digest in _digests(store.layout_root / "blobs"):
                if str(digest) not in needed and (only is None or str(digest) in only):
                    away(store.blob_path(digest))
                    freed.blobs.append(digest)
            rows = {layer.chain for layer in store.database.layers()}
            folders = {Digest("sha256", name) for name in os.listdir(store.layers)}
            for chain in rows | folders:
                item = f"layer:{chain}"
                if item not in needed and (only is None or item in only):
                    store.database.remove_layer(chain)
                    away(store.layers / chain.hex)
                    freed.layers.append(chain)
            for name in os.listdir(store.partial):
                item = name.replace("-", ":", 1)
                if item not in needed and (only is None or item in only):
                    away(store.partial / name)
            store.database.forget_seen()
            if only is None:
                for name in os.listdir(store.work):
                    if name.partition(".")[0] not in living and not _in_use(name):
                        away(store.work / name)
    finally:  # also if the commit fails because the disk is full: nothing needs these files
        for path in rubbish:
            freed.size += remove_tree(str(path))
    return freed


def _in_use(name: str) -> bool:
    """Whether a file in the work folder (KIND-PID-RANDOM) belongs to a running process; it may be
    another thread of this one, in a server."""
    parts = name.split("-")
    if parts[0] == "lease" or len(parts) != 3 or not parts[1].isdigit():
        return False
    return Path(f"/proc/{parts[1]}").exists()


def _digests(blobs: Path) -> list[Digest]:
    found = []
    for algorithm in os.listdir(blobs):
        for name in os.listdir(blobs / algorithm):
            try:
                found.append(Digest.parse(f"{algorithm}:{name}"))
            except ImageError:
                continue
    return found


@contextmanager
def collected_if_bad(store: Store, items: list[str]) -> Iterator[None]:
    """If the block raises ImageError, or if the disk is full, removes those of ``items`` that
    nothing else needs. OSError becomes KernelError, which names the store."""
    try:
        yield
    except (ImageError, KernelError, OSError) as error:
        if isinstance(error, ImageError) or error.errno in FULL:
            with suppress(HutchError, OSError):  # on a full disk this may fail too
                collect(store, set(items))
        if isinstance(error, OSError):
            raise storage_error(f"write to the store {store.root}", error.errno) from None
        raise
