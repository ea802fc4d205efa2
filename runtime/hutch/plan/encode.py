"""Operations as the bytes that hutch-init reads (their form: native/init/plan.h), and back.

What is kept of a plan with its container is these bytes and, behind them, where each operation
comes from: so a failure can be explained, and a checkpoint made, by what really was done.
"""

from hutch.errors import ConfigError
from hutch.plan.later import Later
from hutch.plan.operations import LATE, SIGNATURES, make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sized
    from typing import Any

    from hutch.plan.later import Bindings
    from hutch.plan.operations import Operation, Value

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
    for operation in operations:
        code = operation.code
        values = operation.values
        if code in LATE:
            values = tuple([_known(value, bindings) for value in values])
        arguments = b"".join(
            [
                ENCODERS[kind](value, operation.pointer)
                for kind, value in zip(SIGNATURES[code], values, strict=True)
            ]
        )
        records.append(code.to_bytes(4, "little") + _length(arguments))
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
        WITHIN.join([operation.pointer, operation.reason, *operation.parts])
        for operation in operations
    ]
    return sent + BETWEEN.join(origins).encode()


def decode(data: bytes) -> "list[Operation]":
    """The operations of what ``kept`` has made. Raises ValueError if that it is not."""
    try:
        magic, version, length, count = [_u32(data, at) for at in range(0, HEAD, 4)]
        if (magic, version) != (MAGIC, VERSION):
            raise ValueError("it is no plan")
        origins = data[length:].decode().split(BETWEEN)
        result = []
        at = HEAD
        for origin in origins[:count]:
            code, size = _u32(data, at), _u32(data, at + 4)
            values = _values(SIGNATURES[code], data[at + 8 : at + 8 + size])
            pointer, reason, *parts = origin.split(WITHIN)
            result.append(make(code, pointer, values, reason, tuple(parts)))
            at += 8 + size
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError("the plan is damaged: " + str(error)) from None
    if at != length or len(result) != count:
        raise ValueError("the plan is damaged: a part is missing")
    return result


def _known(value: "Value", bindings: "Bindings | None") -> "Value":
    if not isinstance(value, Later):
        return value
    return value.expected if bindings is None else bindings.of(value)


def _int(value: int, pointer: str) -> bytes:
    return (value if value < 1 << 63 else value - (1 << 64)).to_bytes(8, "little", signed=True)


def _str(value: str, pointer: str) -> bytes:
    data = value.encode()
    if b"\0" in data:
        raise ConfigError(pointer, "holds a NUL character", value=value)
    return _length(data) + data + b"\0"


def _list(value: "list[str]", pointer: str) -> bytes:
    return _length(value) + b"".join([_str(item, pointer) for item in value])


def _bytes(value: bytes, pointer: str) -> bytes:
    return _length(value) + value


def _length(value: "Sized") -> bytes:
    return len(value).to_bytes(4, "little")


ENCODERS: "dict[str, Callable[[Any, str], bytes]]" = {
    "i": _int,
    "s": _str,
    "l": _list,
    "b": _bytes,
}


def _u32(data: bytes, at: int) -> int:
    if at + 4 > len(data):
        raise IndexError("it ends early")
    return int.from_bytes(data[at : at + 4], "little")


def _values(signature: str, data: bytes) -> "tuple[Value, ...]":
    values: list[Value] = []
    at = 0
    for kind in signature:
        if kind == "i":
            values.append(int.from_bytes(data[at : at + 8], "little", signed=True))
            at += 8
            continue
        size = _u32(data, at)
        at += 4
        if kind == "s":
            values.append(data[at : at + size].decode())
            at += size + 1
        elif kind == "b":
            values.append(data[at : at + size])
            at += size
        else:
            texts = []
            for _ in range(size):
                length = _u32(data, at)
                texts.append(data[at + 4 : at + 4 + length].decode())
                at += 5 + length
            values.append(texts)
    return tuple(values)
