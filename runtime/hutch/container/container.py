"""The library's public class for a container: one typed method for each verb of the command."""

from hutch.container.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Unpack

    from hutch.cgroups.stats_form import Statistics
    from hutch.container.checkpoint import Images
    from hutch.container.enter import ExecOptions
    from hutch.container.events import Event
    from hutch.container.request import Options
    from hutch.container.state import PublicState
    from hutch.errors import HutchError
    from hutch.spec.config import Resources


def _ignore(warning: "HutchError") -> None:
    """The default of ``warn``: ignores the warning."""


class Container:
    """A container, named by its id; ``root`` is the state directory (None: the default one).

    The constructor makes no system call. The methods raise StateError if the container does not
    exist.
    """

    __slots__ = ("_store", "id")

    def __init__(self, id: str, root: "str | None" = None) -> None:
        self.id = id
        self._store = Store(root)

    @classmethod
    def create(
        cls, id: str, bundle: str, *, root: "str | None" = None, **options: "Unpack[Options]"
    ) -> "Container":
        """Creates a container from a bundle; its program is not executed before ``start``
        (runtime.md "Create").

        ``options`` are the command's flags (container.request.Options). With ``systemd_cgroup``,
        systemd makes the cgroup as a scope. ``console`` is called with the descriptor of the
        terminal's master if the config asks for a terminal, ``warn`` with each warning. Raises
        ConfigError, HostError, KernelError or StateError; after an error nothing is left behind.
        """
        from hutch.container.create import create
        from hutch.container.request import request_of

        container = cls(id, root)
        create(container._store, request_of(id, bundle, options, root=root))
        return container

    @classmethod
    def run(
        cls,
        id: str,
        bundle: str,
        *,
        root: "str | None" = None,
        detach: bool = False,
        keep: bool = False,
        subreaper: bool = True,
        **options: "Unpack[Options]",
    ) -> int:
        """Creates and starts a container with the caller's standard streams, waits for its end and
        deletes it, unless ``keep`` is true. Returns the exit code of its program, or 128 + the
        number of the signal that ended it. With ``detach`` it does not wait and returns 0.

        While it waits, it passes all signals of the calling process on to the container, and the
        container uses the caller's terminal. With ``subreaper`` the calling process adopts orphaned
        processes of the container (PR_SET_CHILD_SUBREAPER, prctl(2)).
        """
        from hutch.container.request import request_of
        from hutch.container.run import run

        store = cls(id, root)._store
        request = request_of(id, bundle, options, root=root, direct=True)
        return run(store, request, detach=detach, keep=keep, subreaper=subreaper)

    @classmethod
    def restore(
        cls,
        id: str,
        bundle: str,
        images: "Images",
        *,
        root: "str | None" = None,
        detach: bool = False,
        subreaper: bool = True,
        **options: "Unpack[Options]",
    ) -> int:
        """Makes a container again from the ``images`` of a checkpoint, with CRIU; then does the
        same as ``run``, and returns the same."""
        from hutch.container.request import request_of
        from hutch.container.restore import restore

        store = cls(id, root)._store
        request = request_of(id, bundle, options, root=root, direct=True)
        return restore(store, request, images, detach=detach, subreaper=subreaper)

    @staticmethod
    def states(
        root: "str | None" = None, *, warn: "Callable[[HutchError], None]" = _ignore
    ) -> "list[PublicState]":
        """The states of all containers, sorted by id, with the names of their owners. ``warn`` is
        called for each container whose state cannot be read. Raises KernelError or HostError."""
        from hutch.container.listing import states

        return states(Store(root), warn)

    def checkpoint(
        self,
        images: "Images",
        *,
        pre_dump: bool = False,
        warn: "Callable[[HutchError], None]" = _ignore,
    ) -> None:
        """Saves a running container to ``images`` with CRIU and deletes it. With ``pre_dump`` it
        saves only the memory, and the container goes on running."""
        from hutch.container.checkpoint import checkpoint

        checkpoint(self._store, self.id, images, pre_dump=pre_dump, warn=warn)

    def start(self, *, warn: "Callable[[HutchError], None]" = _ignore) -> None:
        """Lets the created container run its program (runtime.md "Start")."""
        from hutch.container.start import start

        start(self._store, self.id, warn)

    @property
    def state(self) -> "PublicState":
        """The container's state (runtime.md "State"). Of a stopped container it has how that ended
        (container.ending.Ending), of one in creation the step (container.doing.Doing)."""
        from hutch.container.status import CREATING, STOPPED, status_of

        entry = self._store.find(self.id)
        state = entry.load_state()
        shown = state.public(status_of(state, entry.directory))
        if shown["status"] == STOPPED:
            from hutch.container.ending import kept_or_found

            end = kept_or_found(entry, state)
            if end is not None:
                shown["end"] = end
        elif shown["status"] == CREATING:
            from hutch.container.doing import step_of

            step = step_of(state, entry)
            if step is not None:
                shown["step"] = step
        return shown

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
        """Thaws all processes."""
        from hutch.container.pause import resume

        resume(self._store, self.id)

    def execute(
        self,
        args: "Sequence[str]" = (),
        *,
        detach: bool = False,
        ignore_paused: bool = False,
        **options: "Unpack[ExecOptions]",
    ) -> int:
        """Runs another process in the container, with the caller's standard streams, and waits for
        its end. Returns its exit code, or 128 + the number of the signal that ended it. With
        ``detach`` it does not wait and returns 0.

        The process is the container's own with these arguments and ``options``, or another one
        (container.enter.ExecOptions). While it waits, it passes all signals of the calling thread
        on to the process, which uses the caller's terminal if it has one. In a paused container
        the process waits until ``resume``; without ``ignore_paused`` that is an error. Raises
        StateError, ConfigError, UsageError, HostError or KernelError.
        """
        from hutch.container.enter import enter

        return enter(
            self._store, self.id, args, options, detach=detach, ignore_paused=ignore_paused
        )

    def update(
        self,
        resources: "Resources | str | None" = None,
        *,
        l3_cache_schema: str = "",
        mem_bw_schema: str = "",
        warn: "Callable[[HutchError], None]" = _ignore,
    ) -> None:
        """Changes the limits that are in ``resources``; all other limits stay. It has the form of
        linux.resources (config-linux.md), or is the path of a file that has this form, "-" for
        standard input. ``l3_cache_schema`` and ``mem_bw_schema`` are lines for the schemata of its
        group of resctrl. Raises ConfigError, StateError, HostError or KernelError; if the kernel
        refuses a limit, those written before it stay in force."""
        from hutch.container.update import change

        change(
            self._store,
            self.id,
            resources,
            l3_cache_schema=l3_cache_schema,
            mem_bw_schema=mem_bw_schema,
            warn=warn,
        )

    def statistics(self) -> "Statistics":
        """The statistics of its cgroups, in the form of ``data`` of `events --stats`."""
        from hutch.container.events import statistics

        return statistics(self._store, self.id)

    def events(self, interval: float = 5) -> "Iterator[Event]":
        """Yields statistics every ``interval`` seconds, and an event each time that the kernel
        kills a process because memory ran out; the last event says how the container ended. Raises
        StateError, HostError."""
        from hutch.container.events import events

        return events(self._store, self.id, interval)

    def processes(self) -> "list[int]":
        """The pids of all its processes, as the host numbers them."""
        from hutch.container.processes import processes_of

        return processes_of(self._store.find(self.id).load_state())

    def delete(
        self,
        *,
        force: bool = False,
        strict: bool = False,
        warn: "Callable[[HutchError], None]" = _ignore,
    ) -> None:
        """Removes the container. Raises StateError if it is neither stopped nor created, unless
        ``force`` is true; with ``strict`` it must be stopped, as the specification requires
        (runtime.md "Delete")."""
        from hutch.container.delete import delete

        delete(self._store, self.id, force=force, strict=strict, warn=warn)
