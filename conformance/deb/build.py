"""Builds the source package and the binary package in a clean root."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from conformance.deb.roots import Root, base

PROJECT = Path(__file__).parents[2]
TOOLS = ["build-essential", "lintian"]
NAMED = re.compile(r"^(?P<name>\S+) \((?P<version>[^)]+)\)")


def last_date(changelog: str) -> str:
    """The date of the newest entry of debian/changelog (deb-changelog(5))."""
    return next(
        line.partition(">  ")[2] for line in changelog.splitlines() if line.startswith(" -- ")
    )


def name_and_version(changelog: str) -> tuple[str, str]:
    """The name and the version of the source package, from the text of debian/changelog."""
    found = NAMED.match(changelog)
    if found is None:
        raise ValueError(f"debian/changelog begins with {changelog.splitlines()[:1]}")
    return found["name"], found["version"]


def export(project: Path, folder: Path, time: int) -> None:
    """Copies the files that git knows to the new ``folder``, and stores the commit (setup.py).
    All have the same ``time`` (seconds since 1970), and modes that do not depend on the umask."""
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=project, text=True)
    for name in filter(None, names.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project / name, target)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=project, text=True)
    (folder / "commit").write_text(commit.strip())
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (time, time))


def prepared(suite: str, scratch: Path) -> Root:
    """A root of the suite with what the build needs, and the source package's tree in /source."""
    text = (PROJECT / "debian" / "changelog").read_text()
    time = subprocess.check_output(["date", "+%s", "-d", last_date(text)], text=True)
    root = Root(str(base(suite)), scratch / f"{suite}-prepared")
    export(PROJECT, scratch / f"{suite}-source", int(time))
    root.put(scratch / f"{suite}-source", "/source")
    root.install(TOOLS, "--no-install-recommends")
    root.run("apt-get", "build-dep", "-y", "-qq", "/source", quiet=True)
    return root


def build(tools: Root, folder: Path, place: str, settings: Mapping[str, str]) -> Root:
    """Builds the packages in the folder ``place`` of a root like ``tools``, and returns that root.
    What it changes is in the new ``folder``; ``settings`` are those of Root. Raises
    CalledProcessError."""
    name, version = name_and_version((PROJECT / "debian" / "changelog").read_text())
    root = Root(tools.layers, folder, settings)
    tree = f"{place}/{name}-{version}"
    root.run("sh", "-c", f"mkdir -p {place} && cp -a /source {tree}")
    command = (
        "dpkg-buildpackage --no-sign --build=full >../log 2>&1 || { tail -n 100 ../log; exit 1; }"
    )
    root.run("sh", "-c", f"cd {tree} && {command}", quiet=True)
    return root


def results(root: Root, place: str) -> list[Path]:
    """The files of the packages that were built in ``place``."""
    return sorted(path for path in root.file(place).iterdir() if path.is_file())
