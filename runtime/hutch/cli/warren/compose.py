"""``warren compose``: the real docker compose, with a server of this store for the call."""

import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import hutch
from hutch.cli.warren.context import Context
from hutch.cli.warren.parser import parser_of
from hutch.cli.warren.table import VERBS as TABLE
from hutch.cli.warren.verb import Verb
from hutch.errors import HostError

# Where docker's command has its plugins.
PLUGINS = ("/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
           "/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins")  # fmt: skip
PATIENCE = 20.0  # seconds that the server may take to listen


def declare(parser: ArgumentParser) -> None:
    """``warren compose`` hands all its words on."""


def program() -> str:
    """docker compose as a program: beside our command (``pip install hutch[compose]``), as a
    plugin of docker's, or in PATH. Raises HostError."""
    # PREFIX/lib/python3.N/site-packages/hutch
    folders = [str(Path(hutch.__path__[0]).parents[3] / "bin"), *PLUGINS]
    found = shutil.which("docker-compose", path=":".join(folders)) or shutil.which("docker-compose")
    if found is None:
        raise HostError(
            "docker compose is not installed",
            hint="pip install hutch[compose], or apt-get install docker-compose",
        )
    return found


def compose(arguments: Namespace, context: Context) -> int:
    """Runs it; its exit status. --help alone is ours; docker compose's own is ``warren compose
    help``."""
    if arguments.command in (["--help"], ["-h"]):
        parser_of("compose", TABLE["compose"][1], declare, 0).print_help()
        return 0
    command = [program(), *arguments.command]
    context.store.files  # noqa: B018 - says what is wrong with the store, before the server would
    heard, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(told)
    signal.signal(signal.SIGTERM, _nothing)  # from here on: the server must not be left behind
    with serving(context) as path:
        environment = {**os.environ, "DOCKER_HOST": f"unix://{path}"}
        environment.pop("DOCKER_CONTEXT", None)
        child = subprocess.Popen(command, env=environment)
        # Ctrl-C reaches the child, too; what it does then is its own matter.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return end_of(child, heard)


def end_of(child: "subprocess.Popen[bytes]", heard: int) -> int:
    """Waits for the child, and passes SIGTERM on to it. Its exit status, 128 and the number of the
    signal that killed it. ``heard`` has a byte for each signal that has come: wait(2) would sleep
    on if one came just before it."""
    process = os.pidfd_open(child.pid)
    poll = select.poll()
    for number in (process, heard):
        poll.register(number, select.POLLIN)
    while child.poll() is None:
        if heard in dict(poll.poll()):
            os.read(heard, 64)
            child.terminate()
    os.close(process)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _nothing(number: int, frame: FrameType | None) -> None:
    pass


@contextmanager
def serving(context: Context) -> Iterator[str]:
    """A server of this store while it lasts; the path of its socket. Raises HostError."""
    from hutch.engine.containers.conmon import own_program

    with tempfile.TemporaryDirectory(prefix="warren-") as folder:
        path = os.path.join(folder, "api.sock")
        command = own_program(str(context.root))
        command += ["--config", context.config] if context.config else []
        server = subprocess.Popen(
            [*command, "serve", "--socket", path], stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            end = time.monotonic() + PATIENCE
            while not os.path.exists(path):
                if server.poll() is not None or time.monotonic() > end:
                    raise HostError("warren serve did not start", hint="warren serve says why")
                time.sleep(0.01)
            yield path
        finally:
            server.terminate()
            server.wait()


VERBS = {"compose": Verb(declare, compose, 0)}
