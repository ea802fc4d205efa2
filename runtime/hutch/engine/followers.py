"""Those who follow something wait here until the kernel says that it may have changed.

One thread wakes them, with one inotify descriptor (a user may have 128 of them, inotify(7)) and one
epoll descriptor, however many they are. Both are there while somebody follows. Where the kernel
refuses them, followers look every 50 ms.

SQLite writes a transaction to its log (store.db-wal) shortly before others can read it: they look
in shared memory, which inotify(7) does not see. So those who wait for the database are woken a
little later, and again after that.
"""

import os
import select
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from hutch.engine.containers import records as phases
from hutch.engine.containers.records import Record
from hutch.engine.containers.truth import Death
from hutch.engine.engine import Engine
from hutch.kernel.inotify import changed, inotify, unwatch, watch

POLL = 0.05  # seconds between two looks of those whom the kernel cannot wake
AFTER = (0.005, 0.05, 1.0)  # seconds from a change of the database to the looks at it
Process = tuple[int, str]  # its pid, and what tells it from others of this pid (truth.birth)


class Follower:
    """One who waits."""

    def __init__(self, loop: "Loop | None") -> None:
        self.loop = loop
        self.woken = threading.Event()
        self.process: Process | None = None

    def wait(self, record: Record | None = None, seconds: float | None = None) -> None:
        """Until something may have changed, the process of this container has ended, or so many
        seconds have gone. What changes before the next call is seen by it."""
        if self.loop is None or (record is not None and not self.loop.attend(self, record)):
            seconds = POLL if seconds is None else min(POLL, seconds)
        self.woken.wait(seconds)
        self.woken.clear()


class Followers:
    """All who follow something."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: Loop | None = None
        self._count = 0

    @contextmanager
    def join(
        self,
        engine: Engine,
        client: int = -1,
        folders: Sequence[str] = (),
        events: int = select.EPOLLRDHUP,
    ) -> Iterator[Follower]:
        """One more, who is woken by changes of the store's database and of the files of folders,
        and by events of the descriptor ``client`` (epoll_ctl(2)): a client that leaves, or, with
        EPOLLIN, a pipe that has something to read; a hang-up is always one of them."""
        with self._lock:
            if self._loop is None:
                with suppress(OSError):
                    self._loop = Loop()
            loop, self._count = self._loop, self._count + 1
        follower = Follower(loop)
        try:
            if loop is not None:
                paths = [f"{engine.store.root}/store.db-wal", *folders]
                loop.add(follower, client, paths, events)
            yield follower
        finally:
            if loop is not None:
                loop.remove(follower, client)
            with self._lock:
                self._count -= 1
                if not self._count and self._loop is not None:
                    self._loop.stop()
                    self._loop = None


class Loop:
    """The thread that wakes them. Raises OSError if the kernel refuses what it needs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[int, set[Follower]] = {}  # by the number of the watch
        self._others: dict[int, set[Follower]] = {}  # by the descriptor of a client or a process
        self._processes: dict[Process, Death] = {}
        self._database = -1  # the number of its watch
        with ExitStack() as undo:
            self._inotify = inotify()
            undo.callback(os.close, self._inotify)
            self._stop = os.eventfd(0)
            undo.callback(os.close, self._stop)
            self._epoll = undo.enter_context(select.epoll())
            self._epoll.register(self._inotify, select.EPOLLIN)
            self._epoll.register(self._stop, select.EPOLLIN)
            self._open = undo.pop_all()
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """Ends the thread; nobody follows any more."""
        os.eventfd_write(self._stop, 1)

    def add(self, follower: Follower, client: int, paths: list[str], events: int) -> None:
        """Wakes it from now on. Where the kernel refuses a watch, it looks itself."""
        with self._lock:
            if client >= 0:
                self._others[client] = {follower}
                self._epoll.register(client, events | select.EPOLLET)
            try:
                numbers = [watch(self._inotify, os.fsencode(path)) for path in paths]
            except OSError:
                follower.loop = None
                return
            self._database = numbers[0]
            for number in numbers:
                self._files.setdefault(number, set()).add(follower)

    def remove(self, follower: Follower, client: int) -> None:
        """Forgets it, and the watches that nobody else has."""
        with self._lock:
            self._leave(follower)
            if self._others.pop(client, None) is not None:
                with suppress(OSError):
                    self._epoll.unregister(client)
            for number in [n for n, those in self._files.items() if follower in those]:
                self._files[number].discard(follower)
                if not self._files[number]:
                    del self._files[number]
                    unwatch(self._inotify, number)

    def attend(self, follower: Follower, record: Record) -> bool:
        """Wakes it when the process ends on which the container's next change depends. False if
        that cannot be waited for."""
        if record.phase == phases.STARTING:
            return False  # it depends on who starts it
        process = None
        if record.phase == phases.RUNNING:
            process = record.pid, record.birth
        elif record.phase == phases.RESTARTING:
            process = record.conmon, record.conmon_birth
        with self._lock:
            if follower.process == process and (process is None or process in self._processes):
                return True
            self._leave(follower)
            if process is None:
                return True
            if process not in self._processes:
                death = Death(*process)
                if death.fileno() < 0:
                    return False
                self._processes[process] = death
                self._others[death.fileno()] = set()
                self._epoll.register(death.fileno(), select.EPOLLIN)
            self._others[self._processes[process].fileno()].add(follower)
            follower.process = process
            return True

    def _leave(self, follower: Follower) -> None:
        """No process wakes it any more."""
        death = self._processes.get(follower.process) if follower.process else None
        if death is not None:
            those = self._others[death.fileno()]
            those.discard(follower)
            if not those:
                self._forget(death.fileno())
        follower.process = None

    def _forget(self, descriptor: int) -> None:
        """Closes a process's descriptor."""
        for process, death in self._processes.items():
            if death.fileno() == descriptor:
                self._epoll.unregister(descriptor)
                del self._others[descriptor], self._processes[process]
                death.close()
                return

    def _run(self) -> None:
        due: list[float] = []  # when those who wait for the database are woken
        with self._open:
            while True:
                ready = self._epoll.poll(max(0.0, due[0] - time.monotonic()) if due else None)
                now = time.monotonic()
                with self._lock:
                    for descriptor, _ in ready:
                        if descriptor == self._stop:
                            return
                        if descriptor != self._inotify:
                            self._wake(self._others.get(descriptor, ()))
                            self._forget(descriptor)
                            continue
                        for number in changed(self._inotify):
                            if number == self._database:
                                first = min([now + AFTER[0], *due[:1]])
                                due = [first, *(now + seconds for seconds in AFTER[1:])]
                            else:
                                self._wake(self._files.get(number, ()))
                    if due and due[0] <= now:
                        due = [moment for moment in due if moment > now]
                        self._wake(self._files.get(self._database, ()))

    def _wake(self, those: Iterable[Follower]) -> None:
        for follower in those:
            follower.woken.set()
