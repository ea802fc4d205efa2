"""Verifies a store, and repairs what can be repaired.

It verifies blobs by digest and size, unpacked layers by comparing each file with the layer's
archive, and the database with SQLite's own check and by looking for all that it names. A layer is
repaired from its blob. A damaged blob must be pulled again. A database that cannot be read is made
again from index.json.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hutch.errors import HutchError
from hutch.image.collect import collect, living_leases
from hutch.image.database import ImageRecord
from hutch.image.digest import Digest, chain_ids
from hutch.image.errors import ImageError
from hutch.image.layer import verified
from hutch.image.layout import LayoutSource, read_chunks
from hutch.image.manifest import Descriptor, Manifest
from hutch.image.platform import Platform
from hutch.image.progress import Reporter
from hutch.image.pull import Puller
from hutch.image.store import Store
from hutch.image.stored_image import documents, manifest_of
from hutch.image.verify import verify_layer


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem. ``mended`` says how it was repaired; "" if it was not."""

    what: str
    mended: str = ""


class Checker:
    """One check of ``store``. With ``repair``, problems are repaired when they are found.

    ``blobs`` has each checked blob, and whether it is complete and correct. ``layers`` has each
    checked layer by chain ID, and its problem. A blob or layer of several images is checked once.
    """

    def __init__(self, store: Store, reporter: Reporter, *, repair: bool) -> None:
        self.store = store
        self.reporter = reporter
        self.repair = repair
        self.findings: list[Finding] = []
        self.images = 0
        self.blobs: dict[Digest, bool] = {}
        self.layers: dict[Digest, str] = {}

    def run(self) -> list[Finding]:
        """Checks everything in the store."""
        sound = self.store.database.sound()
        if sound != "ok":
            self.find(f"database: {sound}")
        for record in self.store.database.images():
            self.images += 1
            try:
                self._image(record)
            except HutchError as error:
                self.find(f"image {record.config.short}: {error.sentence}")
        self._names()
        self._rubbish()
        return self.findings

    def find(self, what: str, mend: "Callable[[], str] | None" = None) -> None:
        """Records a problem and reports it. With ``repair``, ``mend`` is called to repair it; it
        returns what was done."""
        done = ""
        if mend is not None and self.repair:
            try:
                done = mend()
            except HutchError as error:
                what += f"; the repair failed: {error.sentence}"
        self.findings.append(Finding(what, done))
        self.reporter.warn(what + (f": {done}" if done else ""))

    def _image(self, record: ImageRecord) -> None:
        top = Descriptor(record.media_type, record.manifest, record.manifest_size)
        if not self._blob(top) or not self._blob(manifest_of(self.store, record).config):
            return
        manifest, config = documents(self.store, record)
        chains = chain_ids(config.diff_ids)
        if self.store.database.chains_of(record.manifest) != chains:
            self.find(f"image {record.config.short}: its layers do not match its config")
        damaged = []
        for layer, diff_id, chain in zip(manifest.layers, config.diff_ids, chains, strict=True):
            if not self._blob(layer):
                continue
            if problem := self._layer(layer, diff_id, chain):
                damaged.append((chain, problem))
        for chain, problem in damaged:
            self.find(f"layer {chain.short}: {problem}", lambda c=chain: self._drop(c))  # type: ignore[misc]
        if damaged and self.repair:
            self._unpack_again(record, manifest)

    def _blob(self, blob: Descriptor) -> bool:
        """Verifies a blob. With ``repair``, a damaged blob is removed.

        The user must then pull it again, because the store does not know where it came from.
        """
        if blob.digest in self.blobs:
            return self.blobs[blob.digest]
        path = self.store.blob_path(blob.digest)
        problem = ""
        if not path.exists():
            problem = f"blob {blob.digest} is missing"
        else:
            try:
                for _ in verified(read_chunks(path), blob):
                    pass
            except ImageError as error:
                problem = error.sentence
                if self.repair:
                    path.unlink(missing_ok=True)
        if problem:
            self.find(f"{problem}; pull the image again")
        self.blobs[blob.digest] = not problem
        return not problem

    def _layer(self, layer: Descriptor, diff_id: Digest, chain: Digest) -> str:
        """The problem of an unpacked layer; "" if there is none or if it was already reported."""
        if chain in self.layers:
            return ""
        self.layers[chain] = problem = self._verify(layer, diff_id, chain)
        return problem

    def _verify(self, layer: Descriptor, diff_id: Digest, chain: Digest) -> str:
        if not self.store.has_layer(chain):
            return "it is missing"
        root = os.open(self.store.layer_path(chain), os.O_RDONLY | os.O_DIRECTORY)
        try:
            chunks = read_chunks(self.store.blob_path(layer.digest))
            return verify_layer(chunks, layer, diff_id, root)
        finally:
            os.close(root)

    def _drop(self, chain: Digest) -> str:
        lock = self.store.lock(f"layer-{chain.hex}")
        lock.acquire()
        try:
            self.store.database.remove_layer(chain)
            self.store.discard(self.store.layers / chain.hex)
        finally:
            lock.release()
        return "unpacked again"

    def _unpack_again(self, record: ImageRecord, manifest: Manifest) -> None:
        source = LayoutSource.of(self.store.layout, manifest.descriptor)
        platform = Platform(record.os, record.architecture, record.variant)
        Puller(self.store, Reporter()).pull(source, platform, [])

    def _names(self) -> None:
        problem = ""
        with self.store.database.transaction():
            known = {(name, manifest) for name, manifest, _ in self.store.database.names()}
            try:
                listed = {(name, entry.digest) for name, entry in self.store.layout.names() if name}
            except ImageError as error:
                problem = error.sentence
            else:
                if listed != known:
                    problem = "index.json does not list the same names as the database"

        def mend() -> str:
            self.store.renew_layout()
            return "written again"

        if problem:
            self.find(problem, mend)

    def _rubbish(self) -> None:
        """Ends the leases of dead processes. With ``repair``, also removes files that nothing
        needs. Neither is reported as damage."""
        with self.store.database.transaction():
            living_leases(self.store)
        if self.repair:
            collect(self.store)


def rebuilt(root: "os.PathLike[str]", reporter: Reporter) -> Store:
    """Opens a store whose database cannot be read, with a new database made from index.json.

    The old database file is renamed and kept. Layers are unpacked again from their blobs.
    """
    base = os.fspath(root)
    aside = f"{base}/store.db.damaged-{os.urandom(4).hex()}"
    os.rename(f"{base}/store.db", aside)
    for suffix in ("-wal", "-shm"):
        if os.path.exists(f"{base}/store.db{suffix}"):
            os.unlink(f"{base}/store.db{suffix}")
    store = Store(Path(base))
    reporter.warn(f"the database could not be read; it is kept as {aside}")
    for name, entry in store.layout.names():
        try:
            source = LayoutSource.of(store.layout, entry)
            wanted = entry.platform or Platform.host()
            Puller(store, Reporter()).pull(source, wanted, [name] if name else [], explicit=False)
        except HutchError as error:
            reporter.warn(f"{name or entry.digest}: {error.sentence}")
    return store


def names_but(folder: Path, known: set[str]) -> list[str]:
    """The names in a folder that are not known, sorted; none if there is no such folder."""
    return sorted(set(os.listdir(folder)) - known) if folder.is_dir() else []
