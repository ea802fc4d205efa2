"""``./dev bench pull``: each tool pulls the same image from a registry on loopback, in turn.

The image is a Debian made by debootstrap (or ``--rootfs DIR``) with two more layers. The registry
is docker-registry, and the stores are empty. The benchmark measures wall time, processor time and
the peak of memory of the tool, for docker and containerd of the daemon. Below each table is the
floor: the processor time of the work that no tool can leave out, each part alone, at the speed of C
(``pull_floor.py``). Then warren pulls again and again, each time after the store was deleted. The
last part pulls an image of two gibibytes and measures only the memory.
"""

import argparse
import contextlib
import datetime
import io
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hutch.kernel.mounts import private_mounts

from conformance.bench.pull_floor import beside_floor, floor
from conformance.bench.pull_tools import (
    FOUR,
    Tool,
    containerd,
    docker,
    podman,
    skopeo_umoci,
    warren,
)
from conformance.samples.images import Image, Layer
from conformance.samples.trees import describe, differences

RESULTS = Path(__file__).parents[1] / "results"
TARGET = 0.6


@dataclass
class Sample:
    """One pull: wall time and processor time in seconds, the peak of memory in KiB."""

    wall: float
    cpu: float
    memory: int


def run(command: list[str], environment: dict[str, str], report: Path) -> Sample:
    """Runs a command to its end under time(1). Raises CalledProcessError with its output."""
    timed = ["/usr/bin/time", "-o", str(report), "-f", "%U %S %M", *command]
    started = time.monotonic()
    done = subprocess.run(
        timed, env={**os.environ, **environment}, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    wall = time.monotonic() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    user, system, memory = report.read_text().split()
    return Sample(wall, float(user) + float(system), int(memory))


def daemon_usage(pid: int) -> tuple[float, int]:
    """Processor time in seconds and peak of memory in KiB, of a daemon and its child processes."""
    ticks = os.sysconf("SC_CLK_TCK")
    cpu, memory = 0.0, 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if pid not in (int(entry.name), int(fields[1])):
                continue
            cpu += sum(int(fields[place]) for place in (11, 12, 13, 14)) / ticks
            status = (entry / "status").read_text().splitlines()
        except OSError:
            continue
        memory += next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return cpu, memory


def measure(tool: Tool, image: str, folder: Path) -> Sample:
    """One cold pull into a new store in ``folder``/stores."""
    store = Path(tempfile.mkdtemp(prefix="p", dir=folder / "stores"))
    with tool.around(store) as daemon:
        os.sync()
        before = daemon_usage(daemon)[0] if daemon else 0.0
        commands = tool.commands(image, store)
        parts = [run(command, tool.environment, folder / "time") for command in commands]
        cpu = sum(part.cpu for part in parts)
        memory = max(part.memory for part in parts)
        if daemon:
            after, high = daemon_usage(daemon)
            cpu, memory = cpu + after - before, max(memory, high)
    return Sample(sum(part.wall for part in parts), cpu, memory)


def empty(place: Path) -> None:
    """Deletes the stores in ``place``, and what is mounted in them."""
    for store in place.iterdir():
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        for target in reversed([line.split()[1] for line in mounts]):
            if target.startswith(f"{store}/"):
                subprocess.run(["umount", target], check=True)
        shutil.rmtree(store)


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """docker-registry on a free port of loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    config = folder / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'registry'}}}}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\n"
    )
    process = subprocess.Popen(
        ["docker-registry", "serve", str(config)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(1)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def push(layout: Path, target: str) -> None:
    subprocess.run(
        ["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:latest",
         f"docker://{target}"], check=True,
    )  # fmt: skip


def debian(folder: Path, rootfs: str) -> list[bytes]:
    """The layers: Debian, this machine's Python modules, a change with whiteouts."""
    root = Path(rootfs or folder / "debian")
    if not rootfs:
        print(
            "debootstrap ... (some minutes; --rootfs DIR takes one that is there)", file=sys.stderr
        )
        subprocess.run(
            ["debootstrap", "--variant=minbase", "bookworm", str(root)],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def tar(*arguments: str) -> bytes:
        command = ["tar", "--xattrs", "--format=pax", "--numeric-owner", "-cf", "-", *arguments]
        return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout

    change = Layer().whiteout("usr/share/doc").file("etc/motd", b"hello\n").opaque("var/cache")
    return [
        tar("-C", str(root), "."),
        tar("-C", "/", "usr/lib/python3", "usr/lib/python3.11"),
        change.tar(),
    ]


def report(kind: str, size: int, samples: dict[str, list[Sample]]) -> str:
    """A table with the ratio of warren to each."""
    medians = {name: statistics.median(s.wall for s in taken) for name, taken in samples.items()}
    minima = {name: min(s.wall for s in taken) for name, taken in samples.items()}
    own, own_minimum = medians["warren pull"], minima["warren pull"]
    others = {name: wall for name, wall in medians.items() if name != "warren pull"}
    lines = [
        f"## {kind}, {size / 1e6:.0f} MB of layers\n",
        "| tool | wall s, median | min | processor s | peak MiB | warren / it | of minima |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, taken in samples.items():
        cpu = statistics.median(sample.cpu for sample in taken)
        memory = max(sample.memory for sample in taken) >> 10
        ratios = f"{own / medians[name]:.2f} | {own_minimum / minima[name]:.2f}"
        lines.append(
            f"| {name} | {medians[name]:.2f} | {minima[name]:.2f} | {cpu:.2f} | {memory} "
            f"| {ratios} |"
        )
    if others:
        quickest = min(others, key=lambda name: others[name])
        ratio = own / others[quickest]
        verdict = "held" if ratio <= TARGET else "not held"
        lines.append(
            f"\nBest of the others: {quickest}; ratio {ratio:.2f}, at most {TARGET}: {verdict}.\n"
        )
    return "\n".join(lines)


def versions() -> str:
    """The other tools' versions."""
    commands = (["podman", "--version"], ["skopeo", "--version"], ["umoci", "--version"],
                ["dockerd", "--version"], ["docker-registry", "--version"])  # fmt: skip
    found = []
    for command in commands:
        if shutil.which(command[0]) is not None:
            done = subprocess.run(command, capture_output=True, text=True)
            found.append(done.stdout.strip().partition("\n")[0].partition(", build")[0])
    return "; ".join(found) + "."


def compare(folder: Path, image: str) -> str:
    """Whether warren and umoci unpack the same tree. Compares every file."""
    ours, theirs = folder / "ours", folder / "theirs"
    theirs.mkdir()
    command = [sys.executable, "-m", "hutch.cli.warren", "--root", str(folder / "store")]
    subprocess.run([*command, "bundle", "-q", image, str(ours)], check=True, capture_output=True)
    for sample in skopeo_umoci().commands(image, theirs):
        subprocess.run(sample, check=True, capture_output=True)
    first = describe(ours / "rootfs")
    # A folder that no layer describes has no defined time.
    found = [
        line
        for line in differences(first, describe(theirs / "bundle" / "rootfs"))
        if ": mtime:" not in line
    ]
    said = f"{len(found)} differences" if found else "no difference"
    return f"warren bundle beside umoci unpack: {len(first)} files, {said}.\n" + "\n".join(
        found[:5]
    )


def large_image(folder: Path, host: str, size: int) -> tuple[str, int]:
    """Makes an image with one layer of ``size`` bytes, half of which can be compressed. Returns the
    size of its blobs."""
    generator = random.Random(1)
    text = bytes(range(256)) * 2048
    path = folder / "large.tar"
    with tarfile.open(path, "w") as tar:
        for number in range(size >> 24):
            info = tarfile.TarInfo(f"f{number}")
            info.size = 16 << 20
            parts = [part for _ in range(16) for part in (generator.randbytes(512 << 10), text)]
            tar.addfile(info, io.BytesIO(b"".join(parts)))
    layout = folder / "large"
    image = Image([path.read_bytes()], "gzip")
    image.write(layout)
    path.unlink()
    target = f"{host}/large:1"
    push(layout, target)
    shutil.rmtree(layout)
    return target, sum(map(len, image.blobs.values()))


@contextlib.contextmanager
def stores(folder: Path, *, in_memory: bool) -> Iterator[None]:
    """The folder ``folder``/stores; with ``in_memory`` a tmpfs, which only this process and its
    children see."""
    place = folder / "stores"
    place.mkdir()
    if in_memory:
        private_mounts()
        subprocess.run(["mount", "-t", "tmpfs", "stores", place], check=True)
    try:
        yield
    finally:
        if in_memory:
            subprocess.run(["umount", "-R", place], check=True)


def after_deletion(tool: Tool, image: str, folder: Path, rounds: int) -> tuple[str, list[Sample]]:
    """Pulls into the same store, which is deleted before each pull but the first. It is on the disk
    of ``folder``."""
    samples = []
    store = folder / "again"
    for _ in range(rounds):
        shutil.rmtree(store, ignore_errors=True)
        store.mkdir()
        os.sync()
        (command,) = tool.commands(image, store)
        samples.append(run(command, tool.environment, folder / "time"))
    first, later = samples[0], samples[1:]
    worst = max(later, key=lambda sample: sample.wall)
    text = (
        f"## {tool.name} on disk, just after the store was deleted\n\n"
        f"The first pull took {first.wall:.2f} s ({first.cpu:.2f} s of processor time). Of the"
        f" {len(later)} after a deletion the median took"
        f" {statistics.median(sample.wall for sample in later):.2f} s"
        f" ({statistics.median(sample.cpu for sample in later):.2f} s), and the slowest"
        f" {worst.wall:.2f} s ({worst.cpu:.2f} s).\n"
    )
    return text, samples


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="./dev bench pull", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="pulls by each tool (5)")
    parser.add_argument("--rootfs", default="", help="a debootstrap that is there already")
    parser.add_argument("--large", type=int, default=2048, help="MiB for the memory test")
    parser.add_argument(
        "--containerd", action="append", type=Path, default=[], metavar="FOLDER",
        help="a folder with the programs containerd and ctr, 2.0 or later (may be repeated)",
    )  # fmt: skip
    parser.add_argument("--only", action="append", help="only tools with this text in their name")
    parser.add_argument("--in-memory", action="store_true", help="stores in a tmpfs, not on disk")
    parser.add_argument(
        "--deletions", type=int, default=4, help="pulls after the store was deleted (4)"
    )
    parser.add_argument("--print", action="store_true", help="write no results")
    options = parser.parse_args(arguments)
    parts = [
        f"# Pulls from a registry on loopback, cold stores, {datetime.date.today()}\n",
        f"{options.rounds} pulls by each tool, in turn, on {os.cpu_count()} processors; stores "
        f"{'in memory' if options.in_memory else 'on disk'}; load "
        f"{os.getloadavg()[0]:.1f} at the beginning. {versions()}\n",
    ]
    numbers: dict[str, object] = {}
    with (
        tempfile.TemporaryDirectory(prefix="pb-", dir="/tmp") as name,
        registry(Path(name)) as host,
        stores(Path(name), in_memory=options.in_memory),
    ):
        folder = Path(name)
        tools = [warren(), podman(folder), skopeo_umoci()]
        tools += [with_docker] if (with_docker := docker(folder)) else []
        tools += [tool for place in options.containerd for tool in containerd(place.absolute())]
        if options.only:
            chosen = ["warren", *options.only]
            tools = [tool for tool in tools if any(text in tool.name for text in chosen)]
        if any(FOUR in tool.name for tool in tools):
            parts.append(f"containerd with {FOUR} unpacks four layers at once, not one.\n")
        layers = debian(folder, options.rootfs)
        for kind in ("gzip", "zstd"):
            image = Image(layers, kind)
            push(image.write(folder / kind), f"{host}/debian:{kind}")
            size = sum(map(len, image.blobs.values()))
            samples: dict[str, list[Sample]] = {}
            fitting = [tool for tool in tools if kind in tool.kinds]
            for number in range(options.rounds):
                # Each round begins with another tool: no tool shall always run after the same one.
                for place in range(len(fitting)):
                    tool = fitting[(number + place) % len(fitting)]
                    sample = measure(tool, f"{host}/debian:{kind}", folder)
                    samples.setdefault(tool.name, []).append(sample)
                    if options.in_memory:
                        empty(folder / "stores")
            parts.append(report(kind, size, samples))
            least = floor(list(image.blobs.values()), layers, folder / "stores")
            own = samples[tools[0].name]
            cpu = statistics.median(sample.cpu for sample in own)
            wall = statistics.median(sample.wall for sample in own)
            parts.append(beside_floor(least, cpu, wall))
            if kind == "gzip":
                parts.append(compare(folder, f"{host}/debian:gzip"))
            numbers[kind] = {n: [vars(s) for s in taken] for n, taken in samples.items()}
        if options.deletions:
            image_name = f"{host}/debian:gzip"
            text, again = after_deletion(tools[0], image_name, folder, options.deletions + 1)
            parts.append(text)
            numbers["after a deletion"] = [vars(sample) for sample in again]
        if options.large:
            target, size = large_image(folder, host, options.large << 20)
            sample = measure(tools[0], target, folder)
            verdict = "held" if sample.memory < 64 << 10 else "not held"
            parts.append(
                f"## {options.large} MiB in one layer, {size >> 20} MiB compressed\n\n"
                f"warren pull: {sample.wall:.1f} s, peak {sample.memory >> 10} MiB of memory; "
                f"under 64 MiB: {verdict}.\n"
            )
            numbers["large"] = vars(sample)
    text = "\n".join(parts)
    sys.stdout.write(text)
    if options.print:
        return
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "pull.md").write_text(text)
    (RESULTS / "pull.json").write_text(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    main()
