"""``./dev bench``: measures hutch, runc and crun in turn and writes conformance/results."""

import argparse
import datetime
import sys
import tempfile
from pathlib import Path

from conformance.bench import crowd, memory, report
from conformance.bench.bundle import make_bundle
from conformance.bench.clock import instructions
from conformance.bench.measures import Bundles, actions, take
from conformance.bench.peers import hugetlb_hierarchy, peers
from tests.profiles import engine_profile

RESULTS = Path(__file__).parents[1] / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="samples of each measure (30)")
    parser.add_argument("--only", action="append", help="this measure only (may be repeated)")
    parser.add_argument("--crowd", type=int, nargs="*", default=[10, 100], help="containers alive")
    parser.add_argument("--no-plot", action="store_true", help="no PNG")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hutch-bench-") as name, hugetlb_hierarchy():
        text, table = measure_all(Path(name), options)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "bench.md").write_text(text)
    (RESULTS / "bench.json").write_text(report.as_json(table))
    if not options.no_plot:
        report.plot(table, RESULTS / "bench.png")
    sys.stdout.write(text)


def measure_all(folder: Path, options: argparse.Namespace) -> tuple[str, dict]:  # type: ignore[type-arg]
    """The report's text and the samples."""
    true = make_bundle(folder / "true", "true")
    waits = make_bundle(folder / "waits", "sleep", "1000")
    seccomp = make_bundle(folder / "seccomp", "true", seccomp=engine_profile())
    bundles = Bundles(true, seccomp, waits)
    runtimes = peers(folder)
    chosen = actions(bundles)
    if options.only:
        chosen = {name: chosen[name] for name in options.only}
    table = take(chosen, runtimes, options.rounds)
    parts = [
        f"# Beside runc and crun, {datetime.date.today()}\n",
        report.machine() + f"; {options.rounds} rounds, all runtimes in turn.\n",
        "\n".join(f"- {peer.name}: {peer.version()}" for peer in runtimes) + "\n",
        report.timings(table),
    ]
    if not options.only:
        parts.append(memory_part(runtimes, bundles, true))
        parts.append(instructions_part(runtimes, bundles))
        if options.crowd:
            parts += crowd_part(runtimes, bundles, options.crowd)
    return "\n".join(parts), table


def memory_part(runtimes: list, bundles: Bundles, true: Path) -> str:  # type: ignore[type-arg]
    rows = {}
    for peer in runtimes:
        held = memory.created_memory(peer, bundles.waits)
        rows[peer.name] = {
            "private, created container": held,
            "least memory limit": memory.least_limit(peer, true),
            **{
                f"peak of {verb}": value
                for verb, value in memory.peaks(peer, bundles.waits, bundles.true).items()
            },
        }
    return report.figures("Memory (KiB)", rows)


def instructions_part(runtimes: list, bundles: Bundles) -> str:  # type: ignore[type-arg]
    """Of ours alone: the others start themselves anew, which valgrind does not let them do."""
    rows = {}
    for peer in [peer for peer in runtimes if peer.name.startswith("hutch")]:
        peer.call("create", "--bundle", bundles.waits, "bench-count")
        try:
            count = instructions(peer.words("state", "bench-count"))
        finally:
            peer.call("delete", "--force", "bench-count")
        rows[peer.name] = {"state": f"{count / 1e6:.1f}"}
    return report.figures("Instructions (millions, callgrind)", rows)


def crowd_part(runtimes: list, bundles: Bundles, sizes: list[int]) -> list[str]:  # type: ignore[type-arg]
    parts = []
    results = {peer.name: crowd.crowd(peer, bundles.waits, sizes, samples=15) for peer in runtimes}
    for what in ("create+start+delete", "list"):
        rows = {
            name: {f"{size} alive": f"{values[size][what]:.1f}" for size in sizes}
            for name, values in results.items()
        }
        parts.append(report.figures(f"{what} (ms, medians)", rows))
    return parts


if __name__ == "__main__":
    main()
