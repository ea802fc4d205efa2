"""The fields of an API's replies: their names and types, without their values."""

import json
import re
import socket
from http.client import HTTPConnection

from conformance.compare.outcome import Outcome

TYPES = {str: "string", bool: "boolean", int: "number", float: "number"}
ID = re.compile(r"[0-9a-f]{64}")
PATIENCE = 60


def reply(path: str, method: str, target: str, body: str = "") -> Outcome:
    """The status and the fields of the reply to a request, a row each."""
    connection = HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(PATIENCE)
    connection.sock.connect(path)
    connection.request(method, target, body, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    kind = answer.headers.get("Content-Type", "nothing").partition(";")[0]
    rows = {f"type: {kind}"}
    for line in data.splitlines() if kind == "application/json" else ():
        rows |= shape(json.loads(line))
    return Outcome(answer.status, "\n".join(sorted(rows)), "")


def shape(value: object, place: str = "") -> set[str]:
    """Each value of a document by its place, with its type. What is in a list has # for a name;
    ids have ID."""
    if isinstance(value, dict | list) and value:
        named = value.items() if isinstance(value, dict) else (("#", one) for one in value)
        return set().union(*(shape(one, f"{place}.{ID.sub('ID', name)}") for name, one in named))
    kind = "nothing" if value in ({}, [], None) else TYPES[type(value)]
    return {f"{place}: {kind}"}


def lacking(ours: str, theirs: str) -> list[str]:
    """The rows of their reply that ours has not. null and what is empty may stand for all."""
    own = set(ours.splitlines())
    places = {row.rpartition(": ")[0] for row in own}
    empty = {row.rpartition(": ")[0] for row in own if row.endswith(": nothing")}
    empty = {one for one in empty if not any(place.startswith(one + ".") for place in places)}
    found = []
    for row in theirs.splitlines():
        place, _, kind = row.rpartition(": ")
        has = any(one == place or one.startswith(place + ".") for one in places)
        absent = any(place == one or place.startswith(one + ".") for one in empty)
        if row not in own and not (kind == "nothing" and has) and not absent:
            found.append(row)
    return found
