"""explain: the plan of a bundle on this host, with nothing done for it."""

from hutch.container.create import cgroup_for
from hutch.container.host import read_host
from hutch.plan.compile import Choices, compile_plan
from hutch.spec.load import load_bundle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.errors import HutchError
    from hutch.plan.plan import Plan
    from hutch.plan.steps import Step


def explain(bundle: str, id: str = "explained") -> "list[Step]":
    """Every step that `create` and `start` would take for the bundle on this host, in order."""
    from hutch.container.store import absolute
    from hutch.plan.steps import steps

    return steps(plan_of_bundle(absolute(bundle), id))


def plan_of_bundle(bundle: str, id: str, systemd: bool = False) -> "Plan":
    """The plan that `create` would carry out; the seccomp filter is not compiled, only named.

    Takes no privilege and changes nothing. Raises what create would raise for the config's sake.
    """
    told: list[HutchError] = []
    config, _ = load_bundle(bundle, told.append)
    host = read_host()
    linux = config.get("linux", {})
    cgroup = cgroup_for(config, host, id, systemd, None)
    filter = None
    if linux.get("seccomp"):
        from hutch.kernel.seccomp import Filter

        filter = Filter(b"", 0, False, [])
    plan = compile_plan(
        config, host, id=id, bundle=bundle, cgroup=cgroup, filter=filter, choices=Choices()
    )
    plan.warnings[:0] = told
    return plan
