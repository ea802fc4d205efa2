"""/networks."""

from hutch.api.call import Call
from hutch.api.containers import chosen
from hutch.api.create import wishes
from hutch.api.errors import ApiError
from hutch.api.fields import filters, flag, part, parts, text, words
from hutch.engine.containers.finish import refresh, refresh_all
from hutch.engine.network.describe import (
    inspect_built_in,
    inspect_network,
    listed_networks,
    matches,
)
from hutch.engine.network.records import BRIDGE
from hutch.engine.network.wire import default_network
from hutch.errors import NotFound, shown


def listed(call: Call) -> None:
    """GET /networks?filters="""
    wanted = filters(call.query)
    default_network(call.engine)
    found = []
    for one in listed_networks(call.engine):
        used = bool(call.engine.networks.attached(one["Name"]))
        groups: dict[str, list[bool]] = {}
        for name, value in wanted:
            groups.setdefault(name, []).append(matches(f"{name}={value}", one, used))
        labels = groups.pop("label", [])
        if all(labels) and all(any(holds) for holds in groups.values()):
            found.append(one)
    call.exchange.json(found)


def inspect(call: Call) -> None:
    """GET /networks/NAME"""
    name = call.names["name"]
    if name in ("host", "none"):
        return call.exchange.json(inspect_built_in(name))
    refresh_all(call.engine)
    network = default_network(call.engine) if name == BRIDGE else call.engine.networks.find(name)
    return call.exchange.json(inspect_network(call.engine, network))


def create(call: Call) -> None:
    """POST /networks/create"""
    from hutch.engine.network.manage import create_network

    body = call.exchange.document()
    driver = text(body, "Driver", "bridge")
    if driver not in ("bridge", "default"):
        raise ApiError(404, f"there is no network driver {shown(driver)}")
    for name in ("ConfigFrom", "ConfigOnly", "Ingress"):
        if body.get(name) and (name != "ConfigFrom" or part(body, name).get("Network")):
            raise ApiError(501, f"{name}: this engine does not have it")
    configs = parts(part(body, "IPAM"), "Config")
    network = create_network(
        call.engine,
        text(body, "Name"),
        subnets=[text(one, "Subnet") for one in configs if one.get("Subnet")],
        gateways=[text(one, "Gateway") for one in configs if one.get("Gateway")],
        ranges=[text(one, "IPRange") for one in configs if one.get("IPRange")],
        ipv6=flag(body, "EnableIPv6"),
        internal=flag(body, "Internal"),
        labels=words(body, "Labels"),
        options=words(body, "Options"),
    )
    call.exchange.json({"Id": network.id, "Warning": ""}, 201)


def remove(call: Call) -> None:
    """DELETE /networks/NAME: 403 while a container is in it."""
    from hutch.engine.errors import Conflict
    from hutch.engine.network.manage import remove_network

    refresh_all(call.engine)
    try:
        remove_network(call.engine, call.names["name"])
    except Conflict as error:
        raise ApiError(403, error.sentence) from None
    call.exchange.send(204)


def connect(call: Call) -> None:
    """POST /networks/NAME/connect"""
    from hutch.engine.network.manage import connect as join

    body = call.exchange.document()
    record = refresh(call.engine, call.engine.records.find(text(body, "Container")))
    join(call.engine, record, wishes(call.names["name"], part(body, "EndpointConfig")))
    call.exchange.send(200)


def disconnect(call: Call) -> None:
    """POST /networks/NAME/disconnect"""
    from hutch.engine.network.manage import disconnect as leave

    body = call.exchange.document()
    try:
        record = refresh(call.engine, call.engine.records.find(text(body, "Container")))
    except NotFound:
        if not flag(body, "Force"):
            raise
    else:
        leave(call.engine, record, call.names["name"])
    call.exchange.send(200)


def prune(call: Call) -> None:
    """POST /networks/prune"""
    from hutch.engine.network.manage import prune_networks

    chosen(call, set())
    refresh_all(call.engine)
    call.exchange.json({"NetworksDeleted": prune_networks(call.engine)})
