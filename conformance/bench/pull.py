"""``./dev bench pull``: one image from one registry on loopback, by each tool, cold stores, in turn.

The image is a Debian by debootstrap with two more layers (or ``--rootfs DIR``); the registry is
docker-registry. Measured are wall time, processor time and the peak of memory of the tool (of
docker: of its daemon). A second part pulls an image of two gibibytes and looks at memory alone.
"""

import argparse
import contextlib
import datetime
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

from tests.image.making import Image, Layer

RESULTS = Path(__file__).parents[1] / "results"
TARGET = 0.6


@dataclass
class Sample:
    """One pull: seconds of wall and processor time, KiB of memory at the peak."""

    wall: float
    cpu: float
    memory: int


@dataclass
class Tool:
    """``pull`` does the work and gives commands to time; ``clear`` makes its store cold again."""

    name: str
    commands: Callable[[str], list[list[str]]]
    clear: Callable[[], None]
    daemon: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ("gzip", "zstd")


def run(command: list[str], environment: dict[str, str]) -> Sample:
    """Runs a command to its end; raises CalledProcessError with what it said."""
    started = time.monotonic()
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=said)
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def daemon_usage(pid: int) -> tuple[float, int]:
    """Processor seconds of a daemon and its children's, and its memory's high-water mark in KiB."""
    ticks = os.sysconf("SC_CLK_TCK")
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu = sum(int(fields[place]) for place in (11, 12, 13, 14)) / ticks
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return cpu, next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def measure(tool: Tool, image: str) -> Sample:
    """One cold pull."""
    tool.clear()
    os.sync()
    before = daemon_usage(tool.daemon)[0] if tool.daemon else 0.0
    parts = [run(command, tool.environment) for command in tool.commands(image)]
    cpu = sum(part.cpu for part in parts)
    memory = max(part.memory for part in parts)
    if tool.daemon:
        after, high = daemon_usage(tool.daemon)
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


def warren(folder: Path) -> Tool:
    store = folder / "warren"
    command = [sys.executable, "-m", "hutch.cli.warren", "--root", str(store)]
    launcher = Path(sys.executable).with_name("warren")
    if launcher.exists() and "PYTHONPATH" not in os.environ:
        command = [str(launcher), "--root", str(store)]
    return Tool(
        "warren pull",
        lambda image: [[*command, "pull", "-q", image]],
        lambda: shutil.rmtree(store, ignore_errors=True),
    )


def podman(folder: Path) -> Tool:
    store = Path(tempfile.mkdtemp(prefix="pb-", dir="/tmp"))
    configuration = folder / "containers.conf"
    configuration.write_text('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
    base = ["podman", "--root", f"{store}/r", "--runroot", f"{store}/n", "--tmpdir", f"{store}/t"]

    def clear() -> None:
        subprocess.run(["umount", f"{store}/r/overlay"], capture_output=True)
        shutil.rmtree(store, ignore_errors=True)

    return Tool(
        "podman pull",
        lambda image: [[*base, "pull", "-q", "--tls-verify=false", image]],
        clear,
        environment={"CONTAINERS_CONF": str(configuration)},
    )


def skopeo_umoci(folder: Path) -> Tool:
    layout, bundle = folder / "copied", folder / "unpacked"

    def clear() -> None:
        shutil.rmtree(layout, ignore_errors=True)
        shutil.rmtree(bundle, ignore_errors=True)

    def commands(image: str) -> list[list[str]]:
        source = ["--src-tls-verify=false", f"docker://{image}", f"oci:{layout}:x"]
        return [
            ["skopeo", "copy", "-q", *source],
            ["umoci", "unpack", "--image", f"{layout}:x", str(bundle)],
        ]

    return Tool("skopeo copy + umoci unpack", commands, clear, kinds=("gzip",))


@contextlib.contextmanager
def docker(folder: Path) -> Iterator[Tool | None]:
    """dockerd with a store of its own and no networks; None where it does not start."""
    if not Path("/usr/bin/docker").exists() or shutil.which("dockerd") is None:
        yield None
        return
    root = Path(tempfile.mkdtemp(prefix="db-", dir="/tmp"))
    (root / "empty.json").write_text("{}")
    sock = f"unix://{root}/d.sock"
    daemon = subprocess.Popen(
        ["dockerd", "--config-file", f"{root}/empty.json", "--data-root", f"{root}/d",
         "--exec-root", f"{root}/x", "--pidfile", f"{root}/pid", "-H", sock, "--bridge=none",
         "--iptables=false", "--ip6tables=false"],
        stdout=(folder / "dockerd.log").open("wb"), stderr=subprocess.STDOUT,
    )  # fmt: skip
    base = ["/usr/bin/docker", "-H", sock]
    try:
        for _ in range(100):
            if subprocess.run([*base, "version"], capture_output=True).returncode == 0:
                break
            time.sleep(0.2)
        else:
            yield None
            return

        def clear() -> None:
            listed = subprocess.check_output([*base, "images", "-q"], text=True).split()
            if listed:
                subprocess.run([*base, "rmi", "-f", *set(listed)], check=True, capture_output=True)

        yield Tool(
            "docker pull", lambda image: [[*base, "pull", "-q", image]], clear, daemon.pid,
            kinds=("gzip",),
        )  # fmt: skip
    finally:
        daemon.terminate()
        daemon.wait()
        shutil.rmtree(root, ignore_errors=True)


def report(kind: str, size: int, samples: dict[str, list[Sample]]) -> str:
    """A table with the ratio of warren to each."""
    medians = {name: statistics.median(s.wall for s in taken) for name, taken in samples.items()}
    own = medians["warren pull"]
    others = {name: wall for name, wall in medians.items() if name != "warren pull"}
    lines = [
        f"## {kind}, {size / 1e6:.0f} MB of layers\n",
        "| tool | wall s, median | min | processor s | peak MiB | warren / it |",
        "|---|---|---|---|---|---|",
    ]
    for name, taken in samples.items():
        best = min(sample.wall for sample in taken)
        cpu = statistics.median(sample.cpu for sample in taken)
        memory = max(sample.memory for sample in taken) >> 10
        ratio = f"{own / medians[name]:.2f}"
        lines.append(
            f"| {name} | {medians[name]:.2f} | {best:.2f} | {cpu:.2f} | {memory} | {ratio} |"
        )
    if others:
        quickest = min(others, key=lambda name: others[name])
        ratio = own / others[quickest]
        verdict = "held" if ratio <= TARGET else "not held"
        lines.append(
            f"\nBest of the others: {quickest}; ratio {ratio:.2f}, at most {TARGET}: {verdict}.\n"
        )
    return "\n".join(lines)


def large_image(folder: Path, host: str, size: int) -> str:
    """An image of ``size`` bytes in one layer, half of which can be compressed."""
    path = folder / "large.tar"
    block = random.Random(1).randbytes(512 << 10) + bytes(range(256)) * 2048
    with tarfile.open(path, "w") as tar:
        for number in range(size // len(block) // 16):
            info = tarfile.TarInfo(f"f{number}")
            info.size = 16 * len(block)
            tar.addfile(info, _Repeated(number.to_bytes(8, "big"), block, info.size))  # type: ignore[arg-type]
    layout = folder / "large"
    Image([path.read_bytes()], "gzip").write(layout)
    path.unlink()
    target = f"{host}/large:1"
    push(layout, target)
    shutil.rmtree(layout)
    return target


class _Repeated:
    """``size`` bytes of a block over and over, with a mark at the front."""

    def __init__(self, mark: bytes, block: bytes, size: int) -> None:
        self._data = mark + block
        self._left = size

    def read(self, size: int) -> bytes:
        size = min(size, self._left)
        self._left -= size
        return (self._data * (size // len(self._data) + 1))[:size]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="./dev bench pull", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="pulls by each tool (7)")
    parser.add_argument("--rootfs", default="", help="a debootstrap that is there already")
    parser.add_argument(
        "--large", type=int, default=2048, help="MiB of the image for memory (2048)"
    )
    options = parser.parse_args(arguments)
    parts = [f"# Pulls from a registry on loopback, cold stores, {datetime.date.today()}\n"]
    numbers: dict[str, object] = {}
    with (
        tempfile.TemporaryDirectory(prefix="pull-bench-") as name,
        registry(Path(name)) as host,
        docker(Path(name)) as with_docker,
    ):
        folder = Path(name)
        tools = [warren(folder), podman(folder), skopeo_umoci(folder)]
        tools += [with_docker] if with_docker else []
        layers = debian(folder, options.rootfs)
        for kind in ("gzip", "zstd"):
            image = Image(layers, kind)
            push(image.write(folder / kind), f"{host}/debian:{kind}")
            size = sum(map(len, image.blobs.values()))
            samples: dict[str, list[Sample]] = {}
            for _ in range(options.rounds):
                for tool in tools:
                    if kind in tool.kinds:
                        sample = measure(tool, f"{host}/debian:{kind}")
                        samples.setdefault(tool.name, []).append(sample)
            parts.append(report(kind, size, samples))
            numbers[kind] = {n: [vars(s) for s in taken] for n, taken in samples.items()}
        if options.large:
            target = large_image(folder, host, options.large << 20)
            sample = measure(tools[0], target)
            verdict = "held" if sample.memory < 100 << 10 else "not held"
            parts.append(
                f"## {options.large} MiB in one layer\n\nwarren pull: {sample.wall:.1f} s, peak "
                f"{sample.memory >> 10} MiB of memory; under 100 MiB: {verdict}.\n"
            )
            numbers["large"] = vars(sample)
        for tool in tools:
            tool.clear()
    text = "\n".join(parts)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "pull.md").write_text(text)
    (RESULTS / "pull.json").write_text(json.dumps(numbers, indent=1))
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
