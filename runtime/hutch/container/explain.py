"""explain: shows what `create` would do for a bundle on this host, and changes nothing."""

from hutch.container.create import plan_for
from hutch.container.request import Request, request_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Unpack

    from hutch.container.request import Options
    from hutch.plan.plan import Plan
    from hutch.plan.steps import Step


def explain(bundle: str, id: str = "explained", **options: "Unpack[Options]") -> "list[Step]":
    """Every step that `create`, with these options, and `start` would take for the bundle on this
    host, in order."""
    from hutch.plan.steps import steps

    return steps(planned(request_of(id, bundle, options)))


def planned(request: Request) -> "Plan":
    """The plan that `create` would carry out for the same request.

    Needs no privilege and changes nothing; the cache of seccomp filters is neither read nor
    written. Raises the errors that create would raise before it changes anything.
    """
    return plan_for(request, "")[3]
