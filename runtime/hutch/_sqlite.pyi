"""The extension built from native/sqlite/sqlite.c."""

class Error(Exception):
    """An error of SQLite: ``args`` are its message and its extended result code."""

    args: tuple[str, int]

class Connection:
    """An open database. Only one thread at a time may use it."""

    def __init__(self, path: str, wait: int) -> None:
        """Opens or makes the file; ``wait`` is the time in milliseconds that a statement waits for
        the lock of another process. Raises Error."""

    @property
    def in_transaction(self) -> bool: ...
    def rows(
        self, statement: str, values: tuple[int | float | str | None, ...], /
    ) -> list[tuple[str, ...]]:
        """Executes one statement with its values, and returns its rows. Raises Error."""

    def close(self) -> None: ...
