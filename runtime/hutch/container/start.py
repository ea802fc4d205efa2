"""start: lets the waiting hutch-init execute the user's program (runtime.md "Start")."""

import posix

from hutch.container import status
from hutch.errors import ConfigError, HutchError, StateError
from hutch.kernel.channel import MESSAGE_MAX, let_start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.container.state import State
    from hutch.container.store import Entry, Store

PATIENCE = 10  # seconds after which a program that does not begin is named
WARNED = ("1.0.", "1.1.", "1.2.")  # the versions in which a failing poststart hook is a warning


def start(store: "Store", id: str, warn: "Callable[[HutchError], None]" = lambda _: None) -> None:
    """Starts a created container; returns when its program was executed and the poststart hooks
    have run. Raises StateError, or the error that hutch-init reports.

    If the kernel cannot execute the program, the container ends with exit code 1, and the reason is
    on its standard error. `start` then gives a warning and succeeds, as runc does: engines expect
    this, and would otherwise keep the container's resources. With --strict it is an error.
    """
    entry = store.open(id)
    notify = None
    try:
        state = entry.load_state()
        if state.idle:
            raise ConfigError("process", "is missing: there is nothing to run")
        if state.choices and state.choices.get("notify"):
            from hutch.container.sd_notify import Notify

            notify = Notify(str(state.choices["notify"]), warn)
        failure = _let_go(entry, state, warn)
        if failure is None:
            finish(entry, state, warn)
        else:
            close_gate(entry)
            warn(failure)
    finally:
        entry.release()
    if notify is not None:
        notify.wait(state.pid)


def _let_go(
    entry: "Entry", state: "State", warn: "Callable[[HutchError], None]"
) -> "HutchError | None":
    """Lets hutch-init go on and waits for its reply: end of file after a successful exec, else a
    failure. A failure of the exec itself is returned (raised with --strict), others are raised."""
    try:
        reply = let_start(entry.directory + status.START, entry.directory + status.REPLY)
    except OSError:
        raise _not_created(entry, state) from None
    try:
        _await_reply(reply, state, warn)
        message = posix.read(reply, MESSAGE_MAX)
    finally:
        posix.close(reply)
    if not message:
        return None
    from hutch.container.causes import explained
    from hutch.container.kept_plan import kept_operations
    from hutch.container.messages import decode

    failure = decode(message).failure
    assert failure is not None
    operations = kept_operations(entry)
    error = explained(operations, failure)
    executes = failure.index < len(operations) and operations[failure.index].name == "exec"
    if not executes or state.chose("strict"):
        raise error
    return error


def _await_reply(reply: int, state: "State", warn: "Callable[[HutchError], None]") -> None:
    """Waits until there is a reply: the startContainer hooks have run and the program was executed,
    or hutch-init is dead. Warns if that takes long."""
    from select import POLLIN, poll

    waiting = poll()
    waiting.register(reply, POLLIN)
    if not waiting.poll(PATIENCE * 1000):
        from hutch.container.long_wait import tell_slow

        tell_slow(state.pid, [], PATIENCE, warn)


def finish(entry: "Entry", state: "State", warn: "Callable[[HutchError], None]") -> None:
    """Removes the fifos after the exec and runs the poststart hooks. If a hook fails, the container
    is destroyed (runtime.md "Lifecycle", step 9). Before version 1.3 of the specification this was
    only a warning; with --strict it still is, for configs of these versions."""
    close_gate(entry)
    hooks = state.hooks_after("poststart")
    if not hooks:
        return
    from hutch.container.hooks import run_hook

    warned = state.chose("strict") and state.oci_version.startswith(WARNED)
    for hook in hooks:
        try:
            run_hook(hook, state.public(status.RUNNING), warn)
        except HutchError as error:
            if warned:
                warn(error)
                continue
            from hutch.container.delete import destroy

            destroy(entry, state, warn)
            raise


def close_gate(entry: "Entry") -> None:
    """Removes the fifos of a container; only a container that waits for `start` has them."""
    for name in (status.START, status.REPLY):
        try:
            posix.unlink(entry.directory + name)
        except OSError:
            pass


def _not_created(entry: "Entry", state: "State") -> StateError:
    now = status.status_of(state, entry.directory)
    if now == status.STOPPED:
        return StateError(
            "cannot start a container that has stopped: " + entry.id, id=entry.id, status=now
        )
    return StateError(
        "cannot start an already running container: " + entry.id, id=entry.id, status=now
    )
