"""How an error or a warning is told: on standard error, or in the file of --log as engines read it.

Engines show the last line of level "error" of that file; people see one plain line.
"""

import posix

from hutch.errors import HutchError, KernelError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.cli.arguments import Options


class Log:
    """Where messages go, as the flags --log, --log-format and --debug say."""

    __slots__ = ("debug_wanted", "json", "path")

    def __init__(self) -> None:
        self.path = ""
        self.json = False
        self.debug_wanted = False

    def configure(self, options: "Options") -> None:
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

    def error(self, error: HutchError) -> None:
        """Tells the error that ends the command."""
        if self.path:
            self._append("error", error)
        if self.json and not self.path:
            complain(self._line("error", error))
        else:
            complain("hutch: " + str(error) + "\n")

    def warning(self, warning: HutchError) -> None:
        """Tells of something that was passed over; the command goes on."""
        self._tell("warning", warning)

    def debug(self, message: str) -> None:
        """Tells of a step, where --debug asks for it."""
        if self.debug_wanted:
            self._tell("debug", message)

    def _tell(self, level: str, said: "HutchError | str") -> None:
        if self.path:
            self._append(level, said)
        elif self.json:
            complain(self._line(level, said))
        else:
            complain("hutch: " + level + ": " + str(said) + "\n")

    def _append(self, level: str, said: "HutchError | str") -> None:
        from hutch.container.store import open_for_writing

        try:
            fd = open_for_writing(self.path, posix.O_APPEND, "the log")
        except KernelError:
            return
        try:
            posix.write(fd, self._line(level, said).encode())
        finally:
            posix.close(fd)

    def _line(self, level: str, said: "HutchError | str") -> str:
        from time import gmtime, strftime

        from hutch.spec.json import encode, quote

        now = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())
        if self.json:
            line = {"level": level, "msg": str(said), "time": now, **_fields(said)}
            return encode({key: line[key] for key in sorted(line)}) + "\n"
        return 'time="' + now + '" level=' + level + " msg=" + quote(str(said)) + "\n"


def _fields(said: "HutchError | str") -> "dict[str, object]":
    """What an error is about, beside its sentence: ``document``, ``pointer``, ``value``, ``call``,
    ``errno`` by its name (numbers differ between machines) and ``hint``; those that it has."""
    from errno import errorcode

    if isinstance(said, str):
        return {}
    number = errorcode.get(said.errno, str(said.errno)) if said.errno else ""
    fields = {
        "call": said.call,
        "document": said.document,
        "errno": number,
        "hint": said.hint,
        "pointer": said.pointer,
    }
    result: dict[str, object] = {name: text for name, text in fields.items() if text}
    if said.value is not ...:
        result["value"] = said.value
    return result


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
