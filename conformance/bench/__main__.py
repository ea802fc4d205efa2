"""``./dev bench``: measures hutch, runc, crun and others in turn and writes conformance/results."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conformance.bench import at_once, count, crowd, memory, newest, report, test_host
from conformance.bench.bundle import make_bundle
from conformance.bench.measures import Bundles, actions, take
from conformance.bench.peers import Peer, peers
from conformance.samples.seccomp_profile import engine_profile

RESULTS = Path(__file__).parents[1] / "results"
MEMORY = "/dev/shm"  # for the state directories: a tmpfs, as /run is
PARTS = ("memory", "instructions", "times", "crowd", "at once")


def main() -> None:
    options = arguments().parse_args()
    # SIGTERM then removes the containers, the folder and the machine, as SIGINT does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="hutch-bench-") as name:
        folder = Path(name)
        given = dict(options.peer)
        if options.newest:
            (folder / "newest").mkdir(mode=0o755)
            given = newest.runtimes(folder / "newest") | given
        if options.host:
            results = test_host.run(folder, given, options)
        else:
            results = measure_all(folder, given, options)
    if options.json:
        print(test_host.MARK + json.dumps(results), flush=True)
        return
    sys.stdout.write(report.markdown(report.TITLE, results))
    if options.tree or options.only or options.print:
        return
    write("bench-vm" if options.host else "bench", results)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="samples of each measure (30)")
    parser.add_argument(
        "--part", action="append", choices=PARTS,
        help="this part only (may be repeated); the results of the others stay",
    )  # fmt: skip
    parser.add_argument(
        "--only", action="append",
        help="this measure of the part times only (may be repeated); the results are only printed",
    )  # fmt: skip
    parser.add_argument(
        "--peer", action="append", type=named, default=[], metavar="NAME=PATH",
        help="another runtime (may be repeated)",
    )  # fmt: skip
    parser.add_argument(
        "--newest", action="store_true", help="crun and runc of Debian's unstable suite, too"
    )
    parser.add_argument(
        "--without", action="append", default=[], metavar="NAME", help="leave this runtime out"
    )
    parser.add_argument("--crowd", type=int, nargs="+", default=[10, 1000, 5000], help="alive")
    parser.add_argument(
        "--at-once", type=int, nargs="+", default=[1, 2, 4, 16], help="processes at once"
    )
    parser.add_argument(
        "--tree", action="append", type=Path, default=[],
        help="another checkout, built: measured too, and the results are only printed",
    )  # fmt: skip
    parser.add_argument(
        "--host", choices=["vm"], help="in a virtual machine with cgroup v2: the parts times and "
        "instructions, counted by the machine; at once too with --part",
    )  # fmt: skip
    parser.add_argument("--print", action="store_true", help="only print the results")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    return parser


def named(text: str) -> tuple[str, Path]:
    """NAME=PATH. Raises ArgumentTypeError."""
    name, equals, path = text.partition("=")
    if not (name and equals and path) or "/" in name:
        raise argparse.ArgumentTypeError(f"{text}: not NAME=PATH")
    return name, Path(path)


def measure_all(
    folder: Path, given: dict[str, Path], options: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """The results of the chosen parts. No container is left, whatever happens."""
    true = make_bundle(folder / "true", "true")
    waits = make_bundle(folder / "waits", "sleep", "1000")
    seccomp = make_bundle(folder / "seccomp", "true", seccomp=engine_profile())
    bundles = Bundles(true, seccomp, waits)
    chosen = ["times"] if options.only else options.part or PARTS
    with tempfile.TemporaryDirectory(prefix="hutch-bench-", dir=MEMORY) as states:
        runtimes = peers(folder, Path(states), options.tree, given, options.without)
        try:
            # The memory first, because cgroups that were just removed still use memory.
            return {
                name: MEASURE[name](runtimes, bundles, options) for name in PARTS if name in chosen
            }
        finally:
            for peer in runtimes:
                peer.clear()


def times(runtimes: list[Peer], bundles: Bundles, options: argparse.Namespace) -> dict[str, Any]:
    chosen = actions(bundles)
    if options.only:
        chosen = {name: chosen[name] for name in options.only}
    return report.part(runtimes, table=report.plain(take(chosen, runtimes, options.rounds)))


def memories(runtimes: list[Peer], bundles: Bundles, _: argparse.Namespace) -> dict[str, Any]:
    rows = {
        peer.name: {
            "private, created container": memory.created_memory(peer, bundles.waits),
            "least memory limit": memory.least_limit(peer, Path(bundles.true)),
            **{
                f"peak of {verb}": value
                for verb, value in memory.peaks(peer, bundles.waits, bundles.true).items()
            },
        }
        for peer in runtimes
        if peer.name != "bare"  # it sets no limits
    }
    return report.part(runtimes, rows=rows)


def counts(runtimes: list[Peer], bundles: Bundles, _: argparse.Namespace) -> dict[str, Any]:
    unit, rows = count.count(runtimes, bundles)
    return report.part(runtimes, unit=unit, rows=rows)


def crowds(runtimes: list[Peer], bundles: Bundles, options: argparse.Namespace) -> dict[str, Any]:
    own = [peer for peer in runtimes if not peer.is_launcher]
    table = crowd.crowd(own, bundles.waits, options.crowd, samples=max(options.rounds, 25))
    return report.part(own, table=report.plain(table))


def together(runtimes: list[Peer], bundles: Bundles, options: argparse.Namespace) -> dict[str, Any]:
    own = [peer for peer in runtimes if not peer.is_launcher]
    rounds = max(options.rounds // 3, 1)
    table = at_once.at_once(own, bundles.waits, options.at_once, rounds)
    return report.part(own, table=report.plain(table))


MEASURE: dict[str, Callable[[list[Peer], Bundles, argparse.Namespace], dict[str, Any]]] = {
    "memory": memories,
    "instructions": counts,
    "times": times,
    "crowd": crowds,
    "at once": together,
}


def write(name: str, results: dict[str, dict[str, Any]]) -> None:
    """Writes conformance/results/NAME.json and .md. The parts that were not measured stay."""
    file = RESULTS / f"{name}.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    found |= results
    file.write_text(report.as_json(found))
    (RESULTS / f"{name}.md").write_text(report.markdown(report.TITLE, found))


if __name__ == "__main__":
    main()
