"""Bridges of the host: made when the first container comes into a network, gone with the last."""

from contextlib import suppress
from ipaddress import ip_interface, ip_network
from pathlib import Path

from hutch.engine.network.addresses import free_subnet, mac_of, make_subnet, unique_local
from hutch.engine.network.links import Link, Links
from hutch.engine.network.records import Network, Subnet
from hutch.errors import HostError, UsageError

SYSCTL = Path("/proc/sys/net")
MTU = 1500
MTU_OPTIONS = ("com.docker.network.driver.mtu", "mtu")
LINK_OPTION = "com.docker.network.bridge.name"
OPTIONS = (*MTU_OPTIONS, LINK_OPTION)


def note(tag: str, about: str) -> str:
    """The alias of a link: which store's it is."""
    return f"warren {tag} {about}"


def pick_subnets(links: Links, network: Network, others: list[Network]) -> list[Subnet]:
    """Subnets for a network of which none were asked for: they overlap none of ``others`` and no
    route of the host. Raises HostError if there are none."""
    taken = [route.network for route in links.routes()]
    taken += [ip_network(subnet["subnet"]) for other in others for subnet in other.subnets]
    picked = [make_subnet(free_subnet(taken))]
    return [*picked, make_subnet(unique_local(network.id))] if network.ipv6 else picked


def collision(links: Links, network: Network) -> str:
    """The link of the host that leads to a part of the network's subnets already, "" if none; a
    route to more than a subnet does not matter, as the longer prefix wins (ip-route(8))."""
    names = {link.number: link.name for link in links.all()}
    for route in links.routes():
        for subnet in network.subnets:
            own = ip_network(subnet["subnet"])
            if (
                route.network.version == own.version
                and route.network.subnet_of(own)  # type: ignore[arg-type]
                and names.get(route.link) != network.link
            ):
                return names.get(route.link, "unknown")
    return ""


def mtu_of(network: Network, links: Links) -> int:
    """-o mtu, else that of the link to the outside if it is smaller than usual."""
    for option in MTU_OPTIONS:
        if option in network.options:
            return int(network.options[option])
    by_index = {link.number: link for link in links.all()}
    outside = [
        by_index[route.link].mtu
        for route in links.routes()
        if not route.network.prefixlen and route.link in by_index
    ]
    return min([MTU, *outside])


def bring_up(links: Links, network: Network, tag: str) -> Link:
    """The network's bridge with its addresses, made if it is not there. Raises HostError."""
    there = links.find(network.link)
    if there is not None and unfinished(there, network):
        links.remove(network.link)
        there = None
    if there is not None:
        if there.note != note(tag, network.name):
            raise HostError(
                f"network {network.name}: the host has another link {network.link} already",
                hint="remove that link, or name the bridge with -o " + LINK_OPTION,
            )
        return there
    other = collision(links, network)
    if other:
        raise HostError(
            f"network {network.name}: the link {other} of this host has addresses of"
            f" {network.subnets[0]['subnet']}",
            hint=f"warren network rm {network.name}, and make it with another --subnet",
        )
    mtu, mac = mtu_of(network, links), mac_of("", network.id)
    index = links.add_bridge(network.link, mac, mtu)
    try:
        configure(network)
        for subnet in network.subnets:
            length = ip_network(subnet["subnet"]).prefixlen
            links.add_address(index, ip_interface(f"{subnet['gateway']}/{length}"))
        links.annotate(index, note(tag, network.name))  # last: it is complete
    except BaseException:
        links.remove(network.link)
        raise
    return Link(index, network.link, mtu, note(tag, network.name), mac)


def unfinished(link: Link, network: Network) -> bool:
    """Whether who made this bridge was killed before it was complete. It has no note then, but the
    address that only this network has."""
    return not link.note and link.mac == mac_of("", network.id)


def configure(network: Network) -> None:
    """The host's settings that a bridge needs."""
    own = network.link
    with suppress(OSError):  # no IPv6: then nobody advertises routes, either
        (SYSCTL / "ipv6/conf" / own / "accept_ra").write_text("0")
    if network.subnet(4):
        set_to_one(SYSCTL / "ipv4/ip_forward")
        set_to_one(SYSCTL / "ipv4/conf" / own / "route_localnet")
    if network.subnet(6):
        forward_ipv6()


def forward_ipv6() -> None:
    """Switches forwarding of IPv6 on. A link that takes routes from advertisements would cease to
    (ip-sysctl: accept_ra), so it is told to go on."""
    if (SYSCTL / "ipv6/conf/all/forwarding").read_text().strip() == "1":
        return
    for folder in (SYSCTL / "ipv6/conf").iterdir():
        with suppress(OSError):
            if (folder / "accept_ra").read_text().strip() == "1":
                (folder / "accept_ra").write_text("2")
    set_to_one(SYSCTL / "ipv6/conf/all/forwarding")


def set_to_one(path: Path) -> None:
    """Raises HostError if the host does not allow it."""
    try:
        if path.read_text().strip() != "1":
            path.write_text("1")
    except OSError as error:
        name = ".".join(path.relative_to("/proc/sys").parts)
        raise HostError(
            f"networks need the kernel parameter {name}=1, which cannot be set: {error.strerror}",
            hint=f"sysctl -w {name}=1; or use --network none or host",
        ) from None


def check_options(options: dict[str, str]) -> None:
    """-o of network create. Raises UsageError."""
    for key, value in options.items():
        if key not in OPTIONS:
            raise UsageError(f"there is no network option {key}", hint=", ".join(OPTIONS))
        if key in MTU_OPTIONS and not (value.isdecimal() and 68 <= int(value) <= 65535):
            raise UsageError(f"-o {key}={value}: a number from 68 to 65535 is wanted")
        plain = value.translate(str.maketrans("", "", "-_."))
        if key == LINK_OPTION and not (len(value) < 16 and plain.isascii() and plain.isalnum()):
            raise UsageError(f"-o {key}={value} is no name of a link")
