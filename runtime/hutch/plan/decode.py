"""Reads the operations of a plan that was saved with its container (plan/encode.py)."""

from hutch.plan.encode import BETWEEN, HEAD, MAGIC, VERSION, WITHIN
from hutch.plan.fields import SIGNATURES
from hutch.plan.operations import make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.operations import Operation, Value


def decode(data: bytes) -> "list[Operation]":
    """The operations in ``data``, which ``encode.kept`` made. Raises ValueError for other data."""
    try:
        magic, version, length, count = [_u32(data, at) for at in range(0, HEAD, 4)]
        if (magic, version) != (MAGIC, VERSION):
            raise ValueError("it is not a plan")
        origins = data[length:].decode().split(BETWEEN)
        result = []
        at = HEAD
        for origin in origins[:count]:
            code, size = _u32(data, at), _u32(data, at + 4)
            values = _values(SIGNATURES[code], data[at + 8 : at + 8 + size])
            pointer, reason, *parts = origin.split(WITHIN)
            result.append(make((code, pointer, reason, tuple(parts), values)))
            at += 8 + size
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError("the plan is damaged: " + str(error)) from None
    if at != length or len(result) != count:
        raise ValueError("the plan is damaged: a part is missing")
    return result


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
