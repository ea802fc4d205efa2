"""``./dev bench``: measures hutch, runc and crun in turn and writes conformance/results."""

import argparse
import datetime
import sys
import tempfile
from pathlib import Path

from conformance.bench import crowd, memory, report
from conformance.bench.bundle import make_bundle
from conformance.bench.clock import instructions
from conformance.bench.measures import Bundles, actions, take, wait_stopped
from conformance.bench.peers import peers
from conformance.samples.seccomp_profile import engine_profile

RESULTS = Path(__file__).parents[1] / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="samples of each measure (30)")
    parser.add_argument("--only", action="append", help="this measure only (may be repeated)")
    parser.add_argument("--crowd", type=int, nargs="*", default=[10, 100, 1000], help="alive")
    parser.add_argument(
        "--tree", action="append", type=Path, default=[],
        help="another checkout, built: measured too, and the results are only printed",
    )  # fmt: skip
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hutch-bench-") as name:
        text, table = measure_all(Path(name), options)
    sys.stdout.write(text)
    if options.tree:
        return
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "bench.md").write_text(text)
    (RESULTS / "bench.json").write_text(report.as_json(table))


def measure_all(folder: Path, options: argparse.Namespace) -> tuple[str, dict]:  # type: ignore[type-arg]
    """The report's text and the samples."""
    true = make_bundle(folder / "true", "true")
    waits = make_bundle(folder / "waits", "sleep", "1000")
    seccomp = make_bundle(folder / "seccomp", "true", seccomp=engine_profile())
    bundles = Bundles(true, seccomp, waits)
    runtimes = peers(folder, options.tree)
    try:
        return measure_runtimes(runtimes, bundles, options)
    finally:
        for peer in runtimes:
            peer.clear()


def measure_runtimes(
    runtimes: list,  # type: ignore[type-arg]
    bundles: Bundles,
    options: argparse.Namespace,
) -> tuple[str, dict]:  # type: ignore[type-arg]
    """The same for these runtimes. Without an error, no container is left."""
    chosen = actions(bundles)
    if options.only:
        chosen = {name: chosen[name] for name in options.only}
    rest = []
    if not options.only:
        # Before the others, because cgroups that were just removed still use memory.
        rest.append(memory_part(runtimes, bundles))
        rest.append(instructions_part(runtimes, bundles))
    table = take(chosen, runtimes, options.rounds)
    if not options.only and options.crowd:
        rest.append(crowd_part(runtimes, bundles, options.crowd))
    parts = [
        f"# Beside runc and crun, {datetime.date.today()}\n",
        report.machine() + f"; {options.rounds} rounds, all runtimes in turn.\n",
        "\n".join(f"- {peer.name}: {peer.version()}" for peer in runtimes) + "\n",
        report.timings(table),
        *rest,
    ]
    return "\n".join(parts), table


def memory_part(runtimes: list, bundles: Bundles) -> str:  # type: ignore[type-arg]
    rows = {}
    for peer in runtimes:
        held = memory.created_memory(peer, bundles.waits)
        rows[peer.name] = {
            "private, created container": held,
            "least memory limit": memory.least_limit(peer, Path(bundles.true)),
            **{
                f"peak of {verb}": value
                for verb, value in memory.peaks(peer, bundles.waits, bundles.true).items()
            },
        }
    return report.figures("Memory (KiB)", rows)


def instructions_part(runtimes: list, bundles: Bundles) -> str:  # type: ignore[type-arg]
    """Only for hutch, because the other runtimes execute themselves again, which valgrind does not
    support. Only for verbs whose system calls valgrind knows: it does not know clone3 and
    pidfd_send_signal."""
    rows = {}
    for peer in [peer for peer in runtimes if peer.name.startswith("hutch")]:
        peer.call("create", "--bundle", bundles.waits, "bench-count")
        rows[peer.name] = {
            verb: f"{instructions(peer.words(verb, 'bench-count')) / 1e6:.1f}"
            for verb in ("state", "start")
        }
        peer.call("kill", "bench-count", "KILL")
        wait_stopped(peer, "bench-count")
        count = instructions(peer.words("delete", "bench-count"))
        rows[peer.name]["delete"] = f"{count / 1e6:.1f}"
    return report.figures("Instructions (millions, callgrind)", rows)


def crowd_part(runtimes: list, bundles: Bundles, sizes: list[int]) -> str:  # type: ignore[type-arg]
    table = crowd.crowd(runtimes, bundles.waits, sizes, samples=25)
    rows = {}
    for peer in runtimes:
        first = table[f"{crowd.ONE_MORE}, {sizes[0]} alive"][peer.name]
        last = table[f"{crowd.ONE_MORE}, {sizes[-1]} alive"][peer.name]
        rows[peer.name] = {
            what: f"{function(last) / function(first):.2f}"
            for what, function in report.FIGURES.items()
        }
    title = f"One more container, {sizes[-1]} alive against {sizes[0]} alive"
    return (
        "## Many containers alive\n\n" + report.timings(table) + "\n" + report.figures(title, rows)
    )


if __name__ == "__main__":
    main()
