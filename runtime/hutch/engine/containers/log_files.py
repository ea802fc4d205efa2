"""``--log-opt max-size`` and ``max-file``: warren-logs (native/engine/logs.c) begins new files.

A log that is to have one file alone is cut by conmon itself (--log-size-max).
"""

import os
from pathlib import Path

from hutch.engine.containers import companion
from hutch.engine.containers.places import Places
from hutch.engine.containers.records import Record


def begin(places: Places, record: Record) -> None:
    """Has the log of a run that has just begun kept in several files."""
    companion.begin(places, record, "logs", lambda: words(record))


def watch(places: Places, record: Record) -> None:
    """The same, if nobody does it any more."""
    companion.watch(places, record, "logs", lambda: words(record))


def words(record: Record) -> list[str]:
    """The companion's command line."""
    return [str(record.options.log_size), str(record.options.log_files)]


def names(places: Places) -> list[Path]:
    """The files of a log, the newest first; one or another may be missing while they are renamed,
    which begins with the oldest."""
    prefix = places.log.name + "."
    try:
        found = os.listdir(places.folder)
    except FileNotFoundError:
        return []
    numbers = [name.removeprefix(prefix) for name in found if name.startswith(prefix)]
    most = max((int(number) for number in numbers if number.isdecimal()), default=0)
    return [places.log, *(places.folder / f"{prefix}{n}" for n in range(1, most + 2))]
