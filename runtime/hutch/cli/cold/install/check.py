"""Runs a container with an engine and the runtime that its configuration names.

The image is the demonstration's, a static program of some kilobytes that is part of hutch; so this
needs no registry.
"""

import json
import os
import secrets
import subprocess
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import hutch
from hutch.cli.cold.install.engines import ENGINES, Wanted
from hutch.cli.cold.install.toml_text import looked_up
from hutch.errors import HutchError

DEMO = Path(hutch.__path__[0]) / "libexec" / "demo-image"
PROGRAM = "/rabbit"  # native/demo/layout.py
LONGEST = 120  # seconds that one command of an engine may take


def check(engine: str, wanted: Wanted, path: str) -> str:
    """What was done with success. Raises HutchError with the engine's own message otherwise."""
    if engine not in _CHECKS:
        raise HutchError(
            f"--check is not possible for {engine}: none of its commands runs a container with a "
            "named runtime",
            hint=f"start a pod: crictl runp --runtime {wanted.name}",
        )
    return _CHECKS[engine](wanted, path)


def _docker(wanted: Wanted, path: str) -> str:
    known = json.loads(_output("docker", "info", "--format", "{{json .Runtimes}}") or "{}")
    if wanted.name not in known:
        raise HutchError(f"Docker has no runtime {wanted.name} yet", hint=ENGINES["docker"].reload)
    image = _name()
    with _Archive(image) as archive:
        _output("docker", "load", "--quiet", "--input", archive)
    try:
        _output("docker", "run", "--rm", "--network=none", f"--runtime={wanted.name}", image)
    finally:
        _output("docker", "rmi", image)
    return f"docker run --runtime {wanted.name}"


def _podman(wanted: Wanted, path: str) -> str:
    image = _name()
    with _Archive(image) as archive:
        _output("podman", "load", "--quiet", "--input", archive)
    try:
        name = f"--runtime={wanted.name}"
        _output("podman", name, "run", "--rm", "--network=none", image)
    finally:
        _output("podman", "rmi", image)
    return f"podman --runtime {wanted.name} run"


def _buildah(wanted: Wanted, path: str) -> str:
    image = _name()
    with _Archive(image) as archive:
        container = _output("buildah", "from", "--pull-never", f"docker-archive:{archive}").strip()
    try:
        name = f"--runtime={wanted.name}"
        _output("buildah", "run", name, "--network=none", container, "--", PROGRAM)
    finally:
        _output("buildah", "rm", container)
        _output("buildah", "rmi", image)
    return f"buildah run --runtime {wanted.name}"


def _containerd(wanted: Wanted, path: str) -> str:
    """containerd itself knows no names of runtimes, only its CRI plugin does. So this looks whether
    containerd reads our entry, and runs a container with the program that is in it."""
    shown = tomllib.loads(_output("containerd", "--config", path, "config", "dump"))
    plugins = looked_up(shown, ("plugins",))
    entries = [
        looked_up(plugin, ("containerd", "runtimes", wanted.name, "options", "BinaryName"))
        for plugin in (plugins.values() if isinstance(plugins, dict) else ())
    ]
    if wanted.program not in entries:
        raise HutchError(
            f"containerd does not find the runtime {wanted.name} in {path}",
            hint="is cri among disabled_plugins?",
        )
    for line in _output("ctr", "plugins", "ls").splitlines():
        fields = line.split()
        if "cri" in fields and fields[-1] != "ok":
            raise HutchError(
                f"containerd could not load its CRI plugin: {fields[-1]}",
                hint="its log has the reason",
            )
    image = _name()
    with _Archive(image) as archive:
        _output("ctr", "images", "import", archive)
    try:
        binary = f"--runc-binary={wanted.program}"
        _output("ctr", "run", "--rm", binary, image, image.rpartition("/")[2].partition(":")[0])
    finally:
        _output("ctr", "images", "rm", image)
    return f"ctr run --runc-binary {wanted.program}"


_CHECKS: dict[str, Callable[[Wanted, str], str]] = {
    "docker": _docker,
    "podman": _podman,
    "buildah": _buildah,
    "containerd": _containerd,
}


def _name() -> str:
    """A name that no other image has."""
    return f"localhost/hutch-check-{secrets.token_hex(4)}:latest"


class _Archive:
    """The image in a file that every engine can load, as long as it is entered."""

    def __init__(self, image: str) -> None:
        self.image = image
        self.folder = tempfile.TemporaryDirectory(prefix="hutch-check-")

    def __enter__(self) -> str:
        from hutch.images import Store

        path = os.path.join(self.folder.name, "image.tar")
        with Store(os.path.join(self.folder.name, "store")) as store:
            store.tag(store.pull(f"oci:{DEMO}:latest").image.id, self.image)
            store.save_to([self.image], path)
        return path

    def __exit__(self, *exception: object) -> None:
        self.folder.cleanup()


def _output(*words: str) -> str:
    """What a command prints. Raises HutchError with its message if it fails."""
    shown = " ".join(words)
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=LONGEST, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise HutchError(f"{words[0]} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise HutchError(f"{shown}: no end after {LONGEST} seconds") from None
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[-500:]
        raise HutchError(f"{shown}: exit status {done.returncode}: {said}")
    return done.stdout
