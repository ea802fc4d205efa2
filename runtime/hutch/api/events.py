"""GET /events: what happens, a line each, until the client leaves or the time is over."""

import time

from hutch.api.call import Call
from hutch.api.errors import ApiError
from hutch.api.fields import filters
from hutch.api.streams import moment
from hutch.engine.containers.events import Event

POLL = 0.05
# A filter's name: the kind of event and whether it looks at the id, or another part of an event.
KINDS = ("container", "image", "network", "volume")
OTHERS = ("type", "event", "label", "scope", "daemon")


def events(call: Call) -> None:
    """``since``, ``until`` (seconds or RFC 3339) and ``filters``."""
    log, exchange = call.engine.events, call.exchange
    since = moment(call.query.get("since", ""))
    until = moment(call.query.get("until", ""))
    wanted = filters(call.query)
    for name, _ in wanted:
        if name not in KINDS + OTHERS:
            raise ApiError(400, f"invalid filter '{name}'")
    number = 0 if since else log.last()
    exchange.begin("application/json")
    while True:
        found = log.after(number)
        for event in found:
            number = event.number
            late = until and event.time > until
            if event.time >= since and not late and matches(event, wanted):
                exchange.line(event.document())
        if until and time.time() >= until:
            break
        if not found:
            if exchange.client_left():
                return
            time.sleep(POLL)
    exchange.end()


def matches(event: Event, wanted: list[tuple[str, str]]) -> bool:
    """Whether for each name of a filter one of its values holds; of labels all must."""
    for name in {name for name, _ in wanted}:
        values = [value for key, value in wanted if key == name]
        holds = [_holds(event, name, value) for value in values]
        if not (all(holds) if name == "label" else any(holds)):
            return False
    return True


def _holds(event: Event, name: str, value: str) -> bool:
    if name in KINDS:
        if name == "image" and event.kind == "container":
            return event.attributes.get("image") == value
        named = event.attributes.get("name") == value
        return event.kind == name and (event.actor.startswith(value) or named)
    if name == "type":
        return event.kind == value
    if name == "event":
        return event.action.partition(":")[0] == value.partition(":")[0]
    if name == "label":
        key, given, wanted = value.partition("=")
        return key in event.attributes and (not given or event.attributes[key] == wanted)
    return value == "local" or name == "daemon"
