"""What follows when a container's health has changed: its monitor calls this."""

from hutch.engine.containers.health import LIVENESS, STARTUP, STATUSES, probe_of, watch
from hutch.engine.containers.records import Record
from hutch.engine.containers.stop import terminate
from hutch.engine.engine import Engine


def changed(engine: Engine, record: Record, kind: str, status: str) -> None:
    """What follows when a monitor has seen another status: an event; after the startup probe the
    other monitors; the end of a container whose probe asks for it, which its restart policy then
    starts again."""
    if kind == LIVENESS:
        engine.events.of(record, "health_status: " + status)
    elif kind == STARTUP and status == STATUSES[1]:
        watch(engine, record)
    option = probe_of(record, kind)
    if status == STATUSES[2] and option.get("on_failure") == "stop":
        terminate(engine, record, option.get("grace", float(record.options.stop_timeout)))
