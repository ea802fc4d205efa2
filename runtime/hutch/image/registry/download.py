"""Reads the content of an http or https URL like a file, for ``import``.

Redirects are checked like those of registries: they may lead neither from https to http nor from a
public address to an internal one (S-75). The URL itself may have any address: the user gave it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from urllib3.exceptions import HTTPError

from hutch.errors import UsageError, shown
from hutch.image.digest import Digest
from hutch.image.errors import ImageError, NotInRegistry, RegistryError
from hutch.image.progress import Reporter
from hutch.image.registry.reply import NoReply, Reply, problem_of
from hutch.image.registry.target import Target
from hutch.image.registry.transport import Transport
from hutch.image.registry.url import BadUrl, Url
from hutch.image.settings import RegistrySettings


class Body:
    """A reply's body. Raises RegistryError if it is cut off, ImageError after ``limit`` bytes."""

    def __init__(self, reply: Reply, what: str, limit: int, reporter: Reporter) -> None:
        self._chunks = reply.chunks()
        self._what = what
        self._limit = limit
        self._reporter = reporter
        self._digest = Digest.of(what.encode())  # identifies the progress bar
        self._left = b""
        self._size = 0
        length = reply.header("content-length")
        total = int(length[:18]) if length.isdecimal() and length.isascii() else 0
        reporter.layer(self._digest, total, "Downloading")

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; b"" at the end."""
        if not self._left:
            try:
                self._left = next(self._chunks, b"")
            except HTTPError as error:
                raise NoReply(self._what, problem_of(error)) from None
            self._size += len(self._left)
            if self._size > self._limit:
                raise ImageError(
                    f"{self._what}: longer than {self._limit} bytes",
                    hint="limits.unpacked_bytes in the configuration raises it",
                )
            self._reporter.advance(self._digest, len(self._left))
            if not self._left:
                self._reporter.done(self._digest, "Download complete")
        part, self._left = self._left[:size], self._left[size:]
        return part


@contextmanager
def opened(text: str, limit: int, reporter: Reporter) -> Iterator[Body]:
    """The body of the reply to GET for the URL ``text``. Raises RegistryError, UsageError."""
    try:
        url = Url.parse(text)
    except BadUrl as error:
        raise UsageError(f"{shown(text)} is a URL {error}") from None
    transport = Transport(url.netloc, RegistrySettings(), reporter=reporter)
    try:
        reply = transport.request("GET", Target(url))
        what = f"GET {url.shown}"
        if reply.status != 200:
            status = f"{reply.status} {reply.reason}".strip()
            reply.close()
            kind = NotInRegistry if reply.status == 404 else RegistryError
            raise kind(f"{what}: {status}")
        try:
            yield Body(reply, what, limit, reporter)
        finally:
            reply.close()
    finally:
        transport.close()
