"""/networks."""

from ipaddress import ip_network

from hutch.api.call import Call
from hutch.api.create import wishes
from hutch.api.errors import ApiError
from hutch.api.fields import flag, part, parts, strings, text, words
from hutch.api.selection import filters, meant_to_go
from hutch.engine.containers.finish import refresh, refresh_all
from hutch.engine.errors import NoSuchNetwork
from hutch.engine.filters import holds
from hutch.engine.network.describe import (
    NetworkDocument,
    inspect_built_in,
    inspect_network,
    listed_networks,
    matches,
)
from hutch.engine.network.records import BRIDGE, Network
from hutch.engine.network.wire import default_network
from hutch.errors import NotFound, shown

# What Docker's default bridge says of itself, and is true of ours.
BRIDGE_OPTIONS = {
    "com.docker.network.bridge.default_bridge": "true",
    "com.docker.network.bridge.enable_icc": "true",
    "com.docker.network.bridge.enable_ip_masquerade": "true",
    "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",  # noqa: S104
}
FILTERS = ("dangling", "driver", "id", "label", "name", "scope", "type")


def listed(call: Call) -> None:
    """GET /networks?filters="""
    wanted = filters(call.query, FILTERS)
    default_network(call.engine)
    found = []
    for one in listed_networks(call.engine):
        used = bool(call.engine.networks.attached(one["Name"]))
        if holds(wanted, lambda name, value: matches(f"{name}={value}", one, used)):  # noqa: B023
            found.append(document(one))
    call.exchange.json(found)


def document(one: NetworkDocument) -> dict[str, object]:
    """The network with the fields that only Docker's API has."""
    if one["Name"] == BRIDGE:
        one["Options"] = BRIDGE_OPTIONS | one["Options"]
    return {**one, "EnableIPv4": True, "Peers": [], "Services": {}}


def inspect(call: Call) -> None:
    """GET /networks/NAME"""
    name = call.names["name"]
    if name in ("host", "none"):
        return call.exchange.json(document(inspect_built_in(name)))
    refresh_all(call.engine)
    if call.query.get("scope", "local") not in ("", "local"):
        raise NoSuchNetwork(name)
    network = default_network(call.engine) if name == BRIDGE else call.engine.networks.find(name)
    found = document(inspect_network(call.engine, network))
    found["Status"] = {"IPAM": {"Subnets": addresses(call, network)}}
    return call.exchange.json(found)


def addresses(call: Call, network: Network) -> dict[str, dict[str, int]]:
    """How many addresses of each subnet are taken, and how many containers may still have one."""
    found = {}
    endpoints = call.engine.networks.endpoints(network=network.name)
    for version in (4, 6):
        subnet = network.subnet(version)
        if subnet is None:
            continue
        whole = ip_network(subnet["subnet"])
        # Its own address, its gateway's, and in IPv4 that of all.
        taken = (3 if version == 4 else 2) + sum(
            bool(one.address4 if version == 4 else one.address6) for one in endpoints
        )
        part = ip_network(subnet["range"]) if subnet["range"] else whole
        left = max(0, part.num_addresses - taken)
        found[subnet["subnet"]] = {
            "IPsInUse": taken, "DynamicIPsAvailable": min(left, (1 << 63) - 1),
        }  # fmt: skip
    return found


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
    from hutch.api.links import hosts
    from hutch.engine.network.manage import connect as join

    body = call.exchange.document()
    record = refresh(call.engine, call.engine.records.find(text(body, "Container")))
    name, endpoint = call.names["name"], part(body, "EndpointConfig")
    linked = hosts(call.engine, strings(endpoint, "Links"), {name}, "EndpointConfig.Links")
    join(call.engine, record, wishes(name, endpoint), linked)
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
    """POST /networks/prune?filters="""
    from hutch.engine.network.manage import prune_networks

    _, meant = meant_to_go(call)
    refresh_all(call.engine)
    gone = prune_networks(call.engine, lambda network: meant(network.created, network.labels))
    call.engine.events.add("network", "prune", "", {"reclaimed": "0"})
    call.exchange.json({"NetworksDeleted": gone})
