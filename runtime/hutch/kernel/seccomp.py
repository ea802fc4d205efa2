"""A compiled seccomp filter.

It is not in libseccomp.py, which compiles it, because that module is not loaded if the filter is
cached.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.errors import HutchError


class Filter:
    """A compiled profile.

    ``program`` is an array of struct sock_filter; ``flags`` are those of seccomp(2); ``notify``
    says whether loading it returns a listener; ``warnings`` name fields of the profile that have no
    effect.
    """

    __slots__ = ("flags", "notify", "program", "warnings")

    def __init__(
        self, program: bytes, flags: int, notify: bool, warnings: "list[HutchError]"
    ) -> None:
        self.program = program
        self.flags = flags
        self.notify = notify
        self.warnings = warnings
