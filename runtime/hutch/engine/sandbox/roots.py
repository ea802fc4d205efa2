"""The root file system of a sandbox: the layers below its scratch layer, and the image's settings.

What was found for an image is kept for the next call. It is looked up again when a name in the
store has changed: then the store's index.json is another file. While this process lives, a lease in
the store keeps the layers from being removed.
"""

import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

from hutch.engine.sandbox.settings import Settings, Source
from hutch.errors import KernelError, UsageError, shown
from hutch.image import users
from hutch.image.documents import Execution
from hutch.image.lower_layers import find
from hutch.image.whiteout import Overlay
from hutch.images.store import Store

NOBODY = 65534  # the overflow id, which owns no file
USER_FILES = (b"etc/passwd", b"etc/group")
LIMIT = 1 << 20  # bytes of such a file


@dataclass(slots=True)
class Root:
    """The ``layers`` are directories, the topmost first. ``execution`` is the image's config."""

    layers: list[str]
    execution: Execution
    found: dict[str, tuple[int, int, list[int], str]] = field(default_factory=dict)

    def user(self, name: str) -> tuple[int, int, list[int], str]:
        """uid, gid, additional gids and home of ``UID``, ``NAME``, ``NAME:GROUP``. Raises
        ImageError if the image does not have the name."""
        if name not in self.found:
            self.found[name] = _resolve(self.layers, name)
        return self.found[name]


class _Stores:
    """The stores that this process has open, with what was found in them."""

    def __init__(self) -> None:
        self.pid = 0
        self.lock = RLock()
        self.open: dict[str, tuple[Store, ExitStack]] = {}
        self.roots: dict[tuple[str, str], tuple[object, Root]] = {}

    def root(self, settings: Settings) -> Root:
        with self.lock:
            if self.pid != os.getpid():
                # A child made by fork(2) may not use its parent's connection to SQLite.
                self.pid, self.open, self.roots = os.getpid(), {}, {}
            where, image = os.fspath(settings.store or ""), os.fspath(settings.image)
            store, leases = self._store(where)
            key = where, image
            if settings.pull != "always" and key in self.roots:
                version, root = self.roots[key]
                if version == _version(store):
                    return root
            root = _find(store, leases, image, settings.pull)
            self.roots[key] = _version(store), root
            return root

    def _store(self, where: str) -> tuple[Store, ExitStack]:
        if where not in self.open:
            self.open[where] = Store(where or None), ExitStack()
        return self.open[where]


_STORES = _Stores()


def root_of(settings: Settings) -> Root:
    """The root file system of an image, or of a directory: a path that starts with "/" or ".", or
    an object of pathlib. Raises ImageError, RegistryError, UsageError, KernelError."""
    image = settings.image
    if not isinstance(image, str) or image.startswith(("/", ".")):
        return _directory(image)
    return _STORES.root(settings)


def _directory(path: Source) -> Root:
    folder = os.path.abspath(path)
    if not os.path.isdir(folder):
        raise UsageError(f"{shown(os.fspath(path))} is not a directory")
    return Root([folder], {})


def _version(store: Store) -> object:
    try:
        status = os.stat(store.files.layout_root / "index.json")
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _find(store: Store, leases: ExitStack, name: str, pull: str) -> Root:
    from hutch.image.errors import ImageNotFound

    image = None
    if pull != "always":
        try:
            image = store.find(name)
        except (ImageNotFound, UsageError):
            if pull == "never":
                raise
    if image is None:
        image = store.pull(name).image
    layers = image.layers
    lease = leases.enter_context(store.files.lease())
    store.files.database.lease(lease, [f"layer:{layer.chain_id}" for layer in layers])
    return Root([str(layer.directory) for layer in reversed(layers)], image.config.checked())


def _resolve(layers: list[str], name: str) -> tuple[int, int, list[int], str]:
    """Reads the files of users. The image is not mounted anywhere yet: if it has several layers,
    the files are copied to a directory, as the topmost layers have them."""
    opened: list[int] = []
    try:
        for layer in layers:
            opened.append(os.open(layer, os.O_RDONLY | os.O_DIRECTORY))
        if len(opened) == 1:
            return _resolve_in(opened[0], name)
        with tempfile.TemporaryDirectory(prefix="hutch-") as folder:
            os.mkdir(folder + "/etc")
            for path in USER_FILES:
                _copy(opened, path, Path(folder) / os.fsdecode(path))
            root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                return _resolve_in(root, name)
            finally:
                os.close(root)
    except OSError as error:
        raise KernelError("look for the user in the image", "open", error.errno) from None
    finally:
        for fd in opened:
            os.close(fd)


def _resolve_in(root: int, name: str) -> tuple[int, int, list[int], str]:
    uid, gid, more = users.resolve(root, name)
    return uid, gid, more, users.home(root, uid)


def _copy(layers: list[int], path: bytes, target: Path) -> None:
    import stat

    found = find(layers, path, Overlay())
    if found is None or not stat.S_ISREG(found.status.st_mode):
        return
    from hutch.kernel.beneath import open_in_root

    source = open_in_root(found.root, path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        target.write_bytes(os.read(source, LIMIT))
    finally:
        os.close(source)
