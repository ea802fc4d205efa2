"""The errors of hutch: raised low, rendered once, at the top.

    HutchError                 a sentence, and perhaps a hint on what to do about it
    ├── ConfigError            a field of config.json cannot be carried out (JSON pointer, value)
    ├── HostError              the host lacks something the config asks for
    ├── KernelError            a kernel call failed (operation, call, errno, JSON pointer)
    ├── StateError             the container is not in a state that allows the verb (id, status)
    ├── UsageError             the command line is wrong
    ├── ImageError             an image or layer is malformed, hostile or unknown
    └── RegistryError          a registry refused, or answered wrongly

The last two are in hutch.image.errors, where no container pays for them.

``str(error)`` is always one line. It keeps the phrases that engines look for ("no such file or
directory", "permission denied", "executable file not found in $PATH", "container does not exist").
"""

from posix import strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def errno_text(number: "int | None") -> str:
    """The C library's text for an errno, in lower case as runc and Go write it.

    ``OSError.errno`` is None where no kernel call was made; so may this be.
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
    """What a person is told. ``sentence`` says what is wrong, ``hint`` what can be done."""

    def __init__(self, sentence: str, *, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint

    def __str__(self) -> str:
        line = self.sentence + (" (hint: " + self.hint + ")" if self.hint else "")
        if line.isprintable():
            return line
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


class ConfigError(HutchError):
    """A field of config.json that is wrong or cannot be carried out.

    ``pointer`` is its path as people write it: ``process.rlimits[0].type``; ``value`` what stands
    there (leave it out when the field is missing); ``reason`` why it cannot be.
    """

    def __init__(self, pointer: str, reason: str, *, value: "Any" = ..., hint: str = "") -> None:
        given = "" if value is ... else " = " + shown(value)
        super().__init__("config.json: " + pointer + given + ": " + reason, hint=hint)
        self.pointer = pointer
        self.value = None if value is ... else value
        self.reason = reason


class HostError(HutchError):
    """The host lacks what is asked for; ``pointer`` is the field that asks, where one does."""

    def __init__(self, need: str, *, pointer: str = "", hint: str = "") -> None:
        super().__init__(("config.json: " + pointer + ": " if pointer else "") + need, hint=hint)
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
        where = "config.json: " + pointer + ": " if pointer else ""
        more = " (" + detail + ")" if detail else ""
        sentence = where + operation + ": " + call + ": " + errno_text(errno) + more
        super().__init__(sentence, hint=hint)
        self.operation = operation
        self.call = call
        self.errno = errno or 0
        self.pointer = pointer


class StateError(HutchError):
    """The container's state forbids the verb, or there is no such container."""

    def __init__(self, sentence: str, *, id: str = "", status: str = "", hint: str = "") -> None:
        super().__init__(sentence, hint=hint)
        self.id = id
        self.status = status


class UsageError(HutchError):
    """The command line (or a call's arguments) cannot be understood."""
