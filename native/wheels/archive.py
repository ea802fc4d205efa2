"""Writes a wheel. The same files give the same bytes: sorted by name, and with one time."""

import base64
import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import gmtime
from typing import NamedTuple

EARLIEST = 315532800  # 1980-01-01: a zip file has no times before


class File(NamedTuple):
    """A file of a wheel: its content, and whether it is a program."""

    data: bytes
    executable: bool = False


def read(path: Path) -> File:
    return File(path.read_bytes(), bool(path.stat().st_mode & 0o100))


def wheel_text(tags: Iterable[str]) -> bytes:
    """The file WHEEL."""
    lines = ["Wheel-Version: 1.0", "Generator: hutch", "Root-Is-Purelib: false"]
    return "\n".join([*lines, *(f"Tag: {tag}" for tag in tags), ""]).encode()


def record(files: Mapping[str, File], name: str) -> bytes:
    """The file RECORD, whose own name is ``name``: each file with its digest and size."""
    lines = []
    for path, file in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(file.data).digest()).rstrip(b"=").decode()
        quoted = f'"{path}"' if "," in path else path
        lines.append(f"{quoted},sha256={digest},{len(file.data)}")
    return "\n".join([*lines, f"{name},,", ""]).encode()


def write_wheel(
    output: Path, files: Mapping[str, File], information: str, tags: Iterable[str], epoch: int
) -> None:
    """Writes ``output`` with the ``files``, {path: File}. ``information`` is METADATA's folder;
    WHEEL and RECORD are added there. ``epoch``: the time of all files, in seconds. The folder of
    information is last, as the format recommends."""
    whole = {**files, f"{information}/WHEEL": File(wheel_text(tags))}
    name = f"{information}/RECORD"
    whole[name] = File(record(whole, name))
    with zipfile.ZipFile(output, "w") as archive:
        for path in sorted(whole, key=lambda path: (path.startswith(f"{information}/"), path)):
            entry = zipfile.ZipInfo(path, gmtime(max(epoch, EARLIEST))[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix: external_attr has the mode
            entry.external_attr = (0o100755 if whole[path].executable else 0o100644) << 16
            archive.writestr(entry, whole[path].data, compresslevel=9)
