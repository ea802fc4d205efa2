"""Makes pods."""

import os
from typing import TYPE_CHECKING

from hutch.engine.containers.create import create
from hutch.engine.containers.names import made_up
from hutch.engine.containers.options import Options, bridged
from hutch.engine.engine import Engine
from hutch.engine.pods.infra import pause_image
from hutch.engine.pods.records import Pod, PodOptions, new_pod
from hutch.errors import UsageError

if TYPE_CHECKING:
    from hutch.images.image import Image


def create_pod(
    engine: Engine,
    wanted: PodOptions,
    infra: Options | None,
    name: str = "",
    *,
    infra_name: str = "",
    image: "Image | None" = None,
    id: str = "",
) -> Pod:
    """Makes a pod. ``infra`` says how its infra container is made: the networks, ports, and what
    the pod's containers inherit; None for a pod without one. ``image`` is that container's, None
    for ours; ``name`` and ``id`` "" make one up.

    Raises UsageError, Conflict if a name is taken, and the errors of ``containers.create``.
    """
    if not name:
        name = made_up({pod.name for pod in engine.pods.all()})
    pod = new_pod(name, wanted, id)
    if infra is None:
        engine.pods.add(pod)
    else:
        chosen = image or pause_image(engine)
        infra.image = chosen.name or chosen.id
        if pod.options.get("limits"):
            _together(pod, infra)
        _as_infra(pod, infra)
        create(
            engine,
            chosen,
            infra,
            infra_name or f"{pod.id[:12]}-infra",
            also=lambda record: engine.pods.add(pod),
        )
    engine.events.add("pod", "create", pod.id, {"name": pod.name})
    return pod


def _together(pod: Pod, infra: Options) -> None:
    """Puts the containers of a pod with limits into a cgroup that is the pod's. Raises UsageError,
    KernelError."""
    from hutch.engine.pods.limits import path_of, wanted
    from hutch.engine.rootless import rootless

    if rootless() and not infra.cgroup_parent:
        raise UsageError(
            "a pod with limits needs a cgroup that is yours, for all of its containers",
            hint="--cgroup-parent, with a cgroup that systemd or root has delegated to you",
        )
    wanted(pod)
    infra.cgroup_parent = pod.options["cgroup"] = path_of(infra.cgroup_parent, pod.id)


def _as_infra(pod: Pod, options: Options) -> None:
    """What makes a container the infra container of a pod."""
    options.pod, options.infra = pod.id, True
    options.hostname = options.hostname or pod.options.get("hostname", "")
    if not options.hostname:
        shared = options.network == "host" or options.uts_mode == "host"
        options.hostname = os.uname().nodename if shared else pod.name[:64]
    if options.uts_mode == "host":
        options.hostname = ""  # the host's own
    options.labels = {**pod.labels, **options.labels}
    options.read_only = True
    if "ipc" in pod.share and not options.ipc_mode:
        options.ipc_mode = "shareable"
    for wishes in options.networks:
        if bridged(options) and wishes["name"] != "bridge":
            wishes["aliases"] = [*wishes.get("aliases", []), pod.name]
