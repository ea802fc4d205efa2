"""Reads the arguments of a verb from its declarations, without argparse.

To import argparse and to build a parser with the hundred flags of ``run`` takes longer than to make
the container. So a command line is read here first. Where it is wrong, asks for help, or needs what
this module does not know, ``read`` returns None; then argparse reads it, and says what is wrong.
"""

from typing import TYPE_CHECKING, cast

from hutch.cli.warren.verb import TRUTH

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Collection

SWITCHES = {"store_true": True, "store_false": False}


class Arguments:
    """The values of a command line; as argparse.Namespace."""


class Unusual(Exception):
    """This command line is for argparse."""


class Declared:
    """Takes a verb's declarations in place of an ArgumentParser."""

    def __init__(self) -> None:
        self.flags: dict[str, Argument] = {}
        self.places: list[Argument] = []
        self.set: dict[str, object] = {}
        self.unusual = False

    def add_argument(
        self,
        *names: str,
        action: str = "store",
        nargs: str | None = None,
        default: object = None,
        type: "Callable[[str], object] | None" = None,
        choices: "Collection[object] | None" = None,
        required: bool = False,
        dest: str = "",
        **others: object,  # metavar, help and const: only argparse needs these
    ) -> None:
        argument = Argument(names, action, nargs, dest)
        argument.convert, argument.choices, argument.required = type, choices, required
        if default is not None or argument.kind != 0:
            argument.default = default
        if not names[0].startswith("-"):
            self.places.append(argument)
        for name in names:
            if name.startswith("-"):
                self.flags[name] = argument

    def set_defaults(self, **values: object) -> None:
        self.set.update(values)

    def add_argument_group(self, title: str) -> "Declared":
        return self

    def add_mutually_exclusive_group(self) -> "Declared":
        self.unusual = True
        return self


class Argument:
    """A flag, or a place. ``kind`` is argparse's nargs, 0 for a switch."""

    def __init__(self, names: tuple[str, ...], action: str, nargs: str | None, dest: str) -> None:
        long = next((name for name in names if name.startswith("--")), names[0])
        self.name = dest or long.lstrip("-").replace("-", "_")
        self.action = action
        self.kind: int | str | None = 0 if action in SWITCHES else nargs
        self.convert: Callable[[str], object] | None = None
        self.choices: Collection[object] | None = None
        self.required = False
        self.default: object = action == "store_false"
        self.known = action in ("store", "append", *SWITCHES)

    def value(self, text: str) -> object:
        """A word's value. Raises Unusual if it is wrong."""
        try:
            value = self.convert(text) if self.convert else text
        except Exception:  # argparse knows which of them are errors of the caller
            raise Unusual from None
        if self.choices is not None and value not in self.choices:
            raise Unusual
        return value

    def give(self, arguments: Arguments, value: object) -> None:
        """Puts a value where the verb looks for it."""
        if self.action == "append":
            value = [*(getattr(arguments, self.name) or []), value]
        setattr(arguments, self.name, value)


def read(
    declare: "Callable[[ArgumentParser], None]", words: list[str], stops: int | None
) -> "Namespace | None":
    """The arguments in ``words``, or None if argparse must read them. ``stops`` is that of Verb."""
    declared = Declared()
    declare(cast("ArgumentParser", declared))
    arguments = Arguments()
    every = [*declared.flags.values(), *declared.places]
    if declared.unusual or not all(argument.known for argument in every):
        return None
    for argument in every:
        default = argument.default
        if isinstance(default, str) and argument.convert is not None:
            default = argument.convert(default)
        setattr(arguments, argument.name, default)
    for name, value in declared.set.items():
        setattr(arguments, name, value)
    try:
        places, command, seen = _flags(declared.flags, words, stops, arguments)
        _places(declared.places, places, arguments)
    except Unusual:
        return None
    if any(argument.required and argument not in seen for argument in declared.flags.values()):
        return None
    if stops is not None:
        arguments.command = command  # type: ignore[attr-defined]
    return cast("Namespace", arguments)


def _flags(
    known: dict[str, Argument], words: list[str], stops: int | None, arguments: Arguments
) -> tuple[list[str], list[str], set[Argument]]:
    """Takes the values of flags; the places, the command line behind them, and the flags seen."""
    places: list[str] = []
    seen: set[Argument] = set()
    rest = list(reversed(words))
    while rest and (stops is None or len(places) < stops):
        word = rest.pop()
        if word == "--":
            while rest and (stops is None or len(places) < stops):
                places.append(rest.pop())
            break
        if word == "-" or not word.startswith("-"):
            places.append(word)
        elif word.startswith("--"):
            name, equals, text = word.partition("=")
            argument = known.get(name)
            if argument is None:
                raise Unusual
            seen.add(argument)
            _long(argument, equals, text, rest, arguments)
        else:
            _short(known, word, rest, arguments, seen)
    return places, list(reversed(rest)), seen


def _long(
    argument: Argument, equals: str, text: str, rest: list[str], arguments: Arguments
) -> None:
    if argument.kind == 0:
        on = TRUTH.get(text.lower()) if equals else True
        if on is None:
            raise Unusual
        if on:
            argument.give(arguments, SWITCHES[argument.action])
    elif equals:
        argument.give(arguments, argument.value(text))
    elif argument.kind == "?":
        given = rest.pop() if rest and rest[-1].lower() in TRUTH else "true"
        argument.give(arguments, argument.value(given))
    elif argument.kind is None and rest:
        argument.give(arguments, argument.value(rest.pop()))
    else:
        raise Unusual


def _short(
    known: dict[str, Argument], word: str, rest: list[str], arguments: Arguments,
    seen: set[Argument],
) -> None:  # fmt: skip
    """Flags of one letter in one word; the last may have a value, in this word or the next."""
    for place, letter in enumerate(word[1:], 2):
        argument = known.get("-" + letter)
        if argument is None:
            raise Unusual
        seen.add(argument)
        if argument.kind == 0:
            argument.give(arguments, SWITCHES[argument.action])
            continue
        text = word[place:] or (rest.pop() if rest else "")
        if argument.kind is not None or text == "" or word[place : place + 1] == "=":
            raise Unusual
        argument.give(arguments, argument.value(text))
        return


def _places(known: list[Argument], words: list[str], arguments: Arguments) -> None:
    """Gives the places their words; only the last may take more or fewer than one."""
    rest = list(words)
    for number, argument in enumerate(known, 1):
        if argument.kind is None and rest:
            argument.give(arguments, argument.value(rest.pop(0)))
        elif argument.kind in ("*", "+", "?") and number == len(known):
            if (argument.kind == "+" and not rest) or (argument.kind == "?" and len(rest) > 1):
                raise Unusual
            if argument.kind == "?":
                if rest:
                    argument.give(arguments, argument.value(rest.pop()))
            elif rest or argument.default is None:
                argument.give(arguments, [argument.value(word) for word in rest])
                rest = []
        else:
            raise Unusual
    if rest:
        raise Unusual
