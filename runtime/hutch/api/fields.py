"""Reading documents and queries of clients: each value by its type, absent, null and zero alike.

Clients written in Go send every field with its zero value (facts of Docker's own client).
"""

from hutch.errors import UsageError, shown

Document = dict[str, object]
FALSE = ("", "0", "false", "no", "none", "f")


def text(document: Document, name: str, default: str = "") -> str:
    """A string. Raises UsageError, as all functions here."""
    value = document.get(name)
    if value is None or value == "":
        return default
    if not isinstance(value, str):
        raise UsageError(f"{name}: {shown(value)} is not a string")
    return value


def number(document: Document, name: str, default: int = 0) -> int:
    """An integer."""
    value = document.get(name)
    if value is None:
        return default
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not isinstance(value, int | float):
        raise UsageError(f"{name}: {shown(value)} is not an integer")
    if abs(value) >= 1 << 63:
        raise UsageError(f"{name}: {shown(value)} has more than 64 bits")
    return int(value)


def flag(document: Document, name: str, default: bool = False) -> bool:
    """A boolean."""
    value = document.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise UsageError(f"{name}: {shown(value)} is neither true nor false")
    return value


def part(document: Document, name: str) -> Document:
    """An object; {} if it is absent."""
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"{name}: {shown(value)} is not an object")
    return value


def parts(document: Document, name: str) -> list[Document]:
    """A list of objects."""
    found = []
    for value in items(document, name):
        if not isinstance(value, dict):
            raise UsageError(f"{name}: {shown(value)} is not an object")
        found.append(value)
    return found


def items(document: Document, name: str) -> list[object]:
    """A list."""
    value = document.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UsageError(f"{name}: {shown(value)} is not a list")
    return value


def strings(document: Document, name: str) -> list[str]:
    """A list of strings; a string alone is a list of one (Entrypoint, Cmd)."""
    value = document.get(name)
    if isinstance(value, str):
        return [value]
    found = []
    for one in items(document, name):
        if not isinstance(one, str):
            raise UsageError(f"{name}: {shown(one)} is not a string")
        found.append(one)
    return found


def words(document: Document, name: str) -> dict[str, str]:
    """An object of strings; null is ""."""
    found = {}
    for key, value in part(document, name).items():
        if value is not None and not isinstance(value, str):
            raise UsageError(f"{name}.{key}: {shown(value)} is not a string")
        found[key] = value or ""
    return found


def yes(query: dict[str, str], name: str, default: bool = False) -> bool:
    """A boolean of a query: 1, true, True; 0, false, False and nothing are no."""
    if name not in query:
        return default
    return query[name].lower() not in FALSE


def whole(query: dict[str, str], name: str, default: int, bits: int = 32) -> int:
    """An integer of a query; "" is as if it were not there."""
    value = query.get(name, "")
    if not value:
        return default
    try:
        found = int(value)
    except ValueError:
        raise UsageError(f"{name}={shown(value)} is not an integer") from None
    if abs(found) >= 1 << bits - 1:
        raise UsageError(f"{name}={shown(value)} has more than {bits} bits")
    return found
