"""The two fronts of each command, and the change from one to the other.

The first front is the static executable that people call. It needs a third of the time to start
that the ordinary interpreter needs. The second front is the ordinary interpreter: it can import
everything.

The executable of hutch contains the interpreter's builtin modules and hutch's modules outside of
the folders named ``cold``, but no file of the standard library and no other package. The one of
warren contains what its everyday verbs use, and reads all other modules from files; only shared
objects cannot be loaded.

The flags, the config or the container's state decide which front a verb needs, before the verb
changes anything; an import never decides this.
"""

import posix
import sys

import hutch

WARREN = "hutch._sqlite" in sys.builtin_module_names  # warren's static executable
STATIC = "hutch._native" in sys.builtin_module_names and not WARREN  # hutch's


def parts() -> dict[str, str]:
    """What this command is made of: the front, its interpreter, and the init of containers."""
    front = "static executable with a snapshot" if STATIC or WARREN else "launcher"
    return {
        "front": front,
        "python": "CPython " + sys.version.split(" ", 1)[0],
        "init": hutch.__path__[0] + "/libexec/hutch-init",
    }


def parts_text() -> str:
    """The same as lines, for --version."""
    return "".join(name + ": " + value + "\n" for name, value in parts().items())


def use_interpreter() -> None:
    """Starts hutch again in the ordinary interpreter, with the same name and arguments, by execv.
    Does nothing in a process that can import all modules already. Raises KernelError.

    Call this before anything is changed or printed, and before an input is read that can be read
    only once (standard input, for example).
    """
    if STATIC:
        _become(hutch.__path__[0] + "/libexec/hutch")


def use_shared_objects() -> None:
    """The same for warren: for verbs that need modules which are shared objects."""
    if WARREN:
        _become(hutch.__path__[0] + "/libexec/warren")


def _become(launcher: str) -> None:
    try:
        posix.execv(launcher, sys.argv)
    except OSError as error:
        from hutch.errors import KernelError

        raise KernelError(
            "start the interpreter by " + launcher,
            "execve",
            error.errno,
            hint="is hutch installed as a whole, and for this processor?",
        ) from None
