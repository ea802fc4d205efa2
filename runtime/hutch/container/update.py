"""update: changes the limits of a container that is running, paused or created."""

from hutch import cgroups
from hutch.cgroups.layout import read
from hutch.container import status
from hutch.container.store import absolute
from hutch.errors import HostError, HutchError, StateError
from hutch.plan.resources_update import check_memory, compile_update, merged
from hutch.spec.check import check_resources, check_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.container.state import State
    from hutch.container.store import Store
    from hutch.spec.config import CheckedResources, Config, Resources


def change(
    store: "Store",
    id: str,
    resources: "Resources | str | None",
    *,
    l3_cache_schema: str = "",
    mem_bw_schema: str = "",
    warn: "Callable[[HutchError], None]",
) -> None:
    """Checks ``resources``, a linux.resources or the path of a file that has one ("-": standard
    input), and carries out ``update``. Errors about a file name it."""
    schemata = schemata_of(l3_cache_schema, mem_bw_schema)
    if not isinstance(resources, str):
        update(store, id, check_resources(resources or {})[0], schemata)
        return
    from hutch.spec.load import in_document, load_resources

    # Before standard input is read, which the ordinary interpreter could not read again.
    _choose_front(store.find(id).load_state())
    changes = load_resources(resources if resources == "-" else absolute(resources), warn)
    try:
        update(store, id, changes, schemata)
    except HutchError as error:
        in_document(error, "standard input" if resources == "-" else resources, "linux.resources")
        raise


def schemata_of(l3_cache_schema: str, mem_bw_schema: str) -> "list[tuple[str, str]]":
    """The lines that are given, each with the flag that gives it."""
    lines = [("--l3-cache-schema", l3_cache_schema), ("--mem-bw-schema", mem_bw_schema)]
    return [(flag, line) for flag, line in lines if line]


def update(
    store: "Store",
    id: str,
    changes: "CheckedResources",
    schemata: "list[tuple[str, str]] | None" = None,
) -> None:
    """Changes the limits in ``changes``, a checked ``linux.resources``. All other limits stay,
    device rules too, and a paused container stays paused. ``schemata`` are written to the
    container's group of resctrl; each is (the flag or field that asks for it, the line).

    The new limits are saved in the state, and the next update starts from them. Raises HutchError;
    if the kernel refuses a limit, those written before it stay in force.
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
            _choose_front(state)
            _change_limits(state, entry.load_config(), changes)
            entry.save_state(state)
        if schemata:
            from hutch.container import intel_rdt

            assert rdt is not None
            intel_rdt.change(rdt, schemata, intel_rdt.resctrl())
    finally:
        entry.release()


def _choose_front(state: "State") -> None:
    """Changes to the ordinary interpreter if the container has a systemd unit: D-Bus needs it."""
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
    """The limits of the container now: those of the last update, else those of its config."""
    kept = state.resources
    return config.get("linux", {}).get("resources", {}) if kept is None else kept
