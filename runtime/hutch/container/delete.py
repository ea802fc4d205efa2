"""delete: undoes what create made, in reverse (runtime.md "Delete").

It works from any half-made state and twice in a row: whatever the state on disk names and is still
there goes, whatever is gone already is fine.
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
# The longest that a killed process may take to end, in milliseconds: one in an uninterruptible
# sleep, on a dead network file system say, never does.
PATIENCE = 10_000


def delete(
    store: "Store",
    id: str,
    *,
    force: bool = False,
    strict: bool = False,
    warn: "Callable[[HutchError], None]" = lambda _: None,
) -> None:
    """Deletes a container that is stopped or only created; with ``force`` any, killing it first,
    and one that does not exist is no error. ``warn`` takes what poststop hooks did wrong.

    runc deletes created containers, and engines count on it; by the specification (runtime.md
    "Delete") that is an error, which it is with ``strict``.
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
    """The state; with ``force`` whatever of one that is damaged or too new can be found, and None
    where there is nothing."""
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
            error.hint = "what of it could be found is removed all the same"
            warn(error)
        return state


def destroy(
    entry: "Entry",
    state: "State | None",
    warn: "Callable[[HutchError], None]" = lambda _: None,
) -> None:
    """Removes what the container is, then runs its poststop hooks (runtime.md "Lifecycle", steps
    12 and 13). ``state`` is None where there is none on disk. Raises as _remove does."""
    _remove(entry, state)
    if state is not None:
        _run_poststop(state, warn)


def _remove(entry: "Entry", state: "State | None") -> None:
    """Ends all processes and removes cgroup, mounts and state directory. Raises KernelError or
    HostError where something will not go; the state then stays, so that it can be tried again."""
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

        # Without a pid namespace of its own the others outlive the first process.
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
        # Once more, now that the pidfd holds the pid: it must not be another process's (S-51).
        if not status.is_alive(state):
            return
        signal_pidfd(pidfd, SIGKILL)
        if cgroup is not None:
            from hutch import cgroups

            # A frozen process does not die (v1).
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
    """A container without a mount namespace of its own has mounted on the host. All of that stands
    on the one bind of its rootfs, which is there if the path is on another mount than ``before``.
    """
    from hutch.kernel.mounts import mount_id, unmount

    try:
        now = mount_id(rootfs)
    except KernelError:
        return
    if now != before:
        try:
            unmount(rootfs, MNT_DETACH)
        except KernelError as error:
            if error.errno != EINVAL:  # no mount stands there
                raise


def _run_poststop(state: "State", warn: "Callable[[HutchError], None]") -> None:
    """Each poststop hook runs, whatever the ones before it did (config.md "Poststop")."""
    hooks = state.hooks_after("poststop")
    if not hooks:
        return
    from hutch.container.hooks import run_hook

    shown = state.public(status.STOPPED)
    for hook in hooks:
        try:
            run_hook(hook, shown)
        except HutchError as error:
            warn(error)
