"""The two fronts of the command, and the change from one to the other.

The first front is the static executable that people call. It needs a third of the time to start
that the ordinary interpreter needs. It contains the interpreter's builtin modules and hutch's
modules outside of the folders named ``cold``, but no file of the standard library and no other
package. The second front is the ordinary interpreter: it can import everything, the ``cold``
modules too.

The flags, the config or the container's state decide which front a verb needs, before the verb
changes anything; an import never decides this.
"""

import posix
import sys

import hutch

STATIC = "hutch._native" in sys.builtin_module_names


def use_interpreter() -> None:
    """Starts the command again in the ordinary interpreter, with the same name and arguments, by
    execv. Does nothing in a process that is the ordinary interpreter already.

    Call this before anything is changed or printed, and before an input is read that can be read
    only once (standard input, for example).
    """
    if STATIC:
        posix.execv(hutch.__path__[0] + "/libexec/hutch", sys.argv)
