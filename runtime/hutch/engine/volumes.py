"""Volumes: folders with a name that outlive containers.

STORE/volumes/NAME/_data
"""

import os
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, cast

from hutch.engine.column import encode, parsed
from hutch.engine.containers.options import Options
from hutch.engine.errors import Conflict, NoSuchVolume
from hutch.errors import KernelError, UsageError, shown
from hutch.image.store import Store
from hutch.kernel.beneath import O_PATH, open_in_root

NAME = "[A-Za-z0-9][A-Za-z0-9_.-]*"


class Volume(NamedTuple):
    """One volume. ``anonymous``: nobody gave it a name, so it goes with its container (rm -v)."""

    name: str
    created: float
    anonymous: bool
    labels: dict[str, str]
    options: dict[str, str]


def _volume(row: tuple[object, ...]) -> Volume:
    name, created, anonymous, labels, options = row
    return Volume(
        str(name), float(str(created)), bool(anonymous), cast("dict[str, str]", parsed(labels)),
        cast("dict[str, str]", parsed(options)),
    )  # fmt: skip


def check_options(options: dict[str, str]) -> None:
    """The options of Docker's driver "local" that there are: a folder of the host (o=bind and
    device=PATH, type=none). Raises UsageError."""
    if not options:
        return
    words = options.get("o", "").split(",")
    rest = set(words) - {"bind", "rbind", "rw", "ro"}
    known = options.keys() <= {"type", "o", "device"} and options.get("type", "") in ("", "none")
    if not known or rest or not {"bind", "rbind"} & set(words):
        given = " ".join(f"{key}={value}" for key, value in options.items())
        raise UsageError(
            f"volume options {shown(given)}: there are only volumes of a folder of the host",
            hint="type=none, o=bind or o=bind,ro, device=PATH; or a tmpfs of a container",
        )
    if not options.get("device", "").startswith("/"):
        raise UsageError(f"volume option device={shown(options.get('device', ''))} is no path")


class Volumes:
    """The volumes of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.database = store.database
        self.folder = store.root / "volumes"

    def path(self, name: str) -> Path:
        """Where the volume's files are, unless they are in a folder of the host."""
        return self.folder / name / "_data"

    def source(self, name: str) -> tuple[Path, bool]:
        """What is mounted in containers; whether only for reading. Raises NoSuchVolume."""
        volume = self.get(name)
        if not volume.options:
            return self.path(name), False
        return Path(volume.options["device"]), "ro" in volume.options["o"].split(",")

    def all(self) -> list[Volume]:
        return [_volume(row) for row in self.database.rows("SELECT * FROM volume ORDER BY name")]

    def get(self, name: str) -> Volume:
        """Raises NoSuchVolume."""
        rows = self.database.rows("SELECT * FROM volume WHERE name = ?", name)
        if not rows:
            raise NoSuchVolume(name, [volume.name for volume in self.all()])
        return _volume(rows[0])

    def users(self, name: str) -> list[str]:
        """The ids of the containers that use it."""
        rows = self.database.rows(
            "SELECT container FROM container_volume WHERE volume = ? ORDER BY container", name
        )
        return [str(row[0]) for row in rows]

    def create(
        self,
        name: str = "",
        *,
        labels: dict[str, str] | None = None,
        options: dict[str, str] | None = None,
    ) -> Volume:
        """Makes a volume; without a name an anonymous one. One that is there is left as it is.

        Raises UsageError for a name that cannot be.
        """
        check_options(options or {})
        anonymous = not name
        name = name or os.urandom(32).hex()
        if not re.fullmatch(NAME, name):
            raise UsageError(
                f"{shown(name)} is no name of a volume",
                hint="letters, digits, and _ . - after the first; a path of the host begins with /",
            )
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self.path(name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise KernelError(f"make the volume {name}", "mkdir", error.errno) from None
        with self.database.transaction():
            known = self.database.rows("SELECT 1 FROM volume WHERE name = ?", name)
            self.database.rows(
                "INSERT OR IGNORE INTO volume VALUES (?, ?, ?, ?, ?)",
                name, time.time(), anonymous, encode(labels or {}), encode(options or {}),
            )  # fmt: skip
            if not known:
                self._tell("create", name)
            return self.get(name)

    def _tell(self, action: str, name: str) -> None:
        from hutch.engine.containers.events import Events

        Events(self.database).add("volume", action, name, {"driver": "local"})

    def use(self, container: str, names: list[str]) -> None:
        """Records that a container uses these volumes."""
        for name in names:
            self.database.rows(
                "INSERT OR IGNORE INTO container_volume VALUES (?, ?)", container, name
            )

    def remove(self, name: str, *, force: bool = False) -> None:
        """Removes a volume and its files. Raises NoSuchVolume (not with ``force``), Conflict."""
        with self.database.transaction():
            try:
                self.get(name)
            except NoSuchVolume:
                if force:
                    return
                raise
            if users := self.users(name):
                raise Conflict(
                    f"remove {name}: volume is in use - [{', '.join(users)}]",
                    hint="remove these containers first",
                )
            self.database.rows("DELETE FROM volume WHERE name = ?", name)
            self._tell("destroy", name)
        self.store.discard(self.folder / name)

    def prune(
        self, *, every: bool = False, meant: Callable[[Volume], bool] = lambda _: True
    ) -> tuple[list[str], int]:
        """Removes the anonymous volumes (with ``every``, all) that no container uses and that are
        ``meant``: their names, and the bytes that were in them."""
        from hutch.engine.disk_use import tree_size

        gone, freed = [], 0
        for volume in self.all():
            unused = (every or volume.anonymous) and not self.users(volume.name)
            if unused and meant(volume):
                freed += tree_size(str(self.path(volume.name)))
                self.remove(volume.name, force=True)
                gone.append(volume.name)
        return gone, freed

    def fill(self, name: str, root: int, target: str) -> None:
        """Copies what the image has at ``target`` into the volume if that is empty: content,
        owners, modes, extended attributes. Raises KernelError."""
        path, _ = self.source(name)
        if any(path.iterdir()):
            return
        try:
            source = open_in_root(root, target, O_PATH | os.O_DIRECTORY)
        except OSError:
            return  # the image has nothing there, or no folder
        try:
            status = os.stat(source)
            import subprocess

            done = subprocess.run(
                ["cp", "-a", "--no-target-directory", f"/proc/self/fd/{source}/.", str(path)],
                pass_fds=(source,), capture_output=True, check=False,
            )  # fmt: skip
            if done.returncode:
                raise UsageError(
                    f"copy the image's {target} into the volume {name}: "
                    + done.stderr.decode(errors="replace").strip()
                )
            os.chmod(path, stat.S_IMODE(status.st_mode))
            if os.geteuid() == 0:
                os.chown(path, status.st_uid, status.st_gid)
        finally:
            os.close(source)

    @staticmethod
    def give(path: Path, options: Options, root: int) -> None:
        """``:U``: the whole tree becomes the container's user's."""
        from hutch.image.users import resolve

        uid, gid, _ = resolve(root, options.user or "")
        for folder, names, files in os.walk(path):
            for name in [".", *names, *files]:
                os.chown(os.path.join(folder, name), uid, gid, follow_symlinks=False)

    def orphans(self) -> list[str]:
        """Folders of volumes that the database does not know: of a create that was killed."""
        known = {volume.name for volume in self.all()}
        if not self.folder.is_dir():
            return []
        return sorted(set(os.listdir(self.folder)) - known)
