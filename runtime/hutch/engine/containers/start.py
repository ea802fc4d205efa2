"""Starting a container: its root is mounted, conmon has hutch create it, its program runs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hutch.engine.containers import records as phases
from hutch.engine.containers.clear import clear
from hutch.engine.containers.config import hostname_of, make_config
from hutch.engine.containers.conmon import Supervision, hutch_program, supervise
from hutch.engine.containers.finish import ended, finish, idle
from hutch.engine.containers.mounts import write_files
from hutch.engine.containers.options import bridged, by_pasta, probed
from hutch.engine.containers.places import Places, is_hutch, runtime_root
from hutch.engine.containers.records import Record, now
from hutch.engine.containers.rootfs import mount_rootfs
from hutch.engine.containers.selinux import refused
from hutch.engine.containers.truth import birth
from hutch.engine.engine import Engine
from hutch.engine.errors import Conflict, NoSuchContainer, StartFailed
from hutch.engine.rootless import keep, rootless
from hutch.errors import HostError, HutchError, KernelError
from hutch.spec.json import encode

if TYPE_CHECKING:
    from hutch.engine.network.wire import Wired

CLEANUP = ["container", "cleanup"]


def start(
    engine: Engine, id: str, created: "Callable[[Record, Places], None] | None" = None
) -> Record:
    """Starts a container, if it does not run yet.

    ``created`` is called when the container is complete but its program does not run yet: a caller
    that attaches in it loses no output. Raises StartFailed, and the errors of making the config.
    After an error the container is as it was, with the reason in its ``error``.
    """
    with engine.locked(id):
        record = finish(engine, id)
        if record is None:
            raise NoSuchContainer(id)
        if record.phase == phases.RUNNING:
            if record.paused:
                raise Conflict(
                    "cannot start a paused container, try unpause instead", id=id, status="paused"
                )
            return record
        record.stopping = False
        record.restarts = 0
        return start_locked(engine, record, created)


def start_locked(
    engine: Engine, record: Record, created: "Callable[[Record, Places], None] | None" = None
) -> Record:
    """Starts a container that does not run; the caller holds its lock."""
    places = engine.places(record)
    if rootless():
        keep(engine.store.root)
    if record.options.pod:
        from hutch.engine.pods.infra import before_start

        infra = before_start(engine, record)
        if infra is not None:
            start(engine, infra.id)
            if record.options.network == f"container:{infra.id}":
                from hutch.engine.pods.names import write_names

                write_names(engine, infra)
    record.phase, record.error, record.oom, record.paused = phases.STARTING, "", False, False
    record.ending = record.sent = ""
    record.runs += 1
    engine.records.save(record)
    try:
        wired = _make_ready(engine, record, places)
        options = record.options
        supervision = Supervision(
            places,
            record.name,
            hutch_program(options.runtime),
            runtime_root(engine.store.root, options.runtime),
            terminal=options.tty,
            stdin=options.interactive,
            leave_stdin_open=options.interactive and (options.tty or not options.stdin_once),
            log_driver=options.log_driver,
            log_size=options.log_size if options.log_files == 1 else 0,
            log_tag=options.log_tag,
            attended=str(engine.attended(record.id).path),
            trace=engine.timeline is not None and is_hutch(options.runtime),
            on_exit=[*engine.program, *CLEANUP, record.id, str(record.runs)],
            descriptors=wired.reserved.descriptors() if wired else (),
        )
        began = engine.step("wait for conmon and hutch create")
        try:
            record.pid = supervise(supervision)
        finally:
            if wired is not None:
                wired.reserved.close()  # conmon has them
        if engine.timeline is not None:
            engine.timeline.created(began, places.runtime_trace)
        engine.step("write down what runs")
        record.birth = birth(record.pid)
        record.conmon = places.pid_in("conmon.pid")
        record.conmon_birth = birth(record.conmon)
        record.started, record.finished, record.exit_code = now(), 0.0, 0
        engine.records.save(record)
        if wired is not None:
            engine.step("wait for links and addresses")
            wired.finish()
        if created is not None:
            created(record, places)
        engine.step("start the program")
        try:
            engine.runtime(record).start()
        except HutchError as error:
            raise StartFailed(error.sentence, status_of(error), hint=error.hint) from None
        if probed(options):
            from hutch.engine.containers import health

            health.prepare(engine, record)
        engine.step("write down that it runs")
        with engine.store.database.transaction():
            record.phase = phases.RUNNING
            engine.records.save(record, "phase")
            engine.events.of(record, "start")
        if options.log_files > 1:
            from hutch.engine.containers import log_files

            log_files.begin(places, record)
        if probed(options):
            health.begin(engine, record)
    except HutchError as error:
        _failed(engine, record, error)
        raise
    except BaseException:
        ended(engine, record)
        raise
    return record


def _failed(engine: Engine, record: Record, error: HutchError) -> None:
    try:
        clear(engine, record)
    except HutchError as another:
        engine.warn(another)  # the reason is the first one; the next start clears again
    record.phase = phases.EXITED
    record.pid, record.birth, record.finished = 0, "", now()
    record.error = error.sentence
    record.exit_code = error.status if isinstance(error, StartFailed) else 128
    with engine.store.database.transaction():
        engine.records.save(record)
    idle(engine)


def _make_ready(engine: Engine, record: Record, places: Places) -> "Wired | None":
    """The networks, and the bundle: root, files of /etc, config.json."""
    options = record.options
    places.make()
    joined: dict[str, int] = {}
    donor: Places | None = None
    for kind, mode in (
        ("network", options.network), ("pid", options.pid_mode), ("ipc", options.ipc_mode),
        ("uts", options.uts_mode), ("user", options.userns_mode),
    ):  # fmt: skip
        if mode.startswith("container:"):
            other = running(engine, mode.partition(":")[2])
            joined[kind] = other.pid
            if kind == "ipc":
                donor = shares_ipc(engine, other)
    clear(engine, record)  # if an earlier run was not cleaned up
    engine.step("mount the root file system")
    mount_rootfs(engine.store, record.manifest, places, options, volatile=options.auto_remove)
    image = engine.image_config(record)
    wired, namespace = None, ""
    if bridged(options):
        engine.step("begin to make links and addresses")
        from hutch.engine.network.etc import write_etc
        from hutch.engine.network.wire import wire

        wired = wire(engine, record, image.checked().get("ExposedPorts", {}))
        namespace = wired.namespace
        write_etc(engine, record)
    elif by_pasta(options):
        engine.step("start pasta")
        from hutch.engine.network.pasta import connect

        namespace = connect(engine, record, image.checked().get("ExposedPorts", {}))
    else:
        write_files(options, places, hostname_of(record))
    if refused(options):
        engine.warn(HostError(
            "SELinux does not let the label of this process start confined containers: this one"
            " has no label of its own",
            hint="run warren with a label that may, such as container_runtime_t's",
        ))  # fmt: skip
    engine.step("write config.json")
    config = make_config(record, image, places, engine.volumes, joined, donor, namespace)
    try:
        places.config.write_text(encode(config), encoding="utf-8")
    except OSError as error:
        raise KernelError(f"write {places.config}", "write", error.errno) from None
    return wired


def running(engine: Engine, id: str) -> Record:
    """Another container. Raises Conflict if it does not run."""
    other = engine.records.find(id)
    if other.phase != phases.RUNNING or not birth(other.pid) == other.birth:
        raise Conflict(
            f"cannot join the namespaces of container {other.name}: it is not running",
            id=other.id,
            hint=f"warren start {other.name}",
        )
    return other


def shares_ipc(engine: Engine, other: Record) -> Places:
    """Where the other's /dev/shm is. Raises Conflict unless it runs with --ipc shareable."""
    if other.options.ipc_mode != "shareable":
        raise Conflict(
            f"cannot join the IPC namespace of container {other.name}: it is not shareable",
            id=other.id,
            hint="run that one with --ipc shareable",
        )
    return engine.places(other)


def status_of(error: HutchError) -> int:
    """Docker's exit status of ``run`` for a program that was not executed."""
    from errno import ENOENT

    from hutch.spec.pointer import is_under

    if is_under(error.pointer, "process.args"):
        return 127 if error.errno in (0, ENOENT) else 126
    return 125
