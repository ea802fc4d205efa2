"""explain A B: what changes between two bundles, or between a bundle and what a container was made
with: the fields of config.json, and the steps that follow from them on this host."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

from hutch.container.explain import planned
from hutch.errors import shown
from hutch.plan.steps import Step, steps
from hutch.spec import table
from hutch.spec.json import decode
from hutch.spec.load import read_bundle
from hutch.spec.pointer import pointer

if TYPE_CHECKING:
    from hutch.container.request import Request
    from hutch.spec.json import Json
    from hutch.spec.pointer import Path

What = Literal["removed", "added", "changed"]


@dataclass(frozen=True)
class FieldChange:
    """A field that differs. ``before`` and ``after`` are its values (``...``: absent)."""

    what: What
    pointer: str
    before: "Json"
    after: "Json"


@dataclass(frozen=True)
class StepChange:
    """A step that only one side has."""

    what: What
    step: Step


@dataclass(frozen=True)
class Comparison:
    """What changes from the first to the second: ``fields`` and ``steps``, in their order."""

    fields: list[FieldChange]
    steps: list[StepChange]


def compare(before: "Request", after: "Request") -> Comparison:
    """What changes from one request to the other. A request of a container has its config and its
    bundle. Raises as create does, for both."""
    fields = list(_fields(_config(before), _config(after), ()))
    return Comparison(fields, list(_steps(_steps_of(before), _steps_of(after))))


def as_text(found: Comparison) -> str:
    """A line for each change: ``-`` for what only the first has, ``+`` for what only the second
    has."""
    if not found.fields and not found.steps:
        return "no difference\n"
    lines = ["FIELDS OF CONFIG.JSON"]
    for field in found.fields:
        if field.what != "added":
            lines.append(f"- {field.pointer} = {_short(field.before)}")
        if field.what != "removed":
            lines.append(f"+ {field.pointer} = {_short(field.after)}")
    lines += ["none"] if not found.fields else []
    lines += ["", "STEPS"]
    for change in found.steps:
        mark = "-" if change.what == "removed" else "+"
        step = change.step
        lines.append(f"{mark} {step.lane:7}  {step.does}  [{step.pointer}]")
    lines += ["none"] if not found.steps else []
    return "\n".join(lines) + "\n"


def as_json(found: Comparison) -> "Json":
    """{"fields": [{"change", "pointer", "before", "after"}], "steps": [{"change", ...}]}."""
    fields: list[Json] = []
    for field in found.fields:
        entry: dict[str, Json] = {"change": field.what, "pointer": field.pointer}
        if field.what != "added":
            entry["before"] = field.before
        if field.what != "removed":
            entry["after"] = field.after
        fields.append(entry)
    listed: list[Json] = [{"change": one.what, **one.step.to_json()} for one in found.steps]
    return {"fields": fields, "steps": listed}


def _config(request: "Request") -> "Json":
    if request.config is not None:
        return decode(request.config[1], "config.json")
    return decode(read_bundle(request.bundle), "config.json")


def _steps_of(request: "Request") -> list[Step]:
    """The steps of a request; its bundle is called BUNDLE in them, so that equal bundles in two
    places have equal steps."""
    rows = steps(planned(request), pid_file=request.pid_file, pidfd_socket=request.pidfd_socket)
    bundle = request.bundle.rstrip("/")
    return [
        Step(row.lane, row.call, _renamed(row.does, bundle), row.pointer)
        for row in rows
    ]  # fmt: skip


def _renamed(text: str, bundle: str) -> str:
    words = text.split(" ")
    for place, word in enumerate(words):
        if bundle and (word == bundle or word.startswith(bundle + "/")):
            words[place] = "BUNDLE" + word[len(bundle) :]
    return " ".join(words)


def _steps(before: list[Step], after: list[Step]) -> Iterator[StepChange]:
    """The steps that only one side has. A step is the same if it does the same: an entry that moved
    in its list has another pointer."""
    one = [(step.lane, step.call, step.does) for step in before]
    other = [(step.lane, step.call, step.does) for step in after]
    matcher = SequenceMatcher(a=one, b=other, autojunk=False)
    for what, first, last, start, end in matcher.get_opcodes():
        if what != "equal":
            yield from (StepChange("removed", step) for step in before[first:last])
            yield from (StepChange("added", step) for step in after[start:end])


def _fields(before: "Json", after: "Json", path: "Path") -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            inner = (*path, name)
            if name not in after:
                yield _change("removed", inner, before[name], None)
            elif name not in before:
                yield _change("added", inner, None, after[name])
            else:
                yield from _fields(before[name], after[name], inner)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _entries(before, after, path)
    elif before != after or type(before) is not type(after):
        yield _change("changed", path, before, after)


def _entries(before: "list[Json]", after: "list[Json]", path: "Path") -> Iterator[FieldChange]:
    """Entries of a list: those that stand in both are the same, also at other places."""
    one = [json.dumps(entry, sort_keys=True) for entry in before]
    other = [json.dumps(entry, sort_keys=True) for entry in after]
    matcher = SequenceMatcher(a=one, b=other, autojunk=False)
    for what, first, last, start, end in matcher.get_opcodes():
        if what == "replace" and last - first == end - start:
            for index, place in zip(range(first, last), range(start, end), strict=True):
                yield from _fields(before[index], after[place], (*path, index))
        elif what != "equal":
            for index in range(first, last):
                yield _change("removed", (*path, index), before[index], None)
            for place in range(start, end):
                yield _change("added", (*path, place), None, after[place])


def _change(what: What, path: "Path", before: "Json", after: "Json") -> FieldChange:
    return FieldChange(what, pointer(path, table.CONFIG), before, after)


def _short(value: "Json") -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else ""
    if not text:
        return shown(value)
    return text if len(text) <= 160 else text[:157] + "..."
