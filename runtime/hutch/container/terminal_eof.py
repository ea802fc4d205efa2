"""The end of the caller's input, as a pty can tell it.

A pipe at its end answers every read so. A terminal has only a key for it (VEOF, ^D), which ends
what has been typed: pressed after the beginning of a line it hands that over, and only on an empty
line a read returns nothing. One key is read once; a program that sets the terminal's mode may
flush it away, or find a NUL in its place. So from the end of our input on, whenever the container's
side has nothing to read, the key is pressed again.

When to look: n_tty wakes who waits for room on the master whenever the slave was read or flushed,
and who waits on the slave whenever its mode was set (drivers/tty/n_tty.c). Each is an edge of
epoll(7).
"""

import posix
from fcntl import ioctl
from select import EPOLLET, EPOLLIN, EPOLLOUT, POLLIN, epoll, poll

TCGETS = 0x5401
TERMIOS_SIZE = 60
LINE_MODE = 0o2  # ICANON in c_lflag
LOCAL, CONTROL, VEOF = 12, 17, 4  # places of c_lflag, c_cc and of the key in c_cc
TIOCGPTPEER = 0x5441
KEY = b"\x04"  # to programs that read key by key it has this meaning, if they give it one

# How often one that reads key by key is sent the key in a row: a shell with IGNOREEOF wants ten; a
# pager, which scrolls by it, must not be kept busy for ever.
KEYS = 16


class End:
    """Tells the other side of the pty ``master`` again and again that there is no more to come.

    ``fd`` is readable when ``offer`` is due; it is due once at the beginning.
    """

    __slots__ = ("_edges", "_keys", "_master", "_peer", "fd")

    def __init__(self, master: int) -> None:
        self._master = master
        self._keys = KEYS
        self._edges = epoll(flags=0x80000)  # EPOLL_CLOEXEC, which it is anyway
        self._peer = -1
        self.fd = self._edges.fileno()
        try:
            self._peer = ioctl(master, TIOCGPTPEER, posix.O_RDWR | posix.O_NOCTTY | posix.O_CLOEXEC)
        except OSError:
            return  # hung up: there is nobody to tell
        self._edges.register(master, EPOLLOUT | EPOLLET)
        self._edges.register(self._peer, EPOLLIN | EPOLLOUT | EPOLLET)

    def offer(self) -> None:
        """Presses the key, if a reader would wait now."""
        self._edges.poll(0)
        if _readable(self._peer):
            return
        settings = ioctl(self._master, TCGETS, bytes(TERMIOS_SIZE))
        key = KEY
        if int.from_bytes(settings[LOCAL : LOCAL + 4], "little") & LINE_MODE:
            self._keys = KEYS
            key = settings[CONTROL + VEOF : CONTROL + VEOF + 1]
        elif self._keys == 0:
            return
        else:
            self._keys -= 1
        try:
            posix.write(self._master, key)
        except OSError:
            return

    def close(self) -> None:
        self._edges.close()
        if self._peer >= 0:
            posix.close(self._peer)


def _readable(peer: int) -> bool:
    """Whether a read of the terminal would return at once, be it with nothing."""
    waiting = poll()
    waiting.register(peer, POLLIN)
    return bool(waiting.poll(0))
