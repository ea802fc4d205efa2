"""Operations as the bytes that hutch-init reads (the format stands in native/init/plan.h)."""

from hutch.errors import ConfigError
from hutch.plan.operations import SIGNATURES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sized
    from typing import Any

    from hutch.plan.operations import Operation

MAGIC = 0x43545548
VERSION = 1
PLAN_MAX = 16 << 20


def encode(operations: "Iterable[Operation]") -> bytes:
    """The plan of these operations; ConfigError for a string that no kernel call can take."""
    records = []
    for operation in operations:
        arguments = b"".join(
            [
                ENCODERS[kind](value, operation.pointer)
                for kind, value in zip(SIGNATURES[operation.code], operation.values, strict=True)
            ]
        )
        records.append(operation.code.to_bytes(4, "little") + _length(arguments))
        records.append(arguments)
    body = b"".join(records)
    length = 16 + len(body)
    if length > PLAN_MAX:
        raise ConfigError("process", "the plan of this config is over 16 MiB")
    head = (MAGIC, VERSION, length, len(records) // 2)
    return b"".join([number.to_bytes(4, "little") for number in head]) + body


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


ENCODERS: "dict[str, Any]" = {"i": _int, "s": _str, "l": _list, "b": _bytes}
