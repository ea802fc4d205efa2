"""Descriptions of networks and ports, in the format of Docker."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict

from hutch.engine.containers.listing import rfc3339
from hutch.engine.network.port_words import whole
from hutch.engine.network.records import (
    BUILT_IN,
    FILTERS,
    Endpoint,
    Network,
    PortOption,
    Published,
)
from hutch.errors import UsageError, shown

if TYPE_CHECKING:
    from hutch.engine.containers.records import Record
    from hutch.engine.engine import Engine


class HostPort(TypedDict):
    """A place of the host that leads to a port."""

    HostIp: str
    HostPort: str


class NetworkDocument(TypedDict):
    """A network, in the shape of ``docker network inspect``."""

    Name: str
    Id: str
    Created: str
    Scope: str
    Driver: str
    EnableIPv6: bool
    IPAM: dict[str, object]
    Internal: bool
    Attachable: bool
    Ingress: bool
    ConfigFrom: dict[str, str]
    ConfigOnly: bool
    Containers: dict[str, dict[str, str]]
    Options: dict[str, str]
    Labels: dict[str, str]


def network_settings(
    engine: "Engine", record: "Record", exposes: Iterable[str]
) -> dict[str, object]:
    """NetworkSettings of a container; ``exposes`` are its exposed ports."""
    endpoints = {one.network: one for one in engine.networks.endpoints(container=record.id)}
    networks: dict[str, dict[str, object]] = {}
    for wishes in engine.networks.attachments(record.id):
        name = wishes["name"]
        network, endpoint = engine.networks.get(name), endpoints.get(name)
        networks[name] = endpoint_settings(network, endpoint)
        names = [record.name, *wishes.get("aliases", []), record.id[:12]]
        networks[name]["Aliases"] = wishes.get("aliases") or None
        networks[name]["DNSNames"] = names if network and network.named else None
        networks[name]["IPAMConfig"] = {
            key: value
            for key, value in (
                ("IPv4Address", wishes.get("address4")), ("IPv6Address", wishes.get("address6")),
            )
            if value
        } or None  # fmt: skip
    if not networks:
        networks[record.options.network] = endpoint_settings(None, None)
    first = networks.get("bridge", endpoint_settings(None, None))
    published = engine.networks.published(record.id)
    running = bool(endpoints or published)
    return {
        "Ports": ports(published, exposes) if running else {},
        "SandboxKey": _sandbox(engine, record) if running else "",
        **{key: first[key] for key in (
            "EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPAddress",
            "IPPrefixLen", "IPv6Gateway", "MacAddress",
        )},
        "Networks": networks,
    }  # fmt: skip


def _sandbox(engine: "Engine", record: "Record") -> str:
    from hutch.engine.network.wire import namespace_path

    return str(namespace_path(engine, record.id))


def endpoint_settings(network: Network | None, endpoint: Endpoint | None) -> dict[str, object]:
    """One of NetworkSettings.Networks."""
    found: dict[str, object] = {
        "IPAMConfig": None, "Links": None, "Aliases": None, "DNSNames": None,
        "NetworkID": network.id if network else "",
        "EndpointID": "", "Gateway": "", "IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "",
        "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "MacAddress": "", "DriverOpts": None,
    }  # fmt: skip
    if network is None or endpoint is None:
        return found
    found["EndpointID"], found["MacAddress"] = endpoint.id, endpoint.mac
    four, six = network.subnet(4), network.subnet(6)
    if four and endpoint.address4:
        found["IPAddress"] = endpoint.address4
        found["IPPrefixLen"] = int(four["subnet"].partition("/")[2])
        found["Gateway"] = "" if network.internal else four["gateway"]
    if six and endpoint.address6:
        found["GlobalIPv6Address"] = endpoint.address6
        found["GlobalIPv6PrefixLen"] = int(six["subnet"].partition("/")[2])
        found["IPv6Gateway"] = "" if network.internal else six["gateway"]
    return found


def ports(
    published: Iterable[Published], exposes: Iterable[str]
) -> dict[str, list[HostPort] | None]:
    """NetworkSettings.Ports: exposed ports, with the places of the host that lead to them."""
    found: dict[str, list[HostPort] | None] = dict.fromkeys(map(whole, exposes))
    for port in published:
        word = f"{port.port}/{port.protocol}"
        found[word] = [
            *(found.get(word) or []), {"HostIp": port.address, "HostPort": str(port.host_port)},
        ]  # fmt: skip
    return dict(sorted(found.items(), key=lambda item: int(item[0].partition("/")[0])))


def bindings(options: Iterable[PortOption]) -> dict[str, list[HostPort]]:
    """HostConfig.PortBindings."""
    found: dict[str, list[HostPort]] = {}
    for option in options:
        first, last = option["first"], option["last"]
        number = "" if not first else str(first) if first == last else f"{first}-{last}"
        found.setdefault(f"{option['port']}/{option['protocol']}", []).append(
            {"HostIp": option["address"], "HostPort": number}
        )
    return found


def inspect_network(engine: "Engine", network: Network) -> NetworkDocument:
    """A network, in the shape of ``docker network inspect``."""
    containers = {}
    for endpoint in engine.networks.endpoints(network=network.name):
        record = engine.records.get(endpoint.container)
        lengths = {
            version: subnet["subnet"].partition("/")[2]
            for version in (4, 6)
            if (subnet := network.subnet(version))
        }
        containers[endpoint.container] = {
            "Name": record.name if record else "",
            "EndpointID": endpoint.id,
            "MacAddress": endpoint.mac,
            "IPv4Address": f"{endpoint.address4}/{lengths[4]}" if endpoint.address4 else "",
            "IPv6Address": f"{endpoint.address6}/{lengths[6]}" if endpoint.address6 else "",
        }
    return {
        "Name": network.name,
        "Id": network.id,
        "Created": rfc3339(network.created),
        "Scope": "local",
        "Driver": "bridge",
        "EnableIPv6": network.ipv6,
        "IPAM": {
            "Driver": "default",
            "Options": {},
            "Config": [
                {
                    "Subnet": subnet["subnet"],
                    **({"IPRange": subnet["range"]} if subnet["range"] else {}),
                    "Gateway": subnet["gateway"],
                }
                for subnet in network.subnets
            ],
        },
        "Internal": network.internal,
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": containers,
        "Options": dict(network.options),
        "Labels": dict(network.labels),
    }


def inspect_built_in(name: str) -> NetworkDocument:
    """The networks ``host`` and ``none``, which are no bridges."""
    return {
        "Name": name, "Id": name, "Created": rfc3339(0), "Scope": "local",
        "Driver": "host" if name == "host" else "null", "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Options": None, "Config": []}, "Internal": False,
        "Attachable": False, "Ingress": False, "ConfigFrom": {"Network": ""}, "ConfigOnly": False,
        "Containers": {}, "Options": {}, "Labels": {},
    }  # fmt: skip


def listed_networks(engine: "Engine") -> list[NetworkDocument]:
    """All networks, the built-in ones too, by name."""
    found = [inspect_network(engine, network) for network in engine.networks.all()]
    found += [inspect_built_in(name) for name in BUILT_IN[1:]]
    return sorted(found, key=lambda one: one["Name"])


def matches(text: str, one: NetworkDocument, used: bool) -> bool:
    """Whether a filter lets a network pass. Raises UsageError."""
    key, given, value = text.partition("=")
    built_in = one["Name"] in ("bridge", "host", "none")
    labels = one["Labels"]
    if given and key == "driver":
        return value == one["Driver"]
    if given and key == "id":
        return str(one["Id"]).startswith(value)
    if given and key == "name":
        return value in str(one["Name"])
    if given and key == "scope":
        return value == "local"
    if key == "type" and value in ("custom", "builtin"):
        return built_in == (value == "builtin")
    if key == "dangling" and value in ("true", "1", "false", "0"):
        return (not built_in and not used) == (value in ("true", "1"))
    if given and key == "label" and isinstance(labels, dict):
        label, has_value, wanted = value.partition("=")
        return label in labels and (not has_value or labels[label] == wanted)
    raise UsageError(f"invalid filter {shown(text)}", hint=FILTERS)
