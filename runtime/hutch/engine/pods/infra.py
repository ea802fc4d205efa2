"""The infra container of a pod: its image, what must be there before it starts, and its end."""

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import hutch
from hutch.engine.containers import records as phases
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.engine.errors import NoSuchPod
from hutch.engine.pods.records import Pod
from hutch.errors import KernelError
from hutch.kernel.mounts import mount, unmount

if TYPE_CHECKING:
    from hutch.images.image import Image

MS_NOSUID, MS_NODEV, MNT_DETACH = 2, 4, 2
IMAGE = "localhost/warren-pause:" + hutch.__version__


def pause_image(engine: Engine) -> "Image":
    """The image of infra containers, put into the store if it is not there. It comes with this
    package."""
    from contextlib import closing

    from hutch.image.errors import ImageNotFound
    from hutch.image.transports import open_local

    try:
        return engine.images.find(IMAGE)
    except ImageNotFound:
        layout = Path(hutch.__path__[0]) / "libexec" / "pause-image"
        with closing(open_local(f"oci:{layout}:latest")) as source:
            return engine.images.add(source, IMAGE)


def infra_of(engine: Engine, pod: str) -> Record | None:
    """The infra container of a pod; None if it has none."""
    return next((one for one in engine.records.of_pod(pod) if one.options.infra), None)


def before_start(engine: Engine, record: Record) -> Record | None:
    """What a container of a pod needs before it starts: the infra container, which is to be started
    first (None if it is that itself); for that one the tmpfs of the pod are mounted, and its cgroup
    is made. Raises NoSuchPod, KernelError, HostError."""
    pod = engine.pods.get(record.options.pod)
    if pod is None:
        raise NoSuchPod(record.options.pod)
    if record.options.infra:
        mount_memory(engine, pod)
        if "cgroup" in pod.options:
            from hutch.engine.pods.limits import limit

            limit(pod)
        return None
    return infra_of(engine, pod.id)


def mount_memory(engine: Engine, pod: Pod) -> None:
    """Mounts the tmpfs of a pod that are not mounted. Raises KernelError."""
    for volume in pod.options.get("memory_volumes", []):
        place = engine.pods.volumes(pod.id) / volume["name"]
        place.mkdir(parents=True, exist_ok=True)
        if not os.path.ismount(place):
            size = f",size={volume['size']}" if volume["size"] else ""
            mount("tmpfs", str(place), "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777" + size)


def unmount_memory(engine: Engine, pod: Pod) -> None:
    """Unmounts them. Raises KernelError."""
    for volume in pod.options.get("memory_volumes", []):
        try:
            unmount(str(engine.pods.volumes(pod.id) / volume["name"]), MNT_DETACH)
        except KernelError as error:
            if error.errno not in (errno.EINVAL, errno.ENOENT):
                raise


def unneeded(engine: Engine, id: str) -> Record | None:
    """The infra container of a pod whose exit policy is ``stop``, if all others have ended."""
    pod = engine.pods.get(id)
    if pod is None or pod.exit_policy != "stop":
        return None
    members = engine.records.of_pod(id)
    others = [one for one in members if not one.options.infra and not one.options.init_container]
    over = (phases.EXITED, phases.DEAD, phases.REMOVING)
    if not others or any(one.phase not in over for one in others):
        return None
    return next((one for one in members if one.options.infra), None)
