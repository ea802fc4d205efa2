"""Disks of a size of one's own, to run out of room on."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(path: Path, options: str) -> Iterator[Path]:
    """A new folder that a tmpfs of these options is mounted on, until the end."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "t", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)
