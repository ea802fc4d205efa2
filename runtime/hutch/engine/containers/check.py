"""Checking the engine's part of a store: rows against folders, mounts and the kernel."""

from pathlib import Path

from hutch.engine.containers.finish import refresh
from hutch.engine.containers.places import Places
from hutch.engine.containers.rootfs import unmount_rootfs
from hutch.engine.containers.staging import unstage
from hutch.engine.engine import Engine
from hutch.engine.network.check import check_networks
from hutch.engine.pods.check import check_pods
from hutch.image.check import Checker, names_but


def check(engine: Engine, checker: Checker) -> None:
    """Tells the checker what is wrong with containers and volumes. What an act that was killed has
    left is put right by looking, as by every other command; the rest with ``repair``."""
    for record in engine.records.all():
        current = refresh(engine, record)
        if not engine.places(current).folder.is_dir() and engine.records.get(current.id):
            checker.find(f"container {current.name}: its folder is missing")
    check_pods(engine, checker)
    check_networks(engine, checker)
    for id in unknown(engine):
        lock = engine.store.lock("container-" + id)
        if not lock.acquire(wait=False):
            continue  # it is being made
        try:
            _stray(engine, checker, Places.of(engine.store, id))
        finally:
            lock.release()
    for volume in engine.volumes.all():
        path = engine.volumes.path(volume.name)
        if not path.is_dir():

            def make(path: Path = path) -> str:
                path.mkdir(parents=True, exist_ok=True)
                return "made anew, empty"

            checker.find(f"volume {volume.name}: its folder is missing", make)
    for name in engine.volumes.orphans():
        folder = engine.volumes.folder / name

        def discard(folder: Path = folder) -> str:
            engine.store.discard(folder)
            return "removed"

        data = folder / "_data"
        empty = not data.is_dir() or not any(data.iterdir())
        checker.find(
            f"volume {name}: nobody knows it" + ("" if empty else f"; its files are in {data}"),
            discard if empty else None,
        )


def unknown(engine: Engine) -> list[str]:
    """Folders of containers that no row has."""
    known = {record.id for record in engine.records.all()}
    return names_but(engine.store.root / "containers", known)


def _stray(engine: Engine, checker: Checker, places: Places) -> None:
    """A folder of a container that is none: of a create that was killed, or from before the
    database was lost; what a container wrote is not thrown away."""
    if engine.records.get(places.id) is not None:
        return
    empty = not places.upper.is_dir() or not any(places.upper.iterdir())

    def discard() -> str:
        unmount_rootfs(places)
        unstage(places)
        engine.store.discard(places.folder)
        return "removed"

    checker.find(
        f"container {places.id[:12]}: nobody knows it"
        + ("" if empty else f"; what it wrote is in {places.upper}"),
        discard if empty else None,
    )
