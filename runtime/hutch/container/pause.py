"""pause and resume: the freezer of the container's cgroup."""

from hutch.container import status
from hutch.errors import HostError, StateError
from hutch.plan.cgroup_paths import Cgroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.store import Store


def pause(store: "Store", id: str) -> None:
    """Freezes all processes of a running or created container; returns when all are frozen. Raises
    StateError, HostError, KernelError or HutchError."""
    from hutch.cgroups import freeze

    freeze(_cgroup(store, id, (status.RUNNING, status.CREATED), "container not running"))


def resume(store: "Store", id: str) -> None:
    """Thaws a paused container. Raises StateError if it is not paused, HostError, KernelError."""
    from hutch.cgroups import thaw

    thaw(_cgroup(store, id, (status.PAUSED,), "container not paused"))


def _cgroup(store: "Store", id: str, wanted: "tuple[str, ...]", otherwise: str) -> Cgroup:
    entry = store.find(id)
    state = entry.load_state()
    now = status.status_of(state, entry.directory)
    if now not in wanted:
        raise StateError(otherwise + ": " + id + " is " + now, id=id, status=now)
    cgroup = state.cgroup()
    if cgroup is None:
        raise HostError("container " + id + " has no cgroup, so it cannot be frozen")
    return cgroup
