"""The parser of the command line: reads the words once, from left to right, using the table."""

from hutch.cli.table import GLOBAL, VERBS
from hutch.errors import HutchError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypedDict

    from hutch.container.trace import Trace

    Flags = tuple[tuple[str, str, str, str], ...]
    Values = dict[str, str | bool | list[str]]
    # The global flags that were given (GLOBAL).
    Options = TypedDict(
        "Options",
        {
            "root": str,
            "log": str,
            "log-format": str,
            "debug": bool,
            "trace": str,
            "systemd-cgroup": bool,
            "rootless": str,
            "strict": bool,
            "help": bool,
            "version": bool,
        },
        total=False,
    )


LONGEST = 19  # digits


class Call:
    """A parsed command line: ``verb`` ("" for none), its ``arguments``, and its ``flags`` by name;
    ``options`` are the global flags.

    A flag that was not given is absent; a flag that may be repeated has a list of values.
    """

    __slots__ = ("arguments", "flags", "options", "trace", "verb")

    def __init__(self) -> None:
        self.verb = ""
        self.arguments: list[str] = []
        self.flags: Values = {}
        self.options: Options = {}
        self.trace: Trace | None = None

    def text(self, name: str, default: str = "") -> str:
        """A flag of the verb."""
        value = self.flags.get(name, default)
        assert isinstance(value, str)
        return value

    def has(self, name: str) -> bool:
        """Whether a switch of the verb was given."""
        return bool(self.flags.get(name))

    def many(self, name: str) -> "list[str]":
        """A flag of the verb that may be repeated."""
        value = self.flags.get(name, [])
        assert isinstance(value, list)
        return value

    def number(self, name: str) -> int:
        """A flag of the verb that is a number of zero or more; 0 where it was not given."""
        text = self.text(name, "0")
        # isdigit() accepts digits that int() refuses, and int() refuses very long numbers.
        if not (text.isascii() and text.isdigit()) or len(text) > LONGEST:
            raise UsageError("--" + name + " takes a number, not " + repr(text))
        return int(text)


def parse(words: "list[str]", call: Call) -> None:
    """Fills ``call`` from the command line without the program's name. Raises UsageError; what was
    read before the error stays in ``call``, so that --log applies to the error."""
    for word in words:
        if not word.isascii() and any(0xD800 <= ord(letter) <= 0xDFFF for letter in word):
            raise UsageError("an argument is not valid UTF-8: " + ascii(word))
    rest = _flags(words, GLOBAL, call.options)  # type: ignore[arg-type]
    if not rest:
        return
    call.verb = rest[0]
    if call.verb == "help":
        call.options["help"] = True
        call.verb = rest[1] if len(rest) > 1 else ""
        return
    verb = VERBS.get(call.verb)
    if verb is None:
        raise UsageError(
            "No help topic for '" + call.verb + "'",
            hint=_alike(call.verb, VERBS, "see hutch --help"),
        )
    _, usage, fewest, most, flags = verb
    help_flag = (("help", "h", "", "show help"),)
    own_command = most < 0
    arguments = call.arguments
    left = rest[1:]
    while left:
        left = _flags(left, flags + help_flag, call.flags)
        if left and left[0] != "--":
            arguments.append(left[0])
            left = left[1:]
            if own_command:
                if left and left[0] == "--":
                    left = left[1:]
                arguments += left
                break
        elif left:
            arguments += left[1:]
            break
    if call.flags.get("help"):
        call.options["help"] = True
        return
    if len(arguments) < fewest or (0 <= most < len(arguments)):
        raise _wrong_count(call.verb, usage, fewest, most, len(arguments))


def _wrong_count(verb: str, usage: str, fewest: int, most: int, given: int) -> HutchError:
    if fewest == most:
        wanted = "exactly " + str(fewest)
    elif given < fewest:
        wanted = "a minimum of " + str(fewest)
    else:
        wanted = "a maximum of " + str(most)
    return UsageError(
        '"' + verb + '" requires ' + wanted + " argument(s)", hint="hutch " + verb + " " + usage
    )


def _flags(words: "list[str]", flags: "Flags", values: "Values") -> "list[str]":
    """Reads flags from the front of ``words`` into ``values``; returns what follows them."""
    index = 0
    while index < len(words):
        word = words[index]
        if word == "--" or not word.startswith("-") or word == "-":
            break
        name, equals, value = word.lstrip("-").partition("=")
        flag = _find(name, flags)
        if flag is None:
            known = [long for long, _, _, _ in flags]
            raise UsageError(
                "flag provided but not defined: " + word.partition("=")[0],
                hint=_alike(name, known, "", "--"),
            )
        index += 1
        name, _, placeholder, _ = flag
        if not placeholder:
            if equals and value not in ("true", "false"):
                raise UsageError("--" + name + " is a switch: true or false, not " + repr(value))
            values[name] = value != "false"
            continue
        if not equals:
            if index == len(words):
                raise UsageError("flag needs an argument: --" + name, hint=placeholder)
            value = words[index]
            index += 1
        if placeholder.endswith("..."):
            given = values.setdefault(name, [])
            assert isinstance(given, list)
            given.append(value)
        else:
            values[name] = value
    return words[index:]


def _alike(name: str, known: "Iterable[str]", otherwise: str, before: str = "") -> str:
    from hutch.did_you_mean import nearest

    meant = nearest(name, known)
    return "did you mean " + before + meant + "?" if meant else otherwise


def _find(name: str, flags: "Flags") -> "tuple[str, str, str, str] | None":
    for flag in flags:
        if name and name in (flag[0], flag[1]):
            return flag
    return None
