"""A config from which wrong fields are taken, so that what is right in it can be checked further.

The reader of a config, the plan compiler and the preflight each raise their first error. `check`
finds the next one by taking the field of the error out and asking again. A field that a container
cannot be without gets a stand-in instead.
"""

import copy
from typing import TYPE_CHECKING

from hutch.spec import table
from hutch.spec.cold.places import path_of
from hutch.spec.pointer import pointer

if TYPE_CHECKING:
    from hutch.spec.json import Json
    from hutch.spec.pointer import Path

STAND_INS: "dict[Path, Json]" = {
    ("ociVersion",): "1.0.2",
    ("root",): {"path": "."},
    ("root", "path"): ".",
    ("process",): {"args": ["/"], "cwd": "/"},
    ("process", "args"): ["/"],
    ("process", "cwd"): "/",
}


class Remaining:
    """What is left of a config. ``stand_ins`` are the paths that have a stand-in; ``removed`` are
    the first paths of what was taken out."""

    def __init__(self, config: "Json") -> None:
        self.config = copy.deepcopy(config)
        self.stand_ins: set[Path] = set()
        self.removed: list[Path] = []
        # For each list: the first index of each entry that is left.
        self._indices: dict[Path, list[int]] = {}
        self._note_lists(self.config, ())

    def first_path(self, text: str) -> "tuple[Path, Path]":
        """(the path that the value at the pointer ``text`` had at first, or that of the nearest
        value around it; the names in the pointer that the config lacks)."""
        path, missing = path_of(text, self.config)
        return self._at_first(path), missing

    def first_pointer(self, text: str) -> str:
        """The pointer that the value at the pointer ``text`` had at first."""
        path, missing = self.first_path(text)
        return pointer((*path, *missing), table.CONFIG) if path or missing else text

    def has_stand_in(self, *path: str) -> bool:
        """Whether the value at ``path``, or one around it, is a stand-in."""
        return any(path[: len(one)] == one for one in self.stand_ins)

    def lacks_neighbours(self, text: str) -> bool:
        """Whether the value at the pointer ``text`` is in a list of which other entries were taken
        out. Then the rules for the entries of the list were not asked before."""
        unit = self._unit(path_of(text, self.config)[0])
        return bool(unit) and any(
            isinstance(unit[-1], int) and path[:-1] == unit[:-1] for path in self.removed
        )

    def take_out(self, text: str) -> bool:
        """Takes out the value at the pointer ``text``: a whole entry where it is inside of an entry
        of a list. Returns False if nothing can be taken out."""
        path, missing = path_of(text, self.config)
        if not path and missing and missing[:1] in STAND_INS:
            path = missing[:1]
        path = self._unit(path)
        if path in STAND_INS:
            if path in self.stand_ins:
                path = path[:-1]
                if path not in STAND_INS or path in self.stand_ins:
                    return False
            self._put(path, copy.deepcopy(STAND_INS[path]))
            self.stand_ins.add(path)
            return True
        if not path:
            return False
        self.removed.append(self._at_first(path))
        holder = self._value(path[:-1])
        last = path[-1]
        if isinstance(holder, list) and isinstance(last, int):
            del holder[last]
            self._forget(path[:-1], last)
        elif isinstance(holder, dict) and isinstance(last, str):
            del holder[last]
        return True

    def _unit(self, path: "Path") -> "Path":
        """What is taken out for an error at ``path``."""
        if path[:2] == ("process", "args"):
            return path[:2]
        # Without its path a namespace is a new one, which other fields may need.
        if path[:2] == ("linux", "namespaces") and path[3:] == ("path",):
            return path
        for end in range(len(path), 0, -1):
            if isinstance(path[end - 1], int) and isinstance(self._value(path[:end]), dict):
                return path[:end]
        return path

    def _at_first(self, path: "Path") -> "Path":
        first: Path = ()
        for number, step in enumerate(path):
            if isinstance(step, int):
                first = (*first, self._indices[path[:number]][step])
            else:
                first = (*first, step)
        return first

    def _forget(self, path: "Path", index: int) -> None:
        """Entries after the one that was taken out of the list at ``path`` move up."""
        del self._indices[path][index]
        depth = len(path)
        moved = {}
        for place, indices in self._indices.items():
            if place[:depth] == path and len(place) > depth:
                step = place[depth]
                assert isinstance(step, int)
                if step == index:
                    continue
                if step > index:
                    place = (*path, step - 1, *place[depth + 1 :])  # noqa: PLW2901
            moved[place] = indices
        self._indices = moved

    def _note_lists(self, value: "Json", path: "Path") -> None:
        if isinstance(value, list):
            self._indices[path] = list(range(len(value)))
            for index, item in enumerate(value):
                self._note_lists(item, (*path, index))
        elif isinstance(value, dict):
            for name, item in value.items():
                self._note_lists(item, (*path, name))

    def _value(self, path: "Path") -> "Json":
        value = self.config
        for step in path:
            value = value[step]  # type: ignore[index]
        return value

    def _put(self, path: "Path", value: "Json") -> None:
        holder = self._value(path[:-1])
        if not isinstance(holder, dict):
            self.config = holder = {}
        holder[str(path[-1])] = value
        self._note_lists(value, path)
