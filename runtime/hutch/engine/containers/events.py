"""What happened to containers and volumes, in the order in which it did: a table of the store."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, cast

from hutch.engine.column import encode, parsed
from hutch.engine.containers.records import Record
from hutch.image.database import Database

if TYPE_CHECKING:
    from hutch.engine.filters import Wanted

KEPT = 5000
POLL = 0.05  # seconds between two looks at the database
# A filter names a kind of event, and its value an id or a name; or it looks at another part of an
# event. Of a swarm, and of a daemon, there are no events.
KINDS = ("container", "image", "network", "pod", "volume")
SWARM = ("config", "daemon", "node", "plugin", "secret", "service")
FILTERS = (*KINDS, *SWARM, "event", "label", "scope", "type")


class Event(NamedTuple):
    """One event, in Docker's words: ``kind`` is container, ``action`` is start; the id or name,
    and more about it."""

    number: int
    time: float
    kind: str
    action: str
    actor: str
    attributes: dict[str, str]

    def document(self) -> dict[str, object]:
        """The event in the shape of Docker's API."""
        return {
            "status": self.action, "id": self.actor, "from": self.attributes.get("image", ""),
            "Type": self.kind, "Action": self.action,
            "Actor": {"ID": self.actor, "Attributes": self.attributes}, "scope": "local",
            "time": int(self.time), "timeNano": int(self.time * 1e9),
        }  # fmt: skip

    def passes(self, wanted: "Wanted") -> bool:
        """Whether filters, of those in FILTERS, let it pass."""
        from hutch.engine.filters import holds

        return holds(wanted, self._holds)

    def _holds(self, name: str, value: str) -> bool:
        if name in KINDS:
            if name == "image" and self.kind == "container":
                return self.attributes.get("image") == value
            named = self.attributes.get("name") == value
            return self.kind == name and (self.actor.startswith(value) or named)
        if name == "type":
            return self.kind == value
        if name == "event":
            return self.action.partition(":")[0] == value.partition(":")[0]
        if name == "label":
            from hutch.engine.filters import has_label

            return has_label(self.attributes, value)
        return name == "scope" and value == "local"


class Events:
    """The events of a store."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, kind: str, action: str, actor: str, attributes: dict[str, str]) -> None:
        """Remembers an event; the oldest ones are forgotten."""
        with self.database.transaction():
            self.database.rows(
                "INSERT INTO event (time, kind, action, actor, attributes) VALUES (?, ?, ?, ?, ?)",
                time.time(), kind, action, actor, encode(attributes),
            )  # fmt: skip
            self.database.rows(
                "DELETE FROM event WHERE number <= (SELECT max(number) FROM event) - ?", KEPT
            )

    def of(self, record: Record, action: str, **more: str) -> None:
        """An event of a container."""
        attributes = {
            "image": record.options.image, "name": record.name, **record.options.labels, **more,
        }  # fmt: skip
        self.add("container", action, record.id, attributes)

    def last(self) -> int:
        """The number of the newest event; 0 if there is none."""
        (number,) = self.database.rows("SELECT max(number) FROM event")[0]
        return int(number or 0)

    def after(self, number: int) -> list[Event]:
        """All events with a higher number."""
        rows = self.database.rows("SELECT * FROM event WHERE number > ? ORDER BY number", number)
        return [
            Event(
                int(number),
                float(when),
                kind,
                action,
                actor,
                cast("dict[str, str]", parsed(attributes)),
            )
            for number, when, kind, action, actor, attributes in rows
        ]

    def follow(self, number: int, until: float | None = None) -> Iterator[Event]:
        """Events after that number as they come, for ever or until that time."""
        while True:
            found = self.after(number)
            for event in found:
                if until is not None and event.time > until:
                    return
                number = event.number
                yield event
            if until is not None and time.time() > until:
                return
            if not found:
                time.sleep(POLL)

    def exit_code(self, id: str, since: int) -> int | None:
        """How a container that may be gone by now ended after that event; None if it has not."""
        rows = self.database.rows(
            "SELECT attributes FROM event WHERE number > ? AND actor = ? AND action = 'die'"
            " ORDER BY number LIMIT 1",
            since, id,
        )  # fmt: skip
        return int(cast("dict[str, str]", parsed(rows[0][0]))["exitCode"]) if rows else None
