"""``filters`` of queries: which containers, images, networks, volumes or events are meant."""

import json
import math
import re
import time
from collections.abc import Callable, Mapping

from hutch.api.call import Call
from hutch.api.errors import ApiError
from hutch.engine.filters import PRUNE, Wanted, to_go
from hutch.errors import UsageError, shown


def filters(query: Mapping[str, str], known: tuple[str, ...]) -> Wanted:
    """``filters`` of a query, in both forms that clients send: {"label": {"a=b": true}} and
    {"label": ["a=b"]}. A filter that is not ``known`` is refused: what it would leave out would
    be listed, or lost. Raises UsageError, ApiError."""
    given = query.get("filters", "")
    if not given:
        return {}
    try:
        document = json.loads(given)
    except (ValueError, RecursionError):
        raise UsageError(f"filters: {shown(given)} is not JSON") from None
    if not isinstance(document, dict):
        raise UsageError(f"filters: {shown(given)} is not an object")
    found: Wanted = {}
    for name, given_values in document.items():
        values = given_values
        if isinstance(values, dict):
            values = [value for value, wanted in values.items() if wanted]
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise UsageError(f"filters: {name}: {shown(values)} is not a list of strings")
        if name not in known:
            raise ApiError(400, f"invalid filter {shown(name)}; there are {', '.join(known)}")
        found[name] = values
    return found


def truth(value: str, name: str) -> bool:
    """The value of a filter that is true or false. Raises UsageError."""
    if value.lower() not in ("true", "1", "t", "false", "0", "f"):
        raise UsageError(f"filters: {name}: {shown(value)} is neither true nor false")
    return value.lower() in ("true", "1", "t")


def meant_to_go(
    call: Call, *more: str
) -> tuple[Wanted, Callable[[float, Mapping[str, str]], bool]]:
    """The filters of a prune, of which all know ``until``, ``label`` and ``label!``; and whether
    these mean something that was made at a time and has labels."""
    wanted = filters(call.query, (*PRUNE, *more))
    until = min((moment(text) for text in wanted.get("until", [])), default=math.inf)

    return wanted, lambda created, labels: to_go(wanted, until, created, labels)


def moment(text: str) -> float:
    """A time of a query in seconds since 1970: a number, RFC 3339, a date, or a duration before now
    (10m). 0 for none. Raises UsageError."""
    from hutch.engine.containers.logs import timestamp
    from hutch.engine.containers.words import DURATION, duration

    if not text:
        return 0.0
    try:
        found = float(text)
    except ValueError:
        found = timestamp(text)
        if not found and re.match(DURATION, text):
            return time.time() - duration(text, "a time")
    # Further away no clock counts, and no calendar.
    if (not found and text.strip("0.")) or not abs(found) < 1e11:
        raise UsageError(f"{shown(text)} is not a time")
    return found
