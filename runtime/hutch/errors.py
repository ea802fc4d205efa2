"""The errors of hutch. Any module may raise them; only the command line prints them, once.

    HutchError                 what is wrong, and perhaps a hint on what to do about it
    ├── ConfigError            a field of config.json cannot be carried out (pointer, value)
    ├── HostError              the host lacks something the config asks for (pointer)
    ├── KernelError            a kernel call failed (operation, call, errno, pointer)
    ├── HookFailed             a hook failed, or took too long (pointer)
    ├── StateError             the container's state does not allow the command (id, status)
    │   ├── NotFound           there is no such container
    │   └── StateDamaged       its state file is missing or damaged
    ├── UsageError             the command line is wrong
    ├── ImageError             an image or layer is malformed, hostile or unknown
    └── RegistryError          a registry refused, or answered wrongly

The last two are in hutch.image.errors, so that starting a container does not load them.

Code that handles an error looks at its type and its fields, never at its text. ``str(error)`` is
always one line. The text keeps the phrases that engines look for
(tests/container/test_engine_phrases.py has the list).
"""

from posix import strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONFIG = "config.json"


def errno_text(number: "int | None") -> str:
    """The C library's text for an errno, in lower case as runc and Go write it.

    ``number`` may be None, because ``OSError.errno`` is None where no kernel call was made.
    """
    text = strerror(number or 0)
    return text[:1].lower() + text[1:]


def shown(value: "Any") -> str:
    """A config value as an error quotes it: short, on one line, control characters escaped."""
    text = '"' + value + '"' if isinstance(value, str) else repr(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= 120 else text[:117] + "..."


class HutchError(Exception):
    """An error to show to the user. ``reason`` says what is wrong, ``hint`` what the user can do.

    ``facts`` say more about the cause in fields of their own, for programs: the JSON log has them.

    If a field is wrong, ``document`` and ``pointer`` say which one ("config.json",
    ``process.rlimits[0].type``), and ``value`` is its value (``...`` if the field is missing, or if
    the value is not to be shown). If a kernel call failed, ``call`` is its name and ``errno`` its
    error. A caller may change ``document`` and ``pointer`` after the error was raised: the sentence
    is built from them each time it is read.
    """

    document = ""
    pointer = ""
    value: "Any" = ...
    call = ""
    errno = 0
    # More about the cause, by the names that the JSON log has for it. Never changed, but replaced.
    facts: "dict[str, object]" = {}  # noqa: RUF012 - never changed

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint

    @property
    def sentence(self) -> str:
        """The place and the reason on one line, without the hint."""
        place = self.document + (": " if self.document and self.pointer else "") + self.pointer
        if place and self.value is not ...:
            place += " = " + shown(self.value)
        return place + ": " + self.reason if place else self.reason

    def __str__(self) -> str:
        line = self.sentence + (" (hint: " + self.hint + ")" if self.hint else "")
        if line.isprintable():
            return line
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


class ConfigError(HutchError):
    """A field of config.json is wrong or cannot be carried out.

    ``document`` is another file if it holds a part of a config (``exec --process``). ``pointer`` is
    the path of the field: ``process.rlimits[0].type``. ``value`` is the value of the field (leave
    it out when the field is missing). ``reason`` says why the value is not possible.
    """

    def __init__(
        self,
        pointer: str,
        reason: str,
        *,
        document: str = CONFIG,
        value: "Any" = ...,
        hint: str = "",
    ) -> None:
        super().__init__(reason, hint=hint)
        self.document = document
        self.pointer = pointer
        self.value = value


class HostError(HutchError):
    """The host lacks something: ``need`` says what. ``pointer`` is the field of config.json that
    asks for it ("" if no field does)."""

    def __init__(self, need: str, *, pointer: str = "", hint: str = "") -> None:
        super().__init__(need, hint=hint)
        self.document = CONFIG if pointer else ""
        self.pointer = pointer


class KernelError(HutchError):
    """A kernel call that failed.

    ``operation`` says what was being done ("mount tmpfs on /run"), ``call`` the kernel call,
    ``errno`` its error, ``pointer`` the field of config.json that asked for it ("" if none).
    """

    def __init__(
        self,
        operation: str,
        call: str,
        errno: "int | None",
        *,
        pointer: str = "",
        detail: str = "",
        hint: str = "",
    ) -> None:
        more = " (" + detail + ")" if detail else ""
        super().__init__(operation + ": " + call + ": " + errno_text(errno) + more, hint=hint)
        self.document = CONFIG if pointer else ""
        self.pointer = pointer
        self.operation = operation
        self.call = call
        self.errno = errno or 0


class HookFailed(HutchError):
    """A hook failed or took too long.

    ``pointer`` is its place in config.json, ``path`` its program, ``how`` says how it ended
    ("failed with exit status 1"), ``output`` is the last part of its output, on one line. ``end``
    has "exitStatus", "signal" or "timeout" with its number.
    """

    def __init__(
        self, pointer: str, path: str, how: str, output: str, end: "dict[str, object]"
    ) -> None:
        said = ": it wrote: " + output if output else ""
        super().__init__("hook " + path + " " + how + said)
        self.document = CONFIG
        self.pointer = pointer
        self.facts = {"cause": "hook", "hook": path, **end}
        if output:
            self.facts["output"] = output


class StateError(HutchError):
    """The container's state does not allow the command, or there is no such container."""

    def __init__(self, sentence: str, *, id: str = "", status: str = "", hint: str = "") -> None:
        super().__init__(sentence, hint=hint)
        self.id = id
        self.status = status


class NotFound(StateError):
    """There is no such container."""


class StateDamaged(StateError):
    """The files of a container's state are missing, or are not what the runtime wrote."""


class UsageError(HutchError):
    """The command line (or a call's arguments) cannot be understood."""
