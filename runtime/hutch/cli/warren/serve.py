"""``warren serve``: the Docker Engine API for other programs."""

import os
import signal
import socket
import sys
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context
from hutch.cli.warren.verb import Verb
from hutch.errors import KernelError, UsageError, shown

if TYPE_CHECKING:
    from ssl import SSLContext

FILES = (
    ("--tlscacert", "ca.pem", "the authorities that have signed the clients' certificates"),
    ("--tlscert", "cert.pem", "the server's certificate"),
    ("--tlskey", "key.pem", "its key"),
)
M_ARENA_MAX = -8  # mallopt(3)
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
        "--tcp",
        default="",
        metavar="HOST:PORT",
        help="listen there, too, with TLS; without --socket only there",
    )
    parser.add_argument(
        "--tlsverify", action="store_true", help="TLS for clients with certificates (needs --tcp)"
    )
    for option, name, what in FILES:
        parser.add_argument(option, default="", metavar="FILE", help=f"{what} (~/.docker/{name})")
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

    use_one_arena()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    tls = security(arguments)
    given = given_sockets(arguments.fd)
    path = "" if given else arguments.socket or ("" if arguments.tcp else usual_place())
    sockets = list(given)
    if arguments.tcp:
        from hutch.api.tls import listen_tcp

        sockets.append(listen_tcp(arguments.tcp))
    if path:
        sockets.append(listen_unix(path, group_id(arguments.group)))
    # Opens the store, and says so if that fails. It is not kept open: SQLite would then keep the
    # files of every later connection open, too (sqlite.org/howtocorrupt.html, 2.2).
    try:
        with context.store as store:
            store.files  # noqa: B018
        server = Server(
            sockets,
            lambda: Context(context.named_root, context.config).engine,
            arguments.timeout,
            tls,
        )
        for one in sockets[len(given) :]:
            print(f"listening on {place_of(one)}", file=sys.stderr, flush=True)
        server.run()
    except KeyboardInterrupt:
        return 0
    finally:
        if path:
            os.unlink(path)
    return 0


def use_one_arena() -> None:
    """All threads take memory from one arena (mallopt(3)). glibc would make eight for each
    processor, and what is free in one is of no use to the threads of another. Only one thread at a
    time runs Python, so none waits for the arena. musl has no arenas, and no mallopt."""
    import ctypes

    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def place_of(listening: socket.socket) -> str:
    """Its path, or its address."""
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return str(name)
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"{host}:{name[1]} (TLS)"


def security(arguments: Namespace) -> "SSLContext | None":
    """What --tcp needs. Raises UsageError for a TCP socket that everybody could use."""
    if not arguments.tcp:
        for option in ("--tlsverify", *(option for option, _, _ in FILES)):
            if getattr(arguments, option[2:]):
                raise UsageError(f"{option} is for --tcp, which is not given")
        return None
    if not arguments.tlsverify:
        raise UsageError(
            "--tcp without --tlsverify: everybody who can connect would be root on this machine",
            hint="--tlsverify with --tlscacert, --tlscert and --tlskey; or --socket, and ssh",
        )
    from hutch.api.tls import context

    return context(*(usual_file(getattr(arguments, option[2:]), name) for option, name, _ in FILES))


def usual_file(given: str, name: str) -> str:
    """The given path, or where Docker has such files: $DOCKER_CERT_PATH, ~/.docker."""
    if given:
        return given
    folder = os.environ.get("DOCKER_CERT_PATH") or os.path.expanduser("~/.docker")
    return os.path.join(folder, name)


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
