"""``./dev soak --minutes N``: containers at random by containerd and podman at once, for a while.

Workers of both engines create, enter, pause, update, kill and remove containers of hutch. In some
of the time the runtime is killed while it works. At the end all are removed, and what there is must
be what there was before: processes, mounts, cgroups, descriptors, threads, memory and states.
"""

import argparse
import contextlib
import copy
import os
import random
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from conformance.engines import soak_report
from conformance.engines.containerd import Containerd
from conformance.engines.docker import Podman
from conformance.engines.engine import Engine, until
from conformance.engines.kernel import cgroups, command_lines, mounts
from conformance.engines.kills import calm, deadly
from conformance.engines.soak_report import Result
from conformance.engines.wish import Lacks, Limits, Place, Wish, Wrong
from conformance.runtimes import find
from conformance.samples.busybox import write_docker_archive

CALM, DEADLY = 20, 8  # seconds, by turns
MOST = 5  # containers of one worker at once
EXACT = ("processes", "mounts", "cgroups", "states", "open files")
PARENTS = ("/default", "/libpod_parent", "/libpod_parent/conmon")  # these stay, or not
LOOSE = ("threads", "memory KiB")  # of the daemon, and for information
Found = dict[str, Any]


@dataclass
class Times:
    """Whether runtimes are being killed. ``epoch`` counts the times in which they were."""

    deadly: bool = False
    epoch: int = 0
    over: bool = False


@dataclass
class Worker:
    """One of those that work at once: its engine, its containers, and what it has done."""

    engine: Engine
    times: Times
    choose: random.Random
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lives: dict[str, int] = field(default_factory=dict)  # containers, and the epoch of their start

    def work(self) -> None:
        while not self.times.over:
            name = self.choose.choice(sorted(self.lives)) if self.lives else ""
            acts: list[Callable[[str], None]] = [self.start] if len(self.lives) < MOST else []
            acts += [self.enter, self.enter, self.halt, self.limit, self.kill, self.remove]
            if not name:
                acts = [self.start]
            act = self.choose.choice(acts)
            self.attempt(act, name)
        for name in list(self.lives):
            try:
                self.engine.remove(name)
            except Wrong as error:
                self.wrong.append(f"{self.engine.name}: removal at the end: {error}")

    def attempt(self, act: Callable[[str], None], name: str) -> None:
        """One act. An error counts if no runtime was killed in the life of the container."""
        since = self.lives.get(name, self.times.epoch)
        unsafe = self.times.deadly
        try:
            act(name)
            self.done[act.__name__] += 1
        except Lacks:
            pass
        except (Wrong, OSError, ValueError, IndexError, KeyError) as error:
            self.done["failed"] += 1
            safe = not unsafe and not self.times.deadly and since == self.times.epoch
            # A container may end between the question for its state and the act.
            lives = act in (self.start, self.remove) or self.engine.state(name) == "running"
            if safe and lives:
                self.wrong.append(f"{self.engine.name}: {act.__name__}: {error}")

    def start(self, _: str) -> None:
        script = self.choose.choice(("sleep 1000", "sleep 1000 & sleep 1000 & wait", "exit 3"))
        memory = self.choose.choice((0, 2**26))
        self.lives[f"{self.engine.prefix}{self.engine.count + 1}"] = self.times.epoch
        self.engine.start(Wish(shell=script, memory=memory))

    def enter(self, name: str) -> None:
        if self.engine.state(name) == "running":
            done = self.engine.exec(name, "sh", "-c", "echo in; exit 5")
            if done.code != 5 and self.engine.state(name) == "running":
                raise Wrong(f"exec: {done}")

    def halt(self, name: str) -> None:
        if self.engine.state(name) == "running":
            self.engine.pause(name)
            self.engine.resume(name)

    def limit(self, name: str) -> None:
        if self.engine.state(name) == "running":
            self.engine.update(name, Limits(cpus=self.choose.choice((0.5, 1.0))))

    def kill(self, name: str) -> None:
        if self.engine.state(name) == "running":
            self.engine.kill(name, self.choose.choice(("KILL", "TERM")))

    def remove(self, name: str) -> None:
        self.engine.remove(name)
        self.lives.pop(name, None)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="how long (10)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="of each engine (2)")
    parser.add_argument("--runtime", default="hutch", metavar="NAME", help="hutch, runc or crun")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), metavar="N")
    parser.add_argument("--write", action="store_true", help="write conformance/results/soak.*")
    options = parser.parse_args()
    print(f"--seed {options.seed}", flush=True)
    random.seed(options.seed)
    folder = Path(os.environ["ENGINES_FOLDER"])
    archive, _ = write_docker_archive(folder, "box:1")
    runtimes = {options.runtime: find(options.runtime)}
    places = []
    for name in ("containerd", "podman"):
        (folder / name).mkdir()
        places.append(Place(folder / name, archive, runtimes, folder / name / "kills"))
    with Containerd(places[0]) as containerd, Podman(places[1]) as podman:
        engines = [containerd, podman]
        for engine in engines:
            engine.use(f"{options.runtime}-killed")
            engine.remove(engine.start(Wish(words=("sleep", "1000"))))
        before = settled(containerd)
        workers = soak(engines, options)
        repaired = repair(containerd)
        shims = end_forgotten_shims(containerd)
        after = settled(containerd, before)
    done = sum((worker.done for worker in workers), Counter[str]())
    result = Result(
        date.today().isoformat(), options.minutes, options.workers, options.seed, dict(done),
        sum(place.killed.read_text().count("\n") for place in places if place.killed.exists()),
        repaired, shims,
        {what: size(before[what]) for what in (*EXACT, *LOOSE)},
        {what: size(after[what]) for what in (*EXACT, *LOOSE)},
    )  # fmt: skip
    print("\n".join(soak_report.section(result)))
    wrong = [line for worker in workers for line in worker.wrong]
    for line in wrong[:20]:
        print(f"failed although no runtime was killed: {line}")
    more = [f"{what}: {one}" for what in EXACT for one in sorted(after[what] - before[what])]
    for line in more:
        print(f"left: {line}")
    if options.write:
        soak_report.write(options.runtime, result)
    return 1 if more or wrong else 0


def soak(engines: list[Engine], options: argparse.Namespace) -> list[Worker]:
    """The workers, after the time is over and they have removed their containers."""
    times, workers = Times(), []
    for engine in engines:
        for number in range(options.workers):
            own = copy.copy(engine)
            own.prefix, own.count = f"w{number}n", 0
            workers.append(Worker(own, times, random.Random(random.random())))
    threads = [threading.Thread(target=worker.work) for worker in workers]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 60 * options.minutes
    while time.monotonic() < end:
        time.sleep(min(CALM, max(0, end - time.monotonic())))
        times.deadly, until_then = True, time.monotonic() + DEADLY
        times.epoch += 1
        while time.monotonic() < min(until_then, end):
            for engine in engines:
                deadly(engine, random.choice((1, 1, 2, 3)))
            time.sleep(random.uniform(0.05, 0.5))
        for engine in engines:
            calm(engine)
        times.epoch += 1
        times.deadly = False
    times.over = True
    for thread in threads:
        thread.join()
    return workers


def roots(engine: Engine) -> list[Path]:
    """Where the runtime keeps states: podman takes its default, ctr is given a folder."""
    name = engine.runtime.removesuffix("-killed")
    return [Path("/run", name), engine.place.folder / "runc" / "default"]


def repair(containerd: Containerd) -> int:
    """Deletes what an engine has forgotten because the deletion was killed: how many it were.
    podman and the shim do not ask a second time."""
    count = 0
    (command,) = containerd.place.runtimes.values()
    for root in roots(containerd):
        words = [command, "--root", str(root)]
        for name in containerd.done(*words, "list", "--quiet").out.split():
            containerd.done(*words, "delete", "--force", name)
            count += 1
    return count


def end_forgotten_shims(containerd: Containerd) -> int:
    """Ends the shims whose containers containerd does not know any more: how many it were. It
    forgets one now and then when a create was killed, with runc as often as with hutch."""
    known = containerd.done(*containerd.command("containers", "ls", "--quiet")).out.split()
    count = 0
    for pid, line in command_lines().items():
        words = line.split()
        shim = words[0].endswith("/containerd-shim-runc-v2") and "-id" in words
        if shim and words[words.index("-id") + 1] not in known:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                count += 1
    return count


def found(containerd: Containerd) -> Found:
    """What there is: of this pid namespace, this mount namespace, these cgroups, the daemon."""
    daemon = Path(f"/proc/{containerd.daemon.pid}")
    status = dict(
        line.split(":", 1) for line in (daemon / "status").read_text().splitlines() if ":" in line
    )
    states = [
        str(path)
        for root in roots(containerd)
        for path in [*root.glob("*/state.json"), *root.glob("*/status")]
    ]
    files = [descriptor(daemon / "fd" / name) for name in os.listdir(daemon / "fd")]
    return {
        "processes": {f"{pid} {words}" for pid, words in command_lines().items()},
        "mounts": {path for path in mounts() if not path.endswith("/podman/p/overlay")},
        "cgroups": {path for path in cgroups() if not path.endswith(PARENTS)},
        "states": set(states),
        "open files": {f"{number} {file}" for number, file in enumerate(sorted(files))},
        "threads": int(status["Threads"]),
        "memory KiB": int(status["VmRSS"].split()[0]),
    }


def descriptor(path: Path) -> str:
    """What a descriptor of a process is, without the number of its inode."""
    try:
        return os.readlink(path).partition(":[")[0]
    except OSError:
        return "closed"


def size(what: Any) -> int:
    return what if isinstance(what, int) else len(what)


def settled(containerd: Containerd, before: Found | None = None) -> Found:
    """What there is once it does not change any more, or is not more than before."""
    last = found(containerd)

    def still() -> bool:
        nonlocal last
        earlier, last = last, found(containerd)
        if before is not None:
            return all(size(last[what]) <= size(before[what]) for what in EXACT)
        time.sleep(1)
        return all(size(last[what]) == size(earlier[what]) for what in EXACT)

    with contextlib.suppress(Wrong):
        until(still, "what was made is gone", 60)
    return last


if __name__ == "__main__":
    sys.exit(main())
