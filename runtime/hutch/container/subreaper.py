"""Processes of a container that has no pid namespace of its own, when their parent has ended.

In the foreground `run` is their reaper (PR_SET_CHILD_SUBREAPER, prctl(2)): else the host's init
would adopt them, and a caller could not tell when the last one is gone.
"""

import posix

from hutch.kernel.process import become_subreaper

__all__ = ["become_subreaper", "reap_orphans"]


def reap_orphans(first: int) -> None:
    """Takes the statuses of children that have ended, except that of ``first``, which is for its
    own waiter: behind it nothing is looked for, as it is the end of all."""
    options = posix.WEXITED | posix.WNOHANG | posix.WNOWAIT
    while True:
        try:
            found = posix.waitid(posix.P_ALL, 0, options)
        except ChildProcessError:
            return
        if found is None or found.si_pid in (0, first):
            return
        posix.waitpid(found.si_pid, posix.WNOHANG)
