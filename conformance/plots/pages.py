"""The files that ``./dev plots`` writes, by their names: from the JSON of the results alone."""

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.bench import report
from conformance.plots.bars import Plot, svg

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "conformance" / "results"
# Of the cases that only hutch names.
SHOWN = (
    "unknown scheduler",
    "terminal without devpts",
    "script with line ends of DOS",
    "program that needs more memory than its limit",
)
PEERS = (
    "The launcher is hutch without the static executable. bare is no runtime: a C program that "
    "asks the kernel for the same namespaces, mounts and cgroups, and checks nothing."
)
# Of a picture: its heading, and what it is about.
HEADS = {
    "bench": ("The runtimes", f"hutch, runc, crun and others by turns. {PEERS}"),
    "bench-vm": ("The runtimes with cgroup v2", "The same in a virtual machine, whose processor is "
                 "emulated: the runtimes can be compared, but not with the picture above."),
    "bench-instructions": ("Instructions", "Of a verb, in its programs and in the kernel, counted "
                           "by a virtual machine whose clock they are. They depend on no load."),
    "bench-faults": ("Page faults", "Of a verb: each is a page that the kernel has to provide."),
    "bench-crowd": ("Many containers alive", "One more container, and `list`, while so many are "
                    "alive. What bare needs more is the kernel's. Where the memory does not "
                    "suffice for a runtime, it has no bar."),
    "bench-at-once": ("Many at the same time", "Several processes make, start and delete containers"
                      " at once: the time until all are done, divided by their number."),
    "engine": ("The engines", "warren, podman and docker run the same containers."),
    "pull": ("Pulls", "An image, its layers compressed by gzip or by zstd, from a registry on "
             "loopback, into an empty store."),
    "containerd": ("One containerd", "Many containers by each runtime, by turns: the mean of each. "
                   "The processor time is that of all processes."),
    "sandbox": ("Sandboxes", "hutch.run beside bubblewrap, which has no image and no limits."),
}  # fmt: skip


# The pages of the numbers, where they have other names than the pictures.
PAGES = {
    "bench-instructions": "bench-vm",
    "bench-faults": "bench",
    "bench-crowd": "bench",
    "bench-at-once": "bench",
}


def files() -> dict[Path, str]:
    """What each file has to contain."""
    found = {RESULTS / f"{name}.svg": svg(plot) for name, plot in plots().items()}
    found[RESULTS / "README.md"] = results_page()
    for name in ("bench", "bench-vm"):
        found[RESULTS / f"{name}.md"] = report.markdown(report.TITLE, _read(name))
    readme = (ROOT / "README.md").read_text()
    found[ROOT / "README.md"] = re.sub(
        r"(?<=<!-- errors -->\n).*?(?=<!-- /errors -->)", lambda _: errors(), readme, flags=re.S
    )
    return found


def plots() -> dict[str, Plot]:
    """The plots by the names of their results."""
    engine, pull = _read("engine"), _read("pull")
    containerd, sandbox = _read("containerd"), _read("sandbox")
    return {
        **_runtimes(),
        "engine": Plot(
            "warren beside podman and docker",
            {
                measure: {name: _pairs(samples, 1000) for name, samples in row.items()}
                for measure, row in engine.items()
                if measure != "memory"
            },
            ("warren",), "ms",
        ),
        "pull": Plot(
            "a pull into an empty store",
            {
                kind: {name.partition(" ")[0]: _pairs(s, 1) for name, s in pull[kind].items()}
                for kind in ("gzip", "zstd")
            },
            ("warren",), "s",
        ),
        "containerd": Plot(
            "160 containers on one containerd: the mean of each",
            {
                act: {
                    name: [(row[act][0] * 1000 / row[act][2], row[act][1] * 1000 / row[act][2])]
                    for name, row in containerd.items()
                }
                for act in containerd["hutch"]
            },
            ("hutch",), "ms",
        ),
        "sandbox": Plot(
            "a program in a sandbox",
            {"run true": {
                name: [(w * _MS, c * _MS) for w, c in zip(row["wall"], row["cpu"], strict=True)]
                for name, row in sandbox.items()
            }},
            tuple(name for name in sandbox if name != "bubblewrap"), "ms",
        ),
    }  # fmt: skip


def _runtimes() -> dict[str, Plot]:
    """The plots of ./dev bench."""
    bench, vm = _read("bench"), _read("bench-vm")
    own = ("hutch", "hutch, launcher")

    def times(table: Any) -> dict[str, dict[str, list[tuple[float, float]]]]:
        return {
            measure: {
                "hutch, launcher" if name == "hutch-a" else name: [(s[0], s[1]) for s in samples]
                for name, samples in row.items()
            }
            for measure, row in table.items()
        }

    def numbers(rows: Any, which: str) -> list[tuple[float, float]]:
        return [(float(rows[which]), float(rows[which]))]

    counted = vm["instructions"]["rows"]
    instructions = {
        measure: {name: numbers(row, measure) for name, row in counted.items()}
        for measure in counted["hutch"]
    }
    faults = {
        measure: {
            "hutch, launcher" if name == "hutch-a" else name: [(s[2], s[2]) for s in samples]
            for name, samples in row.items()
        }
        for measure, row in bench["times"]["table"].items()
    }
    return {
        "bench": Plot("hutch beside runc and crun", times(bench["times"]["table"]), own, "ms"),
        **(
            {"bench-vm": Plot("cgroup v2, emulated", times(vm["times"]["table"]), own, "ms")}
            if "times" in vm
            else {}
        ),
        "bench-instructions": Plot(
            "instructions of a verb, with the kernel's", instructions, own, "million",
            "instructions",
        ),
        "bench-faults": Plot("page faults of a verb", faults, own, "", "page faults"),
        "bench-crowd": Plot(
            "while many containers are alive", times(bench["crowd"]["table"]), own, "ms"
        ),
        "bench-at-once": Plot(
            "by several processes at once", times(bench["at once"]["table"]), own, "ms"
        ),
    }  # fmt: skip


def results_page() -> str:
    """conformance/results/README.md."""
    lines = [
        "# Results",
        "",
        "`./dev plots` makes this page and its pictures from the JSON files beside it. A heading",
        "leads to the page with all numbers, the machine and the date. A bar is the median of the",
        "wall time; the darker bar in it is the median of the processor time, and the line the",
        "smallest wall time. Where other programs run too, the smallest says more than the median.",
        "The tables of the runtimes give an interval for each median, in which the true one is",
        "with a probability of 95 %: where two intervals overlap, two medians need not differ.",
        "",
    ]
    shown = plots()
    for name, (title, about) in HEADS.items():
        if name not in shown:
            continue
        page = PAGES.get(name, name)
        about = textwrap.fill(about, 100, break_long_words=False)
        lines += [f"## [{title}]({page}.md)", "", about, "", f"![{title}]({name}.svg)", ""]
    lines += [
        "## More",
        "",
        "- [Errors](errors.md): sixty errors, and who names the field or the cause.",
        "- [Engines](engines.md): what each engine does with hutch, runc and crun; the same [in a",
        "  virtual machine](engines-vm.md) with systemd, cgroup v2 and AppArmor, [where SELinux",
        "  enforces](engines-selinux.md), [with containerd 2.1, runc 1.3 and crun",
        "  1.28](engines-containerd-2.md), with Kubernetes 1.36, [here](engines-kubernetes.md)",
        "  and [in the machine](engines-vm-kubernetes.md), and with CRI-O 1.36,",
        "  [here](engines-crio.md) and [in the machine](engines-vm-crio.md).",
        "- [Containers at random](soak.md): containerd and podman at once, with runtimes killed.",
        "- [The API](api.md): docker on `warren serve` and on dockerd.",
        "- [Pulls under load](pull-under-load.md): where docker was as fast as warren.",
        "- [Versions of CPython](fronts.md): the static executables with 3.11, 3.13 and 3.14.",
        "- [Scale](scale.md): what a node and a cluster pay a day.",
        "",
    ]
    return "\n".join(lines)


def errors() -> str:
    """The part of the README: some of the errors, side by side."""
    results = _read("errors")
    only = [
        name
        for name, row in results.items()
        if row["hutch"]["verdict"] == "names it"
        and all(row[peer]["verdict"] != "names it" for peer in ("runc", "crun"))
    ]
    counts = {
        name: sum(row[name]["verdict"] == "names it" for row in results.values())
        for name in ("hutch", "runc", "crun")
    }
    assert set(SHOWN) <= set(only)
    lines = [
        f"Of {len(results)} errors, hutch names the field or the cause in {counts['hutch']}, runc "
        f"1.1 in {counts['runc']}, crun 1.8 in {counts['crun']}.",
        f"These are {len(SHOWN)} of the {len(only)} that only hutch names. `./dev conformance "
        "--errors` runs all",
        "([errors.md](conformance/results/errors.md)).",
        "",
        "```",
    ]
    for number, name in enumerate(SHOWN):
        lines += [""] * (number > 0) + [name]
        for peer in ("hutch", "runc", "crun"):
            said = _line(results[name][peer]["message"]).replace(" (hint: ", "\n(hint: ")
            for place, part in enumerate(said.splitlines()):
                lines += textwrap.wrap(
                    part, 110, initial_indent=" " * 9 if place else f"  {peer:6} ",
                    subsequent_indent=" " * 9, break_long_words=False, break_on_hyphens=False,
                )  # fmt: skip
    return "\n".join([*lines, "```", ""])


_MS = 1000


def _line(message: str) -> str:
    """What a person sees of a message: its last line without the form of a log."""
    lines = [line for line in message.splitlines() if line and not line.startswith("level=")]
    if not lines:
        lines = [
            json.loads(f'"{each}"') for each in re.findall(r' msg="((?:\\.|[^"\\])*)"', message)
        ]
    return lines[-1].removeprefix("hutch: ") if lines else "(nothing)"


def _pairs(samples: list[Mapping[str, float]], times: float) -> list[tuple[float, float]]:
    return [(one["wall"] * times, one["cpu"] * times) for one in samples]


def _read(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text())
