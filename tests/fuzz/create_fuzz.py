"""Configs made by chance, given to `hutch run`: it runs or is refused in a line; nothing is left.

    python create_fuzz.py COMMAND FIRST-SEED COUNT SECONDS

It goes on in namespaces of its own, where the host's files are read-only, so that what a config
does to the host it does to nobody. Prints how many configs were run, and how many of them started
a container; at a finding, its seed and what was wrong, and the exit code is 1.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import prctl
from hutch.spec.default import default_config
from hutch.spec.table import CONFIG

from tests.support import config_grammar, leftovers
from tests.support.containers import Result, Runtime, make_rootfs, take_orphans
from tests.support.leftovers import CGROUPS

# A config without a path for its cgroup has it by the container's name.
ID = f"{CGROUPS}-own"
WORK = Path("/mnt")


def config_of(seed: int) -> Any:
    """Half of them are the default config, a little changed: those mostly start."""
    chance = random.Random(seed)
    if chance.random() < 0.3:
        config = config_grammar.config(chance)
    else:
        config = default_config()
        config["process"]["terminal"] = False
        more = config_grammar.value(CONFIG, chance)
        for section in ("process", "linux"):
            for name, value in (more.get(section) or {}).items():
                if chance.random() < 0.3 and name not in ("args", "terminal", "seccomp"):
                    config[section][name] = value
        for _ in range(chance.choice([0, 0, 1, 1, 2])):
            config_grammar.spoil(config, CONFIG, chance)
    if isinstance(config, dict):
        if isinstance(config.get("process"), dict) and chance.random() < 0.9:
            config["process"]["args"] = ["true"]
        if isinstance(config.get("linux"), dict):
            # Whatever limits it has are those of a cgroup of ours.
            config["linux"]["cgroupsPath"] = f"/{CGROUPS}/{seed}"
        if chance.random() < 0.9:
            config["root"] = {"path": "rootfs"}
    return config


def left() -> list[str]:
    """Mounts and cgroups; what is there before is no finding."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return [*mounts, *map(str, leftovers.own())]


def flaw(done: Result, runtime: Runtime, before: list[str]) -> str:
    """What is wrong with how a run went; "" if nothing is."""
    lines = [line for line in done.err.splitlines() if not line.startswith("hutch: warning:")]
    if "Traceback" in done.err or "internal error" in done.err:
        return "an internal error"
    if done.code and len(lines) != 1:
        return "not one line"
    runtime("delete", "--force", ID, check=False)
    take_orphans()
    if runtime.root.exists() and runtime.ids() not in ([], [".filters"]):
        return f"state is left: {runtime.ids()}"
    # A namespace ends a moment after its last process. What is gone is another's to explain.
    for _ in range(100):
        if not (more := set(left()) - set(before)):
            return ""
        time.sleep(0.01)
    return f"left: {sorted(more)}"


def prepare() -> Path:
    """The bundle, on a tmpfs; all else of the host's files is read-only from here on."""
    subprocess.run(["mount", "-t", "tmpfs", "fuzz", WORK], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", "/"], check=True)
    tempfile.tempdir = str(WORK)
    make_rootfs(WORK / "bundle" / "rootfs")
    return WORK / "bundle"


def main(command: str, first: int, count: int, seconds: float) -> int:
    prctl.set_child_subreaper(True)
    leftovers.begin()
    try:
        return run(command, first, count, seconds)
    finally:
        leftovers.sweep()


def run(command: str, first: int, count: int, seconds: float) -> int:
    """Runs the configs; 1 at the first finding."""
    bundle = prepare()
    runtime = Runtime(command, WORK / "state")
    end = time.monotonic() + seconds
    tried = started = 0
    before = left()
    for seed in range(first, first + count):
        if time.monotonic() > end:
            break
        (bundle / "config.json").write_text(json.dumps(config_of(seed)))
        try:
            done = runtime("run", "--bundle", str(bundle), ID, check=False, timeout=120)
        except subprocess.TimeoutExpired:
            print(f"seed {seed}: does not end")
            return 1
        tried += 1
        started += done.code == 0
        if wrong := flaw(done, runtime, before):
            print(f"seed {seed}: {wrong}: {done.code}: {done.err}")
            return 1
    print(f"{tried} configs, {started} started")
    return 0


if __name__ == "__main__":
    if os.environ.get("FUZZ_INSIDE") != "1":
        words = ["unshare", "--mount", "--net", "--ipc", "--uts", "--propagation", "private"]
        os.environ["FUZZ_INSIDE"] = "1"
        os.execvp("unshare", [*words, sys.executable, *sys.argv])
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
