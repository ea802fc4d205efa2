"""``warren serve``: the Docker Engine API for other programs."""

import os
import signal
import socket
import sys
from argparse import ArgumentParser, Namespace

from hutch.cli.warren.context import Context
from hutch.cli.warren.parser import Verb
from hutch.errors import KernelError, UsageError, shown

FIRST = 3  # the first descriptor that systemd hands over (sd_listen_fds(3))


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren serve``."""
    parser.add_argument(
        "--socket", default="", metavar="PATH",
        help="the socket (/run/warren.sock; without root $XDG_RUNTIME_DIR/warren.sock)",
    )  # fmt: skip
    parser.add_argument(
        "--fd",
        type=int,
        default=-1,
        metavar="N",
        help="a listening socket that this process has inherited",
    )
    parser.add_argument(
        "--group", default="", metavar="GROUP", help="this group can use the socket too"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=0,
        metavar="SECONDS",
        help="end after so many idle seconds (0: never)",
    )


def usual_place() -> str:
    """Where the socket is unless --socket says."""
    if os.geteuid() == 0:
        return "/run/warren.sock"
    return os.path.join(os.environ.get("XDG_RUNTIME_DIR") or "/tmp", "warren.sock")  # noqa: S108


def serve(arguments: Namespace, context: Context) -> int:
    """Answers until it is idle for too long, or told to end."""
    from hutch.api.server import Server, listen_unix

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    given = given_sockets(arguments.fd)
    path = "" if given else arguments.socket or usual_place()
    sockets = given or [listen_unix(path, group_id(arguments.group))]
    # Opens the store, and says so if that fails. It is not kept open: SQLite would then keep the
    # files of every later connection open, too (sqlite.org/howtocorrupt.html, 2.2).
    with context.store as store:
        store.files  # noqa: B018
    server = Server(sockets, lambda: Context(context.named_root, context.config).engine,
                    arguments.timeout)  # fmt: skip
    if path:
        print(f"listening on {path}", file=sys.stderr, flush=True)
    try:
        server.run()
    except KeyboardInterrupt:
        return 0
    finally:
        if path:
            os.unlink(path)
    return 0


def group_id(name: str) -> int | None:
    """Raises UsageError for a group that is not there."""
    import grp

    if not name:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise UsageError(f"--group: there is no group {shown(name)}") from None


def given_sockets(number: int) -> list[socket.socket]:
    """The listening sockets of --fd, or of socket activation. Raises UsageError, KernelError."""
    numbers = [number] if number >= 0 else []
    if not numbers and os.environ.get("LISTEN_PID") == str(os.getpid()):
        count = os.environ.get("LISTEN_FDS", "0")
        numbers = list(range(FIRST, FIRST + (int(count) if count.isdecimal() else 0)))
    found = []
    for one in numbers:
        try:
            given = socket.socket(fileno=one)
            listens = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError as error:
            raise KernelError(f"use descriptor {one}", "getsockopt", error.errno) from None
        if not listens or given.family != socket.AF_UNIX:
            raise UsageError(f"descriptor {one} is no listening unix socket")
        given.set_inheritable(False)
        found.append(given)
    return found


VERBS = {"serve": Verb(declare, serve)}
