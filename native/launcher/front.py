"""The first module of the static executable: where the package lies, and the way to front A.

A module that needs the standard library's files is not in the executable. Verbs that wait for
people and explanations of errors want some; the command is then executed once more by the launcher
of the interpreter, with the same arguments. They want them before anything was changed.
"""

import posix
import sys
from _frozen_importlib import BuiltinImporter, spec_from_loader

import hutch

S_IFMT = 0o170000
S_IFIFO = 0o010000
S_IFSOCK = 0o140000
S_IFCHR = 0o020000


class Elsewhere:
    """The last finder of modules: builtin ones with a dot in their name, which the interpreter's
    own does not look for; all others are not in the executable."""

    def __init__(self, launcher: str) -> None:
        self.launcher = launcher

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        """Does not return without a module, unless an input that can be read only once was read."""
        if name in sys.builtin_module_names:
            return spec_from_loader(name, BuiltinImporter)
        if all(_repeatable(word) for word in sys.argv[1:]):
            posix.execv(self.launcher, [self.launcher, *sys.argv[1:]])
        return None


def _repeatable(word: str) -> bool:
    """Whether what an argument names can be read a second time."""
    if word == "-":
        return False
    try:
        kind = posix.stat(word.partition("=")[2] or word).st_mode & S_IFMT
    except (OSError, ValueError):
        return True
    return kind not in (S_IFIFO, S_IFSOCK, S_IFCHR)


def main(packages: str) -> None:
    """Runs the command line; ``packages`` is the directory with the installed package."""
    hutch.__path__[:] = [packages + "/hutch"]
    sys.meta_path.append(Elsewhere(packages + "/hutch/libexec/hutch"))
    from hutch.cli.main import main as command

    command()
