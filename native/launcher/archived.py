"""The first code of the interpreter's front: ``main``, run by native/launcher/launcher.c.

The modules come from one file, each read when it is imported (native/archive.py).
"""

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
    install: "Callable[..., None]",
    index: "dict[str, tuple[int, int, bool]]",
    extensions: "dict[str, str]",
) -> "Any":
    """Runs the command line with the modules of the file ``archive``.

    ``index`` has each module's offset and size in it, and whether it is a package.
    """

    def find(name: str) -> "tuple[CodeType, bool] | None":
        place = index.get(name)
        if place is None:
            return None
        offset, size, is_package = place
        return loads(posix.pread(archive, size, offset)), is_package  # noqa: S302 - as pycs are read

    sys.path.append(packages)
    install(find, extensions, packages)
    from gc import disable

    disable()  # it lives too briefly to leave garbage behind
    from hutch.cli.main import main as command

    return command()
