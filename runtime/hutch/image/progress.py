"""The interface through which this package reports progress and warnings.

Its methods are called from several threads at the same time. Sizes are in bytes.
"""

from hutch.image.digest import Digest


class Reporter:
    """Does nothing. The command line overrides the methods for what it shows."""

    def note(self, text: str) -> None:
        """Reports information for the user, in one line."""

    def warn(self, text: str) -> None:
        """Reports a problem that does not stop the operation."""

    def layer(self, digest: Digest, total: int, what: str) -> None:
        """Work on a blob begins: ``what`` is "Downloading", "Pushing", "Unpacking" ..."""

    def advance(self, digest: Digest, size: int) -> None:
        """``size`` more bytes of it are done."""

    def done(self, digest: Digest, what: str) -> None:
        """Work on the blob has ended: "Pull complete", "Already exists" ..."""
