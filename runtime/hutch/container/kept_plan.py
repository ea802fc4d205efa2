"""The plan as it was carried out, kept with its container (ROOT/ID/plan): by it `start` explains
what failed, and `checkpoint` knows what of the container is the host's."""

from hutch.errors import StateError
from hutch.plan.decode import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.store import Entry
    from hutch.plan.operations import Operation


def kept_operations(entry: "Entry") -> "list[Operation]":
    """The operations that were carried out, nothing in them left open; none where there is no such
    plan, as in a container that an older version has made. Raises StateError where it is damaged.
    """
    if not entry.has("plan"):
        return []
    try:
        return decode(entry.read("plan"))
    except ValueError as error:
        raise StateError(
            "the kept plan of container " + entry.id + " is damaged: " + str(error), id=entry.id
        ) from None
