"""Adopts the orphaned processes of a container that has no pid namespace of its own.

`run` in the foreground does that (PR_SET_CHILD_SUBREAPER, prctl(2)). Else the host's init would
adopt them, and the caller would not know when the last one has ended.
"""

import posix

from hutch.kernel.process import become_subreaper

__all__ = ["become_subreaper", "reap_orphans"]


def reap_orphans(first: int) -> None:
    """Reaps the children that have ended, but not ``first``, the container's first process: the
    caller reaps that one itself. When ``first`` has ended, this returns at once, since `run` then
    ends too."""
    options = posix.WEXITED | posix.WNOHANG | posix.WNOWAIT
    while True:
        try:
            found = posix.waitid(posix.P_ALL, 0, options)
        except ChildProcessError:
            return
        if found is None or found.si_pid in (0, first):
            return
        posix.waitpid(found.si_pid, posix.WNOHANG)
