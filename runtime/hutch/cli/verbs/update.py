"""hutch update."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.container import Container
from hutch.container.store import absolute
from hutch.errors import HutchError, UsageError
from hutch.spec.quantities import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.spec.config import Resources

# Flag -> the field of linux.resources that it sets, and how its text is read.
FIELDS = {
    "blkio-weight": ("blockIO", "weight", "number"),
    "cpu-burst": ("cpu", "burst", "number"),
    "cpu-idle": ("cpu", "idle", "number"),
    "cpu-period": ("cpu", "period", "number"),
    "cpu-quota": ("cpu", "quota", "number"),
    "cpu-rt-period": ("cpu", "realtimePeriod", "number"),
    "cpu-rt-runtime": ("cpu", "realtimeRuntime", "number"),
    "cpu-share": ("cpu", "shares", "number"),
    "cpuset-cpus": ("cpu", "cpus", "text"),
    "cpuset-mems": ("cpu", "mems", "text"),
    "memory": ("memory", "limit", "size"),
    "memory-reservation": ("memory", "reservation", "size"),
    "memory-swap": ("memory", "swap", "size"),
    "pids-limit": ("pids", "limit", "number"),
}

# Flags whose text is a line of resctrl's schemata.
SCHEMATA = ("l3-cache-schema", "mem-bw-schema")


def run(call: Call, log: Log) -> int:
    container = Container(call.arguments[0], call.options.get("root"))
    file = call.text("resources")
    if file:
        container.update(file if file == "-" else absolute(file), warn=log.warning)
        return 0
    try:
        container.update(
            from_flags(call),
            l3_cache_schema=call.text("l3-cache-schema"),
            mem_bw_schema=call.text("mem-bw-schema"),
        )
    except HutchError as error:
        _tell_who_asked(error, call)
        raise
    return 0


def _tell_who_asked(error: HutchError, call: Call) -> None:
    """Makes the error name the flag that the value comes from, not config.json."""
    for flag, (section, field, _) in FIELDS.items():
        if error.pointer == f"linux.resources.{section}.{field}":
            if flag in call.flags:
                error.document, error.pointer = "", "--" + flag
            else:
                from hutch.spec.load import in_document

                in_document(error, "the container's present resources", "linux.resources")
            return
    if error.pointer.removeprefix("--") in SCHEMATA:
        error.document = ""


def from_flags(call: Call) -> "Resources":
    """The ``linux.resources`` from the flags, not yet checked. Raises UsageError if the flags give
    nothing to change."""
    changes: dict[str, dict[str, object]] = {}
    for flag, (section, field, form) in FIELDS.items():
        if flag in call.flags:
            text = call.text(flag)
            value = text if form == "text" else _amount(text, "--" + flag, form)
            changes.setdefault(section, {})[field] = value
    if not changes and not any(call.text(flag) for flag in SCHEMATA):
        raise UsageError("update: nothing is given to change", hint="see hutch update --help")
    return changes  # type: ignore[return-value]


def _amount(text: str, flag: str, form: str) -> int:
    if form == "size":
        return parse_size(text, flag)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        raise UsageError(flag + " takes a whole number, not " + repr(text))
    return int(text)
