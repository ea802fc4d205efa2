"""A plan: all that will be done for a container, as data."""

TYPE_CHECKING = False
if TYPE_CHECKING:
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


class Plan:
    """The runtime's part, by when it is done, and hutch-init's operations.

    Before the spawn: the cgroup (``cgroup``, its limits ``writes``, ``devices``, the rules of the
    config, and ``cgroup_owner``, the host's id to give it to, None for nobody) and the group of
    resctrl (``rdt``); the descriptors that hutch-init is given from slot 2 on: ``slots`` (pointer,
    path), ``idmaps`` by the index of the mount, then the two fifos from ``start_slot`` on (0 where
    the runtime itself starts the program), the memory for times at ``trace_slot`` (0: no
    trace), then those of ``cgroup_entry``, the operation that joins cgroups, whose number is known
    once they are made; ``spawn_flags`` for clone3; ``preserved`` descriptors from 3 on that belong
    to the user.
    After it: ``uid_map``/``gid_map`` (text; "": none), which are written to a new user namespace,
    by newuidmap(1) and newgidmap(1) where their names are in ``map_helpers``, or are those that the
    joined one at ``mapped_namespace`` has to have already ("": it is new),
    ``time_offsets`` (text; "": none), ``net_devices`` (pointer, name on the host, name inside),
    ``oom_score_adj`` (None: untouched), ``hooks`` at MOUNTED. ``warnings`` are for the log.
    """

    __slots__ = (
        "cgroup", "cgroup_entry", "cgroup_owner", "devices", "gid_map", "hooks", "idmaps",
        "map_helpers", "mapped_namespace", "net_devices", "oom_score_adj", "operations",
        "preserved", "rdt", "root", "slots", "spawn_flags", "start_slot", "time_offsets",
        "trace_slot", "uid_map", "warnings", "writes",
    )  # fmt: skip

    def __init__(self, operations: "list[Operation]", warnings: "list[HutchError]") -> None:
        self.operations = operations
        self.warnings = warnings
        self.root = ""
        self.rdt: Rdt | None = None
        self.cgroup: Cgroup | None = None
        self.writes: list[CgroupWrite] = []
        self.cgroup_owner: int | None = None
        self.cgroup_entry: Operation | None = None
        self.devices: list[DeviceRule] | None = None
        self.slots: list[tuple[str, str]] = []
        self.idmaps: dict[int, Idmap] = {}
        self.spawn_flags = 0
        self.preserved = 0
        self.uid_map = ""
        self.gid_map = ""
        self.map_helpers: tuple[str, ...] = ()
        self.mapped_namespace = ""
        self.time_offsets = ""
        self.oom_score_adj: int | None = None
        self.hooks: list[Hook] = []
        self.net_devices: list[tuple[str, str, str]] = []
        self.start_slot = 0
        self.trace_slot = 0

    def next_slot(self) -> int:
        """The slot behind those that are taken so far."""
        return (
            2
            + len(self.slots)
            + len(self.idmaps)
            + 2 * (self.start_slot > 0)
            + (self.trace_slot > 0)
        )
