"""The descriptors from 3 on that are passed to a container: --preserve-fds and LISTEN_FDS."""

import posix

from hutch.cli.arguments import Call
from hutch.errors import UsageError

PRESERVED_MAX = 1000


def listening_descriptors() -> int:
    """How many descriptors from 3 on LISTEN_FDS gives to this process (sd_listen_fds(3)); 0 if
    LISTEN_PID is not this process. Those of --preserve-fds come after them."""
    if posix.environ.get(b"LISTEN_PID", b"") != str(posix.getpid()).encode():
        return 0
    text = posix.environ.get(b"LISTEN_FDS", b"")
    return min(int(text[:9]), PRESERVED_MAX) if text.isdigit() else 0


def preserved(call: Call) -> int:
    """The number of --preserve-fds. Raises UsageError if it is over PRESERVED_MAX."""
    count = call.number("preserve-fds")
    if count > PRESERVED_MAX:
        raise UsageError(
            "--preserve-fds: " + str(count) + " is too many", hint=f"at most {PRESERVED_MAX}"
        )
    return count
