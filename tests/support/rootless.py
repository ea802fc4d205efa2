"""warren as an ordinary user, with ids of a range or with a single one."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import ordinary_user
from tests.support.engines import Engine, eventually, make_image
from tests.support.networks import Machine, in_namespace

USER = 54322
FIRST, COUNT = 1_100_000, 65536


class Rootless(Engine):
    """warren as an ordinary user, with a store of its own; with a ``host`` in its network
    namespace."""

    host: Machine | None = None

    def command(self, *arguments: object) -> list[str]:
        words = super().command(*arguments)
        words = [*map(str, ordinary_user.as_user(words, USER, USER, self.home / "etc"))]
        return in_namespace(self.host.path, *words) if self.host else words

    def create(self, *words: object) -> list[str]:
        """No cgroup: this user may make none."""
        asked = any(str(word).startswith("--network") for word in words)
        return [*([] if asked else ["--network", "none"]), *map(str, words)]

    def holders(self) -> list[int]:
        """The processes that keep the namespaces of this store; another run has this user, too."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    holds = (folder / "comm").read_text() == "warren-holder\n"
                    words = (folder / "environ").read_bytes().split(b"\0")
                    if holds and b"HOME=" + os.fsencode(self.home) in words:
                        (folder / "exe").readlink()  # a zombie has none
                        found.append(int(folder.name))
                except OSError:
                    continue
        return found


@contextmanager
def rootless(ranges: bool, host: Machine | None = None) -> Iterator[Rootless]:
    """An ordinary user's engine with the image ``box``; nothing is left behind."""
    folder = Path(tempfile.mkdtemp(prefix="rootless-"))
    engine = Rootless(folder)
    engine.host = host
    (folder / "etc").mkdir()
    tun = folder / "etc" / "tun"  # as udev makes it: some machines have no udev
    os.mknod(tun, 0o666 | stat.S_IFCHR, os.makedev(10, 200))
    tun.chmod(0o666)
    for name in ("subuid", "subgid"):
        granted = f"{USER}:{FIRST}:{COUNT}\n" if ranges else ""
        (folder / "etc" / name).write_text(granted)
    users = Path("/etc/passwd").read_text() + f"plain:x:{USER}:{USER}::{folder}:/bin/sh\n"
    (folder / "etc" / "passwd").write_text(users)
    place = make_image(folder / "box")
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, USER, USER)
    try:
        engine.ok("pull", "-q", place)
        engine.image = "box:box"
        yield engine
        if ids := engine.ok("ps", "-aq", "--no-trunc").split():
            engine.ok("rm", "-f", "-v", *ids)
        eventually(lambda: not engine.traces() and not engine.holders())
        engine.ok("volume", "prune", "-a", "-f")
        engine.ok("rmi", "-a")
        assert engine.ok("system", "check", "-q") == ""
    finally:
        shutil.rmtree(folder)
