"""The measurements: single verbs and complete lives, all runtimes in turn (A B C A B C …)."""

import itertools
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from conformance.bench.clock import Sample, measure, total
from conformance.bench.peers import Peer

Action = Callable[[Peer, str], Sample]
Table = dict[str, dict[str, list[Sample]]]

_numbers: Iterator[int] = itertools.count(1)


class Bundles:
    """The bundles: one that ends immediately, the same with a seccomp filter, one that waits."""

    def __init__(self, true: Path, seccomp: Path, waits: Path) -> None:
        self.true = str(true)
        self.seccomp = str(seccomp)
        self.waits = str(waits)


def actions(bundles: Bundles) -> dict[str, Action]:
    """The measurements by name. Each one prepares, measures one or several commands, and cleans
    up."""

    def run(peer: Peer, id: str) -> Sample:
        return measure(peer.words("run", "--bundle", bundles.true, id))

    def run_seccomp(peer: Peer, id: str) -> Sample:
        return measure(peer.words("run", "--bundle", bundles.seccomp, id))

    def create(peer: Peer, id: str) -> Sample:
        sample = measure(peer.words("create", "--bundle", bundles.waits, id))
        peer.call("delete", "--force", id)
        return sample

    def start(peer: Peer, id: str) -> Sample:
        peer.call("create", "--bundle", bundles.waits, id)
        sample = measure(peer.words("start", id))
        peer.call("delete", "--force", id)
        return sample

    def in_running(*words: str) -> Action:
        def action(peer: Peer, id: str) -> Sample:
            running(peer, id)
            verb, *rest = words
            sample = measure(peer.words(verb, id, *rest))
            peer.call("delete", "--force", id)
            return sample

        return action

    def delete(peer: Peer, id: str) -> Sample:
        running(peer, id)
        peer.call("kill", id, "KILL")
        wait_stopped(peer, id)
        return measure(peer.words("delete", id))

    def life(peer: Peer, id: str) -> Sample:
        steps = [
            ("create", "--bundle", bundles.waits, id),
            ("start", id),
            ("exec", id, "/bin/true"),
            ("kill", id, "KILL"),
        ]
        samples = [measure(peer.words(*step)) for step in steps]
        wait_stopped(peer, id)
        samples.append(measure(peer.words("delete", id)))
        return total(samples)

    def running(peer: Peer, id: str) -> None:
        peer.call("create", "--bundle", bundles.waits, id)
        peer.call("start", id)

    return {
        "run /bin/true": run,
        "run with seccomp": run_seccomp,
        "create": create,
        "start": start,
        "state": in_running("state"),
        "kill": in_running("kill", "KILL"),
        "delete": delete,
        "exec /bin/true": in_running("exec", "/bin/true"),
        "create, start, exec, kill, delete": life,
    }


def wait_stopped(peer: Peer, id: str) -> None:
    """Waits until the runtime reports this state. Raises TimeoutError after ten seconds."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        done = subprocess.run(peer.words("state", id), check=True, text=True, capture_output=True)
        if '"stopped"' in done.stdout:
            return
    raise TimeoutError(peer.name + ": " + id + " does not stop")


def take(chosen: dict[str, Action], peers: list[Peer], rounds: int) -> Table:
    """``rounds`` samples of each measurement and runtime. The runtimes take turns, and the first
    round, which warms up the caches, does not count."""
    table: Table = {name: {peer.name: [] for peer in peers} for name in chosen}
    for name, action in chosen.items():
        for number in range(rounds + 1):
            shift = number % len(peers)
            for peer in peers[shift:] + peers[:shift]:
                sample = action(peer, f"bench-{next(_numbers)}")
                if number:
                    table[name][peer.name].append(sample)
    return table
