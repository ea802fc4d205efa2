"""What create, run, restore and explain are asked to do beside the config: of the command's flags
and of the library's options one thing is made."""

from hutch.container.store import Store, absolute
from hutch.plan.choices import Choices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypedDict

    from hutch.container.trace import Trace
    from hutch.errors import HutchError

    class Options(TypedDict, total=False):
        """What create, run, restore and explain can be asked to do: the command's flags of the same
        names. ``console`` takes the terminal's master instead of a ``console_socket``;
        ``listen_fds`` of the preserved descriptors are sockets (sd_listen_fds(3)); ``notify``: the
        program tells that it is ready (sd_notify(3)). ``warn`` takes what is passed over, ``debug``
        each step of the plan, ``trace`` their times."""

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


class Request:
    """What create and run are asked to do beside the config.

    ``console`` takes the pty master's descriptor when there is one, which there must be where it
    sends it to a ``console_socket``; ``pid_file`` is absolute, as
    is ``pidfd_socket``, whose listener gets a pidfd of the first process; ``rootless`` says how to
    treat cgroups (Cgroup.rootless), ``systemd`` that systemd makes them; ``warn`` is told what is
    passed over, ``debug`` each step of the plan, ``trace`` their times.
    """

    __slots__ = (
        "bundle", "choices", "console", "console_socket", "debug", "id", "pid_file",
        "pidfd_socket", "rootless", "systemd", "trace", "warn",
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
        self.console = console
        self.console_socket = ""
        self.pid_file = pid_file
        self.pidfd_socket = pidfd_socket
        self.rootless = rootless
        self.systemd = systemd
        self.warn = warn
        self.debug = debug
        self.trace = trace
        choices.trace = trace is not None

    def step(self, name: str) -> None:
        """Tells the trace, where there is one, that a step begins."""
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
    """What a caller asks for by ``options``; paths count from the working directory. ``root`` is
    the state directory, None the default one. ``direct``: the program is started by the caller
    itself, as `run` does."""
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
    socket = options.get("console_socket")
    if socket:
        from hutch.container.terminal import send_console

        path = absolute(socket)
        request.console_socket = path
        request.console = lambda master: send_console(path, master)
    return request


def _ignore(warning: "HutchError") -> None:
    """Warnings go nowhere unless the caller asks for them."""
