"""`hutch top` on a terminal: one screen that is drawn again and again, and its keys.

curses(3) saves the terminal and gives it back at every end: a key, an error, a signal. It also
stops and continues with the job (SIGTSTP).
"""

import curses
import os
import select
import signal
from collections.abc import Callable, Sequence
from time import monotonic
from types import FrameType

from hutch.cli.cold.top_output import as_lines, in_order
from hutch.container.cold.usage import Look, Use, between

KEYS = {"c": "cpu", "m": "memory", "p": "pids", "i": "io", "n": "id"}
HELP = "q quit   sort: c cpu, m memory, p pids, i io, n name   a all   arrows scroll"
ENDS = (signal.SIGTERM, signal.SIGHUP)
FULL = 90.0  # percent of the memory limit from which on a line is bold
LONGEST = 24  # characters of an id: engines give 64
HEAD = 3  # lines above the first container


class _Ended(BaseException):
    """A signal that ends the program has come."""

    def __init__(self, number: int) -> None:
        self.number = number


class Screen:
    """``look`` takes a look at the containers, at all if its argument is true; ``interval`` are
    the seconds between two looks; ``sort`` is one of top_output.SORTS."""

    def __init__(
        self, look: Callable[[bool], list[Look]], interval: float, sort: str, all: bool
    ) -> None:
        self._look = look
        self._interval = interval
        self._sort = sort
        self._all = all
        self._first = 0  # the first container that is shown
        self._uses: Sequence[Use] = []

    def watch(self) -> None:
        """Shows the containers until a key ends it. Raises what ``look`` raises. The terminal is
        then as it was; also if a signal ends the process."""
        heard, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        # With a handler of its own for this signal, curses would not let select(2) end.
        kept = {signal.SIGWINCH: signal.signal(signal.SIGWINCH, _nothing)}
        kept.update({number: signal.signal(number, _ended) for number in ENDS})
        ended_by = 0
        try:
            curses.wrapper(self._run, heard)
        except _Ended as end:
            ended_by = end.number
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(-1)
            os.close(heard)
            os.close(told)
        if ended_by:
            os.kill(os.getpid(), ended_by)

    def _run(self, window: curses.window, heard: int) -> None:
        try:
            curses.curs_set(0)
            curses.use_default_colors()
        except curses.error:
            pass  # a terminal that cannot hide its cursor, or has no colours
        window.nodelay(True)
        before: list[Look] = []
        due = 0.0
        while True:
            if monotonic() >= due:
                now = self._look(self._all)
                self._uses = between(before, now)
                before, due = now, monotonic() + self._interval
            self._draw(window)
            ready, _, _ = select.select([0, heard], [], [], max(0.0, due - monotonic()))
            if heard in ready:
                os.read(heard, 4096)
                columns, lines = os.get_terminal_size(0)
                curses.resizeterm(lines, columns)
            if 0 in ready:
                everything = self._all
                if not self._keys(window):
                    return
                due = due if self._all == everything else 0.0

    def _keys(self, window: curses.window) -> bool:
        """Does what the keys that were pressed ask for; False: it ends."""
        page = max(1, window.getmaxyx()[0] - HEAD - 2)
        moves = {curses.KEY_DOWN: 1, curses.KEY_UP: -1, curses.KEY_NPAGE: page,
                 curses.KEY_PPAGE: -page, curses.KEY_HOME: -(1 << 30)}  # fmt: skip
        count = 0
        while (key := window.getch()) != curses.ERR:
            count += 1
            letter = chr(key) if 0 < key < 128 else ""
            if letter in ("q", "Q"):
                return False
            if letter in KEYS:
                self._sort = KEYS[letter]
            elif letter == "a":
                self._all = not self._all
            self._first = max(0, self._first + moves.get(key, 0))
        return count > 0  # a terminal that is gone can be read, and has nothing

    def _draw(self, window: curses.window) -> None:
        height, width = window.getmaxyx()
        shown = in_order(self._uses, self._sort)
        lines = as_lines(shown, LONGEST)
        room = max(1, height - HEAD - 1)
        self._first = min(self._first, max(0, len(shown) - room))
        window.erase()
        _put(window, 0, f"hutch top   {_summary(shown)}   sorted by {self._sort}", width)
        _put(window, HEAD - 1, lines[0].ljust(width), width, curses.A_REVERSE)
        last = self._first + room
        for row, (use, line) in enumerate(
            zip(shown[self._first : last], lines[1 + self._first : 1 + last], strict=True)
        ):
            full = (use.memory_share or 0) >= FULL
            _put(window, HEAD + row, line, width, curses.A_BOLD if full else curses.A_NORMAL)
        if not shown:
            _put(window, HEAD, "no container runs" + ("" if self._all else " (a: all)"), width)
        if height > HEAD + 1:
            _put(window, height - 1, HELP, width, curses.A_DIM)
        window.refresh()


def can_show() -> bool:
    """Whether standard input and output are a terminal that can place its cursor."""
    if not (os.isatty(0) and os.isatty(1)):
        return False
    try:
        curses.setupterm(fd=1)
    except curses.error:
        return False
    return curses.tigetstr("cup") is not None


def _summary(uses: Sequence[Use]) -> str:
    counts: dict[str, int] = {}
    for use in uses:
        counts[use.now.status] = counts.get(use.now.status, 0) + 1
    words = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    cpu = sum(use.cpu or 0 for use in uses)
    return f"{words or 'no containers'}   cpu {cpu:.1f} %"


def _put(window: curses.window, row: int, text: str, width: int, look: int = 0) -> None:
    try:
        window.addnstr(row, 0, text, max(0, width - 1), look)
    except curses.error:
        pass  # the window has become smaller meanwhile


def _ended(number: int, _: FrameType | None) -> None:
    raise _Ended(number)


def _nothing(number: int, _: FrameType | None) -> None:
    pass
