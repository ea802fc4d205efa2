"""Many containers alive at once: does one more cost as much as the first did?"""

import statistics

from conformance.bench.clock import measure
from conformance.bench.peers import Peer


def crowd(peer: Peer, bundle: str, sizes: list[int], samples: int) -> dict[int, dict[str, float]]:
    """For each size: milliseconds (medians) of one more `run`-like create, start and delete, and of
    `list`, while that many containers are alive."""
    alive: list[str] = []
    result = {}
    try:
        for size in sizes:
            while len(alive) < size:
                id = f"bench-crowd-{len(alive)}"
                peer.call("create", "--bundle", bundle, id)
                alive.append(id)
            result[size] = {
                "create+start+delete": _one_more(peer, bundle, samples),
                "list": statistics.median(
                    measure(peer.words("list", "--quiet")).wall for _ in range(samples)
                ),
            }
    finally:
        for id in alive:
            peer.call("delete", "--force", id)
    return result


def _one_more(peer: Peer, bundle: str, samples: int) -> float:
    taken = []
    for number in range(samples):
        id = f"bench-more-{number}"
        taken.append(
            measure(peer.words("create", "--bundle", bundle, id)).wall
            + measure(peer.words("start", id)).wall
            + measure(peer.words("delete", "--force", id)).wall
        )
    return statistics.median(taken)
