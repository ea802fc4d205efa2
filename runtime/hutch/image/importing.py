"""Makes an image with one layer from a tar archive of a root file system."""

import hashlib
import json
import os
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from hutch.errors import UsageError, shown
from hutch.image.digest import Digest
from hutch.image.documents import ConfigDocument, Execution, ManifestDocument
from hutch.image.errors import ImageError, storage_error
from hutch.image.inflate import archive_compression, inflate, inflate_archive
from hutch.image.layout import READ, read_chunks
from hutch.image.limits import Budget
from hutch.image.manifest import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, Descriptor
from hutch.image.platform import Platform

GZIP_LEVEL = 2  # of isal's 0 to 3, and of zlib's 0 to 9
Instruction = Callable[[Execution, str], None]


class Compressor(Protocol):
    """The interface of zlib's compressors, and of isal's."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def gzip_compressor() -> Compressor:
    """What makes a gzip stream: isal, otherwise zlib."""
    try:
        from isal import isal_zlib as library
    except ImportError:
        import zlib as library  # type: ignore[no-redef]

    return library.compressobj(GZIP_LEVEL, library.DEFLATED, 31)


class Readable(Protocol):
    """A source of bytes that an archive can be read from."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; b"" at the end."""


class ImportedSource:
    """The archive as an image. See ``source.Source``. ``scratch`` is the path of a temporary copy,
    which ``close`` removes."""

    def __init__(
        self,
        archive: Readable,
        scratch: Path,
        platform: Platform,
        execution: Execution,
        message: str,
    ) -> None:
        self._path = scratch
        try:
            layer, diff_id = self._copy(archive)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise storage_error(f"copy the archive to {scratch.parent}", error.errno) from None
            raise
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        config: ConfigDocument = {
            **platform.json(),
            "created": created,
            "config": execution,
            "rootfs": {"type": "layers", "diff_ids": [str(diff_id)]},
            "history": [{"created": created, "created_by": "warren import", "comment": message}],
        }
        self._config = json.dumps(config).encode()
        descriptor = Descriptor(OCI_CONFIG, Digest.of(self._config), len(self._config))
        manifest: ManifestDocument = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor.json(),
            "layers": [layer.json()],
        }
        self._manifest = json.dumps(manifest).encode()

    def _copy(self, archive: Readable) -> tuple[Descriptor, Digest]:
        """Copies the archive as a layer: unchanged if it is gzip or zstd, otherwise compressed with
        gzip. Returns the layer's descriptor and diffID."""
        head = archive.read(READ)
        if not head:
            raise ImageError("the archive is empty: it has no bytes")
        kind = archive_compression(head)
        chunks = self._chunks(head, archive)
        plain, blob = hashlib.sha256(), hashlib.sha256()
        budget = Budget()
        size = 0
        with open(self._path, "xb") as file:

            def keep(data: bytes) -> None:
                nonlocal size
                blob.update(data)
                size += len(data)
                budget.consume(len(data))
                file.write(data)

            if kind not in ("gzip", "zstd"):
                packer = gzip_compressor()
                next(chunks, b"")  # the head
                for chunk in inflate_archive(head, chunks):
                    plain.update(chunk)
                    keep(packer.compress(chunk))
                keep(packer.flush())
            else:

                def kept() -> Iterator[bytes]:
                    for chunk in chunks:
                        keep(chunk)
                        yield chunk

                for chunk in inflate(kept(), kind):
                    budget.produce(len(chunk))
                    plain.update(chunk)
        suffix = "+zstd" if kind == "zstd" else "+gzip"
        digest = Digest("sha256", blob.hexdigest())
        return Descriptor(OCI_LAYER + suffix, digest, size), Digest("sha256", plain.hexdigest())

    @staticmethod
    def _chunks(head: bytes, archive: Readable) -> Iterator[bytes]:
        while head:
            yield head
            head = archive.read(READ)

    def top(self) -> tuple[bytes, str]:
        """See ``Source``."""
        return self._manifest, OCI_MANIFEST

    def document(self, descriptor: Descriptor, limit: int) -> bytes:
        """See ``Source``."""
        return self._config

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See ``Source``."""
        return read_chunks(self._path, offset)

    def close(self) -> None:
        """See ``Source``."""
        if os.path.exists(self._path):
            os.unlink(self._path)


def execution(changes: list[str]) -> Execution:
    """The config that the Dockerfile instructions of ``--change`` describe. Raises UsageError."""
    config: Execution = {}
    for change in changes:
        word, _, rest = change.strip().partition(" ")
        rest = rest.strip()
        apply = INSTRUCTIONS.get(word.upper())
        if apply is None or not rest:
            hint = "one of " + ", ".join(sorted(INSTRUCTIONS))
            raise UsageError(f"--change {shown(change)}: not an instruction", hint=hint)
        try:
            apply(config, rest)
        except ValueError as error:
            raise UsageError(f"--change {shown(change)}: {error}") from None
    return config


def _command(text: str) -> list[str]:
    """The arguments of a command: the exec form, which is a JSON list, or the shell form."""
    if text.startswith("["):
        words = json.loads(text)
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError("must be a list of strings")
        return words
    return ["/bin/sh", "-c", text]


def _pairs(text: str) -> list[str]:
    """The pairs KEY=VALUE in ``KEY=VALUE …`` or ``KEY VALUE``. Raises ValueError."""
    words = shlex.split(text)
    if words and "=" not in words[0]:
        return ["=".join(text.split(None, 1))]
    if not all("=" in word for word in words):
        raise ValueError("must be KEY=VALUE")
    return words


def _set_env(config: Execution, text: str) -> None:
    config.setdefault("Env", []).extend(_pairs(text))


def _set_label(config: Execution, text: str) -> None:
    for pair in _pairs(text):
        key, _, value = pair.partition("=")
        config.setdefault("Labels", {})[key] = value


def _set_ports(config: Execution, text: str) -> None:
    for word in text.split():
        config.setdefault("ExposedPorts", {})[word if "/" in word else word + "/tcp"] = {}


def _set_volumes(config: Execution, text: str) -> None:
    words = json.loads(text) if text.startswith("[") else text.split()
    config.setdefault("Volumes", {}).update({str(word): {} for word in words})


INSTRUCTIONS: dict[str, Instruction] = {
    "CMD": lambda config, text: config.update({"Cmd": _command(text)}),
    "ENTRYPOINT": lambda config, text: config.update({"Entrypoint": _command(text)}),
    "ENV": _set_env,
    "EXPOSE": _set_ports,
    "LABEL": _set_label,
    "STOPSIGNAL": lambda config, text: config.update({"StopSignal": text}),
    "USER": lambda config, text: config.update({"User": text}),
    "VOLUME": _set_volumes,
    "WORKDIR": lambda config, text: config.update({"WorkingDir": text}),
}
