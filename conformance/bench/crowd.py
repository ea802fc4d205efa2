"""Measures whether one more container costs as much as the first if many are running."""

from conformance.bench.clock import Sample, measure
from conformance.bench.measures import Table
from conformance.bench.peers import Peer

ONE_MORE = "create, start, delete"


def crowd(peers: list[Peer], bundle: str, sizes: list[int], samples: int) -> Table:
    """The time of one more container, and of `list`, while so many containers run. The runtimes are
    measured one after another, because a small machine has no memory for all containers together.
    """
    table: Table = {
        f"{what}, {size} alive": {} for what in (ONE_MORE, "list --quiet") for size in sizes
    }
    for peer in peers:
        alive: list[str] = []
        try:
            for size in sizes:
                while len(alive) < size:
                    id = f"bench-crowd-{len(alive)}"
                    peer.call("create", "--bundle", bundle, id)
                    alive.append(id)
                table[f"{ONE_MORE}, {size} alive"][peer.name] = [
                    _one_more(peer, bundle, f"bench-more-{number}") for number in range(samples)
                ]
                table[f"list --quiet, {size} alive"][peer.name] = [
                    measure(peer.words("list", "--quiet")) for _ in range(samples)
                ]
        finally:
            for id in alive:
                peer.call("delete", "--force", id)
    return table


def _one_more(peer: Peer, bundle: str, id: str) -> Sample:
    steps = (("create", "--bundle", bundle, id), ("start", id), ("delete", "--force", id))
    parts = [measure(peer.words(*step)) for step in steps]
    return Sample(sum(part.wall for part in parts), sum(part.cpu for part in parts))
