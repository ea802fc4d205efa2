"""Counts the instructions of each verb: with the processor's counters where the kernel offers them
(perf), which is seldom so in a virtual machine, and otherwise with callgrind.

Callgrind counts only what valgrind can run. It does not know clone3 and pidfd_send_signal, so only
three verbs are tried, nor open_tree, with which crun executes itself again. In the test host all
verbs of all runtimes are counted, with what the kernel does for them: test_host.py.
"""

from conformance.bench.clock import counted, counters, instructions
from conformance.bench.measures import Bundles, wait_stopped
from conformance.bench.peers import Peer

ID = "bench-count"
PERF = "millions in user mode, counted by the processor"
CALLGRIND = "millions in user mode, callgrind"


def count(peers: list[Peer], bundles: Bundles) -> tuple[str, dict[str, dict[str, float | None]]]:
    """What is counted, and {runtime: {verb: millions}}; None if they cannot be counted."""
    by_processor = counters()
    run = counted if by_processor else instructions
    known = None if by_processor else ("state", "start", "delete")
    verbs = {
        "run": ("run", "--bundle", bundles.true, ID),
        "create": ("create", "--bundle", bundles.waits, ID),
        "state": ("state", ID),
        "start": ("start", ID),
        "exec": ("exec", ID, "/bin/true"),
        "kill": ("kill", ID, "KILL"),
        "delete": ("delete", ID),
    }
    found: dict[str, dict[str, float | None]] = {}
    for peer in peers:
        row = found[peer.name] = {}
        for verb, words in verbs.items():
            if known and verb not in known:
                peer.call(*words)
            else:
                number = run(peer.words(*words))
                row[verb] = None if number is None else round(number / 1e6, 2)
                if number is None:
                    _instead(peer, verb, words)
            if verb == "kill":
                wait_stopped(peer, ID)
        peer.call("delete", "--force", ID, check=False)
    return PERF if by_processor else CALLGRIND, found


def _instead(peer: Peer, verb: str, words: tuple[str, ...]) -> None:
    """Does what could not be counted, so that the next verb finds what it needs."""
    if verb in ("run", "create"):
        peer.call("delete", "--force", ID, check=False)
    if verb != "run":
        peer.call(*words, check=False)
