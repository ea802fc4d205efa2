"""Plans for tests, compiled from a description of a host and the default config."""

from collections.abc import Callable
from typing import Any

from hutch.plan.cgroup_paths import Cgroup
from hutch.plan.choices import Choices
from hutch.plan.compile import compile_plan
from hutch.plan.enter import compile_exec
from hutch.plan.fields import ARGUMENTS
from hutch.plan.host import CgroupLayout, Host
from hutch.plan.operations import Operation
from hutch.plan.plan import Later, Plan
from hutch.spec.check import check, check_process
from hutch.spec.default import default_config

V2 = CgroupLayout("v2", {}, "/sys/fs/cgroup", {"": "/"}, frozenset(("cpu", "memory", "pids")))


def host(uid: int = 0, **facts: Any) -> Host:
    """A host with cgroup v2; ``facts`` change its attributes."""
    return Host(
        **{
            "uid": uid,
            "gid": uid,
            "capabilities": (1 << 41) - 1,
            "apparmor": False,
            "selinux": False,
            "cgroups": V2,
            **facts,
        }
    )


def compiled(
    change: Callable[[dict[str, Any]], object] = lambda _: None,
    on: Host | None = None,
    **choices: Any,
) -> Plan:
    """The plan of the default config with a change."""
    config: Any = default_config()
    config["process"]["terminal"] = False
    change(config)
    return compile_plan(
        check(config)[0],
        on or host(),
        id="test",
        bundle="/bundle",
        cgroup=Cgroup("v2", {"": "/sys/fs/cgroup/test"}, []),
        filter=None,
        choices=Choices(**choices),
    )


def entered(change: Callable[[dict[str, Any]], object], **process: Any) -> Plan:
    """The plan of an exec of `true` into a container of the changed config."""
    config: Any = default_config()
    change(config)
    given = {"args": ["true"], "cwd": "/", **process}
    return compile_exec(check(config)[0], check_process(given)[0], host(), id="test", filter=None)


def arguments(operation: Operation) -> dict[str, Any]:
    """The operation's arguments by name."""
    values = [value.expected if isinstance(value, Later) else value for value in operation.values]
    return dict(zip(ARGUMENTS[operation.code], values, strict=True))


def named(plan: Plan, name: str) -> list[Operation]:
    """The operations with this name, in order."""
    return [operation for operation in plan.operations if operation.name == name]


def order(plan: Plan, *names: str) -> list[str]:
    """The names of the given operations, in the order of the plan."""
    return [operation.name for operation in plan.operations if operation.name in names]
