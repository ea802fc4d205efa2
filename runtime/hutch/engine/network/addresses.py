"""Which subnets and addresses are given out. No function here looks at the host or the store."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from hutch.engine.network.records import Subnet
from hutch.errors import HostError, UsageError, shown

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Where subnets are taken from if none is asked for: (pool, prefix length). They are not those that
# Docker (172.17.0.0/16 and on) and podman (10.88.0.0/16 and on) begin with.
POOLS = (("10.212.0.0/14", 20), ("172.24.0.0/13", 20), ("192.168.64.0/18", 24))


def free_subnet(taken: Iterable[Network]) -> IPv4Network:
    """The first subnet of the pools that overlaps none of ``taken``. A default route takes nothing.

    Raises HostError if there is none.
    """
    used = [network for network in taken if network.version == 4 and network.prefixlen]
    for pool, length in POOLS:
        for subnet in IPv4Network(pool).subnets(new_prefix=length):
            if not any(subnet.overlaps(network) for network in used):
                return subnet
    raise HostError(
        "no subnet is free for a network: the host's routes take all that are tried",
        hint="give one with --subnet",
    )


def unique_local(id: str) -> IPv6Network:
    """The IPv6 subnet of a network with this id: a unique local one, as good as chosen by lot
    (RFC 4193, section 3.2.2)."""
    chosen = sha256(id.encode()).digest()[:5]
    return IPv6Network((b"\xfd" + chosen + bytes(10), 64))


def parse_subnet(word: str) -> Network:
    """A subnet of --subnet. Raises UsageError."""
    try:
        return ip_network(word)
    except ValueError as error:
        raise UsageError(
            f"invalid subnet {shown(word)}: {error}", hint="as in 10.1.0.0/24"
        ) from None


def parse_address(word: str, flag: str, version: int = 0) -> Address:
    """An address of a flag, of IP version 4, 6 or 0 for either. Raises UsageError."""
    try:
        address = ip_address(word)
    except ValueError:
        raise UsageError(f"{flag}: {shown(word)} is not an address") from None
    if version and address.version != version:
        raise UsageError(f"{flag}: {word} is not an address of IPv{version}")
    return address


def make_subnet(network: Network, gateway: str = "", ip_range: str = "") -> Subnet:
    """A subnet with its gateway: the first address unless another is given. Raises UsageError."""
    if network.num_addresses < 4:
        raise UsageError(f"subnet {network}: it has no room for a gateway and a container")
    own = parse_address(gateway, "--gateway") if gateway else network[1]
    if own not in network:
        raise UsageError(f"no matching subnet for gateway {own}")
    if ip_range:
        part = parse_subnet(ip_range)
        if part.version != network.version or not part.subnet_of(network):  # type: ignore[arg-type]
            raise UsageError(f"no matching subnet for range {part}")
    return {"subnet": str(network), "gateway": str(own), "range": ip_range}


def make_subnets(subnets: list[str], gateways: list[str], ranges: list[str]) -> list[Subnet]:
    """The subnets of a network; each gateway and range goes to the subnet that it lies in, and at
    most one of each IP version. Raises UsageError."""
    networks = [parse_subnet(word) for word in subnets]
    if len({network.version for network in networks}) < len(networks):
        raise UsageError("a network has at most one subnet of IPv4 and one of IPv6")

    def within(word: str, network: Network) -> bool:
        low = ip_network(word, strict=False)[0]
        return low.version == network.version and low in network

    found = []
    for word in gateways:
        parse_address(word, "--gateway")
    for word in ranges:
        parse_subnet(word)
    for network in networks:
        own = [word for word in gateways if within(word, network)]
        parts = [word for word in ranges if within(word, network)]
        if len(own) > 1 or len(parts) > 1:
            raise UsageError(f"subnet {network}: only one --gateway and one --ip-range")
        found.append(make_subnet(network, "".join(own), "".join(parts)))
        gateways = [word for word in gateways if word not in own]
        ranges = [word for word in ranges if word not in parts]
    for flag, left in (("gateway", gateways), ("range", ranges)):
        if left:
            raise UsageError(f"no matching subnet for {flag} {left[0]}")
    return found


def choices(subnet: Subnet) -> Iterator[Address]:
    """The addresses that may be given out, in order: neither the first nor (of IPv4) the last of
    the subnet, nor the gateway."""
    network = ip_network(subnet["subnet"])
    gateway = ip_address(subnet["gateway"])
    reserved = {network[0], gateway, *([network[-1]] if network.version == 4 else [])}
    part = ip_network(subnet["range"]) if subnet["range"] else network
    for address in part:
        if address not in reserved:
            yield address


def next_address(subnet: Subnet, taken: set[str], wanted: str = "") -> str:
    """The first free address, or ``wanted``. Raises UsageError for one that cannot be,
    HostError if none is free."""
    network = ip_network(subnet["subnet"])
    if wanted:
        address = ip_address(wanted)
        if address not in network:
            raise UsageError(f"address {wanted} is not in the subnet {network}")
        if address == ip_address(subnet["gateway"]) or address == network[0]:
            raise UsageError(f"address {wanted} is the network's own")
        if str(address) in taken:
            raise HostError(f"address {wanted} is already in use")
        return str(address)
    for address in choices(subnet):
        if str(address) not in taken:
            return str(address)
    raise HostError(
        f"no address is free in {subnet['range'] or network}",
        hint="remove containers, or make a network with a larger subnet",
    )


def mac_of(address: str, id: str) -> str:
    """The MAC address of a container's link: as Docker's, of its address of IPv4, so that whoever
    gets the address next has the same; else of the endpoint's id."""
    if address:
        own = b"\x02\x42" + ip_address(address).packed
    else:
        own = b"\x02" + sha256(id.encode()).digest()[:5]
    return own.hex(":")


def parse_mac(word: str) -> str:
    """A MAC address of --mac-address. Raises UsageError."""
    parts = word.replace("-", ":").split(":")
    try:
        octets = bytes(int(part, 16) for part in parts)
    except ValueError:
        octets = b""
    if len(octets) != 6 or any(len(part) != 2 for part in parts):
        raise UsageError(f"{shown(word)} is not a MAC address", hint="as in 92:d0:c6:0a:29:33")
    if octets[0] & 1:
        raise UsageError(f"{word} is the MAC address of a group, not of a link")
    return octets.hex(":")
