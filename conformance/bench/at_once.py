"""Measures whether containers that several processes make at the same time share the cores."""

import os
import resource
import time

from conformance.bench.clock import Sample
from conformance.bench.crowd import ONE_MORE, one_more
from conformance.bench.measures import Table
from conformance.bench.peers import Peer

EACH = 48  # containers of one sample, shared by the processes


def title(processes: int) -> str:
    """The name of a measure."""
    return f"{ONE_MORE}, by {processes}"


def at_once(peers: list[Peer], bundle: str, numbers: list[int], rounds: int) -> Table:
    """``rounds`` samples for each number of processes and runtime, by turns; each is the mean of
    EACH containers: the wall time until all are done, divided by their number."""
    table: Table = {title(number): {peer.name: [] for peer in peers} for number in numbers}
    for number in numbers:
        for turn in range(rounds):
            shift = turn % len(peers)
            for peer in peers[shift:] + peers[:shift]:
                table[title(number)][peer.name].append(_sample(peer, bundle, number))
    return table


def _sample(peer: Peer, bundle: str, processes: int) -> Sample:
    """Raises RuntimeError if one of the processes fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    pids = []
    for number in range(processes):
        pid = os.fork()
        if pid == 0:
            _work(peer, bundle, range(number, EACH, processes))
        pids.append(pid)
    failed = [pid for pid in pids if os.waitpid(pid, 0)[1]]
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if failed:
        raise RuntimeError(f"{peer.name}: a container by {processes} processes at once failed")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Sample(
        wall * 1000 / EACH, cpu * 1000 / EACH, (after.ru_minflt - before.ru_minflt) / EACH
    )


def _work(peer: Peer, bundle: str, numbers: range) -> None:
    """What one process does; it does not return."""
    status = 1
    try:
        for number in numbers:
            one_more(peer, bundle, f"bench-once-{number}")
        status = 0
    except RuntimeError as error:
        os.write(2, f"bench: {error}\n".encode())
    finally:
        os._exit(status)
