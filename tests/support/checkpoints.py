"""Containers that count. After a checkpoint and a restore with CRIU they continue to count."""

import subprocess
from pathlib import Path
from typing import Any

from tests.support.containers import Bundle, Runtime, eventually

# The number is only in the memory of the process; the file shows it.
COUNT = "i=0; while :; do i=$((i+1)); echo $i > /tmp/n; usleep 100000; done"

# What a program of Counter.with_python says when the counting may begin.
READY = "open('/tmp/ready', 'w').close()\n"

# CRIU cannot open a stream again that was opened with O_NOFOLLOW, as temporary files are.
QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Counter:
    """A bundle whose container counts, and the folder of its checkpoint."""

    def __init__(self, hutch: Runtime, bundle: Bundle, folder: Path) -> None:
        self.hutch = hutch
        self.bundle = bundle
        self.images = folder / "images"
        self.pid_file = folder / "pid"
        bundle.config["root"]["readonly"] = False
        bundle.config["linux"]["namespaces"].append({"type": "cgroup"})
        bundle.sh(COUNT)
        self.flags = ["--image-path", str(self.images), "--work-path", str(folder / "work")]

    def with_python(self, program: str) -> None:
        """Beside what counts, a program in Python runs, by the host's files."""
        rootfs = self.bundle.rootfs
        for name in ("lib", "lib64"):
            (rootfs / name).symlink_to(f"usr/{name}")
        (rootfs / "usr").mkdir()
        usr = {"destination": "/usr", "source": "/usr", "options": ["bind", "ro"]}
        self.bundle.config["mounts"].append(usr)
        (rootfs / "tmp" / "program").write_text(program)
        python = "/usr/bin/python3 -IS /tmp/program &"
        self.bundle.sh(f"{python} until [ -e /tmp/ready ]; do usleep 50000; done; {COUNT}")

    def count(self) -> int:
        try:
            return int((self.bundle.rootfs / "tmp" / "n").read_text() or 0)
        except (FileNotFoundError, ValueError):
            return 0

    def run(self) -> None:
        self.hutch("run", "-d", "-b", str(self.bundle.path), "test", **QUIET)
        eventually(lambda: self.count() > 3)

    def checkpoint(self, *flags: str, **options: Any) -> int:
        """Makes a checkpoint and returns the saved number. With --leave-running the container
        continues to count, and CRIU refuses the restore if an open file has changed."""
        self.hutch("checkpoint", *self.flags, *flags, "test", **options)
        return self.count()

    def restore(self, *flags: str, id: str = "test") -> None:
        words = ["-d", "-b", str(self.bundle.path), "--pid-file", str(self.pid_file)]
        done = self.hutch("restore", *self.flags, *words, *flags, id, check=False, **QUIET)
        log = self.images.parent / "work" / "restore.log"
        assert done.code == 0, [line for line in log.read_text().splitlines() if "Error" in line]

    def goes_on_from(self, saved: int) -> None:
        """Checks that the container continues to count from ``saved``."""
        eventually(lambda: self.count() > saved + 2)
        assert self.hutch.state("test")["status"] == "running"
