"""The store of images and its methods."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, NamedTuple

from hutch.errors import KernelError, UsageError, shown
from hutch.image import catalog
from hutch.image.digest import Digest
from hutch.image.errors import ImageError, ImageNotFound, RegistryError, explaining_full_disk
from hutch.image.platform import Platform
from hutch.image.progress import Reporter
from hutch.image.reference import LOCAL, Reference, is_tag, resolve_remote
from hutch.image.settings import Settings, load
from hutch.image.store import Store as Files
from hutch.image.store import default_root
from hutch.image.stored_image import StoredSource
from hutch.images.image import Image
from hutch.images.registries import Access, connect

if TYPE_CHECKING:
    from hutch.image.check import Checker
    from hutch.image.registry import Registry
    from hutch.image.source import Source
    from hutch.image.usage import Part


class Pulled(NamedTuple):
    """The result of a pull. ``name`` is the complete name that was pulled, ``names`` are the names
    that the image got. ``digest`` is that of the index or manifest that the name stands for.
    ``fresh`` says whether anything was downloaded."""

    image: Image
    name: str
    names: list[str]
    digest: Digest
    fresh: bool


class Pushed(NamedTuple):
    """The result of a push: the complete name, and digest and size (bytes) of the manifest."""

    name: Reference
    digest: Digest
    size: int


class Store:
    """The images in one directory.

    ``root`` is the directory; it is made if it is missing (None: /var/lib/hutch for root,
    ~/.local/share/hutch for others). ``settings`` is the configuration or the path of its file
    ("": the default files). ``access`` is used for registries. ``reporter`` receives progress and
    warnings. The methods raise KernelError if the store cannot be opened, and StoreDamaged if its
    database cannot be read. Several processes may use one store at the same time.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        *,
        settings: Settings | str = "",
        access: Access = Access(),  # noqa: B008 - frozen
        reporter: Reporter | None = None,
    ) -> None:
        self._settings = settings
        self.access = access
        self.reporter = reporter or Reporter()
        self.root = Path(root) if root is not None else default_root()

    @cached_property
    def files(self) -> Files:
        """The store on disk. It is opened when it is first used, because some methods, such as
        ``make_bundle`` of a local image, do not use it."""
        return Files(self.root)

    @cached_property
    def settings(self) -> Settings:
        """The configuration. Raises UsageError if it is wrong."""
        return load(self._settings) if isinstance(self._settings, str) else self._settings

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the database."""
        if "files" in vars(self):
            self.files.close()

    # The content of the store
    def images(self) -> list[Image]:
        """All images, the newest first, once for each name. ``name`` is "" if there is none."""
        found = []
        for record in self.files.database.images():
            names = self.files.database.names_of(record.manifest)
            found += [Image(self, record, name) for name in names or [""]]
        return found

    def find(self, name: str) -> Image:
        """The image with this name, or whose id begins with ``name`` (at least two digits).

        Raises ImageNotFound, and ImageError if ``name`` can mean several images.
        """
        named = catalog.find(self.files, self.settings, name)
        return Image(self, named.record, named.name)

    def usage(self) -> "list[Part]":
        """The number and the size of images, layers, blobs and unfinished downloads."""
        from hutch.image.usage import usage

        return usage(self.files)

    # From and to registries

    def pull(self, name: str, *, platform: str | Platform | None = None) -> Pulled:
        """Gets an image from a registry or from a local place such as ``oci:FOLDER:NAME``.

        ``platform`` has the form ``linux/arm64``; None means the platform of this machine. Layers
        that are in the store are not downloaded again, and an unfinished download of an earlier
        pull is continued. Raises RegistryError, ImageError, UsageError, KernelError.
        """
        from hutch.image.transports import image_names, is_local, open_local

        if is_local(name):
            with closing(open_local(name)) as source:
                return self._bring(source, platform, name, image_names(name, source))
        reference = resolve_remote(name, self.settings.search, self.settings.aliases)
        if reference.repository != Reference.parse(name).repository:
            self.reporter.note(f"{name} is {reference}")
        return self._pull(reference, platform)

    def pull_tags(self, repository: str, *, platform: str | Platform | None = None) -> list[Pulled]:
        """Pulls every tag of a repository of a registry. Raises the errors of ``pull``."""
        given = Reference.parse(repository)
        if given.tag + given.selector:
            raise UsageError("a tag cannot be used with --all-tags")
        reference = resolve_remote(repository, self.settings.search, self.settings.aliases)
        if reference.repository != given.repository:
            self.reporter.note(f"{repository} is {reference}")
        done = []
        for tag in self.tags(reference.repository):
            one = reference._replace(tag=tag)
            self.reporter.note(f"Pulling {one}")
            done.append(self._pull(one, platform))
        return done

    def tags(self, repository: str) -> list[str]:
        """The tags that a repository has in its registry. Raises RegistryError, UsageError."""
        reference = resolve_remote(repository, self.settings.search, self.settings.aliases)
        with closing(self._connect(reference.registry, reference.path)) as registry:
            tags = registry.tags(reference.path)
        for tag in tags:
            if not is_tag(tag):
                raise RegistryError(f"{reference.registry}: {shown(tag)} is not a tag")
        return tags

    def push(self, name: str, target: str = "") -> Pushed:
        """Uploads an image to the registry in its name, or under the name ``target``.

        Raises ImageNotFound, RegistryError, UsageError.
        """
        image = self.find(name)
        if target:
            reference = resolve_remote(target, self.settings.search, self.settings.aliases)
            return self._push(image, reference)
        if not image.name or "@" in image.name:
            raise UsageError("an image without a tag needs the name to push it to")
        reference = Reference.parse(image.name)
        if reference.registry == LOCAL:
            raise UsageError(
                f"{image.name} is an image of this machine, it has no registry",
                hint=f"warren push {name} REGISTRY/{reference.path}:{reference.tag}",
            )
        return self._push(image, reference._replace(digest=None))

    def push_tags(self, repository: str) -> Iterator[Pushed]:
        """Uploads every tag that a repository has in the store, one at each step of the iterator.

        Raises the errors of ``push``.
        """
        given = resolve_remote(repository, self.settings.search, self.settings.aliases)
        if Reference.parse(repository).tag:
            raise UsageError("--all-tags takes the name of a repository, and nothing else")
        found = [
            (image, reference)
            for image in self.images()
            if image.name and (reference := Reference.parse(image.name)).tag
            if reference.repository == given.repository
        ]
        if not found:
            raise ImageNotFound(repository)
        for image, reference in found:
            yield self._push(image, reference)

    def _connect(self, host: str, path: str) -> "Registry":
        return connect(host, path, self.settings, self.access, self.reporter)

    def _pull(self, reference: Reference, platform: str | Platform | None) -> Pulled:
        """Pulls one image of a registry; ``reference`` is its complete name."""
        from hutch.image.registry.remote import RegistrySource

        mirrors = list(self.settings.registry(reference.registry).mirrors)
        # As with Docker, NAME:TAG@DIGEST does not change the tag in the store: in the registry the
        # tag may now stand for another image.
        digest = reference.digest
        own = catalog.digest_name(reference, str(digest)) if digest else str(reference)
        source = RegistrySource(reference, mirrors, self._connect, self.reporter)
        with closing(source):
            return self._bring(source, platform, str(reference), [own], reference.repository)

    def add(self, source: "Source", name: str = "") -> Image:
        """Adds an image for this machine from ``source``, under the name ``name`` ("" for none).

        Raises UsageError, ImageError, KernelError.
        """
        names = [str(catalog.parse_name(name))] if name else []
        return self._bring(source, None, name, names).image

    def _bring(
        self,
        source: "Source",
        platform: str | Platform | None,
        name: str,
        names: list[str],
        repository: str = "",
    ) -> Pulled:
        from hutch.image.pull import Puller

        limits, parallel = self.settings.limits, self.settings.parallel
        puller = Puller(self.files, self.reporter, limits=limits, parallel=parallel)
        wanted, explicit = _platform(platform)
        pulled = puller.pull(source, wanted, names, explicit=explicit, repository=repository)
        self._warn_of(pulled.losses.sentence())
        image = Image(self, pulled.record, names[0] if names else "")
        return Pulled(image, name, names, pulled.top, pulled.fresh)

    def _warn_of(self, losses: str) -> None:
        if losses:
            self.reporter.warn(losses)

    def _push(self, image: Image, target: Reference) -> Pushed:
        from hutch.image.push import push

        manifest = image.manifest
        with _repair_hint(), closing(self._connect(target.registry, target.path)) as registry:
            push(self.files, manifest, target, registry, self.reporter)
        return Pushed(target, manifest.digest, len(manifest.raw))

    # From and to files

    def copy_to(self, name: str, target: str) -> str:
        """Copies an image to a place or engine of hutch/image/destinations.py; returns its name
        there. Raises ImageNotFound, ImageError (if the engine refuses it), UsageError, KernelError.
        """
        from hutch.image.destinations import copy

        image = catalog.find(self.files, self.settings, name)
        with _repair_hint():
            return copy(self.files, image, target)

    def save(self, names: Iterable[str], output: IO[bytes]) -> None:
        """Writes an archive of images that Docker, podman, skopeo and ``load`` read.

        Raises ImageNotFound, ImageError.
        """
        from hutch.image.save import save

        images = self._named(names)
        with _repair_hint():
            save(self.files, images, output)

    def save_to(self, names: Iterable[str], path: str | os.PathLike[str]) -> None:
        """Does the same as ``save``, to a file that becomes visible when it is complete.

        Raises KernelError too.
        """
        from hutch.image.save import replacing, save

        images = self._named(names)
        with _repair_hint(), _writing(path), replacing(Path(path)) as file:
            save(self.files, images, file)

    def save_layout(self, names: Iterable[str], directory: str | os.PathLike[str]) -> None:
        """Adds images to the OCI image layout in a directory, which is made if it is missing.

        Raises the errors of ``save_to``.
        """
        from hutch.image.save import write_layout

        images = self._named(names)
        with _repair_hint(), _writing(directory):
            write_layout(self.files, images, Path(directory))

    def _named(self, names: Iterable[str]) -> list[catalog.Named]:
        return [catalog.find(self.files, self.settings, name) for name in names]

    def load(
        self, path: str | os.PathLike[str], *, platform: str | Platform | None = None
    ) -> list[Pulled]:
        """Adds all images of an archive, compressed or not, or of an OCI image layout to the store.

        Each image gets its names in the archive. Raises ImageError, KernelError.
        """
        from hutch.image.archive import all_images
        from hutch.image.layout import Layout, LayoutSource

        found: list[tuple[Source, list[str]]]
        if os.path.isdir(path):
            layout = Layout(Path(path))
            found = [
                (LayoutSource.of(layout, entry), [name] if name else [])
                for name, entry in layout.names()
            ]
        else:
            found = [(source, source.names) for source in all_images(Path(path))]
        with ExitStack() as stack:
            list(map(stack.enter_context, (closing(source) for source, _ in found)))
            names = [[str(catalog.parse_name(name)) for name in own] for _, own in found]
            pairs = zip(found, names, strict=True)
            return [self._bring(one[0], platform, str(path), own) for one, own in pairs]

    def import_archive(
        self,
        archive: str | os.PathLike[str] | IO[bytes],
        name: str = "",
        *,
        changes: Iterable[str] = (),
        message: str = "",
        platform: str | Platform | None = None,
    ) -> Image:
        """Makes an image with one layer from a tar archive of a root file system.

        ``archive`` is a path, an http or https address, or an open file. ``changes`` are
        instructions of a Dockerfile (``CMD ["sh"]``, ``ENV A=b``), ``message`` is a comment for the
        history. Raises ImageError, UsageError, KernelError, RegistryError.
        """
        from hutch.image.importing import ImportedSource, Readable, execution
        from hutch.image.layout import open_file

        config = execution(list(changes))
        names = [str(catalog.parse_name(name))] if name else []
        wanted, _ = _platform(platform)
        scratch = self.files.work / f"import-{os.getpid()}-{os.urandom(4).hex()}"
        with ExitStack() as stack:
            if isinstance(archive, str) and archive.startswith(("http://", "https://")):
                from hutch.image.registry.download import opened

                most = self.settings.limits.unpacked_bytes
                file: Readable = stack.enter_context(opened(archive, most, self.reporter))
            elif isinstance(archive, str | os.PathLike):
                fd = open_file(Path(archive), pipes=True)
                file = stack.enter_context(os.fdopen(fd, "rb"))
            else:
                file = archive
            source = ImportedSource(file, scratch, wanted, config, message)
            stack.enter_context(closing(source))
            return self._bring(source, wanted, name, names).image

    def make_bundle(
        self,
        name: str,
        directory: str | os.PathLike[str],
        *,
        pull: str = "missing",
        platform: str | Platform | None = None,
    ) -> None:
        """Makes a bundle of an image (see ``Image.make_bundle``).

        ``pull`` says when the image is pulled first: if it is ``missing``, ``always`` or ``never``.
        An image at a local place is unpacked from that place. Raises the errors of ``pull``.
        """
        from hutch.image.transports import is_local, open_local

        if is_local(name):
            with closing(open_local(name)) as source:
                self._unpack(source, platform, Path(directory))
            return
        image = None
        if pull != "always":
            try:
                image = self.find(name)
            except ImageNotFound:
                if pull == "never":
                    raise
        if image is None:
            image = self.pull(name, platform=platform).image
        self.unpack_image(image, platform, Path(directory))

    def unpack_image(self, image: Image, platform: str | Platform | None, directory: Path) -> None:
        """Makes a bundle of an image of this store. Raises the errors of ``Image.make_bundle``."""
        with _repair_hint():
            self._unpack(StoredSource(self.files, image.record), platform, directory)

    def _unpack(self, source: "Source", platform: str | Platform | None, directory: Path) -> None:
        from hutch.defaults import apparmor
        from hutch.defaults.config import container_config
        from hutch.image.bundle import make_bundle
        from hutch.image.limits import Budget
        from hutch.image.source import resolve

        wanted, explicit = _platform(platform)
        manifest, config, _ = resolve(source, wanted, explicit=explicit)
        if apparmor.enabled() and apparmor.loaded() is False:
            self._warn_of(
                f"{apparmor.NAME}, the AppArmor profile for containers, is not loaded, and the"
                " bundle has no profile; warren system apparmor loads it"
            )
        budget = Budget(self.settings.limits)
        with explaining_full_disk(f"the bundle {directory}", elsewhere="DIR"):
            losses = make_bundle(
                source, manifest, config, directory,
                base=container_config(), reporter=self.reporter, budget=budget,
            )  # fmt: skip
        self._warn_of(losses.sentence())

    # Names, removal, verification
    def tag(self, name: str, new: str) -> str:
        """Gives an image another name and returns the complete name.

        Raises ImageNotFound, UsageError.
        """
        return catalog.tag(self.files, self.settings, name, new)

    def remove(self, name: str, *, force: bool = False) -> list[str]:
        """Removes a name, and the image if this was its last name. Returns the lines that Docker
        prints for what was removed.

        If ``name`` is an id, all names of the image are removed; more than one name needs
        ``force``. Raises ImageNotFound, and ImageError if a container uses the image.
        """
        return catalog.remove(self.files, self.settings, name, force=force)

    def prune(
        self, *, every: bool = False, meant: "Callable[[Image], bool]" = lambda _: True
    ) -> tuple[list[Digest], int]:
        """Removes images without a name, and blobs and layers that no image needs.

        With ``every`` it removes all images that no container uses. Only images for which ``meant``
        returns True are removed. Returns the ids of the removed images, and the number of bytes
        that are now free.
        """
        return catalog.prune(
            self.files, every=every, meant=lambda record: meant(Image(self, record))
        )

    def check(self, *, repair: bool = False) -> "Checker":
        """Verifies everything in the store, and with ``repair`` repairs what it can.

        The result has the ``findings``, and the ``images``, ``layers`` and ``blobs`` that were
        checked.
        """
        from hutch.image.check import Checker

        checker = Checker(self.files, self.reporter, repair=repair)
        checker.run()
        return checker

    def rebuild(self) -> None:
        """Makes a new database from the store's index.json, if the old one cannot be read
        (StoreDamaged). The old database file is renamed and kept."""
        from hutch.image.check import rebuilt

        self.files = rebuilt(self.root, self.reporter)


def _platform(given: str | Platform | None) -> tuple[Platform, bool]:
    """The wanted platform, and whether the caller named it. If so, no other is accepted."""
    if not given:
        return Platform.host(), False
    return (given if isinstance(given, Platform) else Platform.parse(given)), True


@contextmanager
def _repair_hint() -> Iterator[None]:
    """Adds a hint to an ImageError: ``warren system check`` finds and repairs damaged blobs."""
    try:
        yield
    except ImageError as error:
        error.hint = error.hint or "warren system check --repair, then pull the image again"
        raise


@contextmanager
def _writing(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KernelError(f"write {shown(os.fspath(path))}", "write", error.errno) from None
