"""A build on a machine without a compiler or headers says which Debian packages are missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("native", "runtime", "setup.py", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What is built, in a folder where nothing has been built yet."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            skipped = shutil.ignore_patterns("__pycache__", "libexec", "*.so", "*.egg-info")
            shutil.copytree(ROOT / name, folder / name, ignore=skipped)
        else:
            shutil.copy(ROOT / name, folder)
    return folder


def install(source: Path, **environment: str) -> str:
    """What pip says of an install that must fail."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation",
         "--target", source.parent / "target", source],
        env={"HOME": str(source.parent), **environment}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def test_without_a_compiler_the_packages_are_named(source: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = install(source, PATH=str(tmp_path / "empty"))
    assert "built with a C compiler and headers that are not here: apt-get install gcc" in said


def test_a_missing_header_names_its_package(source: Path, tmp_path: Path) -> None:
    compiler = tmp_path / "compiler"
    compiler.write_text("#!/bin/sh\nread line\ncase $line in *seccomp*|*stdio*) exit 1 ;; esac\n")
    compiler.chmod(0o755)
    said = install(source, PATH=os.environ["PATH"], CC=str(compiler))
    assert "apt-get install libc6-dev libseccomp-dev, then try again" in said
