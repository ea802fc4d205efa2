"""Writes the archive of the interpreter's front: the modules that a verb may start with, in a file.

Finding a module's file, and looking whether its compiled form is newer, costs more than running it.
The launcher knows the archive by a digest of all that is in it, so that after an upgrade an old
launcher does not take a new archive. The interpreter's magic number is that of its minor version,
which the launcher is built for.

    HEAD bytes: (importer's code, first code, index, largest, extensions), marshalled and padded
    the modules' code, marshalled
"""

import hashlib
import marshal
import sys
from pathlib import Path

from frozen import code_of, modules

LAUNCHER = Path(__file__).parent / "launcher"
HEAD = 16384  # bytes; launcher.c reads as many


def write_archive(source: Path, extensions: dict[str, str]) -> tuple[str, bytes]:
    """The archive's name and its bytes, for the package below ``source``.

    ``extensions`` are the files of C modules, relative to the folder of packages.
    """
    at_hand = {*sys.builtin_module_names, *extensions}
    index = {}
    largest = 0
    body = b""
    for name, path in modules(source, at_hand).items():
        code = marshal.dumps(code_of(name, path))
        index[name] = HEAD + len(body) << 32 | len(code) << 1 | (path.stem == "__init__")
        largest = max(largest, len(code))
        body += code
    first = [code_of(f"hutch_{name}", LAUNCHER / f"{name}.py") for name in ("importer", "archived")]
    head = marshal.dumps((*first, index, largest, extensions))
    if len(head) > HEAD:
        raise ValueError(f"the archive's head takes {len(head)} bytes, more than {HEAD}")
    archive = head.ljust(HEAD, b"\0") + body
    return "modules-" + hashlib.sha256(archive).hexdigest()[:16], archive
