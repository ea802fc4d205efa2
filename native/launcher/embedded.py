"""The first module of the static executable: where its modules are, and the way to the other front.

A module that needs the standard library's files is not in the executable. Verbs that wait for
people and explanations of errors want some; the command is then executed once more by the launcher
of the interpreter, with the same arguments. They want them before anything was changed.
"""

import posix
import sys
from _imp import get_frozen_object, is_frozen, is_frozen_package

from hutch_importer import install

S_IFMT = 0o170000
S_IFIFO = 0o010000
S_IFCHR = 0o020000

packages = ""  # the folder of the installed package: set by embedded.c

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType


def find_spec(name: str, path: object = None, target: object = None) -> None:
    """The last finder of modules: what comes to it is not in the executable.

    Does not return, unless an input that can be read only once has been read.
    """
    if all(_repeatable(word) for word in sys.argv[1:]):
        launcher = packages + "/hutch/libexec/hutch"
        posix.execv(launcher, [launcher, *sys.argv[1:]])


def _repeatable(word: str) -> bool:
    """Whether what an argument names can be read a second time."""
    if word == "-":
        return False
    try:
        kind = posix.stat(word.partition("=")[2] or word).st_mode & S_IFMT
    except (OSError, ValueError):
        return True
    return kind not in (S_IFIFO, S_IFCHR)


def _find(name: str) -> "tuple[CodeType, bool] | None":
    if not is_frozen(name):
        return None
    return get_frozen_object(name), is_frozen_package(name)


def main() -> None:
    """Runs the command line."""
    sys.meta_path.append(sys.modules[__name__])  # type: ignore[arg-type]
    install(_find, {}, packages)
    from hutch.cli.main import main as command

    command()
