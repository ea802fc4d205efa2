"""The two fronts of the command, and the change from one to the other.

The command that people call is a static executable. It starts in a third of the ordinary
interpreter's time, and has the interpreter's builtin modules and hutch's own hot ones; no file of
the standard library, no other package. The ordinary interpreter is the other front: it can import
everything, the modules in folders named ``cold`` too.

Which front a verb needs is decided from its flags, the config or the container's state, before
anything is done; an import never decides it.
"""

import posix
import sys

import hutch

STATIC = "hutch._native" in sys.builtin_module_names


def use_interpreter() -> None:
    """From here on the ordinary interpreter runs the command: it begins once more there, with the
    same name and arguments. Where the ordinary interpreter runs already nothing happens.

    To be called before anything is changed or told, and before an input is read that can be read
    only once.
    """
    if STATIC:
        posix.execv(hutch.__path__[0] + "/libexec/hutch", sys.argv)
