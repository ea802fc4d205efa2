"""The name that a wrong one was probably meant to be.

difflib finds it too, but is made of modules that the static executable has no room for.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: "Iterable[str]") -> str:
    """The known name with the fewest letters changed or swapped, of equals the alphabet's first.

    "" where more than a third of the letters would have to be.
    """
    best, fewest = "", len(name) // 3 + 1
    for candidate in sorted(known):
        if abs(len(candidate) - len(name)) < fewest:
            changed = _changed(name, candidate)
            if changed < fewest:
                best, fewest = candidate, changed
    return best


def suggestion(name: str, known: "Iterable[str]", other: str) -> str:
    """The hint of an error about an unknown name: the nearest that is known, else ``other``."""
    meant = nearest(name, known)
    return f"did you mean {meant}?" if meant else other


def _changed(one: str, other: str) -> int:
    """How many letters must be added, left out, replaced or swapped with the next to make one of
    the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for count, letter in enumerate(one, 1):
        above, row = row, [count]
        for at, against in enumerate(other, 1):
            least = min(above[at] + 1, row[at - 1] + 1, above[at - 1] + (letter != against))
            if count > 1 and at > 1 and letter == other[at - 2] and one[count - 2] == against:
                least = min(least, before[at - 2] + 1)
            row.append(least)
        before = above
    return row[-1]
