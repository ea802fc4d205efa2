"""Operations as the bytes that hutch-init reads (their form: native/init/plan.h).

What is kept of a plan with its container is these bytes and, behind them, where each operation
comes from (read again by decode.py): so a failure can be explained, and a checkpoint made, by what
really was done.
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
BETWEEN = "\0"  # the origins of two operations; no pointer holds it
WITHIN = "\1"  # the pointer, the reason and the parts of one


def encode(operations: "Iterable[Operation]", bindings: "Bindings | None" = None) -> bytes:
    """The plan of these operations, what they leave open filled from ``bindings``; ConfigError for
    a string that no kernel call can take."""
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
    """What is kept of the plan that was ``sent`` to hutch-init."""
    origins = [
        WITHIN.join((pointer, reason, *parts)) for _, pointer, reason, parts, _ in operations
    ]
    return sent + BETWEEN.join(origins).encode()


def _arguments(values: "tuple[Value, ...]", pointer: str, bindings: "Bindings | None") -> bytes:
    """All in one function: a call for each argument would be a tenth of what `create` does."""
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
