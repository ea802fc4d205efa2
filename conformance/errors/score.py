"""The rules by which a message gets its point.

A runtime gets the point of a case if both hold:

1. It tells: it ends with an error; or, where a case says so, it warns (the specification lets
   unknown names pass) or the container itself fails and the runtime tells why.
2. Its message names the field or the cause. For a broken bundle: the name of the field as
   config.json writes it (upper and lower case do not matter, so Go's and C's spellings count), or
   the kernel's name for it, or the wrong value itself, because one can search config.json for it.
   For a failure at run time: every one of the case's words, each of which has alternatives in
   anybody's wording (a path, a name, an errno, a number of a signal).

All lines of standard error and of the log count. The words of a case were chosen before the first
run; after it, alternatives were added for what runc and crun say in words of their own.
"""

import re
from typing import Literal

Verdict = Literal["names it", "fails without naming it", "succeeds in silence"]


def verdict(code: int, message: str, words: tuple[str, ...], *, quiet: bool = False) -> Verdict:
    """The verdict about a run. ``words`` are regular expressions, which must all be found;
    ``quiet``: the exit code is not that of a failure of the runtime, so only the words count."""
    if all(re.search(word, message, re.IGNORECASE) for word in words):
        return "names it"
    if code != 0 and (message or not quiet):
        return "fails without naming it"
    return "succeeds in silence"
