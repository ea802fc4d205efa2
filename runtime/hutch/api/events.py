"""GET /events: what happens, a line each, until the client leaves or the time is over."""

import json
import time

from hutch.api.call import Call
from hutch.api.selection import filters, moment
from hutch.engine.containers.events import FILTERS, Event

OLD = ("status", "id", "from")


def events(call: Call) -> None:
    """GET /events?since=&until=&filters=: what happens, as it does."""
    log, exchange = call.engine.events, call.exchange
    since = moment(call.query.get("since", ""))
    until = moment(call.query.get("until", ""))
    wanted = filters(call.query, FILTERS)
    number = 0 if call.query.get("since") else log.last()
    kind, before, after = form_of(call)
    exchange.begin(kind)
    with call.memory.followers.join(call.engine, exchange.socket.fileno()) as follower:
        while True:
            found = log.after(number)
            for event in found:
                number = event.number
                late = until and event.time > until
                passes = event.passes(wanted)
                if event.time >= since and not late and passes:
                    exchange.write(before + json.dumps(document(kind, event)).encode() + after)
            left = until - time.time() if until else None
            if left is not None and left <= 0:
                break
            if not found:
                if exchange.client_left():
                    return
                follower.wait(seconds=left)
    exchange.end()


def document(kind: str, event: Event) -> dict[str, object]:
    """The event. Its oldest fields are not there in the media types of 1.52. For all others they
    stay: docker compose 1.29 takes the newest version, and reads them."""
    found = event.document()
    return {k: v for k, v in found.items() if kind == "application/json" or k not in OLD}


def form_of(call: Call) -> tuple[str, bytes, bytes]:
    """The media type that the client accepts, and what is before and after each event (since
    1.52)."""
    accepted = [one.partition(";")[0].strip() for one in
                call.exchange.headers.get("accept", "").split(",")]  # fmt: skip
    if call.version >= (1, 52) and "application/json-seq" in accepted:
        return "application/json-seq", b"\x1e", b"\n"  # RFC 7464
    for kind in ("application/x-ndjson", "application/jsonl"):
        if call.version >= (1, 52) and kind in accepted:
            return kind, b"", b"\n"
    return "application/json", b"", b"\r\n"
