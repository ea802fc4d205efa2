"""Checks of mounts that are made while a container lives: which of them the other side sees."""

import subprocess

from conformance.engines.checks import check, expect
from conformance.engines.engine import Engine
from conformance.engines.kernel import APPARMOR, mounts, shared_folder
from conformance.engines.lives import SLEEP, running
from conformance.engines.wish import Bind, Wrong

# Whether a mount of the host shows in the container, and one of the container on the host.
PRIVATE, SLAVE, SHARED = (False, False), (True, False), (True, True)


@check("files", "propagation: rprivate")
def _(engine: Engine) -> None:
    expect(propagation(engine, "rprivate"), (PRIVATE, PRIVATE))


@check("files", "propagation: rslave")
def _(engine: Engine) -> None:
    expect(propagation(engine, "rslave"), (SLAVE, SLAVE))


@check("files", "propagation: rshared")
def _(engine: Engine) -> None:
    expect(propagation(engine, "rshared"), (SHARED, SHARED))


@check("files", "propagation: private, not of the mounts below")
def _(engine: Engine) -> str:
    return alone(engine, "private", PRIVATE)


@check("files", "propagation: slave, not of the mounts below")
def _(engine: Engine) -> str:
    return alone(engine, "slave", SLAVE)


@check("files", "propagation: shared, not of the mounts below")
def _(engine: Engine) -> str:
    return alone(engine, "shared", SHARED)


def alone(engine: Engine, option: str, wanted: tuple[bool, bool]) -> str:
    """The option is that of the volume's own mount. A mount below keeps what it got from the
    propagation of the root, which the engine chooses: the same with every runtime."""
    own, below = propagation(engine, option)
    expect(own, wanted)
    return f"below: {below}"


def propagation(engine: Engine, option: str) -> tuple[tuple[bool, bool], tuple[bool, bool]]:
    """What shows of mounts in a volume with this option, and of mounts in a mount below it."""
    folder = shared_folder(engine.place.folder / "volume")
    below_it = folder / "below"
    below_it.mkdir(exist_ok=True)
    if str(below_it) not in mounts():
        # In a shared mount it is shared, too, and has other peers.
        subprocess.run(["mount", "-t", "tmpfs", "below", str(below_it)], check=True)
    places = ("", "below/")
    for place in places:
        for inner in ("host", "container"):
            (folder / place / inner).mkdir(exist_ok=True)
    wish = SLEEP.but(
        binds=(Bind(str(folder), "/vol", (option,)),), cap_add=("SYS_ADMIN",), seccomp="unconfined",
        # The engines' own profile denies mounts.
        apparmor="unconfined" if APPARMOR.exists() else "",
    )  # fmt: skip
    with running(engine, wish) as name:
        own, below = (shown(engine, name, str(folder), place) for place in places)
    return own, below


def shown(engine: Engine, name: str, folder: str, place: str) -> tuple[bool, bool]:
    """The same of one mount: ``place`` is its path in the volume, which ends with a slash."""
    host, container = f"{folder}/{place}host", f"{folder}/{place}container"
    subprocess.run(["mount", "-t", "tmpfs", "own", host], check=True)
    try:
        subprocess.run(["touch", f"{host}/seen"], check=True)
        inside = engine.exec(name, "test", "-e", f"/vol/{place}host/seen").code == 0
        done = engine.exec(name, "mount", "-t", "tmpfs", "own", f"/vol/{place}container")
        if done.code:
            raise Wrong(f"mount in the container: {done.err.strip()}")
        outside = container in mounts()
    finally:
        subprocess.run(["umount", host], check=True)
        subprocess.run(["umount", "-q", container], check=False)
    return inside, outside
