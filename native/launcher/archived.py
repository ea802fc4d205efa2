"""The first code of the interpreter's front: ``main``, run by native/launcher/launcher.c.

The modules come from one file, each read when it is imported (native/archive.py).
"""

import _imp
import posix
import sys
from marshal import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any


def main(
    archive: int,
    packages: str,
    install: "Callable[..., Any]",
    index: "dict[str, int]",
    largest: int,
    extensions: "dict[str, str]",
) -> "Any":
    """Runs the command line with the modules of the file ``archive``.

    ``index`` has where in it each module is: offset, size and whether it is a package, in 32, 31
    bits and one. All are read to one buffer, as large as the ``largest``.
    """
    buffer = memoryview(bytearray(largest))

    def find(name: str) -> "tuple[CodeType, bool] | None":
        place = index.get(name)
        if place is None:
            return None
        code = buffer[: place >> 1 & 0x7FFF_FFFF]
        posix.preadv(archive, [code], place >> 32)
        return loads(code), place & 1 == 1  # noqa: S302 - as pycs are read

    sys.path.append(packages)
    importer = install(sys, _imp, find)
    importer.extensions = extensions
    importer.packages = packages
    from gc import disable

    disable()  # it lives too briefly to leave garbage behind
    from hutch.cli.main import main as command

    return command()
