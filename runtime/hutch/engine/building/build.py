"""Builds images from Dockerfiles by Debian's buildah, with hutch as its runtime."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from hutch.engine.building.dockerfile import images_of, needs_dockers_format
from hutch.engine.containers.conmon import hutch_program
from hutch.engine.disk_use import tree_size
from hutch.engine.engine import Engine
from hutch.engine.rootless import rootless
from hutch.errors import HostError, HutchError, KernelError, UsageError, shown
from hutch.image.errors import ImageNotFound
from hutch.image.platform import Platform
from hutch.image.progress import Reporter
from hutch.images import Image

READ = 64 << 10
FILES = ("Containerfile", "Dockerfile")  # what buildah looks for
# What ours are called, and buildah's.
NETWORKS = {"bridge": "private", "host": "host", "none": "none"}
DOCKERFILE_BYTES = 16 << 20


class BuildFailed(HutchError):
    """A step of a Dockerfile failed, or the Dockerfile is wrong."""


class Wanted(NamedTuple):
    """What is to be built. ``context`` is a folder; ``dockerfile`` a path in it, or an absolute
    one; ``network`` is one of NETWORKS; ``flags`` are for buildah as they are."""

    context: Path
    dockerfile: str = ""
    names: Sequence[str] = ()
    arguments: dict[str, str] = {}  # noqa: RUF012
    target: str = ""
    platform: str = ""
    network: str = "bridge"
    cache: bool = True
    pull: bool = False
    flags: Sequence[str] = ()


def build(engine: Engine, wanted: Wanted, output: Callable[[bytes], None]) -> Image:
    """Builds an image; ``output`` is given what buildah and the steps say, as it comes.

    Raises BuildFailed, HostError, UsageError, and what a pull raises.
    """
    program = buildah()
    file = find_dockerfile(wanted)
    platform = Platform.parse(wanted.platform) if wanted.platform else Platform.host()
    text = read(file)
    if wanted.network not in NETWORKS:
        raise UsageError(
            f"{shown(wanted.network)} is no network of builds: there are {', '.join(NETWORKS)}"
        )
    with scratch(engine) as work:
        names = images_of(text, wanted.arguments, platform)
        bases = [bring(engine, program, name, wanted, work) for name in names]
        dockers = needs_dockers_format(text) or any(
            "Healthcheck" in base.config.execution for base in bases
        )
        log = work / "hutch.log"
        line = [
            *store(engine, program), "build", "--isolation", "oci", "--runtime", hutch_program(""),
            "--runtime-flag", f"log={log}", "--network", NETWORKS[wanted.network],
            "--format", "docker" if dockers else "oci",
            "--pull-never", f"--layers={str(wanted.cache).lower()}", "--iidfile", str(work / "id"),
            "--file", str(file), *(["--no-cache"] if not wanted.cache else []),
            *(["--target", wanted.target] if wanted.target else []),
            *(["--platform", wanted.platform] if wanted.platform else []),
            *(f"--build-arg={name}={value}" for name, value in wanted.arguments.items()),
            *wanted.flags, str(wanted.context),
        ]  # fmt: skip
        run(line, output, log)
        id = (work / "id").read_text().strip().removeprefix("sha256:")
        return fetch(engine, program, id, wanted.names, work)


def buildah() -> str:
    """The program. Raises HostError if it is not there, or cannot be used."""
    if rootless():
        raise HostError("builds take root so far", hint="buildah build, then warren pull oci:...")
    found = shutil.which("buildah")
    if found is None:
        raise HostError(
            "buildah is not installed; it builds images for warren", hint="apt-get install buildah"
        )
    return found


def store(engine: Engine, program: str) -> list[str]:
    """buildah with its own store, in a folder of ours, and with its own mounts: those of its store
    would stay."""
    folder = engine.store.root / "build"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise KernelError(f"make {folder}", "mkdir", error.errno) from None
    return [
        "unshare", "--mount", "--propagation", "slave", program, "--root", str(folder / "storage"),
        "--runroot", str(folder / "run"), "--storage-driver", "overlay",
    ]  # fmt: skip


@contextmanager
def scratch(engine: Engine) -> Iterator[Path]:
    """A folder for this build."""
    place = engine.store.work / f"build-{os.getpid()}-{os.urandom(4).hex()}"
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def find_dockerfile(wanted: Wanted) -> Path:
    """Its path. Raises UsageError if there is none, or if it leaves the context by a link."""
    names = [wanted.dockerfile] if wanted.dockerfile else FILES
    for name in names:
        place = wanted.context / name
        if place.is_file():
            inside = place.resolve().is_relative_to(wanted.context.resolve())
            if not inside and not os.path.isabs(name):
                raise UsageError(f"{shown(name)} is not in the context of the build")
            return place
    what = wanted.dockerfile or "Dockerfile"
    raise UsageError(f"{shown(what)}: the context of the build has no such file")


def read(file: Path) -> str:
    """A Dockerfile's text. Raises UsageError."""
    with open(file, "rb") as opened:
        text = opened.read(DOCKERFILE_BYTES + 1)
    if len(text) > DOCKERFILE_BYTES:
        raise UsageError(f"{shown(file.name)} is longer than {DOCKERFILE_BYTES} bytes")
    return text.decode(errors="replace")


def bring(engine: Engine, program: str, name: str, wanted: Wanted, work: Path) -> Image:
    """Gives buildah an image of ours, which is pulled if it is not there, under the name that the
    Dockerfile has for it. Returns the image."""
    try:
        if wanted.pull:
            raise ImageNotFound(name)
        image = engine.images.find(name)
    except ImageNotFound:
        image = engine.images.pull(name, platform=wanted.platform or None).image
    place = work / "base"
    if image.names:  # our store is a layout that buildah can read
        source = f"oci:{engine.store.layout_root}:{image.names[0]}"
    else:
        engine.images.save_layout([image.id], place)
        source = f"oci:{place}"
    base = store(engine, program)
    said([*base, "tag", said([*base, "pull", "--quiet", source]), name.partition("@")[0]])
    shutil.rmtree(place, ignore_errors=True)
    return image


def said(line: list[str]) -> str:
    """What a short command of buildah prints. Raises HutchError if it fails."""
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise HutchError(f"buildah: {last_line(done.stderr)}")
    return done.stdout.decode(errors="replace").strip()


def run(line: list[str], output: Callable[[bytes], None], log: Path) -> None:
    """Runs a build. If ``output`` raises, as for a client that is gone, the build is ended."""
    with subprocess.Popen(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, cwd="/",
    ) as child:  # fmt: skip
        assert child.stdout is not None
        end = b""
        try:
            while data := os.read(child.stdout.fileno(), READ):
                end = (end + data)[-READ:]
                output(data)
        except BaseException:
            # Its first signal lets buildah remove what it has begun.
            child.terminate()
            raise
        status = child.wait()
    if status:
        reasons = log.read_text(errors="replace").splitlines() if log.exists() else []
        errors = [one for one in reasons if "level=error" in one]
        raise BuildFailed(last_line(end), hint=errors[-1] if errors else "")


def last_line(text: bytes) -> str:
    """The sentence with which buildah ends."""
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("Error: ") if lines else "it failed, and said nothing"


def fetch(engine: Engine, program: str, id: str, names: Sequence[str], work: Path) -> Image:
    """Moves an image of buildah's into our store, under its names."""
    from hutch.image.dir_layout import DirSource

    place = work / "built"
    said([*store(engine, program), "push", "--quiet", "--disable-compression", id, f"dir:{place}"])
    images = engine.images
    before, images.reporter = images.reporter, Reporter()  # it is no pull to tell of
    try:
        with closing(DirSource(place)) as source:
            image = images.add(source, names[0] if names else "")
    finally:
        images.reporter = before
    for name in names[1:]:
        engine.images.tag(image.id, name)
    return image


def prune(engine: Engine) -> int:
    """Removes buildah's cache, and the images that it was given. Returns the bytes that are free
    now; they are in our store again with the next build."""
    folder = engine.store.root / "build"
    if not folder.exists():
        return 0
    before = tree_size(str(folder))
    with suppress(HutchError):  # "in use": a build goes on
        said([*store(engine, buildah()), "rmi", "--all", "--force"])
    return max(0, before - tree_size(str(folder)))
