"""Links, addresses and routes of one network namespace: what warren asks of rtnetlink(7)."""

import errno
import os
import socket
import struct
from ipaddress import (
    IPv4Interface,
    IPv4Network,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import NamedTuple

from hutch.engine.network.netlink import (
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    RTM_DELLINK,
    RTM_DELROUTE,
    RTM_GETLINK,
    RTM_GETROUTE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    RTM_SETLINK,
    Netlink,
    attribute,
    attributes,
    nested,
    number,
    text,
)
from hutch.errors import HostError, KernelError

# <linux/if_link.h>, <linux/if.h>
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER = 1, 3, 4, 10
IFLA_LINKINFO, IFLA_IFALIAS, IFLA_GROUP, IFLA_NET_NS_FD = 18, 20, 27, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_MODE = 4, 5, 4
IFF_UP = 1
LINK = struct.Struct("=BxHiII")  # struct ifinfomsg
# <linux/if_addr.h>, <linux/rtnetlink.h>
IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST = 1, 2, 4
IFA_F_NODAD = 2
ADDRESS = struct.Struct("=BBBBi")  # struct ifaddrmsg
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_TABLE = 1, 4, 5, 15
RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_UNIVERSE, RTN_UNICAST = 254, 4, 0, 1
ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg

Interface = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network


class Link(NamedTuple):
    """A link of the namespace. ``note`` is its alias: who made it and what for; ``mac`` its address
    in hexadecimal."""

    number: int
    name: str
    mtu: int
    note: str
    mac: str


class Route(NamedTuple):
    """A route of the main table; ``link`` is an index."""

    network: Network
    link: int


def family(version: int) -> int:
    return socket.AF_INET if version == 4 else socket.AF_INET6


def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _link(body: bytes) -> Link:
    found = attributes(body[LINK.size :])
    _, _, index, _, _ = LINK.unpack_from(body)
    (mtu,) = struct.unpack("=I", found.get(IFLA_MTU, b"\0\0\0\0"))
    name, note = (found.get(k, b"").rstrip(b"\0").decode() for k in (IFLA_IFNAME, IFLA_IFALIAS))
    return Link(index, name, mtu, note, found.get(IFLA_ADDRESS, b"").hex(":"))


class Links:
    """The links of the network namespace in which this was made."""

    def __init__(self) -> None:
        self.netlink = Netlink()

    def close(self) -> None:
        self.netlink.close()

    def __enter__(self) -> "Links":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, name: str) -> Link | None:
        """The link of this name, if there is one."""
        body = LINK.pack(0, 0, 0, 0, 0) + text(IFLA_IFNAME, name)
        try:
            return _link(self.netlink.ask(f"look for the link {name}", RTM_GETLINK, body)[0])
        except KernelError as error:
            if error.errno == errno.ENODEV:
                return None
            raise

    def all(self) -> list[Link]:
        body = LINK.pack(0, 0, 0, 0, 0)
        return [_link(b) for b in self.netlink.ask("list links", RTM_GETLINK, body, NLM_F_DUMP)]

    def routes(self) -> list[Route]:
        """The routes of the main table, the default ones included."""
        found = []
        for version, size in ((4, 4), (6, 16)):
            body = ROUTE.pack(family(version), 0, 0, 0, 0, 0, 0, 0, 0)
            for answer in self.netlink.ask("list routes", RTM_GETROUTE, body, NLM_F_DUMP):
                _, length, _, _, table, _, _, kind, _ = ROUTE.unpack_from(answer)
                own = attributes(answer[ROUTE.size :])
                if table != RT_TABLE_MAIN or kind != RTN_UNICAST or RTA_OIF not in own:
                    continue
                address = ip_address(own.get(RTA_DST, bytes(size)))
                (link,) = struct.unpack("=i", own[RTA_OIF])
                found.append(Route(ip_network((address, length)), link))
        return found

    def add_bridge(self, name: str, mac: str, mtu: int) -> int:
        """Makes a bridge, up; its index. Raises HostError if the kernel has no bridges."""
        body = (
            LINK.pack(0, 0, 0, IFF_UP, IFF_UP)
            + text(IFLA_IFNAME, name)
            + attribute(IFLA_ADDRESS, mac_bytes(mac))
            + number(IFLA_MTU, mtu)
            + nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, "bridge"))
        )
        self._make(f"make the bridge {name}", "bridge", body)
        made = self.find(name)
        if made is None:
            raise HostError(f"the bridge {name} was taken away while it was made")
        return made.number

    def add_veth(
        self, name: str, bridge: int, mtu: int, *, peer: str, mac: str, namespace: int
    ) -> None:
        """Makes a pair of links: ``name``, up, at the bridge with this index; ``peer``, with this
        MAC address, in another network namespace (a descriptor)."""
        other = (
            LINK.pack(0, 0, 0, 0, 0)
            + text(IFLA_IFNAME, peer)
            + attribute(IFLA_ADDRESS, mac_bytes(mac))
            + number(IFLA_MTU, mtu)
            + number(IFLA_NET_NS_FD, namespace)
        )
        body = (
            LINK.pack(0, 0, 0, IFF_UP, IFF_UP)
            + text(IFLA_IFNAME, name)
            + number(IFLA_MTU, mtu)
            + number(IFLA_MASTER, bridge)
            + nested(
                IFLA_LINKINFO,
                text(IFLA_INFO_KIND, "veth"),
                nested(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, other)),
            )
        )
        self._make(f"make the link {name}", "veth", body)

    def _make(self, what: str, kind: str, body: bytes) -> None:
        try:
            self._change(what, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body)
        except KernelError as error:
            if error.errno == errno.EOPNOTSUPP:
                raise HostError(
                    f"the kernel has no links of the type {kind}",
                    hint=f"modprobe {kind}; or use --network none or host",
                ) from None
            raise

    def _change(self, what: str, kind: int, flags: int, body: bytes) -> None:
        """A change that may not be permitted at all. Raises HostError then."""
        try:
            self.netlink.change(what, kind, flags, body)
        except KernelError as error:
            if error.errno == errno.EPERM:
                raise HostError(
                    f"{what}: not permitted: it takes CAP_NET_ADMIN",
                    hint="run it as root, or use --network none or host",
                ) from None
            raise

    def annotate(self, index: int, note: str) -> None:
        """Sets a link's alias: ``ip link`` shows it."""
        body = LINK.pack(0, 0, index, 0, 0) + text(IFLA_IFALIAS, note)
        self.netlink.change("name a link's purpose", RTM_SETLINK, 0, body)

    def reflect(self, index: int) -> None:
        """A port of a bridge sends back to where it came from, too: a container that calls its own
        published port, where the bridge's frames pass nftables (bridge-nf-call-iptables)."""
        slave = nested(IFLA_INFO_SLAVE_DATA, attribute(IFLA_BRPORT_MODE, b"\1"))
        body = LINK.pack(0, 0, index, 0, 0)
        body += nested(IFLA_LINKINFO, text(IFLA_INFO_SLAVE_KIND, "bridge"), slave)
        self.netlink.change("set a bridge's port to hairpin mode", RTM_NEWLINK, 0, body)

    def set_up(self, index: int) -> None:
        body = LINK.pack(0, 0, index, IFF_UP, IFF_UP)
        self._change("set a link up", RTM_NEWLINK, 0, body)

    def remove(self, name: str) -> bool:
        """Removes a link. Returns False if there was none."""
        body = LINK.pack(0, 0, 0, 0, 0) + text(IFLA_IFNAME, name)
        try:
            self.netlink.change(f"remove the link {name}", RTM_DELLINK, 0, body)
        except KernelError as error:
            if error.errno == errno.ENODEV or self.find(name) is None:
                return False
            raise
        return True

    def remove_all(self, names: list[str]) -> None:
        """Removes links in one step, if they are there. To remove a link the kernel waits until
        nobody looks at it, some 20 ms; for the links of a group it waits once."""
        found = [link for name in names if (link := self.find(name)) is not None]
        if len(found) < 2:
            for link in found:
                self.remove(link.name)
            return
        group = number(IFLA_GROUP, 1 << 31 | int.from_bytes(os.urandom(3), "little"))
        for link in found:
            body = LINK.pack(0, 0, link.number, 0, 0) + group
            self.netlink.change(f"remove the link {link.name}", RTM_SETLINK, 0, body)
        body = LINK.pack(0, 0, 0, 0, 0) + group
        self.netlink.change("remove links", RTM_DELLINK, 0, body)

    def add_address(self, index: int, interface: Interface) -> None:
        """Gives a link an address; one of IPv6 can be used at once, without a search for
        duplicates."""
        version = interface.version
        packed = interface.ip.packed
        body = ADDRESS.pack(
            family(version), interface.network.prefixlen, IFA_F_NODAD if version == 6 else 0, 0,
            index,
        )  # fmt: skip
        body += attribute(IFA_LOCAL, packed) + attribute(IFA_ADDRESS, packed)
        if version == 4 and interface.network.prefixlen < 31:
            body += attribute(IFA_BROADCAST, interface.network.broadcast_address.packed)
        try:
            self.netlink.change(
                f"set the address {interface}", RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body
            )
        except KernelError as error:
            if version == 6 and error.errno in (errno.EACCES, errno.EOPNOTSUPP, errno.EPERM):
                raise HostError(
                    f"the address {interface} cannot be set: IPv6 is switched off on this host",
                    hint="sysctl net.ipv6.conf.all.disable_ipv6=0, or a network without --ipv6",
                ) from None
            raise

    def set_default_route(self, index: int, gateway: str) -> None:
        """The default route of the gateway's family goes there, whatever was before."""
        address = ip_address(gateway)
        self.remove_default_route(address.version)
        self.netlink.change(
            f"route by {gateway}", RTM_NEWROUTE, NLM_F_CREATE,
            _default(address.version) + attribute(RTA_GATEWAY, address.packed)
            + number(RTA_OIF, index),
        )  # fmt: skip

    def remove_default_route(self, version: int) -> None:
        """Nothing if there is none."""
        try:
            self.netlink.change("remove the default route", RTM_DELROUTE, 0, _default(version))
        except KernelError as error:
            if error.errno != errno.ESRCH:
                raise


def _default(version: int) -> bytes:
    return ROUTE.pack(
        family(version), 0, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_UNIVERSE, RTN_UNICAST, 0
    )
