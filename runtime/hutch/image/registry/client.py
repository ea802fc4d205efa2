"""A registry's API (distribution-spec 1.1): what can be asked of it, and what it may answer."""

import json
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from urllib3.exceptions import HTTPError

from ..digest import Digest
from ..errors import ImageError, RegistryError
from ..limits import LIST_BYTES, MANIFEST_BYTES
from ..manifest import INDEXES, MANIFESTS, Descriptor
from ..progress import Reporter
from ..reference import HUB
from ..settings import RegistrySettings
from .auth import Authorizer
from .credentials import Credentials
from .transport import (
    BACK_OFF,
    Transport,
    check_step,
    error_text,
    is_loopback,
    origin,
    read_bounded,
    reason,
)

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

CHUNK = 256 << 10
ACCEPT = ", ".join(MANIFESTS + INDEXES)
HUB_HOST = "registry-1.docker.io"


class Refused(RegistryError):
    """The registry understood, and said no (4xx): asking again is in vain."""


class NotFound(Refused):
    """404: the registry does not have it."""


class Registry:
    """One registry. ``secure`` False allows http and unverified TLS, None only http on loopback."""

    def __init__(
        self,
        host: str,
        settings: RegistrySettings,
        credentials: Credentials | None = None,
        certificates: str = "",
        reporter: Reporter | None = None,
    ) -> None:
        self.host = host
        self._address = HUB_HOST if host == HUB else host
        self._settings = settings
        self.transport = Transport(self._address, settings, certificates, reporter=reporter)
        self.authorizer = Authorizer(self.transport, credentials)
        self._base = ""

    def close(self) -> None:
        self.transport.close()

    # One request

    def base(self) -> str:
        """``https://HOST`` or ``http://HOST``: found out by asking /v2/ once.

        http is only tried on loopback (Docker's rule) or where the configuration calls the registry
        insecure.
        """
        if self._base:
            return self._base
        local = is_loopback(urlsplit("//" + self._address).hostname or "")
        plain = self._settings.insecure or (
            self._settings.insecure is None and local and not self._settings.ca
        )
        # On loopback http comes first: nobody can listen in there, and a TLS server says so.
        schemes = ["https"] if not plain else ["http", "https"] if local else ["https", "http"]
        problems = []
        for scheme in schemes:
            url = f"{scheme}://{self._address}"
            try:
                response = self.transport.request("GET", url + "/v2/", retry=len(schemes) == 1)
            except RegistryError as error:
                problems.append(error)
                continue
            header = response.headers.get("www-authenticate", "")
            if response.status == 401:
                self.authorizer.challenged(url, header)
            body = response.read(512)
            response.close()
            if scheme == "http" and response.status == 400 and b"HTTPS" in body:
                continue
            self._base = url
            return url
        raise problems[-1]

    def request(
        self,
        method: str,
        path: str,
        scopes: list[str],
        headers: "Mapping[str, str] | None" = None,
        body: "bytes | None" = None,
    ) -> "BaseHTTPResponse":
        """A request to ``/v2/PATH`` (or a whole URL of this registry), authorized as it asks."""
        url = path if path.startswith("http") else f"{self.base()}/v2/{path}"
        ours = origin(url) == origin(self.base())
        for attempt in (1, 2):
            given = dict(headers or {})
            if ours:
                given.update(self.authorizer.header(scopes))
            response = self.transport.request(method, url, given, body)
            if response.status != 401 or attempt == 2 or not ours:
                return response
            challenge = response.headers.get("www-authenticate", "")
            self.authorizer.refused(scopes)
            if not self.authorizer.challenged(self.base(), challenge):
                return response
            response.drain_conn()
        raise AssertionError("unreachable")

    def refuse(self, response: "BaseHTTPResponse", what: str) -> RegistryError:
        """The error for a reply that is not what was asked for."""
        text = f"{self.host}: {what}: {error_text(response)}"
        if response.status == 404:
            return NotFound(text)
        denied = response.status in (401, 403)
        kind = Refused if 400 <= response.status < 500 else RegistryError
        return kind(text, hint=f"warren login {self.host}" if denied else "")

    # Reading

    def manifest(self, path: str, selector: str) -> tuple[bytes, str]:
        """A manifest or index by tag or digest, and the media type it came with."""
        what = f"manifest {path}:{selector}" if ":" not in selector else f"manifest {selector}"
        target = f"{path}/manifests/{quote(selector, safe=':')}"
        response = self.request("GET", target, [pull_scope(path)], {"Accept": ACCEPT})
        if response.status != 200:
            raise self.refuse(response, what)
        media_type = response.headers.get("content-type", "").partition(";")[0].strip()
        raw = read_bounded(response, MANIFEST_BYTES, f"{self.host}: {what}")
        if ":" in selector and not Digest.parse(selector).matches(raw):
            raise RegistryError(f"{self.host}: {what}: the reply has another digest")
        return raw, media_type

    def has_manifest(self, path: str, selector: str) -> bool:
        target = f"{path}/manifests/{quote(selector, safe=':')}"
        response = self.request("HEAD", target, [pull_scope(path)], {"Accept": ACCEPT})
        response.drain_conn()
        return response.status == 200

    def blob(self, path: str, blob: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a blob from ``offset``; a broken connection is resumed where it broke."""
        failures = 0
        while offset < blob.size or blob.size == 0:
            try:
                for chunk in self._blob_once(path, blob, offset):
                    offset += len(chunk)
                    if offset > blob.size:
                        text = f"{self.host}: blob {blob.digest}: longer than {blob.size} bytes"
                        raise ImageError(text)
                    failures = 0
                    yield chunk
            except HTTPError as error:
                problem = reason(error)
            else:
                if offset >= blob.size:
                    return
                problem = f"ended after {offset} of {blob.size} bytes"
            failures += 1
            if failures >= self.transport.tries:
                raise RegistryError(f"{self.host}: blob {blob.digest}: {problem}")
            self.transport.wait(
                f"{self.host}: blob {blob.digest.short}: {problem}", BACK_OFF * 2**failures
            )

    def _blob_once(self, path: str, blob: Descriptor, offset: int) -> Iterator[bytes]:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        target = f"{path}/blobs/{blob.digest}"
        response = self.request("GET", target, [pull_scope(path)], headers)
        try:
            if response.status not in (200, 206):
                raise self.refuse(response, f"blob {blob.digest}")
            skip = offset if response.status == 200 else 0
            if response.status == 206 and not _range_from(response, offset):
                raise RegistryError(f"{self.host}: blob {blob.digest}: another range than asked")
            while chunk := response.read(CHUNK):
                if skip:
                    # It does not know Range, so what we have comes once more.
                    cut = min(skip, len(chunk))
                    skip -= cut
                    chunk = chunk[cut:]
                if chunk:
                    yield chunk
        finally:
            response.close()

    def has_blob(self, path: str, digest: Digest, scopes: list[str]) -> bool:
        response = self.request("HEAD", f"{path}/blobs/{digest}", scopes)
        response.drain_conn()
        if response.status not in (200, 404):
            raise self.refuse(response, f"blob {digest}")
        return response.status == 200

    def tags(self, path: str) -> list[str]:
        """All tags of a repository, by as many pages as it takes."""
        return self._pages(f"{path}/tags/list", [pull_scope(path)], "tags", f"tags of {path}")

    def catalogue(self) -> list[str]:
        """All repositories, where the registry has the catalogue API."""
        try:
            return self._pages(
                "_catalog?n=1000", ["registry:catalog:*"], "repositories", "catalogue"
            )
        except NotFound:
            raise RegistryError(f"{self.host} has no catalogue that could be searched") from None

    def _pages(self, path: str, scopes: list[str], key: str, what: str) -> list[str]:
        found: list[str] = []
        seen: set[str] = set()
        while path and path not in seen:
            seen.add(path)
            response = self.request("GET", path, scopes)
            if response.status != 200:
                raise self.refuse(response, what)
            link = response.headers.get("link", "")
            raw = read_bounded(response, LIST_BYTES, f"{self.host}: {what}")
            try:
                page = json.loads(raw).get(key) or []
            except (ValueError, AttributeError, RecursionError):
                raise RegistryError(f"{self.host}: {what}: not the JSON we asked for") from None
            if not isinstance(page, list) or not all(isinstance(item, str) for item in page):
                raise RegistryError(f"{self.host}: {what}: a list of strings is wanted")
            found += page
            path = ""
            if 'rel="next"' in link and link.startswith("<"):
                path = urljoin(self.base() + "/v2/", link[1 : link.index(">")])
                check_step(self.base(), path, "next page")
        return found

    # Writing

    def mount(self, path: str, digest: Digest, origin_path: str, scopes: list[str]) -> str:
        """Asks for a blob of another repository; "" if it is there now, else where to upload."""
        query = f"?mount={digest}&from={quote(origin_path)}" if origin_path else ""
        response = self.request("POST", f"{path}/blobs/uploads/{query}", scopes)
        response.drain_conn()
        if response.status == 201 and origin_path:
            return ""
        if response.status != 202:
            raise self.refuse(response, f"upload to {path}")
        return self._location(response, f"upload to {path}")

    def upload(
        self,
        location: str,
        blob: Descriptor,
        content: "IO[bytes] | Iterator[bytes]",
        scopes: list[str],
    ) -> None:
        """Sends a blob to where ``mount`` said, in one request (POST, then PUT)."""
        separator = "&" if urlsplit(location).query else "?"
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(blob.size),
        }
        if origin(location) == origin(self.base()):
            headers.update(self.authorizer.header(scopes))
        url = f"{location}{separator}digest={quote(str(blob.digest), safe='')}"
        try:
            response = self.transport.once("PUT", url, headers, content)
        except HTTPError as error:
            raise RegistryError(f"{self.host}: upload of {blob.digest}: {reason(error)}") from None
        if response.status != 201:
            raise self.refuse(response, f"upload of {blob.digest}")
        response.drain_conn()

    def _location(self, response: "BaseHTTPResponse", what: str) -> str:
        location = response.headers.get("location", "")
        if not location:
            raise RegistryError(f"{self.host}: {what}: no Location in the reply")
        target = urljoin(self.base() + "/", location)
        check_step(self.base(), target, "upload")
        return target

    def put_manifest(self, path: str, selector: str, raw: bytes, media_type: str) -> None:
        response = self.request(
            "PUT", f"{path}/manifests/{quote(selector, safe=':')}", [push_scope(path)],
            {"Content-Type": media_type}, raw,
        )  # fmt: skip
        if response.status not in (200, 201):
            raise self.refuse(response, f"manifest {path}:{selector}")
        response.drain_conn()

    def login(self) -> None:
        """Raises RegistryError unless the credentials are right."""
        try:
            response = self.request("GET", "", [])
            if response.status != 200:
                raise self.refuse(response, "login")
        except RegistryError as error:
            raise RegistryError(error.sentence) from None  # without the hint to log in
        response.drain_conn()


def _range_from(response: Any, offset: int) -> bool:
    value = response.headers.get("content-range", "")
    return not value or value.startswith(f"bytes {offset}-")


def pull_scope(path: str) -> str:
    return f"repository:{path}:pull"


def push_scope(path: str) -> str:
    return f"repository:{path}:pull,push"
