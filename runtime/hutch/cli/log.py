"""How an error or a warning is told: on standard error, or in the file of --log as engines read it.

Engines show the last line of level "error" of that file; people see one plain line.
"""

import posix

from hutch.errors import KernelError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Log:
    """Where messages go, as the flags --log, --log-format and --debug say."""

    __slots__ = ("debug_wanted", "json", "path")

    def __init__(self) -> None:
        self.path = ""
        self.json = False
        self.debug_wanted = False

    def configure(self, options: "dict[str, Any]") -> None:
        """Takes the global flags. Raises UsageError for an unknown format, KernelError for a file
        that cannot be written."""
        self.debug_wanted = bool(options.get("debug"))
        form = options.get("log-format", "text")
        if form not in ("text", "json"):
            raise UsageError("invalid log-format: " + form, hint="text or json")
        self.json = form == "json"
        path = options.get("log", "")
        if path:
            from hutch.container.store import open_for_writing

            posix.close(open_for_writing(path, posix.O_APPEND, "the log"))
            self.path = path

    def error(self, message: str) -> None:
        """Tells the error that ends the command."""
        if self.path:
            self._append("error", message)
        if self.json and not self.path:
            complain(self._line("error", message))
        else:
            complain("hutch: " + message + "\n")

    def warning(self, message: str) -> None:
        """Tells of something that was passed over; the command goes on."""
        self._tell("warning", message)

    def debug(self, message: str) -> None:
        """Tells of a step, where --debug asks for it."""
        if self.debug_wanted:
            self._tell("debug", message)

    def _tell(self, level: str, message: str) -> None:
        if self.path:
            self._append(level, message)
        elif self.json:
            complain(self._line(level, message))
        else:
            complain("hutch: " + level + ": " + message + "\n")

    def _append(self, level: str, message: str) -> None:
        from hutch.container.store import open_for_writing

        try:
            fd = open_for_writing(self.path, posix.O_APPEND, "the log")
        except KernelError:
            return
        try:
            posix.write(fd, self._line(level, message).encode())
        finally:
            posix.close(fd)

    def _line(self, level: str, message: str) -> str:
        from time import gmtime, strftime

        from hutch.spec.json import encode, quote

        now = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())
        if self.json:
            return encode({"level": level, "msg": message, "time": now}) + "\n"
        return 'time="' + now + '" level=' + level + " msg=" + quote(message) + "\n"


def complain(text: str) -> None:
    """Writes to standard error; one that is closed is nobody's fault."""
    _write(2, text)


def say(text: str) -> None:
    """Writes to standard output."""
    _write(1, text)


def _write(fd: int, text: str) -> None:
    data = memoryview(text.encode(errors="replace"))
    while data:
        try:
            data = data[posix.write(fd, data) :]
        except OSError:
            return
