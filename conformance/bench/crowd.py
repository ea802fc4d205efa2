"""Measures whether one more container costs as much as the first if many are running."""

from pathlib import Path

from conformance.bench.clock import Sample, available_memory, measure, total
from conformance.bench.measures import Table
from conformance.bench.memory import created_memory
from conformance.bench.peers import Peer

ONE_MORE = "create, start, delete"
LIST = "list --quiet"
SHARE = 0.7  # of the memory that is available may be used


def title(what: str, size: int) -> str:
    """The name of a measure."""
    return f"{what}, {size} alive"


def crowd(peers: list[Peer], bundle: str, sizes: list[int], samples: int) -> Table:
    """The time of one more container, and of `list`, while so many containers run. The runtimes are
    measured one after another, because a small machine has no memory for all containers together. A
    size for which the memory or the pids do not suffice is left out.
    """
    table: Table = {title(what, size): {} for what in (ONE_MORE, LIST) for size in sizes}
    for peer in peers:
        alive: list[str] = []
        held = created_memory(peer, bundle)
        try:
            for size in sizes:
                if not enough(size - len(alive), held):
                    break
                while len(alive) < size:
                    id = f"bench-crowd-{len(alive)}"
                    peer.call("create", "--bundle", bundle, id)
                    alive.append(id)
                table[title(ONE_MORE, size)][peer.name] = [
                    one_more(peer, bundle, f"bench-more-{number}") for number in range(samples)
                ]
                table[title(LIST, size)][peer.name] = [
                    measure(peer.words("list", "--quiet")) for _ in range(samples)
                ]
        finally:
            for id in alive:
                peer.call("delete", "--force", id)
    return {name: row for name, row in table.items() if row}


def enough(count: int, held: int) -> bool:
    """Whether so many more containers fit, each with so many KiB of its own, and with as much again
    in the kernel (page tables, stacks, mounts, cgroups: 500 KiB were measured)."""
    most = int(Path("/proc/sys/kernel/threads-max").read_text())
    threads = 8 * count if held > 4096 else count  # runc's Go has some threads
    return count * (held + 500) < SHARE * available_memory() and threads < SHARE * most


def one_more(peer: Peer, bundle: str, id: str) -> Sample:
    """A container that is created, started and deleted."""
    steps = (("create", "--bundle", bundle, id), ("start", id), ("delete", "--force", id))
    return total([measure(peer.words(*step)) for step in steps])
