"""One store's engine: what all its verbs need."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hutch.engine.containers.events import Events
from hutch.engine.containers.places import Places, is_hutch, runtime_root
from hutch.engine.containers.records import Record, Records
from hutch.engine.network.records import Networks
from hutch.engine.volumes import Volumes
from hutch.errors import HutchError
from hutch.image.manifest import ImageConfig
from hutch.image.store import Lock
from hutch.images.store import Store as Images

if TYPE_CHECKING:
    from hutch.container.container import Container
    from hutch.engine.containers.foreign_runtime import ForeignRuntime
    from hutch.engine.pods.records import Pods
    from hutch.engine.timeline import Timeline


def _ignore(warning: HutchError) -> None:
    """Warnings go nowhere unless the caller asks for them."""


class Engine:
    """The containers, volumes and networks of a store.

    ``program`` is the command that calls warren back with this store: conmon runs it, with
    "container", "cleanup" and an id, when a container has ended.
    """

    def __init__(
        self,
        images: Images,
        program: list[str],
        warn: Callable[[HutchError], None] = _ignore,
    ) -> None:
        self.images = images
        self.store = images.files
        self.program = program
        self.warn = warn
        self.records = Records(self.store.database)
        self.volumes = Volumes(self.store)
        self.networks = Networks(self.store.database)
        self.events = Events(self.store.database)
        self._configs: dict[str, ImageConfig] = {}  # by manifest: content does not change
        self.timeline: Timeline | None = None
        # Wait statuses of containers, seen by this process, whose ends are not recorded yet.
        self.statuses: dict[str, int] = {}

    def places(self, record: Record) -> Places:
        return Places.of(self.store, record.id)

    @property
    def pods(self) -> "Pods":
        """The pods: groups of containers that share namespaces."""
        from hutch.engine.pods.records import Pods

        return Pods(self.store)

    def step(self, name: str) -> int:
        """Begins a step of the timeline, if there is one (--trace); when, in nanoseconds."""
        return self.timeline.step(name) if self.timeline is not None else 0

    @contextmanager
    def locked(self, id: str) -> Iterator[None]:
        """Holds the container's lock, which every change needs, but not a wait for its end."""
        lock = self.store.lock("container-" + id)
        lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def attended(self, id: str) -> Lock:
        """The lock that a process holds shared while it waits for the container's end to record it.
        Meanwhile conmon's call-back does not record the end (native/engine/ended.c)."""
        return self.store.lock("attended-" + id)

    @contextmanager
    def attending(self, id: str) -> Iterator[None]:
        """The caller records the container's end itself."""
        lock = self.attended(id)
        lock.acquire(shared=True)
        try:
            yield
        finally:
            lock.release()

    def image_config(self, record: Record) -> ImageConfig:
        """The config of the container's image. Raises ImageError."""
        from hutch.image.digest import Digest
        from hutch.image.errors import ImageNotFound
        from hutch.image.stored_image import documents

        if record.manifest not in self._configs:
            image = self.store.database.image(Digest.parse(record.manifest))
            if image is None:
                raise ImageNotFound(record.options.image, hint="pull it again")
            self._configs[record.manifest] = documents(self.store, image)[1]
        return self._configs[record.manifest]

    def runtime(self, record: Record) -> "Container | ForeignRuntime":
        """The container as hutch, or the runtime of --runtime, knows it."""
        wanted, root = record.options.runtime, self.store.root
        if not is_hutch(wanted):
            from hutch.engine.containers.conmon import hutch_program
            from hutch.engine.containers.foreign_runtime import ForeignRuntime

            return ForeignRuntime(record.id, hutch_program(wanted), runtime_root(root, wanted))
        from hutch.container.container import Container

        return Container(record.id, runtime_root(root))
