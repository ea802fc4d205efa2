"""Registries: pulls, pushes, searches and logins, with the credentials that clients send."""

import base64
import binascii
import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

from hutch.api.archives import with_body
from hutch.api.call import Call
from hutch.api.errors import ApiError, message_of
from hutch.api.fields import Document, part, text, whole
from hutch.api.http import Exchange
from hutch.api.images import claim, named, tell
from hutch.errors import HutchError, UsageError
from hutch.image.digest import Digest
from hutch.image.progress import Reporter
from hutch.image.reference import HUB, Reference, resolve_remote
from hutch.image.registry.credentials import Credentials
from hutch.images import Access, Image, connect


class Progress(Reporter):
    """Progress as lines of the reply. The reply begins with the first of them, so what fails
    before, such as an unknown name, is an error of its own."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._sizes: dict[Digest, tuple[int, int, str]] = {}

    def say(self, document: dict[str, object]) -> None:
        """One line."""
        if not self._exchange.begun:
            self._exchange.begin("application/json")
        self._exchange.line(document)

    def note(self, text: str) -> None:
        """See ``Reporter``."""
        self.say({"status": text})

    def warn(self, text: str) -> None:
        """See ``Reporter``."""
        self.say({"status": "warning: " + text})

    def layer(self, digest: Digest, total: int, what: str) -> None:
        """See ``Reporter``."""
        self._sizes[digest] = (0, total, what)
        self._tell(digest)

    def advance(self, digest: Digest, size: int) -> None:
        """See ``Reporter``; a line for each hundredth at most."""
        done, total, what = self._sizes.get(digest, (0, 0, ""))
        self._sizes[digest] = (done + size, total, what)
        if total and done * 100 // total != (done + size) * 100 // total:
            self._tell(digest)

    def _tell(self, digest: Digest) -> None:
        done, total, what = self._sizes[digest]
        detail = {"current": done, "total": total}
        self.say({"status": what, "progressDetail": detail, "id": digest.short})

    def done(self, digest: Digest, what: str) -> None:
        """See ``Reporter``."""
        self.say({"status": what, "progressDetail": {}, "id": digest.short})


# Credentials


def host_of(address: str) -> str:
    """The registry that a client names, as HOST[:PORT] or as a URL; "" means Docker Hub."""
    host = address.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return HUB if host in ("", "index.docker.io", "registry-1.docker.io") else host


def credentials_in(document: Document) -> Credentials | None:
    """Those of one of Docker's AuthConfig objects; None for nobody's. Raises UsageError."""
    user, password = text(document, "username"), text(document, "password")
    token = text(document, "identitytoken")
    return Credentials(user, password, token) if user or token else None


def header(exchange: Exchange, name: str) -> Document:
    """The object in a header (base64url of JSON); {} if there is none. Raises UsageError."""
    given = exchange.headers.get(name.lower(), "")
    try:
        raw = base64.b64decode(given + "=" * (-len(given) % 4), "-_") if given else b""
        document = json.loads(raw or b"{}")
    except (ValueError, RecursionError, binascii.Error):
        raise UsageError(f"{name} is not JSON in base64url") from None
    if not isinstance(document, dict):
        raise UsageError(f"{name} is not an object")
    return document


@contextmanager
def access(found: dict[str, Credentials]) -> Iterator[Access]:
    """How registries are reached with these credentials, each for its host only. Without any,
    those of this server's user are used, as without X-Registry-Auth."""
    if not found:
        yield Access()
        return
    fd = os.memfd_create("auth")
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(json.dumps({"auths": {h: entry(c) for h, c in found.items()}}).encode())
        yield Access(authfile=f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def entry(one: Credentials) -> dict[str, str]:
    """The credentials in the form of Docker's config.json."""
    pair = base64.b64encode(f"{one.user}:{one.password}".encode(errors="surrogateescape")).decode()
    return {"auth": pair, **({"identitytoken": one.identity_token} if one.identity_token else {})}


@contextmanager
def credentials(exchange: Exchange, host: str) -> Iterator[Access]:
    """How a registry is reached with what X-Registry-Auth says. As in Docker they are for the
    registry of the request; docker-py names none in the header. Raises UsageError."""
    given = credentials_in(header(exchange, "X-Registry-Auth"))
    with access({host: given} if given else {}) as found:
        yield found


def several(exchange: Exchange) -> dict[str, Credentials]:
    """X-Registry-Config: the credentials of each registry. Raises UsageError."""
    document = header(exchange, "X-Registry-Config")
    found = {host_of(name): credentials_in(part(document, name)) for name in document}
    return {host: one for host, one in found.items() if one is not None}


def authenticate(call: Call) -> None:
    """POST /auth: asks the registry whether it takes these credentials."""
    from hutch.image.registry.remote import connector

    body = call.exchange.document()
    given = credentials_in(body)
    if given is None:
        raise UsageError("username: no user is named")
    make = connector(call.engine.images.settings, credentials=given)
    with closing(make(host_of(text(body, "serveraddress")), "")) as registry:
        registry.login(given.user)
    call.exchange.json({"Status": "Login Succeeded", "IdentityToken": ""})


def remote(call: Call, name: str) -> Reference:
    """The name in a registry that a client means. Raises UsageError."""
    settings = call.engine.images.settings
    return resolve_remote(name, settings.search, settings.aliases)


@contextmanager
def at_registry(call: Call, host: str = "") -> Iterator[Progress]:
    """The images' store, with the client's credentials for ``host``, or for several (in
    X-Registry-Config), that tells the client how it goes on."""
    images = call.engine.images
    progress = Progress(call.exchange)
    before = images.access, images.reporter
    given = credentials(call.exchange, host) if host else access(several(call.exchange))
    with given as found:
        images.access, images.reporter = found, progress
        try:
            yield progress
        finally:
            images.access, images.reporter = before
    call.exchange.end()


# What clients ask


def create(call: Call) -> None:
    """POST /images/create?fromImage=&tag=&platform= pulls; fromSrc=-&repo= imports the body."""
    if call.query.get("fromSrc"):
        return _import(call)
    name = named(call, "fromImage")
    if not name:
        raise UsageError("fromImage: no image is named")
    platform = call.query.get("platform") or None
    with at_registry(call, remote(call, name).registry) as progress:
        if call.query.get("tag") or Reference.parse(name).tag or "@" in name:
            done = [call.engine.images.pull(name, platform=platform)]
        else:
            # As in Docker, a name without a tag means all of them; its own client adds "latest".
            done = call.engine.images.pull_tags(name, platform=platform)
        tell(call, "pull", *(str(pulled.name) for pulled in done))
        for pulled in done:
            claim(call, str(pulled.name))
            progress.say({"status": f"Digest: {pulled.digest}"})
            fresh = "Downloaded newer image for" if pulled.fresh else "Image is up to date for"
            progress.say({"status": f"Status: {fresh} {pulled.name}"})
    return None


def _import(call: Call) -> None:
    if call.query["fromSrc"] != "-":
        raise ApiError(501, "fromSrc: this engine imports the request's body alone (-)")
    made: list[Image] = []
    with_body(
        call.exchange.chunks(),
        lambda source: made.append(
            call.engine.images.import_archive(
                source, named(call, "repo"), changes=call.exchange.repeated.get("changes", []),
                message=call.query.get("message", ""), platform=call.query.get("platform") or None,
            )
        ),
    )  # fmt: skip
    if named(call, "repo"):
        claim(call, named(call, "repo"))
    tell(call, "import", made[0].id)
    call.exchange.begin("application/json")
    call.exchange.line({"status": made[0].id})
    call.exchange.end()


def push(call: Call) -> None:
    """POST /images/NAME/push?tag="""
    given = call.query.get("tag", "")
    name = call.names["name"] + (f":{given}" if given else "")
    reference = Reference.parse(name)
    call.engine.images.find(name)
    for _ in call.exchange.chunks():
        pass
    with at_registry(call, reference.registry or HUB) as progress:
        progress.say({"status": f"The push refers to repository [{reference.repository}]"})
        try:
            pushed = call.engine.images.push(name)
        except HutchError as error:
            progress.say(
                {"errorDetail": {"message": message_of(error)}, "error": message_of(error)}
            )
            return
        tell(call, "push", str(pushed.name))
        tag = pushed.name.tag
        progress.say({"status": f"{tag}: digest: {pushed.digest} size: {pushed.size}"})
        aux = {"Tag": tag, "Digest": str(pushed.digest), "Size": pushed.size}
        progress.say({"progressDetail": {}, "aux": aux})


def search(call: Call) -> None:
    """GET /images/search?term=&limit="""
    from hutch.image.registry.search import search as repositories

    first, slash, rest = call.query.get("term", "").partition("/")
    given = slash and ("." in first or ":" in first or first == "localhost")
    settings = call.engine.images.settings
    hosts = [first] if given else settings.search
    term = rest if given else call.query.get("term", "")
    found: list[dict[str, object]] = []
    for host in hosts:
        name = host.partition("/")[0]
        with credentials(call.exchange, name) as found_access:
            registry = connect(name, "", settings, found_access)
            try:
                for one in repositories(registry, term, whole(call.query, "limit", 25)):
                    found.append(
                        {
                            "name": f"{host}/{one.name}" if given else one.name,
                            "description": one.description, "star_count": one.stars,
                            "is_official": one.official, "is_automated": one.automated,
                        }
                    )  # fmt: skip
            finally:
                registry.close()
    call.exchange.json(found)


def distribution(call: Call) -> None:
    """GET /distribution/NAME/json: what a registry has under a name, without pulling it."""
    from hutch.image.limits import CONFIG_BYTES
    from hutch.image.manifest import Index, parse, parse_config

    name = remote(call, call.names["name"])
    with (
        credentials(call.exchange, name.registry) as found,
        closing(connect(name.registry, name.path, call.engine.images.settings, found)) as registry,
    ):
        raw, kind = registry.manifest(name.path, name.selector)
        top = parse(raw, kind)
        if isinstance(top, Index):
            platforms = [one.platform for one in top.manifests if one.platform]
        else:
            config = b"".join(registry.blob(name.path, top.config))[:CONFIG_BYTES]
            platforms = [parse_config(config, top).platform]
    call.exchange.json(
        {
            "Descriptor": {
                "mediaType": top.media_type, "digest": str(Digest.of(raw)), "size": len(raw),
            },
            "Platforms": [one.json() for one in platforms],
        }
    )  # fmt: skip
