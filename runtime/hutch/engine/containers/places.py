"""Where a container's files are.

STORE/containers/ID/      0700; the bundle
    config.json           what hutch was given last
    upper/ work/ lower/   of the overlay: what the container wrote, and links to its layers
    rootfs/               where the overlay is mounted while somebody uses it
    hosts hostname resolv.conf
    exits/ID              the exit code: conmon writes it, by rename
    log                   what the container wrote, as conmon keeps it (k8s-file)
    runtime.log           what hutch said, as JSON
    attach ctl winsz      conmon's sockets
    conmon.pid pid
    execs/ID/             a further program of its that conmon supervises (executions.py)
STORE/volumes/NAME/_data
/run/warren/              hutch's states: gone after a reboot, as its containers are; of an
                          ordinary user in STORE/run/warren
"""

import os
from pathlib import Path
from typing import NamedTuple

from hutch.engine.rootless import rootless
from hutch.image.store import Store


def is_hutch(runtime: str) -> bool:
    """Whether --runtime asks for hutch: by its name, by its path, or by being left out."""
    return os.path.basename(runtime) in ("", "hutch")


def runtime_root(store: Path, runtime: str = "") -> str:
    """The state directory for warren's containers of hutch, or of another runtime. Of an ordinary
    user's it is in the store."""
    top = str(store / "run") if rootless() else "/run"
    return f"{top}/warren" if is_hutch(runtime) else f"{top}/warren-{os.path.basename(runtime)}"


class Places(NamedTuple):
    """The files of one container."""

    folder: Path

    @classmethod
    def of(cls, store: Store, id: str) -> "Places":
        return cls(store.root / "containers" / id)

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def upper(self) -> Path:
        return self.folder / "upper"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def lower(self) -> Path:
        return self.folder / "lower"

    @property
    def rootfs(self) -> Path:
        return self.folder / "rootfs"

    @property
    def staged(self) -> Path:
        return self.folder / "staged"

    @property
    def reachable(self) -> Path:
        """Where the root of a container with --uidmap finds its root file system."""
        return Path("/run/warren-roots", self.id)

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def exit_file(self) -> Path:
        return self.folder / "exits" / self.id

    @property
    def frozen(self) -> Path:
        """It is there while an operation keeps the container frozen (freeze.py)."""
        return self.folder / "frozen"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def runtime_trace(self) -> Path:
        return self.folder / "trace.json"

    @property
    def runtime_log(self) -> Path:
        return self.folder / "runtime.log"

    @property
    def executions(self) -> Path:
        return self.folder / "execs"

    def make(self) -> None:
        """The folders; those that are there already are left as they are."""
        self.folder.parent.mkdir(mode=0o700, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for folder in (self.upper, self.work, self.lower, self.rootfs, self.exit_file.parent):
            folder.mkdir(exist_ok=True)
        for folder in (self.upper, self.rootfs):
            folder.chmod(0o755)

    def exit_code(self) -> int | None:
        """What conmon wrote; None if it has not."""
        try:
            return int(self.exit_file.read_text())
        except (OSError, ValueError):
            return None

    def pid_in(self, name: str) -> int:
        """The pid in a pid file; 0 if there is none."""
        try:
            return int((self.folder / name).read_text())
        except (OSError, ValueError):
            return 0
