"""/volumes."""

from hutch.api.call import Call
from hutch.api.errors import ApiError
from hutch.api.fields import text, words, yes
from hutch.api.selection import filters, meant_to_go, truth
from hutch.engine.containers.describe import inspect_volume
from hutch.engine.filters import has_label, holds
from hutch.engine.volumes import Volume
from hutch.errors import shown

FILTERS = ("dangling", "driver", "label", "name")


def listed(call: Call) -> None:
    """GET /volumes?filters="""
    wanted = filters(call.query, FILTERS)
    found = [
        inspect_volume(call.engine, volume)
        for volume in call.engine.volumes.all()
        if holds(wanted, lambda name, value: _holds(call, volume, name, value))  # noqa: B023
    ]
    call.exchange.json({"Volumes": found, "Warnings": []})


def _holds(call: Call, volume: Volume, name: str, value: str) -> bool:
    if name == "name":
        return value in volume.name
    if name == "driver":
        return value == "local"
    if name == "label":
        return has_label(volume.labels, value)
    return truth(value, name) != bool(call.engine.volumes.users(volume.name))


def create(call: Call) -> None:
    """POST /volumes/create: a volume that is there already is given as it is."""
    body = call.exchange.document()
    if text(body, "Driver", "local") != "local":
        raise ApiError(501, f"there is no volume driver {shown(text(body, 'Driver'))}")
    if body.get("ClusterVolumeSpec"):
        raise ApiError(501, "ClusterVolumeSpec: this engine has no volumes of a swarm")
    volume = call.engine.volumes.create(
        text(body, "Name"), labels=words(body, "Labels"), options=words(body, "DriverOpts")
    )
    call.exchange.json(inspect_volume(call.engine, volume), 201)


def inspect(call: Call) -> None:
    """GET /volumes/NAME"""
    call.exchange.json(inspect_volume(call.engine, call.engine.volumes.get(call.names["name"])))


def remove(call: Call) -> None:
    """DELETE /volumes/NAME?force="""
    from hutch.engine.errors import NoSuchVolume

    try:
        call.engine.volumes.remove(call.names["name"])
    except NoSuchVolume:
        if not yes(call.query, "force"):
            raise
    call.exchange.send(204)


def prune(call: Call) -> None:
    """POST /volumes/prune?filters=: the anonymous ones; with the filter ``all`` (1.42) all."""
    wanted, meant = meant_to_go(call, "all")
    every = call.version < (1, 42) or any(truth(value, "all") for value in wanted.get("all", []))
    gone, freed = call.engine.volumes.prune(
        every=every, meant=lambda volume: meant(volume.created, volume.labels)
    )
    call.engine.events.add("volume", "prune", "", {"reclaimed": str(freed)})
    call.exchange.json({"VolumesDeleted": gone, "SpaceReclaimed": freed})
