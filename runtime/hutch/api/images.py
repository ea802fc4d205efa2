"""/images, /commit: the store's images."""

import fnmatch
import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from hutch.api.archives import TAR, send_written
from hutch.api.call import Call
from hutch.api.errors import ApiError
from hutch.api.fields import yes
from hutch.api.selection import filters, meant_to_go, moment, truth
from hutch.engine.filters import Wanted, holds
from hutch.errors import HutchError, UsageError, shown
from hutch.image.errors import ImageError, ImageNotFound
from hutch.image.platform import Platform
from hutch.image.reference import HUB, LOCAL, Reference
from hutch.images import Image

FILTERS = ("before", "dangling", "label", "reference", "since", "until")

# What a config has in the answers to older clients, even if it is not in the image.
CONFIG: dict[str, object] = {
    "Hostname": "", "Domainname": "", "User": "", "AttachStdin": False, "AttachStdout": False,
    "AttachStderr": False, "Tty": False, "OpenStdin": False, "StdinOnce": False, "Env": None,
    "Cmd": None, "Image": "", "Volumes": None, "WorkingDir": "", "Entrypoint": None,
    "OnBuild": None, "Labels": None,
}  # fmt: skip


def seconds(created: str) -> int:
    """An image's time, in seconds since 1970."""
    from hutch.engine.containers.logs import timestamp

    return int(timestamp(created))


def repository_of(name: Reference) -> str:
    """A repository as Docker's clients know it. To them a name without a registry is one of Docker
    Hub, whether it was made on this machine (localhost/NAME in the store) or pulled (``claim``)."""
    return name.path if name.registry == LOCAL else name.familiar


def claim(call: Call, name: str) -> None:
    """Makes a name that an image has just been given the only one that its clients write like this:
    if localhost/NAME is new, docker.io/library/NAME is not there any more, and the other way
    round. Otherwise NAME would mean both."""
    given = Reference.parse(name)
    given = (given if given.registry else given.completed(LOCAL)).tagged()
    if given.tag and given.registry in (LOCAL, HUB):
        other = Reference("", repository_of(given), given.tag)
        other = other.completed(HUB if given.registry == LOCAL else LOCAL)
        with call.engine.store.naming():
            call.engine.store.database.remove_name(str(other))


def familiar(name: str) -> str:
    """A complete name as Docker's clients know it."""
    one = Reference.parse(name)
    return str(one._replace(registry="", path=repository_of(one)))


def tags_of(image: Image) -> list[str]:
    """The image's names with a tag, as Docker's clients know them."""
    found = [Reference.parse(name) for name in image.names]
    return [f"{repository_of(one)}:{one.tag}" for one in found if one.tag]


def digests_of(image: Image) -> list[str]:
    """The image's names by digest."""
    repositories = {repository_of(Reference.parse(name)) for name in image.names}
    return sorted(f"{name}@{image.digest}" for name in repositories)


def summary(call: Call, image: Image, *, manifests: bool = False) -> dict[str, object]:
    """An image in a list."""
    found: dict[str, object] = {
        "Id": image.id,
        "ParentId": "",
        "RepoTags": tags_of(image),
        "RepoDigests": digests_of(image),
        "Created": seconds(image.created),
        "Size": image.size,
        "VirtualSize": image.size,
        "SharedSize": -1,
        "Containers": len(containers_of(call, image)),
        "Labels": image.config.execution.get("Labels") or {},
        "Descriptor": image.manifest.descriptor.json(),
    }
    if manifests:
        found["Manifests"] = [manifest_of(call, image)]
    return found


def containers_of(call: Call, image: Image) -> list[str]:
    """The ids of the containers of an image."""
    return [r.id for r in call.engine.records.all() if r.manifest == str(image.digest)]


def manifest_of(call: Call, image: Image) -> dict[str, object]:
    """One of Manifests: the store has an image for one platform only."""
    descriptor = image.manifest.descriptor
    content = descriptor.size + sum(layer.size for layer in image.manifest.layers)
    return {
        "ID": str(image.digest),
        "Descriptor": descriptor.json(),
        "Available": True,
        "Kind": "image",
        "Size": {"Content": content, "Total": content + image.size},
        "ImageData": {
            "Platform": image.platform.json(),
            "Containers": containers_of(call, image),
            "Size": {"Unpacked": image.size},
        },
    }


def platform_of(query: dict[str, str]) -> Platform | None:
    """The platform that a query wants, as linux/arm64 or as JSON. Raises UsageError."""
    given = query.get("platform", "")
    if not given.lstrip().startswith("{"):
        return Platform.parse(given) if given else None
    try:
        return Platform.from_json(json.loads(given), "platform")
    except (ValueError, RecursionError, ImageError):
        raise UsageError(f"platform: {shown(given)} is not a platform") from None


def found_image(call: Call, name: str) -> Image:
    """The image, of the platform that the query wants. Raises ImageNotFound: clients then pull."""
    image = call.engine.images.find(name)
    platform = platform_of(call.query)
    if platform is not None and image.platform.rank(platform) is None:
        raise ImageNotFound(name, hint=f"it is there for {image.platform}, not for {platform}")
    return image


def listed(call: Call) -> None:
    """GET /images/json?filters=&manifests="""
    wanted = filters(call.query, FILTERS)
    pattern = wanted.pop("reference", [])
    holds_one = condition(call, wanted)
    found: dict[str, dict[str, object]] = {}
    for image in call.engine.images.images():
        if image.id in found or not holds(wanted, partial(holds_one, image)):
            continue
        one = summary(call, image, manifests=yes(call.query, "manifests"))
        if pattern:
            tags = [tag for tag in tags_of(image) if _is_named(tag, pattern)]
            homes = {tag.rpartition(":")[0] for tag in tags}
            one["RepoTags"] = tags
            one["RepoDigests"] = [d for d in digests_of(image) if d.partition("@")[0] in homes]
        if one["RepoTags"] or not pattern:
            found[image.id] = one
    call.exchange.json(list(found.values()))


def _is_named(tag: str, patterns: list[str]) -> bool:
    forms = [tag, tag.rpartition(":")[0]]
    patterns = [pattern.removeprefix(LOCAL + "/") for pattern in patterns]
    return any(fnmatch.fnmatchcase(form, pattern) for form in forms for pattern in patterns)


def condition(call: Call, wanted: Wanted) -> Callable[[Image, str, str], bool]:
    """Whether one of the filters lets an image pass. Raises UsageError, ImageNotFound."""
    times = {
        (name, value): moment(value) if name == "until" else
        seconds(call.engine.images.find(value).created)
        for name in ("before", "since", "until") for value in wanted.get(name, [])
    }  # fmt: skip

    def holds_one(image: Image, name: str, value: str) -> bool:
        if name == "dangling":
            return truth(value, name) != bool(image.names)
        if name == "label":
            return image.has_label(value)
        created = seconds(image.created)
        return created > times[name, value] if name == "since" else created < times[name, value]

    return holds_one


def inspect(call: Call) -> None:
    """GET /images/NAME/json?manifests=&platform="""
    image = found_image(call, call.names["name"])
    found = image.inspect()
    document: dict[str, object] = {
        **found, "RepoTags": tags_of(image), "RepoDigests": digests_of(image), "Parent": "",
        "Comment": found.get("Comment") or "", "Config": image.config.execution,
        "ContainerConfig": CONFIG,  # not in 1.45, but docker compose 1.29 reads it at all versions
        "VirtualSize": image.size,
        "Metadata": {"LastTagTime": "0001-01-01T00:00:00Z"}, "DockerVersion": "",
        "Descriptor": image.manifest.descriptor.json(),
    }  # fmt: skip
    if call.version < (1, 50):
        document["Config"] = {**CONFIG, **image.config.execution}
    if call.version < (1, 45):
        document["Container"] = ""
    if yes(call.query, "manifests"):
        document["Manifests"] = [manifest_of(call, image)]
    call.exchange.json(document)


def history(call: Call) -> None:
    """GET /images/NAME/history?platform="""
    image = found_image(call, call.names["name"])
    steps: list[dict[str, object]] = [
        {
            "Id": "<missing>", "Created": seconds(step["Created"]), "CreatedBy": step["CreatedBy"],
            "Tags": None, "Size": step["Size"], "Comment": step["Comment"],
        }
        for step in image.history()
    ]  # fmt: skip
    if steps:
        steps[0] |= {"Id": image.id, "Tags": tags_of(image)}
    call.exchange.json(steps)


def tag(call: Call) -> None:
    """POST /images/NAME/tag?repo=&tag="""
    call.engine.images.tag(call.names["name"], named(call, "repo"))
    claim(call, named(call, "repo"))
    tell(call, "tag", named(call, "repo"))
    call.exchange.send(201)


def named(call: Call, repository: str) -> str:
    """The name that two values of the query make; "" for none."""
    name, tag = call.query.get(repository, ""), call.query.get("tag", "")
    if not name or not tag:
        return name
    return f"{name}@{tag}" if ":" in tag else f"{name}:{tag}"


def remove(call: Call) -> None:
    """DELETE /images/NAME?force="""
    if call.query.get("platforms"):
        raise ApiError(501, "platforms: this engine has an image for one platform under a name")
    lines = call.engine.images.remove(call.names["name"], force=yes(call.query, "force"))
    pairs = [line.partition(": ") for line in lines]
    for what, _, name in pairs:
        tell(call, "untag" if what == "Untagged" else "delete", name)
    call.exchange.json(
        [{what: familiar(name) if what == "Untagged" else name} for what, _, name in pairs]
    )


def prune(call: Call) -> None:
    """POST /images/prune?filters=: those without a name; with dangling=false all that nothing
    uses."""
    wanted, meant = meant_to_go(call, "dangling")
    every = any(not truth(value, "dangling") for value in wanted.get("dangling", []))
    gone, size = call.engine.images.prune(
        every=every, meant=lambda image: meant(seconds(image.created), labels_of(image))
    )
    tell(call, "delete", *map(str, gone))
    call.engine.events.add("image", "prune", "", {"reclaimed": str(size)})
    call.exchange.json(
        {"ImagesDeleted": [{"Deleted": str(id)} for id in gone], "SpaceReclaimed": size}
    )


def tell(call: Call, action: str, *names: str) -> None:
    """Events of images: docker events shows what the API did to them."""
    for name in names:
        id = name
        with suppress(HutchError):
            id = call.engine.images.find(name).id
        call.engine.events.add("image", action, id, {"name": name})


def labels_of(image: Image) -> dict[str, str]:
    """Its labels. Raises ImageError if its config is damaged."""
    return image.config.checked().get("Labels") or {}


def attestations(call: Call) -> None:
    """GET /images/NAME/attestations?platform=&type=: there are none, since pulls leave them out."""
    found_image(call, call.names["name"])
    call.exchange.json([])


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
    if named(call, "repo"):
        claim(call, named(call, "repo"))
    call.exchange.json({"Id": id}, 201)


def save(call: Call) -> None:
    """GET /images/get?names=&platform=, GET /images/NAME/get?platform="""
    name = call.names.get("name")
    names = [name] if name else call.exchange.repeated.get("names", [])
    if not names:
        raise UsageError("names: no image is named")
    for one in names:
        found_image(call, one)
    tell(call, "save", *names)
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
    except ImageError as error:
        said = error.sentence.replace(shown(str(place)), "the request's body")
        raise ApiError(400, said) from None
    finally:
        place.unlink(missing_ok=True)
    call.exchange.begin("application/json")
    for pulled in done:
        tell(call, "load", pulled.image.id)
        for name in pulled.image.names:
            claim(call, name)
        lines = [f"Loaded image: {name}" for name in tags_of(pulled.image)]
        for line in lines or [f"Loaded image ID: {pulled.image.id}"]:
            call.exchange.line({"stream": line + "\n"})
    call.exchange.end()
