"""What the acts of this package tell while they run: an observer, silent by itself.

Called from several threads at once. Sizes are bytes.
"""

from hutch.image.digest import Digest


class Reporter:
    """Does nothing. A face (the command line) overrides what it shows."""

    def note(self, text: str) -> None:
        """Something a person should know, in one line."""

    def warn(self, text: str) -> None:
        """Something that is not as it should be, though the act goes on."""

    def layer(self, digest: Digest, total: int, what: str) -> None:
        """Work on a blob begins: ``what`` is "Downloading", "Pushing", "Unpacking" ..."""

    def advance(self, digest: Digest, size: int) -> None:
        """``size`` more bytes of it are done."""

    def done(self, digest: Digest, what: str) -> None:
        """The blob is dealt with: "Pull complete", "Already exists" ..."""
