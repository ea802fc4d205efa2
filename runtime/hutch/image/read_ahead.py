"""Runs the stages of a pipeline in parallel: an iterator runs in a thread, ahead of its reader.

Hashing, decompressing and writing release the interpreter's lock (GIL), so the stages can run on
different processors.
"""

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")
DEPTH = 4


class ReadAhead(Generic[T]):
    """The items of ``source``, which runs in its own thread, at most ``depth`` items ahead.

    An exception of ``source`` is raised in the reader. The end of the ``with`` block stops the
    thread.

    Each of the two queues passes a thing on to the other thread: one the items, the other the
    places for them. A queue of limited length (``queue.Queue``) costs several times as much,
    because it is written in Python.
    """

    def __init__(self, source: Iterator[T], depth: int = DEPTH) -> None:
        self._source = source
        self._items: SimpleQueue[tuple[bool, T | BaseException | None]] = SimpleQueue()
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(depth):
            self._places.put(None)
        self._stopped = False
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
        self._stopped = True
        self._places.put(None)
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        while True:
            more, item = self._items.get()
            if more:
                yield item  # type: ignore[misc]
                self._places.put(None)
            elif isinstance(item, BaseException):
                raise item
            else:
                return

    def _run(self) -> None:
        end: BaseException | None = None
        try:
            for item in self._source:
                self._items.put((True, item))
                self._places.get()
                if self._stopped:
                    break
        except BaseException as error:
            end = error
        finally:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()
        self._items.put((False, end))
