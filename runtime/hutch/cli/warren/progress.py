"""Shows progress on stderr: one bar per layer on a terminal, plain lines elsewhere."""

import sys
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING

from hutch.errors import HutchError
from hutch.image.digest import Digest
from hutch.image.progress import Reporter

if TYPE_CHECKING:
    from rich.progress import TaskID


def reporter() -> AbstractContextManager[Reporter]:
    """``Bars`` if stderr is a terminal, otherwise ``Lines``."""
    if sys.stderr.isatty():
        return Bars()
    return nullcontext(Lines())


def safe(text: str) -> str:
    """``text`` on one line, with control characters escaped (S-85)."""
    return str(HutchError(text))


class Lines(Reporter):
    """Prints one line per event."""

    def note(self, text: str) -> None:
        """See ``Reporter``."""
        print(safe(text), file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """See ``Reporter``."""
        print("warning: " + safe(text), file=sys.stderr, flush=True)

    def done(self, digest: Digest, what: str) -> None:
        """See ``Reporter``."""
        print(f"{digest.short}: {what}", file=sys.stderr, flush=True)


class Bars(Reporter):
    """Shows one bar per blob and updates it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, Task, TextColumn
        from rich.progress import TransferSpeedColumn as Speed
        from rich.text import Text

        class SpeedWhileRunning(Speed):
            def render(self, task: Task) -> Text:
                return super().render(task) if task.speed and not task.finished else Text("")

        self._progress = Progress(
            TextColumn("{task.fields[short]}", markup=False),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            DownloadColumn(),
            SpeedWhileRunning(),
            console=Console(stderr=True),
        )
        self._tasks: "dict[Digest, TaskID]" = {}
        self._lock = Lock()

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        """See ``Reporter``."""
        self._progress.console.print(safe(text), markup=False, highlight=False)

    def warn(self, text: str) -> None:
        """See ``Reporter``."""
        self.note("warning: " + text)

    def layer(self, digest: Digest, total: int, what: str) -> None:
        """See ``Reporter``."""
        with self._lock:
            task = self._tasks.get(digest)
            if task is None:
                task = self._progress.add_task(what, total=total, short=digest.short)
                self._tasks[digest] = task
        self._progress.update(task, description=what, total=total, completed=0)

    def advance(self, digest: Digest, size: int) -> None:
        """See ``Reporter``."""
        task = self._tasks.get(digest)
        if task is not None:
            self._progress.advance(task, size)
            shown = self._progress.tasks[task]
            if shown.finished and shown.description == "Downloading":
                self._progress.update(task, description="Unpacking")

    def done(self, digest: Digest, what: str) -> None:
        """See ``Reporter``."""
        task = self._tasks.get(digest)
        if task is not None:
            total = self._progress.tasks[task].total
            self._progress.update(task, description=what, completed=total)
