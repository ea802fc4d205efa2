"""What a container with ``--log-driver journald`` has written, as journalctl(1) shows it.

conmon writes each line with the field CONTAINER_ID_FULL, and errors with a higher priority.
"""

import json
import os
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NotRequired, TypedDict

from hutch.engine.containers.logs import Line, within
from hutch.errors import HostError

# An entry as journalctl writes it (systemd.journal-fields(7)); text that is not in UTF-8 is a list
# of bytes.
Entry = TypedDict(
    "Entry",
    {
        "MESSAGE": NotRequired[str | list[int] | None],
        "PRIORITY": NotRequired[str],
        "CONTAINER_PARTIAL_MESSAGE": NotRequired[str],
        "__REALTIME_TIMESTAMP": str,
        "__CURSOR": str,
    },
)
PLACES = ("/run/log/journal", "/var/log/journal")
LONGEST = 10.0  # seconds between two looks: the journal may go to another place (journalctl(1))
ERRORS = "3"  # the priority of standard error (syslog(3), LOG_ERR)


def read(
    id: str,
    *,
    tail: int = -1,
    since: float = 0.0,
    until: float = 0.0,
    follow: Callable[[], bool] | None = None,
    pause: Callable[[], None] = lambda: None,
) -> Iterator[Line]:
    """See ``logs.read``. Raises HostError."""
    cursor, found = _entries(id, "")
    lines = [line for line in found if within(line, since, until)]
    yield from deque(lines, maxlen=tail) if tail >= 0 else lines
    while follow is not None:
        running = follow()
        cursor, found = _entries(id, cursor)
        yield from (line for line in found if within(line, since, until))
        if not running or (until and time.time() > until):
            return
        pause()


def folders() -> list[str]:
    """Where the files of the journal are. journald writes to their mapped pages, which inotify(7)
    does not see, but also truncates them to the size that they have, so that it does."""
    found = []
    for place in PLACES:
        if os.path.isdir(place):
            found += [place, *(entry.path for entry in os.scandir(place) if entry.is_dir())]
    return found


def _entries(id: str, cursor: str) -> tuple[str, list[Line]]:
    """The entries after a cursor ("": all), and the cursor of the last one."""
    words = ["journalctl", "--quiet", "--no-pager", "--all", "--output=json"]
    words += [f"--after-cursor={cursor}"] if cursor else []
    try:
        done = subprocess.run([*words, f"CONTAINER_ID_FULL={id}"], capture_output=True, check=False)
    except OSError as error:
        raise HostError(f"journalctl: {error.strerror}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it does not say why"]
        raise HostError(f"journalctl: {said[-1]}")
    entries: list[Entry] = [json.loads(line) for line in done.stdout.splitlines()]
    last = entries[-1]["__CURSOR"] if entries else cursor
    return last, [_line(entry) for entry in entries]


def _line(entry: Entry) -> Line:
    said = entry.get("MESSAGE") or ""
    data = said.encode() if isinstance(said, str) else bytes(said)
    seconds, micro = divmod(int(entry["__REALTIME_TIMESTAMP"]), 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    stream = "stderr" if entry.get("PRIORITY") == ERRORS else "stdout"
    # Some versions of conmon keep the line break, others do not.
    if entry.get("CONTAINER_PARTIAL_MESSAGE") != "true" and not data.endswith(b"\n"):
        data += b"\n"
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{micro:06d}000Z"
    return Line(stamp, stream, data)
