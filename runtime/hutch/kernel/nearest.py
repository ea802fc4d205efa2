"""The name that a wrong one was probably meant to be.

difflib finds it too, but is made of modules that the static executable has no room for.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: "Iterable[str]") -> str:
    """The known name with the fewest letters changed, of equals the first in the alphabet.

    "" where more than a third of the letters would have to be.
    """
    best, fewest = "", len(name) // 3 + 1
    for candidate in sorted(known):
        if abs(len(candidate) - len(name)) < fewest:
            changed = _changed(name, candidate)
            if changed < fewest:
                best, fewest = candidate, changed
    return best


def _changed(one: str, other: str) -> int:
    """How many letters must be added, left out or replaced to make one of the other."""
    row = list(range(len(other) + 1))
    for count, letter in enumerate(one, 1):
        diagonal, row[0] = row[0], count
        for at, against in enumerate(other, 1):
            diagonal, row[at] = (
                row[at],
                min(row[at] + 1, row[at - 1] + 1, diagonal + (letter != against)),
            )
    return row[-1]
