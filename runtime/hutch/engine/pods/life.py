"""What is done to all containers of a pod."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from hutch.engine.containers import records as phases
from hutch.engine.containers.finish import refresh
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.engine.errors import Conflict, StartFailed
from hutch.engine.pods.infra import infra_of, unmount_memory, unneeded
from hutch.engine.pods.records import Pod
from hutch.errors import HutchError

LIVING = (phases.RUNNING, phases.STARTING, phases.RESTARTING)


def members(engine: Engine, pod: Pod) -> list[Record]:
    """The containers of a pod as the kernel shows them: the infra container first, then those made
    first."""
    found = [refresh(engine, record) for record in engine.records.of_pod(pod.id)]
    return sorted(found, key=lambda record: not record.options.infra)


def tell(engine: Engine, pod: Pod, action: str) -> None:
    """Writes an event of the pod."""
    engine.events.add("pod", action, pod.id, {"name": pod.name})


def start_pod(engine: Engine, pod: Pod) -> None:
    """Starts the containers of a pod that do not run: the infra container, then the init
    containers, each of which must end with 0 before the next starts, then the others in the order
    in which they were made. Raises StartFailed."""
    from hutch.engine.containers.start import start
    from hutch.engine.containers.stop import stop, wait

    with engine.pods.locked(pod.id):
        found = members(engine, pod)
        own = [one for one in found if not one.options.init_container]
        began = any(one.phase in LIVING for one in own if not one.options.infra)
        for record in own[:1]:
            if record.options.infra:
                start(engine, record.id)
        for record in found:
            kind = record.options.init_container
            # Those of a pod that goes on are over; "once" is once in the life of the pod.
            if not kind or began or (kind == "once" and record.runs and record.exit_code == 0):
                continue
            with engine.attending(record.id):
                start(engine, record.id)
                code = wait(engine, record)
            if code:
                raise StartFailed(
                    f"init container {record.name} ended with {code}, so the pod {pod.name} was"
                    " not started", 125, hint=f"warren logs {record.name}",
                )  # fmt: skip
        for record in own:
            if record.phase not in LIVING:
                start(engine, record.id)
        tell(engine, pod, "start")
        infra = unneeded(engine, pod.id)
        if infra is not None:
            stop(engine, infra)


def stop_pod(engine: Engine, pod: Pod, seconds: float | None = None) -> None:
    """Stops the containers of a pod, all at the same time, and the infra container after them."""
    with engine.pods.locked(pod.id):
        _stop(engine, pod, seconds)
        tell(engine, pod, "stop")


def _stop(engine: Engine, pod: Pod, seconds: float | None) -> None:
    from hutch.engine.containers.stop import stop

    found = members(engine, pod)
    together(
        [one for one in found if not one.options.infra], lambda one: stop(engine, one, seconds)
    )
    for record in found:
        if record.options.infra:
            stop(engine, record, seconds)


def together(records: list[Record], act: Callable[[Record], object]) -> None:
    """Does ``act`` to containers at the same time. Raises the first error, once all are done."""
    if records:
        with ThreadPoolExecutor(len(records)) as pool:
            done = [pool.submit(act, record) for record in records]
        for one in done:
            one.result()


def restart_pod(engine: Engine, pod: Pod) -> None:
    """Stops a pod and starts it again."""
    stop_pod(engine, pod)
    start_pod(engine, pod)


def kill_pod(engine: Engine, pod: Pod, sig: str = "KILL") -> None:
    """Sends a signal to the first process of each container that runs. Raises Conflict if none
    does."""
    from hutch.engine.containers.stop import kill

    _each(engine, pod, "running", lambda record: kill(engine, record, sig), at_end=True)
    tell(engine, pod, "kill")


def pause_pod(engine: Engine, pod: Pod) -> None:
    """Freezes the containers that run. Raises Conflict if none does."""
    from hutch.engine.containers.stop import pause

    _each(engine, pod, "running", lambda record: pause(engine, record), paused=False)
    tell(engine, pod, "pause")


def unpause_pod(engine: Engine, pod: Pod) -> None:
    """Thaws the containers that are frozen. Raises Conflict if none is."""
    from hutch.engine.containers.stop import unpause

    _each(engine, pod, "paused", lambda record: unpause(engine, record), paused=True)
    tell(engine, pod, "unpause")


def _each(
    engine: Engine, pod: Pod, wanted: str, act: Callable[[Record], object],
    *, paused: bool | None = None, at_end: bool = False,
) -> None:  # fmt: skip
    """Does ``act`` to the containers that run (``paused``: and are frozen, or are not); the infra
    container first, or last."""
    with engine.pods.locked(pod.id):
        found = [one for one in members(engine, pod) if one.phase == phases.RUNNING
                 and paused in (None, one.paused)]  # fmt: skip
        if not found:
            raise Conflict(f"pod {pod.name} has no container that is {wanted}", id=pod.id)
        for record in reversed(found) if at_end else found:
            act(record)


def remove_pod(
    engine: Engine, pod: Pod, *, force: bool = False, seconds: float | None = None
) -> None:
    """Removes a pod with its containers and their anonymous volumes; with ``force`` also if some
    run: they are stopped first, or killed after ``seconds`` (None: each after its own time).

    If this is killed, the pod has fewer containers, and a second call goes on. Raises Conflict.
    """
    from hutch.engine.containers.remove import remove
    from hutch.engine.pods.limits import unlimit

    with engine.pods.locked(pod.id):
        living = [one for one in members(engine, pod) if one.phase in LIVING]
        busy = [one for one in living if not one.options.infra]
        if busy and not force:
            raise Conflict(
                f"pod {pod.name} has running containers: {', '.join(one.name for one in busy)}",
                id=pod.id, hint=f"warren pod rm --force {pod.name}, or warren pod stop {pod.name}",
            )  # fmt: skip
        if living:
            _stop(engine, pod, seconds)
        for record in reversed(members(engine, pod)):  # the infra container last
            remove(engine, record, force=True, volumes=True, with_pod=True)
        unmount_memory(engine, pod)
        unlimit(pod)
        engine.pods.remove(pod.id)
    tell(engine, pod, "remove")


def prune_pods(engine: Engine, failed: Callable[[Pod, HutchError], None]) -> list[Pod]:
    """Removes the pods of which no container runs but perhaps the infra container; those that are
    gone. ``failed`` is told of each that could not be removed."""
    gone = []
    for pod in engine.pods.all():
        if any(one.phase in LIVING for one in members(engine, pod) if not one.options.infra):
            continue
        infra = infra_of(engine, pod.id)
        if infra is not None and infra.phase in LIVING and len(members(engine, pod)) == 1:
            continue  # a pod that was started, and waits for its first container
        try:
            remove_pod(engine, pod, force=True)
        except HutchError as error:
            failed(pod, error)
        else:
            gone.append(pod)
    return gone


def named(engine: Engine, names: Iterable[str]) -> list[Pod]:
    """The pods of these names or ids; all if none is given. Raises NoSuchPod."""
    chosen = list(names)
    return [engine.pods.find(name) for name in chosen] if chosen else engine.pods.all()
