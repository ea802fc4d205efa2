"""How much room a container takes."""

from hutch.engine.containers.records import Record
from hutch.engine.disk_use import tree_size
from hutch.engine.engine import Engine
from hutch.image.usage import Part


def sizes(engine: Engine, record: Record) -> tuple[int, int]:
    """The bytes of what it wrote, and those with its image."""
    from hutch.image.digest import Digest

    written = tree_size(str(engine.places(record).upper))
    image = engine.store.database.image(Digest.parse(record.manifest))
    return written, written + (image.size if image is not None else 0)


def usage(engine: Engine) -> list[Part]:
    """Containers, by what they wrote, pods if there are any, and volumes."""
    from hutch.engine.containers.listing import listed
    from hutch.engine.containers.records import RUNNING

    containers, volumes = Part("Containers"), Part("Local Volumes")
    for record in listed(engine, every=True):
        size = sizes(engine, record)[0]
        containers.count += 1
        containers.size += size
        containers.active += record.phase == RUNNING
        containers.reclaimable += 0 if record.phase == RUNNING else size
    for volume in engine.volumes.all():
        size = tree_size(str(engine.volumes.path(volume.name)))
        used = bool(engine.volumes.users(volume.name))
        volumes.count += 1
        volumes.size += size
        volumes.active += used
        volumes.reclaimable += 0 if used else size
    pods = Part("Pods")  # by the files that their containers share
    for pod in engine.pods.all():
        size = tree_size(str(engine.pods.folder(pod.id)))
        active = any(one.phase == RUNNING for one in engine.records.of_pod(pod.id))
        pods.count += 1
        pods.size += size
        pods.active += active
        pods.reclaimable += 0 if active else size
    return [containers, *([pods] if pods.count else []), volumes]
