"""The results as data (bench.json), and the page made from them (bench.md)."""

import datetime
import json
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.bench import crowd
from conformance.bench.confidence import Median, median, ratio
from conformance.bench.measures import Table
from conformance.bench.peers import Peer

TITLE = "Beside runc and crun"
OWN = "hutch"
WALL, CPU, FAULTS = 0, 1, 2  # the places in a Sample

# {measure: {runtime: samples}}, as they are in the JSON
Rows = Mapping[str, Mapping[str, Sequence[Sequence[float]]]]
# {part: its "machine", "date", "peers", and "table" or "rows"}
Results = Mapping[str, Mapping[str, Any]]

TITLES = {
    "times": "Verbs",
    "memory": "Memory (KiB)",
    "instructions": "Instructions",
    "crowd": "Many containers alive",
    "at once": "Many containers at the same time",
}
ABOUT = {
    "times": "",
    "memory": "The memory that only the process of a created container maps; the least memory "
    "limit with which a container runs; the peaks of resident memory of the commands.",
    "instructions": "In {unit}. A dash: they could not be counted.",
    "crowd": "One more container while so many are alive, and `list`. bare shows what the kernel "
    "adds. A size for which the memory does not suffice is left out.",
    "at once": "Several processes make, start and delete containers at the same time: the wall "
    "time until all are done and the processor time, each divided by their number.",
}
READING = """\
Times are milliseconds. In brackets is the interval in which the true median is with a probability
of 95 %: order statistics, which assume nothing of how the times are spread. Processor time and page
faults (those that need no disk) are of the command and of the processes that it has waited for.
"hutch beside it" divides hutch's time by that of the same round of the other runtime; below 1,
hutch is quicker. bare is no runtime: a C program that asks the kernel for the same namespaces,
mounts and cgroups, and checks nothing. The state directories are in memory, as those below /run
are; the bundles are on a disk.
"""


def part(peers: Sequence[Peer], **found: Any) -> dict[str, Any]:
    """A part of the results with the machine, the date and the versions."""
    versions = {peer.name: peer.version() for peer in peers}
    return {"machine": machine(), "date": f"{datetime.date.today()}", "peers": versions, **found}


def machine() -> str:
    """The machine of the measurement."""
    cpus = Path("/proc/cpuinfo").read_text().count("processor\t")
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    load = Path("/proc/loadavg").read_text().split()[0]
    cgroups = "v1" if Path("/sys/fs/cgroup/memory").is_dir() else "v2"
    return f"Linux {platform.release()}, {cpus} CPUs ({model}), cgroup {cgroups}, load {load}"


def markdown(title: str, results: Results) -> str:
    """The page of these results."""
    lines = [f"# {title}", "", READING]
    for name, heading in TITLES.items():
        if name in results:
            lines += [f"## {heading}", "", *_part(name, results[name])]
    return "\n".join(lines)


def _part(name: str, found: Mapping[str, Any]) -> list[str]:
    about = ABOUT[name].format(unit=found.get("unit", ""))
    lines = [f"{found['date']}, {found['machine']}.", ""]
    lines += [f"- {peer}: {version}" for peer, version in found["peers"].items()]
    lines += ["", about] if about else []
    if "rows" in found:
        lines += ["", figures(found["rows"])]
    else:  # in a crowd the runtimes do not take turns
        lines += ["", timings(found["table"], beside=name != "crowd")]
    return [*lines, *(_flat(found["table"]) if name == "crowd" else [])]


def timings(table: Rows, *, beside: bool = True) -> str:
    """For each measure and runtime: medians with their intervals, minima, and hutch beside it."""
    head = ["measure", "runtime", "wall", "least", "cpu", "page faults"]
    head += ["hutch beside it: wall", "least", "cpu"] if beside else []
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for measure, columns in table.items():
        for name, samples in columns.items():
            row = [measure, name, _span(median(column(samples, WALL)))]
            row += [f"{min(column(samples, WALL)):.2f}", _span(median(column(samples, CPU)))]
            row += [f"{statistics.median(column(samples, FAULTS)):.0f}"]
            if beside:
                row += _beside(columns.get(OWN), samples) if name != OWN else ["", "", ""]
            lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def column(samples: Sequence[Sequence[float]], place: int) -> list[float]:
    """One number of each sample."""
    return [sample[place] for sample in samples]


def _beside(own: Sequence[Sequence[float]] | None, other: Sequence[Sequence[float]]) -> list[str]:
    """hutch's wall time, minimum and processor time, divided by those of the other."""
    if own is None:
        return ["", "", ""]
    wall, cpu = (ratio(column(own, place), column(other, place)) for place in (WALL, CPU))
    least = min(column(own, WALL)) / min(column(other, WALL))
    return [_span(wall), f"{least:.2f}", _span(cpu)]


def _span(found: Median) -> str:
    return f"{found.value:.2f} ({found.low:.2f}–{found.high:.2f})"  # noqa: RUF001 - a range


def _flat(table: Rows) -> list[str]:
    """What one more container costs at each size, divided by what it costs at the first one."""
    named = {name: row for name, row in table.items() if name.startswith(crowd.ONE_MORE)}
    (first, base), *others = named.items()
    functions: dict[str, Callable[[list[float]], float]] = {
        "wall": statistics.median, "least": min, "cpu": statistics.median,
    }  # fmt: skip
    lines = [f"One more container, against {first.rpartition(', ')[2]}:", ""]
    lines += ["| runtime | alive | wall | least | cpu |", "|---|---|---|---|---|"]
    for measure, columns in others:
        for name, samples in columns.items():
            row = []
            for what, function in functions.items():
                place = CPU if what == "cpu" else WALL
                one, two = column(samples, place), column(base[name], place)
                row.append(f"{function(one) / function(two):.2f}")
            alive = measure.rpartition(", ")[2].partition(" ")[0]
            lines.append(f"| {name} | {alive} | " + " | ".join(row) + " |")
    return [*lines, ""]


def figures(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """A small table with a row for each runtime and a column for each value."""
    heads = list(next(iter(rows.values())))
    lines = ["| runtime | " + " | ".join(heads) + " |", "|" + "---|" * (len(heads) + 1)]
    for name, values in rows.items():
        cells = ["–" if values[head] is None else str(values[head]) for head in heads]  # noqa: RUF001
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def plain(table: Table) -> dict[str, dict[str, list[list[float]]]]:
    """The samples without more digits than they mean: microseconds."""
    return {
        measure: {
            name: [[round(number, 3) for number in sample] for sample in samples]
            for name, samples in row.items()
        }
        for measure, row in table.items()
    }


def as_json(results: Results) -> str:
    """The results, one line for each part."""
    parts = [f"{json.dumps(name)}: {json.dumps(found)}" for name, found in results.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"
