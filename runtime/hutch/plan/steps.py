"""A plan as text for people: each step in order, who does it, its kernel calls and its field."""

from hutch.plan import plan as barriers
from hutch.plan.describe import describe, namespace_names
from hutch.plan.intel_rdt import DEFAULT, POINTER
from hutch.plan.namespaces import MAP_PROGRAMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.plan.idmap import Idmap
    from hutch.plan.intel_rdt import Rdt
    from hutch.plan.plan import Plan
    from hutch.spec.config import DeviceRule

RUNTIME = "runtime"
INIT = "init"


class Step:
    """One step: its ``lane`` ("runtime" or "init", who does it), the kernel calls, what it does in
    words, and the field that asks for it (or the reason)."""

    __slots__ = ("call", "does", "lane", "pointer")

    def __init__(self, lane: str, call: str, does: str, pointer: str) -> None:
        self.lane = lane
        self.call = call
        self.does = does
        self.pointer = pointer

    def to_json(self) -> "dict[str, str]":
        return {
            "lane": self.lane,
            "call": self.call,
            "does": self.does,
            "from": self.pointer,
        }


def steps(plan: "Plan", *, pid_file: str = "", pidfd_socket: str = "") -> "list[Step]":
    """All steps of a plan in order. The runtime's steps at a barrier follow that barrier.

    ``pid_file`` and ``pidfd_socket`` are the values of the flags ("": not given).
    """
    result = _before(plan)
    for operation in plan.operations:
        call, does = describe(operation)
        result.append(Step(INIT, call, does, operation.origin))
        if operation.name == "barrier":
            result += _at(plan, operation.which)
            if operation.which == barriers.CREATED:
                result += _hand_out(pid_file, pidfd_socket)
    return result


def tell_steps(plan: "Plan", debug: "Callable[[str], None]") -> None:
    """Calls ``debug`` with one line for each step of a plan."""
    for step in steps(plan):
        debug(step.lane + ": " + step.does + " [" + step.pointer + "]")


def _before(plan: "Plan") -> "list[Step]":
    result = []
    for kind, origin, path in plan.slots:
        if kind:
            result.append(
                Step(RUNTIME, "open", f"open the {kind} namespace {path}", origin + ".path")
            )
        else:
            result.append(Step(RUNTIME, "pidfd_open", "open " + path, origin))
    for idmap in plan.idmaps.values():
        result.append(_idmap(idmap))
    if plan.cgroup is not None:
        unit = plan.cgroup.unit
        if unit is not None:
            does = "have systemd start the scope " + unit.name + " in " + unit.slice
            result.append(Step(RUNTIME, "StartTransientUnit", does, "linux.cgroupsPath"))
        for directory in plan.cgroup.leaves():
            result.append(Step(RUNTIME, "mkdir", "make " + directory, "linux.cgroupsPath"))
        for write in plan.writes:
            where = plan.cgroup.directories.get(write.controller) or plan.cgroup.directories[""]
            does = "write " + write.value.strip() + " to " + where + "/" + write.file
            result.append(Step(RUNTIME, "write", does, write.pointer))
        for index, rule in enumerate(plan.devices or []):
            result.append(_device_rule(rule, index))
    if plan.rdt is not None:
        result += _rdt(plan.rdt)
    where = " in new " + namespace_names(plan.spawn_flags) + " namespaces"
    result.append(
        Step(
            RUNTIME,
            "clone3, execveat",
            "start hutch-init" + (where if plan.spawn_flags else ""),
            "linux.namespaces",
        )
    )
    if plan.oom_score_adj is not None:
        does = "write " + str(plan.oom_score_adj) + " to its oom_score_adj"
        result.append(Step(RUNTIME, "write", does, "process.oomScoreAdj"))
    return result


def _rdt(rdt: "Rdt") -> "list[Step]":
    group = "the default group" if rdt.group == DEFAULT else "the group " + rdt.group
    result = [Step(RUNTIME, "mkdir", f"enter {group} of resctrl", POINTER)]
    for pointer, line in rdt.lines:
        result.append(Step(RUNTIME, "write", f"write {line} to its schemata", pointer))
    if rdt.monitor:
        does = "make its monitoring group " + rdt.monitor
        result.append(Step(RUNTIME, "mkdir", does, POINTER + ".enableMonitoring"))
    return result


def _idmap(idmap: "Idmap") -> Step:
    mapping = "; ".join(idmap.uid_map.splitlines()) or "those of " + idmap.path
    if not idmap.source:
        return Step(RUNTIME, "clone", "make a user namespace of ids " + mapping, idmap.pointer)
    calls = "open_tree, mount_setattr(MOUNT_ATTR_IDMAP)"
    return Step(RUNTIME, calls, f"clone {idmap.source}, ids mapped: {mapping}", idmap.pointer)


def _device_rule(rule: "DeviceRule", index: int) -> Step:
    numbers = ":".join(
        ["*" if rule.get(key) is None else str(rule[key]) for key in ("major", "minor")]
    )
    does = (
        ("allow " if rule["allow"] else "deny ")
        + str(rule.get("access") or "rwm")
        + " of devices "
        + str(rule.get("type") or "a")
        + " "
        + numbers
    )
    return Step(RUNTIME, "write, bpf", does, f"linux.resources.devices[{index}]")


def _at(plan: "Plan", barrier: int) -> "list[Step]":
    if barrier == barriers.NAMESPACES:
        maps = (("uid_map", plan.uid_map, "uid"), ("gid_map", plan.gid_map, "gid"))
        return [_map(plan, *each) for each in maps if each[1]] + (
            [_time_offsets(plan)] if plan.time_offsets else []
        )
    if barrier == barriers.NETWORK:
        return [
            Step(RUNTIME, "netlink", f"move {name} of the host in, as {new_name}", pointer)
            for pointer, name, new_name in plan.net_devices
        ]
    if barrier == barriers.MOUNTED:
        return [
            Step(
                RUNTIME,
                "posix_spawn",
                "run the hook " + " ".join([hook.path, *hook.args[1:]]),
                hook.pointer,
            )
            for hook in plan.hooks
        ]
    if barrier == barriers.CREATED:
        return [Step(RUNTIME, "rename", "save the state: the container is created", "runtime.md")]
    return []


def _hand_out(pid_file: str, pidfd_socket: str) -> "list[Step]":
    result = []
    if pid_file:
        result.append(Step(RUNTIME, "rename", "write its pid to " + pid_file, "--pid-file"))
    if pidfd_socket:
        does = "send a pidfd of it to " + pidfd_socket
        result.append(Step(RUNTIME, "sendmsg", does, "--pidfd-socket"))
    return result


def _map(plan: "Plan", name: str, text: str, kind: str) -> Step:
    lines = "; ".join(text.splitlines())
    pointer = "linux." + kind + "Mappings"
    if plan.mapped_namespace:
        return Step(RUNTIME, "read", f"see that its {name} is {lines}", pointer)
    call = MAP_PROGRAMS[name] if name in plan.map_helpers else "write"
    return Step(RUNTIME, call, f"write {lines} to its {name}", pointer)


def _time_offsets(plan: "Plan") -> Step:
    does = "write " + "; ".join(plan.time_offsets.splitlines()) + " to its timens_offsets"
    return Step(RUNTIME, "write", does, "linux.timeOffsets")


def as_table(rows: "list[Step]") -> str:
    """The steps numbered, in columns."""
    cells = [("STEP", "LANE", "FROM", "DOES", "CALL")]
    for number, row in enumerate(rows, 1):
        cells.append((str(number), row.lane, row.pointer, row.does, row.call))
    widths = [min(max(len(cell[column]) for cell in cells), 64) for column in range(4)]
    lines = []
    for cell in cells:
        line = "  ".join([text.ljust(width) for text, width in zip(cell, widths, strict=False)])
        lines.append((line + "  " + cell[4]).rstrip() + "\n")
    return "".join(lines)
