"""``./dev bench engine``: warren beside podman, and docker where its daemon runs.

    run --rm IMAGE true     without a network, and on the engine's default bridge
    ps -a                   with many containers that were made and never started
    memory                  of what the engine leaves running for each running container

All in one run and by turns, in a mount and a network namespace of their own. Wall time is that of
the command; processor time that of all processes that it has started, until the last of them has
ended (of docker also its daemon's).
"""

import argparse
import contextlib
import ctypes
import datetime
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from conformance.bench.pull import daemon_usage
from conformance.samples.images import Image, Layer

RESULTS = Path(__file__).parents[1] / "results"
PR_SET_CHILD_SUBREAPER = 36
RUN_TARGET, PS_TARGET = 0.3, 0.5
# podman's own default asks for more open files than a machine without CAP_SYS_RESOURCE may give.
LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]


@dataclass
class Sample:
    """Seconds of wall and of processor time."""

    wall: float
    cpu: float


@dataclass
class Engine:
    """An engine's command with a store of its own, in which the image is."""

    name: str
    command: list[str]
    image: str
    flags: list[str] = field(default_factory=list)  # of run and create
    environment: dict[str, str] = field(default_factory=dict)
    daemon: int = 0
    others: set[int] = field(default_factory=set)  # children of ours that it has not started

    def call(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self.command, *words], env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        if check and done.returncode:
            raise SystemExit(f"{self.name} {' '.join(words)}: {done.stderr}")
        return done.stdout

    def measure(self, *words: str) -> Sample:
        """One call, and all that it leaves behind until that has ended."""
        before = self._cpu()
        started = time.monotonic()
        child = os.posix_spawn(
            self.command[0], [*self.command, *words], {**os.environ, **self.environment},
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)],
        )  # fmt: skip
        _, status = os.waitpid(child, 0)
        wall = time.monotonic() - started
        if status:
            raise SystemExit(f"{self.name} {' '.join(words)}: {status}")
        self.settle()
        return Sample(wall, self._cpu() - before)

    def settle(self) -> None:
        """Waits for all that its commands have left behind; no container may run."""
        while left := children() - self.others:
            for pid in left:
                os.waitpid(pid, 0)

    def _cpu(self) -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)  # os.times() counts in steps of 10 ms
        own = used.ru_utime + used.ru_stime
        return own + (daemon_usage(self.daemon)[0] if self.daemon else 0.0)

    def run(self, network: str) -> list[str]:
        options = ["--network", "none"] if network == "none" else []
        return ["run", "--rm", *self.flags, *options, self.image, "true"]


def children() -> set[int]:
    """The pids of our children, and of the orphans that we have adopted."""
    return set(map(int, Path("/proc/thread-self/children").read_text().split()))


def make_image(folder: Path) -> Path:
    """A layout with busybox."""
    layer = Layer().folder("tmp").file("bin/busybox", Path("/bin/busybox").read_bytes(), mode=0o755)
    for applet in ("sh", "sleep", "true"):
        layer.symlink(f"bin/{applet}", "busybox")
    layout = folder / "layout"
    Image([layer.tar()], "gzip", {"Cmd": ["sh"]}).write(layout, "box")
    return layout


def warren(folder: Path, layout: Path) -> Engine:
    command = [str(Path(sys.executable).with_name("warren")), "--root", str(folder / "warren")]
    engine = Engine("warren", command, "localhost/box:1")
    engine.call("pull", "-q", f"oci:{layout}:box")
    engine.call("tag", engine.call("images", "-q").strip(), engine.image)
    return engine


def podman(folder: Path, layout: Path) -> Engine:
    configuration = folder / "containers.conf"
    configuration.write_text('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
    place = folder / "podman"
    command = [
        shutil.which("podman") or "podman", "--root", f"{place}/r", "--runroot", f"{place}/n",
        "--tmpdir", f"{place}/t",
    ]  # fmt: skip
    engine = Engine("podman", command, "localhost/box:1", LIMITS)
    engine.environment = {"CONTAINERS_CONF": str(configuration)}
    engine.call("pull", "-q", f"oci:{layout}:box")
    engine.call("tag", engine.call("images", "-q").strip(), engine.image)
    return engine


def unmount(place: Path) -> None:
    subprocess.run(["umount", place], capture_output=True)


@contextlib.contextmanager
def docker(folder: Path, layout: Path) -> Iterator[Engine | None]:
    """dockerd with a store of its own; None where it is not installed, or does not run here."""
    client = Path("/usr/bin/docker")
    if not client.exists() or shutil.which("dockerd") is None:
        yield None
        return
    place = folder / "docker"
    place.mkdir()
    (place / "empty.json").write_text("{}")
    with (place / "log").open("wb") as log:
        daemon = subprocess.Popen(
            ["dockerd", "--config-file", f"{place}/empty.json", "--data-root", f"{place}/d",
             "--exec-root", f"{place}/x", "--pidfile", f"{place}/p", "-H", f"unix://{place}/s",
             "--ip6tables=false"],
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            engine = Engine("docker", [str(client), "-H", f"unix://{place}/s"], "box:1")
            engine.daemon = daemon.pid
            yield engine if ready(engine, daemon) and loads(engine, layout, place) else None
        finally:
            daemon.terminate()
            daemon.wait()


def ready(engine: Engine, daemon: "subprocess.Popen[bytes]") -> bool:
    """Whether the daemon answers; it is given twenty seconds."""
    for _ in range(100):
        if daemon.poll() is not None:
            return False
        if engine.call("version", "--format", "{{.Server.Version}}", check=False).strip():
            return True
        time.sleep(0.2)
    return False


def loads(engine: Engine, layout: Path, place: Path) -> bool:
    """Whether the image is in its store and a container of it runs."""
    archive = place / "box.tar"
    subprocess.run(
        ["skopeo", "copy", "-q", f"oci:{layout}:box", f"docker-archive:{archive}:box:1"], check=True
    )
    engine.call("load", "-q", "-i", str(archive))
    engine.call(*engine.run("none"), check=False)
    return engine.call("ps", "-aq", check=False) == ""


def held_memory(engine: Engine, count: int, folder: Path) -> float:
    """KiB for each running container that its engine leaves behind: the proportional set sizes of
    the processes outside of the container (proc(5), smaps_rollup)."""
    engine.settle()
    before = outside(set(), folder)
    words = ["run", "-d", *engine.flags, "--network", "none", engine.image, "sleep", "1000"]
    ids = [engine.call(*words).strip() for _ in range(count)]
    format = "{{.State.Pid}}"
    inside = {int(engine.call("inspect", "--format", format, id)) for id in ids}
    held = outside(inside, folder) - before
    engine.call("rm", "-f", *ids)
    return held / count


def outside(inside: set[int], folder: Path) -> int:
    """KiB of the processes whose command line names ``folder``, but for those of ``inside``."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) in inside or int(entry.name) == os.getpid():
            continue
        try:
            if os.fsencode(folder) not in (entry / "cmdline").read_bytes():
                continue
            lines = (entry / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def table(what: str, samples: dict[str, list[Sample]], target: float) -> str:
    """The medians and the ratios of warren to each other engine."""
    lines = [
        f"## {what}\n",
        "| engine | wall ms, median | min | processor ms, median | warren / it, wall | processor |",
        "|---|---|---|---|---|---|",
    ]
    wall = {name: statistics.median(s.wall for s in taken) for name, taken in samples.items()}
    cpu = {name: statistics.median(s.cpu for s in taken) for name, taken in samples.items()}
    for name, taken in samples.items():
        least = min(sample.wall for sample in taken)
        lines.append(
            f"| {name} | {wall[name] * 1e3:.0f} | {least * 1e3:.0f} | {cpu[name] * 1e3:.0f} "
            f"| {wall['warren'] / wall[name]:.2f} | {cpu['warren'] / cpu[name]:.2f} |"
        )
    ratio = wall["warren"] / wall["podman"], cpu["warren"] / cpu["podman"]
    verdict = "held" if max(ratio) <= target else "not held"
    lines.append(f"\nBeside podman at most {target}: {verdict}.\n")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="./dev bench engine", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="runs by each engine (25)")
    parser.add_argument("--containers", type=int, default=1000, help="how many ps lists (1000)")
    parser.add_argument("--running", type=int, default=20, help="containers for the memory (20)")
    options = parser.parse_args(arguments)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    numbers: dict[str, object] = {}
    parts: list[str] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eb-", dir="/tmp")))
        layout = make_image(folder)
        engines = [warren(folder, layout), podman(folder, layout)]
        stack.callback(unmount, folder / "podman/r/overlay")
        with_docker = stack.enter_context(docker(folder, layout))
        engines += [with_docker] if with_docker else []
        for engine in engines:
            engine.others = children()
        names = ", ".join(engine.name for engine in engines)
        parts.append(
            f"# Engines side by side, {datetime.date.today()}\n\n{names}: {options.rounds} runs of "
            f"each, by turns, on {os.cpu_count()} processors; load {os.getloadavg()[0]:.1f} at the "
            f"beginning. {versions()}\n"
        )
        for network in ("none", "bridge"):
            samples = in_turn(engines, options.rounds, network)
            what = f"run --rm IMAGE true, network {network}"
            parts.append(table(what, samples, RUN_TARGET))
            numbers[what] = {n: [vars(s) for s in taken] for n, taken in samples.items()}
        memory = {engine.name: held_memory(engine, options.running, folder) for engine in engines}
        numbers["memory"] = memory
        parts.append(
            f"## Memory held for each of {options.running} running containers, KiB\n\n"
            + "\n".join(f"- {name}: {size:.0f}" for name, size in memory.items())
            + "\n"
        )
        if options.containers:
            for engine in engines:
                for _ in range(options.containers):
                    engine.call("create", *engine.flags, "--network", "none", engine.image, "true")
            lists: dict[str, list[Sample]] = {}
            for _ in range(5):
                for engine in engines:
                    lists.setdefault(engine.name, []).append(engine.measure("ps", "-a"))
            what = f"ps -a, {options.containers} containers"
            parts.append(table(what, lists, PS_TARGET))
            numbers[what] = {n: [vars(s) for s in taken] for n, taken in lists.items()}
    text = "\n".join(parts)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "engine.md").write_text(text)
    (RESULTS / "engine.json").write_text(json.dumps(numbers, indent=1))
    sys.stdout.write(text)


def in_turn(engines: list[Engine], rounds: int, network: str) -> dict[str, list[Sample]]:
    """One run of each to warm it up, then the rounds; each round begins with another engine."""
    samples: dict[str, list[Sample]] = {}
    for engine in engines:
        engine.call(*engine.run(network))
    for number in range(rounds):
        for place in range(len(engines)):
            engine = engines[(number + place) % len(engines)]
            samples.setdefault(engine.name, []).append(engine.measure(*engine.run(network)))
    return samples


def versions() -> str:
    """The engines' versions."""
    found = []
    for command in (["podman", "--version"], ["dockerd", "--version"], ["conmon", "--version"]):
        if shutil.which(command[0]) is not None:
            done = subprocess.run(command, capture_output=True, text=True)
            found.append(done.stdout.strip().partition("\n")[0].partition(", build")[0])
    return "; ".join(found) + "."


if __name__ == "__main__":
    main()
