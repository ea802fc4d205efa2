"""explain: shows what `create` would do for a bundle on this host, and changes nothing."""

import posix

from hutch.container.create import plan_for
from hutch.container.request import Request, request_of
from hutch.container.store import Store
from hutch.errors import HutchError, NotFound

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


def request_for(name: str, id: str, root: "str | None", options: "Options") -> Request:
    """The request to explain: that of create for the bundle in the directory ``name``, with ``id``
    and ``options``; or, if ``name`` is no bundle, the one that the container ``name`` was made
    with. Raises HutchError if it is neither."""
    try:
        posix.stat(name + "/config.json")
    except OSError:
        if "/" not in name and name not in ("", ".", ".."):
            try:
                return _request_of_container(name, root, options)
            except NotFound:
                pass
            raise HutchError(
                name + " is neither the directory of a bundle nor a container",
                hint="a bundle has a config.json; hutch list shows the containers",
            ) from None
    return request_of(id, name, options, root=root)


def _request_of_container(id: str, root: "str | None", options: "Options") -> Request:
    entry = Store(root).find(id)
    state = entry.load_state()
    request = request_of(id, state.bundle, options, root=root)
    request.config = entry.load_config(), entry.read("config.json")
    kept = state.choices or {}
    for choice in request.choices.__slots__:
        if choice in kept:
            setattr(request.choices, choice, kept[choice])  # type: ignore[literal-required]
    request.choices.trace = False
    if state.kept_cgroup is not None:
        request.systemd = "unit" in state.kept_cgroup
        request.rootless = state.kept_cgroup.get("rootless")
    # Who took the terminal is not known any more.
    request.console = posix.close
    return request
