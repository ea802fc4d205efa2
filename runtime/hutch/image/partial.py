"""Downloads a blob into the store. Each chunk is written, hashed and passed on immediately.

If an earlier pull left a part of the blob, this part is read first (and hashed, and passed on), and
only the rest is downloaded. If the digest of the complete blob is wrong, all of it is deleted.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from hutch.image.errors import ImageError
from hutch.image.layout import READ
from hutch.image.manifest import Descriptor
from hutch.image.progress import Reporter
from hutch.image.read_ahead import ReadAhead
from hutch.image.source import Source


def incoming(source: Source, blob: Descriptor, path: Path, reporter: Reporter) -> Iterator[bytes]:
    """Yields the blob's bytes and writes them to ``path``. A thread reads ahead of the caller.

    Raises ImageError at the end if size or digest are wrong.
    """
    with ReadAhead(_written(source, blob, path, reporter)) as ahead:
        yield from ahead


def _written(source: Source, blob: Descriptor, path: Path, reporter: Reporter) -> Iterator[bytes]:
    hasher = blob.digest.hasher()
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if os.fstat(fd).st_size > blob.size:
            os.ftruncate(fd, 0)
        at = 0
        while chunk := os.read(fd, READ):
            hasher.update(chunk)
            at += len(chunk)
            reporter.advance(blob.digest, len(chunk))
            yield chunk
        if at < blob.size:
            for chunk in source.blob(blob, at):
                if at + len(chunk) > blob.size:
                    _throw_away(path, f"longer than {blob.size} bytes", blob)
                view = memoryview(chunk)
                while view:
                    view = view[os.write(fd, view) :]
                hasher.update(chunk)
                at += len(chunk)
                reporter.advance(blob.digest, len(chunk))
                yield chunk
        if at != blob.size:
            what = f"{at} bytes, but its descriptor says {blob.size}"
            raise ImageError(what, document=f"blob {blob.digest}")
        if hasher.hexdigest() != blob.digest.hex:
            _throw_away(path, "its content has another digest", blob)
    finally:
        os.close(fd)


def _throw_away(path: Path, reason: str, blob: Descriptor) -> None:
    path.unlink(missing_ok=True)
    raise ImageError(reason, document=f"blob {blob.digest}")
