"""The errors of hutch: raised low, rendered once, at the top.

    HutchError                 what is wrong, and perhaps a hint on what to do about it
    ├── ConfigError            a field of config.json cannot be carried out (pointer, value)
    ├── HostError              the host lacks something the config asks for (pointer)
    ├── KernelError            a kernel call failed (operation, call, errno, pointer)
    ├── HookFailed             a hook failed, or took too long (pointer)
    ├── StateError             the container is not in a state that allows the verb (id, status)
    │   ├── NotFound           there is no such container
    │   └── StateDamaged       its state file is missing or damaged
    ├── UsageError             the command line is wrong
    ├── ImageError             an image or layer is malformed, hostile or unknown
    └── RegistryError          a registry refused, or answered wrongly

The last two are in hutch.image.errors, where no container pays for them.

What depends on an error is decided by its type and its fields, never by its text. ``str(error)`` is
always one line. It keeps the phrases that engines look for (tests/container/test_engine_phrases.py
has the list).
"""

from posix import strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONFIG = "config.json"


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
    """What a person is told. ``reason`` says what is wrong, ``hint`` what can be done.

    Where a field is to blame, ``document`` and ``pointer`` say where it stands ("config.json",
    ``process.rlimits[0].type``) and ``value`` what stands there (... if the field is missing, or is
    not told); where a kernel call failed, ``call`` and ``errno`` say how. Whoever knows better who
    asked for a field puts that into ``document`` and ``pointer``: the sentence is made of the
    fields when somebody reads it.
    """

    document = ""
    pointer = ""
    value: "Any" = ...
    call = ""
    errno = 0

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint

    @property
    def sentence(self) -> str:
        """What is wrong and where, without the hint."""
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
    """A field of config.json, or of a ``document`` that stands for a part of it, that is wrong or
    cannot be carried out.

    ``pointer`` is its path as people write it: ``process.rlimits[0].type``; ``value`` what stands
    there (leave it out when the field is missing); ``reason`` why it cannot be.
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
    """The host lacks what is asked for; ``pointer`` is the field that asks, where one does."""

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
    """A hook that did not end well; ``pointer`` is its place in config.json, ``path`` its program,
    ``how`` it ended and ``output`` the end of what it wrote, on one line."""

    def __init__(self, pointer: str, path: str, how: str, output: str) -> None:
        said = ": it wrote: " + output if output else ""
        super().__init__("hook " + path + " " + how + said)
        self.document = CONFIG
        self.pointer = pointer


class StateError(HutchError):
    """The container's state forbids the verb, or there is no such container."""

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
