"""Making a container: its row, its folder and its volumes. Nothing runs yet."""

import os
from collections.abc import Callable

from hutch.engine.containers import id_maps, limits, selinux
from hutch.engine.containers.config import command_line, hostname_of
from hutch.engine.containers.conmon import hutch_program
from hutch.engine.containers.names import check_name, made_up
from hutch.engine.containers.options import MountOption, Options, bridged, by_pasta
from hutch.engine.containers.places import Places
from hutch.engine.containers.records import Record, holder, now
from hutch.engine.engine import Engine
from hutch.engine.errors import NoSuchPod
from hutch.engine.rootless import rootless
from hutch.errors import HostError, HutchError
from hutch.image.digest import Digest
from hutch.images.image import Image


def create(
    engine: Engine,
    image: Image,
    options: Options,
    name: str = "",
    *,
    also: Callable[[Record], None] | None = None,
) -> Record:
    """Makes a container of an image; ``name`` "" makes one up. ``also`` is called in the
    transaction that adds the container: what it writes is written with it, or not at all.

    Raises UsageError, Conflict if the name is taken, NoSuchContainer for another's namespaces,
    HostError for what this host does not have.
    """
    if options.pod and not options.infra:
        from hutch.engine.pods.member import join

        join(engine, options)
    execution = image.config.checked()
    command_line(options, execution)
    limits.check(options)
    if options.health or execution.get("Healthcheck"):
        from hutch.engine.containers.health import merged

        options.health = merged(options.health, execution.get("Healthcheck", {}))
    options.labels = {**execution.get("Labels", {}), **options.labels}
    check_network(engine, options)
    check_security_modules(options)
    id_maps.check(options)
    if options.userns_mode.startswith("container:"):
        id_maps.share(options, engine.records.find(options.userns_mode.partition(":")[2]).options)
    hutch_program(options.runtime)
    manifests = image_mounts(engine, options)
    id = os.urandom(32).hex()
    places = Places.of(engine.store, id)
    with engine.locked(id):
        places.make()
        try:
            with engine.store.database.transaction():
                taken = {record.name for record in engine.records.all()}
                record = Record(
                    id, check_name(name) if name else made_up(taken), str(image.digest), now(),
                    options,
                )  # fmt: skip
                inherited(engine, options)
                image_volumes(options, list(execution.get("Volumes", {})))
                used = name_volumes(engine, options)
                if also is not None:
                    also(record)
                if options.pod and engine.pods.get(options.pod) is None:
                    raise NoSuchPod(options.pod)  # it was removed just now
                engine.records.add(record)
                for manifest in manifests:
                    engine.store.database.hold(holder(id), manifest)
                engine.volumes.use(id, used)
                for wishes in options.networks:
                    engine.networks.attach(id, wishes)
                engine.events.of(record, "create")
        except BaseException:
            engine.store.discard(places.folder)
            raise
    return record


def check_network(engine: Engine, options: Options) -> None:
    """--network and what goes with it; a container's name becomes an id.

    Raises UsageError, NoSuchNetwork, StateError.
    """
    options.network = by_id(engine, options.network)
    options.pid_mode = by_id(engine, options.pid_mode)
    options.ipc_mode = by_id(engine, options.ipc_mode)
    options.uts_mode = by_id(engine, options.uts_mode)
    options.userns_mode = by_id(engine, options.userns_mode)
    if options.network.startswith("container:") and not options.hostname:
        # Its /etc/hosts knows only the other's name.
        other = engine.records.find(options.network.removeprefix("container:"))
        options.hostname, options.domainname = hostname_of(other), other.options.domainname
    if bridged(options):
        if rootless():
            raise HostError(
                f"--network {options.network}: bridges take root",
                hint="--network pasta, none, host or container:NAME",
            )
        from hutch.engine.network.manage import check_wishes, find_bridge

        for wishes in options.networks:
            network = find_bridge(engine, wishes["name"])
            wishes["name"] = network.name
            check_wishes(network, wishes)
        return
    if by_pasta(options):
        from hutch.engine.network.pasta import check

        check(options.network)
        return
    if options.ports or options.publish_all:
        engine.warn(
            HutchError(f"published ports are discarded when using {options.network} network mode")
        )
        options.ports, options.publish_all = [], False


def check_security_modules(options: Options) -> None:
    """Raises HostError if --security-opt wants a security module that the host has not."""
    if options.apparmor not in (None, "", "unconfined") and not enabled(
        "/sys/module/apparmor/parameters/enabled"
    ):
        raise HostError(
            f"--security-opt apparmor={options.apparmor}: AppArmor is not enabled on this host",
            hint="leave it out, or boot with AppArmor",
        )
    if options.selinux and not selinux.enabled():
        raise HostError(
            f"--security-opt label: SELinux is not enabled on this host, so the label"
            f" {options.selinux.rstrip(':')} cannot be applied",
            hint="leave it out, or boot with SELinux",
        )


def enabled(path: str) -> bool:
    try:
        with open(path, encoding="ascii") as file:
            return file.read(1) == "Y"
    except OSError:
        return False


def image_mounts(engine: Engine, options: Options) -> list[Digest]:
    """Finds the images of --mount type=image, which the container holds from now on.

    Raises ImageNotFound.
    """
    found = []
    for option in options.mounts:
        if option["kind"] == "image":
            digest = engine.images.find(option["source"]).digest
            option["manifest"] = str(digest)
            found.append(digest)
    return found


def by_id(engine: Engine, mode: str) -> str:
    """``container:NAME`` with the id for the name; other modes as they are."""
    kind, parted, name = mode.partition(":")
    return f"container:{engine.records.find(name).id}" if parted and kind == "container" else mode


def inherited(engine: Engine, options: Options) -> None:
    """--volumes-from: adds the binds and volumes of another container, except at places that this
    container already uses."""
    taken = {option["target"] for option in options.mounts}
    for text in options.volumes_from:
        name, _, mode = text.partition(":")
        for option in engine.records.find(name).options.mounts:
            if option["kind"] in ("bind", "volume") and option["target"] not in taken:
                copied: MountOption = {**option, "nocopy": True, "anonymous": False}
                if mode == "ro":
                    copied["readonly"] = True
                options.mounts.append(copied)
                taken.add(option["target"])


def image_volumes(options: Options, targets: list[str]) -> None:
    """An anonymous volume for each VOLUME of the image where nothing else is mounted."""
    taken = {option["target"].rstrip("/") for option in options.mounts}
    for target in targets:
        if target.startswith("/") and target.rstrip("/") not in taken:
            options.mounts.append({"kind": "volume", "source": "", "target": target})


def name_volumes(engine: Engine, options: Options) -> list[str]:
    """Makes the volumes that are missing; the names of all that are used."""
    used = []
    for option in options.mounts:
        if option["kind"] == "volume":
            if not option["source"]:
                option["anonymous"] = True
            option["source"] = engine.volumes.create(option["source"]).name
            used.append(option["source"])
    return used
