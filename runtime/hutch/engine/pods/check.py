"""Checking the pods of a store: rows against containers and folders."""

import os
from pathlib import Path

from hutch.engine.engine import Engine
from hutch.engine.pods.infra import MNT_DETACH
from hutch.image.check import Checker, names_but
from hutch.kernel.mounts import unmount


def check_pods(engine: Engine, checker: Checker) -> None:
    """Tells the checker what is wrong with pods. Only the loss of rows makes containers without a
    pod, or a pod without its infra container; a killed removal can leave a folder."""
    pods = {pod.id: pod for pod in engine.pods.all()}
    infra = {record.options.pod for record in engine.records.all() if record.options.infra}
    for record in engine.records.all():
        id = record.options.pod
        if id and id not in pods:
            checker.find(
                f"container {record.name}: its pod {id[:12]} is gone: commit or copy what is"
                f" wanted of it, and warren rm {record.name}"
            )
        elif id and id not in infra and record.options.network.startswith("container:"):
            name = pods[id].name
            checker.find(
                f"pod {name}: its infra container is gone, so {record.name} cannot start:"
                f" warren pod rm {name}"
            )
    for id in unknown(engine):
        lock = engine.store.lock("pod-" + id)
        if lock.acquire(wait=False):
            try:
                _stray(engine, checker, id)
            finally:
                lock.release()


def unknown(engine: Engine) -> list[str]:
    """Folders of pods that no row has."""
    return names_but(engine.store.root / "pods", {pod.id for pod in engine.pods.all()})


def _stray(engine: Engine, checker: Checker, id: str) -> None:
    """A folder of a pod that is none: its files are not thrown away."""
    if engine.pods.get(id) is not None:
        return
    folder = engine.pods.folder(id)
    mounts = [one for one in engine.pods.volumes(id).glob("*") if os.path.ismount(one)]
    kept = [Path(top, name) for top, _, names in os.walk(folder) for name in names
            if not any(Path(top).is_relative_to(one) for one in mounts)]  # fmt: skip

    def discard() -> str:
        for one in mounts:
            unmount(str(one), MNT_DETACH)
        engine.store.discard(folder)
        return "removed"

    checker.find(
        f"pod {id[:12]}: nobody knows it" + (f"; its files are in {folder}" if kept else ""),
        None if kept else discard,
    )
