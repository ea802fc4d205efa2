"""Writes the archive of compiled modules: one file with the modules that a command starts with.

To find a module's file and to check whether its compiled form is newer takes longer than to run the
module. The name of the archive has a digest of its content, and the launcher has that name built
in. So after an upgrade an old launcher does not use a new archive. The format of the code depends
on the minor version of the interpreter, and the launcher is built for one such version.

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
    """(the archive's name, its bytes) for the package below ``source``.

    ``extensions`` maps the names of C modules to their files, relative to site-packages. Raises
    ValueError if the head does not fit into HEAD bytes.
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
