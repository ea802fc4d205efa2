"""Searches a registry: by its catalogue, or if it has none by the older search API.

The catalogue ("_catalog" in Docker's API v2) has names only. Docker Hub has no
catalogue; it answers ``GET /v1/search?q=TERM&n=COUNT`` (Docker's API v1), with descriptions, stars,
and whether an image is official.
"""

import json
from typing import NamedTuple
from urllib.parse import quote

from hutch.image.errors import NotInRegistry, RegistryError
from hutch.image.limits import LIST_BYTES
from hutch.image.reference import HUB
from hutch.image.registry.client import Registry
from hutch.image.registry.target import Target
from hutch.image.registry.url import Url

HUB_SEARCH = "https://index.docker.io/v1/search"
MOST = 100  # the largest page of a search API


class Found(NamedTuple):
    """A repository that was found. From a catalogue, only the name is set."""

    name: str
    description: str = ""
    stars: int = 0
    official: bool = False
    automated: bool = False


def search(registry: Registry, term: str, limit: int) -> list[Found]:
    """The repositories of a registry whose names contain ``term``. From a search API, at most
    ``limit``.

    Raises RegistryError.
    """
    if registry.host == HUB:
        return _searched(registry, Url.parse(HUB_SEARCH), term, limit)
    try:
        return [Found(name) for name in registry.catalogue() if term in name]
    except NotInRegistry as error:
        try:
            return _searched(registry, registry.base().join("/v1/search"), term, limit)
        except RegistryError:
            raise error from None


def _searched(registry: Registry, place: Url, term: str, limit: int) -> list[Found]:
    url = place.join(f"?q={quote(term, safe='')}&n={min(limit, MOST)}")
    what = f"{registry.host}: search"
    reply = registry.transport.request("GET", Target(url))
    if reply.status != 200:
        raise registry.refuse(reply, "search")
    raw = reply.whole(LIST_BYTES, what)
    try:
        results = json.loads(raw)["results"]
        return [
            Found(
                str(one["name"]),
                str(one.get("description") or ""),
                int(one.get("star_count") or 0),
                one.get("is_official") is True,
                one.get("is_automated") is True,
            )
            for one in results
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RegistryError(f"{what}: the reply is not valid JSON") from None
