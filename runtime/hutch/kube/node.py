"""A value of a kube file that knows where it is: an error about it names its path."""

from collections.abc import Iterator

from hutch.kube.errors import KubeError


class Node:
    """A value and its path. The schema has checked the types (``check``), so a method for a type
    gives the value, or the default if the field is not there."""

    def __init__(self, document: str, value: object, path: str = "") -> None:
        self.document = document
        self.value = value
        self.path = path

    def __getitem__(self, key: str) -> "Node":
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return Node(self.document, value, f"{self.path}.{key}" if self.path else key)

    def __iter__(self) -> Iterator["Node"]:
        """The items of a list."""
        for number, value in enumerate(self.value if isinstance(self.value, list) else []):
            yield Node(self.document, value, f"{self.path}[{number}]")

    def __bool__(self) -> bool:
        """Whether the field is there. An empty object is."""
        return self.value is not None

    def pairs(self) -> list[tuple[str, "Node"]]:
        """The fields of an object, by their names."""
        names = list(self.value) if isinstance(self.value, dict) else []
        return [(name, self[name]) for name in names]

    def text(self, default: str = "") -> str:
        return str(self.value) if self.value is not None else default

    def whole(self, default: int = 0) -> int:
        return int(str(self.value)) if self.value is not None else default

    def flag(self, default: bool = False) -> bool:
        return bool(self.value) if self.value is not None else default

    def texts(self) -> list[str]:
        """The items of a list, as texts."""
        return [item.text() for item in self]

    def labels(self) -> dict[str, str]:
        """The fields of an object, as texts."""
        return {name: node.text() for name, node in self.pairs()}

    def wrong(self, reason: str, *, hint: str = "", shown: bool = True) -> KubeError:
        """The error to raise about this value; it is not shown if it may be a secret."""
        value = self.value if shown and self.value is not None else ...
        return KubeError(self.document, self.path, reason, value=value, hint=hint)
