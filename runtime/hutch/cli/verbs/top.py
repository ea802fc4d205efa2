"""hutch top."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.errors import UsageError
from hutch.front import use_interpreter
from hutch.spec.json import encode
from hutch.spec.quantities import parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.container.cold.usage import Look

FORMATS = ("table", "json")
SORTS = ("cpu", "memory", "pids", "io", "id")


def run(call: Call, log: Log) -> int:
    form, sort = call.text("format", "table"), call.text("sort", "cpu")
    if form not in FORMATS:
        raise UsageError("invalid format option: " + form, hint="table or json")
    if sort not in SORTS:
        raise UsageError("invalid sort option: " + sort, hint="cpu, memory, pids, io or id")
    count = call.number("count")
    if not count and "count" in call.flags:
        raise UsageError("--count takes a number above 0")
    interval = parse_duration(call.text("interval", "1s"), "--interval") / 1e9
    use_interpreter()
    from hutch.cli.cold.top_screen import Screen, can_show
    from hutch.container.cold.usage import look
    from hutch.container.store import Store

    store = Store(call.options.get("root"))
    id = call.arguments[0] if call.arguments else ""
    if id:
        store.find(id)

    def looked(all: bool) -> "list[Look]":
        return look(store, id, all=all)

    if form == "table" and not count and can_show():
        Screen(looked, interval, sort, call.has("all")).watch()
        return 0
    return _print(lambda: looked(call.has("all")), interval, sort, form, count or 1)


def _print(
    looked: "Callable[[], list[Look]]", interval: float, sort: str, form: str, count: int
) -> int:
    """Prints the table ``count`` times; what was used is measured over the interval before it."""
    import posix
    from time import sleep

    from hutch.cli.cold.top_output import as_json, as_lines, in_order
    from hutch.container.cold.usage import between

    before = looked()
    for number in range(count):
        sleep(interval)
        now = looked()
        uses = in_order(between(before, now), sort)
        before = now
        if form == "json":
            text = encode(as_json(uses)) + "\n"
        else:
            text = ("\n" if number else "") + "\n".join(as_lines(uses)) + "\n"
        try:
            data = memoryview(text.encode())
            while data:
                data = data[posix.write(1, data) :]
        except BrokenPipeError:
            break  # nobody reads any more
    return 0
