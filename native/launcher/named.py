"""The base of the classes that were NamedTuples before native/named_tuples.py wrote them out."""

from _collections import _tuplegetter as getter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Self

__all__ = ["NamedTuple", "getter"]


class NamedTuple(tuple["Any", ...]):
    """What each of them has (collections.namedtuple)."""

    __slots__ = ()
    _fields: "tuple[str, ...]"

    @classmethod
    def _make(cls, values: "Iterable[Any]") -> "Self":
        return cls(*values)

    def _replace(self, **changes: "Any") -> "Self":
        return type(self)(**{**self._asdict(), **changes})

    def _asdict(self) -> "dict[str, Any]":
        return dict(zip(self._fields, self, strict=True))

    def __getnewargs__(self) -> "tuple[Any, ...]":
        return tuple(self)

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
        return f"{type(self).__name__}({parts})"
