"""The errors of the engine: types of StateError and HutchError that callers handle separately."""

from collections.abc import Iterable

from hutch.did_you_mean import suggestion
from hutch.errors import HutchError, NotFound, StateError, shown


class NoSuchContainer(NotFound):
    """No container of the store has this name or id. ``known`` are the names that there are."""

    def __init__(self, text: str, known: Iterable[str] = ()) -> None:
        hint = suggestion(text, known, "warren ps -a lists what there is")
        super().__init__(f"No such container: {text}", hint=hint)


class NoSuchVolume(NotFound):
    """There is no volume of this name. ``known`` are the names that there are."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        hint = suggestion(name, known, "warren volume ls lists what there is")
        super().__init__(f"get {name}: no such volume", hint=hint)


class NoSuchNetwork(NotFound):
    """No network of the store has this name or id. ``known`` are the names that there are."""

    def __init__(self, text: str, known: Iterable[str] = ()) -> None:
        hint = suggestion(text, known, "warren network ls lists what there is")
        super().__init__(f"network {text} not found", hint=hint)


class NoSuchPod(NotFound):
    """No pod of the store has this name or id. ``known`` are the names that there are."""

    def __init__(self, text: str, known: Iterable[str] = ()) -> None:
        hint = suggestion(text, known, "warren pod ls lists what there is")
        super().__init__(f"no pod with name or ID {text} found", hint=hint)


class NoSuchPath(HutchError):
    """A container has no such file or folder."""

    def __init__(self, path: str, container: str) -> None:
        super().__init__(f"could not find the file {path} in container {container}")


class Conflict(StateError):
    """A name is taken, or a thing is in use."""


class StartFailed(HutchError):
    """The container's program was not started. ``status`` is what ``warren run`` exits with:
    127 where it was not found, 126 where it may not be executed, 125 for all else."""

    def __init__(self, reason: str, status: int, *, hint: str = "") -> None:
        super().__init__(reason, hint=hint)
        self.status = status


def name_taken(name: str, id: str) -> Conflict:
    """Another container, or a pod, has the name."""
    return Conflict(
        f"the container name {shown(name)} is already in use by container {id[:12]}",
        id=id,
        hint="remove or rename that container, or take another name",
    )
