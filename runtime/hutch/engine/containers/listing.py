"""The rows of ``ps``: the containers that match Docker's filters, as the kernel shows them."""

import fnmatch
from collections.abc import Callable
from datetime import UTC, datetime

from hutch.engine.containers import records as phases
from hutch.engine.containers.config import command_line
from hutch.engine.containers.finish import refresh
from hutch.engine.containers.options import bridged
from hutch.engine.containers.records import Record, now
from hutch.engine.engine import Engine
from hutch.errors import HutchError, UsageError, shown

FILTERS = "id, name, label, status, exited, ancestor, before, since, volume, network, health, pod"
HEALTHS = ("starting", "healthy", "unhealthy", "none")


def listed(
    engine: Engine, *, every: bool = False, filters: list[str] | None = None
) -> list[Record]:
    """The containers that run (with ``every``, or a filter on the status, all), newest first."""
    conditions = [condition(engine, text) for text in filters or []]
    every = every or any(text.startswith(("status=", "exited=")) for text in filters or [])
    found = [refresh(engine, record) for record in engine.records.all()]
    found = [r for r in found if r.phase != phases.REMOVING or engine.records.get(r.id)]
    found = [r for r in found if every or r.phase in (phases.RUNNING, phases.RESTARTING)]
    # Of one key any value will do, of several keys all must hold; labels must all hold.
    groups: dict[str, list[Callable[[Record], bool]]] = {}
    for key, holds in conditions:
        groups.setdefault(key if key != "label" else f"label{len(groups)}", []).append(holds)
    return [r for r in found if all(any(h(r) for h in group) for group in groups.values())]


def condition(engine: Engine, text: str) -> tuple[str, Callable[[Record], bool]]:
    """One ``--filter KEY=VALUE``. Raises UsageError."""
    key, given, value = text.partition("=")
    if not given:
        raise UsageError(f"invalid filter {shown(text)}", hint=f"KEY=VALUE of {FILTERS}")
    if key == "id":
        return key, lambda record: record.id.startswith(value)
    if key == "name":
        return (
            key,
            lambda record: (
                value.strip("^$/") in record.name
                if not (value.startswith("^") and value.endswith("$"))
                else record.name == value.strip("^$/")
            ),
        )
    if key == "label":
        name, has_value, wanted = value.partition("=")
        return (
            key,
            lambda record: (
                name in record.options.labels
                and (not has_value or record.options.labels[name] == wanted)
            ),
        )
    if key == "status":
        if value not in (
            "created",
            "restarting",
            "running",
            "paused",
            "exited",
            "removing",
            "dead",
        ):
            raise UsageError(f"filter status={value}: there is no such status")
        return key, lambda record: status(record) == value
    if key == "exited":
        if not value.isdecimal():
            raise UsageError(f"filter exited={value}: a number is wanted")
        return key, lambda record: record.phase == phases.EXITED and record.exit_code == int(value)
    if key == "ancestor":
        return key, ancestor(engine, value)
    if key == "health":
        if value not in HEALTHS:
            raise UsageError(f"filter health={value}: there are {', '.join(HEALTHS)}")
        return key, lambda record: health(engine, record) == value
    if key in ("before", "since"):
        pivot = engine.records.find(value).created
        if key == "before":
            return key, lambda record: record.created < pivot
        return key, lambda record: record.created > pivot
    if key == "volume":
        return key, lambda record: any(
            value in (mount["source"], mount["target"]) for mount in record.options.mounts
        )
    if key == "network":
        return key, in_network(engine, value)
    if key == "pod":
        pod = engine.pods.find(value).id
        return key, lambda record: record.options.pod == pod
    raise UsageError(f"invalid filter {shown(text)}", hint=f"there are {FILTERS}")


def in_network(engine: Engine, name: str) -> Callable[[Record], bool]:
    """Containers that are to be in a network, given by its name or an id."""
    try:
        name = engine.networks.find(name).name
    except HutchError:
        pass
    return lambda record: name in networks_of(engine, record)


def networks_of(engine: Engine, record: Record) -> list[str]:
    """The names of the networks that it is to be in, or its mode."""
    if not bridged(record.options):
        return [record.options.network]
    return [wishes["name"] for wishes in engine.networks.attachments(record.id)]


def exposes_of(engine: Engine, record: Record) -> list[str]:
    """The ports that the image and --expose name, one by one."""
    try:
        image = list(engine.image_config(record).checked().get("ExposedPorts", {}))
    except HutchError:
        image = []
    words = [*image, *record.options.expose]
    if not words:
        return []
    from hutch.engine.network.ports import exposed

    return [f"{port}/{protocol}" for port, protocol in exposed(words)]


def ports_of(engine: Engine, record: Record) -> str:
    """The column PORTS: where it runs, its exposed and published ports."""
    if record.phase != phases.RUNNING:
        return ""
    published, exposes = engine.networks.published(record.id), exposes_of(engine, record)
    if not published and not exposes:
        return ""
    from hutch.engine.network.port_words import port_words

    return port_words(published, exposes)


def ancestor(engine: Engine, name: str) -> Callable[[Record], bool]:
    """Containers of an image."""
    try:
        manifest = str(engine.images.find(name).digest)
    except HutchError:
        return lambda record: fnmatch.fnmatchcase(record.options.image, name)
    return lambda record: record.manifest == manifest


def health(engine: Engine, record: Record) -> str:
    """starting, healthy or unhealthy; "none" for a container without a check."""
    if not record.options.health:
        return "none"
    from hutch.engine.containers.health import read

    return read(engine, record).status


def status(record: Record) -> str:
    """Docker's word for what a container is doing."""
    if record.phase == phases.RUNNING:
        return "paused" if record.paused else "running"
    return "created" if record.phase == phases.STARTING else record.phase


def duration(seconds: float) -> str:
    """``About a minute``, ``3 hours``, as Docker rounds."""
    count = int(max(seconds, 0))
    if count < 1:
        return "Less than a second"
    if count == 1:
        return "1 second"
    if count < 60:
        return f"{count} seconds"
    minutes = count // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 46:
        return f"{minutes} minutes"
    hours = round(count / 3600)
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    for size, word in ((24, "days"), (24 * 7, "weeks"), (24 * 30, "months")):
        following = {"days": 24 * 14, "weeks": 24 * 60, "months": 24 * 365 * 2}[word]
        if hours < following:
            return f"{hours // size} {word}"
    return f"{hours // (24 * 365)} years"


def sentence(engine: Engine, record: Record) -> str:
    """``Up 3 seconds (healthy)``, ``Exited (0) 2 minutes ago``."""
    if record.phase == phases.RUNNING:
        up = "Up " + duration(now() - record.started)
        if record.paused:
            return up + " (Paused)"
        if not record.options.health:
            return up
        word = health(engine, record)
        return f"{up} ({'health: starting' if word == 'starting' else word})"
    from hutch.engine.containers.ending import words

    more = words(record) if record.exit_code or record.oom else ""
    code = f"({record.exit_code}{', ' + more if more else ''})"
    if record.phase == phases.RESTARTING:
        return f"Restarting {code} {duration(now() - record.finished)} ago"
    if record.phase == phases.EXITED:
        return f"Exited {code} {duration(now() - record.finished)} ago"
    return {phases.REMOVING: "Removal In Progress", phases.DEAD: "Dead"}.get(
        record.phase, "Created"
    )


def command_of(engine: Engine, record: Record) -> str:
    """The program and its arguments as one line."""
    options = record.options
    if options.entrypoint is not None and options.command:
        return _shown(options.entrypoint + options.command)
    try:
        return _shown(command_line(options, engine.image_config(record).checked()))
    except HutchError:
        return _shown((options.entrypoint or []) + options.command)


def _shown(words: list[str]) -> str:
    """Words as ps shows them: those with blanks in quotes."""
    return " ".join(f"'{word}'" if " " in word else word for word in words)


def rfc3339(seconds: float) -> str:
    """A time as the API has it; Go's zero for never."""
    if not seconds:
        return "0001-01-01T00:00:00Z"
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
