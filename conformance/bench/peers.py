"""The runtimes that are measured."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

BARE = "bare"
SOURCE = Path(__file__).with_name("bare.c")


class Peer:
    """A runtime: its name in the table, its command, and its own state directory."""

    def __init__(self, name: str, command: Path, folder: Path) -> None:
        self.name = name
        self.command = str(command)
        self.root = str(folder / ("state-" + name))

    def words(self, *words: str) -> list[str]:
        """A command line of this runtime."""
        return [self.command, "--root", self.root, *words]

    def call(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Runs a command without measuring it. Its output is not a pipe, because the container
        would keep a pipe open."""
        return subprocess.run(
            self.words(*words),
            check=check,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None if check else subprocess.DEVNULL,
        )

    def clear(self) -> None:
        """Deletes the containers that a failed measurement has left."""
        if os.path.isdir(self.root):
            for id in os.listdir(self.root):
                self.call("delete", "--force", id, check=False)

    def version(self) -> str:
        """The first line of --version."""
        done = subprocess.run(
            [self.command, "--version"], check=True, text=True, capture_output=True
        )
        return done.stdout.splitlines()[0]

    @property
    def is_launcher(self) -> bool:
        """Whether it is hutch without the static executable: the same init and state."""
        return self.name.startswith("hutch") and self.name.endswith("-a")


def fronts(prefix: Path, name: str, folder: Path) -> list[Peer]:
    """The fronts of the hutch that is installed in ``prefix``: ``name`` is the command, ``name``-a
    the launcher of the interpreter."""
    launchers = prefix.glob("lib/python3*/site-packages/hutch/libexec/hutch")
    return [
        Peer(name, prefix / "bin" / "hutch", folder),
        *(Peer(name + "-a", launcher, folder) for launcher in launchers),
    ]


def peers(
    folder: Path,
    states: Path,
    trees: Iterable[Path],
    given: dict[str, Path],
    without: Iterable[str],
) -> list[Peer]:
    """hutch of this tree and of the other built ``trees`` (hutch@ and the name of the folder); runc
    and crun if they are installed; bare.c; those that are ``given`` by name and path, instead of
    one of the same name. ``without`` has the names of those that are not wanted. bare.c is
    compiled in ``folder``; the state directories are below ``states``.

    Raises SystemExit if a path is not of a program.
    """
    found = fronts(Path(sys.prefix), "hutch", states)
    for tree in trees:
        found += fronts(tree / ".venv", "hutch@" + tree.resolve().name, states)
    paths = {name: Path(there) for name in ("runc", "crun") if (there := shutil.which(name))}
    for name, path in (paths | given).items():
        if not os.access(path, os.X_OK) or path.is_dir():
            raise SystemExit(f"bench: --peer {name}: {path}: not a program")
        found.append(Peer(name, path.absolute(), states))
    if BARE not in {*given, *without}:
        found.append(Peer(BARE, make_bare(folder), states))
    return [peer for peer in found if peer.name not in without]


def make_bare(folder: Path) -> Path:
    """bare.c as a program in the folder. Raises CalledProcessError."""
    program = folder / BARE
    flags = ("-O2", "-Wall", "-Wextra", "-Wno-format-truncation", "-static")
    subprocess.run(["gcc", *flags, "-o", program, SOURCE], check=True)
    return program
