"""The guard of a supervisor (watch.py): a program. It starts the supervisor, waits for its end, and
kills the container if the supervisor has failed.

Its arguments are the folder of the packages, the supervisor's module, the container's directory,
and the numbers of descriptors: a pidfd of the container's first process, then those for the
supervisor.
"""

import os
import signal
import sys

SUPERVISOR = "import sys; sys.path.append(sys.argv.pop(1)); import {} as it; it.main(sys.argv[1:])"


def main() -> None:
    """Ends when the supervisor has ended."""
    module, directory, first, *numbers = sys.argv[1:]
    packages = sys.path[-1]
    os.set_inheritable(int(first), False)
    python = [sys.executable, "-I", "-S", "-X", "utf8", "-c"]
    supervisor = os.posix_spawn(
        sys.executable,
        [*python, SUPERVISOR.format(module), packages, directory, *numbers],
        os.environ,
    )
    for number in numbers:
        os.close(int(number))
    _, status = os.waitpid(supervisor, 0)
    if status:
        signal.pidfd_send_signal(int(first), signal.SIGKILL)
