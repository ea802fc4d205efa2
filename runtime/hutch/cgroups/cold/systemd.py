"""The systemd driver: the container's cgroup is a transient scope, which systemd makes.

systemd makes a scope only with a process in it, and the cgroup is made before the container's first
process exists. So this driver puts a child process, the keeper, into the scope. The keeper only
waits, and ends when the container's process is in the scope. It reads from a channel whose other
end the runtime holds: if the runtime is killed, the keeper ends, and systemd removes the empty
scope.

The scope has Delegate=yes, so systemd does not change the cgroups below it. The limits are also
written to the files of the cgroup, by the modules v1 and v2.
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
    """The process that keeps a scope alive until the container has a process in it: a hutch-init
    that waits at a barrier. It ends when its channel is closed."""

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
    """What the plan must know about systemd: the system's, or with ``user`` the caller's own.
    Raises HostError."""
    from hutch.plan.systemd_unit import Manager

    with Bus(user) as bus:
        return Manager(user, bus.manager_property("ControlGroup"))


def create(cgroup: "Cgroup", layout: "CgroupLayout", writes: "Sequence[CgroupWrite]") -> None:
    """Lets systemd make the scope. Then makes the hierarchies of v1 that systemd does not use, and
    writes every limit to its file. Raises HutchError."""
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
        # Also the directories that systemd has made: ``destroy`` removes them if systemd does not.
        cgroup.made += [path for path in leaves if path not in cgroup.made]


def _start(bus: "Bus", unit: "Unit", pid: int, limits: "list[Property]") -> None:
    """Calls StartTransientUnit and waits for the end of the job. Raises HostError, StateError."""
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
            # A unit that has failed stays until it is reset.
            failed_before = True
            bus.call("ResetFailedUnit", "s", (unit.name,))
            continue
        if error.name == UNIT_EXISTS:
            raise StateError(
                f"systemd has a unit {unit.name} already",
                hint=f"see systemctl status {unit.name}; linux.cgroupsPath must name a new unit",
            )
        # An older systemd may lack a property. The limit is written to its file in any case.
        unknown = [entry for entry in limits if "property " + entry[0] in error.text]
        if not unknown:
            raise HostError(
                f"systemd did not start the unit {unit.name}: {error.text}", pointer=POINTER
            )
        limits = [entry for entry in limits if entry not in unknown]


def tell_limits(cgroup: "Cgroup", writes: "Sequence[CgroupWrite]") -> None:
    """Sets new limits as properties of the unit. Raises HostError."""
    from hutch.plan.systemd_properties import properties_for

    _set_properties(cgroup, properties_for(writes))


def tell_devices(cgroup: "Cgroup", rules: "Sequence[DeviceRule]") -> None:
    """Sets device rules as properties of the unit, but not for a user's systemd, which cannot apply
    them. Raises HostError."""
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
        raise HostError(f"systemd did not change the unit {unit.name}: {error.text}")


def join(cgroup: "Cgroup", pid: int, beside: int) -> None:
    """Moves a process into a scope of the caller's own systemd. If the kernel does not allow it to
    the caller, systemd moves the process. Raises HutchError."""
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
            f"systemd did not move process {pid} to the unit {unit.name}: {refusal.text}",
            pointer=POINTER,
        )


def stop(cgroup: "Cgroup") -> None:
    """Lets systemd stop the scope, and waits until it has ended. Does nothing if there is no such
    scope. Raises HostError."""
    unit = cgroup.unit
    assert unit is not None
    if cgroup.keeper is not None:
        cgroup.keeper.end()
        cgroup.keeper = None
    with Bus(unit.user) as bus:
        error = bus.job("StopUnit", "ss", (unit.name, "replace"))
        if error is not None and error.name != NO_SUCH_UNIT:
            raise HostError(f"systemd did not stop the unit {unit.name}: {error.text}")
        bus.call("ResetFailedUnit", "s", (unit.name,))
