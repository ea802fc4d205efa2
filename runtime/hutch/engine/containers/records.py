"""The containers of a store as SQLite keeps them: one row each, one transaction a change."""

import time

from hutch.engine.containers.options import Options
from hutch.engine.errors import NoSuchContainer, name_taken
from hutch.errors import StateError, shown
from hutch.image.database import Database

# A row's phase: what warren was doing last. The kernel says whether it still holds (truth.py).
CREATED = "created"
STARTING = "starting"
RUNNING = "running"
RESTARTING = "restarting"  # waiting to be started again; ``conmon`` is the process that waits
EXITED = "exited"
REMOVING = "removing"
DEAD = "dead"


class Record:
    """One container. ``birth`` tells a process from a later one with the same pid: the boot and
    its start time. Times are seconds since 1970, 0 for never."""

    def __init__(self, id: str, name: str, manifest: str, created: float, options: Options) -> None:
        # These are the columns of the table, in their order.
        self.id, self.name, self.manifest = id, name, manifest
        self.created, self.options = created, options
        self.phase = CREATED
        self.pid = 0
        self.birth = ""
        self.conmon = 0
        self.conmon_birth = ""
        self.paused = False
        self.started = 0.0
        self.finished = 0.0
        self.exit_code = 0
        self.oom = False
        self.error = ""
        self.restarts = 0
        self.stopping = False
        self.runs = 0  # how often it was started: a clean-up of an earlier run touches no later one
        self.ending = ""  # how it ended, as JSON (ending.py)
        self.sent = ""  # the signal that warren has sent last, and by which verb: "15 stop"

    def values(self) -> "list[int | float | str | None]":
        """The columns, in their order."""
        row = [getattr(self, column) for column in COLUMNS]
        row[COLUMNS.index("options")] = self.options.json()
        return row


COLUMNS = [*vars(Record("", "", "", 0.0, Options()))]
BOOLEANS = ("paused", "oom", "stopping")


def _record(row: tuple[object, ...]) -> Record:
    id, name, manifest, created, options, *rest = row
    record = Record(
        str(id), str(name), str(manifest), float(str(created)), Options.parse(str(options))
    )
    for column, value in zip(COLUMNS[5:], rest, strict=True):
        setattr(record, column, bool(value) if column in BOOLEANS else value)
    return record


class Records:
    """The rows of a store's containers."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._columns = ", ".join(COLUMNS)

    def add(self, record: Record) -> None:
        """Adds a container; its image is held from now on. Raises Conflict, ImageError."""
        with self.database.transaction():
            self._check_name(record.name)
            marks = ", ".join("?" * len(COLUMNS))
            self.database.rows(
                f"INSERT INTO container ({self._columns}) VALUES ({marks})",  # noqa: S608
                *record.values(),
            )
            if record.manifest:
                self.database.rows(
                    "INSERT INTO hold VALUES (?, ?)", holder(record.id), record.manifest
                )

    def save(self, record: Record, *columns: str) -> None:
        """Writes these columns of a row (all, if none is named)."""
        chosen = columns or tuple(COLUMNS)
        values = dict(zip(COLUMNS, record.values(), strict=True))
        sets = ", ".join(f"{column} = ?" for column in chosen)
        self.database.rows(
            f"UPDATE container SET {sets} WHERE id = ?",  # noqa: S608
            *(values[column] for column in chosen),
            record.id,
        )

    def remove(self, id: str) -> None:
        """Forgets a container; its image and volumes are let go of."""
        with self.database.transaction():
            self.database.rows("DELETE FROM container WHERE id = ?", id)
            self.database.release(holder(id))

    def get(self, id: str) -> Record | None:
        """The container with this whole id."""
        rows = self.database.rows(
            f"SELECT {self._columns} FROM container WHERE id = ?",  # noqa: S608
            id,
        )
        return _record(rows[0]) if rows else None

    def all(self) -> list[Record]:
        """All containers, the one made last first."""
        rows = self.database.rows(
            f"SELECT {self._columns} FROM container ORDER BY created DESC, id"  # noqa: S608
        )
        return [_record(row) for row in rows]

    def of_pod(self, pod: str) -> list[Record]:
        """The containers of a pod, the one made first first."""
        rows = self.database.rows(
            f"SELECT {self._columns} FROM container"  # noqa: S608
            " WHERE json_extract(options, '$.pod') = ? ORDER BY created, id",
            pod,
        )
        return [_record(row) for row in rows]

    def find(self, text: str) -> Record:
        """The container of this name, or whose id begins so. Raises NoSuchContainer."""
        named = text.removeprefix("/")
        rows = self.database.rows(
            f"SELECT {self._columns} FROM container"  # noqa: S608
            " WHERE name = ? OR substr(id, 1, ?) = ? LIMIT 3",
            named, len(text), text,
        ) if text else []  # fmt: skip
        found = [_record(row) for row in rows]
        for record in found:
            if named == record.name or text == record.id:
                return record
        if not found:
            names = self.database.rows("SELECT name FROM container")
            raise NoSuchContainer(text, [str(name) for (name,) in names])
        if len(found) > 1:
            raise StateError(f"{shown(text)}: several containers have an id that begins so")
        return found[0]

    def _check_name(self, name: str) -> None:
        """Raises Conflict if a container or a pod has the name: as in podman they share one set."""
        for id, other in self.database.rows(
            "SELECT id, name FROM container UNION ALL SELECT id, name FROM pod"
        ):
            if other == name:
                raise name_taken(name, id)

    def rename(self, record: Record, name: str) -> None:
        """Raises Conflict if another container has the name."""
        with self.database.transaction():
            self._check_name(name)
            record.name = name
            self.save(record, "name")


def holder(id: str) -> str:
    """The name under which a container holds its image, as ``rmi`` prints it."""
    return "container " + id[:12]


def now() -> float:
    return time.time()
