"""The runtimes that are tested, and how each is called."""

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PATIENCE = 60  # seconds that one call may take on a loaded machine


class Runtime:
    """A runtime's command, and its own state directory."""

    def __init__(self, name: str, command: str, root: Path, flags: Sequence[str] = ()) -> None:
        self.name = name
        self.command = command
        self.root = root
        self.flags = tuple(flags)

    def words(self, *words: str) -> list[str]:
        """A command line of this runtime."""
        return [self.command, "--root", str(self.root), *self.flags, *words]

    def wrapper(self, path: Path) -> Path:
        """A script that calls this runtime with its flags, for programs that give none."""
        line = " ".join(f"'{word}'" for word in self.words())
        path.write_text(f'#!/bin/sh\nexec {line} "$@"\n')
        path.chmod(0o755)
        return path

    def version(self) -> str:
        """The first line of --version."""
        done = subprocess.run(
            [self.command, "--version"], check=True, text=True, capture_output=True
        )
        return done.stdout.splitlines()[0]

    def ids(self) -> list[str]:
        """The ids of the containers: the names of the directories in --root."""
        return [path.name for path in self.root.glob("[!.]*")] if self.root.is_dir() else []

    def sweep(self) -> None:
        """Kills and deletes every container that a test has left."""
        for id in self.ids():
            for words in (("delete", "--force", id), ("kill", id, "KILL"), ("delete", id)):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    subprocess.run(
                        self.words(*words),
                        check=False,
                        capture_output=True,
                        stdin=subprocess.DEVNULL,
                        timeout=PATIENCE,
                    )
                if id not in self.ids():
                    break
        shutil.rmtree(self.root, ignore_errors=True)

    def features(self) -> dict[str, Any]:
        """The decoded output of `features`; {} if the runtime has no such verb."""
        done = subprocess.run(
            [self.command, "features"], check=False, text=True, capture_output=True
        )
        if done.returncode != 0:
            return {}
        try:
            decoded = json.loads(done.stdout)
        except ValueError:
            return {}
        return decoded if isinstance(decoded, dict) else {}


def find(name: str) -> str:
    """The command of a runtime: a path as it is given, hutch from the folder of this Python, others
    from PATH.

    Raises SystemExit with a sentence if it is not found.
    """
    if name == "hutch":
        return str(Path(sys.prefix) / "bin" / "hutch")
    found = shutil.which(name)
    if not found:
        raise SystemExit(f"conformance: {name}: not found in PATH (hint: install it)")
    return str(Path(found).absolute())


def strict_flags(name: str) -> tuple[str, ...]:
    """The flags with which a runtime is tested. By default hutch follows runc where runc does not
    follow the specification; with --strict it follows the specification."""
    return ("--strict",) if Path(name).name == "hutch" else ()
