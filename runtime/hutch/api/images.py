"""/images, /commit: the store's images, and registries."""

import base64
import binascii
import fnmatch
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from hutch.api.archives import TAR, send_written, with_body
from hutch.api.call import Call
from hutch.api.containers import chosen
from hutch.api.errors import ApiError, message_of
from hutch.api.fields import filters, text, whole, yes
from hutch.api.http import Exchange
from hutch.engine.engine import Engine
from hutch.errors import HutchError, UsageError, shown
from hutch.image.digest import Digest
from hutch.image.progress import Reporter
from hutch.image.reference import Reference
from hutch.images import Access, Image


def seconds(created: str) -> int:
    """An image's time, in seconds since 1970."""
    from hutch.engine.containers.logs import timestamp

    return int(timestamp(created))


def tags_of(image: Image) -> list[str]:
    """The image's names with a tag, as people write them."""
    found = [Reference.parse(name) for name in image.names]
    return [f"{one.familiar}:{one.tag}" for one in found if one.tag]


def digests_of(image: Image) -> list[str]:
    """The image's names by digest."""
    repositories = {Reference.parse(name).familiar for name in image.names}
    return sorted(f"{name}@{image.digest}" for name in repositories)


def summary(engine: Engine, image: Image) -> dict[str, object]:
    """An image in a list."""
    return {
        "Id": image.id,
        "ParentId": "",
        "RepoTags": tags_of(image),
        "RepoDigests": digests_of(image),
        "Created": seconds(image.created),
        "Size": image.size,
        "VirtualSize": image.size,
        "SharedSize": -1,
        "Containers": -1,
        "Labels": image.config.execution.get("Labels") or {},
    }


def listed(call: Call) -> None:
    """GET /images/json?filters="""
    wanted = filters(call.query)
    found: dict[str, dict[str, object]] = {}
    for image in call.engine.images.images():
        if image.id not in found and all(_holds(image, *one) for one in wanted):
            found[image.id] = summary(call.engine, image)
    call.exchange.json(list(found.values()))


def _holds(image: Image, name: str, value: str) -> bool:
    if name == "dangling":
        return yes({"it": value}, "it") != bool(image.names)
    if name == "label":
        return image.has_label(value)
    if name == "reference":
        return any(
            fnmatch.fnmatchcase(tag, value) or fnmatch.fnmatchcase(tag.rpartition(":")[0], value)
            for tag in tags_of(image)
        )
    raise UsageError(f"invalid filter {shown(name)}")


def inspect(call: Call) -> None:
    """GET /images/NAME/json"""
    image = call.engine.images.find(call.names["name"])
    found = image.inspect()
    config = image.config.execution
    call.exchange.json(
        {
            **found, "RepoTags": tags_of(image), "RepoDigests": digests_of(image), "Parent": "",
            "Comment": "", "Config": config, "ContainerConfig": None, "VirtualSize": image.size,
            "Metadata": {"LastTagTime": "0001-01-01T00:00:00Z"}, "DockerVersion": "",
        }
    )  # fmt: skip


def history(call: Call) -> None:
    """GET /images/NAME/history"""
    steps = call.engine.images.find(call.names["name"]).history()
    call.exchange.json(
        [{**step, "Created": seconds(step["Created"]), "Tags": None} for step in steps]
    )


def tag(call: Call) -> None:
    """POST /images/NAME/tag?repo=&tag="""
    call.engine.images.tag(call.names["name"], named(call, "repo"))
    call.exchange.send(201)


def named(call: Call, repository: str) -> str:
    """The name that two values of the query make; "" for none."""
    name, tag = call.query.get(repository, ""), call.query.get("tag", "")
    if not name or not tag:
        return name
    return f"{name}@{tag}" if ":" in tag else f"{name}:{tag}"


def remove(call: Call) -> None:
    """DELETE /images/NAME?force="""
    lines = call.engine.images.remove(call.names["name"], force=yes(call.query, "force"))
    pairs = [line.partition(": ") for line in lines]
    call.exchange.json([{what: name} for what, _, name in pairs])


def prune(call: Call) -> None:
    """POST /images/prune: those without a name; with dangling=false all that nothing uses."""
    given = chosen(call, {"dangling", "label"})
    every = any(name == "dangling" and not yes({"it": v}, "it") for name, v in given)
    labels = [value for name, value in given if name == "label"]
    gone, size = call.engine.images.prune(
        every=every, meant=lambda image: all(image.has_label(label) for label in labels)
    )
    call.exchange.json(
        {"ImagesDeleted": [{"Deleted": str(id)} for id in gone], "SpaceReclaimed": size}
    )


def commit(call: Call) -> None:
    """POST /commit?container=&repo=&tag=&comment=&author=&changes=&pause="""
    from hutch.engine.containers.commit import commit as make
    from hutch.engine.containers.finish import refresh

    engine = call.engine
    record = refresh(engine, engine.records.find(call.query.get("container", "")))
    lines = "\n".join(call.exchange.repeated.get("changes", [])).splitlines()
    id = make(
        engine, record, named(call, "repo"), changes=lines,
        message=call.query.get("comment", ""), author=call.query.get("author", ""),
        freeze=yes(call.query, "pause", True),
    )  # fmt: skip
    call.exchange.json({"Id": id}, 201)


def save(call: Call) -> None:
    """GET /images/get?names=, GET /images/NAME/get"""
    name = call.names.get("name")
    names = [name] if name else call.exchange.repeated.get("names", [])
    if not names:
        raise UsageError("names: no image is named")
    for one in names:
        call.engine.images.find(one)
    send_written(call.exchange, TAR, lambda output: call.engine.images.save(names, output))


def load(call: Call) -> None:
    """POST /images/load"""
    images = call.engine.images
    place = images.files.work / f"load-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        with open(place, "xb") as file:
            for chunk in call.exchange.chunks():
                file.write(chunk)
        done = images.load(place)
    finally:
        place.unlink(missing_ok=True)
    call.exchange.begin("application/json")
    for pulled in done:
        lines = [f"Loaded image: {name}" for name in tags_of(pulled.image)]
        for line in lines or [f"Loaded image ID: {pulled.image.id}"]:
            call.exchange.line({"stream": line + "\n"})
    call.exchange.end()


# Registries


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


@contextmanager
def credentials(exchange: Exchange) -> Iterator[Access]:
    """How registries are reached with what X-Registry-Auth says (base64url of JSON). Raises
    UsageError."""
    given = exchange.headers.get("x-registry-auth", "")
    try:
        raw = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)) if given else b"{}"
        document = json.loads(raw or b"{}")
    except (ValueError, binascii.Error):
        raise UsageError("X-Registry-Auth is not JSON in base64") from None
    if not isinstance(document, dict):
        raise UsageError("X-Registry-Auth is not an object")
    host = text(document, "serveraddress").removeprefix("https://").partition("/")[0]
    user, password = text(document, "username"), text(document, "password")
    token = text(document, "identitytoken")
    if not host or not (token or user):
        yield Access()
        return
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    auth = {"auth": pair, **({"identitytoken": token} if token else {})}
    fd = os.memfd_create("auth")
    try:
        os.write(fd, json.dumps({"auths": {host: auth}}).encode())
        yield Access(authfile=f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


@contextmanager
def at_registry(call: Call) -> Iterator[Progress]:
    """The images' store, with the client's credentials, that tells the client how it goes on."""
    images = call.engine.images
    progress = Progress(call.exchange)
    before = images.access, images.reporter
    with credentials(call.exchange) as access:
        images.access, images.reporter = access, progress
        try:
            yield progress
        finally:
            images.access, images.reporter = before
    call.exchange.end()


def create(call: Call) -> None:
    """POST /images/create?fromImage=&tag=&platform= pulls; fromSrc=-&repo= imports the body."""
    if call.query.get("fromSrc"):
        return _import(call)
    name = named(call, "fromImage")
    if not name:
        raise UsageError("fromImage: no image is named")
    platform = call.query.get("platform") or None
    with at_registry(call) as progress:
        if call.query.get("tag") or Reference.parse(name).tag or "@" in name:
            done = [call.engine.images.pull(name, platform=platform)]
        else:
            # As in Docker, a name without a tag means all of them; its own client adds "latest".
            done = call.engine.images.pull_tags(name, platform=platform)
        for pulled in done:
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
    with at_registry(call) as progress:
        progress.say({"status": f"The push refers to repository [{reference.repository}]"})
        try:
            pushed = call.engine.images.push(name)
        except HutchError as error:
            progress.say(
                {"errorDetail": {"message": message_of(error)}, "error": message_of(error)}
            )
            return
        tag = pushed.name.tag
        progress.say({"status": f"{tag}: digest: {pushed.digest} size: {pushed.size}"})
        aux = {"Tag": tag, "Digest": str(pushed.digest), "Size": pushed.size}
        progress.say({"progressDetail": {}, "aux": aux})


def search(call: Call) -> None:
    """GET /images/search?term=&limit="""
    from hutch.image.registry.search import search as repositories
    from hutch.images import connect

    first, slash, rest = call.query.get("term", "").partition("/")
    given = slash and ("." in first or ":" in first or first == "localhost")
    settings = call.engine.images.settings
    hosts = [first] if given else settings.search
    term = rest if given else call.query.get("term", "")
    found: list[dict[str, object]] = []
    for host in hosts:
        with credentials(call.exchange) as access:
            registry = connect(host.partition("/")[0], "", settings, access)
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
