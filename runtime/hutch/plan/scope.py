"""A systemd scope, as a container's cgroup and its state file have it."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    Property = tuple[str, str, object]  # name, D-Bus signature, value

    class KeptUnit(TypedDict):
        """A Unit in the state file."""

        name: str
        slice: str
        user: bool


class Unit:
    """A systemd scope: its ``name``, its ``slice``, and the ``properties`` (name, signature, value)
    that annotations ask for. ``user``: the caller's own systemd manages it, not the system's."""

    __slots__ = ("name", "properties", "slice", "user")

    def __init__(self, name: str, slice: str, user: bool, properties: "list[Property]") -> None:
        self.name = name
        self.slice = slice
        self.user = user
        self.properties = properties

    def to_json(self) -> "KeptUnit":
        """The unit as the state file keeps it: what later commands need to find it."""
        return {"name": self.name, "slice": self.slice, "user": self.user}

    @classmethod
    def from_json(cls, value: "KeptUnit") -> "Unit":
        return cls(value["name"], value["slice"], value["user"], [])
