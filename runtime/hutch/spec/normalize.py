"""Normalizes a config that differs from the specification in ways that all runtimes accept.

Engines and other programs are tested with runtimes that use Go's JSON decoder: null means that a
field is left out, and the case of letters in a field's name does not matter. The quick check
(check.py) accepts none of this. If it refuses a config, the config is normalized here and checked
again, so a config that follows the specification takes no extra time.
"""

from hutch.did_you_mean import nearest
from hutch.errors import ConfigError
from hutch.spec import formats
from hutch.spec.pointer import pointer
from hutch.spec.table import CONFIG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hutch.spec.pointer import Path
    from hutch.spec.shapes import Type

UNKNOWN = "is not known, and ignored"


def normalize(
    value: "Any", shape: "Type", base: "Path", *, keep: bool = False
) -> "tuple[Any, list[ConfigError]]":
    """(the normalized value, a warning for each change that the author may not expect).

    Null fields are left out, and unknown fields too unless ``keep``. A field name with other upper
    and lower case gets that of the table; a relative destination of a mount gets a slash; other
    letters than r, w and m are removed from the access of a device. A wrong value stays as it is.
    ``value`` itself is not changed; ``base`` is its place in a config.
    """
    warnings: list[ConfigError] = []
    return _normalized(value, shape, base, warnings, keep), warnings


def _normalized(
    value: "Any", shape: "Type", path: "Path", warnings: "list[ConfigError]", keep: bool
) -> "Any":
    kind, _, inner, _ = shape
    if kind is list and isinstance(value, list):
        return [
            _normalized(item, inner, (*path, index), warnings, keep)
            for index, item in enumerate(value)
        ]
    if kind is dict and isinstance(value, dict):
        if isinstance(inner, dict):
            return _normalized_record(value, inner, path, warnings, keep)
        return {
            name: _normalized(item, inner[1], (*path, name), warnings, keep)
            for name, item in value.items()
        }
    if kind is str and isinstance(value, str) and inner in MENDED:
        text: str = MENDED[inner](value)
        if text != value:
            reason = 'is taken for "' + text + '": it must be ' + shape[1]
            warnings.append(ConfigError(pointer(path, CONFIG), reason, value=value))
        return text
    return value


def _normalized_record(
    value: "dict[str, Any]",
    fields: "dict[str, Type | None]",
    path: "Path",
    warnings: "list[ConfigError]",
    keep: bool,
) -> "dict[str, Any]":
    result: dict[str, Any] = {}
    for given, item in value.items():
        name = given
        if given not in fields:
            at = pointer((*path, given), CONFIG)
            left = [field for field in fields if field not in value]
            name = next((field for field in left if field.lower() == given.lower()), "")
            if not name:
                near = nearest(given, left)
                hint = f'did you mean "{near}"?' if near else ""
                warnings.append(ConfigError(at, UNKNOWN, hint=hint))
                if keep:
                    result[given] = item
                continue
            warnings.append(ConfigError(at, f'is taken for "{name}"'))
        if item is not None:
            field = fields[name]
            result[name] = (
                _normalized(item, field, (*path, name), warnings, keep) if field else item
            )
    return result


def _destination(text: str) -> str:
    """config.md, "Mounts": a relative destination starts at "/"."""
    return "/" + text if text and text[0] != "/" else text


def _access(text: str) -> str:
    """The letters r, w and m of ``text``; ``text`` unchanged if it has none of them."""
    return "".join([letter for letter in text if letter in "rwm"]) or text


MENDED = {formats.destination: _destination, formats.device_access: _access}
