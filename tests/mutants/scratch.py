"""A copy of the tree with an installation of its own, in which a defence is removed and put back.

It costs no whole build: the installation is the tree's own one with its package copied, and its
command is the interpreter's front without an archive, so a changed module is copied to its place
and a changed init is compiled.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import hutch

from tests.mutants.catalog import Mutant

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "native"))
IGNORED = (".git", ".venv", ".dev", "build", "dist", "__pycache__", ".*_cache", ".hypothesis")
TIMEOUT = 600  # seconds for the tests of one mutant

# Their end takes with it what a mutant's containers left: mounts and processes.
CONFINED = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")

FALLEN, HELD, NOTHING = "falls", "holds", "says nothing"


class BuildError(Exception):
    """The text of a compiler that refuses a mutant."""


class Scratch:
    """The copy, below ``folder``."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self.tree = folder / "tree"
        shutil.copytree(ROOT, self.tree, ignore=shutil.ignore_patterns(*IGNORED), symlinks=True)
        self.prefix = self.tree / ".venv"
        original = Path(hutch.__file__).parent
        packages = self.prefix / original.parent.relative_to(sys.prefix)
        packages.mkdir(parents=True)
        for path in original.parent.iterdir():
            if path != original:
                (packages / path.name).symlink_to(path)
        self.package = packages / "hutch"
        shutil.copytree(original, self.package, symlinks=True)
        (self.prefix / "bin").mkdir()
        for path in (Path(sys.prefix) / "bin").iterdir():
            if path.is_symlink():  # the interpreter's names
                (self.prefix / "bin" / path.name).symlink_to(os.readlink(path))
            elif path.name not in ("hutch", "warren"):
                (self.prefix / "bin" / path.name).symlink_to(path)
        shutil.copy(Path(sys.prefix) / "pyvenv.cfg", self.prefix)
        self._compile_launchers()

    @contextmanager
    def without(self, mutant: Mutant) -> Iterator[None]:
        """The defence is removed as long as this lasts. Raises BuildError, ValueError."""
        path = self.tree / mutant.file
        whole = path.read_text()
        times = whole.count(mutant.old)
        if times != 1:
            raise ValueError(f"old stands in {mutant.file} {times} times, not once")
        path.write_text(whole.replace(mutant.old, mutant.new))
        try:
            self._install(mutant.file)
            yield
        finally:
            path.write_text(whole)
            self._install(mutant.file)

    def _install(self, file: str) -> None:
        if file.startswith("runtime/hutch/"):
            place = self.package / Path(file).relative_to("runtime/hutch")
            shutil.copy(self.tree / file, place)
            # What was compiled of it may be of the same second and size.
            for compiled in (place.parent / "__pycache__").glob(f"{place.stem}.*"):
                compiled.unlink()
        elif file.startswith("native/init/"):
            self._native(f"compile_init(Path({str(self.package / 'libexec' / 'hutch-init')!r}))")
        elif file.startswith("native/launcher/"):
            self._compile_launchers()
        elif file.startswith(("native/kernel/", "native/seccomp/", "native/json/")):
            self._run(sys.executable, "setup.py", "-q", "build_ext", "--build-lib", "build/lib")
            for path in (self.tree / "build" / "lib" / "hutch").glob("*.so"):
                shutil.copy(path, self.package)
        else:
            raise ValueError(f"{file}: only what is below runtime/hutch and native is built")

    def _compile_launchers(self) -> None:
        for command in ("hutch", "warren"):
            self._native(f"launcher({command!r}, Path({str(self.prefix / 'bin' / command)!r}))")

    def _native(self, call: str) -> None:
        code = f"from pathlib import Path; from static_program import *; {call}"
        self._run(sys.executable, "-c", code, PYTHONPATH=str(self.tree / "native"))

    def _run(self, *command: str, **variables: str) -> None:
        done = subprocess.run(
            command, cwd=self.tree, env={**os.environ, **variables}, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if done.returncode:
            raise BuildError(done.stdout)

    def outcomes(self, tests: Sequence[str]) -> tuple[dict[str, str], str]:
        """What came of each of ``tests``, FALLEN if one of its cases did; and what pytest said."""
        report = self.tree / "report"
        report.unlink(missing_ok=True)
        environment = {key: value for key, value in os.environ.items() if key != "HUTCH"}
        environment.update(MUTANTS_REPORT=str(report), PYTHONPATH=str(self.tree))
        command = (
            *CONFINED, self.prefix / "bin" / "python", "-m", "pytest", "-q", "--tb=short",
            "-p", "tests.mutants.reporting", "-p", "no:cacheprovider", *tests,
        )  # fmt: skip
        try:
            done = subprocess.run(
                command, cwd=self.tree, env=environment, check=False, timeout=TIMEOUT, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            said = done.stdout
        except subprocess.TimeoutExpired:
            said = f"the tests did not end within {TIMEOUT} s"
        lines = report.read_text().splitlines() if report.exists() else []
        cases = [json.loads(line) for line in lines]
        return {test: _outcome(test, cases) for test in tests}, said


def _outcome(test: str, cases: list[list[str]]) -> str:
    """Of the cases [id, phase, outcome] of a test. What falls before a test begins is no answer; at
    its end it is one, for there it is seen what was left behind."""
    own = [
        (phase, outcome)
        for id, phase, outcome in cases
        if id == test or id.startswith((f"{test}[", f"{test}::"))
    ]
    if any(phase != "setup" and outcome == "failed" for phase, outcome in own):
        return FALLEN
    if any(outcome != "passed" for _, outcome in own) or ("call", "passed") not in own:
        return NOTHING
    return HELD
