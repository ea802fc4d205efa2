"""The output of a container: conmon's log, in the format of Kubernetes:

2026-01-31T12:00:00.123456789+01:00 stdout F the line
... stdout P a part of one; F ends it
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import IO, NamedTuple

from hutch.engine.containers.log_files import names
from hutch.engine.containers.places import Places

TRIES = 3


class Line(NamedTuple):
    """One entry: its time as conmon wrote it, "stdout" or "stderr", and the bytes with their line
    break, if they have one."""

    time: str
    stream: str
    data: bytes

    @property
    def seconds(self) -> float:
        """Since 1970."""
        return timestamp(self.time)


def timestamp(text: str) -> float:
    """An RFC 3339 time with nanoseconds, in seconds since 1970; 0 where it is none."""
    try:
        whole, _, rest = text.partition(".")
        digits = len(rest) - len(rest.lstrip("0123456789"))
        zone = rest[digits:] if rest else ""
        if not rest:
            return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
        base = datetime.fromisoformat(whole + zone.replace("Z", "+00:00"))
        return base.timestamp() + float("0." + rest[:digits])
    except ValueError:
        return 0.0


def utc(text: str) -> str:
    """The time as ``logs -t`` shows it: UTC, nanoseconds."""
    whole, _, rest = text.partition(".")
    nanoseconds = rest[:9] if rest else "000000000"
    seconds = datetime.fromtimestamp(int(timestamp(text)), UTC)
    return f"{seconds:%Y-%m-%dT%H:%M:%S}.{nanoseconds}Z" if whole else text


def parse(raw: bytes) -> Line | None:
    """A line of the file; None for what is none."""
    parts = raw.rstrip(b"\n").split(b" ", 3)
    if len(parts) < 4 or parts[1] not in (b"stdout", b"stderr"):
        return None
    data = parts[3] + (b"\n" if parts[2][:1] == b"F" else b"")
    return Line(parts[0].decode(errors="replace"), parts[1].decode(), data)


def read(
    places: Places,
    *,
    tail: int = -1,
    since: float = 0.0,
    until: float = 0.0,
    follow: Callable[[], bool] | None = None,
    pause: Callable[[], None] = lambda: None,
) -> Iterator[Line]:
    """The lines of the log, the last ``tail`` of them, made in this time. Then, as long as
    ``follow`` says that the container runs, those that come; ``pause`` waits for them."""
    files = _newer(places, -1)
    try:
        lines = (line for file in files for raw in file if (line := parse(raw)) is not None)
        wanted = (line for line in lines if within(line, since, until))
        yield from deque(wanted, maxlen=tail) if tail >= 0 else wanted
        rest = b""
        while follow is not None:
            running = follow()
            # Once there is a newer file, nothing is written to the last one any more.
            newer = _newer(places, _inode(files[-1]) if files else -1)
            while files and (raw := files[-1].readline()):
                rest += raw
                if not rest.endswith(b"\n"):
                    continue
                line, rest = parse(rest), b""
                if line is not None and within(line, since, until):
                    yield line
            if newer:
                for file in [*files, *newer[1:]]:
                    file.close()
                files, rest = newer[:1], b""
            elif not running or (until and time.time() > until):
                return
            else:
                pause()
    finally:
        for file in files:
            file.close()


def _newer(places: Places, inode: int) -> list[IO[bytes]]:
    """The files of the log that are newer than that with this inode (all, if it is gone), open,
    oldest first: --log-opt max-size makes new ones, and max-file keeps older ones."""
    found: dict[int, IO[bytes]] = {}
    for _ in range(TRIES):  # they may just be renamed
        for file in found.values():
            file.close()
        found.clear()
        for path in names(places):
            try:
                file = open(path, "rb")  # noqa: SIM115 the caller closes it
            except FileNotFoundError:
                continue
            if _inode(file) == inode:
                file.close()
                return [*found.values()][::-1]
            found.setdefault(_inode(file), file)
            if found[_inode(file)] is not file:
                file.close()
        if inode < 0:
            break
    return [*found.values()][::-1]


def _inode(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_ino


def within(line: Line, since: float, until: float) -> bool:
    """Whether it was written in this time; 0 is no bound."""
    if not since and not until:
        return True
    return line.seconds >= since and (not until or line.seconds <= until)
