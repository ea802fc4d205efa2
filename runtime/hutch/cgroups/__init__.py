"""Makes, limits, freezes, measures and removes the container's cgroup.

hutch.plan decides what is written (cgroup_paths, resources, device_rules). All functions here take
a ``Cgroup``. They are called in this order:

    prepare -> (its state is saved) -> create -> device_rules -> join -> ... -> kill -> destroy

``destroy`` works after any of these steps. Each function imports only what it uses.

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
    """Sets ``made`` to the directories that must be made, and that ``destroy`` will remove.

    Call this before the state is saved to disk. Raises StateError if the cgroup is in use or
    frozen.
    """
    from hutch.cgroups.tree import prepare

    prepare(cgroup)


def create(cgroup: "Cgroup", layout: "CgroupLayout", writes: "Sequence[CgroupWrite]") -> None:
    """Makes the cgroup and writes the limits (``plan.resources.compile``).

    For a caller without root, hierarchies that it may not use are removed from ``directories``,
    unless a limit needs them. Raises HostError, KernelError, StateError; ``made`` then has the
    directories that were made.
    """
    if cgroup.unit is not None:
        from hutch.cgroups.cold.systemd import create
    elif cgroup.mode == "v2":
        from hutch.cgroups.v2 import create
    else:
        from hutch.cgroups.v1 import create
    create(cgroup, layout, writes)


def update(cgroup: "Cgroup", writes: "Sequence[CgroupWrite]") -> None:
    """Writes new limits (``plan.resources_update.compile_update``), in an order that the kernel
    accepts. Raises ConfigError, KernelError or HostError."""
    from hutch.cgroups.limits import update

    if cgroup.unit is not None:
        from hutch.cgroups.cold.systemd import tell_limits

        tell_limits(cgroup, writes)
    update(cgroup, writes)


def device_rules(cgroup: "Cgroup", devices: "DeviceList | None") -> None:
    """Applies ``linux.resources.devices`` (None: only the default devices are allowed).

    Without root this does nothing: in a user namespace the kernel allows nobody to make a device
    node, or to open one on a file system mounted there. Raises ConfigError, HostError, KernelError.
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
    """Changes the device rules of a running container. At no time a device is allowed that neither
    ``before`` nor ``after`` allows. Raises ConfigError, HostError, KernelError."""
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

    On v1 the first write waits for an RCU grace period, 4 to 10 ms: see ``join_descriptors``. On v2
    a container that has enabled controllers below its cgroup takes a process only in the cgroup of
    its first process. Raises KernelError or HostError.
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
    """Descriptors for joining without a wait: a process with one thread writes "0" to each.

    [] on v2, where ``open_directory`` is used. The caller closes them. Raises KernelError.
    """
    if cgroup.mode == "v2":
        return []
    from hutch.cgroups.v1 import join_descriptors

    return join_descriptors(cgroup)


def open_directory(cgroup: "Cgroup", beside: int = 0) -> int:
    """A descriptor of the cgroup2 directory for CLONE_INTO_CGROUP, on hybrid hosts too; -1 if there
    is none.

    The kernel refuses such a process if pids.max is reached. It does not refuse one that joins.
    """
    from hutch.cgroups.v2 import open_directory

    return open_directory(cgroup, beside)


def delegate(cgroup: "Cgroup", uid: int) -> None:
    """Makes the host's ``uid`` the owner of a v2 cgroup (``plan.cgroup_paths.wants_ownership``)."""
    if cgroup.mode == "v2" and "" in cgroup.directories:
        from hutch.cgroups.v2 import delegate

        delegate(cgroup, uid)


def processes(cgroup: "Cgroup") -> "list[int]":
    """The pids in the cgroup and below it, in any hierarchy, sorted; [] if it does not exist."""
    from hutch.cgroups.signal_all import processes

    return processes(cgroup)


def kill(cgroup: "Cgroup", signal: int) -> None:
    """Sends a signal to all processes in it; thaws it after SIGKILL. Raises KernelError."""
    from hutch.cgroups.signal_all import kill

    kill(cgroup, signal)


def freeze(cgroup: "Cgroup") -> None:
    """Freezes all processes in it and waits until they are frozen. Raises HutchError after ten
    seconds, HostError, KernelError."""
    from hutch.cgroups.freezer import freeze

    freeze(cgroup)


def thaw(cgroup: "Cgroup") -> None:
    """Thaws its processes. Does nothing if it is not frozen or does not exist. Raises
    KernelError."""
    from hutch.cgroups.freezer import thaw

    thaw(cgroup)


def is_frozen(cgroup: "Cgroup") -> bool:
    """Whether it is frozen or is being frozen."""
    from hutch.cgroups.freezer_state import is_frozen

    return is_frozen(cgroup)


def stats(cgroup: "Cgroup") -> "Statistics":
    """Its statistics, in the form of ``data`` of ``events --stats``."""
    if cgroup.mode == "v2":
        from hutch.cgroups.stats_v2 import stats
    else:
        from hutch.cgroups.stats_v1 import stats
    return stats(cgroup)


def memory_usage(cgroup: "Cgroup") -> int:
    """The memory in use, in bytes; for ``plan.resources_update.check_memory``."""
    from hutch.cgroups.limits import memory_usage

    return memory_usage(cgroup)


def oom_killed(cgroup: "Cgroup") -> int:
    """How many of its processes the kernel has killed because memory ran out."""
    from hutch.cgroups.oom import oom_killed

    return oom_killed(cgroup)


def remove_empty(cgroup: "Cgroup") -> bool:
    """Removes its directories that are empty. Returns whether neither processes nor other cgroups
    are left in it; if some are, ``destroy`` removes the rest."""
    from hutch.cgroups.tree import remove_empty

    return remove_empty(cgroup)


def destroy(cgroup: "Cgroup", patience: float = 10.0) -> None:
    """Removes the directories in ``made``, with all cgroups below. Can be called after any step,
    and again.

    Waits at most ``patience`` seconds for dying processes. Raises StateError, which names the
    processes that are left, or KernelError.
    """
    from hutch.cgroups.tree import destroy

    if cgroup.unit is not None:
        from hutch.cgroups.cold.systemd import stop

        stop(cgroup)
    destroy(cgroup, patience)


def release(cgroup: "Cgroup") -> None:
    """Ends the process that has kept a systemd scope alive until the container's first process is
    in it (cold/systemd.py)."""
    if cgroup.keeper is not None:
        cgroup.keeper.end()
        cgroup.keeper = None
