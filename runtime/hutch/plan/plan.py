"""A plan: all steps that start a container, as data."""

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

# The barriers at which hutch-init waits for the runtime, and what the runtime does at each.
NAMESPACES = 1  # the namespaces exist: it writes the id maps and time offsets
MOUNTED = 2  # everything is mounted: it runs the prestart and createRuntime hooks
NETWORK = 4  # the network namespace exists: it moves network devices into it
CREATED = 3  # the container is created: it saves the state, and `start` is next

BARRIERS = {NAMESPACES: "namespaces", MOUNTED: "mounted", CREATED: "created", NETWORK: "network"}


# The reasons of operations that no field of config.json asks for.
TRACE = "runtime: --trace"
SESSION = "security: a session of its own"
SUPERVISED = "library: a sandbox ends with its caller"
PROCFS = "security: a verified procfs"
KEYRING = "default: a session keyring of its own"
ALL_CPUS = "default: all CPUs of the cpuset"


# The names of Later arguments.
CGROUP_COUNT = "cgroups to enter"


def cgroup_directory(hierarchy: str) -> str:
    """The name of the Later for the container's cgroup directory in a hierarchy."""
    return "cgroup " + hierarchy


def device_source(path: str) -> str:
    """The name of the Later for the host's path of the device that the container has at
    ``path``."""
    return "device " + path


class Later:
    """An argument that is known only when the plan is carried out.

    Bindings have the value under ``name``. ``expected`` is the value if Bindings have none, and the
    value that `hutch explain` shows.
    """

    __slots__ = ("expected", "name")

    def __init__(self, name: str, expected: "int | str") -> None:
        self.name = name
        self.expected = expected

    def __str__(self) -> str:
        return str(self.expected)


class Bindings:
    """What is known only when a plan is carried out: the ``values`` of its Later arguments by their
    names, and the ``cgroup`` as it was created (None: the container has none)."""

    __slots__ = ("cgroup", "values")

    def __init__(self, cgroup: "Cgroup | None" = None) -> None:
        self.cgroup = cgroup
        self.values: dict[str, int | str] = {}

    def of(self, argument: "Later") -> "int | str":
        return self.values.get(argument.name, argument.expected)


class Plan:
    """The operations of hutch-init, and what the runtime does before and after it starts it.

    A plan does not change; Bindings have what is known only when it is carried out.

    Before the start of hutch-init:

    - ``cgroup``, its limits ``writes``, the device rules of the config ``devices``, and
      ``cgroup_owner``, the host's uid that will own the cgroup (None: the owner stays);
    - ``rdt``, the group of resctrl;
    - the descriptors of hutch-init from slot 2 on: ``slots`` (type of the namespace, origin, path);
      ``idmaps`` by the index of the mount; two fifos from ``start_slot`` on (0: none, the runtime
      itself starts the program); for a sandbox, the caller's pidfd and the pipe for the program's
      wait status; the memory for times at ``trace_slot`` (0: no trace); last the
      descriptors for entering cgroups;
    - ``spawn_flags`` for clone3(2); ``preserved``: how many descriptors from 3 on are the user's.

    After it:

    - ``uid_map`` and ``gid_map`` (text; "": none) are written to a new user namespace, with
      newuidmap(1) and newgidmap(1) if their names are in ``map_helpers``. If the user namespace is
      joined, ``mapped_namespace`` is its path, and it must have these maps already ("": it is new);
    - ``time_offsets`` (text; "": none); ``net_devices`` (pointer, name on the host, name inside);
      ``oom_score_adj`` (None: not changed); the ``hooks`` that run at MOUNTED.

    ``notifies``: the seccomp filter has an agent. ``warnings`` are for the log.
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
