"""The systemd driver: the container's cgroup is a transient scope, asked for over D-Bus.

A scope begins with a process, and the container's first one is not there yet when its cgroup is
made. So a child of ours, the keeper, that only waits is put into the scope and ends once the
container's process is in it. It waits at a channel whose other end the runtime holds: if the
runtime is killed the keeper ends, the scope is empty, and systemd removes it.

The scope has Delegate=yes: systemd leaves alone what is below it, and limits can be written to its
files as in the other drivers, which do that here too.
"""

import posix
from errno import EACCES, EPERM

import hutch
from hutch.cgroups import v1, v2
from hutch.cgroups.cold.dbus import Bus
from hutch.cgroups.files import exists
from hutch.errors import HostError, KernelError, StateError
from hutch.kernel.process import start_init
from hutch.plan.encode import encode
from hutch.plan.operations import barrier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.device_rules import DeviceRule
    from hutch.plan.host import CgroupLayout
    from hutch.plan.resources import CgroupWrite
    from hutch.plan.scope import Property, Unit
    from hutch.plan.systemd_unit import Manager

POINTER = "linux.cgroupsPath"
UNIT_EXISTS = "org.freedesktop.systemd1.UnitExists"
NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit"


class Keeper:
    """The process that keeps a scope while the container has none in it yet: a hutch-init that
    waits at a barrier. Nobody lets it go on; the end of its channel is its own."""

    __slots__ = ("channel", "pid")

    def __init__(self) -> None:
        program = hutch.__path__[0] + "/libexec/hutch-init"
        plan = encode([barrier(POINTER, 0)])
        self.pid, pidfd, self.channel = start_init(program, plan, 0, -1, 3, [])
        posix.close(pidfd)

    def end(self) -> None:
        posix.close(self.channel)
        try:
            posix.waitpid(self.pid, 0)
        except ChildProcessError:
            return


def manager(user: bool) -> "Manager":
    """root's systemd, or the caller's own (``user``). Raises HostError."""
    from hutch.plan.systemd_unit import Manager

    with Bus(user) as bus:
        return Manager(user, bus.manager_property("ControlGroup"))


def create(cgroup: "Cgroup", layout: "CgroupLayout", writes: "Sequence[CgroupWrite]") -> None:
    """Has systemd make the scope, and then what systemd does not: hierarchies of v1 that it leaves
    alone, and every limit as the kernel takes it. Raises HutchError."""
    from hutch.plan.systemd_properties import properties_for

    unit = cgroup.unit
    assert unit is not None
    cgroup.keeper = Keeper()
    with Bus(unit.user) as bus:
        _start(bus, unit, cgroup.keeper.pid, properties_for(writes))
    leaves = cgroup.leaves()
    cgroup.made = [path for path in cgroup.made if not exists(path)]
    try:
        (v2 if cgroup.mode == "v2" else v1).create(cgroup, layout, writes)
    finally:
        # Also where systemd has made them: nothing may be left if it goes away.
        cgroup.made += [path for path in leaves if path not in cgroup.made]


def _start(bus: "Bus", unit: "Unit", pid: int, limits: "list[Property]") -> None:
    """StartTransientUnit, done when the job is."""
    fixed: list[Property] = [
        ("Description", "s", "container " + unit.name.removesuffix(".scope")),
        ("Slice", "s", unit.slice),
        ("Delegate", "b", True),
        ("PIDs", "au", [pid]),
        ("DefaultDependencies", "b", False),
        ("CollectMode", "s", "inactive-or-failed"),
        ("CPUAccounting", "b", True),
        ("IOAccounting", "b", True),
        ("MemoryAccounting", "b", True),
        ("TasksAccounting", "b", True),
    ]
    asked = {name for name, _, _ in unit.properties}
    fixed = [entry for entry in fixed if entry[0] not in asked] + unit.properties
    failed_before = False
    while True:
        given = [(name, (kind, value)) for name, kind, value in fixed + limits]
        error = bus.job("StartTransientUnit", "ssa(sv)a(sa(sv))", (unit.name, "replace", given, []))
        if error is None:
            return
        if error.name == UNIT_EXISTS and not failed_before:
            # One that has failed stays until it is reset.
            failed_before = True
            bus.call("ResetFailedUnit", "s", (unit.name,))
            continue
        if error.name == UNIT_EXISTS:
            raise StateError(
                f"systemd has a unit {unit.name} already",
                hint=f"see systemctl status {unit.name}; linux.cgroupsPath must name a new one",
            )
        # An older systemd may lack a property. The limit is written to its file in any case.
        unknown = [entry for entry in limits if "property " + entry[0] in error.text]
        if not unknown:
            raise HostError(
                f"systemd does not start the unit {unit.name}: {error.text}", pointer=POINTER
            )
        limits = [entry for entry in limits if entry not in unknown]


def tell_limits(cgroup: "Cgroup", writes: "Sequence[CgroupWrite]") -> None:
    """Makes new limits properties of the unit. Raises HostError."""
    from hutch.plan.systemd_properties import properties_for

    _set_properties(cgroup, properties_for(writes))


def tell_devices(cgroup: "Cgroup", rules: "Sequence[DeviceRule]") -> None:
    """Makes device rules properties of the unit; a user's systemd can do nothing with them."""
    from hutch.plan.systemd_properties import device_properties

    assert cgroup.unit is not None
    if not cgroup.unit.user:
        _set_properties(cgroup, device_properties(rules))


def _set_properties(cgroup: "Cgroup", properties: "list[Property]") -> None:
    unit = cgroup.unit
    assert unit is not None
    if not properties:
        return
    given = [(name, (kind, value)) for name, kind, value in properties]
    with Bus(unit.user) as bus:
        error = bus.call("SetUnitProperties", "sba(sv)", (unit.name, True, given))
    if error is not None:
        raise HostError(f"systemd does not change the unit {unit.name}: {error.text}")


def join(cgroup: "Cgroup", pid: int, beside: int) -> None:
    """Moves a process into a scope of the caller's own systemd: root's systemd does it for that one
    where the kernel does not let the caller. Raises HutchError."""
    unit = cgroup.unit
    assert unit is not None
    try:
        v2.join(cgroup, pid, beside)
        return
    except KernelError as error:
        if error.errno not in (EACCES, EPERM):
            raise
    with Bus(unit.user) as bus:
        refusal = bus.call("AttachProcessesToUnit", "ssau", (unit.name, "", [pid]))
    if refusal is not None:
        raise HostError(
            f"systemd does not move process {pid} to the unit {unit.name}: {refusal.text}",
            pointer=POINTER,
        )


def stop(cgroup: "Cgroup") -> None:
    """Ends the scope and waits until systemd has; one that is gone is fine. Raises HostError."""
    unit = cgroup.unit
    assert unit is not None
    if cgroup.keeper is not None:
        cgroup.keeper.end()
        cgroup.keeper = None
    with Bus(unit.user) as bus:
        error = bus.job("StopUnit", "ss", (unit.name, "replace"))
        if error is not None and error.name != NO_SUCH_UNIT:
            raise HostError(f"systemd does not stop the unit {unit.name}: {error.text}")
        bus.call("ResetFailedUnit", "s", (unit.name,))
