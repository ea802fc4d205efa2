"""Published ports: what -p, -P and --expose say, and sockets that keep the ports for us.

nftables sends what comes to a published port to the container (ruleset.py), whoever listens there.
So that no program of the host does, conmon holds a bound socket for each: it is closed when the
container ends, whatever happens, and a port in use is found before anything else is done.
"""

import errno
import socket
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from hutch.engine.errors import Conflict
from hutch.engine.network.records import PortOption, Published
from hutch.errors import HostError, KernelError, UsageError, shown

PROTOCOLS = ("tcp", "udp", "sctp")
EVERYWHERE = {4: "0.0.0.0", 6: "::"}  # noqa: S104
TRIES = 32


def publish(text: str) -> list[PortOption]:
    """One -p: [[ADDRESS:][PORT]:]PORT[/PROTOCOL]; each PORT may be a range. Raises UsageError."""
    address, host, container = _parts(text)
    container, slash, protocol = container.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in PROTOCOLS:
        raise UsageError(f"invalid proto: {protocol}", hint=", ".join(PROTOCOLS))
    if address:
        try:
            address = str(ip_address(address))
        except ValueError:
            raise UsageError(f"invalid IP address: {address}") from None
    first, last = _range(container, "container", text)
    if not host:
        return [_one(address, 0, 0, port, protocol) for port in range(first, last + 1)]
    host_first, host_last = _range(host, "host", text)
    if first == last:
        return [_one(address, host_first, host_last, first, protocol)]
    if host_last - host_first != last - first:
        raise UsageError(f"invalid ranges specified for container and host ports: {text}")
    return [
        _one(address, host_first + n, host_first + n, first + n, protocol)
        for n in range(last - first + 1)
    ]


def _one(address: str, first: int, last: int, port: int, protocol: str) -> PortOption:
    return {"address": address, "first": first, "last": last, "port": port, "protocol": protocol}


def _parts(text: str) -> tuple[str, str, str]:
    """Address, ports of the host, ports of the container; an address of IPv6 stands in [ ]."""
    address = ""
    rest = text
    if text.startswith("["):
        address, closed, rest = text[1:].partition("]:")
        if not closed:
            raise UsageError(f"-p {shown(text)}: the address is not followed by a port")
    parts = rest.split(":")
    if not address and len(parts) == 3:
        address, parts = parts[0], parts[1:]
    if len(parts) > 2 or not parts[-1]:
        raise UsageError(
            f"-p {shown(text)} is no port", hint="[[ADDRESS:][PORT]:]PORT[/tcp|udp|sctp]"
        )
    return address, parts[0] if len(parts) == 2 else "", parts[-1]


def _range(text: str, whose: str, whole: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    try:
        first, last = int(low), int(high if dash else low)
    except ValueError:
        first = last = 0
    if not (0 < first <= last < 65536) or not text.replace("-", "").isdecimal():
        raise UsageError(f"invalid {whose} port {shown(text)} in -p {whole}", hint="1 to 65535")
    return first, last


def exposed(words: Iterable[str]) -> list[tuple[int, str]]:
    """The ports of --expose and of an image's EXPOSE, in order. Raises UsageError."""
    found: set[tuple[int, str]] = set()
    for word in words:
        ports, slash, protocol = word.partition("/")
        protocol = protocol.lower() if slash else "tcp"
        if protocol not in PROTOCOLS:
            raise UsageError(f"invalid proto: {protocol}", hint=", ".join(PROTOCOLS))
        first, last = _range(ports, "exposed", word)
        found.update((port, protocol) for port in range(first, last + 1))
    return sorted(found)


def wanted(options: Sequence[PortOption], exposes: Iterable[str], every: bool) -> list[PortOption]:
    """What -p says, and with -P (``every``) any port of the host for each that is exposed."""
    found = list(options)
    if every:
        named = {(option["port"], option["protocol"]) for option in options}
        found += [
            _one("", 0, 0, port, protocol)
            for port, protocol in exposed(exposes)
            if (port, protocol) not in named
        ]
    return found


class Reserved(NamedTuple):
    """Ports of this host that are ours while the descriptors are open."""

    ports: list[Published]
    sockets: list[socket.socket]

    def descriptors(self) -> tuple[int, ...]:
        return tuple(one.fileno() for one in self.sockets)

    def close(self) -> None:
        for one in self.sockets:
            one.close()


def reserve(
    container: str, options: Sequence[PortOption], versions: Sequence[int],
    others: Sequence[Published],
) -> Reserved:  # fmt: skip
    """Takes the ports for a container, which has addresses of these IP versions. ``others`` are
    published already, by this store's containers that run: they keep their ports even if conmon,
    which held their sockets, was killed.

    Raises Conflict if one is in use, HostError if it is at an address that cannot be.
    """
    reserved = Reserved([], [])
    try:
        for option in options:
            addresses = _addresses(option, versions)
            _take(reserved, container, option, addresses, [*others, *reserved.ports])
    except BaseException:
        reserved.close()
        raise
    return reserved


def _addresses(option: PortOption, versions: Sequence[int]) -> list[str]:
    if not option["address"]:
        return [EVERYWHERE[version] for version in versions]
    version = ip_address(option["address"]).version
    if version not in versions:
        raise HostError(
            f"cannot publish port {option['port']} at {option['address']}: the container has no"
            f" address of IPv{version}",
            hint="a network with --ipv6" if version == 6 else "",
        )
    return [option["address"]]


def _take(
    reserved: Reserved, container: str, option: PortOption, addresses: list[str],
    others: Sequence[Published],
) -> None:  # fmt: skip
    """One port, the same at all addresses; of a range the first that is free."""
    candidates = range(option["first"], option["last"] + 1)
    for number in candidates if option["first"] else [0] * TRIES:
        opened: list[socket.socket] = []
        try:
            port = number
            for address in addresses:
                one = _bound(option["protocol"], address, port, others)
                opened.append(one)
                port = port or int(one.getsockname()[1])
        except Conflict:
            for one in opened:
                one.close()
            if number and number == option["last"]:
                raise
            continue
        reserved.sockets.extend(opened)
        reserved.ports.extend(
            Published(option["protocol"], address, port, container, option["port"])
            for address in addresses
        )
        return
    raise HostError(f"no port of this host is free for port {option['port']} of the container")


def _taken(protocol: str, address: str, port: int, others: Sequence[Published]) -> Conflict:
    """The error for a port that cannot be bound: it names the container that has the port."""
    place = f"bind {_at(address, port)}/{protocol} failed: port is already allocated"
    for other in others:
        if (other.protocol, other.host_port) == (protocol, port):
            return Conflict(
                f"{place}: container {other.container[:12]} has it",
                id=other.container,
                hint="take another port, or stop that container",
            )
    flag = {"tcp": "t", "udp": "u", "sctp": "S"}[protocol]
    return Conflict(
        f"{place}: a program of this host has it", hint=f"ss -lnp{flag} 'sport = :{port}' shows it"
    )


def _keeps(protocol: str, address: str, port: int, others: Sequence[Published]) -> bool:
    """Whether one of the others has this port, at this address or at all of them."""
    both = {address, *EVERYWHERE.values()}
    return any(
        (other.protocol, other.host_port) == (protocol, port)
        and (":" in other.address) == (":" in address)
        and (other.address in both or address in EVERYWHERE.values())
        for other in others
    )


def _at(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _bound(protocol: str, address: str, port: int, others: Sequence[Published]) -> socket.socket:
    """A socket that nobody listens on, but nobody else can bind to. Raises Conflict, HostError."""
    if _keeps(protocol, address, port, others):
        raise _taken(protocol, address, port, others)
    version = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    number = socket.IPPROTO_SCTP if protocol == "sctp" else 0
    try:
        one = socket.socket(version, kind, number)
    except OSError as error:
        if error.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.ESOCKTNOSUPPORT):
            what = "SCTP" if protocol == "sctp" else "IPv6"
            raise HostError(
                f"cannot publish {_at(address, port)}/{protocol}: the kernel has no {what}",
                hint="modprobe sctp" if protocol == "sctp" else "",
            ) from None
        raise KernelError(f"publish port {port}", "socket", error.errno) from None
    try:
        if version == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol == "tcp":
            # Connections that have just ended do not count; who would listen still fails, since
            # the mark is taken away again (socket(7), SO_REUSEADDR).
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, port))
        if protocol == "tcp":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        if not port and _keeps(protocol, address, int(one.getsockname()[1]), others):
            raise OSError(errno.EADDRINUSE, "")
    except OSError as error:
        one.close()
        place = f"{_at(address, port)}/{protocol}"
        if error.errno == errno.EADDRINUSE:
            raise _taken(protocol, address, port, others) from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise HostError(f"bind {place} failed: {address} is no address of this host") from None
        raise KernelError(f"bind {place}", "bind", error.errno) from None
    return one
