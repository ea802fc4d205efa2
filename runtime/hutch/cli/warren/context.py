"""What all verbs use: the store, the configuration, and the display of progress."""

import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from hutch.engine.engine import Engine
    from hutch.image.progress import Reporter
    from hutch.image.settings import Settings
    from hutch.images import Access, Store


class Context(ExitStack):
    """The objects of one command. Each is made when it is first used; what a verb enters is closed
    at the end of the command."""

    def __init__(self, root: str, config: str) -> None:
        super().__init__()
        self.named_root = root
        self.config = config

    @cached_property
    def root(self) -> Path:
        """Where images are kept: --root, $WARREN_ROOT, or the usual place."""
        from hutch.image.store import default_root

        named = self.named_root or os.environ.get("WARREN_ROOT", "")
        return Path(named).absolute() if named else default_root()

    @cached_property
    def store(self) -> "Store":
        """The store of --root, or the usual one. Raises KernelError if it cannot be opened.

        It is never closed: then SQLite would copy its log into the database and wait for the disk.
        The next command can read the log (sqlite.org/wal.html).
        """
        from hutch.images import Store

        return Store(self.root, settings=self.config)

    @cached_property
    def settings(self) -> "Settings":
        """The configuration of --config, or the usual one."""
        from hutch.image.settings import load

        return load(self.config)

    @contextmanager
    def at_work(self, *, quiet: bool = False, access: "Access | None" = None) -> "Iterator[Store]":
        """The store, with progress shown unless ``quiet``; ``access`` is for registries."""
        store = self.store
        with self.reporter(quiet=quiet) as store.reporter:
            if access is not None:
                store.access = access
            yield store

    @cached_property
    def engine(self) -> "Engine":
        """The engine of the store."""
        from hutch.cli.warren.hints import complain
        from hutch.engine.containers.conmon import own_program
        from hutch.engine.engine import Engine

        program = own_program(str(self.root))
        return Engine(self.store, program, lambda error: complain(error, self.named_root))

    def reporter(self, *, quiet: bool = False) -> "AbstractContextManager[Reporter]":
        """Shows progress: bars on a terminal, lines elsewhere. Shows nothing if ``quiet``."""
        from hutch.cli.warren.progress import reporter
        from hutch.image.progress import Reporter

        return nullcontext(Reporter()) if quiet else reporter()


def access(arguments: Namespace) -> "Access":
    """The settings for registries, from the options of ``registry_options``."""
    from hutch.images import Access

    return Access(arguments.authfile, arguments.cert_dir, arguments.tls_verify)


def truth(text: str) -> bool:
    """The value of a boolean option."""
    from hutch.cli.warren.verb import TRUTH

    if text.lower() in TRUTH:
        return TRUTH[text.lower()]
    raise ArgumentTypeError(f"{shown(text)} is neither true nor false")


def registry_options(parser: ArgumentParser) -> None:
    """The options of every verb that uses a registry."""
    parser.add_argument(
        "--authfile", default="", metavar="FILE",
        help="read credentials from this file, not from auth.json and config.json",
    )  # fmt: skip
    parser.add_argument(
        "--cert-dir", default="", metavar="DIR",
        help="*.crt: trusted authorities; *.cert with *.key: client certificates",
    )  # fmt: skip
    parser.add_argument(
        "--tls-verify", type=truth, nargs="?", const=True, default=None, metavar="BOOL",
        help="false: allow http, and TLS without verification",
    )  # fmt: skip


def platform_option(parser: ArgumentParser) -> None:
    """--platform."""
    parser.add_argument(
        "--platform", default="", metavar="OS/ARCH[/VARIANT]",
        help="use the image for this platform, not for that of this machine",
    )  # fmt: skip


def format_option(parser: ArgumentParser, *flags: str) -> None:
    """--format of a list or of an object."""
    parser.add_argument(
        *flags, "--format", default="", metavar="TEMPLATE",
        help='json, a Go template as "{{.Field}} ...", or "table {{.Field}}\\t..."',
    )  # fmt: skip
