"""Annotations org.systemd.property.NAME: properties for the container's scope.

A user who may set annotations may not be allowed to control systemd (CVE-2024-3154). So annotations
can set only properties that run no program, start no other unit, and give the container no more
rights. A value is GVariant text, as in other runtimes. The type of each property is known, so no
general parser of GVariant is needed (S-42).
"""

from hutch.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.scope import Property

PREFIX = "org.systemd.property."

# The properties that can be set, and their D-Bus types (org.freedesktop.systemd1(5)).
ALLOWED = {
    "After": "as",
    "Before": "as",
    "CollectMode": "s",
    "DefaultDependencies": "b",
    "Description": "s",
    "Documentation": "as",
    "KillSignal": "i",
    "SendSIGHUP": "b",
    "TimeoutStopUSec": "t",
}
SECONDS, MICROSECONDS = "Sec", "USec"  # on D-Bus, systemd has only the names that end in USec
INFINITE = (1 << 64) - 1
BOUNDS = {"i": (1, 64), "t": (0, INFINITE)}


def properties_of(annotations: "dict[str, str]") -> "list[Property]":
    """(name, D-Bus signature, value) for each annotation that sets a property.

    Raises ConfigError for a property that is not allowed, and for a value of another type.
    """
    result = []
    for key, text in annotations.items():
        if key.startswith(PREFIX):
            pointer = f'annotations["{key}"]'
            name, factor = _name(key.removeprefix(PREFIX))
            kind = ALLOWED.get(name)
            if kind is None:
                raise ConfigError(
                    pointer,
                    "is a property that a container may not set on its unit",
                    value=name,
                    hint="it may set " + ", ".join(ALLOWED),
                )
            result.append((name, kind, _value(text.strip(), kind, factor, pointer)))
    return result


def _name(name: str) -> "tuple[str, int]":
    """systemd's name of the property, and the factor by which to multiply the value."""
    if name.endswith(SECONDS) and not name.endswith(MICROSECONDS):
        return name.removesuffix(SECONDS) + MICROSECONDS, 1_000_000
    return name, 1


def _value(text: str, kind: str, factor: int, pointer: str) -> "object":
    if kind == "b" and text in ("true", "false"):
        return text == "true"
    if kind == "s":
        return _string(text, pointer)
    if kind == "as" and text[:1] == "[" and text[-1:] == "]":
        inner = text[1:-1].strip()
        return [_string(part.strip(), pointer) for part in inner.split(",")] if inner else []
    if kind in BOUNDS:
        number = text.rpartition(" ")[2]  # "uint64 5", "5"
        low, high = BOUNDS[kind]
        digits = number.isascii() and number.isdigit() and len(number) <= 20
        if digits and low <= int(number) * factor <= high:
            return int(number) * factor
    raise ConfigError(pointer, "has no value of D-Bus type " + kind, value=text)


def _string(text: str, pointer: str) -> str:
    inner = text[1:-1]
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "'\"" or text[0] in inner:
        raise ConfigError(
            pointer, "must be a string in quotes", value=text, hint="such as \"'inactive'\""
        )
    if "\\" in inner or "\n" in inner or "\0" in inner:
        raise ConfigError(pointer, "may have no backslash, line break or NUL", value=text)
    return inner
