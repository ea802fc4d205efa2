"""The container's cgroup in the kernel: made, limited, filled, frozen, measured, removed.

What is to be written is decided before, in hutch.plan (cgroup_paths, resources, device_rules); a
``Cgroup`` is the value that all functions here take. A container's life goes

    prepare -> (its state is saved) -> create -> device_rules -> join -> ... -> kill -> destroy

and ``destroy`` undoes it from wherever it stopped. Each function loads only what it uses.

README.md has the rules, and the files in reading order.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hutch.cgroups.stats_form import Statistics
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.host import CgroupLayout
    from hutch.plan.resources import CgroupWrite
    from hutch.spec.config import DeviceRule

    DeviceList = Sequence[DeviceRule]


def prepare(cgroup: "Cgroup") -> None:
    """Fills in ``made``: the directories that are to be made, and that ``destroy`` will remove.

    Comes before the cgroup is written to disk. StateError for one in use or frozen.
    """
    from hutch.cgroups.tree import prepare

    prepare(cgroup)


def create(cgroup: "Cgroup", layout: "CgroupLayout", writes: "Sequence[CgroupWrite]") -> None:
    """Makes the cgroup and writes the limits (``plan.resources.compile``).

    A caller without root does without hierarchies it may not use and needs no limit in; they leave
    ``directories``. Raises HostError, KernelError, StateError; whatever was made is in ``made``.
    """
    if cgroup.unit is not None:
        from hutch.cgroups.cold.systemd import create
    elif cgroup.mode == "v2":
        from hutch.cgroups.v2 import create
    else:
        from hutch.cgroups.v1 import create
    create(cgroup, layout, writes)


def update(cgroup: "Cgroup", writes: "Sequence[CgroupWrite]") -> None:
    """Writes new limits (``plan.resources_update.compile_update``) in an order that works."""
    from hutch.cgroups.limits import update

    if cgroup.unit is not None:
        from hutch.cgroups.cold.systemd import tell_limits

        tell_limits(cgroup, writes)
    update(cgroup, writes)


def device_rules(cgroup: "Cgroup", devices: "DeviceList | None") -> None:
    """Puts ``linux.resources.devices`` (None: the default devices only) in force.

    Without root nothing is done: in a user namespace the kernel lets nobody make a device node, and
    on file systems mounted there nobody open one. Raises ConfigError, HostError, KernelError.
    """
    from hutch.plan.device_rules import AT, device_lines, effective

    rules = effective(devices)
    if cgroup.unit is not None:
        from hutch.cgroups.cold.systemd import tell_devices

        tell_devices(cgroup, rules)
    if cgroup.mode == "v2":
        from hutch.cgroups.v2 import set_device_program
        from hutch.plan.device_program import device_program

        program = device_program(rules)
        if program and "" in cgroup.directories and not _without_root(cgroup):
            set_device_program(cgroup, program, AT)
        return
    from hutch.cgroups.tree import put

    lines = device_lines(rules)
    if "devices" not in cgroup.directories and _without_root(cgroup):
        return
    for line in lines:
        put(cgroup, line)


def update_device_rules(
    cgroup: "Cgroup", before: "DeviceList | None", after: "DeviceList | None"
) -> None:
    """Changes the rules of a running container; at no moment it has more than both allow."""
    from hutch.plan.device_rules import AT, device_changes, effective

    if cgroup.unit is not None:
        from hutch.cgroups.cold.systemd import tell_devices

        tell_devices(cgroup, effective(after))
    if cgroup.mode == "v2":
        from hutch.cgroups.v2 import set_device_program
        from hutch.plan.device_program import device_program

        if "" in cgroup.directories and not _without_root(cgroup):
            set_device_program(cgroup, device_program(effective(after)), AT)
        return
    from hutch.cgroups.tree import put

    for line in device_changes(effective(before), effective(after)):
        put(cgroup, line)


def _without_root(cgroup: "Cgroup") -> bool:
    from hutch.cgroups.tree import without_root

    return without_root(cgroup)


def join(cgroup: "Cgroup", pid: int, beside: int = 0) -> None:
    """Moves a process into the cgroup; ``beside`` is the pid of the container's first process.

    On v1 the first write sleeps for an RCU grace period, 4 to 10 ms: see ``join_descriptors``. On
    v2 a container with controllers of its own takes a process only beside its first one.
    """
    if cgroup.unit is not None and cgroup.unit.user:
        from hutch.cgroups.cold.systemd import join

        join(cgroup, pid, beside)
    elif cgroup.mode == "v2":
        from hutch.cgroups import v2

        v2.join(cgroup, pid, beside)
    else:
        from hutch.cgroups import v1

        v1.join(cgroup, pid)


def join_descriptors(cgroup: "Cgroup") -> "list[int]":
    """Descriptors to which a process with one thread writes "0" and is in, without that sleep.

    [] on v2, where ``open_directory`` does it. The caller closes them. Raises KernelError.
    """
    if cgroup.mode == "v2":
        return []
    from hutch.cgroups.v1 import join_descriptors

    return join_descriptors(cgroup)


def open_directory(cgroup: "Cgroup", beside: int = 0) -> int:
    """A descriptor of the cgroup2 directory for CLONE_INTO_CGROUP, on hybrid hosts too; or -1.

    The kernel counts a process started so against pids.max, unlike one that joins.
    """
    from hutch.cgroups.v2 import open_directory

    return open_directory(cgroup, beside)


def delegate(cgroup: "Cgroup", uid: int) -> None:
    """Makes the host's ``uid`` the owner of a v2 cgroup (``plan.cgroup_paths.wants_ownership``)."""
    if cgroup.mode == "v2" and "" in cgroup.directories:
        from hutch.cgroups.v2 import delegate

        delegate(cgroup, uid)


def processes(cgroup: "Cgroup") -> "list[int]":
    """The pids in the cgroup and below it, in any hierarchy, sorted; [] where it is gone."""
    from hutch.cgroups.signal_all import processes

    return processes(cgroup)


def kill(cgroup: "Cgroup", signal: int) -> None:
    """Sends a signal to all its processes; after SIGKILL it is thawed. Raises KernelError."""
    from hutch.cgroups.signal_all import kill

    kill(cgroup, signal)


def freeze(cgroup: "Cgroup") -> None:
    """Stops all its processes and waits until they are; HutchError after ten seconds."""
    from hutch.cgroups.freezer import freeze

    freeze(cgroup)


def thaw(cgroup: "Cgroup") -> None:
    """Lets its processes go on. Nothing happens where none is frozen, or all is gone."""
    from hutch.cgroups.freezer import thaw

    thaw(cgroup)


def is_frozen(cgroup: "Cgroup") -> bool:
    """Whether it is frozen or about to be."""
    from hutch.cgroups.freezer_state import is_frozen

    return is_frozen(cgroup)


def stats(cgroup: "Cgroup") -> "Statistics":
    """What it has used, in the shape of the ``data`` of ``events --stats``."""
    if cgroup.mode == "v2":
        from hutch.cgroups.stats_v2 import stats
    else:
        from hutch.cgroups.stats_v1 import stats
    return stats(cgroup)


def memory_usage(cgroup: "Cgroup") -> int:
    """The bytes of memory in use; ``plan.resources_update.check_memory`` asks for them."""
    from hutch.cgroups.limits import memory_usage

    return memory_usage(cgroup)


def oom_killed(cgroup: "Cgroup") -> int:
    """How many of its processes the kernel killed for want of memory."""
    from hutch.cgroups.oom import oom_killed

    return oom_killed(cgroup)


def remove_empty(cgroup: "Cgroup") -> bool:
    """Removes of it what has nothing in it; whether neither processes nor other cgroups are left.
    ``destroy`` does the rest."""
    from hutch.cgroups.tree import remove_empty

    return remove_empty(cgroup)


def destroy(cgroup: "Cgroup", patience: float = 10.0) -> None:
    """Removes what was made, with everything below; works from any state, and twice.

    Waits ``patience`` seconds for dying processes. Raises StateError that names the survivors.
    """
    from hutch.cgroups.tree import destroy

    if cgroup.unit is not None:
        from hutch.cgroups.cold.systemd import stop

        stop(cgroup)
    destroy(cgroup, patience)


def release(cgroup: "Cgroup") -> None:
    """Lets go of what kept the cgroup, once the container's first process is in it."""
    if cgroup.keeper is not None:
        cgroup.keeper.end()
        cgroup.keeper = None
