"""From what is running to the rules of nftables: a pure function, made anew after each change.

The store's table is replaced as a whole in one transaction of nft(8), so rules can neither be lost
nor left: they are always those of the rows that there are.
"""

from collections.abc import Sequence
from typing import NamedTuple

from hutch.engine.network.records import Network, Published


class Target(NamedTuple):
    """A published port with the address in the container's network that it leads to."""

    port: Published
    address: str


def table_name(tag: str) -> str:
    """The table of a store."""
    return f"warren_{tag}"


def ruleset(tag: str, networks: Sequence[Network], targets: Sequence[Target]) -> str:
    """The input of nft(8) that makes the store's table what it must be while these networks have
    containers; without networks there is no table."""
    table = f"table inet {table_name(tag)}"
    clean = [table, f"delete {table}"]
    if not networks:
        return "\n".join(clean) + "\n"
    chains = [
        *chain("loopback", "filter", "prerouting", "raw", loopback(networks)),
        *chain("forward", "filter", "forward", "filter", forward(networks)),
        *chain(
            "prerouting", "nat", "prerouting", "dstnat", ["fib daddr type local jump published"]
        ),
        *chain("output", "nat", "output", "-100", ["fib daddr type local jump published"]),
        *chain("postrouting", "nat", "postrouting", "srcnat", postrouting(networks)),
    ]
    ports = ["  chain published {", *(f"    {rule}" for rule in published(targets)), "  }"]
    return "\n".join([*clean, f"{table} {{", *ports, *chains, "}"]) + "\n"


def chain(name: str, kind: str, hook: str, priority: str, rules: Sequence[str]) -> list[str]:
    """A base chain as nft(8) reads it."""
    return [
        f"  chain {name} {{",
        f"    type {kind} hook {hook} priority {priority}; policy accept;",
        *(f"    {rule}" for rule in rules),
        "  }",
    ]


def names(networks: Sequence[Network]) -> str:
    """A set of the networks' bridges."""
    return "{ " + ", ".join(f'"{network.link}"' for network in networks) + " }"


def loopback(networks: Sequence[Network]) -> list[str]:
    """Published ports are reached from 127.0.0.1 by route_localnet; that must not let containers
    reach what listens at 127.0.0.1 of the host (as in CVE-2020-8558)."""
    return [f"iifname {names(networks)} ip daddr 127.0.0.0/8 drop"]


def forward(networks: Sequence[Network]) -> list[str]:
    """Within a network all may talk; out of it all may, unless it is internal; into it only
    answers, and what comes by a published port."""
    links = names(networks)
    internal = [network for network in networks if network.internal]
    return [
        "ct state established,related accept",
        *(f'iifname "{n.link}" oifname "{n.link}" accept' for n in networks),
        *([f"iifname {names(internal)} drop"] if internal else []),
        f"oifname {links} ct status dnat accept",
        f"oifname {links} drop",
    ]


def published(targets: Sequence[Target]) -> list[str]:
    """Where published ports lead; one at a single address goes before one at all."""
    rules = []
    ordered = sorted(targets, key=lambda t: t.port.address in ("0.0.0.0", "::"))  # noqa: S104
    for target in ordered:
        port = target.port
        six = ":" in port.address
        if port.address in ("0.0.0.0", "::"):  # noqa: S104
            at = "meta nfproto ipv6" if six else "meta nfproto ipv4"
        else:
            at = f"{'ip6' if six else 'ip'} daddr {port.address}"
        to = f"[{target.address}]" if six else target.address
        rules.append(
            f"{at} {port.protocol} dport {port.host_port} dnat {'ip6' if six else 'ip'} to"
            f" {to}:{port.port}"
        )
    return rules


def postrouting(networks: Sequence[Network]) -> list[str]:
    """What leaves a network has the host's address. So has what comes back into it by a published
    port, and what comes from 127.0.0.1: else the answer would not go by the host."""
    rules = []
    for network in networks:
        for subnet in network.subnets:
            ip = "ip6" if ":" in subnet["subnet"] else "ip"
            own = f"{ip} saddr {subnet['subnet']}"
            if not network.internal:
                rules.append(f'{own} oifname != "{network.link}" masquerade')
            rules.append(f'{own} oifname "{network.link}" ct status dnat masquerade')
    rules.append(f"oifname {names(networks)} ip saddr 127.0.0.0/8 masquerade")
    return rules
