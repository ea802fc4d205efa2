"""``kube play`` and ``kube down``: makes the pods of a kube file, and removes them."""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from hutch.engine.containers.config import stop_signal
from hutch.engine.containers.create import create
from hutch.engine.containers.options import Options, bridged
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.engine.errors import NoSuchPod
from hutch.engine.network.records import PortOption, Wishes
from hutch.engine.pods.create import create_pod
from hutch.engine.pods.infra import mount_memory
from hutch.engine.pods.life import remove_pod, start_pod
from hutch.engine.pods.records import Pod
from hutch.engine.rootless import usual_network
from hutch.errors import HutchError, KernelError, UsageError
from hutch.kube.containers import ContainerPlan
from hutch.kube.documents import Document
from hutch.kube.node import Node
from hutch.kube.security import check_user
from hutch.kube.sources import Sources
from hutch.kube.volumes import check_host_path, give, make_volume
from hutch.kube.workloads import PodPlan, plans, shapes

if TYPE_CHECKING:
    from hutch.images.image import Image

ImageFor = Callable[[str, str], "Image"]


class Played(NamedTuple):
    """A pod that was made of a file: its containers in their order, and why it does not run."""

    pod: Pod
    containers: list[Record]
    error: HutchError | None = None


class PlayOptions(NamedTuple):
    """How a file is to be played: the networks of its pods (none for the usual one), ports beside
    those of the file, whether the pods are started, and whether those of their names go first."""

    networks: Sequence[Wishes] = ()
    publish: Sequence[PortOption] = ()
    start: bool = True
    replace: bool = False


def play(
    engine: Engine,
    documents: list[Document],
    sources: Sources,
    options: PlayOptions,
    image_for: ImageFor,
) -> list[Played]:
    """Makes and starts the pods of checked objects. ``image_for`` gives the image of a name, pulled
    "always", if it is "missing", or "never".

    Everything is checked before anything is made. A pod that cannot be made is not there; one that
    cannot be started stays, with its logs. Raises KubeError, UsageError, Conflict, ImageError.
    """
    wanted = plans(documents, sources, engine.pods.volumes)
    if not wanted:
        raise UsageError("the file has no pod, and nothing that makes one")
    if options.publish and len(wanted) > 1:
        raise UsageError(f"--publish: the file has {len(wanted)} pods, and one port leads to one")
    for plan in wanted:
        _prepare(plan, options)
    images = {
        (one.image, one.pull): image_for(one.image, one.pull)
        for plan in wanted for one in plan.containers
    }  # fmt: skip
    for plan in wanted:
        for volume in plan.volumes.values():
            if volume.kind == "image":
                pull = {"Always": "always", "Never": "never"}
                image_for(volume.source, pull.get(volume.node["pullPolicy"].text(), "missing"))
        for one in plan.containers:
            _check_image(one, images[one.image, one.pull])
    if options.replace:
        down(engine, documents)
    claims(engine, documents)
    found = []
    for plan in wanted:
        played = make(engine, plan, images)
        if options.start:
            try:
                start_pod(engine, played.pod)
            except HutchError as error:
                played = played._replace(error=error)
        found.append(played)
    return found


def _prepare(plan: PodPlan, options: PlayOptions) -> None:
    """The pod's networks and ports."""
    infra = plan.infra
    if infra.network == "host":
        if options.networks or options.publish:
            raise plan.node["hostNetwork"].wrong("conflicts with --network and --publish")
        return
    chosen = [Wishes(**one) for one in options.networks] or [Wishes(name=usual_network())]
    infra.network = chosen[0]["name"]
    if bridged(infra):
        infra.networks = chosen
    given = {(one["port"], one["protocol"]) for one in options.publish}
    infra.ports = [one for one in infra.ports if (one["port"], one["protocol"]) not in given]
    infra.ports += options.publish


def _check_image(plan: ContainerPlan, image: "Image") -> None:
    """What can only be checked once the image is there. Raises KubeError, UsageError."""
    execution = image.config.checked()
    user = plan.options.user if plan.options.user is not None else execution.get("User", "")
    check_user(plan.security, plan.spec["securityContext"], user)
    try:
        from hutch.spec.signal_names import signal_number

        signal_number(stop_signal(plan.options, execution))
    except UsageError as error:
        raise plan.spec["lifecycle"]["stopSignal"].wrong(error.reason) from None


def claims(engine: Engine, documents: Iterable[Document]) -> None:
    """A volume for each PersistentVolumeClaim, if there is none of its name."""
    for document in documents:
        if document.kind == "PersistentVolumeClaim":
            metadata = Node(document.title, document.body)["metadata"]
            engine.volumes.create(document.name, labels=metadata["labels"].labels())


def make(engine: Engine, plan: PodPlan, images: "dict[tuple[str, str], Image]") -> Played:
    """Makes a pod with its volumes and containers; after an error there is none."""
    for volume in plan.volumes.values():
        if volume.kind == "hostPath":
            check_host_path(volume, make=True)
    pod = create_pod(engine, plan.options, plan.infra, plan.name, id=plan.id)
    try:
        _make_volumes(engine, plan, pod)
        records = []
        for one in plan.containers:
            one.options.pod = pod.id
            image = images[one.image, one.pull]
            records.append(create(engine, image, one.options, f"{pod.name}-{one.name}"))
    except BaseException:
        remove_pod(engine, pod, force=True)
        raise
    return Played(pod, records)


def _make_volumes(engine: Engine, plan: PodPlan, pod: Pod) -> None:
    folder = engine.pods.volumes(pod.id)
    try:
        folder.mkdir(mode=0o700, parents=True)
        for volume in plan.volumes.values():
            if volume.kind == "persistentVolumeClaim":
                engine.volumes.create(volume.source)
            elif volume.kind not in ("hostPath", "image") and not volume.memory:
                make_volume(folder, volume, plan.group)
        mount_memory(engine, pod)
        for one in plan.containers:
            _make_subpaths(engine, one.options)
        for volume in plan.volumes.values():
            if plan.group is not None and volume.kind == "persistentVolumeClaim":
                give(engine.volumes.path(volume.source), plan.group)
            elif plan.group is not None and volume.kind == "emptyDir":
                give(folder / volume.name, plan.group)
    except OSError as error:
        named = f"make the volumes of the pod {plan.name}"
        raise KernelError(named, "open", error.errno, detail=str(error.filename or "")) from None


def _make_subpaths(engine: Engine, options: Options) -> None:
    """A folder for each subPath that is not there, as a kubelet makes it: with the mode of the
    volume, and below it, through no link that leads out of it."""
    import stat

    from hutch.image.limits import Budget
    from hutch.image.tree import Tree

    for option in options.mounts:
        subpath = option.get("subpath", "")
        if not subpath or option["kind"] == "image" or option.get("readonly"):
            continue
        source = option["source"]
        top = str(engine.volumes.path(source)) if option["kind"] == "volume" else source
        root = os.open(top, os.O_PATH | os.O_DIRECTORY)
        tree = Tree(root, Budget())
        try:
            if not _there(root, subpath):
                made = tree.parent(os.fsencode(subpath))[0]
                os.chmod(f"/proc/self/fd/{made}", stat.S_IMODE(os.stat(root).st_mode))
        finally:
            tree.close()
            os.close(root)


def _there(root: int, subpath: str) -> bool:
    from hutch.kernel.beneath import O_PATH, open_in_root

    try:
        os.close(open_in_root(root, subpath, O_PATH))
    except OSError:
        return False
    return True


class Down(NamedTuple):
    """What ``down`` has removed."""

    pods: list[Pod]
    volumes: list[str]


def down(engine: Engine, documents: Iterable[Document], *, force: bool = False) -> Down:
    """Stops and removes the pods of a file that are there; with ``force`` also the volumes of its
    claims. Raises the errors of ``remove_pod``."""
    pods: list[Pod] = []
    volumes: list[str] = []
    for document in documents:
        for shape in shapes(document):
            try:
                pod = engine.pods.find(shape.name)
            except NoSuchPod:
                continue
            if pod.name != shape.name:
                continue  # found by the beginning of its id
            remove_pod(engine, pod, force=True)
            pods.append(pod)
            volumes += shape.claims.values()
            for node in shape.spec["volumes"]:
                if claim := node["persistentVolumeClaim"]["claimName"].text():
                    volumes.append(claim)
        if document.kind == "PersistentVolumeClaim":
            volumes.append(document.name)
    gone: list[str] = []
    known = {volume.name for volume in engine.volumes.all()}
    for name in dict.fromkeys(volumes) if force else []:
        if name in known:
            engine.volumes.remove(name)
            gone.append(name)
    return Down(pods, gone)
