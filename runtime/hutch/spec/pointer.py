"""The path of a field as text: ``mounts[3].options[1]``, ``linux.sysctl["net.x"]``."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hutch.spec.shapes import Type

    Path = tuple[str | int, ...]


def pointer(path: "Iterable[str | int]", shape: "Type | None") -> str:
    """The path from a document of this shape to a value in it; "document" for the whole.

    The text has a dot before a field, brackets around an index, and brackets and quotes around a
    name that is data.
    """
    result = ""
    for step in path:
        inner = shape[2] if shape else None
        if isinstance(step, int):
            result += "[" + str(step) + "]"
            shape = inner
        elif isinstance(inner, tuple):
            result += '["' + _short(step) + '"]'
            shape = inner[1]
        else:
            result += "." + _short(step) if result else _short(step)
            shape = inner.get(step) if isinstance(inner, dict) else None
    return result or "document"


def is_under(path: str, base: str) -> bool:
    """Whether ``path`` leads to the field at ``base``, or to a value in it."""
    return path[: len(base)] == base and path[len(base) : len(base) + 1] in ("", ".", "[")


def _short(name: str) -> str:
    """The name, cut to 80 characters: names in a document may be of any length."""
    return name if len(name) <= 80 else name[:77] + "..."
