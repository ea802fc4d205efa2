"""Why a run of a container ended, for `inspect`, `ps` and `events`."""

from typing import TYPE_CHECKING, cast

from hutch.engine.containers.places import is_hutch, runtime_root
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.errors import HutchError
from hutch.spec.json import decode, encode

if TYPE_CHECKING:
    from hutch.container.ending import Ending


def find_out(engine: Engine, record: Record, code: int) -> None:
    """Sets ``record.ending`` from conmon's exit code and from what the kernel tells; the runtime
    still has the container. The wait status is known only if this process has waited for the end
    (Engine.statuses); an exit code over 128 may be a signal's or not."""
    if code == 0:
        record.ending = '{"cause":"exit","exitCode":0,"reason":"exit code 0"}'
        return
    from hutch.container.ending import end_of, how_it_ended
    from hutch.container.store import Store

    status = engine.statuses.pop(record.id, None)
    number, _, verb = record.sent.partition(" ")
    sent = (int(number), verb) if verb else None
    try:
        if not is_hutch(record.options.runtime):
            raise HutchError("another runtime")
        entry = Store(runtime_root(engine.store.root)).find(record.id)
        found = end_of(entry.load_state(), entry.directory, status=status, code=code, sent=sent)
    except HutchError:
        found = how_it_ended(status=status, code=code, pid=record.pid, sent=sent)
    record.oom = record.oom or "memory" in found
    record.ending = encode(found)


def ending(record: Record) -> "Ending":
    """How its last run ended; {} if it has not ended yet."""
    return cast("Ending", decode(record.ending.encode(), "ending")) if record.ending else {}


def words(record: Record) -> str:
    """What `ps` adds to the exit code: "" if it ended itself, or because warren was asked to end
    it."""
    found = ending(record)
    cause = found.get("cause")
    if cause == "oom" or record.oom:
        return "out of memory"
    if cause == "seccomp":
        call = found.get("seccomp")
        return "forbidden call " + call["name"] if call else "forbidden call"
    if cause == "fault" or (cause == "signal" and found.get("sender") in ("kernel", "process")):
        core = ", core dumped" if found.get("coreDumped") else ""
        return found.get("signal", "fault") + core
    return "too many processes" if found.get("pids") else ""


def attributes(record: Record) -> dict[str, str]:
    """What the event of its end has besides the exit code."""
    found = ending(record)
    shown = {"cause": found.get("cause"), "reason": found.get("reason")}
    if record.exit_code == 0 or not found:
        return {}
    return {key: str(value) for key, value in shown.items() if value}
