"""What `hutch top` shows, as a table and as JSON."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hutch.container.cold.usage import Use

if TYPE_CHECKING:
    from hutch.spec.json import Json

COLUMNS = ("ID", "STATUS", "PID", "CPU %", "MEMORY / LIMIT", "MEM %", "PIDS / LIMIT", "READ/s",
           "WRITE/s")  # fmt: skip
LEFT = 2  # so many columns are aligned on their left side
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
NONE = "-"

# What --sort compares: the largest first, and containers with the same value by their ids.
SORTS: dict[str, Callable[[Use], float]] = {
    "id": lambda use: 0,
    "cpu": lambda use: -(use.cpu or 0),
    "memory": lambda use: -(use.now.memory or 0),
    "pids": lambda use: -(use.now.pids or 0),
    "io": lambda use: -((use.read or 0) + (use.written or 0)),
}


def in_order(uses: Sequence[Use], by: str) -> list[Use]:
    """The containers in the order of one of SORTS."""
    return sorted(uses, key=lambda use: (SORTS[by](use), use.now.id))


def as_lines(uses: Sequence[Use], longest: int = 1 << 30) -> list[str]:
    """The heading, and a line for each container; ids are cut to the ``longest`` length."""
    rows = [COLUMNS, *(_cells(use, longest) for use in uses)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return ["  ".join(_aligned(row, widths)).rstrip() for row in rows]


def as_json(uses: Sequence[Use]) -> "list[dict[str, Json]]":
    """[{"id", "status", "pid", "cpu": percent of one CPU, "memory": {"usage", "limit"}, "pids":
    {"current", "limit"}, "io": {"read", "written", "readRate", "writeRate"}}]; bytes, and bytes a
    second; null where nothing counts, and for no limit."""
    return [_entry(use) for use in uses]


def size(value: float | None) -> str:
    """Bytes, with three digits and the unit."""
    if value is None:
        return NONE
    unit = 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value /= 1024
        unit += 1
    digits = 0 if unit == 0 or value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {UNITS[unit]}"


def _cells(use: Use, longest: int) -> tuple[str, ...]:
    now = use.now
    id = now.id if len(now.id) <= longest else now.id[: longest - 1] + "…"
    return (
        id, now.status, str(now.pid) if now.pid else NONE, _percent(use.cpu),
        f"{size(now.memory)} / {size(now.memory_limit)}", _percent(use.memory_share),
        f"{_count(now.pids)} / {_count(now.pids_limit)}", size(use.read), size(use.written),
    )  # fmt: skip


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.ljust(width) if column < LEFT else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f}"


def _count(value: int | None) -> str:
    return NONE if value is None else str(value)


def _entry(use: Use) -> "dict[str, Json]":
    now = use.now
    return {
        "id": now.id,
        "status": now.status,
        "pid": now.pid,
        "cpu": None if use.cpu is None else round(use.cpu, 2),
        "memory": {"usage": now.memory, "limit": now.memory_limit},
        "pids": {"current": now.pids, "limit": now.pids_limit},
        "io": {
            "read": now.read,
            "written": now.written,
            "readRate": None if use.read is None else round(use.read),
            "writeRate": None if use.written is None else round(use.written),
        },
    }
