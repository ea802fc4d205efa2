"""The measurements as a table in Markdown, and as JSON."""

import json
import platform
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conformance.bench.clock import Sample
from conformance.bench.measures import Table

# The statistics of a measurement's samples.
FIGURES: dict[str, Callable[[list[Sample]], float]] = {
    "wall median": lambda samples: statistics.median(sample.wall for sample in samples),
    "wall min": lambda samples: min(sample.wall for sample in samples),
    "cpu median": lambda samples: statistics.median(sample.cpu for sample in samples),
}


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


def timings(table: Table) -> str:
    """Medians and minima of wall time, medians of processor time, and ratios of the medians."""
    names = list(next(iter(table.values())))
    rivals = [name for name in names if name not in ("hutch", "hutch-a")]
    head = ["measure", "runtime", *(figure + " ms" for figure in FIGURES)]
    head += ["/ " + rival for rival in rivals]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for measure, columns in table.items():
        medians = {name: FIGURES["wall median"](columns[name]) for name in names}
        for name in names:
            row = [measure, name]
            row += [f"{function(columns[name]):.1f}" for function in FIGURES.values()]
            row += [f"{medians[name] / medians[rival]:.2f}" for rival in rivals]
            lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def figures(title: str, columns: dict[str, dict[str, Any]]) -> str:
    """A small table with a row for each runtime and a column for each value."""
    heads = list(next(iter(columns.values())))
    lines = [f"## {title}", "", "| runtime | " + " | ".join(map(str, heads)) + " |"]
    lines.append("|" + "---|" * (len(heads) + 1))
    for name, values in columns.items():
        lines.append(f"| {name} | " + " | ".join(str(values[head]) for head in heads) + " |")
    return "\n".join(lines) + "\n"


def as_json(table: Table) -> str:
    """All samples as JSON."""
    return json.dumps(
        {
            measure: {name: [list(sample) for sample in samples] for name, samples in row.items()}
            for measure, row in table.items()
        }
    )
