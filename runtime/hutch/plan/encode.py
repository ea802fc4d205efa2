"""Operations as the bytes that hutch-init reads (native/init/plan.h defines the format).

A container's state keeps these bytes and, after them, the origin of each operation; decode.py reads
both. So later commands explain a failure, or make a checkpoint, from the plan that was carried out.
"""

from hutch.errors import ConfigError
from hutch.plan.plan import Later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hutch.plan.operations import Operation, Value
    from hutch.plan.plan import Bindings

MAGIC = 0x43545548
VERSION = 1
PLAN_MAX = 16 << 20
HEAD = 16
BETWEEN = "\0"  # separates the origins of two operations; no pointer contains it
WITHIN = "\1"  # separates the pointer, the reason and the parts of one origin


def encode(operations: "Iterable[Operation]", bindings: "Bindings | None" = None) -> bytes:
    """The bytes of these operations, with the values of their Later arguments from ``bindings``.

    Raises ConfigError for a string with a NUL, which no kernel call can take, and for a plan that
    is too large.
    """
    records = []
    for code, pointer, _, _, values in operations:
        arguments = _arguments(values, pointer, bindings)
        records.append(code.to_bytes(4, "little") + len(arguments).to_bytes(4, "little"))
        records.append(arguments)
    body = b"".join(records)
    length = HEAD + len(body)
    if length > PLAN_MAX:
        raise ConfigError("process", "the plan of this config is over 16 MiB")
    head = (MAGIC, VERSION, length, len(records) // 2)
    return b"".join([number.to_bytes(4, "little") for number in head]) + body


def kept(sent: bytes, operations: "Iterable[Operation]") -> bytes:
    """The bytes to save: the plan as it was ``sent`` to hutch-init, and the operations' origins."""
    origins = [
        WITHIN.join((pointer, reason, *parts)) for _, pointer, reason, parts, _ in operations
    ]
    return sent + BETWEEN.join(origins).encode()


def _arguments(values: "tuple[Value, ...]", pointer: str, bindings: "Bindings | None") -> bytes:
    """The bytes of an operation's arguments.

    It is one function, because a function call for each argument would take a tenth of the time of
    `create`.
    """
    found = []
    for value in values:
        if isinstance(value, Later):
            known: Value = value.expected if bindings is None else bindings.of(value)
        else:
            known = value
        if isinstance(known, int):
            number = known if known < 1 << 63 else known - (1 << 64)
            found.append(number.to_bytes(8, "little", signed=True))
        elif isinstance(known, bytes):
            found += (len(known).to_bytes(4, "little"), known)
        elif isinstance(known, str):
            data = known.encode()
            found += (len(data).to_bytes(4, "little"), data, b"\0")
            if b"\0" in data:
                raise ConfigError(pointer, "holds a NUL character", value=known)
        elif isinstance(known, list):
            found.append(len(known).to_bytes(4, "little"))
            for text in known:
                data = text.encode()
                found += (len(data).to_bytes(4, "little"), data, b"\0")
                if b"\0" in data:
                    raise ConfigError(pointer, "holds a NUL character", value=text)
    return b"".join(found)
