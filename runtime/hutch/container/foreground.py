"""Waits for a process in the foreground until it ends: for `run` and `exec`."""

from select import POLLIN, poll

from hutch.container.signalfd import SIGCHLD, SIGURG, SIGWINCH, Signals
from hutch.errors import KernelError
from hutch.kernel.process import signal_pidfd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.init_process import Init
    from hutch.container.sd_notify import Notify
    from hutch.container.terminal import Terminal


def supervise(
    init: "Init",
    signals: Signals,
    terminal: "Terminal | None",
    notify: "Notify | None" = None,
    adopts: bool = False,
) -> int:
    """Waits for the end of ``init``, a child of this process, and returns its exit code. Meanwhile
    passes on signals, the bytes of the terminal, and the message that the program is ready
    (sd_notify(3)). ``adopts``: this process adopts orphans, so it must reap them too."""
    waiting = poll()
    waiting.register(init.pidfd, POLLIN)
    waiting.register(signals.fd, POLLIN)
    if notify is not None:
        waiting.register(notify.fd, POLLIN)
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
                    _pass_on(init, signals, terminal, adopts)
                elif notify is not None and fd == notify.fd:
                    notify.take(init.pid)
                    if notify.ready:
                        waiting.unregister(fd)
                elif terminal is not None:
                    terminal.carry(fd, events)
    finally:
        if terminal is not None:
            terminal.end()


def _pass_on(init: "Init", signals: Signals, terminal: "Terminal | None", adopts: bool) -> None:
    for signal in signals.taken():
        if signal == SIGWINCH and terminal is not None:
            terminal.resize()
        elif signal == SIGCHLD and adopts:
            from hutch.container.subreaper import reap_orphans

            reap_orphans(init.pid)
        elif signal not in (SIGCHLD, SIGURG):
            try:
                signal_pidfd(init.pidfd, signal)
            except KernelError:
                return
            signals.passed_on = signal
