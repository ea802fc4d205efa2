"""``./dev bench sandbox``: hutch.run of /bin/true beside subprocess.run of bubblewrap.

    one after another     each call by turns with the others
    eight at once         by eight threads

Both have the same walls: new namespaces of all kinds, a read-only root with a tmpfs to write to,
the same seccomp filter, no capabilities, a user who is not root. hutch.run has a cgroup with a
limit of processes too, an overlay, masked paths and a first process that watches the caller. The
last row is a Sandbox that stays. Wall time is that of the call; processor time that of this process
and of all its children.
"""

import argparse
import datetime
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import hutch
from hutch.container.filter_cache import filter_for
from hutch.defaults.seccomp import default_seccomp
from hutch.spec.check import check
from hutch.spec.default import default_config

RESULTS = Path(__file__).parents[1] / "results"
AT_ONCE = 8
NOBODY = "65534"


@dataclass
class Way:
    """One way to run /bin/true in a sandbox, and the seconds that its calls took."""

    name: str
    call: Callable[[], object]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)  # wall of a call, eight at once


def make_rootfs(folder: Path) -> Path:
    """A root file system with busybox."""
    rootfs = folder / "rootfs"
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp"):
        (rootfs / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", rootfs / "bin" / "busybox")
    (rootfs / "bin" / "true").symlink_to("busybox")
    return rootfs


def compiled_filter() -> bytes:
    """The default filter of a container without capabilities, as bubblewrap reads it."""
    config = default_config()
    config["linux"]["seccomp"] = default_seccomp([])
    return bytes(filter_for(check(config)[0]["linux"]["seccomp"], "").program)


def bubblewrap(rootfs: Path, program: Path) -> Callable[[], object]:
    walls = [
        "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", str(rootfs),
        "/", "--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev", "--uid", NOBODY, "--gid",
        NOBODY, "--cap-drop", "ALL", "--seccomp",
    ]  # fmt: skip

    def call() -> None:
        filter = os.open(program, os.O_RDONLY)
        try:
            subprocess.run(
                [*walls, str(filter), "/bin/true"],
                stdin=subprocess.DEVNULL, capture_output=True, check=True, pass_fds=(filter,),
            )  # fmt: skip
        finally:
            os.close(filter)

    return call


def ended(result: hutch.Result) -> None:
    if result.exit_code:
        raise SystemExit(f"/bin/true: {result}")


def cpu() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def in_turn(ways: list[Way], rounds: int) -> None:
    """Each round begins with another one. The first calls warm up, and are not counted."""
    for way in ways:
        way.call()
    for number in range(rounds):
        for place in range(len(ways)):
            way = ways[(number + place) % len(ways)]
            started, used = time.perf_counter(), cpu()
            way.call()
            way.wall.append(time.perf_counter() - started)
            way.cpu.append(cpu() - used)


def at_once(way: Way, rounds: int) -> None:
    """Eight threads, each with its share of the rounds."""

    def work() -> None:
        for _ in range(rounds // AT_ONCE):
            way.call()

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    way.together.append((time.perf_counter() - started) / (rounds // AT_ONCE * AT_ONCE))


def table(ways: list[Way]) -> str:
    first = ways[0]
    lines = [
        "| | one after another, ms: median | min | processor ms, mean "
        f"| eight at once, ms for each call | beside {first.name}: wall | eight at once |",
        "|---|---|---|---|---|---|---|",
    ]
    for way in ways:
        wall, together = statistics.median(way.wall), statistics.median(way.together)
        lines.append(
            f"| {way.name} | {wall * 1e3:.2f} | {min(way.wall) * 1e3:.2f} "
            f"| {statistics.mean(way.cpu) * 1e3:.2f} | {together * 1e3:.2f} "
            f"| {wall / statistics.median(first.wall):.2f} "
            f"| {together / statistics.median(first.together):.2f} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="./dev bench sandbox", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="calls of each (100)")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="hutch-bench-", dir="/dev/shm") as name:
        folder = Path(name)
        folder.chmod(0o755)
        rootfs, program = make_rootfs(folder), folder / "filter"
        program.write_bytes(compiled_filter())
        state = folder / "state"
        words = ["/bin/true"]
        with hutch.Sandbox(rootfs, state_root=state) as box:
            ways = [
                Way("bubblewrap", bubblewrap(rootfs, program)),
                Way("hutch.run", lambda: ended(hutch.run(rootfs, words, state_root=state))),
                Way(
                    "hutch.run, scratch=0",
                    lambda: ended(hutch.run(rootfs, words, state_root=state, scratch=0)),
                ),
                Way("Sandbox.run", lambda: ended(box.run(words))),
            ]
            in_turn(ways, options.rounds)
            for _ in range(3):
                for way in ways:
                    at_once(way, options.rounds)
    version = subprocess.run(["bwrap", "--version"], capture_output=True, text=True).stdout.strip()
    text = (
        f"# /bin/true in a sandbox, {datetime.date.today()}\n\n{version} beside hutch "
        f"{hutch.__version__}: {options.rounds} calls of each by turns, on {os.cpu_count()} "
        f"processors; load {load:.1f} at the beginning.\n\n{table(ways)}\n"
    )
    numbers = {
        way.name: {"wall": way.wall, "cpu": way.cpu, "at_once": way.together} for way in ways
    }
    (RESULTS / "sandbox.md").write_text(text)
    (RESULTS / "sandbox.json").write_text(json.dumps(numbers, indent=1))
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
