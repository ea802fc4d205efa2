"""The source archive is complete: a wheel that is built from it runs containers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Runtime

ROOT = Path(__file__).parents[2]
# Generated files.
MADE = (".git", ".venv", ".dev", "build", "dist", "libexec", "__pycache__", "*.egg-info", "*.so")
BACKEND = "import sys; from setuptools import build_meta; build_meta.{}(sys.argv[1])"

pytestmark = [pytest.mark.root, pytest.mark.no_runtime]


def call(*words: "str | Path", cwd: Path) -> None:
    done = subprocess.run(
        words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_wheel_of_the_source_archive_runs_a_container(tmp_path: Path, bundle: Bundle) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*MADE, ".*_cache", ".hypothesis"))
    written = {path.relative_to(tree) for path in tree.rglob("*") if path.is_file()}
    call(sys.executable, "-c", BACKEND.format("build_sdist"), tmp_path, cwd=tree)
    (archive,) = tmp_path.glob("*.tar.gz")
    call("tar", "-xf", archive, cwd=tmp_path)
    unpacked = tmp_path / archive.name.removesuffix(".tar.gz")
    assert written - {path.relative_to(unpacked) for path in unpacked.rglob("*")} == {
        Path(".gitignore")
    }
    (unpacked / "commit").write_text("of-the-archive")
    call(sys.executable, "-c", BACKEND.format("build_wheel"), tmp_path, cwd=unpacked)
    (wheel,) = tmp_path.glob("*.whl")

    call(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    call(
        sys.executable, "-m", "pip", "-q", "--python", tmp_path / "venv" / "bin" / "python",
        "install", "--no-index", "--no-deps", wheel, cwd=tmp_path,
    )  # fmt: skip
    hutch = Runtime(str(tmp_path / "venv" / "bin" / "hutch"), tmp_path / "state")
    assert "commit: of-the-archive\n" in hutch("--version").out
    bundle.args("echo", "reached")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = hutch("run", "--bundle", str(bundle.path), "test", env=environment)
    assert done.out == "reached\n"
