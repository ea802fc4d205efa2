"""Prints errors. If a hint contains a warren command, the --root of this call is added to it."""

import re
import shlex
import sys

from hutch.errors import HutchError

STORE_VERBS = (
    "pull|push|images|rmi|tag|inspect|history|save|load|import|bundle|system|ps|start|volume"
)
COMMAND = rf"\bwarren (?=(?:{STORE_VERBS})\b(?! --help))"


def complain(error: HutchError, root: str) -> None:
    """Prints an error on one line. ``root`` is the value of --root, "" if it was not given."""
    if root:
        given = f"warren --root {shlex.quote(root)} "
        error.hint = re.sub(COMMAND, lambda _: given, error.hint)
    print(f"warren: {error}", file=sys.stderr)
