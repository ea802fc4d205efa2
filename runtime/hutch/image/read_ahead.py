"""Runs the stages of a pipeline in parallel: an iterator runs in a thread, ahead of its reader.

Hashing, decompressing and writing release the interpreter's lock (GIL), so the stages can run on
different processors.
"""

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")
DEPTH = 8
POLL = 0.2  # seconds; how soon a stage sees that nobody reads any more


class ReadAhead(Generic[T]):
    """The items of ``source``, which runs in its own thread, at most ``depth`` items ahead.

    An exception of ``source`` is raised in the reader. The end of the ``with`` block stops the
    thread.
    """

    def __init__(self, source: Iterator[T], depth: int = DEPTH) -> None:
        self._source = source
        self._queue: Queue[tuple[bool, T | BaseException | None]] = Queue(depth)
        self._stop = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> "ReadAhead[T]":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._queue.get_nowait()
            except Empty:
                self._thread.join(0.01)

    def __iter__(self) -> Iterator[T]:
        while True:
            more, item = self._queue.get()
            if more:
                yield item  # type: ignore[misc]
            elif isinstance(item, BaseException):
                raise item
            else:
                return

    def _put(self, item: tuple[bool, T | BaseException | None]) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=POLL)
                return True
            except Full:
                continue
        return False

    def _run(self) -> None:
        end: BaseException | None = None
        try:
            for item in self._source:
                if not self._put((True, item)):
                    break
        except BaseException as error:
            end = error
        finally:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()
        self._put((False, end))
