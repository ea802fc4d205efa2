"""Fuzzes everything for long: ``./dev fuzz --minutes N``; the minutes are shared out.

What was found useful is kept in .dev/fuzz and begun with the next time.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

from hutch.container.explain import planned
from hutch.container.request import request_of
from hutch.plan.plan import Plan
from hutch.spec.default import default_config

from tests.fuzz.targets import FOLDER, TARGETS, build, environment, fuzz, seeds
from tests.support.complete_config import complete_config

KEPT = FOLDER.parents[1] / ".dev" / "fuzz"
HUTCH = Path(sys.prefix) / "bin" / "hutch"
CONFIGS = {"bytes": "config, its bytes", "grammar": "config, by the grammar"}


def default_plan(folder: Path) -> Plan:
    (folder / "rootfs").mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(default_config()))
    return planned(request_of("fuzz", str(folder), {}))


def report(what: str, inputs: str, code: int, said: str) -> bool:
    print(f"{what:24} {inputs:>12} inputs  {'a finding' if code else 'nothing found'}", flush=True)
    if code:
        print(said[-6000:])
    return code != 0


def inputs_of(said: str) -> str:
    counts = re.findall(r"Done (\d+)|^#(\d+)", said, re.MULTILINE)
    return max((first or second for first, second in counts), key=int, default="0")


def configs(kind: str, seconds: int) -> "subprocess.CompletedProcess[str]":
    corpus = KEPT / f"config-{kind}"
    corpus.mkdir(parents=True, exist_ok=True)
    if kind == "bytes":
        (corpus / "default").write_text(json.dumps(default_config()))
        (corpus / "complete").write_text(json.dumps(complete_config()))
    limits = [f"-max_total_time={seconds}", "-max_len=8192", "-timeout=20", str(corpus)]
    return subprocess.run(
        ["nice", sys.executable, FOLDER / "config_fuzz.py", kind, *limits],
        capture_output=True, text=True, errors="replace", check=False, cwd=KEPT,
        env=environment(),
    )  # fmt: skip


def create(seconds: int) -> "subprocess.CompletedProcess[str]":
    first = str(random.randrange(1 << 30))
    return subprocess.run(
        ["nice", sys.executable, FOLDER / "create_fuzz.py", HUTCH, first, "1000000", str(seconds)],
        capture_output=True, text=True, check=False, env=environment(),
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=7, help="altogether (default: 7)")
    asked = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    root = os.geteuid() == 0
    seconds = int(asked.minutes * 60 / (len(TARGETS) + len(CONFIGS) + root))
    plans = [default_plan(KEPT / "bundle")]
    found = False
    for name in TARGETS:
        seeds(name, KEPT / name, plans)
        said = fuzz(build(name, KEPT), KEPT / name, f"-max_total_time={seconds}")
        found |= report(name, inputs_of(said.stderr), said.returncode, said.stderr)
    for kind, what in CONFIGS.items():
        said = configs(kind, seconds)
        text = said.stdout + said.stderr
        found |= report(what, inputs_of(text), said.returncode, text)
    if root:
        said = create(seconds)
        count = said.stdout.split()[0] if said.returncode == 0 else "?"
        found |= report("hutch run", count, said.returncode, said.stdout + said.stderr)
        print(said.stdout, end="")
    return found


if __name__ == "__main__":
    sys.exit(main())
