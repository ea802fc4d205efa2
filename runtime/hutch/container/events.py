"""events: the statistics of a container at intervals, an event each time memory ran out, and how it
ended."""

import posix
from select import POLLIN, poll
from time import monotonic_ns

from hutch import cgroups
from hutch.container import status
from hutch.errors import HostError, StateError
from hutch.plan.cgroup_paths import Cgroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal, TypedDict

    from hutch.cgroups.stats_form import Statistics
    from hutch.container.ending import Ending
    from hutch.container.state import State
    from hutch.container.store import Store

    class Stats(TypedDict):
        """What the container uses."""

        type: Literal["stats"]
        id: str
        data: Statistics

    class Oom(TypedDict):
        """The kernel has killed a process because memory ran out."""

        type: Literal["oom"]
        id: str

    class End(TypedDict):
        """How the container ended: the last event."""

        type: Literal["end"]
        id: str
        data: Ending

    Event = Stats | Oom | End


MILLISECOND = 1_000_000
SECOND = 1_000_000_000
INT_MAX = (1 << 31) - 1


def statistics(store: "Store", id: str) -> "Statistics":
    """The statistics of a container. Raises StateError if it is not running, HostError if it has no
    cgroup."""
    return cgroups.stats(_watched(store, id)[1])


def events(store: "Store", id: str, seconds: float) -> "Iterator[Event]":
    """Yields statistics every so many ``seconds``, and an event each time that the kernel kills a
    process because memory ran out. Ends with an event when the container ends, which says how it
    did (container.ending.Ending). Raises StateError, HostError."""
    from hutch.cgroups.oom import oom_watch, ooms_told

    interval = int(seconds * SECOND)
    state, cgroup = _watched(store, id)
    pidfd = _first_process(state)
    killed = cgroups.oom_killed(cgroup)
    try:
        watch, event = oom_watch(cgroup)
    except HostError:
        # Without the memory controller there are no "oom" events, only statistics.
        watch, event = -1, 0
    try:
        waiting = poll()
        waiting.register(pidfd, POLLIN)
        if watch >= 0:
            waiting.register(watch, event)
        due = monotonic_ns() + interval
        while True:
            rest = max(0, due - monotonic_ns())
            # The timeout of poll(2) is an int of milliseconds: 24 days at most.
            ready = dict(waiting.poll(min(-(-rest // MILLISECOND), INT_MAX)))
            if watch in ready:
                for _ in range(ooms_told(cgroup, watch, killed)):
                    yield {"type": "oom", "id": id}
                killed = max(killed, cgroups.oom_killed(cgroup))
            if pidfd in ready:
                yield _end(store, state, pidfd)
                return
            if monotonic_ns() >= due:
                yield {"type": "stats", "id": id, "data": cgroups.stats(cgroup)}
                # If the reader was slow, the intervals that it has missed are left out.
                due = max(due + interval, monotonic_ns())
    finally:
        posix.close(pidfd)
        if watch >= 0:
            posix.close(watch)


def _end(store: "Store", state: "State", pidfd: int) -> "End":
    from hutch.container.ending import end_of
    from hutch.kernel.pidfd_info import status_of_ended

    status = status_of_ended(pidfd, state.pid)
    return {
        "type": "end",
        "id": state.id,
        "data": end_of(state, store.directory(state.id), status=status),
    }


def _watched(store: "Store", id: str) -> "tuple[State, Cgroup]":
    entry = store.find(id)
    state = entry.load_state()
    now = status.status_of(state, entry.directory)
    if now in (status.STOPPED, status.CREATING):
        raise StateError("container not running: " + id, id=id, status=now)
    cgroup = state.cgroup()
    if cgroup is None:
        raise HostError("container " + id + " has no cgroup, so nothing counts what it uses")
    return state, cgroup


def _first_process(state: "State") -> int:
    try:
        pidfd = posix.pidfd_open(state.pid)
    except ProcessLookupError:
        raise StateError("container not running: " + state.id, id=state.id) from None
    if not status.is_alive(state):
        posix.close(pidfd)
        raise StateError("container not running: " + state.id, id=state.id)
    return pidfd
