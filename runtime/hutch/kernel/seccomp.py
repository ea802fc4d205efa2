"""A seccomp filter: all that a container needs of it once it is compiled.

It stands apart from what compiles it (libseccomp.py), which is not read where the filter is cached.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.errors import HutchError


class Filter:
    """A compiled profile.

    ``program`` is an array of struct sock_filter; ``flags`` are those of seccomp(2); ``notify``
    whether loading it gives a listener; ``warnings`` what in the profile has no effect.
    """

    __slots__ = ("flags", "notify", "program", "warnings")

    def __init__(
        self, program: bytes, flags: int, notify: bool, warnings: "list[HutchError]"
    ) -> None:
        self.program = program
        self.flags = flags
        self.notify = notify
        self.warnings = warnings
