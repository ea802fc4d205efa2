"""``./dev bench containerd``: starts hundreds of containers on one containerd, with each runtime.

containerd, from its Debian package, has its own root, state and socket, and runs in mount and
network namespaces of its own. `ctr run --detach` starts the containers, several at once; then each
gets one `ctr task exec`, as a probe would do it, and is killed and deleted. Processor time is that
of the cgroup in which containerd, its shims, ctr and the runtimes are, and of the containers.
"""

import argparse
import contextlib
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conformance.bench.engine import make_image
from conformance.bench.report import machine

RESULTS = Path(__file__).parents[1] / "results"
CGROUPS = Path("/sys/fs/cgroup")
NAMESPACE = "hutch-bench"  # of containerd; its cgroups have this name too
IMAGE = "localhost/box:1"
BATCH = 10  # containers of one runtime before the next one's turn
CONFIG = """version = 2
root = "W/root"
state = "W/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "W/c.sock"
"""


class Account:
    """A cgroup of our own that counts the processor time of this process and its descendants, and
    the one that all containers are in: a runtime's init works there before it is the program."""

    def __init__(self) -> None:
        v1 = CGROUPS / "cpuacct"
        self.v1 = v1.is_dir()
        self.parent = v1 if self.v1 else CGROUPS
        self.path = self.parent / f"{NAMESPACE}-{os.getpid()}"
        self.path.mkdir()
        (self.parent / NAMESPACE).mkdir(exist_ok=True)
        (self.path / "cgroup.procs").write_text("0")

    def seconds(self) -> float:
        return self._seconds(self.path) + self._seconds(self.parent / NAMESPACE)

    def _seconds(self, path: Path) -> float:
        if self.v1:
            return int((path / "cpuacct.usage").read_text()) / 1e9
        usage = (path / "cpu.stat").read_text().split()
        return int(usage[usage.index("usage_usec") + 1]) / 1e6

    def close(self) -> None:
        (self.parent / "cgroup.procs").write_text("0")
        self.path.rmdir()


class Containerd:
    """A containerd of our own with one image."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "CONTAINERD_ADDRESS": f"{folder}/c.sock",
            "CONTAINERD_NAMESPACE": NAMESPACE,
        }

    def ctr(self, *words: str, check: bool = True) -> None:
        """One command. Its output is a file, because a container would keep a pipe open."""
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                ["ctr", *words], env=self.environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, check=False,
            )  # fmt: skip
            if check and done.returncode:
                output.seek(0)
                raise SystemExit(f"ctr {' '.join(words)}: {output.read().decode()}")

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        (self.folder / "config.toml").write_text(CONFIG.replace("W", str(self.folder)))
        with (self.folder / "log").open("wb") as log:
            daemon = subprocess.Popen(
                ["containerd", "--config", self.folder / "config.toml"], stdout=log, stderr=log
            )
        try:
            while subprocess.run(
                ["ctr", "version"], env=self.environment, capture_output=True, check=False
            ).returncode:
                if daemon.poll() is not None:
                    raise SystemExit((self.folder / "log").read_text()[-2000:])
                time.sleep(0.1)
            yield
        finally:
            daemon.terminate()
            daemon.wait()
            for path in (*CGROUPS.glob(f"*/{NAMESPACE}"), CGROUPS / NAMESPACE):
                with contextlib.suppress(OSError):
                    path.rmdir()


def shares(commands: dict[str, str], count: int) -> Iterator[tuple[str, list[str]]]:
    """(runtime, ids of its next containers) by turns, so that all have the same load of the
    machine and the same number of others alive."""
    batches = -(-count // (BATCH * len(commands)))
    for number in range(batches):
        for name in commands:
            yield name, [f"{name}-{number * BATCH + place}" for place in range(BATCH)]


def measure(
    one: Containerd, account: Account, commands: dict[str, str], count: int, at_once: int
) -> dict[str, dict[str, list[float]]]:
    """{runtime: {act: [seconds of wall time, of processor time, number of containers]}}."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in commands}
    alive: list[str] = []

    def all_of(act: str, words: Callable[[str, str], list[str]]) -> None:
        for name, ids in shares(commands, count):
            cpu, begin = account.seconds(), time.monotonic()
            with ThreadPoolExecutor(at_once) as pool:
                for _ in pool.map(lambda id, name=name: one.ctr(*words(name, id)), ids):
                    pass
            sums = found[name].setdefault(act, [0.0, 0.0, 0])
            sums[0] += time.monotonic() - begin
            sums[1] += account.seconds() - cpu
            sums[2] += len(ids)

    def run(name: str, id: str) -> list[str]:
        alive.append(id)
        runtime = ["--runc-binary", commands[name], "--runc-root", f"{one.folder}/state-{name}"]
        return ["run", "--detach", *runtime, IMAGE, id, "sleep", "100000"]

    try:
        all_of("start", run)
        all_of("exec", lambda name, id: ["task", "exec", "--exec-id", "probe", id, "true"])
        all_of("kill and delete", lambda name, id: ["task", "rm", "--force", id])
        all_of("remove", lambda name, id: ["container", "rm", id])
        alive.clear()
    finally:
        for id in alive:
            one.ctr("task", "rm", "--force", id, check=False)
            one.ctr("container", "rm", id, check=False)
    return found


def table(samples: dict[str, dict[str, list[float]]]) -> str:
    """A row for each act and runtime."""
    lines = [
        "| act | runtime | containers | wall ms each | processor ms each | beside runc |",
        "|---|---|---|---|---|---|",
    ]
    for act in next(iter(samples.values())):
        for name, acts in samples.items():
            wall, cpu, count = acts[act]
            beside = ""
            if "runc" in samples and name != "runc":
                _, runc, others = samples["runc"][act]
                beside = f"{(cpu / count - runc / others) * 1e3:+.1f} ms"
            each = f"{wall / count * 1e3:.1f} | {cpu / count * 1e3:.1f}"
            lines.append(f"| {act} | {name} | {count:.0f} | {each} | {beside} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="./dev bench containerd", description=__doc__)
    parser.add_argument(
        "--containers", type=int, default=500, help="alive at once, of all runtimes together (500)"
    )
    parser.add_argument("--at-once", type=int, default=4, help="how many ctr at once (4)")
    parser.add_argument(
        "--runtime", action="append", help="only this one: hutch, runc, crun (may be repeated)"
    )
    options = parser.parse_args(arguments)
    commands = {"hutch": str(Path(sys.executable).with_name("hutch"))}
    commands |= {name: path for name in ("runc", "crun") if (path := shutil.which(name))}
    commands = {n: c for n, c in commands.items() if n in (options.runtime or commands)}
    head = (
        f"{machine()}. {options.at_once} commands of ctr at once. Processor time is that of "
        "containerd, its shims, ctr, the runtime and the containers. The runtimes take turns, with "
        f"{BATCH} containers each time.\n"
    )
    account = Account()
    try:
        with tempfile.TemporaryDirectory(prefix="cb-", dir="/tmp") as name:
            one = Containerd(Path(name))
            layout = make_image(Path(name))
            archive = Path(name) / "box.tar"
            subprocess.run(["tar", "cf", archive, "-C", layout, "."], check=True)
            with one.running():
                one.ctr("images", "import", "--index-name", IMAGE, str(archive))
                measure(one, account, commands, 1, 1)  # nothing is done for the first time
                samples = measure(one, account, commands, options.containers, options.at_once)
                one.ctr("images", "rm", "--sync", IMAGE)
    finally:
        account.close()
    versions = [
        subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
        .stdout.partition("\n")[0]
        for command in ("containerd", *commands.values())
    ]  # fmt: skip
    count = sum(acts["start"][2] for acts in samples.values())
    title = f"# {count:.0f} containers on one containerd, {datetime.date.today()}"
    text = f"{title}\n\n{head}\n- " + "\n- ".join(versions) + "\n\n" + table(samples)
    sys.stdout.write(text)
    if not options.runtime:
        (RESULTS / "containerd.md").write_text(text)
        (RESULTS / "containerd.json").write_text(json.dumps(samples, indent=1) + "\n")


if __name__ == "__main__":
    main()
