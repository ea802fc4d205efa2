"""``./dev bench pull``: each tool pulls the same image from a registry on loopback, in turn.

The image is a Debian made by debootstrap (or ``--rootfs DIR``) with two more layers. The registry
is docker-registry, and the stores are empty. The benchmark measures wall time, processor time and
the peak of memory of the tool, for docker of its daemon. A second part pulls an image of two
gibibytes and measures only the memory.
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

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


@dataclass
class Tool:
    """A tool. ``commands`` pull an image into a new, empty folder.

    The stores are not emptied between the rounds: ext4 does not use inodes again that were deleted
    in the last minutes, and the search for others would take most of the measured time.
    """

    name: str
    commands: Callable[[str, Path], list[list[str]]]
    kinds: tuple[str, ...] = ("gzip", "zstd")
    environment: dict[str, str] = field(default_factory=dict)
    around: Callable[[Path], contextlib.AbstractContextManager[int]] = field(
        default=lambda _: contextlib.nullcontext(0)
    )  # what must run meanwhile: the process id of a daemon


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
    """One cold pull."""
    store = Path(tempfile.mkdtemp(prefix="p", dir=folder))
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


def warren() -> Tool:
    command = [sys.executable, "-m", "hutch.cli.warren"]
    launcher = Path(sys.executable).with_name("warren")
    if launcher.exists() and "PYTHONPATH" not in os.environ:
        command = [str(launcher)]
    return Tool(
        "warren pull", lambda image, store: [[*command, "--root", str(store), "pull", "-q", image]]
    )


def podman(folder: Path) -> Tool:
    configuration = folder / "containers.conf"
    configuration.write_text('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')

    def commands(image: str, store: Path) -> list[list[str]]:
        base = [
            "podman",
            "--root",
            f"{store}/r",
            "--runroot",
            f"{store}/n",
            "--tmpdir",
            f"{store}/t",
        ]
        return [[*base, "pull", "-q", "--tls-verify=false", image]]

    @contextlib.contextmanager
    def around(store: Path) -> Iterator[int]:
        yield 0
        subprocess.run(["umount", f"{store}/r/overlay"], capture_output=True)

    environment = {"CONTAINERS_CONF": str(configuration)}
    return Tool("podman pull", commands, environment=environment, around=around)


def skopeo_umoci() -> Tool:
    def commands(image: str, store: Path) -> list[list[str]]:
        layout = f"{store}/layout:x"
        source = ["--src-tls-verify=false", f"docker://{image}", f"oci:{layout}"]
        return [
            ["skopeo", "copy", "-q", *source],
            ["umoci", "unpack", "--image", layout, f"{store}/bundle"],
        ]

    return Tool("skopeo copy + umoci unpack", commands, ("gzip",))


def docker(folder: Path) -> Tool | None:
    """dockerd with a new store for each round and without networks; None if it is not installed."""
    if not Path("/usr/bin/docker").exists() or shutil.which("dockerd") is None:
        return None
    (folder / "empty.json").write_text("{}")
    log = (folder / "dockerd.log").open("wb")

    def client(store: Path) -> list[str]:
        return ["/usr/bin/docker", "-H", f"unix://{store}/s"]

    @contextlib.contextmanager
    def around(store: Path) -> Iterator[int]:
        daemon = subprocess.Popen(
            ["dockerd", "--config-file", f"{folder}/empty.json", "--data-root", f"{store}/d",
             "--exec-root", f"{store}/x", "--pidfile", f"{store}/p", "-H", f"unix://{store}/s",
             "--bridge=none", "--iptables=false", "--ip6tables=false"],
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            for _ in range(100):
                if subprocess.run([*client(store), "version"], capture_output=True).returncode == 0:
                    break
                time.sleep(0.2)
            yield daemon.pid
        finally:
            daemon.terminate()
            daemon.wait()

    return Tool(
        "docker pull",
        lambda image, store: [[*client(store), "pull", "-q", image]],
        ("gzip",),
        around=around,
    )


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


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="./dev bench pull", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="pulls by each tool (5)")
    parser.add_argument("--rootfs", default="", help="a debootstrap that is there already")
    parser.add_argument("--large", type=int, default=2048, help="MiB for the memory test")
    options = parser.parse_args(arguments)
    parts = [
        f"# Pulls from a registry on loopback, cold stores, {datetime.date.today()}\n",
        f"{options.rounds} pulls by each tool, in turn, on {os.cpu_count()} processors; load "
        f"{os.getloadavg()[0]:.1f} at the beginning. {versions()}\n",
    ]
    numbers: dict[str, object] = {}
    with (
        tempfile.TemporaryDirectory(prefix="pb-", dir="/tmp") as name,
        registry(Path(name)) as host,
    ):
        folder = Path(name)
        tools = [warren(), podman(folder), skopeo_umoci()]
        tools += [with_docker] if (with_docker := docker(folder)) else []
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
            parts.append(report(kind, size, samples))
            if kind == "gzip":
                parts.append(compare(folder, f"{host}/debian:gzip"))
            numbers[kind] = {n: [vars(s) for s in taken] for n, taken in samples.items()}
        if options.large:
            target, size = large_image(folder, host, options.large << 20)
            sample = measure(tools[0], target, folder)
            verdict = "held" if sample.memory < 100 << 10 else "not held"
            parts.append(
                f"## {options.large} MiB in one layer, {size >> 20} MiB compressed\n\n"
                f"warren pull: {sample.wall:.1f} s, peak {sample.memory >> 10} MiB of memory; "
                f"under 100 MiB: {verdict}.\n"
            )
            numbers["large"] = vars(sample)
    text = "\n".join(parts)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "pull.md").write_text(text)
    (RESULTS / "pull.json").write_text(json.dumps(numbers, indent=1))
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
