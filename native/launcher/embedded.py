"""The first module of the static executable: where its modules are, and the way to the other front.

A module that needs the standard library's files is not in the executable. Verbs that wait for
people and explanations of errors want some; the command is then executed once more by the launcher
of the interpreter, with the same name and arguments. They want them before anything was changed.
"""

import _frozen_importlib as bootstrap
import posix
import sys

S_IFMT = 0o170000
S_IFIFO = 0o010000
S_IFCHR = 0o020000

packages = ""  # the folder of the installed package: set by embedded.c


def go_elsewhere(name: str) -> None:
    """Does not return, unless an input that can be read only once has been read."""
    if all(_repeatable(word) for word in sys.argv[1:]):
        launcher = packages + "/hutch/libexec/hutch"
        posix.execv(launcher, sys.argv)


def _repeatable(word: str) -> bool:
    """Whether what an argument names can be read a second time."""
    if word == "-":
        return False
    try:
        kind = posix.stat(word.partition("=")[2] or word).st_mode & S_IFMT
    except (OSError, ValueError):
        return True
    return kind not in (S_IFIFO, S_IFCHR)


def main() -> None:
    """Runs the command line."""
    bootstrap.importer.packages = packages  # type: ignore[attr-defined] # bootstrap.py,
    bootstrap.missing = go_elsewhere  # type: ignore[attr-defined] # by the name frozen
    from hutch.cli.main import main as command

    command()
