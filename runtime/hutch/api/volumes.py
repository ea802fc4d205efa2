"""/volumes."""

from hutch.api.call import Call
from hutch.api.containers import chosen
from hutch.api.errors import ApiError
from hutch.api.fields import filters, text, words, yes
from hutch.engine.containers.describe import inspect_volume
from hutch.engine.volumes import Volume
from hutch.errors import UsageError, shown


def listed(call: Call) -> None:
    """GET /volumes?filters="""
    wanted = filters(call.query)
    found = [
        inspect_volume(call.engine, volume)
        for volume in call.engine.volumes.all()
        if all(_holds(call, volume, name, value) for name, value in wanted)
    ]
    call.exchange.json({"Volumes": found, "Warnings": []})


def _holds(call: Call, volume: Volume, name: str, value: str) -> bool:
    if name == "name":
        return value in volume.name
    if name == "driver":
        return value == "local"
    if name == "label":
        key, given, wanted = value.partition("=")
        return key in volume.labels and (not given or volume.labels[key] == wanted)
    if name == "dangling":
        return yes({"it": value}, "it") != bool(call.engine.volumes.users(volume.name))
    raise UsageError(f"invalid filter {shown(name)}")


def create(call: Call) -> None:
    """POST /volumes/create: a volume that is there already is given as it is."""
    body = call.exchange.document()
    if text(body, "Driver", "local") != "local":
        raise ApiError(501, f"there is no volume driver {shown(text(body, 'Driver'))}")
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
    """POST /volumes/prune: the anonymous ones; all with the filter ``all`` (since 1.42)."""
    given = chosen(call, {"all"})
    every = call.version < (1, 42) or any(yes({"it": value}, "it") for _, value in given)
    call.exchange.json(
        {"VolumesDeleted": call.engine.volumes.prune(every=every), "SpaceReclaimed": 0}
    )
