"""A plan: all that will be done for a container, as data."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

    from hutch.errors import HutchError
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.hooks import Hook
    from hutch.plan.idmap import Idmap
    from hutch.plan.intel_rdt import Rdt
    from hutch.plan.operations import Operation
    from hutch.plan.resources import CgroupWrite
    from hutch.spec.config import DeviceRule

# The barriers at which hutch-init waits for the runtime.
NAMESPACES = 1  # the namespaces are there: id maps and time offsets are written
MOUNTED = 2  # the mounts stand: prestart and createRuntime hooks run
NETWORK = 4  # the network namespace is there: devices are moved into it
CREATED = 3  # nothing is left but `start`

BARRIERS = {NAMESPACES: "namespaces", MOUNTED: "mounted", CREATED: "created", NETWORK: "network"}


# What asks for an operation where no field of config.json does.
TRACE = "runtime: --trace"
SESSION = "security: a session of its own"
PROCFS = "security: a verified procfs"
KEYRING = "default: a session keyring of its own"
ALL_CPUS = "default: all CPUs of the cpuset"


# The names of Later arguments.
CGROUP_COUNT = "cgroups to enter"


def cgroup_directory(hierarchy: str) -> str:
    """The name of what is bound for the container's cgroup in a hierarchy."""
    return "cgroup " + hierarchy


def device_source(path: str) -> str:
    """The name of where the host has the device that the container is to have at ``path``."""
    return "device " + path


class Later:
    """An argument by the ``name`` under which Bindings have it; ``expected`` is what it will be if
    nothing else is found, which is what `explain` shows."""

    __slots__ = ("expected", "name")

    def __init__(self, name: str, expected: "int | str") -> None:
        self.name = name
        self.expected = expected

    def __str__(self) -> str:
        return str(self.expected)


class Bindings:
    """What has been found for one run of a plan: ``values`` of its Later arguments by their names,
    and the ``cgroup`` as it was made, or None where there is none."""

    __slots__ = ("cgroup", "values")

    def __init__(self, cgroup: "Cgroup | None" = None) -> None:
        self.cgroup = cgroup
        self.values: dict[str, int | str] = {}

    def of(self, argument: "Later") -> "int | str":
        return self.values.get(argument.name, argument.expected)


class Plan:
    """The runtime's part, by when it is done, and hutch-init's operations. It is final: what is
    found only while it is carried out is in Bindings.

    Before the spawn: the cgroup (``cgroup``, its limits ``writes``, ``devices``, the rules of the
    config, and ``cgroup_owner``, the host's id to give it to, None for nobody) and the group of
    resctrl (``rdt``); the descriptors that hutch-init is given from slot 2 on: ``slots`` (type of
    the namespace, origin, path), ``idmaps`` by the index of the mount, then the two fifos from
    ``start_slot`` on (0 where the runtime itself starts the program), the memory for times at
    ``trace_slot`` (0: no trace), then those by which it joins cgroups; ``spawn_flags`` for clone3;
    ``preserved`` descriptors from 3 on that belong to the user.
    After it: ``uid_map``/``gid_map`` (text; "": none), which are written to a new user namespace,
    by newuidmap(1) and newgidmap(1) where their names are in ``map_helpers``, or are those that the
    joined one at ``mapped_namespace`` has to have already ("": it is new),
    ``time_offsets`` (text; "": none), ``net_devices`` (pointer, name on the host, name inside),
    ``oom_score_adj`` (None: untouched), ``hooks`` at MOUNTED. ``notifies``: the
    seccomp filter has an agent. ``warnings`` are for the log.
    """

    __slots__ = (
        "cgroup", "cgroup_owner", "devices", "gid_map", "hooks", "idmaps", "map_helpers",
        "mapped_namespace", "net_devices", "notifies", "oom_score_adj", "operations", "preserved",
        "rdt", "root", "slots", "spawn_flags", "start_slot", "time_offsets", "trace_slot",
        "uid_map", "warnings", "writes",
    )  # fmt: skip

    def __init__(
        self,
        operations: "Sequence[Operation]",
        warnings: "Sequence[HutchError]" = (),
        *,
        root: str = "",
        rdt: "Rdt | None" = None,
        cgroup: "Cgroup | None" = None,
        writes: "Sequence[CgroupWrite]" = (),
        cgroup_owner: "int | None" = None,
        devices: "list[DeviceRule] | None" = None,
        slots: "Sequence[tuple[str, str, str]]" = (),
        idmaps: "Mapping[int, Idmap] | None" = None,
        spawn_flags: int = 0,
        preserved: int = 0,
        uid_map: str = "",
        gid_map: str = "",
        map_helpers: "tuple[str, ...]" = (),
        mapped_namespace: str = "",
        time_offsets: str = "",
        oom_score_adj: "int | None" = None,
        hooks: "Sequence[Hook]" = (),
        net_devices: "Sequence[tuple[str, str, str]]" = (),
        notifies: bool = False,
        start_slot: int = 0,
        trace_slot: int = 0,
    ) -> None:
        self.operations: Final = tuple(operations)
        self.warnings: Final = tuple(warnings)
        self.root: Final = root
        self.rdt: Final = rdt
        self.cgroup: Final = cgroup
        self.writes: Final = tuple(writes)
        self.cgroup_owner: Final = cgroup_owner
        self.devices: Final = devices
        self.slots: Final = tuple(slots)
        self.idmaps: Final[Mapping[int, Idmap]] = idmaps or {}
        self.spawn_flags: Final = spawn_flags
        self.preserved: Final = preserved
        self.uid_map: Final = uid_map
        self.gid_map: Final = gid_map
        self.map_helpers: Final = map_helpers
        self.mapped_namespace: Final = mapped_namespace
        self.time_offsets: Final = time_offsets
        self.oom_score_adj: Final = oom_score_adj
        self.hooks: Final = tuple(hooks)
        self.net_devices: Final = tuple(net_devices)
        self.notifies: Final = notifies
        self.start_slot: Final = start_slot
        self.trace_slot: Final = trace_slot
