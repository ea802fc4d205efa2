"""config.json as nested blocks: each field is one, and links to the steps that it causes."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hutch.cli.cold.explain_html.markup import Markup, element, joined
from hutch.plan.steps import Step
from hutch.spec import table
from hutch.spec.pointer import is_under, pointer

if TYPE_CHECKING:
    from hutch.spec.json import Json
    from hutch.spec.pointer import Path

SHORT = 64  # characters of a value on one line
LONG = 30  # lines of a value that is folded, if no step comes from within


class Fields:
    """The fields of a config. ``anchors`` has, for each step that comes from a field, the id of
    the element of that field; of the nearest one around it that the config has."""

    def __init__(self, config: "Json", rows: Sequence[Step]) -> None:
        self._names = {text: path for path, text in _pointers(config, ())}
        self._causes: dict[Path, list[int]] = {}
        self.anchors: dict[int, str] = {}
        self.absent: set[int] = set()
        for index, row in enumerate(rows):
            path = self._nearest(row.pointer)
            if path is not None:
                self._causes.setdefault(path, []).append(index + 1)
                self.anchors[index] = _anchor(path)
                if row.pointer not in self._names:
                    self.absent.add(index)
        self.markup = self._value(config, (), "", "")

    def _nearest(self, text: str) -> "Path | None":
        """The path of the field, or of the nearest one around it; None if it is no field, or
        nothing but the whole document is around it."""
        if " " in text.partition('["')[0]:
            return None
        if text in self._names:
            return self._names[text]
        around = [name for name in self._names if is_under(text, name)]
        return self._names[max(around, key=len)] if around else None

    def _value(self, value: "Json", path: "Path", label: str, end: str) -> Markup:
        inside = any(path != each and each[: len(path)] == path for each in self._causes)
        flat = json.dumps(value, ensure_ascii=False)
        name = (element("span", label, class_="key"), ": ") if label else ()
        marks = self._marks(path)
        if not isinstance(value, (dict, list)) or not value or (len(flat) <= SHORT and not inside):
            line = element("span", flat, class_=_kind(value))
            return self._block(path, element("div", *name, line, end, marks, class_="line"))
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        entries = _entries(value)
        lines = [
            self._value(inner, (*path, key), json.dumps(key, ensure_ascii=False) if
                        isinstance(value, dict) else "", "," if place < len(entries) - 1 else "")
            for place, (key, inner) in enumerate(entries)
        ]  # fmt: skip
        body = element("div", *lines, class_="inner")
        last = element("div", closing + end, class_="line")
        if not inside and len(json.dumps(value, indent=0).splitlines()) > LONG:
            count = f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}"
            head = element("summary", *name, f"{opening} ", element("i", count), marks)
            return self._block(path, element("details", head, body, last))
        head = element("div", *name, opening, marks, class_="line")
        return self._block(path, joined([head, body, last]))

    def _block(self, path: "Path", inner: Markup) -> Markup:
        return element("div", inner, class_="field", id=_anchor(path)) if path else inner

    def _marks(self, path: "Path") -> Markup:
        """Links to the steps: one for each run of steps that follow each other."""
        runs: list[list[int]] = []
        for number in self._causes.get(path, []):
            if runs and runs[-1][-1] == number - 1:
                runs[-1][1:] = [number]
            else:
                runs.append([number])
        links = [
            element(
                "a", "\u2013".join(map(str, run)), href=f"#s{run[0]}",
                aria_label=("step " if len(run) == 1 else "steps ") + " to ".join(map(str, run)),
            )
            for run in runs
        ]  # fmt: skip
        return element("span", *links, class_="marks") if links else Markup("")


def _pointers(value: "Json", path: "Path") -> "list[tuple[Path, str]]":
    found = [(path, pointer(path, table.CONFIG))] if path else []
    if isinstance(value, (dict, list)):
        for key, inner in _entries(value):
            found += _pointers(inner, (*path, key))
    return found


def _entries(value: "Mapping[str, Json] | list[Json]") -> "list[tuple[str | int, Json]]":
    return list(value.items()) if isinstance(value, Mapping) else list(enumerate(value))


def _anchor(path: "Path") -> str:
    """An id that is unique, whatever the names in the config are."""
    return "f-" + "-".join(
        str(step) if isinstance(step, int) else step.encode("utf-8", "surrogatepass").hex()
        for step in path
    )


def _kind(value: "Json") -> str:
    if isinstance(value, (dict, list)):
        return "flat"
    return "string" if isinstance(value, str) else "value"
