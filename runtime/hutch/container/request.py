"""What create, run, restore and explain are asked to do, besides the config: a ``Request``, made
from the command's flags or from the library's options."""

from hutch.container.store import Store, absolute
from hutch.kernel.process import OWN_STREAMS
from hutch.plan.choices import Choices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypedDict

    from hutch.container.cold.seccomp.watch import Watch
    from hutch.container.terminal import Terminal
    from hutch.container.trace import Trace
    from hutch.errors import HutchError
    from hutch.spec.config import CheckedConfig

    class Options(TypedDict, total=False):
        """The options of create, run, restore and explain: the command's flags of the same names.
        ``console`` is called with the terminal's master, in place of a ``console_socket``;
        ``listen_fds`` is the number of sockets passed from 3 on (sd_listen_fds(3)); ``notify``
        means that the program reports when it is ready (sd_notify(3)). ``warn`` is called with each
        warning, ``debug`` with each step of the plan; ``trace`` takes the times of the steps;
        ``watch`` answers system calls."""

        pid_file: str
        pidfd_socket: str
        console_socket: str
        console: Callable[[int], None] | None
        preserve_fds: int
        listen_fds: int
        no_pivot: bool
        no_new_keyring: bool
        systemd_cgroup: bool
        rootless: bool | None
        strict: bool
        notify: bool
        warn: Callable[[HutchError], None]
        debug: Callable[[str], None] | None
        trace: Trace | None
        watch: Watch | None


class Request:
    """What create, run and restore are asked to do, besides the config.

    ``console`` is called with the descriptor of the pty's master if the config asks for a terminal.
    ``console_socket`` is the path of the engine's socket that gets it instead, or "".
    ``detached``: the caller does not stay with the container. ``terminal`` is set if the config
    asks for a terminal and the caller's own is used for it (terminal.console_for). ``pid_file``
    and ``pidfd_socket`` are absolute paths or ""; the listener of ``pidfd_socket`` gets a pidfd of
    the first process. ``rootless`` is that of Cgroup.rootless; with ``systemd``, systemd makes the
    cgroup. ``warn`` is called with each warning, ``debug`` with each step of the plan; ``trace``
    takes the times of the steps; ``watch`` answers system calls. A sandbox sets ``config``, a
    config and its bytes as JSON, so that no config.json is read; ``stdio``, the standard streams
    (-1: the caller's own); and ``supervisor``, the descriptors for the operation supervise.
    """

    __slots__ = (
        "bundle", "choices", "config", "console", "console_socket", "debug", "detached", "id",
        "pid_file", "pidfd_socket", "rootless", "stdio", "supervisor", "systemd", "terminal",
        "trace", "warn", "watch",
    )  # fmt: skip

    def __init__(
        self,
        id: str,
        bundle: str,
        choices: Choices,
        *,
        console: "Callable[[int], None] | None" = None,
        pid_file: str = "",
        pidfd_socket: str = "",
        rootless: "bool | None" = None,
        systemd: bool = False,
        warn: "Callable[[HutchError], None]",
        debug: "Callable[[str], None] | None" = None,
        trace: "Trace | None" = None,
    ) -> None:
        self.id = id
        self.bundle = bundle
        self.choices = choices
        self.config: tuple[CheckedConfig, bytes] | None = None
        self.console = console
        self.console_socket = ""
        self.detached = True
        self.terminal: Terminal | None = None
        self.pid_file = pid_file
        self.pidfd_socket = pidfd_socket
        self.rootless = rootless
        self.stdio = OWN_STREAMS
        self.supervisor: list[int] = []
        self.systemd = systemd
        self.warn = warn
        self.debug = debug
        self.trace = trace
        self.watch: Watch | None = None
        choices.trace = trace is not None

    def step(self, name: str) -> None:
        """Tells the trace and the debug log, if they are wanted, that a step begins."""
        if self.debug is not None:
            self.debug("now: " + name)
        if self.trace is not None:
            self.trace.step(name)


def request_of(
    id: str,
    bundle: str,
    options: "Options",
    *,
    root: "str | None" = None,
    direct: bool = False,
) -> Request:
    """The request that ``options`` describe; relative paths count from the working directory.
    ``root`` is the state directory (None: the default one). ``direct`` means that the caller lets
    the program start itself, without `start`, as `run` does. Raises HutchError for an invalid
    id."""
    listening = options.get("listen_fds", 0)
    pid_file, pidfd_socket = options.get("pid_file"), options.get("pidfd_socket")
    request = Request(
        id,
        absolute(bundle),
        Choices(
            no_pivot=options.get("no_pivot", False),
            new_keyring=not options.get("no_new_keyring"),
            preserved=listening + options.get("preserve_fds", 0),
            listening=listening,
            direct=direct,
            strict=options.get("strict", False),
            notify=Store(root).directory(id) + "/notify" if options.get("notify") else "",
        ),
        console=options.get("console"),
        pid_file=absolute(pid_file) if pid_file else "",
        pidfd_socket=absolute(pidfd_socket) if pidfd_socket else "",
        rootless=options.get("rootless"),
        systemd=options.get("systemd_cgroup", False),
        warn=options.get("warn") or _ignore,
        debug=options.get("debug"),
        trace=options.get("trace"),
    )
    watch = options.get("watch")
    if watch is not None:
        request.watch = watch
        request.choices.watched = watch.kind
    socket = options.get("console_socket")
    if socket:
        request.console_socket = absolute(socket)
    return request


def _ignore(warning: "HutchError") -> None:
    """The default of ``warn``: ignores the warning."""
