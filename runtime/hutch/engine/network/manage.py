"""What the verbs of ``warren network`` do."""

import re
from typing import TYPE_CHECKING

from hutch.engine.containers import records as phases
from hutch.engine.containers.options import bridged as has_networks
from hutch.engine.errors import Conflict
from hutch.engine.network import bridges
from hutch.engine.network.addresses import make_subnet, make_subnets, unique_local
from hutch.engine.network.etc import write_etc
from hutch.engine.network.links import Links
from hutch.engine.network.namespace import inside
from hutch.engine.network.records import BRIDGE, BUILT_IN, Network, Wishes, new_network
from hutch.engine.network.wire import (
    alone,
    default_network,
    join,
    lease,
    leave,
    namespace_path,
    route,
)
from hutch.errors import StateError, UsageError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hutch.engine.containers.records import Record
    from hutch.engine.engine import Engine

NAME = "[A-Za-z0-9][A-Za-z0-9_.-]*"


def create_network(
    engine: "Engine",
    name: str,
    *,
    subnets: list[str] | None = None,
    gateways: list[str] | None = None,
    ranges: list[str] | None = None,
    ipv6: bool = False,
    internal: bool = False,
    labels: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> Network:
    """Makes a network. Its bridge comes with the first container. Raises UsageError, Conflict."""
    if not re.fullmatch(NAME, name):
        raise UsageError(
            f"{shown(name)} is no name of a network",
            hint="letters, digits, and _ . - after the first",
        )
    if name in BUILT_IN:
        raise Conflict(f"operation is not permitted on predefined {name} network")
    options = options or {}
    bridges.check_options(options)
    asked = make_subnets(subnets or [], gateways or [], ranges or [])
    network = new_network(name, options.get(bridges.LINK_OPTION, ""))._replace(
        subnets=asked, chosen=bool(asked), internal=internal, labels=labels or {}, options=options
    )
    default_network(engine)
    with alone(), Links() as links:
        others = engine.networks.all()
        if any(other.name == name for other in others):
            raise Conflict(f"network with name {name} already exists")
        if any(other.link == network.link for other in others):
            raise Conflict(f"another network has the bridge {network.link}")
        _overlaps(network, others)
        if asked and (other := bridges.collision(links, network)):
            raise Conflict(
                f"subnet {asked[0]['subnet']}: the link {other} of this host has addresses of it",
                hint="take another --subnet",
            )
        picked = bridges.pick_subnets(links, network, others)
        network = network._replace(ipv6=ipv6 or network.subnet(6) is not None)
        if network.subnet(4) is None:
            asked = [*picked, *asked]
        if network.ipv6 and network.subnet(6) is None:
            asked = [*asked, make_subnet(unique_local(network.id))]
        network = network._replace(subnets=asked)
        engine.networks.add(network)
    _tell(engine, network, "create")
    return network


def _tell(engine: "Engine", network: Network, action: str, container: str = "") -> None:
    attributes = {"name": network.name, "type": "bridge"}
    if container:
        attributes["container"] = container
    engine.events.add("network", action, network.id, attributes)


def _overlaps(network: Network, others: list[Network]) -> None:
    from ipaddress import ip_network

    for subnet in network.subnets:
        own = ip_network(subnet["subnet"])
        for other in others:
            for theirs in map(ip_network, (one["subnet"] for one in other.subnets)):
                if own.version == theirs.version and own.overlaps(theirs):
                    raise Conflict(
                        f"subnet {own} overlaps with that of network {other.name} ({theirs})",
                        hint="take another --subnet",
                    )


def remove_network(engine: "Engine", name: str) -> Network:
    """Removes a network that no running container is in. Raises NoSuchNetwork, Conflict."""
    if name in BUILT_IN:
        raise Conflict(f"{name} is a pre-defined network and cannot be removed")
    network = engine.networks.find(name)
    with alone(), Links() as links:
        _put_right(engine, network)
        users = engine.networks.endpoints(network=network.name)
        if users:
            raise Conflict(
                f"error while removing network: network {network.name} has active endpoints:"
                f" containers {', '.join(sorted(one.container[:12] for one in users))}",
                hint="stop these containers, or: warren network disconnect",
            )
        engine.networks.remove(network.name)
        found = links.find(network.link)
        if found is not None and found.note.startswith("warren "):
            links.remove(network.link)
    _tell(engine, network, "destroy")
    return network


def _put_right(engine: "Engine", network: Network) -> None:
    """Endpoints whose container is gone do not count."""
    for endpoint in engine.networks.endpoints(network=network.name):
        if engine.records.get(endpoint.container) is None:
            engine.networks.release(endpoint.container)


def prune_networks(
    engine: "Engine", meant: "Callable[[Network], bool]" = lambda _: True
) -> list[str]:
    """Removes all networks that no container is to be in and that are ``meant``; their names."""
    gone = []
    for network in engine.networks.all():
        unused = network.name != BRIDGE and not engine.networks.attached(network.name)
        if unused and meant(network):
            remove_network(engine, network.name)
            gone.append(network.name)
    return gone


def connect(
    engine: "Engine", record: "Record", wishes: Wishes, add_host: "Sequence[str]" = ()
) -> None:
    """Puts a container into a network; at once if it runs. Its /etc/hosts gets the lines of
    ``add_host``, NAME:ADDRESS each. Raises NoSuchNetwork, Conflict."""
    bridged(record)
    network = find_bridge(engine, wishes["name"])
    check_wishes(network, wishes)
    with engine.locked(record.id):
        current = engine.records.get(record.id)
        if current is None:
            return
        engine.networks.attach(record.id, {**wishes, "name": network.name})
        runs = current.phase == phases.RUNNING
        if runs:
            try:
                with alone(), Links() as links:
                    endpoint = lease(engine, links, record.id, network, wishes)
                    join(engine, links, record.id, [endpoint])
            except BaseException:
                with alone(), Links() as links:
                    leave(engine, links, record.id, network.name)
                engine.networks.detach(record.id, network.name)
                raise
        if add_host:
            current.options.add_host += add_host
            engine.records.save(current, "options")
        if runs:
            write_etc(engine, current)
            _tell(engine, network, "connect", record.id)


def disconnect(engine: "Engine", record: "Record", name: str) -> None:
    """Takes a container out of a network, at once if it runs. Raises NoSuchNetwork, Conflict."""
    bridged(record)
    network = find_bridge(engine, name)
    with engine.locked(record.id):
        current = engine.records.get(record.id)
        if current is None or not engine.networks.detach(record.id, network.name):
            raise Conflict(
                f"container {record.name} is not connected to network {network.name}", id=record.id
            )
        if current.phase != phases.RUNNING:
            return
        with alone(), Links() as links:
            leave(engine, links, record.id, network.name)
            namespace = open(namespace_path(engine, record.id), "rb")  # noqa: SIM115
            with namespace:
                with inside(namespace.fileno()):
                    own = Links()
                with own:
                    route(own, engine, record.id)
        write_etc(engine, current)
        _tell(engine, network, "disconnect", record.id)


def find_bridge(engine: "Engine", name: str) -> Network:
    """A network that containers can be put into. Raises NoSuchNetwork, Conflict."""
    if name in ("host", "none", "pasta"):
        raise Conflict(f"a container cannot be put into the network {name} once it is made")
    return default_network(engine) if name == BRIDGE else engine.networks.find(name)


def bridged(record: "Record") -> None:
    """Raises Conflict if the container can be in no network: it has the host's, another's,
    pasta's or none."""
    if not has_networks(record.options):
        raise Conflict(
            f"container {record.name} was made with --network {record.options.network}: it can be"
            " in no other",
            id=record.id,
        )


def check_wishes(network: Network, wishes: Wishes) -> None:
    """What a container asks of a network. Raises UsageError, StateError."""
    from hutch.engine.network.addresses import next_address, parse_address, parse_mac

    if wishes.get("aliases") and not network.named:
        raise UsageError("network-scoped aliases are only supported for user-defined networks")
    for key, version, flag in (("address4", 4, "--ip"), ("address6", 6, "--ip6")):
        wanted = str(wishes.get(key, ""))
        if not wanted:
            continue
        parse_address(wanted, flag, version)
        subnet = network.subnet(version)
        if subnet is None:
            raise StateError(f"{flag} {wanted}: network {network.name} has no IPv{version}")
        next_address(subnet, set(), wanted)
    if wishes.get("mac"):
        wishes["mac"] = parse_mac(wishes["mac"])
