"""The library's face of a container: what the command does, as typed calls."""

from hutch.container.store import Store, absolute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hutch.cgroups.stats_form import Statistics
    from hutch.container.create import Request
    from hutch.container.state import PublicState
    from hutch.errors import HutchError
    from hutch.spec.config import Resources


def _ignore(warning: "HutchError") -> None:
    """Warnings go nowhere unless the caller asks for them."""


class Container:
    """A container by its id, below ``root`` (None: the default state directory).

    Making one of these asks nothing of the system; the methods raise StateError where the
    container does not exist.
    """

    __slots__ = ("_store", "id")

    def __init__(self, id: str, root: "str | None" = None) -> None:
        self.id = id
        self._store = Store(root)

    @classmethod
    def create(
        cls,
        id: str,
        bundle: str,
        *,
        root: "str | None" = None,
        pid_file: str = "",
        preserve_fds: int = 0,
        no_pivot: bool = False,
        no_new_keyring: bool = False,
        systemd_cgroup: bool = False,
        console: "Callable[[int], None] | None" = None,
        warn: "Callable[[HutchError], None]" = _ignore,
    ) -> "Container":
        """Creates a container from a bundle, up to its program (runtime.md "Create").

        ``systemd_cgroup`` has systemd make the cgroup, a scope. ``console`` is given the descriptor
        of the terminal's master, where the config asks for a terminal; ``warn`` what was passed
        over. Raises ConfigError, HostError, KernelError or StateError, and then nothing is left
        behind.
        """
        from hutch.container.create import create

        container = cls(id, root)
        request = _request(
            id, bundle, pid_file, preserve_fds, no_pivot, no_new_keyring, console, warn, False
        )
        request.systemd = systemd_cgroup
        create(container._store, request)
        return container

    @classmethod
    def run(
        cls,
        id: str,
        bundle: str,
        *,
        root: "str | None" = None,
        keep: bool = False,
        no_pivot: bool = False,
        no_new_keyring: bool = False,
        systemd_cgroup: bool = False,
        warn: "Callable[[HutchError], None]" = _ignore,
    ) -> int:
        """Creates and starts a container with the caller's standard streams, waits for its end and
        deletes it; its exit code, or 128 + the signal that ended it.

        All signals to the calling process are passed on to the container meanwhile.
        """
        from hutch.container.run import run

        request = _request(id, bundle, "", 0, no_pivot, no_new_keyring, None, warn, True)
        request.systemd = systemd_cgroup
        return run(cls(id, root)._store, request, keep=keep)

    def start(self) -> None:
        """Lets the created container run its program (runtime.md "Start")."""
        from hutch.container.start import start

        start(self._store, self.id)

    @property
    def state(self) -> "PublicState":
        """The container's state (runtime.md "State")."""
        from hutch.container.status import status_of

        entry = self._store.find(self.id)
        state = entry.load_state()
        return state.public(status_of(state, entry.directory))

    @property
    def status(self) -> str:
        """creating, created, running, paused or stopped."""
        return self.state["status"]

    def kill(self, signal: "str | int" = "TERM", *, all: bool = False) -> None:
        """Sends a signal, by name or number, to the first process or to all of them."""
        from hutch.container.kill import kill
        from hutch.spec.signal_names import signal_number

        kill(self._store, self.id, signal_number(str(signal)), all=all)

    def pause(self) -> None:
        """Freezes all processes."""
        from hutch.container.pause import pause

        pause(self._store, self.id)

    def resume(self) -> None:
        """Thaws them."""
        from hutch.container.pause import resume

        resume(self._store, self.id)

    def execute(
        self,
        args: "Sequence[str]",
        *,
        cwd: str = "",
        env: "Sequence[str]" = (),
        user: "tuple[int, int | None] | None" = None,
        warn: "Callable[[HutchError], None]" = _ignore,
    ) -> int:
        """Runs another process in the container and waits for it: its exit code, or 128 + the
        signal that ended it."""
        from hutch.container.enter import Execution, execute, process_for, running

        state, config = running(self._store, self.id, False)
        process = process_for(
            config,
            list(args),
            cwd=cwd,
            env=list(env),
            user=user,
            additional_gids=[],
            capabilities=[],
        )
        init = execute(self._store, Execution(state, config, process, cgroup=[], warn=warn))
        try:
            return init.reap()
        finally:
            init.close()

    def update(self, resources: "Resources") -> None:
        """Changes limits: those that ``resources``, of the form of linux.resources, gives."""
        from hutch.container.update import update
        from hutch.spec.check import check_resources

        checked, _ = check_resources(resources)
        update(self._store, self.id, checked)

    def statistics(self) -> "Statistics":
        """What its cgroups have counted, as the ``data`` of `events --stats`."""
        from hutch.container.events import statistics

        return statistics(self._store, self.id)["data"]

    def processes(self) -> "list[int]":
        """The pids, on the host, of all its processes."""
        from hutch.container.listing import processes

        return processes(self._store, self.id)

    def delete(
        self, *, force: bool = False, warn: "Callable[[HutchError], None]" = _ignore
    ) -> None:
        """Removes the container, which must not be running unless ``force``."""
        from hutch.container.delete import delete

        delete(self._store, self.id, force=force, warn=warn)


def _request(
    id: str,
    bundle: str,
    pid_file: str,
    preserve_fds: int,
    no_pivot: bool,
    no_new_keyring: bool,
    console: "Callable[[int], None] | None",
    warn: "Callable[[HutchError], None]",
    direct: bool,
) -> "Request":
    from hutch.container.create import Request
    from hutch.plan.choices import Choices

    choices = Choices(
        no_pivot=no_pivot,
        new_keyring=not no_new_keyring,
        preserved=preserve_fds,
        direct=direct,
    )
    return Request(
        id,
        absolute(bundle),
        choices,
        console=console,
        pid_file=absolute(pid_file) if pid_file else "",
        warn=warn,
    )
