"""Writes errors and warnings to standard error, and to the file of --log in the form engines read.

Engines show the last line of level "error" of that file; people see one plain line.
"""

import posix

from hutch.errors import HutchError, KernelError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.cli.arguments import Options


class Log:
    """Where and how messages are written, from the flags --log, --log-format and --debug."""

    __slots__ = ("debug_wanted", "json", "path")

    def __init__(self) -> None:
        self.path = ""
        self.json = False
        self.debug_wanted = False

    def configure(self, options: "Options") -> None:
        """Applies the global flags. Raises UsageError for an unknown format, KernelError if the
        file cannot be written."""
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

    def error(self, error: HutchError) -> None:
        """Writes the error that ends the command."""
        if self.path:
            self._append("error", error)
        if self.json and not self.path:
            complain(self._line("error", error))
        else:
            complain("hutch: " + str(error) + "\n")

    def warning(self, warning: HutchError) -> None:
        """Writes a warning; the command goes on."""
        self._write("warning", warning)

    def debug(self, message: str) -> None:
        """Writes a message for --debug; does nothing without that flag."""
        if self.debug_wanted:
            self._write("debug", message)

    def _write(self, level: str, message: "HutchError | str") -> None:
        if self.path:
            self._append(level, message)
        elif self.json:
            complain(self._line(level, message))
        else:
            complain("hutch: " + level + ": " + str(message) + "\n")

    def _append(self, level: str, message: "HutchError | str") -> None:
        from hutch.container.store import open_for_writing

        try:
            fd = open_for_writing(self.path, posix.O_APPEND, "the log")
        except KernelError:
            return
        try:
            posix.write(fd, self._line(level, message).encode())
        finally:
            posix.close(fd)

    def _line(self, level: str, message: "HutchError | str") -> str:
        from time import gmtime, strftime

        from hutch.spec.json import encode, quote

        now = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())
        if self.json:
            line = {"level": level, "msg": str(message), "time": now, **_fields(message)}
            return encode({key: line[key] for key in sorted(line)}) + "\n"
        return 'time="' + now + '" level=' + level + " msg=" + quote(str(message)) + "\n"


def _fields(message: "HutchError | str") -> "dict[str, object]":
    """The attributes of an error that are not empty: ``document``, ``pointer``, ``value``,
    ``call``, ``errno`` as a name (numbers differ between architectures) and ``hint``; and its
    ``facts``."""
    from errno import errorcode

    if isinstance(message, str):
        return {}
    number = errorcode.get(message.errno, str(message.errno)) if message.errno else ""
    fields = {
        "call": message.call,
        "document": message.document,
        "errno": number,
        "hint": message.hint,
        "pointer": message.pointer,
    }
    result: dict[str, object] = {name: text for name, text in fields.items() if text}
    result.update(message.facts)
    if message.value is not ...:
        result["value"] = message.value
    return result


def complain(text: str) -> None:
    """Writes to standard error; errors of the write are ignored."""
    _write(2, text)


def say(text: str) -> None:
    """Writes to standard output; errors of the write are ignored."""
    _write(1, text)


def _write(fd: int, text: str) -> None:
    data = memoryview(text.encode(errors="replace"))
    while data:
        try:
            data = data[posix.write(fd, data) :]
        except OSError:
            return
