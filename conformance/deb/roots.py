"""Root file systems of Debian, made by debootstrap, in which commands run (enter.sh).

What a command changes is in a folder of its own above the root, so each begins with a clean one.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SUITES = {"bookworm": 12, "trixie": 13}
ENTER = Path(__file__).parent / "enter.sh"
CACHE = Path("~/.cache/hutch/debian")
DEFAULT = {"HOSTNAME": "root", "LOCALE": "C.UTF-8", "UMASK": "022"}


def mirror(sources: str) -> str:
    """The address of Debian in the text of apt's sources. Raises ValueError if there is none."""
    for line in sources.splitlines():
        words = line.split()
        if words[:1] in (["URIs:"], ["deb"]):
            found = next((word for word in words[1:] if word.startswith("http")), "")
            if found.rstrip("/").endswith("/debian"):
                return found
    raise ValueError("apt's sources name no mirror of Debian: an address that ends in /debian")


def sources() -> str:
    """The text of apt's sources on this machine."""
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    return "\n".join(file.read_text() for file in files if file.is_file())


def base(suite: str, folder: Path | None = None) -> Path:
    """The smallest root of a suite; it is made the first time. ``folder`` keeps it."""
    root = (folder or CACHE.expanduser()) / suite
    if not (root / "etc" / "debian_version").exists() or not (root / ".complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        root.parent.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", "--variant=minbase", suite, str(root), mirror(sources())]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        lines = (root / "etc" / "apt" / "sources.list").read_text()
        # Its updates too; the suite of security has another address.
        security = mirror(sources()).rstrip("/") + "-security"
        lines += f"deb {security} {suite}-security main\n"
        (root / "etc" / "apt" / "sources.list").write_text(lines)
        (root / ".complete").touch()
    return root


class Root:
    """A clean copy of a root: commands run in it, and files are copied in and out. ``folder`` has
    what they change, and must not exist yet. ``below`` are the folders of the root, that of the
    last changes first (overlayfs), and ``layers`` is the same with this root's own. With ``copied``
    the root is a copy of the one folder ``below``: in it, overlayfs can be used."""

    def __init__(
        self, below: str, folder: Path, settings: Mapping[str, str] = DEFAULT, copied: bool = False
    ) -> None:
        self.below = "" if copied else below
        self.folder = folder
        self.layers = f"{folder}/upper:{below}"
        self.top = folder / ("root" if copied else "upper")
        self.settings = {f"ROOT_{name}": value for name, value in settings.items()}
        folder.mkdir(parents=True)
        if copied:
            subprocess.run(["cp", "-a", below, self.top], check=True)
        else:
            self.top.mkdir()

    def run(self, *words: str, check: bool = True, quiet: bool = False) -> str:
        """Runs a command and returns what it prints. Raises CalledProcessError."""
        command = [str(ENTER), self.below, str(self.folder), *words]
        done = subprocess.run(
            command, check=False, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**os.environ, **self.settings},
        )  # fmt: skip
        if not quiet or (check and done.returncode):
            print(done.stdout, end="", flush=True)
        if check:
            done.check_returncode()
        return done.stdout

    def install(self, packages: Sequence[str], *options: str) -> None:
        """Installs packages, or files of packages in the root."""
        self.run("apt-get", "update", "-qq", quiet=True)
        command = ["apt-get", "install", "-y", "-qq", *options, *packages]
        self.run(*command, quiet=True)

    def put(self, source: Path, place: str) -> None:
        """Copies a file or a folder to an absolute path in the root."""
        target = self.top / place.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)

    def file(self, place: str) -> Path:
        """Where a file that a command has written is on this machine."""
        return self.top / place.lstrip("/")

    def remove(self) -> None:
        shutil.rmtree(self.folder)
