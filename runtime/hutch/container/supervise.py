"""Staying with a process in the foreground until it ends: `run` and `exec`."""

from select import POLLHUP, POLLIN, poll

from hutch.container.signals import SIGCHLD, SIGURG, SIGWINCH, Signals
from hutch.errors import KernelError
from hutch.kernel.process import signal_pidfd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.init import Init
    from hutch.container.terminal import Terminal


def supervise(init: "Init", signals: Signals, terminal: "Terminal | None") -> int:
    """Waits for our child, passing signals on to it and carrying its terminal; its exit code."""
    waiting = poll()
    waiting.register(init.pidfd, POLLIN)
    waiting.register(signals.fd, POLLIN)
    if terminal is not None:
        terminal.begin(waiting)
    try:
        while True:
            for fd, events in waiting.poll():
                if fd == init.pidfd:
                    if terminal is not None:
                        terminal.drain()
                    return init.reap()
                if fd == signals.fd:
                    _pass_on(init, signals, terminal)
                elif terminal is not None and events & (POLLIN | POLLHUP):
                    terminal.carry(fd, waiting)
    finally:
        if terminal is not None:
            terminal.end()


def _pass_on(init: "Init", signals: Signals, terminal: "Terminal | None") -> None:
    for signal in signals.taken():
        if signal == SIGWINCH and terminal is not None:
            terminal.resize()
        elif signal not in (SIGCHLD, SIGURG):
            try:
                signal_pidfd(init.pidfd, signal)
            except KernelError:
                return
