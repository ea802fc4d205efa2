"""Health checks: one small static program beside each container that has a check.

    warren start -> warren-health, which runs "hutch exec" on time -> the file "health"
                       status changed -> "warren container health-changed ID RUN STATUS": an event

warren-health (native/health/monitor.c) is a companion (``companion``); one that takes the place of
another continues with what "health" says.
"""

import json
import struct
import time
from dataclasses import dataclass, field

from hutch.engine.containers import companion
from hutch.engine.containers.options import HealthOption
from hutch.engine.containers.places import Places
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.errors import UsageError
from hutch.image.documents import Healthcheck

# What is usual (docs.docker.com/reference/dockerfile, HEALTHCHECK), seconds.
INTERVAL, TIMEOUT, PERIOD, START_INTERVAL, RETRIES = 30.0, 30.0, 0.0, 5.0, 3
LEAST = 0.001
STATUSES = ("starting", "healthy", "unhealthy")
CHANGED = ["container", "health-changed"]
FORMAT = 1
HEAD = struct.Struct("IIII")  # struct health of monitor.c, then struct check
CHECK = struct.Struct("qqiI4096s")


@dataclass(frozen=True, slots=True)
class Check:
    """One check that was made. Times are seconds since 1970; the code is -1 after a time-out."""

    begin: float
    end: float
    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a container's health: the status, how many checks failed in a row, and the
    last five checks, oldest first."""

    status: str = STATUSES[0]
    streak: int = 0
    log: list[Check] = field(default_factory=list)


def merged(asked: HealthOption, image: Healthcheck) -> HealthOption:
    """The check that the flags ask for, completed by the image's; {} for none."""
    test = asked.get("test") or image.get("Test", [])
    if not test or test[0] == "NONE":
        return {}
    found: HealthOption = {"test": test}
    found["interval"] = asked.get("interval") or image.get("Interval", 0) / 1e9 or INTERVAL
    found["timeout"] = asked.get("timeout") or image.get("Timeout", 0) / 1e9 or TIMEOUT
    found["start_period"] = asked.get("start_period") or image.get("StartPeriod", 0) / 1e9 or PERIOD
    found["start_interval"] = (
        asked.get("start_interval") or image.get("StartInterval", 0) / 1e9 or START_INTERVAL
    )
    found["retries"] = asked.get("retries") or image.get("Retries", 0) or RETRIES
    for key in ("interval", "timeout", "start_period", "start_interval"):
        if 0 < found[key] < LEAST:
            raise UsageError(f"--health-{key.replace('_', '-')} is less than 1ms")
    return found


def document(option: HealthOption) -> Healthcheck:
    """The check, in the shape of Docker's image specification."""
    return {
        "Test": option["test"],
        "Interval": int(option["interval"] * 1e9),
        "Timeout": int(option["timeout"] * 1e9),
        "StartPeriod": int(option["start_period"] * 1e9),
        "StartInterval": int(option["start_interval"] * 1e9),
        "Retries": option["retries"],
    }


def read(places: Places) -> Health:
    """The container's health, as far as it was checked in this run."""
    try:
        data = (places.folder / "health").read_bytes()
        kind, status, streak, count = HEAD.unpack_from(data)
        if kind != FORMAT:
            return Health()
        log = [
            Check(begin / 1e9, end / 1e9, code, output[:length].decode(errors="replace"))
            for begin, end, code, length, output in (
                CHECK.unpack_from(data, HEAD.size + place * CHECK.size) for place in range(count)
            )
        ]
    except (OSError, struct.error):
        return Health()
    return Health(STATUSES[status], streak, log)


def begin(engine: Engine, record: Record) -> None:
    """Starts the monitor of a run that has just begun."""
    places = engine.places(record)
    for name in ("health", "health.pid", "paused"):
        (places.folder / name).unlink(missing_ok=True)
    companion.begin(places, record, "health", lambda: words(engine, record))


def watch(engine: Engine, record: Record) -> None:
    """Starts a monitor unless there is one."""
    companion.watch(engine.places(record), record, "health", lambda: words(engine, record))


def words(engine: Engine, record: Record) -> list[str]:
    """The monitor's command line. Writes the process that it executes."""
    from hutch.engine.containers.conmon import hutch_program
    from hutch.engine.containers.places import runtime_root
    from hutch.engine.containers.process import Execution, process_of

    option, runtime = record.options.health, record.options.runtime
    test = option["test"]
    args = test[1:] if test[0] == "CMD" else ["/bin/sh", "-c", test[1]]
    process = process_of(engine, record, Execution(args))
    (engine.places(record).folder / "health.process").write_text(json.dumps(process))
    times = [
        option["interval"], option["timeout"], option["start_period"], option["start_interval"],
        max(time.time() - record.started, 0.0),
    ]  # fmt: skip
    return [
        *(str(min(round(seconds * 1000), 2**31 - 1)) for seconds in times), str(option["retries"]),
        hutch_program(runtime), "--root", runtime_root(engine.store.root, runtime), "exec",
        "--process", "health.process", "--pid-file", "health.pid", record.id,
        "--", *engine.program, *CHANGED, record.id, str(record.runs),
    ]  # fmt: skip
