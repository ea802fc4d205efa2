"""What a plan leaves open: arguments that are known only while it is carried out."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.cgroup_paths import Cgroup


class Later:
    """An argument by the ``name`` under which Bindings have it; ``expected`` is what it will be if
    nothing else is found, which is what `explain` shows."""

    __slots__ = ("expected", "name")

    def __init__(self, name: str, expected: "int | str") -> None:
        self.name = name
        self.expected = expected

    def __str__(self) -> str:
        return str(self.expected)


class Bindings:
    """What has been found for one run of a plan: ``values`` of its Later arguments by their names,
    and the ``cgroup`` as it was made, or None where there is none."""

    __slots__ = ("cgroup", "values")

    def __init__(self, cgroup: "Cgroup | None" = None) -> None:
        self.cgroup = cgroup
        self.values: dict[str, int | str] = {}

    def of(self, argument: "Later") -> "int | str":
        return self.values.get(argument.name, argument.expected)


# The names.
CGROUP_COUNT = "cgroups to enter"


def cgroup_directory(hierarchy: str) -> str:
    """The name of what is bound for the container's cgroup in a hierarchy."""
    return "cgroup " + hierarchy


def device_source(path: str) -> str:
    """The name of where the host has the device that the container is to have at ``path``."""
    return "device " + path
