"""hutch._sqlite with the standard library's sqlite3: what sqlite.c describes.

A wheel has this module in place of the extension, which would have to contain SQLite. Only the
ordinary interpreter uses it; the static executable has the one in C.
"""

import sqlite3

WRONG_USE = 21  # SQLITE_MISUSE (sqlite.org/rescode.html)


class Error(Exception):
    """(message, SQLite's extended result code)"""


class Connection:
    """A database. One thread at a time may use it: the caller has a lock."""

    def __init__(self, path: str, wait: int) -> None:
        """``wait``: milliseconds for another process's lock. Raises Error."""
        try:
            self._database = sqlite3.connect(
                path, timeout=wait / 1000, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise _translated(error) from None

    def rows(self, statement: str, values: tuple[int | float | str | None, ...]) -> list["object"]:
        """Executes one statement; its rows. Raises Error, or TypeError for another number of values
        than the statement has."""
        try:
            return self._database.execute(statement, values).fetchall()
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError) as error:
            if getattr(error, "sqlite_errorcode", None) is None and "bindings" in str(error):
                raise TypeError(str(error)) from None
            raise _translated(error) from None
        except sqlite3.Error as error:
            raise _translated(error) from None

    @property
    def in_transaction(self) -> bool:
        return self._database.in_transaction

    def close(self) -> None:
        self._database.close()


def _translated(error: sqlite3.Error) -> Error:
    return Error(str(error), getattr(error, "sqlite_errorcode", WRONG_USE))
