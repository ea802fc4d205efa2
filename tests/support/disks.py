"""Small file systems, for tests of a full disk."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(path: Path, options: str) -> Iterator[Path]:
    """A context manager: a new folder with a tmpfs with these options."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "t", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)
