"""``./dev bench scale``: what a node and a cluster pay a day for their runtime, calculated from
what ./dev bench (bench.json) and ./dev bench containerd (containerd.json) have measured.

A day is a number of acts: containers that start and end, and probes by exec. An act is a number of
calls of the runtime, as containerd makes them. Nothing here is simulated: it is multiplication. The
assumptions are PROFILES and CALLS, and are printed with the result.
"""

import argparse
import datetime
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"
RUNTIMES = ("runc", "crun", "hutch")
DAY = 24 * 3600

# The calls of containerd and its shim for each act, with the measure of bench.json that stands for
# each. The last `delete --force` finds nothing, as `state` of an unknown container does.
CALLS = {
    "start": {"create": 1, "start": 1},
    "end": {"kill": 1, "delete": 1, "state": 1},
    "probe": {"exec /bin/true": 1},
    "state": {"state": 1},
}
# The measure of containerd.json that stands for each act. It has all that containerd, its shim and
# ctr do too.
WHOLE = {"start": "start", "end": "kill and delete", "probe": "exec"}


@dataclass(frozen=True)
class Profile:
    """How a node is used. A pod is its sandbox and ``containers``. ``lives`` is the number of pods
    that start on one place of the node in a day. ``probed`` is the share of containers with exec
    probes: ``probes`` of them, each every ``period`` seconds. ``asked`` is how often in a day each
    container's `state` is asked by something else, such as an agent for monitoring."""

    name: str
    containers: int
    lives: float
    probed: float
    probes: int
    period: int
    asked: int

    def acts(self, pods: int) -> dict[str, float]:
        """{act: how often in a day} on a node with so many places for pods."""
        starts = pods * self.lives * (self.containers + 1)
        probed = pods * self.containers * self.probed * self.probes
        return {
            "start": starts,
            "end": starts,
            "probe": probed * DAY / self.period,
            "state": pods * (self.containers + 1) * self.asked,
        }

    def sentence(self) -> str:
        """The assumptions in words."""
        parts = [
            f"{self.name}: a pod is a sandbox and {self.containers} of containers",
            f"on each place a pod starts every {24 / self.lives:.4g} h",
        ]
        if self.probes:
            parts.append(
                f"{self.probed:.0%} of the containers have {self.probes} exec probes, each every "
                f"{self.period} s"
            )
        if self.asked:
            parts.append(f"something asks the state of each container {self.asked} times a day")
        return "; ".join(parts)


PROFILES = (
    Profile("quiet", 1, 1 / 7, 0, 0, 10, 0),
    Profile("usual", 2, 1, 0.1, 2, 10, 0),
    Profile("probes", 2, 1, 0.5, 2, 10, 0),
    Profile("jobs", 1, 24 * 12, 0, 0, 10, 0),
    Profile("watched", 2, 1, 0.1, 2, 10, 24 * 60),
)


def costs(bench: dict[str, dict[str, list[list[float]]]]) -> dict[str, dict[str, list[float]]]:
    """{act: {runtime: [seconds of wall time, of processor time]}} of the runtime alone."""
    found: dict[str, dict[str, list[float]]] = {}
    for act, calls in CALLS.items():
        for runtime in RUNTIMES:
            both = [0.0, 0.0]
            for measure, count in calls.items():
                samples = bench[measure][runtime]
                for place in (0, 1):
                    middle = statistics.median(sample[place] for sample in samples)
                    both[place] += count * middle / 1e3
            found.setdefault(act, {})[runtime] = both
    return found


def whole_costs(taken: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, list[float]]]:
    """The same with containerd, its shim and ctr. Nothing is known of `state`."""
    found: dict[str, dict[str, list[float]]] = {"state": {name: [0.0, 0.0] for name in RUNTIMES}}
    for act, measure in WHOLE.items():
        for runtime in RUNTIMES:
            wall, cpu, count = taken[runtime][measure]
            found.setdefault(act, {})[runtime] = [wall / count, cpu / count]
    return found


def table(
    paid: dict[str, dict[str, list[float]]], pods: int, nodes: int, profiles: tuple[Profile, ...]
) -> str:
    """A row for each profile and runtime."""
    lines = [
        "| profile | starts a day | probes a day | runtime | node: processor min a day "
        "| node: share of one processor | cluster: processor h a day | cluster: processors busy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for profile in profiles:
        acts = profile.acts(pods)
        for runtime in RUNTIMES:
            cpu = sum(count * paid[act][runtime][1] for act, count in acts.items())
            lines.append(
                f"| {profile.name} | {acts['start']:,.0f} | {acts['probe']:,.0f} | {runtime} "
                f"| {cpu / 60:.1f} | {cpu / DAY:.2%} | {cpu * nodes / 3600:,.0f} "
                f"| {cpu * nodes / DAY:,.1f} |"
            )
    return "\n".join(lines) + "\n"


def prices(paid: dict[str, dict[str, list[float]]]) -> str:
    """What one act costs."""
    lines = ["| act | " + " | ".join(RUNTIMES) + " |", "|---|" + "---|" * len(RUNTIMES)]
    for act, columns in paid.items():
        both = [f"{columns[name][0] * 1e3:.1f} / {columns[name][1] * 1e3:.1f}" for name in RUNTIMES]
        lines.append(f"| {act} | " + " | ".join(both) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="./dev bench scale", description=__doc__)
    parser.add_argument("--pods", type=int, default=250, help="places for pods on a node (250)")
    parser.add_argument("--nodes", type=int, default=1000, help="nodes of the cluster (1000)")
    options = parser.parse_args(arguments)
    bench = json.loads((RESULTS / "bench.json").read_text())["times"]["table"]
    paid = costs(bench)
    parts = [
        f"# A node of {options.pods} pods and a cluster of {options.nodes} nodes, "
        f"{datetime.date.today()}\n",
        "Calculated by `./dev bench scale` from the medians in bench.json and the sums in "
        "containerd.json.\n",
        "## Assumptions\n",
        "- " + "\n- ".join(profile.sentence() for profile in PROFILES),
        "- a start is create and start; an end is kill, delete and a `delete --force` that finds "
        "nothing; a probe is exec. containerd never calls state.",
        "- the processors are those of the measurement; a probe's own program is `true`.\n",
        "## What the runtime's own calls cost, ms of wall / of processor time\n",
        prices(paid),
        "## A day, the runtime's own calls\n",
        table(paid, options.pods, options.nodes, PROFILES),
    ]
    if (RESULTS / "containerd.json").exists():
        taken = json.loads((RESULTS / "containerd.json").read_text())
        whole = whole_costs(taken)
        unwatched = tuple(profile for profile in PROFILES if not profile.asked)
        parts += [
            "## A day, with containerd, its shim and ctr\n",
            "A kubelet calls containerd over a socket, which is cheaper than a ctr for each. So "
            "the sums are too high, but the differences between the runtimes are right.\n",
            table(whole, options.pods, options.nodes, unwatched),
        ]
    text = "\n".join(parts)
    sys.stdout.write(text)
    (RESULTS / "scale.md").write_text(text)


if __name__ == "__main__":
    main()
