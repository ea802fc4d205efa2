"""The first code that native/launcher/launcher.c runs in the ordinary interpreter: ``main``.

The modules are in one file (native/archive.py); each is read from it when it is imported.
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

    ``index`` has the place of each module in it as a number: 32 bits for the offset, 31 for the
    size, and one that is set for a package. All modules are read into one buffer, which has the
    size of the ``largest``.
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

    disable()  # the process ends soon, so garbage need not be collected
    from hutch.cli.main import main as command

    return command()
