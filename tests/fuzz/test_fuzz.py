"""Each fuzz target for a short while; ``./dev fuzz --minutes N`` goes on for longer."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hutch.plan import operations as op
from hutch.plan.plan import Plan
from hutch.spec.default import default_config

from tests.fuzz.targets import FOLDER, build, environment, fuzz, seeds
from tests.support.complete_config import complete_config

RUNS = {"plan": 100_000, "home": 50_000, "json": 50_000, "beneath": 5_000}
HUTCH = Path(sys.prefix) / "bin" / "hutch"


def done(said: str) -> int:
    """How many inputs a target says that it has had."""
    found = re.search(r"Done (\d+)", said)
    assert found, said[-2000:]
    return int(found[1])


@pytest.mark.parametrize("name", RUNS)
def test_s32_s40_s84_native_code_has_no_sanitizer_errors(name: str, tmp_path: Path) -> None:
    assert shutil.which("clang"), "takes clang and its libFuzzer (./dev test installs them)"
    program = build(name, tmp_path)
    plan = Plan([op.exec("process.args", ["a", "b"], ["C=d"]), op.mask("x", "/y")], [])
    seeds(name, tmp_path / "corpus", [plan])
    said = fuzz(program, tmp_path / "corpus", f"-runs={RUNS[name]}", "-seed=1")
    assert said.returncode == 0, said.stderr[-4000:]
    assert done(said.stderr) >= RUNS[name]


@pytest.mark.parametrize("kind", ["bytes", "grammar"])
def test_s46_a_config_is_explained_or_refused(kind: str, tmp_path: Path) -> None:
    if kind == "bytes":
        (tmp_path / "default").write_text(json.dumps(default_config()))
        (tmp_path / "complete").write_text(json.dumps(complete_config()))
    words = ["-atheris_runs=3000", "-seed=1", "-max_len=8192", str(tmp_path)]
    said = subprocess.run(
        [sys.executable, FOLDER / "config_fuzz.py", kind, *words],
        capture_output=True, text=True, errors="replace", check=False, cwd=tmp_path,
        env=environment(),
    )  # fmt: skip
    assert said.returncode == 0, said.stderr[-4000:]
    assert done(said.stdout + said.stderr) >= 3000


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_s46_a_config_runs_or_is_refused_and_nothing_is_left() -> None:
    said = subprocess.run(
        [sys.executable, FOLDER / "create_fuzz.py", HUTCH, "0", "25", "60"],
        capture_output=True, text=True, check=False, env=environment(),
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    tried, _, started, _ = said.stdout.split()
    assert int(tried) > 5
    assert int(started) > 0
