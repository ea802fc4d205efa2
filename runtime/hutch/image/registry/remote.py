"""An image of a registry as a source. The registry's mirrors are asked first."""

from collections.abc import Callable, Iterator

from hutch.image.errors import RegistryError
from hutch.image.manifest import Descriptor
from hutch.image.progress import Reporter
from hutch.image.reference import Reference
from hutch.image.registry.client import Registry
from hutch.image.registry.credentials import Credentials, find
from hutch.image.settings import Settings


class RegistrySource:
    """See ``source.Source``. ``reference`` is complete. ``connect`` returns a client for a host and
    a path."""

    def __init__(
        self,
        reference: Reference,
        mirrors: list[str],
        connect: Callable[[str, str], Registry],
        reporter: Reporter,
    ) -> None:
        self.reference = reference
        self._connect = connect
        self._reporter = reporter
        self._places = [self._split(mirror) for mirror in mirrors]
        self._places.append((reference.registry, reference.path))
        self._registries: dict[str, Registry] = {}
        self._top: tuple[bytes, str] | None = None

    def _split(self, mirror: str) -> tuple[str, str]:
        host, _, prefix = mirror.partition("/")
        return host, f"{prefix}/{self.reference.path}" if prefix else self.reference.path

    def registry(self, host: str, path: str) -> Registry:
        if host not in self._registries:
            self._registries[host] = self._connect(host, path)
        return self._registries[host]

    def top(self) -> tuple[bytes, str]:
        """See ``Source``. A mirror that fails is skipped, for the blobs too."""
        while self._top is None:
            host, path = self._places[0]
            try:
                self._top = self.registry(host, path).manifest(path, self.reference.selector)
            except RegistryError as error:
                self._next(error)
        return self._top

    def _next(self, error: RegistryError) -> None:
        """Continues with the next mirror, or after the last one with the registry itself. Raises
        ``error`` if it came from the registry."""
        if len(self._places) == 1:
            raise error
        host, _ = self._places.pop(0)
        self._reporter.note(f"mirror {host} is skipped: {error.sentence}")

    def document(self, descriptor: Descriptor, limit: int) -> bytes:
        """See ``Source``."""
        while True:
            host, path = self._places[0]
            registry = self.registry(host, path)
            try:
                if "manifest" in descriptor.media_type or "index" in descriptor.media_type:
                    return registry.manifest(path, str(descriptor.digest))[0]
                return b"".join(registry.blob(path, descriptor))[: limit + 1]
            except RegistryError as error:
                self._next(error)

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See ``Source``. If a mirror fails within a blob, the next one sends the rest."""
        while True:
            host, path = self._places[0]
            try:
                for chunk in self.registry(host, path).blob(path, descriptor, offset):
                    offset += len(chunk)
                    yield chunk
                return
            except RegistryError as error:
                if self._places[0] == (host, path):
                    self._next(error)

    def close(self) -> None:
        """See ``Source``."""
        for registry in self._registries.values():
            registry.close()


def connector(
    settings: Settings,
    *,
    credentials: Credentials | None = None,
    authfile: str = "",
    certificates: str = "",
    verify: bool | None = None,
    reporter: Reporter | None = None,
) -> Callable[[str, str], Registry]:
    """A function that makes clients for registries, as the configuration says. ``verify`` (from
    --tls-verify) overrides the configuration. Retries are reported to ``reporter``."""

    def connect(host: str, path: str) -> Registry:
        own = settings.registry(host)
        if verify is not None:
            own = own._replace(insecure=not verify)
        given = credentials or find(host, path, authfile)
        return Registry(host, own, given, certificates, reporter)

    return connect
