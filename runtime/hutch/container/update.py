"""update: other limits for a container that runs, is paused or is only created."""

from hutch import cgroups
from hutch.cgroups.layout import read
from hutch.container import status
from hutch.errors import HostError, StateError
from hutch.plan.resources_update import check_memory, compile_update, merged
from hutch.spec.check import check_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.state import State
    from hutch.container.store import Store
    from hutch.spec.config import CheckedResources, Config, Resources


def update(
    store: "Store",
    id: str,
    changes: "CheckedResources",
    schemata: "list[tuple[str, str]] | None" = None,
) -> None:
    """Changes the limits that ``changes``, a checked ``linux.resources``, gives; what it does not
    give stays, device rules too, and a paused container stays paused. ``schemata``, (who asks,
    line) each, go to the container's group of resctrl.

    The state remembers the outcome, from which the next update goes on. Raises HutchError; limits
    before the one that the kernel refused are in force then.
    """
    entry = store.open(id)
    try:
        state = entry.load_state()
        now = status.status_of(state, entry.directory)
        if now in (status.STOPPED, status.CREATING):
            raise StateError("container not running: " + id, id=id, status=now)
        rdt = state.rdt
        if schemata and not rdt:
            raise StateError(
                "container " + id + " is in no group of resctrl",
                id=id,
                status=now,
                hint="it has to be created with linux.intelRdt",
            )
        if changes:
            choose_front(state)
            _change_limits(state, entry.load_config(), changes)
            entry.save_state(state)
        if schemata:
            from hutch.container import intel_rdt

            assert rdt is not None
            intel_rdt.change(rdt, schemata, intel_rdt.resctrl())
    finally:
        entry.release()


def choose_front(state: "State") -> None:
    """Goes on in the ordinary interpreter if systemd has to be asked."""
    if status.has_systemd_unit(state):
        from hutch.front import use_interpreter

        use_interpreter()


def _change_limits(state: "State", config: "Config", changes: "CheckedResources") -> None:
    cgroup = state.cgroup()
    if cgroup is None:
        raise HostError("container " + state.id + " has no cgroup, so nothing limits it")
    before = resources_of(state, config)
    after = check_together(merged(before, changes))
    writes = compile_update(before, changes, read())
    if changes.get("memory", {}).get("limit"):
        check_memory(after, cgroups.memory_usage(cgroup))
    cgroups.update(cgroup, writes)
    if changes.get("devices"):
        cgroups.update_device_rules(cgroup, before.get("devices"), after["devices"])
    state.resources = after


def resources_of(state: "State", config: "Config") -> "Resources":
    """What limits the container now: the last update's outcome, or its config's resources."""
    kept = state.resources
    return config.get("linux", {}).get("resources", {}) if kept is None else kept
