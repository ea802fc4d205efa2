"""The rows of a store's networks: what they are, who is to be in them, and who is."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypedDict, cast

from hutch.engine.column import encode, parsed
from hutch.engine.errors import Conflict, NoSuchNetwork
from hutch.errors import StateError, shown
from hutch.image.database import Database

BRIDGE = "bridge"  # the name of the network that containers are in if none is asked for
BUILT_IN = (BRIDGE, "host", "none")
FILTERS = "driver, id, label, name, scope, type=custom|builtin, dangling=BOOL"


class Subnet(TypedDict):
    """A subnet of a network. ``range`` is the part from which addresses are given out, "" for
    all of it; ``gateway`` is the bridge's own address."""

    subnet: str
    gateway: str
    range: str


class PortOption(TypedDict):
    """One port of -p: of the host any from ``first`` to ``last``, 0 for any that is free;
    ``address`` is one of the host's, "" for all."""

    address: str
    first: int
    last: int
    port: int
    protocol: str


class Wishes(TypedDict, total=False):
    """What a container asks of one network; "" and a missing field stand for the default."""

    name: str
    aliases: list[str]
    address4: str
    address6: str
    mac: str


class Network(NamedTuple):
    """A bridge and its subnets, at most one of each IP version. ``link`` is the bridge's name.
    ``chosen``: somebody gave the subnets; else they were picked, and may be picked anew while
    nobody is in the network. ``options`` are Docker's -o."""

    name: str
    id: str
    created: float
    link: str
    subnets: Sequence[Subnet] = ()
    chosen: bool = False
    internal: bool = False
    ipv6: bool = False
    labels: Mapping[str, str] = {}
    options: Mapping[str, str] = {}

    @property
    def named(self) -> bool:
        """Whether its containers find each other by name: not in the default one, as in Docker."""
        return self.name != BRIDGE

    def subnet(self, version: int) -> Subnet | None:
        """Its subnet of an IP version."""
        for subnet in self.subnets:
            if (":" in subnet["subnet"]) == (version == 6):
                return subnet
        return None


class Endpoint(NamedTuple):
    """A running container in a network: its addresses ("" if it has none of a version), the link
    of the host and, at the other end, the container's interface."""

    container: str
    network: str
    id: str
    link: str
    interface: str
    address4: str
    address6: str
    mac: str


class Published(NamedTuple):
    """A port of this host, at one of its addresses or at all, that leads to a container's."""

    protocol: str
    address: str
    host_port: int
    container: str
    port: int


def new_network(name: str, link: str = "") -> Network:
    """A network with an id of its own; nothing is written."""
    id = os.urandom(32).hex()
    return Network(name, id, time.time(), link or f"wr-{id[:12]}")


def _network(row: tuple[object, ...]) -> Network:
    name, id, created, link, subnets, chosen, internal, ipv6, labels, options = row
    return Network(
        str(name), str(id), float(str(created)), str(link), cast("list[Subnet]", parsed(subnets)),
        bool(chosen), bool(internal), bool(ipv6), cast("dict[str, str]", parsed(labels)),
        cast("dict[str, str]", parsed(options)),
    )  # fmt: skip


def _endpoint(row: tuple[object, ...]) -> Endpoint:
    return Endpoint(*("" if value is None else str(value) for value in row))


class Networks:
    """The networks of a store."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def all(self) -> list[Network]:
        return [_network(row) for row in self.database.rows("SELECT * FROM network ORDER BY name")]

    def get(self, name: str) -> Network | None:
        """The network with this whole name."""
        rows = self.database.rows("SELECT * FROM network WHERE name = ?", name)
        return _network(rows[0]) if rows else None

    def find(self, text: str) -> Network:
        """The network of this name, or whose id begins so. Raises NoSuchNetwork."""
        named = self.get(text)
        if named is not None:
            return named
        rows = self.database.rows(
            "SELECT * FROM network WHERE substr(id, 1, ?) = ? LIMIT 2", len(text), text
        ) if text else []  # fmt: skip
        if not rows:
            raise NoSuchNetwork(text, [network.name for network in self.all()])
        if len(rows) > 1:
            raise StateError(f"{shown(text)}: several networks have an id that begins so")
        return _network(rows[0])

    def add(self, network: Network) -> None:
        """Raises Conflict if the name is taken."""
        with self.database.transaction():
            if self.get(network.name) is not None or network.name in ("host", "none", "pasta"):
                raise Conflict(f"network with name {network.name} already exists")
            self.database.rows(
                "INSERT INTO network VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                network.name, network.id, network.created, network.link,
                encode(network.subnets), network.chosen, network.internal, network.ipv6,
                encode(network.labels), encode(network.options),
            )  # fmt: skip

    def save_subnets(self, network: Network) -> None:
        self.database.rows(
            "UPDATE network SET subnets = ? WHERE name = ?",
            encode(network.subnets), network.name,
        )  # fmt: skip

    def remove(self, name: str) -> None:
        """Forgets a network that nobody is in."""
        self.database.rows("DELETE FROM network WHERE name = ?", name)

    # Which container is in which network when it runs

    def attach(self, container: str, wishes: Wishes) -> None:
        """Says that a container is to be in a network. Raises Conflict if it is already."""
        with self.database.transaction():
            before = self.attachments(container)
            name = wishes["name"]
            if any(one["name"] == name for one in before):
                raise Conflict(f"endpoint already exists in network {name}", id=container)
            (row,) = self.database.rows(
                "SELECT ifnull(max(position), -1) + 1 FROM attachment WHERE container = ?",
                container,
            )
            self.database.rows(
                "INSERT INTO attachment VALUES (?, ?, ?, ?)",
                container, name, int(row[0]), encode(wishes),
            )  # fmt: skip

    def detach(self, container: str, name: str) -> bool:
        """The contrary; False if it was not to be there."""
        rows = self.database.rows(
            "DELETE FROM attachment WHERE container = ? AND network = ? RETURNING 1",
            container, name,
        )  # fmt: skip
        return bool(rows)

    def attachments(self, container: str) -> list[Wishes]:
        """The networks that a container is to be in, in order."""
        rows = self.database.rows(
            "SELECT wishes FROM attachment WHERE container = ? ORDER BY position", container
        )
        return [cast("Wishes", parsed(row[0])) for row in rows]

    def attached(self, name: str) -> list[str]:
        """The ids of the containers that are to be in a network."""
        rows = self.database.rows(
            "SELECT container FROM attachment WHERE network = ? ORDER BY container", name
        )
        return [str(row[0]) for row in rows]

    # Which container is in which network now

    def endpoints(self, *, container: str = "", network: str = "") -> list[Endpoint]:
        """All endpoints, or those of a container or of a network."""
        rows = self.database.rows(
            "SELECT * FROM endpoint WHERE (?1 = '' OR container = ?1) AND (?2 = '' OR network = ?2)"
            " ORDER BY container, interface",
            container, network,
        )  # fmt: skip
        return [_endpoint(row) for row in rows]

    def lease(self, endpoint: Endpoint) -> None:
        """Writes an endpoint; its addresses are then taken."""
        self.database.rows(
            "INSERT INTO endpoint VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            endpoint.container, endpoint.network, endpoint.id, endpoint.link, endpoint.interface,
            endpoint.address4 or None, endpoint.address6 or None, endpoint.mac,
        )  # fmt: skip

    def release(self, container: str, network: str = "") -> None:
        """Forgets a container's endpoint in a network, or all of them and its published ports."""
        with self.database.transaction():
            self.database.rows(
                "DELETE FROM endpoint WHERE container = ?1 AND (?2 = '' OR network = ?2)",
                container, network,
            )  # fmt: skip
            if not network:
                self.database.rows("DELETE FROM published WHERE container = ?", container)

    def publish(self, port: Published) -> None:
        """Writes a published port; it is no longer that of a container that was killed."""
        self.database.rows(
            "INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?, ?)",
            port.protocol, port.address, port.host_port, port.container, port.port,
        )  # fmt: skip

    def published(self, container: str = "") -> list[Published]:
        """All published ports, or those of a container."""
        rows = self.database.rows(
            "SELECT * FROM published WHERE ?1 = '' OR container = ?1"
            " ORDER BY port, protocol, address, host_port",
            container,
        )
        return [Published(str(a), str(b), int(c), str(d), int(e)) for a, b, c, d, e in rows]
