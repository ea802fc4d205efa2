"""Pulls an image from a source into the store.

Several layers are downloaded at the same time, each in its own pipeline (``layer.py``), and
unpacked into work folders. When all layers below a layer are complete, the layer is completed too
(``lower_layers.py``). It becomes visible in the same transaction that adds its row to the database.
At the end, another transaction adds the image and its name.

If two processes pull the same layer, the second waits for the lock on its chain ID, and then uses
the finished layer. The lock of the chain is taken before that of the blob, and a process that holds
the lock of a blob never waits for another lock, so there is no deadlock.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from hutch.errors import HutchError
from hutch.image.collect import collected_if_bad
from hutch.image.database import ImageRecord, LayerRecord
from hutch.image.digest import Digest, chain_ids
from hutch.image.errors import ImageError, explaining_full_disk
from hutch.image.layer import check_layer, unpack_layer, verified
from hutch.image.layout import read_chunks
from hutch.image.limits import Budget, Limits
from hutch.image.lower_layers import complete, is_opaque
from hutch.image.manifest import Descriptor, ImageConfig, Index, Manifest
from hutch.image.ownership import Ownership
from hutch.image.partial import incoming
from hutch.image.platform import Platform
from hutch.image.progress import Reporter
from hutch.image.source import Source, resolve
from hutch.image.spread import folder_in_new_place
from hutch.image.store import Lock, Store
from hutch.image.tree import Tree
from hutch.image.unpack import Losses, Result
from hutch.image.whiteout import Overlay

PARALLEL = 3


class Stopped(HutchError):
    """This layer was stopped because another layer failed."""


@dataclass(slots=True)
class UnpackedLayer:
    """A layer in its work folder, before the layers below it are complete. If the store already had
    the layer, only ``lock`` is set."""

    lock: Lock
    work: Path | None = None
    root: int = -1
    tree: Tree | None = None
    result: Result | None = None
    new_blob: bool = False


@dataclass(frozen=True, slots=True)
class Pulled:
    """The result of a pull. ``fresh``: whether a blob or a layer was missing in the store."""

    record: ImageRecord
    manifest: Manifest
    top: Digest
    fresh: bool
    losses: Losses


class Puller:
    """One pull into ``store``. At most ``parallel`` layers are downloaded at the same time."""

    def __init__(
        self,
        store: Store,
        reporter: Reporter,
        *,
        limits: Limits | None = None,
        parallel: int = PARALLEL,
    ) -> None:
        self.store = store
        self.reporter = reporter
        self.budget = Budget(limits)
        self.parallel = parallel
        self.ownership = Ownership.current()
        self.overlay = Overlay(
            user_xattr=self.ownership.namespaced or not self.ownership.privileged
        )
        self.losses = Losses()
        self._fresh = False
        self._lease = ""
        self._stop = Event()
        self._failure: BaseException | None = None

    def pull(
        self,
        source: Source,
        wanted: Platform,
        names: list[str],
        *,
        explicit: bool = True,
        repository: str = "",
    ) -> Pulled:
        """Adds the image to the store, under all ``names``.

        ``repository`` is its repository (``registry/path``); "" if it is not from a registry.
        Raises RegistryError and KernelError; then the next pull continues with what was downloaded.
        Raises ImageError; then what was downloaded is removed.
        """
        manifest, config, index = resolve(source, wanted, explicit=explicit)
        chains = chain_ids(config.diff_ids)
        small = self._small(manifest, config, index)
        blobs = [*small, *(layer.digest for layer in manifest.layers)]
        items = [str(blob) for blob in blobs] + [f"layer:{chain}" for chain in chains]
        with ExitStack() as stack:
            stack.enter_context(explaining_full_disk(f"the store {self.store.root}"))
            stack.enter_context(collected_if_bad(self.store, items))
            self._lease = stack.enter_context(self.store.lease())
            self.store.database.lease(self._lease, items)
            self._layers(source, manifest, config.diff_ids, chains)
            for digest, data in small.items():
                self.store.add_blob(digest, data)
            record = self._record(manifest, config, chains)
            top = Digest.of(index.raw) if index else manifest.digest
            with self.store.naming():
                self.store.database.add_image(record, blobs, chains)
                for name in names:
                    self.store.database.set_name(name, manifest.digest, top)
                if repository:
                    layers = [layer.digest for layer in manifest.layers]
                    self.store.database.add_seen([*layers, manifest.config.digest], repository)
        return Pulled(record, manifest, top, self._fresh, self.losses)

    @staticmethod
    def _small(manifest: Manifest, config: ImageConfig, index: Index | None) -> dict[Digest, bytes]:
        """The documents to store. They include the index, because its digest may be used as a
        name and its bytes may be pushed."""
        small = {manifest.config.digest: config.raw, manifest.digest: manifest.raw}
        if index is not None:
            small[Digest.of(index.raw)] = index.raw
        return small

    def _record(self, manifest: Manifest, config: ImageConfig, chains: list[Digest]) -> ImageRecord:
        created = config.document.get("created")
        sizes = [layer.size for c in chains if (layer := self.store.database.layer(c)) is not None]
        return ImageRecord(
            manifest.digest, manifest.media_type, len(manifest.raw), manifest.config.digest,
            config.platform.os, config.platform.architecture, config.platform.variant,
            created if isinstance(created, str) else "", sum(sizes), time.time(),
        )  # fmt: skip

    def _layers(
        self, source: Source, manifest: Manifest, diff_ids: list[Digest], chains: list[Digest]
    ) -> None:
        """Adds all layers to the store: unpacks them in any order, and then completes them, the
        lowest first."""
        pool = ThreadPoolExecutor(self.parallel, thread_name_prefix="layer")
        waiting: dict[int, Callable[[bool], UnpackedLayer | None]] = {}
        unpacked: dict[int, Future[UnpackedLayer | None]] = {}
        opened: list[UnpackedLayer] = []
        try:
            for place, layer in enumerate(manifest.layers):
                self.reporter.layer(layer.digest, layer.size, "Waiting")
                waiting[place] = self._task(source, layer, diff_ids[place], chains[place], opened)
                # First without waiting for the locks of other processes, so that the layers that
                # no other process is pulling are pulled at once.
                unpacked[place] = pool.submit(waiting[place], False)
            for place, layer in enumerate(manifest.layers):
                done = unpacked[place].result()
                if done is None:
                    done = pool.submit(waiting[place], True).result()
                assert done is not None
                self._settle(done, layer, diff_ids[place], chains, place)
        except KeyboardInterrupt:
            # The process ends now. Its threads may leave files, like those of a killed pull.
            self._stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        except Stopped:
            assert self._failure is not None
            raise self._failure from None
        except BaseException:
            self._stop.set()
            raise
        finally:
            if not isinstance(sys.exc_info()[1], KeyboardInterrupt):
                pool.shutdown(wait=True, cancel_futures=True)
                for rest in opened:
                    self._abandon(rest)

    def _task(
        self,
        source: Source,
        layer: Descriptor,
        diff_id: Digest,
        chain: Digest,
        opened: list[UnpackedLayer],
    ) -> Callable[[bool], UnpackedLayer | None]:
        def task(wait: bool) -> UnpackedLayer | None:
            """Unpacks the layer. None if another process is pulling it and ``wait`` is False."""
            unpacked = UnpackedLayer(self.store.lock(f"layer-{chain.hex}"))
            if not unpacked.lock.acquire(wait=wait):
                self.reporter.layer(layer.digest, layer.size, "Waiting for another pull")
                return None
            opened.append(unpacked)
            present = self.store.has_layer(chain)
            if present and self.store.has_blob(layer.digest):
                self.reporter.done(layer.digest, "Already exists")
                return unpacked
            self._fresh = True
            try:
                self._fetch(source, layer, diff_id, unpacked, unpack=not present)
            except Stopped:
                raise
            except BaseException as error:
                self._failure = self._failure or error
                self._stop.set()
                raise
            return unpacked

        return task

    def _fetch(
        self,
        source: Source,
        layer: Descriptor,
        diff_id: Digest,
        unpacked: UnpackedLayer,
        *,
        unpack: bool,
    ) -> None:
        """Downloads the blob if it is missing, and unpacks it at the same time.

        A blob, or a part of it, that was in the store already may be damaged. Then it is deleted
        and downloaded again, once.
        """
        blob_lock = self.store.lock(f"blob-{layer.digest.hex}")
        blob_lock.acquire()
        try:
            partial = self.store.partial_path(layer.digest)
            for last in (False, True):
                unpacked.new_blob = not self.store.has_blob(layer.digest)
                fresh = unpacked.new_blob and not partial.exists()
                try:
                    self.reporter.layer(layer.digest, layer.size, "Downloading")
                    chunks = (
                        incoming(source, layer, partial, self.reporter)
                        if unpacked.new_blob
                        else verified(read_chunks(self.store.blob_path(layer.digest)), layer)
                    )
                    chunks = self._unless_stopped(chunks)
                    if unpack:
                        self._unpack(chunks, layer, diff_id, unpacked)
                    else:
                        check_layer(chunks, layer, diff_id, self.budget)
                    break
                except ImageError:
                    self._discard_work(unpacked)
                    partial.unlink(missing_ok=True)  # a wrong blob, so there is nothing to resume
                    if last or fresh:
                        raise
                    self.store.blob_path(layer.digest).unlink(missing_ok=True)
            if unpacked.new_blob:
                self.store.publish_blob(layer.digest)
        finally:
            blob_lock.release()

    def _unless_stopped(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The same chunks. Raises Stopped when another layer has failed."""
        for chunk in chunks:
            if self._stop.is_set():
                raise Stopped("another layer failed")
            yield chunk

    def _unpack(
        self, chunks: Iterator[bytes], layer: Descriptor, diff_id: Digest, unpacked: UnpackedLayer
    ) -> None:
        unpacked.work = folder_in_new_place(self.store.work, self._lease)
        (unpacked.work / "diff").mkdir()
        (unpacked.work / "diff").chmod(0o755)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        unpacked.root = os.open(unpacked.work / "diff", flags)
        unpacked.tree, unpacked.result = unpack_layer(
            chunks, layer, diff_id, unpacked.root, self.overlay, self.budget, self.ownership
        )

    def _settle(
        self,
        unpacked: UnpackedLayer,
        layer: Descriptor,
        diff_id: Digest,
        chains: list[Digest],
        place: int,
    ) -> None:
        """Completes a layer and makes it visible. The layers below it are already in the store."""
        chain = chains[place]
        tree, result = unpacked.tree, unpacked.result
        if unpacked.work is not None and tree is not None and result is not None:
            with ExitStack() as stack:
                roots = []
                if tree.folders.any or is_opaque(unpacked.root):
                    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                    for below in reversed(chains[:place]):
                        roots.append(os.open(self.store.layer_path(below), flags))
                        stack.callback(os.close, roots[-1])
                complete(tree, roots, self.overlay, privileged=self.ownership.privileged)
            # A pull that was killed before its commit may have left this folder.
            self.store.discard(self.store.layers / chain.hex)
            with self.store.database.transaction():
                self.store.database.add_layer(
                    LayerRecord(chain, diff_id, layer.digest, result.size, result.entries)
                )
                os.rename(unpacked.work, self.store.layers / chain.hex)
            unpacked.work = None
            for field in ("owners", "devices", "xattrs"):
                lost = getattr(self.losses, field) + getattr(result.losses, field)
                setattr(self.losses, field, lost)
            self.reporter.done(layer.digest, "Pull complete")
        self._abandon(unpacked)

    def _discard_work(self, unpacked: UnpackedLayer) -> None:
        if unpacked.root >= 0:
            os.close(unpacked.root)
            unpacked.root = -1
        if unpacked.work is not None:
            self.store.discard(unpacked.work)
            unpacked.work = None

    def _abandon(self, unpacked: UnpackedLayer) -> None:
        """Releases a layer's lock and removes its work folder."""
        self._discard_work(unpacked)
        unpacked.lock.release()
