"""delete: removes what create has made, in reverse order (runtime.md "Delete").

It works after a create that failed or was killed at any step, and it can be repeated: it removes
what the state on disk names, and what does not exist any more is no error.
"""

import posix

from hutch.container import status
from hutch.errors import HutchError, KernelError, NotFound, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.container.state import State
    from hutch.container.store import Entry, Store
    from hutch.plan.cgroup_paths import Cgroup

SIGKILL = 9
MNT_DETACH = 2
EINVAL = 22
# How long to wait for a killed process to end, in milliseconds. A process in an uninterruptible
# sleep, for example on a dead network file system, may never end.
PATIENCE = 10_000


def delete(
    store: "Store",
    id: str,
    *,
    force: bool = False,
    strict: bool = False,
    warn: "Callable[[HutchError], None]" = lambda _: None,
) -> None:
    """Deletes a container that is stopped or created. With ``force`` it kills the container first,
    and a container that does not exist is no error. ``warn`` is called with the errors of poststop
    hooks. Raises StateError, NotFound, KernelError or HostError.

    runc deletes created containers too, and engines depend on that. The specification (runtime.md
    "Delete") says that this is an error; with ``strict`` it is one.
    """
    try:
        entry = store.open(id)
    except NotFound:
        if force:
            return
        raise
    try:
        state = _load(entry, force, warn)
        if state is not None and not force:
            now = status.status_of(state, entry.directory)
            if now != status.STOPPED and (strict or now != status.CREATED):
                raise StateError(
                    "cannot delete container " + id + " that is not stopped: " + now,
                    id=id,
                    status=now,
                    hint="stop it with: hutch kill " + id + " KILL, or give --force",
                )
        if state is not None and status.has_systemd_unit(state):
            from hutch.front import use_interpreter

            use_interpreter()
        destroy(entry, state, warn)
    finally:
        entry.release()


def _load(entry: "Entry", force: bool, warn: "Callable[[HutchError], None]") -> "State | None":
    """The state. With ``force``, what can still be read of a state that is damaged or too new; None
    if nothing of the container can be found."""
    try:
        return entry.load_state()
    except StateError as error:
        if not force:
            raise
        if not entry.has("state.json") and not entry.has("config.json"):
            return None
        from hutch.container.salvage import salvage

        state = salvage(entry)
        if entry.has("state.json"):
            error.hint = "everything of the container that can be found is removed"
            warn(error)
        return state


def destroy(
    entry: "Entry",
    state: "State | None",
    warn: "Callable[[HutchError], None]" = lambda _: None,
) -> None:
    """Removes the container, then runs its poststop hooks (runtime.md "Lifecycle", steps 12 and
    13). ``state`` is None if there is none on disk. Raises as _remove does."""
    _remove(entry, state)
    if state is not None:
        _run_poststop(state, warn)


def _remove(entry: "Entry", state: "State | None") -> None:
    """Ends all processes and removes the cgroup, mounts and state directory. Raises HutchError if
    one of them cannot be removed; the state then stays, so that delete can be tried again."""
    if state is not None:
        cgroup = state.cgroup()
        _end_processes(state, cgroup)
        if state.host_mount:
            _unmount(state.rootfs, state.host_mount)
        if cgroup is not None:
            from hutch.cgroups import destroy

            destroy(cgroup)
        if state.rdt:
            from hutch.container.intel_rdt import remove

            remove(state.rdt)
    entry.remove()


def _end_processes(state: "State", cgroup: "Cgroup | None") -> None:
    if status.is_alive(state):
        _end_first_process(state, cgroup)
    if cgroup is not None:
        from hutch import cgroups

        # In a container without a pid namespace of its own, others outlive the first process.
        if not cgroups.remove_empty(cgroup):
            cgroups.kill(cgroup, SIGKILL)


def _end_first_process(state: "State", cgroup: "Cgroup | None") -> None:
    from select import POLLIN, poll

    from hutch.kernel.process import signal_pidfd

    try:
        pidfd = posix.pidfd_open(state.pid)
    except ProcessLookupError:
        return
    try:
        # Checked again after pidfd_open: the pid could have become another process's (S-51).
        if not status.is_alive(state):
            return
        signal_pidfd(pidfd, SIGKILL)
        if cgroup is not None:
            from hutch import cgroups

            # On cgroup v1 a frozen process does not die.
            cgroups.thaw(cgroup)
        waiting = poll()
        waiting.register(pidfd, POLLIN)
        if not waiting.poll(PATIENCE):
            raise HutchError(
                f"process {state.pid} of container {state.id} does not end after SIGKILL",
                hint="it sleeps in the kernel: see /proc/" + str(state.pid) + "/stack",
            )
    except KernelError:
        return
    finally:
        posix.close(pidfd)


def _unmount(rootfs: str, before: int) -> None:
    """Removes the mounts that a container without a mount namespace has made on the host. All of
    them are below the bind of its rootfs; the bind exists if ``rootfs`` is on another mount than
    ``before``, the id of the mount that held it before the container."""
    from hutch.kernel.mounts import mount_id, unmount

    try:
        now = mount_id(rootfs)
    except KernelError:
        return
    if now != before:
        try:
            unmount(rootfs, MNT_DETACH)
        except KernelError as error:
            if error.errno != EINVAL:  # EINVAL: no mount point
                raise


def _run_poststop(state: "State", warn: "Callable[[HutchError], None]") -> None:
    """Runs all poststop hooks, also if one before has failed (config.md "Poststop")."""
    hooks = state.hooks_after("poststop")
    if not hooks:
        return
    from hutch.container.hooks import run_hook

    shown = state.public(status.STOPPED)
    for hook in hooks:
        try:
            run_hook(hook, shown, warn)
        except HutchError as error:
            warn(error)
