"""Sets and removes members of a JSON text, and keeps the rest of the text as it is."""

import json
import re
from typing import NamedTuple

from hutch.cli.cold.install.toml_text import Data, Place, Setting, with_settings, without
from hutch.errors import ConfigError, HutchError

INDENT = "    "
WHITESPACE = re.compile(r"[ \t\n\r]*")


class Member(NamedTuple):
    """Where a member of an object is in the text: of its key the start, of its value both ends."""

    name: str
    key: int
    start: int
    end: int


class Json:
    """The language of daemon.json."""

    @staticmethod
    def parse(text: str) -> Data:
        """Raises ConfigError, with line and column if the text is not JSON. An empty text is an
        empty object."""
        if not text.strip():
            return {}
        try:
            data = json.loads(text, object_pairs_hook=_unique)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise ConfigError(place, error.msg[:1].lower() + error.msg[1:]) from None
        except RecursionError:
            raise ConfigError("", "is nested too deeply") from None
        if not isinstance(data, dict):
            raise ConfigError("", "must be an object, not a " + type(data).__name__)
        return data

    @staticmethod
    def set(text: str, settings: list[Setting]) -> str:
        """The text with these settings. Raises ConfigError."""
        meant = with_settings(Json.parse(text), settings)
        if not text.strip():
            text = "{}\n"
        for place, value in settings:
            text = _with_member(text, place, value)
        return _meant(text, meant)

    @staticmethod
    def remove(text: str, place: Place) -> str:
        """The text without the member at the place. Raises ConfigError."""
        meant = without(Json.parse(text), place)
        start = _skip(text, 0)
        for name in place[:-1]:
            members = {one.name: one for one in _members(text, start)}
            if name not in members:
                return text
            start = members[name].start
        found = _members(text, start)
        for index, one in enumerate(found):
            if one.name != place[-1]:
                continue
            if index:
                text = text[: found[index - 1].end] + text[one.end :]
            elif len(found) > 1:
                text = text[: one.key] + text[found[1].key :]
            else:
                text = text[: start + 1] + text[_skip(text, one.end) :]
        return _meant(text, meant)


def _unique(pairs: list[tuple[str, object]]) -> Data:
    data = dict(pairs)
    if len(data) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(twice, "is there twice in one object")
    return data


def _with_member(text: str, place: Place, value: object) -> str:
    start = _skip(text, 0)
    margin = ""
    for depth, name in enumerate(place):
        members = _members(text, start)
        step = _margin(text, members) or margin + _step(text)
        found = next((one for one in members if one.name == name), None)
        if found is None:
            for outer in reversed(place[depth + 1 :]):
                value = {outer: value}
            return _inserted(text, start, members, name, value, margin, step)
        if depth + 1 == len(place):
            if json.loads(text[found.start : found.end]) == value:
                return text
            return text[: found.start] + _written(value, "", None) + text[found.end :]
        start, margin = found.start, step
    return text


def _inserted(
    text: str, start: int, members: list[Member], name: str, value: object, margin: str, step: str
) -> str:
    """The text with a new last member of the object that begins at ``start``."""
    if members and "\n" not in text[start : members[0].key]:
        end = members[-1].end  # an object on one line
        return text[:end] + f", {json.dumps(name)}: {_written(value, '', None)}" + text[end:]
    new = f"\n{step}{json.dumps(name)}: {_written(value, step, _step(text))}"
    if members:
        end = members[-1].end
        return text[:end] + "," + new + text[end:]
    return text[: start + 1] + new + f"\n{margin}" + text[_skip(text, start + 1) :]


def _written(value: object, margin: str, step: str | None) -> str:
    """The value as JSON, with its further lines below ``margin``; on one line without a step."""
    lines = json.dumps(value, indent=step, ensure_ascii=False).split("\n")
    return ("\n" + margin).join(lines)


def _step(text: str) -> str:
    """The indentation of the document."""
    return _margin(text, _members(text, _skip(text, 0))) or INDENT


def _margin(text: str, members: list[Member]) -> str:
    """The white space between the start of the line and the first member."""
    if not members:
        return ""
    line = text[: members[0].key].rpartition("\n")[2]
    return line if "\n" in text[: members[0].key] and not line.strip() else ""


def _members(text: str, start: int) -> list[Member]:
    """The members of the object that begins at ``start``, in a text that is known to be JSON."""
    decoder = json.JSONDecoder()
    found = []
    place = _skip(text, start + 1)
    while text[place] != "}":
        key = place
        name, place = decoder.raw_decode(text, place)
        value = _skip(text, _skip(text, place) + 1)
        _, end = decoder.raw_decode(text, value)
        found.append(Member(name, key, value, end))
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)
    return found


def _skip(text: str, place: int) -> int:
    """The next place that is not white space."""
    match = WHITESPACE.match(text, place)
    return match.end() if match else place


def _meant(text: str, meant: Data) -> str:
    if json.loads(text) != meant:
        raise HutchError("the file cannot be changed without changing more", hint="do it by hand")
    return text
