"""POST /containers/ID/wait: clients ask before they start a container, and wait for the answer."""

from hutch.api.call import Call
from hutch.api.http import Gone
from hutch.engine.containers import records as phases
from hutch.engine.containers.finish import refresh
from hutch.errors import UsageError, shown


def wait(call: Call) -> None:
    """POST /containers/ID/wait?condition=: not-running (the usual), next-exit, removed. The headers
    go out at once, since clients start the container only then."""
    condition = call.query.get("condition") or "not-running"
    if condition not in ("not-running", "next-exit", "removed"):
        raise UsageError(f"invalid condition: {shown(condition)}")
    engine = call.engine
    since = engine.events.last()
    record = call.container()
    call.exchange.begin("application/json")
    code = None
    if condition == "not-running" and record.phase in (
        phases.CREATED, phases.EXITED, phases.DEAD,
    ):  # fmt: skip
        code = record.exit_code
    with call.memory.followers.join(engine, call.exchange.socket.fileno()) as follower:
        while code is None:
            if call.exchange.client_left():
                raise Gone
            current = engine.records.get(record.id)
            ended = engine.events.exit_code(record.id, since)
            if current is None:
                code = record.exit_code if ended is None else ended
            elif ended is not None and condition != "removed":
                code = ended
            else:
                follower.wait(refresh(engine, current))
    call.exchange.line({"StatusCode": code, "Error": None})
    call.exchange.end()
