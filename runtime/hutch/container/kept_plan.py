"""The plan that was carried out, kept in the container's directory (ROOT/ID/plan). `start` uses it
to explain a failure, `checkpoint` to find the mounts that come from the host."""

from hutch.errors import StateError
from hutch.plan.decode import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.store import Entry
    from hutch.plan.operations import Operation


def kept_operations(entry: "Entry") -> "list[Operation]":
    """The operations that were carried out, with all values filled in. The list is empty if there
    is no plan, as for containers made by an older version. Raises StateError if it is damaged."""
    if not entry.has("plan"):
        return []
    try:
        return decode(entry.read("plan"))
    except ValueError as error:
        raise StateError(
            "the kept plan of container " + entry.id + " is damaged: " + str(error), id=entry.id
        ) from None
