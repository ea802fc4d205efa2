"""delete: undoes what create made, in reverse (runtime.md "Delete").

It works from any half-made state and twice in a row: whatever the state on disk names and is still
there goes, whatever is gone already is fine.
"""

import posix

from hutch.container import status
from hutch.errors import HutchError, KernelError, NotFound, StateDamaged, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hutch.container.store import Entry, Store
    from hutch.plan.cgroup_paths import Cgroup

SIGKILL = 9
MNT_DETACH = 2
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
        try:
            state = entry.load_state()
        except StateDamaged:
            if not force:
                raise
            state = {}
            if entry.has("state.json"):
                warn(
                    StateDamaged(
                        "the state of container " + id + " is damaged: processes and cgroups of "
                        "it, if there are any, are left",
                        id=id,
                    )
                )
        if state and not force:
            now = status.status_of(state, entry.directory)
            if now != status.STOPPED and (strict or now != status.CREATED):
                raise StateError(
                    "cannot delete container " + id + " that is not stopped: " + now,
                    id=id,
                    status=now,
                    hint="stop it with: hutch kill " + id + " KILL, or give --force",
                )
        if status.has_systemd_unit(state):
            from hutch.front import use_interpreter

            use_interpreter()
        destroy(entry, state, warn)
    finally:
        entry.release()


def destroy(
    entry: "Entry", state: "dict[str, Any]", warn: "Callable[[HutchError], None]" = lambda _: None
) -> None:
    """Removes what the container is, then runs its poststop hooks (runtime.md "Lifecycle", steps
    12 and 13). ``state`` is {} where there is none on disk. Raises as _remove does."""
    _remove(entry, state)
    _run_poststop(state, warn)


def _remove(entry: "Entry", state: "dict[str, Any]") -> None:
    """Ends all processes and removes cgroup, mounts and state directory. Raises KernelError or
    HostError where something will not go; the state then stays, so that it can be tried again."""
    if state:
        cgroup = None
        if state.get("cgroup"):
            from hutch.plan.cgroup_paths import Cgroup

            cgroup = Cgroup.from_json(state["cgroup"])
        _end_processes(state, cgroup)
        if state.get("hostMount"):
            _unmount(state["rootfs"], state["hostMount"])
        if cgroup is not None:
            from hutch.cgroups import destroy

            destroy(cgroup)
        if state.get("rdt"):
            from hutch.container.intel_rdt import remove

            remove(state["rdt"])
    entry.remove()


def _end_processes(state: "dict[str, Any]", cgroup: "Cgroup | None") -> None:
    if status.is_alive(state):
        _end_first_process(state, cgroup)
    if cgroup is not None:
        from hutch import cgroups

        # Without a pid namespace of its own the others outlive the first process.
        if not cgroups.remove_empty(cgroup):
            cgroups.kill(cgroup, SIGKILL)


def _end_first_process(state: "dict[str, Any]", cgroup: "Cgroup | None") -> None:
    from select import POLLIN, poll

    from hutch.kernel.process import signal_pidfd

    try:
        pidfd = posix.pidfd_open(state["pid"])
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
                f"process {state['pid']} of container {state['id']} does not end after SIGKILL",
                hint="it sleeps in the kernel: see /proc/" + str(state["pid"]) + "/stack",
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
        unmount(rootfs, MNT_DETACH)


def _run_poststop(state: "dict[str, Any]", warn: "Callable[[HutchError], None]") -> None:
    """Each poststop hook runs, whatever the ones before it did (config.md "Poststop")."""
    if not state or not state["hooks"].get("poststop"):
        return
    from hutch.container.hooks import run_hook
    from hutch.plan.hooks import hooks_of

    shown = status.public_state(state, status.STOPPED)
    for hook in hooks_of(state["hooks"], ("poststop",)):
        try:
            run_hook(hook, shown)
        except HutchError as error:
            warn(error)
