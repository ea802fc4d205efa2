"""Progress for people: a bar a layer on a terminal, plain lines elsewhere. Always on stderr."""

import sys

from ...errors import HutchError
from ...image.digest import Digest
from ...image.progress import Reporter


def reporter() -> Reporter:
    """The fitting one for this process's stderr."""
    return Lines()


def safe(text: str) -> str:
    """On one line, with control characters escaped (S-85)."""
    return str(HutchError(text))


class Lines(Reporter):
    """One line an event."""

    def note(self, text: str) -> None:
        """See ``Reporter``."""
        print(safe(text), file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """See ``Reporter``."""
        print("warning: " + safe(text), file=sys.stderr, flush=True)

    def done(self, digest: Digest, what: str) -> None:
        """See ``Reporter``."""
        print(f"{digest.short}: {what}", file=sys.stderr, flush=True)
