"""Finds all problems of a config, after the quick check has refused it.

It does not use the code of the quick check: jsonschema compares the config with a JSON Schema that
is made from the table. A rule is run if the fields that it reads have no other problem. Something
that is no error but may be a mistake, such as an unknown property, is a warning.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from hutch.errors import ConfigError
from hutch.spec import table
from hutch.spec.capabilities import NAMES, mask
from hutch.spec.check import (
    MISSING,
    TOO_FEW,
    is_kind,
    wrong_name,
    wrong_type,
    wrong_value,
)
from hutch.spec.normalize import normalize
from hutch.spec.pointer import pointer
from hutch.spec.rules import PROCESS_RULES, RULES
from hutch.spec.schema import FORMATS, json_schema

if TYPE_CHECKING:
    from hutch.spec.rules import Rule
    from hutch.spec.shapes import Type

Path = tuple[str | int, ...]


def findings(config: Any) -> list[ConfigError]:
    """All problems of config.json, sorted by their pointers; [] if it is valid."""
    config, _ = normalize(config, table.CONFIG, (), keep=True)
    return _findings(config, (), RULES, config)


def process_findings(process: Any) -> list[ConfigError]:
    """Like ``findings``, for a process alone; pointers begin at ``process``."""
    process, _ = normalize(process, table.PROCESS, ("process",), keep=True)
    return _findings(process, ("process",), PROCESS_RULES, {"process": process})


def resources_findings(resources: Any) -> list[ConfigError]:
    """Like ``findings``, for resources alone; pointers begin at ``linux.resources``."""
    resources, _ = normalize(resources, table.RESOURCES, ("linux", "resources"), keep=True)
    return _findings(resources, ("linux", "resources"), (), {})


def warnings(config: Any) -> list[ConfigError]:
    """The warnings for a config: properties and capabilities that are unknown and ignored, and
    values that are changed.

    They are to be shown, not raised (config.md, "Extensibility", "capabilities").
    """
    config, told = normalize(config, table.CONFIG, ())
    return _sorted([*told, *_unknown_capabilities(config)])


def _findings(value: Any, base: Path, rules: "Sequence[Rule]", config: Any) -> list[ConfigError]:
    errors = list(_validator(base).iter_errors(value))
    # For a value of the wrong type, other errors are not useful.
    mistyped = {tuple(error.absolute_path) for error in errors if error.validator == "type"}
    wrong: set[Path] = set()
    result: list[ConfigError] = []
    for error in errors:
        if error.validator == "type" or tuple(error.absolute_path) not in mistyped:
            for path, problem in _restated(error, base):
                wrong.add(path)
                result.append(problem)
    for rule, reads in rules:
        if not any(_on_one_way(path, read) for path in wrong for read in reads):
            result.extend(rule(config))
    return _sorted(result)


def _sorted(problems: Iterable[ConfigError]) -> list[ConfigError]:
    """Sorted by pointer, indices as numbers, without duplicates."""
    unique = {(problem.pointer, problem.reason): problem for problem in problems}
    return sorted(unique.values(), key=_order)


def _order(problem: ConfigError) -> tuple[list[str | int], str]:
    pieces = re.split(r"\[(\d+)\]", problem.pointer)
    return [int(piece) if i % 2 else piece for i, piece in enumerate(pieces)], problem.reason


def _on_one_way(path: Path, read: Path) -> bool:
    """Whether one of the two paths leads to a value inside the other's."""
    return all(a == b for a, b in zip(path, read, strict=False))


@cache
def _validator(base: Path) -> Validator:
    """The validator for the part of a config at ``base``."""
    schema = json_schema(_shape_at(base))
    formats = FormatChecker(formats=())
    for name, form in FORMATS.items():
        formats.checks(name)(form)
    # JSON Schema accepts 1.0 as an integer; runtimes do not.
    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: is_kind(value, int)
    )
    validator: Validator = extend(Draft202012Validator, type_checker=types)(  # type: ignore[no-untyped-call]
        schema, format_checker=formats
    )
    return validator


def _shape_at(path: Iterable[str | int]) -> "Type":
    """The shape of the value at ``path``, from the table."""
    shape = table.CONFIG
    for step in path:
        inner = shape[2]
        if isinstance(step, int):
            shape = inner
        else:
            shape = inner[step] if isinstance(inner, dict) else inner[1]
    return shape


def _restated(error: ValidationError, base: Path) -> Iterator[tuple[Path, ConfigError]]:
    """(path, problem) of an error of jsonschema, with the same text as in the quick check."""
    path: Path = (*base, *error.absolute_path)
    shape = _shape_at(path)
    value: Any = error.instance
    given = ... if value is None else value
    hint = ""
    if error.validator == "required":
        for name in shape[3]:
            if name not in value:
                yield _problem((*path, name), MISSING, hint=_misspelt(name, value, shape))
        return
    if "propertyNames" in error.absolute_schema_path:
        names = shape[2][0]
        path, given = (*path, value), ...
        reason = wrong_name(wrong_value(value, names))
        hint = _nearest(value, names[3] or ())
    elif error.validator == "type":
        reason = wrong_type(value, shape)
    elif error.validator == "minItems":
        reason = TOO_FEW
    else:
        reason = wrong_value(value, shape)
        if error.validator == "enum":
            hint = _nearest(value, shape[3])
    yield _problem(path, reason, given, hint)


def _problem(path: Path, reason: str, value: Any = ..., hint: str = "") -> tuple[Path, ConfigError]:
    return path, ConfigError(pointer(path, table.CONFIG), reason, value=value, hint=hint)


def _nearest(value: object, known: Iterable[str]) -> str:
    """A hint with the most similar name, ignoring case: ``did you mean "x"?``; "" for none."""
    by_lower = {name.lower(): name for name in known}
    if not isinstance(value, str):
        return ""
    matches = difflib.get_close_matches(value.lower(), by_lower, n=1, cutoff=0.7)
    return f'did you mean "{by_lower[matches[0]]}"?' if matches else ""


def _misspelt(name: str, value: dict[str, Any], shape: "Type") -> str:
    """A hint for a missing field if the object has an unknown field with a similar name."""
    unknown = {other.lower(): other for other in value if other not in shape[2]}
    matches = difflib.get_close_matches(name.lower(), unknown, n=1, cutoff=0.7)
    return f'"{unknown[matches[0]]}" is not known: is it meant?' if matches else ""


def _unknown_capabilities(config: Any) -> Iterator[ConfigError]:
    process = config.get("process") if isinstance(config, dict) else None
    sets = process.get("capabilities") if isinstance(process, dict) else None
    for kind, names in sets.items() if isinstance(sets, dict) else ():
        for index, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str) and mask([name])[1]:
                yield _problem(
                    ("process", "capabilities", kind, index),
                    "is not known, and left out",
                    name,
                    _nearest(name, NAMES),
                )[1]
