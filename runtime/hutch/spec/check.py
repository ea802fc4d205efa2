"""The quick check of a config. It raises the first problem, and is fast for a valid config.

It compares the config with the table (table.py), then runs the rules (rules.py). A config that does
not follow the table is normalized (normalize.py) and compared again; properties that the table does
not know are ignored with a warning (config.md, "Extensibility"). diagnostics.py finds all problems.

Each property of a value is checked at one place:

    its JSON type, range and format                    spec/table.py, by _walk here
    fields that depend on each other                   spec/rules.py, spec/linux_rules.py
    what depends on the host (cgroup v1 or v2, an LSM) plan/, when the plan is compiled
    which sysctls, mounts and cgroup paths are allowed plan/sysctls.py, mounts.py, cgroup_paths.py
    what is on the host (files, namespaces, devices)   container/preflight.py, net_devices.py
    text of the command line                           cli/arguments.py, spec/user_ids.py,
                                                       spec/quantities.py, spec/container_id.py

Only the functions here give a value the types CheckedConfig, CheckedProcess and CheckedResources
(config.py); create, exec and update take no other types. The config in a state file was checked
before it was saved.
"""

from hutch.errors import ConfigError
from hutch.spec.rules import PROCESS_RULES, RESOURCE_RULES, RULES, STRICT_RULES
from hutch.spec.table import CONFIG, PROCESS, RESOURCES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from hutch.spec.config import (
        CheckedConfig,
        CheckedProcess,
        CheckedResources,
        Config,
        Resources,
    )
    from hutch.spec.rules import Rule
    from hutch.spec.shapes import Type

    Warnings = list[ConfigError]

NAMES = {str: "a string", int: "a number", float: "a number", bool: "a boolean", list: "an array"}


def check(config: "object", *, strict: bool = False) -> "tuple[CheckedConfig, Warnings]":
    """(the checked config, warnings). Raises ConfigError for the first problem in config.json.

    ``config`` is the decoded config.json. It is not changed; if it needs no normalizing, it is
    returned itself. ``process`` may be absent, because only start needs it (config.md, "Process").
    ``strict``: fields that the specification requires, but no runtime does, are required too.
    """
    checked = _check(config, CONFIG)
    _ask(RULES, checked[0])
    if strict:
        _ask(STRICT_RULES, checked[0])
    return checked


def check_process(
    process: "object", container: "Config | None" = None
) -> "tuple[CheckedProcess, Warnings]":
    """Like ``check``, for a process alone, as `exec --process` reads it; pointers begin at
    ``process``. ``container`` is the config of the container; its user namespace must map the ids
    of the process."""
    checked = _check(process, PROCESS, "process")
    linux = container.get("linux", {}) if container else {}
    _ask(PROCESS_RULES, {"process": checked[0], "linux": linux})  # type: ignore[typeddict-item]
    return checked


def check_resources(resources: "object") -> "tuple[CheckedResources, Warnings]":
    """Like ``check``, for resources alone, as `update --resources` reads them."""
    return _check(resources, RESOURCES, "linux", "resources")


def check_together(resources: "Resources") -> "CheckedResources":
    """Checks the rules for the resources that an update results in: the present ones together with
    the changes. Both were checked alone already. Raises ConfigError."""
    _ask(RESOURCE_RULES, {"linux": {"resources": resources}})  # type: ignore[typeddict-item]
    return resources  # type: ignore[return-value]


class _Unusual(Exception):
    """The value must be normalized (normalize.py) before it can be checked."""


class _Refused(Exception):
    """What is wrong with a value. Each function on the way up appends its step of the path."""

    def __init__(self, reason: str, value: "Any" = ..., *steps: "str | int") -> None:
        self.reason = reason
        self.value = value
        self.steps: list[str | int] = list(steps)


def _check(value: "Any", shape: "Type", *base: "str | int") -> "tuple[Any, Warnings]":
    try:
        _walk(value, shape)
        return value, []
    except (_Refused, _Unusual):
        from hutch.spec.normalize import normalize

        value, warnings = normalize(value, shape, base)
    try:
        _walk(value, shape)
        return value, warnings
    except _Refused as refused:
        from hutch.spec.pointer import pointer

        path = (*base, *reversed(refused.steps))
        given = ... if refused.value is None else refused.value
        raise ConfigError(pointer(path, CONFIG), refused.reason, value=given) from None


def _ask(rules: "Sequence[Rule]", config: "Config") -> None:
    for rule, _ in rules:
        for problem in rule(config):
            raise problem


def _walk(value: "Any", shape: "Type") -> None:
    """Raises _Refused where the value, or one inside it, is not of this shape."""
    kind, _, inner, bound = shape
    if type(value) is not kind and not is_kind(value, kind):
        raise _Refused(wrong_type(value, shape), value)
    if kind is str:
        if "\0" in value or (inner is not None and not inner(value)):
            raise _Refused(wrong_value(value, shape), value)
    elif kind is dict:
        if type(inner) is dict:
            _walk_record(value, inner, bound)
        else:
            _walk_mapping(value, *inner)
    elif kind is list:
        index = 0
        try:
            for item in value:
                _walk(item, inner)
                index += 1
        except _Refused as refused:
            refused.steps.append(index)
            raise
        if index < bound:
            raise _Refused(TOO_FEW, value)
    elif kind is int and not inner <= value <= bound:
        raise _Refused(wrong_value(value, shape), value)


def _walk_record(
    value: "dict[str, object]", fields: "dict[str, Type | None]", required: "Sequence[str]"
) -> None:
    for name in required:
        if name not in value:
            raise _Refused(MISSING, ..., name)
    for name, item in value.items():
        shape = fields.get(name)
        if item is None or (shape is None and name not in fields):
            raise _Unusual
        if shape is not None:
            try:
                _walk(item, shape)
            except _Refused as refused:
                refused.steps.append(name)
                raise


def _walk_mapping(value: "dict[str, object]", names: "Type", values: "Type") -> None:
    for name, item in value.items():
        try:
            _walk(name, names)
        except _Refused as refused:
            raise _Refused(wrong_name(refused.reason), ..., name) from None
        try:
            _walk(item, values)
        except _Refused as refused:
            refused.steps.append(name)
            raise


MISSING = "is required, but missing"
TOO_FEW = "must have at least one entry"


def is_kind(value: "object", kind: type) -> bool:
    """Whether ``value`` has the JSON type ``kind``; true and false are no integers."""
    return isinstance(value, kind) and (kind is not int or not isinstance(value, bool))


def wrong_type(value: "object", shape: "Type") -> str:
    """The reason for a value that has another JSON type than its shape."""
    kind = shape[0]
    if value is None:
        return "must be " + _wanted(shape) + ", not null"
    found = NAMES.get(type(value), "an object")
    if kind is int and isinstance(value, float):
        found = "one with a fraction or exponent"
    return "must be " + _wanted(shape) + ", not " + found


def wrong_value(value: "Any", shape: "Type") -> str:
    """The reason for a string or integer that its shape does not allow."""
    kind, words, least, most = shape
    if kind is int:
        return f"must be a whole number from {least} to {most}"
    if "\0" in value:
        return "must not contain a NUL character"
    if most:
        return "must be " + ("one of " if len(most) > 1 else "") + ", ".join(most)
    return "must be " + words


def wrong_name(reason: str) -> str:
    """The reason for a name in an object whose names are data."""
    return "the name " + reason


def _wanted(shape: "Type") -> str:
    kind = shape[0]
    return "a whole number" if kind is int else "a string" if kind is str else shape[1]
