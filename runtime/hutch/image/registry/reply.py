"""A reply: its headers and its body. The caller limits how much of the body is read (S-69)."""

import contextlib
import json
import socket
import ssl
from collections.abc import Iterator
from http.client import BadStatusLine
from typing import TYPE_CHECKING, NamedTuple

from urllib3.exceptions import HTTPError, MaxRetryError

from hutch.image.errors import RegistryError
from hutch.image.limits import DRAIN_BYTES, ERROR_BYTES
from hutch.image.registry.target import Sender

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

CHUNK = 512 << 10
NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")  # OpenSSL's error names


class Problem(NamedTuple):
    """Why there is no reply, and what the user can do about it ("" if unknown)."""

    text: str
    hint: str = ""


NO_TLS = Problem("no TLS is spoken there", "--tls-verify=false speaks plain http with it")
NO_HTTP = Problem("no HTTP is spoken there", "that is no registry: look at its name and port")
REFUSED = Problem(
    "connection refused", "nothing listens there: look at the registry's name and port"
)
NO_HOST = Problem(
    "name or service not known", "there is no host of this name: look at how it is written"
)


class NoReply(RegistryError):
    """A request got no reply, or only a part of one. ``problem`` says why."""

    def __init__(self, what: str, problem: Problem) -> None:
        super().__init__(f"{what}: {problem.text}", hint=problem.hint)
        self.problem = problem


class Reply:
    """One reply. ``sender`` is its sender, after all redirects. Its body can be read once."""

    def __init__(self, response: "BaseHTTPResponse", sender: Sender) -> None:
        self._response = response
        self.sender = sender
        self.status = response.status
        self.reason = response.reason or ""

    def header(self, name: str) -> str:
        """A header's value; several headers of one name are joined by commas; "" for none."""
        return self._response.headers.get(name, "")

    @property
    def media_type(self) -> str:
        return self.header("content-type").partition(";")[0].strip().lower()

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces of at most CHUNK bytes. Raises urllib3's errors."""
        while chunk := self._response.read(CHUNK):
            yield chunk

    def whole(self, limit: int, what: str) -> bytes:
        """The complete body. Raises RegistryError, which names ``what``, if it has more than
        ``limit`` bytes."""
        parts, size = [], 0
        try:
            for chunk in self.chunks():
                size += len(chunk)
                if size > limit:
                    raise RegistryError(f"{what}: longer than {limit} bytes")
                parts.append(chunk)
        except HTTPError as error:
            raise NoReply(what, problem_of(error)) from None
        except BaseException:
            self.close()
            raise
        self._response.release_conn()
        return b"".join(parts)

    def start(self, size: int) -> bytes:
        """The first bytes of the body; the rest is not read. b"" if reading fails."""
        try:
            return self._response.read(size)
        except HTTPError:
            return b""
        finally:
            self.close()

    def discard(self) -> None:
        """Drops the body. If a header says that it is short, it is read and the connection can be
        reused; otherwise the connection is closed."""
        left = getattr(self._response, "length_remaining", None)  # None if no header says it
        if left is not None and left <= DRAIN_BYTES:
            with contextlib.suppress(HTTPError):
                self._response.read(DRAIN_BYTES)
                self._response.release_conn()
                return
        self.close()

    def close(self) -> None:
        """Closes the connection if the body was not read completely."""
        self._response.close()

    def errors(self) -> list[tuple[str, str]]:
        """The codes and messages of an error reply (distribution-spec, "Error Codes"); [] if it has
        none. Reads the body.
        """
        try:
            errors = json.loads(self.start(ERROR_BYTES))["errors"]
            found = [
                tuple(one[k] if isinstance(one.get(k), str) else "" for k in ("code", "message"))
                for one in errors[:3]
            ]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return []
        return [(code, message) for code, message in found if code or message]

    def line(self, errors: list[tuple[str, str]]) -> str:
        """The status and the registry's messages, shortened to one line."""
        texts = [": ".join(filter(None, one)) for one in errors]
        return f"{self.status} " + ("; ".join(texts)[:300] or self.reason[:100])

    def error_text(self) -> str:
        """The same; reads the body."""
        return self.line(self.errors()).strip()


def problem_of(error: Exception) -> Problem:
    """The problem behind an error of urllib3, without the names of urllib3's objects."""
    while isinstance(error, MaxRetryError) and error.reason is not None:
        error = error.reason
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        text = f"certificate not trusted: {cause.verify_message}"
        return Problem(text, "--cert-dir DIR names a folder of trusted certificates")
    if isinstance(cause, ssl.SSLError) and cause.reason in NOT_TLS:
        return NO_TLS
    if isinstance(cause, BadStatusLine):
        return NO_HTTP
    if isinstance(cause, ConnectionRefusedError):
        return REFUSED
    if isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME:
        return NO_HOST
    if isinstance(cause, OSError) and cause.strerror:
        return Problem(cause.strerror.lower())
    return Problem(str(error).rpartition(">: ")[2] or type(error).__name__)
