"""The API of a registry (distribution-spec 1.1): the requests, and checks of the replies."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import IO
from urllib.parse import quote

from urllib3.exceptions import HTTPError

from hutch.errors import UsageError, shown
from hutch.image.digest import Digest
from hutch.image.errors import (
    ImageError,
    LoginRefused,
    NotInRegistry,
    Refused,
    RegistryError,
)
from hutch.image.limits import LIST_BYTES, LIST_PAGES, MANIFEST_BYTES
from hutch.image.manifest import INDEXES, MANIFESTS, Descriptor
from hutch.image.progress import Reporter
from hutch.image.reference import HUB
from hutch.image.registry.address import is_loopback
from hutch.image.registry.auth import Authorizer, Denied
from hutch.image.registry.credentials import Credentials
from hutch.image.registry.reply import NO_TLS, NoReply, Problem, Reply, problem_of
from hutch.image.registry.target import Target
from hutch.image.registry.transport import BACK_OFF, RETRIED, Transport
from hutch.image.registry.url import BadUrl, Url
from hutch.image.settings import RegistrySettings

ACCEPT = ", ".join(MANIFESTS + INDEXES)
HUB_HOST = "registry-1.docker.io"
NEXT = re.compile(r"\s*<([^>]*)>[^<]*;\s*rel=\"?next\b")  # RFC 8288
RANGE = re.compile(r"bytes\s+([0-9]{1,19})-", re.ASCII)


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
        try:
            self._secure = Url.parse(f"https://{self._address}")
            if self._secure.target != "/":
                raise BadUrl
        except BadUrl:
            raise UsageError(f"{shown(host)} is not the HOST[:PORT] of a registry") from None
        self._settings = settings
        self.transport = Transport(self._address, settings, certificates, reporter=reporter)
        self.authorizer = Authorizer(self.transport, credentials)
        self._known = credentials is not None
        self._base: Url | None = None
        self._doubt = ""  # why the reply to GET /v2/ cannot come from a registry

    def close(self) -> None:
        self.transport.close()

    # One request

    def base(self) -> Url:
        """``https://HOST/v2/`` or ``http://HOST/v2/``; the first request decides which.

        http is tried only on loopback (Docker's rule) or if the configuration says that the
        registry is insecure.
        """
        if self._base:
            return self._base
        local = is_loopback(self._secure.host)
        plain = self._settings.insecure or (
            self._settings.insecure is None and local and not self._settings.ca
        )
        # On loopback http is tried first: nobody can read that traffic, and a TLS server refuses a
        # plain request with a clear error.
        schemes = ["https"] if not plain else ["http", "https"] if local else ["https", "http"]
        problems = []
        for scheme in schemes:
            url = Url.parse(f"{scheme}://{self._address}/v2/")
            try:
                reply = self.transport.request("GET", Target(url), retry=len(schemes) == 1)
            except RegistryError as error:
                problems.append(error)
                continue
            if reply.status == 401:
                self._challenged(url, reply)
            doubt = _doubt(reply)
            if scheme == "http" and b"HTTPS" in reply.start(512) and reply.status == 400:
                continue
            self._doubt = doubt and f"GET {url.shown}: {doubt}"
            self._base = url
            return url
        # If http was tried too, the failure of http says more than "no TLS".
        if len(schemes) > 1:
            better = [e for e in problems if not (isinstance(e, NoReply) and e.problem is NO_TLS)]
            problems = better or problems
        raise problems[-1]

    def _challenged(self, base: Url, reply: Reply) -> bool:
        """Uses the challenge in a reply of the registry itself, not one of another server to which
        it redirected the request. Returns whether the challenge can be answered."""
        return reply.sender.url.origin == base.origin and self.authorizer.challenged(reply)

    def request(
        self,
        method: str,
        place: str | Target,
        scopes: list[str],
        headers: "Mapping[str, str] | None" = None,
        body: "bytes | None" = None,
    ) -> Reply:
        """Sends a request to ``/v2/PLACE``, or to a target that a reply named. It is authorized as
        the registry demands."""
        base = self.base()
        target = place if isinstance(place, Target) else Target(base.join("/v2/" + place))
        ours = target.url.origin == base.origin
        for attempt in (1, 2):
            given = dict(headers or {})
            if ours:
                given.update(self._authorization(scopes))
            reply = self.transport.request(method, target, given, body)
            if reply.status != 401 or attempt == 2 or not ours:
                return reply
            self.authorizer.refused(scopes)
            if not self._challenged(base, reply):
                return reply
            reply.discard()
        raise AssertionError("unreachable")

    def _authorization(self, scopes: list[str]) -> dict[str, str]:
        try:
            return self.authorizer.header(scopes)
        except Denied as error:
            raise Refused(f"{self.host}: {error.sentence}", hint=self._login_hint()) from None

    def _login_hint(self) -> str:
        known = "the saved credentials do not allow this; " if self._known else ""
        return f"{known}warren login {self.host}"

    def refuse(self, reply: Reply, what: str) -> RegistryError:
        """The error for an unexpected reply. Reads its body."""
        errors = reply.errors()
        if self._doubt and not errors:
            return self._no_registry()
        text = f"{self.host}: {what}: {reply.line(errors)}"
        if reply.status == 404:
            return NotInRegistry(text)
        passing = reply.status in RETRIED or not 400 <= reply.status < 500
        kind = RegistryError if passing else Refused
        return kind(text, hint=self._login_hint() if reply.status in (401, 403) else "")

    def _no_registry(self) -> "RegistryError":
        hint = "the name of an image begins with the HOST[:PORT] of its registry"
        return Refused(f"{self.host} does not answer like a registry: {self._doubt}", hint=hint)

    def _no_page(self, reply: Reply) -> RegistryError:
        """The error for a reply that is a web page."""
        reply.close()
        self._doubt = self._doubt or f"GET {reply.sender.url.shown}: a page of HTML"
        return self._no_registry()

    def _missing(self, reply: Reply, path: str, selector: str, what: str) -> RegistryError:
        """The error for a manifest that the registry does not have or does not show."""
        if reply.status in (401, 403):
            return self.refuse(reply, f"no repository {shown(path)}, or you have no access to it")
        error = self.refuse(reply, what)
        if reply.status != 404 or not isinstance(error, NotInRegistry):
            return error
        place = f"{self.host}/{path}"
        listed = self.request("GET", f"{path}/tags/list?n=1", [pull_scope(path)])
        listed.discard()
        if listed.status == 404:
            return self._no_repository(path)
        if listed.status == 200 and ":" not in selector:
            sentence = f"{place} has no tag {shown(selector)} (404)"
            return NotInRegistry(sentence, hint=f"warren search --list-tags {place}")
        return error

    def _no_repository(self, path: str) -> RegistryError:
        part = path.rpartition("/")[2]
        sentence = f"{self.host} has no repository {shown(path)} (404)"
        return NotInRegistry(sentence, hint=f"warren search {self.host}/{part}")

    # Reading

    def manifest(self, path: str, selector: str) -> tuple[bytes, str]:
        """A manifest or index by tag or digest, and the media type in the reply."""
        what = f"manifest {path}:{selector}" if ":" not in selector else f"manifest {selector}"
        target = f"{path}/manifests/{quote(selector, safe=':')}"
        reply = self.request("GET", target, [pull_scope(path)], {"Accept": ACCEPT})
        if reply.status != 200:
            raise self._missing(reply, path, selector, what)
        if reply.media_type == "text/html":
            raise self._no_page(reply)
        raw = reply.whole(MANIFEST_BYTES, f"{self.host}: {what}")
        if ":" in selector and not Digest.parse(selector).matches(raw):
            raise RegistryError(f"{self.host}: {what}: the reply has another digest")
        return raw, reply.media_type

    def blob(self, path: str, blob: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a blob from ``offset``. If the connection breaks, a new request continues at
        the byte where it broke."""
        failures = 0
        while offset < blob.size or blob.size == 0:
            try:
                for chunk in self._blob_once(path, blob, offset):
                    offset += len(chunk)
                    if offset > blob.size:
                        text = f"longer than {blob.size} bytes"
                        raise ImageError(text, document=f"{self.host}: blob {blob.digest}")
                    failures = 0
                    yield chunk
            except HTTPError as error:
                problem = problem_of(error)
            else:
                if offset >= blob.size:
                    return
                problem = Problem(f"ended after {offset} of {blob.size} bytes")
            failures += 1
            if failures >= self.transport.tries:
                raise NoReply(f"{self.host}: blob {blob.digest}", problem)
            what = f"{self.host}: blob {blob.digest.short}: {problem.text}"
            self.transport.wait(what, BACK_OFF * 2**failures)

    def _blob_once(self, path: str, blob: Descriptor, offset: int) -> Iterator[bytes]:
        reply, skip = self._blob_reply(path, blob, offset)
        try:
            for chunk in reply.chunks():
                # A registry without Range support sends the bytes before the offset again.
                cut = min(skip, len(chunk))
                skip -= cut
                if rest := chunk[cut:]:
                    yield rest
        finally:
            reply.close()

    def _no_blob(self, reply: Reply, blob: Descriptor) -> RegistryError:
        error = self.refuse(reply, f"blob {blob.digest}")
        if blob.foreign and isinstance(error, NotInRegistry):
            sentence = f"{error.sentence}; it is a foreign layer, and its URLs are not followed"
            hint = (
                "push the image with its foreign layers (docker: allow-nondistributable-artifacts)"
            )
            return NotInRegistry(sentence, hint=hint)
        return error

    def _blob_reply(self, path: str, blob: Descriptor, offset: int) -> tuple[Reply, int]:
        """The reply with a blob's bytes, and how many of them are before ``offset``."""
        place, scopes = f"{path}/blobs/{blob.digest}", [pull_scope(path)]
        if offset:
            reply = self.request("GET", place, scopes, {"Range": f"bytes={offset}-"})
            if reply.status == 206 and _begins(reply) == offset:
                return reply, 0
            if reply.status == 200:
                return reply, offset
            if reply.status in (401, 404, *RETRIED) or not 206 <= reply.status < 500:
                raise self._no_blob(reply, blob)
            reply.discard()  # the registry refuses the range, so request the complete blob
        reply = self.request("GET", place, scopes)
        if reply.status != 200 and not (reply.status == 206 and _begins(reply) == 0):
            raise self._no_blob(reply, blob)
        return reply, offset

    def has_blob(self, path: str, digest: Digest, scopes: list[str]) -> bool:
        reply = self.request("HEAD", f"{path}/blobs/{digest}", scopes)
        if reply.status not in (200, 404):
            raise self.refuse(reply, f"blob {digest}")
        reply.discard()
        return reply.status == 200

    def tags(self, path: str) -> list[str]:
        """All tags of a repository. Requests all pages of the list."""
        try:
            return self._pages(f"{path}/tags/list", [pull_scope(path)], "tags", f"tags of {path}")
        except NotInRegistry:
            raise self._no_repository(path) from None

    def catalogue(self) -> list[str]:
        """All repositories. Raises NotInRegistry if the registry has no catalogue."""
        try:
            return self._pages(
                "_catalog?n=1000", ["registry:catalog:*"], "repositories", "catalogue"
            )
        except NotInRegistry:
            raise NotInRegistry(f"{self.host} has no catalogue to search") from None

    def _pages(self, path: str, scopes: list[str], key: str, what: str) -> list[str]:
        found: list[str] = []
        seen: set[str] = set()
        place: str | Target = path
        while str(place) not in seen:
            seen.add(str(place))
            if len(seen) > LIST_PAGES:
                raise RegistryError(f"{self.host}: {what}: more than {LIST_PAGES} pages")
            reply = self.request("GET", place, scopes)
            if reply.status != 200:
                raise self.refuse(reply, what)
            if reply.media_type == "text/html":
                raise self._no_page(reply)
            link = NEXT.match(reply.header("link"))
            raw = reply.whole(LIST_BYTES, f"{self.host}: {what}")
            try:
                page = json.loads(raw).get(key) or []
            except (ValueError, AttributeError, RecursionError):
                raise RegistryError(f"{self.host}: {what}: the reply is not valid JSON") from None
            if not isinstance(page, list) or not all(isinstance(item, str) for item in page):
                raise RegistryError(f"{self.host}: {what}: must be a list of strings")
            found += page
            if link is None:
                break
            place = reply.sender.step(link[1], "next page")
        return found

    # Writing

    def mount(
        self, path: str, digest: Digest, origin_path: str, scopes: list[str]
    ) -> Target | None:
        """Asks the registry to mount a blob of another repository. None if it did; otherwise where
        to upload the blob."""
        query = f"?mount={digest}&from={quote(origin_path)}" if origin_path else ""
        reply = self.request("POST", f"{path}/blobs/uploads/{query}", scopes)
        if reply.status == 201 and origin_path:
            reply.discard()
            return None
        if reply.status != 202:
            raise self.refuse(reply, f"upload to {path}")
        reply.discard()
        location = reply.header("location")
        if not location:
            raise RegistryError(f"{self.host}: upload to {path}: no Location in the reply")
        return reply.sender.step(location, "upload")

    def upload(
        self,
        location: Target,
        blob: Descriptor,
        content: "IO[bytes] | Iterator[bytes]",
        scopes: list[str],
    ) -> None:
        """Sends a blob to ``location``, which ``mount`` returned, in one PUT request."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(blob.size),
        }
        if location.url.origin == self.base().origin:
            headers.update(self._authorization(scopes))
        query = "digest=" + quote(str(blob.digest), safe="")
        target = replace(location, url=location.url.with_query(query))
        try:
            reply = self.transport.once("PUT", target, headers, content)
        except HTTPError as error:
            raise NoReply(f"{self.host}: upload of {blob.digest}", problem_of(error)) from None
        if reply.status != 201:
            raise self.refuse(reply, f"upload of {blob.digest}")
        reply.discard()

    def put_manifest(self, path: str, selector: str, raw: bytes, media_type: str) -> None:
        reply = self.request(
            "PUT", f"{path}/manifests/{quote(selector, safe=':')}", [push_scope(path)],
            {"Content-Type": media_type}, raw,
        )  # fmt: skip
        if reply.status not in (200, 201):
            raise self.refuse(reply, f"manifest {path}:{selector}")
        reply.discard()

    def login(self, user: str) -> None:
        """Checks the credentials; ``user`` is for the error. Raises LoginRefused if the registry
        does not accept them, RegistryError."""
        wrong = f"{self.host}: login as {shown(user)}: wrong user name or password"
        hint = "some registries need an access token instead of the password"
        self.base()
        try:
            headers = self.authorizer.header([])
        except Denied as error:
            raise LoginRefused(f"{wrong} ({error.sentence})", hint=hint) from None
        reply = self.transport.request("GET", Target(self.base()), headers)
        if reply.status in (401, 403):
            raise LoginRefused(f"{wrong} ({reply.error_text()})", hint=hint)
        if reply.status != 200 or self._doubt:
            raise self.refuse(reply, "login")
        reply.discard()


def _doubt(reply: Reply) -> str:
    """Why this reply to ``GET /v2/`` cannot come from a registry; "" if it can."""
    if reply.header("docker-distribution-api-version"):
        return ""
    if reply.status == 200:
        return "a page of HTML" if reply.media_type == "text/html" else ""
    if reply.status == 401 and reply.header("www-authenticate"):
        return ""
    odd = reply.status not in (401, 403) and reply.status not in RETRIED
    return f"{reply.status} {reply.reason}".strip() if odd else ""


def _begins(reply: Reply) -> int | None:
    """The offset at which the content of a 206 reply begins; None if its header does not say it."""
    match = RANGE.match(reply.header("content-range"))
    return int(match[1]) if match else None


def pull_scope(path: str) -> str:
    return f"repository:{path}:pull"


def push_scope(path: str) -> str:
    return f"repository:{path}:pull,push"
