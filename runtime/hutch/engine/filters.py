"""Filters of lists, events and prunes, as Docker's clients and warren's command give them: names
with values."""

from collections.abc import Callable, Iterable, Mapping

from hutch.errors import UsageError, shown

Wanted = dict[str, list[str]]  # the values of each filter
PRUNE = ("until", "label", "label!")


def parse(texts: Iterable[str], known: Iterable[str]) -> Wanted:
    """The filters NAME=VALUE and NAME!=VALUE of a command line; all must be ``known``.

    Raises UsageError.
    """
    wanted: Wanted = {}
    names = sorted(known)
    for text in texts:
        name, given, value = text.partition("=")
        if not given or not value or name not in names:
            raise UsageError(f"invalid filter {shown(text)}", hint=f"there are {', '.join(names)}")
        wanted.setdefault(name, []).append(value)
    return wanted


def holds(wanted: Wanted, holds_one: Callable[[str, str], bool]) -> bool:
    """Whether for each filter one of its values holds; of labels all must."""
    return all(
        (all if name.startswith("label") else any)(holds_one(name, value) for value in values)
        for name, values in wanted.items()
        if values
    )


def has_label(labels: Mapping[str, str], text: str) -> bool:
    """``KEY`` or ``KEY=VALUE``."""
    key, given, wanted = text.partition("=")
    return key in labels and (not given or labels[key] == wanted)


def to_go(wanted: Wanted, until: float, created: float, labels: Mapping[str, str]) -> bool:
    """Whether a prune with these filters means something that was ``created`` then and has these
    labels. ``until``: the earliest time of the filters of this name; infinite if there are none."""
    return (
        created < until
        and all(has_label(labels, text) for text in wanted.get("label", []))
        and not any(has_label(labels, text) for text in wanted.get("label!", []))
    )
