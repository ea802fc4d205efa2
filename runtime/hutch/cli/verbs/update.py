"""hutch update."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.store import Store, absolute
from hutch.container.update import choose_front, update
from hutch.errors import HutchError, UsageError
from hutch.spec.quantities import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.spec.config import CheckedResources

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
    store = Store(call.options.get("root"))
    file = call.text("resources")
    schemata = []
    if file:
        from hutch.spec.load import load_resources

        # Before standard input is read, which the ordinary interpreter could not read again.
        choose_front(store.find(call.arguments[0]).load_state())
        changes = load_resources("-" if file == "-" else absolute(file), log.warning)
    else:
        schemata = schemata_from(call)
        changes = from_flags(call, needed=not schemata)
    try:
        update(store, call.arguments[0], changes, schemata)
    except HutchError as error:
        _tell_who_asked(error, call)
        raise
    return 0


def _tell_who_asked(error: HutchError, call: Call) -> None:
    """Makes the error name the flag or the file that the value comes from, not config.json."""
    from hutch.spec.load import in_document

    file = call.text("resources")
    if file:
        in_document(error, "standard input" if file == "-" else file, "linux.resources")
        return
    for flag, (section, field, _) in FIELDS.items():
        if error.pointer == f"linux.resources.{section}.{field}":
            if flag in call.flags:
                error.document, error.pointer = "", "--" + flag
            else:
                in_document(error, "the container's present resources", "linux.resources")
            return
    if error.pointer.removeprefix("--") in SCHEMATA:
        error.document = ""


def schemata_from(call: Call) -> "list[tuple[str, str]]":
    """The lines for resctrl: (the flag that gives it, the line)."""
    return [("--" + flag, call.text(flag)) for flag in SCHEMATA if call.text(flag)]


def from_flags(call: Call, needed: bool) -> "CheckedResources":
    """The checked ``linux.resources`` from the flags. Raises UsageError if the flags give nothing
    and something is ``needed``."""
    from hutch.spec.check import check_resources

    changes: dict[str, dict[str, object]] = {}
    for flag, (section, field, form) in FIELDS.items():
        if flag in call.flags:
            text = call.text(flag)
            value = text if form == "text" else _amount(text, "--" + flag, form)
            changes.setdefault(section, {})[field] = value
    if not changes and needed:
        raise UsageError("update: nothing is given to change", hint="see hutch update --help")
    try:
        return check_resources(changes)[0]
    except HutchError as error:
        _tell_who_asked(error, call)
        raise


def _amount(text: str, flag: str, form: str) -> int:
    if form == "size":
        return parse_size(text, flag)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        raise UsageError(flag + " takes a whole number, not " + repr(text))
    return int(text)
