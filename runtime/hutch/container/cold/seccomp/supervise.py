"""The loop of a supervisor (watch.py): answers system calls until no process is left that could
make one, then reports."""

import json
import os
import select
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from hutch.container.cold.seccomp.calls import Call, answer, receive
from hutch.container.cold.seccomp.watch import PATIENCE, STARTED, Report, Task
from hutch.errors import HutchError
from hutch.kernel.libseccomp import call_number, native

if TYPE_CHECKING:
    Make = Callable[[Task], "Observer"]


class Observer(Protocol):
    """What is done with the calls."""

    def take(self, listener: int, call: Call) -> None:
        """Answers a call."""

    def waits(self) -> bool:
        """Whether ``idle`` is to be called when there is no call for a second."""

    def idle(self) -> None:
        """Called after a second without a call."""

    def finish(self, started: bool) -> Report:
        """The report. ``started``: the program of the container was executed."""


def supervise(numbers: Sequence[str], make: "Make") -> None:
    """Answers the calls of a container with what ``make`` makes from the task. ``numbers`` are
    those of the descriptors that Watch.hand_over has passed. Raises KernelError."""
    listener, server_number, control_number, task_number = map(int, numbers)
    server, control = socket.socket(fileno=server_number), socket.socket(fileno=control_number)
    for fd in (listener, server_number, control_number, task_number):
        os.set_inheritable(fd, False)
    with os.fdopen(task_number) as file:
        task: Task = json.load(file)
    observer = make(task)
    _answer_all(observer, listener, server)
    server.close()
    control.settimeout(PATIENCE)
    try:
        started = control.recv(len(STARTED)) == STARTED
    except OSError:
        started = False
    try:
        report = observer.finish(started)
    except HutchError as error:
        report = {"error": str(error)}
    try:
        control.sendall(json.dumps(report).encode())
    except OSError:
        pass  # the runtime has ended before the container


def _answer_all(observer: Observer, listener: int, server: socket.socket) -> None:
    waiting = select.poll()
    waiting.register(listener, select.POLLIN)
    waiting.register(server, select.POLLIN)
    # The first call of each listener is that of hutch-init, which closes its own descriptor of it.
    # It is not a call that the profile must allow.
    fresh, close = {listener}, call_number(native(), "close")
    left = 1
    while left:
        ready = waiting.poll(1000 if observer.waits() else None)
        if not ready:
            observer.idle()
        for fd, events in ready:
            if fd == server.fileno():
                for added in _taken_over(server):
                    waiting.register(added, select.POLLIN)
                    fresh.add(added)
                    left += 1
            elif not events & select.POLLIN:
                waiting.unregister(fd)  # POLLHUP: no process has the filter any more
                os.close(fd)
                left -= 1
            elif (call := receive(fd)) is not None:
                if fd in fresh:
                    fresh.discard(fd)
                    if call.number == close:
                        answer(fd, call)
                        continue
                observer.take(fd, call)


def _taken_over(server: socket.socket) -> list[int]:
    """The listeners in a message to the seccomp agent."""
    connection, _ = server.accept()
    with connection:
        connection.settimeout(PATIENCE)
        try:
            return list(socket.recv_fds(connection, 65536, 1)[1])
        except OSError:
            return []
