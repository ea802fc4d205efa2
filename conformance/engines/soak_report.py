"""What ``./dev soak`` found, as text, and conformance/results/soak.md: a part of each runtime."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"
ACTS = {
    "start": "started", "enter": "entered", "halt": "paused and resumed", "limit": "updated",
    "kill": "killed", "remove": "removed", "failed": "calls that failed",
}  # fmt: skip
HEAD = """\
# Containers at random, with runtimes killed

`./dev soak --minutes N --write`: workers of containerd and podman, at once, create, enter, pause,
update, kill and remove containers at random. In 8 of each 28 seconds, calls of the runtime are
killed 1 to 80 ms after their start. At the end all containers are removed, and there must be no
more than before. Threads and memory are those of containerd, and may differ.
"""


@dataclass(frozen=True)
class Result:
    """Of one run. ``done``: how often each act was done; ``killed``: calls of the runtime that were
    killed; ``forgotten`` and ``shims``: what the engines had forgotten at the end. ``before`` and
    ``after``: how many there are of each kind."""

    day: str
    minutes: float
    workers: int
    seed: int
    done: dict[str, int]
    killed: int
    forgotten: int
    shims: int
    before: dict[str, int]
    after: dict[str, int]


def section(result: Result) -> list[str]:
    """The lines of one run."""
    acts = [f"{text} {result.done[act]}" for act, text in ACTS.items() if act in result.done]
    lines = [
        f"{result.day}, {result.minutes:g} minutes, {result.workers} workers of each engine, "
        f"`--seed {result.seed}`.",
        "",
        "Containers: " + ", ".join(acts) + f". Calls of the runtime killed: {result.killed}.",
        "Forgotten by the engine after a deletion that was killed, and deleted afterwards: "
        f"{result.forgotten} containers; shims: {result.shims}.",
        "",
        "| | before | after |",
        "|---|---|---|",
    ]
    return lines + [f"| {what} | {count} | {result.after[what]} |"
                    for what, count in result.before.items()]  # fmt: skip


def write(runtime: str, result: Result) -> None:
    """Puts the run beside those of the other runtimes, into soak.json and soak.md."""
    file = RESULTS / "soak.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    kept[runtime] = dataclasses.asdict(result)
    file.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    parts = [HEAD]
    for name in sorted(kept):
        parts += [f"## {name}", "", *section(Result(**kept[name])), ""]
    (RESULTS / "soak.md").write_text("\n".join(parts).rstrip() + "\n")
