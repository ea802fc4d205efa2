"""The machine that a static executable is linked for, and what it is linked with."""

import sysconfig
from pathlib import Path
from typing import NamedTuple


class Machine(NamedTuple):
    """``compiler``: its words. ``headers``: the folder of Python.h. ``library``: the interpreter's
    static library. ``runner``: the words before a program that is run, such as an emulator's.
    ``mark``: the file in hutch/libexec by which a program finds its package, "" if the program is
    for one interpreter (launcher/any_place.h)."""

    compiler: tuple[str, ...]
    headers: Path
    library: Path
    runner: tuple[str, ...] = ()
    mark: str = ""


def this_machine(library: Path) -> Machine:
    """The one that builds, with its compiler and the headers of the running interpreter."""
    return Machine(("gcc", "-malign-data=abi"), Path(sysconfig.get_paths()["include"]), library)
