"""A container's part of its networks: there before its program runs, gone after it has ended.

    rows (leases) -> ports -> bridges -> namespace, links, addresses -> rules, names

The rows come first and go last. So whatever a kill -9 leaves in the kernel has a row, and whoever
next looks at the container removes it (containers/finish).
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from ipaddress import ip_interface, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hutch.engine.containers.truth import lives
from hutch.engine.network import nft, ports
from hutch.engine.network.addresses import mac_of, next_address
from hutch.engine.network.bridges import SYSCTL, bring_up, collision, note, pick_subnets, unfinished
from hutch.engine.network.links import Links
from hutch.engine.network.names import lines, serve
from hutch.engine.network.namespace import inside, make_namespace, remove_namespace
from hutch.engine.network.records import (
    BRIDGE,
    Endpoint,
    Network,
    PortOption,
    Published,
    Wishes,
    new_network,
)
from hutch.engine.network.ruleset import Target, ruleset, table_name
from hutch.engine.rootless import rootless
from hutch.errors import HostError, HutchError
from hutch.image.store import Lock
from hutch.kernel.mounts import bind

if TYPE_CHECKING:
    from hutch.engine.containers.records import Record
    from hutch.engine.engine import Engine

RUN = Path("/run/warren-networks")


class Wired(NamedTuple):
    """What a container has of its networks: a namespace, and sockets that keep its ports. After
    ``finish``, which is called when the runtime has created it, it has links and addresses too."""

    namespace: str
    reserved: ports.Reserved
    finish: Callable[[], None]


def store_tag(engine: "Engine") -> str:
    """What tells this store's links, table and files from another's."""
    return sha256(str(engine.store.root).encode()).hexdigest()[:8]


def run_folder(engine: "Engine") -> Path:
    """Where a store's networks have their files: gone after a reboot."""
    return RUN / store_tag(engine)


def namespace_path(engine: "Engine", id: str) -> Path:
    return run_folder(engine) / "netns" / id


@contextmanager
def alone() -> Iterator[None]:
    """One at a time on this machine: what is made of links and rules is made of what there is."""
    if rootless():
        raise HostError("bridges take root", hint="--network pasta, none, host or container:NAME")
    RUN.mkdir(mode=0o711, parents=True, exist_ok=True)
    lock = Lock(RUN / "lock")
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def default_network(engine: "Engine") -> Network:
    """The network ``bridge``, made if it is not there."""
    found = engine.networks.get(BRIDGE)
    if found is not None:
        return found
    with alone(), Links() as links:
        found = engine.networks.get(BRIDGE)
        if found is None:
            found = new_network(BRIDGE)
            found = found._replace(subnets=pick_subnets(links, found, engine.networks.all()))
            engine.networks.add(found)
    return found


def wire(engine: "Engine", record: "Record", exposes: Iterable[str]) -> Wired:
    """Puts a container, which does not run yet, into its networks and publishes its ports;
    ``exposes`` are those of its image. The links are made in the background.

    Raises NoSuchNetwork, HostError, Conflict; nothing is left then.
    """
    networks = engine.networks
    wishes = networks.attachments(record.id)
    if any(wish["name"] == BRIDGE for wish in wishes):
        default_network(engine)
    found = [(networks.find(wish["name"]), wish) for wish in wishes]
    options = record.options
    published = ports.wanted(options.ports, [*exposes, *options.expose], every=options.publish_all)
    namespace = namespace_path(engine, record.id)
    reserved = ports.Reserved([], [])
    opened = ExitStack()
    try:
        opened.enter_context(alone())
        links = opened.enter_context(Links())
        endpoints = [lease(engine, links, record.id, one, wish) for one, wish in found]
        reserved = _publish(engine, record.id, endpoints, published)
        if options.uid_map:  # hutch makes the namespace
            opened.close()
            return Wired("", reserved, lambda: adopt(engine, record))
        make_namespace(namespace)

        def make() -> None:
            with opened:
                join(engine, links, record.id, endpoints)

        finish = in_the_background(make)
    except BaseException:
        opened.close()
        reserved.close()
        try:
            unwire(engine, record.id)
        except HutchError as error:
            engine.warn(error)  # the reason is what was raised first
        raise
    return Wired(str(namespace), reserved, finish)


def in_the_background(work: Callable[[], None]) -> Callable[[], None]:
    """Begins the work in a thread. The result waits for its end, and raises what it raised. The
    kernel needs much time for links, and this process has other things to do meanwhile."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    return future.result


def adopt(engine: "Engine", record: "Record") -> None:
    """The rest of ``wire`` for a container with a user namespace of its own, which hutch has
    created. Its network namespace must belong to that: only then has its root a sysfs of its own
    and the capabilities of networks (user_namespaces(7))."""
    path = namespace_path(engine, record.id)
    path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    with alone(), Links() as links:
        path.touch(mode=0o444)
        bind(f"/proc/{record.pid}/ns/net", str(path))
        join(engine, links, record.id, engine.networks.endpoints(container=record.id))


def _publish(
    engine: "Engine", id: str, endpoints: list[Endpoint], options: Sequence[PortOption]
) -> ports.Reserved:
    internal = {one.name for one in engine.networks.all() if one.internal}
    outward = [one for one in endpoints if one.network not in internal]
    versions = [4] if any(one.address4 for one in outward) else []
    versions += [6] if any(one.address6 for one in outward) else []
    if options and not versions:
        raise HostError(
            "ports cannot be published: all networks of the container are internal",
            hint="add a network that is not: --network bridge",
        )
    reserved = ports.reserve(id, options, versions, published_by_others(engine, id))
    with engine.store.database.transaction():
        for port in reserved.ports:
            engine.networks.publish(port)
    return reserved


def published_by_others(engine: "Engine", id: str) -> list[Published]:
    """The ports of all containers that run, but for this one."""
    found = engine.networks.published()
    records = {id: engine.records.get(id) for id in {one.container for one in found}}
    running = {
        record.id for record in records.values() if record and lives(record.pid, record.birth)
    }
    return [one for one in found if one.container in running - {id}]


def lease(engine: "Engine", links: Links, id: str, network: Network, wish: Wishes) -> Endpoint:
    """Gives a container its addresses in a network; the row is written."""
    networks = engine.networks
    alone_there = not network.chosen and not networks.endpoints(network=network.name)
    if alone_there and collision(links, network):
        others = [one for one in networks.all() if one.name != network.name]
        network = network._replace(subnets=pick_subnets(links, network, others))
        networks.save_subnets(network)
    with engine.store.database.transaction():
        there = networks.endpoints(network=network.name)
        taken = {a for one in there for a in (one.address4, one.address6) if a}
        got = {4: "", 6: ""}
        for version in (4, 6):
            subnet = network.subnet(version)
            asked = wish.get("address4", "") if version == 4 else wish.get("address6", "")
            if subnet is not None:
                got[version] = next_address(subnet, taken, asked)
            elif asked:
                raise HostError(
                    f"network {network.name} has no addresses of IPv{version} to give {asked} of"
                )
        used = {one.interface for one in networks.endpoints(container=id)}
        number = next(n for n in range(len(used) + 1) if f"eth{n}" not in used)
        endpoint_id = os.urandom(32).hex()
        endpoint = Endpoint(
            id, network.name, endpoint_id, f"wv{endpoint_id[:12]}", f"eth{number}", got[4], got[6],
            wish.get("mac") or mac_of(got[4], endpoint_id),
        )  # fmt: skip
        networks.lease(endpoint)
    return endpoint


def join(engine: "Engine", links: Links, id: str, endpoints: list[Endpoint]) -> None:
    """Brings a container, which has a network namespace, into the networks of these endpoints."""
    bridges = [links.find(engine.networks.find(one.network).link) for one in endpoints]
    settle(
        engine, links, fresh=None in bridges,
        meanwhile=lambda: make_links(engine, links, id, endpoints),
    )  # fmt: skip


def make_links(engine: "Engine", links: Links, id: str, endpoints: list[Endpoint]) -> None:
    """Makes the links of endpoints, and configures them in the container's namespace."""
    tag = store_tag(engine)
    namespace = os.open(namespace_path(engine, id), os.O_RDONLY | os.O_CLOEXEC)
    try:
        with inside(namespace):
            own = Links()
            _expect_no_advertisements()
        with own:
            own.set_up(1)  # lo
            for endpoint in endpoints:
                network = engine.networks.find(endpoint.network)
                bridge = bring_up(links, network, tag)
                links.add_veth(
                    endpoint.link, bridge.number, bridge.mtu, peer=endpoint.interface,
                    mac=endpoint.mac, namespace=namespace,
                )  # fmt: skip
                made = links.find(endpoint.link)
                if made is not None:
                    links.annotate(made.number, note(tag, f"{network.name} {id[:12]}"))
                    links.reflect(made.number)
                with inside(namespace):
                    _ipv6(endpoint)
                configure(own, network, endpoint)
            route(own, engine, id)
    finally:
        os.close(namespace)


def _expect_no_advertisements() -> None:
    """A container takes no routes from what others in its network advertise (CVE-2020-13401)."""
    with suppress(OSError):  # no IPv6
        (SYSCTL / "ipv6/conf/default/accept_ra").write_text("0")


def _ipv6(endpoint: Endpoint) -> None:
    """Without an address of IPv6 an interface has no IPv6 at all, as in Docker."""
    with suppress(OSError):
        off = "0" if endpoint.address6 else "1"
        (SYSCTL / "ipv6/conf" / endpoint.interface / "disable_ipv6").write_text(off)


def configure(own: Links, network: Network, endpoint: Endpoint) -> None:
    """Addresses of an interface, in the container's namespace; it is up then."""
    link = own.find(endpoint.interface)
    if link is None:
        raise HostError(f"the interface {endpoint.interface} was taken away while it was made")
    for address, version in ((endpoint.address4, 4), (endpoint.address6, 6)):
        subnet = network.subnet(version)
        if address and subnet is not None:
            length = ip_network(subnet["subnet"]).prefixlen
            own.add_address(link.number, ip_interface(f"{address}/{length}"))
    own.set_up(link.number)


def route(own: Links, engine: "Engine", id: str) -> None:
    """The default routes of a container: by its first network that is not internal."""
    endpoints = {one.network: one for one in engine.networks.endpoints(container=id)}
    for version in (4, 6):
        for wish in engine.networks.attachments(id):
            network = engine.networks.get(wish["name"])
            endpoint = endpoints.get(wish["name"])
            if network is None or endpoint is None or network.internal:
                continue
            subnet = network.subnet(version)
            link = own.find(endpoint.interface)
            if subnet is not None and link is not None:
                own.set_default_route(link.number, subnet["gateway"])
                break
        else:
            own.remove_default_route(version)


def is_wired(engine: "Engine", id: str) -> bool:
    """Whether a container has anything in its networks."""
    return bool(engine.networks.endpoints(container=id)) or namespace_path(engine, id).exists()


def unwire(engine: "Engine", id: str) -> None:
    """Removes everything that a container has in its networks."""
    path = namespace_path(engine, id)
    if not is_wired(engine, id):
        return
    with alone(), Links() as links:
        gone = [endpoint.link for endpoint in engine.networks.endpoints(container=id)]
        without = [(id, one.name) for one in engine.networks.all()]
        try:
            settle(engine, links, without=without, gone=gone)
        finally:
            remove_namespace(path)
        engine.networks.release(id)


def leave(engine: "Engine", links: Links, id: str, network: str) -> None:
    """The same for one network of a container that runs."""
    gone = [one.link for one in engine.networks.endpoints(container=id, network=network)]
    settle(engine, links, without=[(id, network)], gone=gone)
    engine.networks.release(id, network)


def settle(
    engine: "Engine",
    links: Links,
    *,
    without: Sequence[tuple[str, str]] = (),
    gone: Sequence[str] = (),
    fresh: bool = False,
    meanwhile: "Callable[[], object] | None" = None,
) -> None:
    """Makes bridges, rules and names what they must be for the endpoints that there are, but for
    those of the pairs (container, network) in ``without``; removes the links ``gone``. ``fresh``:
    say what of the host's own rules is in the way.

    nft(8) takes as long as the links do, so these are made (``meanwhile``) or removed while it
    runs: the rules have only the links' names."""
    left = [
        one for one in engine.networks.endpoints() if (one.container, one.network) not in without
    ]
    used = {one.network for one in left}
    tag = store_tag(engine)
    networks = engine.networks.all()
    removed = [*gone]
    for network in networks:
        if network.name not in used and {n for _, n in without} & {network.name}:
            found = links.find(network.link)
            if found is not None and (
                found.note == note(tag, network.name) or unfinished(found, network)
            ):
                removed.append(network.link)
    running = [network for network in networks if network.name in used]
    loading = nft.begin_load(ruleset(tag, running, targets(engine, left)), listing=fresh)
    if not fresh:
        # It reads its files some time after it was told to: the container may ask soon.
        _tell_names(engine, running, left)
    try:
        links.remove_all(removed)
        if meanwhile is not None:
            meanwhile()
    except BaseException:
        loading.communicate()
        raise
    listed = nft.end_load(loading, needed=bool(running))
    if fresh:
        for one in nft.obstacles(table_name(tag), listed):
            engine.warn(blocked(one))
        # Now there are the addresses that it listens on.
        _tell_names(engine, running, left)


def _tell_names(engine: "Engine", networks: list[Network], endpoints: list[Endpoint]) -> None:
    warning = serve(run_folder(engine) / "dns", name_files(engine, networks, endpoints))
    if warning is not None:
        engine.warn(warning)


def blocked(obstacle: str) -> HostError:
    """What another's rules do to ours."""
    if obstacle.startswith(("ip filter", "ip6 filter")):  # iptables'
        command = "ip6tables" if obstacle.startswith("ip6") else "iptables"
        hint = f"{command} -I FORWARD -i wr-+ -j ACCEPT; {command} -I FORWARD -o wr-+ -j ACCEPT"
    else:
        hint = f"""nft 'insert rule {obstacle} iifname "wr-*" accept'; the same with oifname"""
    return HostError(
        f"the chain {obstacle} of this host's firewall drops what it does not know: containers"
        " reach nothing outside, and nobody outside reaches their ports",
        hint=hint,
    )


def targets(engine: "Engine", endpoints: list[Endpoint]) -> list[Target]:
    """Where published ports lead: to the container's address in its first network that is not
    internal, as its default route does."""
    internal = {one.name for one in engine.networks.all() if one.internal}
    found = []
    for port in engine.networks.published():
        six = ":" in port.address
        for one in sorted(endpoints, key=lambda e: e.interface):
            address = one.address6 if six else one.address4
            if one.container == port.container and address and one.network not in internal:
                found.append(Target(port, address))
                break
    return found


def name_files(
    engine: "Engine", networks: list[Network], endpoints: list[Endpoint]
) -> dict[str, str]:
    """The nameserver's files."""
    files = {}
    for network in networks:
        if not network.named:
            continue
        containers = {}
        for one in endpoints:
            record = engine.records.get(one.container) if one.network == network.name else None
            if record is None:
                continue
            wishes = engine.networks.attachments(one.container)
            aliases = next((w.get("aliases", []) for w in wishes if w["name"] == network.name), [])
            names = list(dict.fromkeys([record.name, *aliases, record.id[:12]]))
            servers = record.options.dns
            containers[record.id] = (one.address4, one.address6, names, servers)
        files[network.name] = lines(network, containers)
    return files
