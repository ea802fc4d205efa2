"""linux.netDevices: network devices of the host move into the container's network namespace.

Imported only where the config asks for it: pyroute2 is large. Two netlink sockets do it, one in
each namespace. What can be found wrong is looked for before the first device moves, since the
namespace's end may be a virtual device's end too; and, as config-linux.md "Network Devices" lays
down, nothing is ever moved back.
"""

import posix

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from hutch.errors import ConfigError, HostError, KernelError
from hutch.kernel.process import set_namespace
from hutch.plan.namespaces import CLONE_NEWNET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hutch.plan.plan import Plan

    NetDevice = tuple[str, str, str]

IFA_F_PERMANENT = 0x80  # <linux/if_addr.h>
IFA_F_NOPREFIXROUTE = 0x200
RT_SCOPE_UNIVERSE = 0  # <linux/rtnetlink.h>
HINTS = {
    1: "moving a device takes CAP_NET_ADMIN in the host's network namespace",
    17: "the container's network namespace has a device of that name already",
    22: "devices such as lo and some bridges cannot leave their network namespace",
}


def move_devices(plan: "Plan", pid: int) -> None:
    """Moves the plan's devices to the network namespace of process ``pid``, renames them, restores
    their permanent global addresses and sets them up. Raises ConfigError, KernelError."""
    own = _open("/proc/self/ns/net")
    try:
        there = _open("/proc/" + str(pid) + "/ns/net")
        try:
            set_namespace(there, CLONE_NEWNET)
            try:
                inside = IPRoute()
            finally:
                set_namespace(own, CLONE_NEWNET)
            with inside, IPRoute() as host:
                indices = [_check(device, host, inside) for device in plan.net_devices]
                for device, index in zip(plan.net_devices, indices, strict=True):
                    _move(device, index, host, inside, there)
        finally:
            posix.close(there)
    finally:
        posix.close(own)


def _open(path: str) -> int:
    try:
        return posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError as error:
        raise KernelError("open " + path, "open", error.errno, pointer="linux.netDevices") from None


def _check(device: "NetDevice", host: IPRoute, inside: IPRoute) -> int:
    """The index of a device on the host. Raises ConfigError if the checks that are possible show
    that it cannot be moved."""
    pointer, name, new_name = device
    found = host.link_lookup(ifname=name)
    if not found:
        raise ConfigError(
            pointer,
            "the host's network namespace has no device of that name",
            hint="it must exist before the container does; see: ip link",
        )
    if "%d" not in new_name and inside.link_lookup(ifname=new_name):
        raise ConfigError(
            pointer,
            "the container's network namespace has a device \"" + new_name + '" already',
            hint="give it another name, or one that ends with %d",
        )
    return int(found[0])


def _move(device: "NetDevice", index: int, host: IPRoute, inside: IPRoute, namespace: int) -> None:
    pointer, name, new_name = device
    step = "look at the addresses of " + name
    try:
        addresses = [entry for entry in host.get_addr(index=index) if _is_kept(entry)]
        before = {link["index"] for link in inside.get_links()}
        step = "move the network device " + name + " to " + new_name
        host.link("set", index=index, net_ns_fd=namespace, ifname=new_name)
        (moved,) = [link["index"] for link in inside.get_links() if link["index"] not in before]
        for address in addresses:
            step = f"give {new_name} the address {address.get_attr('IFA_ADDRESS')}"
            inside.addr("add", index=moved, **_fields(address))
        step = "set " + new_name + " up"
        inside.link("set", index=moved, state="up")
    except NetlinkError as error:
        raise KernelError(
            step, "netlink", error.code, pointer=pointer, hint=HINTS.get(error.code, "")
        ) from None
    except ValueError:
        raise HostError("the device vanished while it was moved", pointer=pointer) from None


def _is_kept(address: "Any") -> bool:
    """Whether the address is global and permanent (RFC 3549, section 2.3.3.2)."""
    return bool(address["scope"] == RT_SCOPE_UNIVERSE and _flags(address) & IFA_F_PERMANENT)


def _flags(address: "Any") -> int:
    """The flags of an address: all 32 bits if the kernel gives them (IFA_FLAGS), else 8."""
    return int(address.get_attr("IFA_FLAGS") or address["flags"])


def _fields(address: "Any") -> "dict[str, Any]":
    fields = {"family": address["family"], "prefixlen": address["prefixlen"]}
    for key in ("address", "local", "broadcast", "rt_priority"):
        value = address.get_attr("IFA_" + key.upper())
        if value is not None:
            fields[key] = value
    flags = _flags(address) & IFA_F_NOPREFIXROUTE
    if flags:
        fields["flags"] = flags
    return fields
