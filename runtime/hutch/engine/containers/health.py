"""Health checks: one small static program beside each container that has a check.

    warren start -> warren-health, which runs "hutch exec" on time -> the file "health"
                       status changed -> "warren container health-changed ID RUN STATUS": an event

warren-health (native/health/monitor.c) is a companion (``companion``); one that takes the place of
another continues with what "health" says. Checks of a port are made by native/health/probe.c.
"""

import json
import struct
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import hutch
from hutch.engine.containers import companion
from hutch.engine.containers.options import HealthOption
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.errors import UsageError
from hutch.image.documents import Healthcheck

# What is usual (docs.docker.com/reference/dockerfile, HEALTHCHECK), seconds.
INTERVAL, TIMEOUT, PERIOD, START_INTERVAL, RETRIES = 30.0, 30.0, 0.0, 5.0, 3
LEAST = 0.001
STATUSES = ("starting", "healthy", "unhealthy")
CHANGED = ["container", "health-changed"]
FORMAT = 2
# What is checked. The first is Docker's health; all are probes of Kubernetes. Each has a monitor,
# which works in this folder of the container's.
LIVENESS, STARTUP, READINESS = "liveness", "startup", "readiness"
FOLDERS = {LIVENESS: "", STARTUP: STARTUP, READINESS: READINESS}
HEAD = struct.Struct("IIIII4x")  # struct health of monitor.c, then struct check
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
    if "delay" in asked:
        image = {}  # a probe of Kubernetes is complete
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
    found = {**asked, **found}  # and what only a probe of Kubernetes asks for
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


def read(engine: Engine, record: Record, kind: str = LIVENESS) -> Health:
    """The container's health, as far as it was checked in this run; or what came of its startup or
    readiness probe."""
    try:
        data = (engine.places(record).folder / FOLDERS[kind] / "health").read_bytes()
        form, run, status, streak, count = HEAD.unpack_from(data)
        if (form, run) != (FORMAT, record.runs):
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


def probe_of(record: Record, kind: str) -> HealthOption:
    """How a kind of health is checked; {} if it is not."""
    options = record.options
    return {LIVENESS: options.health, STARTUP: options.startup, READINESS: options.readiness}[kind]


def due(engine: Engine, record: Record) -> list[str]:
    """The kinds that are checked now: the startup probe until it has succeeded, then the others."""
    if record.options.startup and read(engine, record, STARTUP).status != STATUSES[1]:
        return [STARTUP]
    return [kind for kind in (LIVENESS, READINESS) if probe_of(record, kind)]


def prepare(engine: Engine, record: Record) -> None:
    """Makes the folders of the monitors. As soon as the row says that the container runs, any
    other warren may start them."""
    places = engine.places(record)
    for kind, folder in FOLDERS.items():
        if probe_of(record, kind):
            (places.folder / folder).mkdir(mode=0o700, exist_ok=True)
        (places.folder / folder / "paused").unlink(missing_ok=True)


def begin(engine: Engine, record: Record) -> None:
    """Starts the monitors of a run that has just begun."""
    places = engine.places(record)
    for kind in due(engine, record):
        companion.begin(places, record, "health", partial(words, engine, record, kind),
                        FOLDERS[kind])  # fmt: skip


def watch(engine: Engine, record: Record) -> None:
    """Starts those of the monitors that are not there."""
    for kind in due(engine, record):
        companion.watch(engine.places(record), record, "health",
                        partial(words, engine, record, kind), FOLDERS[kind])  # fmt: skip


def words(engine: Engine, record: Record, kind: str = LIVENESS) -> list[str]:
    """The command line of a kind's monitor. Writes the process that it executes."""
    option = probe_of(record, kind)
    age = max(time.time() - record.started, 0.0)
    # As with Docker the first check is after an interval, unless a delay is asked for.
    usual = option["start_interval"] if option["start_period"] > age else option["interval"]
    times = [
        option["interval"], option["timeout"], option["start_period"], option["start_interval"],
        age, option.get("delay", usual + age),
    ]  # fmt: skip
    return [
        *(str(min(round(seconds * 1000), 2**31 - 1)) for seconds in times),
        str(option["retries"]), str(option.get("successes", 1)), str(int(kind == STARTUP)),
        str(record.runs), *check_words(engine, record, kind), "--",
        *engine.program, *CHANGED, "--probe", kind, record.id, str(record.runs),
    ]  # fmt: skip


def check_words(engine: Engine, record: Record, kind: str) -> list[str]:
    """The command line of one check."""
    from hutch.engine.containers.conmon import hutch_program
    from hutch.engine.containers.places import runtime_root
    from hutch.engine.containers.process import Execution, process_of

    runtime, test = record.options.runtime, probe_of(record, kind)["test"]
    if test[0] in ("HTTP-GET", "TCP-SOCKET"):
        program = Path(hutch.__path__[0]) / "libexec" / "warren-probe"
        return [str(program), f"/proc/{record.pid}/ns/net", *test]
    args = test[1:] if test[0] == "CMD" else ["/bin/sh", "-c", test[1]]
    process = process_of(engine, record, Execution(args))
    folder = engine.places(record).folder / FOLDERS[kind]
    (folder / "health.process").write_text(json.dumps(process))
    return [
        hutch_program(runtime), "--root", runtime_root(engine.store.root, runtime), "exec",
        "--process", "health.process", "--pid-file", "health.pid", record.id,
    ]  # fmt: skip
