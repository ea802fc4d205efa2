"""``./dev conformance --engines [NAME...]``: engines with runc, crun and hutch as their runtime.

It starts podman, buildah, containerd, docker and others from Debian's packages, each with folders
of its own, and does one list of checks with each of them and each runtime. stage.sh runs it, in
namespaces and cgroups of its own.

It fails for each check in which hutch fails or shows something else than runc, and expected.toml
does not say why.
"""

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

from conformance.engines import report, test_host
from conformance.engines.buildah import Buildah
from conformance.engines.checks import Check
from conformance.engines.containerd import Containerd
from conformance.engines.cri import Cri
from conformance.engines.crio import Crio
from conformance.engines.docker import Docker, DockerDefault, DockerRemapped, Podman
from conformance.engines.engine import Engine
from conformance.engines.every import every
from conformance.engines.kubernetes import Kubernetes
from conformance.engines.report import FAIL, NONE, PASS, Outcome, Page
from conformance.engines.swarm import Swarm
from conformance.engines.wish import Lacks, Place, Wrong
from conformance.runtimes import find
from conformance.samples.busybox import write_docker_archive

ENGINES: dict[str, type[Engine]] = {
    engine.name: engine
    for engine in (
        Podman, Buildah, Containerd, Docker, DockerDefault, DockerRemapped, Cri, Crio, Swarm,
        Kubernetes,
    )
}  # fmt: skip
RUNTIMES = ("runc", "crun", "hutch")
# The kind of virtual machine, the name of the results, the engines, the checks.
HOSTS: dict[str, tuple[str, str, tuple[str, ...], list[str]]] = {
    "vm": ("apparmor", "engines-vm", test_host.ENGINES, []),
    "selinux": (
        "selinux-enforcing",
        "engines-selinux",
        ("podman", "docker", "cri"),
        ["SELinux"],
    ),
}
RESULTS = Path(__file__).parents[1] / "results"
README = Path(__file__).parents[2] / "README.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev conformance --engines", description=__doc__)
    parser.add_argument("engines", nargs="*", metavar="NAME", help=", ".join(ENGINES))
    parser.add_argument("--runtime", action="append", metavar="NAME", help="instead of all three")
    parser.add_argument(
        "--only", action="append", metavar="TEXT", help="only checks with this text in their names"
    )
    parser.add_argument("--verbose", action="store_true", help="tell every check's result")
    parser.add_argument("--write", action="store_true", help="write conformance/results/engines.*")
    parser.add_argument(
        "--host",
        choices=list(HOSTS),
        help="in a machine with systemd, cgroup v2 and AppArmor, or SELinux: then only its checks",
    )
    parser.add_argument(
        "--containerd", type=Path, metavar="FOLDER",
        help="the folder of another containerd, its shim and ctr (./dev newest makes one); the "
        "results are engines-containerd-2.*",
    )  # fmt: skip
    parser.add_argument(
        "--programs", type=Path, metavar="FOLDER",
        help="the folder of programs that no Debian package has: those of CRI-O and Kubernetes",
    )  # fmt: skip
    parser.add_argument("--outcomes", action="store_true", help="print each outcome as JSON")
    options = parser.parse_args()
    for name in options.engines:
        if name not in ENGINES:
            parser.error(f"{name}: not one of {', '.join(ENGINES)}")
    for folder in filter(None, (options.containerd, options.programs)):
        os.environ["PATH"] = f"{folder.absolute()}:{os.environ['PATH']}"
    if options.host:
        return on_test_host(options)
    runtimes = {Path(name).name: find(name) for name in options.runtime or RUNTIMES}
    only = options.only or [""]
    checks = [one for one in every() if any(text in one.label for text in only)]
    all_three = {name: find(name) for name in RUNTIMES}  # write keeps what another run has found
    page = Page({}, list(runtimes), versions(all_three | runtimes))
    folder = Path(os.environ.get("ENGINES_FOLDER") or test_host.folder())  # stage.sh makes it
    archive, _ = write_docker_archive(folder, "box:1")
    if options.outcomes:
        print(json.dumps({"versions": page.versions}), flush=True)
    for name in present(options.engines):
        own = folder / name
        own.mkdir()
        place = Place(own, archive, runtimes, own / "kills")
        page.results[name] = play(
            ENGINES[name](place), checks, list(runtimes), options.verbose, options.outcomes
        )
    if options.outcomes:
        return 0
    sys.stdout.write(report.markdown(page))
    if options.write:
        write_each(page, "engines", "-containerd-2" if options.containerd else "")
        table = Page(kept(), list(RUNTIMES), [])
        README.write_text(report.with_table(README.read_text(), table))
    wrong = report.failures(page, stale=not options.containerd)
    for sentence in wrong:
        print(f"conformance: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


def present(named: list[str]) -> list[str]:
    """The engines whose programs are there, of all or of those that are named: these must be."""
    found = []
    for name in named or ENGINES:
        missing = [one for one in ENGINES[name].programs if not shutil.which(one)]
        said = f"{name}: {', '.join(missing)}: not in PATH, nor in the folder of --programs"
        if missing and named:
            raise SystemExit(f"conformance: {said}")
        if missing:
            print(f"conformance: left out: {said}", file=sys.stderr)
        else:
            found.append(name)
    return found


def play(
    engine: Engine, checks: list[Check], runtimes: list[str], verbose: bool, tell: bool
) -> dict[str, dict[str, Outcome]]:
    """All checks that are about the engine, with each runtime."""
    found: dict[str, dict[str, Outcome]] = {}
    lacked = report.lacks()
    with engine:
        for runtime in runtimes:
            engine.use(runtime)
            for one in checks:
                if one.only and engine.name not in one.only:
                    continue
                if engine.chapters and one.chapter not in engine.chapters:
                    continue
                lack = lacked.get((engine.name, one.label), "")
                outcome = Outcome(NONE, lack) if lack else attempt(engine, one)
                found.setdefault(one.label, {})[runtime] = outcome
                if tell:
                    print(test_host.line(engine.name, one.label, runtime, outcome), flush=True)
                if outcome.result == FAIL or verbose:
                    said = outcome.note or outcome.result
                    row = f"{engine.name:14} {runtime:6} {one.label}: {said}"
                    print(row, file=sys.stderr, flush=True)
    return found


def attempt(engine: Engine, one: Check) -> Outcome:
    """One check."""
    try:
        return Outcome(PASS, shown=one.play(engine))
    except Lacks as lack:
        return Outcome(NONE, f"{engine.name} has no {lack}")
    except (Wrong, AssertionError) as wrong:
        return Outcome(FAIL, str(wrong)[:400])
    except (OSError, ValueError, KeyError, IndexError, subprocess.SubprocessError) as error:
        return Outcome(FAIL, traceback.format_exception_only(error)[-1].strip())


def versions(runtimes: dict[str, str]) -> list[str]:
    """The first line that each program says of its version."""
    found = []
    for words in (
        ["podman", "--version"], ["buildah", "--version"], ["containerd", "--version"],
        ["dockerd", "--version"], ["crio", "--version"],
        ["kubelet", "--version"],
        *([path, "--version"] for path in runtimes.values()),
    ):  # fmt: skip
        if shutil.which(words[0]):
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            found.append(done.stdout.partition("\n")[0])
    return found


def on_test_host(options: argparse.Namespace) -> int:
    """Has the checks done in the virtual machine, and says what came of them here."""
    security, name, engines, only = HOSTS[options.host]
    words = [*(options.engines or engines)]
    for flag, values in (("--runtime", options.runtime or []), ("--only", options.only or only)):
        words += [word for value in values for word in (flag, value)]
    words += ["--verbose"] if options.verbose else []
    words += ["--programs", str(options.programs.absolute())] if options.programs else []
    runtimes = [Path(path).name for path in options.runtime or RUNTIMES]
    page, whole = test_host.run(words, runtimes, security, options.programs)
    sys.stdout.write(report.markdown(page))
    if options.write:
        write_each(page, name)
    wrong = report.failures(page, stale=False)
    for sentence in wrong:
        print(f"conformance: {sentence}", file=sys.stderr)
    if not whole:
        print("conformance: the machine came to an early end", file=sys.stderr)
    return 1 if wrong or not whole else 0


def write_each(page: Page, name: str, others: str = "") -> None:
    """Writes the results of each engine to its page: ``name`` and its suffix. ``others`` is the one
    of engines that have none."""
    for suffix in {ENGINES[one].suffix for one in page.results}:
        found = {one: it for one, it in page.results.items() if ENGINES[one].suffix == suffix}
        write(dataclasses.replace(page, results=found), name + (suffix or others))


def kept() -> report.Results:
    """The results of all engines as they were written, without those of other machines."""
    known: report.Results = {}
    for suffix in {engine.suffix for engine in ENGINES.values()}:
        file = RESULTS / f"engines{suffix}.json"
        known |= report.read(file) if file.exists() else {}
    return {name: known[name] for name in ENGINES if name in known}


def write(page: Page, name: str) -> None:
    """Writes the page and the outcomes to conformance/results, as ``name``. The outcomes of
    engines, checks and runtimes that did not run now stay."""
    file = RESULTS / f"{name}.json"
    before = report.read(file) if file.exists() else {}
    labels = [one.label for one in every()]
    found: report.Results = {}
    for engine in ENGINES:
        old, new = before.get(engine, {}), page.results.get(engine, {})
        both = {label: old.get(label, {}) | new.get(label, {}) for label in labels}
        if any(both.values()):
            found[engine] = {label: by_runtime for label, by_runtime in both.items() if by_runtime}
    ran = {name for checks in found.values() for one in checks.values() for name in one}
    runtimes = [name for name in RUNTIMES if name in ran]
    page = dataclasses.replace(page, results=found, runtimes=runtimes)
    outcomes = {
        engine: {
            label: {name: dataclasses.asdict(one) for name, one in by_runtime.items()}
            for label, by_runtime in checks.items()
        }
        for engine, checks in page.results.items()
    }
    file.write_text(json.dumps(outcomes, indent=1) + "\n")
    (RESULTS / f"{name}.md").write_text(report.markdown(page))


if __name__ == "__main__":
    sys.exit(main())
