"""Which flag or argument the last word of an unfinished command line is."""

from argparse import Action, ArgumentParser
from dataclasses import dataclass, field

from hutch.cli.warren.complete.names import Names
from hutch.cli.warren.complete.values import FILES, FOLDERS, WORDS, Answer, value_of
from hutch.cli.warren.parser import parser_for
from hutch.cli.warren.table import ALIASES, GLOBALS, INTERNAL, NOUN_VERBS, NOUNS, VERBS, summary_of
from hutch.cli.warren.verb import verb_of
from hutch.errors import HutchError


def completed(words: list[str]) -> Answer:
    """What the last of the words behind "warren" can be."""
    try:
        return _completed(words)
    except (HutchError, OSError):
        return Answer(WORDS)


def _completed(words: list[str]) -> Answer:
    *before, last = words or [""]
    options: dict[str, str] = {}
    while before and before[0].startswith("-"):
        name, equals, value = before.pop(0).partition("=")
        if GLOBALS.get(name, ("",))[0] and not equals:
            if not before:
                return Answer(FOLDERS if name == "--root" else FILES)
            value = before.pop(0)
        options[name] = value
    if before[:1] == ["help"]:
        before = before[1:]
        if len(before) > 1 or (before and before[0] not in NOUNS):
            return Answer(WORDS)
    if not before:
        if last.startswith("-"):
            return chosen({name: does for name, (_, does) in GLOBALS.items()}, last)
        verbs = {verb: row[1] for verb, row in VERBS.items()}
        nouns = {noun: about for noun, (about, _) in NOUNS.items()}
        return chosen({**verbs, **nouns, "help": "Show help"}, last)
    verb = before.pop(0)
    if verb in NOUNS:
        inner = NOUNS[verb][1]
        if not before:
            known = {word: summary_of(name) for word, name in inner.items()
                     if name not in INTERNAL and word not in ALIASES}  # fmt: skip
            return chosen(known, last)
        verb = inner.get(before.pop(0), "")
    if verb not in VERBS and verb not in NOUN_VERBS:
        return Answer(WORDS)
    names = Names(options.get("--root", ""))
    return Line(parser_for(verb), verb, verb_of(verb).stops).answer(before, last, names)


def chosen(words: dict[str, str], last: str) -> Answer:
    """Those of the words that begin so."""
    return Answer(WORDS, {word: text for word, text in words.items() if word.startswith(last)})


@dataclass
class Line:
    """The words of one verb."""

    parser: ArgumentParser
    verb: str
    stops: int | None
    places: list[str] = field(default_factory=list)

    def answer(self, before: list[str], last: str, names: Names) -> Answer:
        """What the last word can be after the others."""
        waiting, barrier = self._read(before)
        if waiting is not None:
            return value_of(waiting, self.verb, last, names)
        if self.stops is not None and len(self.places) > self.stops:
            return Answer(WORDS)  # a command line of a container
        if last.startswith("-") and not barrier:
            return self._flag(last, names)
        place = self._place()
        if place is None or (self.stops is not None and len(self.places) == self.stops):
            return Answer(WORDS)
        return value_of(place, self.verb, last, names, given=self.places)

    def _read(self, before: list[str]) -> tuple[Action | None, bool]:
        """The flag whose value comes next, if one does, and whether a "--" has ended flags."""
        known = self.parser._option_string_actions
        waiting: Action | None = None
        for number, word in enumerate(before):
            if waiting is not None:
                waiting = None
                continue
            if word == "--":
                self.places += before[number + 1 :]
                return None, True
            if not word.startswith("-") or word == "-":
                self.places.append(word)
                if self.stops is not None and len(self.places) >= self.stops:
                    self.places += before[number + 1 :]
                    return None, True
            elif word.startswith("--"):
                action = known.get(word)
                waiting = action if action is not None and action.nargs is None else None
            else:
                waiting = _last_waits([known.get("-" + letter) for letter in word[1:]])
        return waiting, False

    def _flag(self, last: str, names: Names) -> Answer:
        """A flag's own name, or its value behind "="."""
        name, equals, value = last.partition("=")
        known = self.parser._option_string_actions
        if equals and name in known:
            found = value_of(known[name], self.verb, value, names)
            return Answer(found.kind, {f"{name}={word}": t for word, t in found.words.items()})
        flags = {
            flag: str(action.help)
            for flag, action in known.items()
            if flag.startswith("--") and action.help != "==SUPPRESS=="
        }
        return chosen(flags, last)

    def _place(self) -> Action | None:
        """The argument that comes next."""
        count = len(self.places)
        for action in self.parser._positionals._group_actions:
            if action.nargs in ("+", "*"):
                return action
            if count == 0:
                return action
            count -= 1
        return None


def _last_waits(actions: list[Action | None]) -> Action | None:
    """The last of the short flags in one word (-itv), if it and none before it takes a value."""
    takes = [action is not None and action.nargs is None for action in actions]
    return actions[-1] if takes.count(True) == 1 and takes[-1] else None
