"""The errors of the engine: kinds of StateError and HutchError that its callers tell apart."""

from hutch.errors import HutchError, NotFound, StateError, shown


class NoSuchContainer(NotFound):
    """No container of the store has this name or id."""

    def __init__(self, text: str) -> None:
        super().__init__(f"No such container: {text}", hint="warren ps -a lists what there is")


class NoSuchVolume(NotFound):
    """There is no volume of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"get {name}: no such volume", hint="warren volume ls lists what there is")


class Conflict(StateError):
    """A name is taken, or a thing is in use."""


class StartFailed(HutchError):
    """The container's program was not started. ``status`` is what ``warren run`` exits with:
    127 where it was not found, 126 where it may not be executed, 125 for all else."""

    def __init__(self, reason: str, status: int, *, hint: str = "") -> None:
        super().__init__(reason, hint=hint)
        self.status = status


def name_taken(name: str, id: str) -> Conflict:
    """Another container has the name."""
    return Conflict(
        f"the container name {shown(name)} is already in use by container {id[:12]}",
        id=id,
        hint="remove or rename that container, or take another name",
    )
