"""start: lets the waiting hutch-init go on to the user's program (runtime.md "Start")."""

import posix

from hutch.container import status
from hutch.errors import ConfigError, HutchError, StateError
from hutch.kernel.channel import MESSAGE_MAX, let_start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.container.state import State
    from hutch.container.store import Entry, Store

WARNED = ("1.0.", "1.1.", "1.2.")  # the versions in which a failing poststart hook is a warning


def start(store: "Store", id: str, warn: "Callable[[HutchError], None]" = lambda _: None) -> None:
    """Starts a created container; returns once its program was executed and the poststart hooks
    have run. Raises what hutch-init says went wrong.

    A program that the kernel does not execute is the container's end, with exit code 1 and the
    reason on its standard error, as of one that fails at once: so have it the runtimes that engines
    were made for, which otherwise keep what they hold of it. Here it is a warning; strictly, an
    error.
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
        failure = _let_go(entry, state)
        if failure is None:
            finish(entry, state, warn)
        else:
            close_gate(entry)
            warn(failure)
    finally:
        entry.release()
    if notify is not None:
        notify.wait(state.pid)


def _let_go(entry: "Entry", state: "State") -> "HutchError | None":
    """Gives the word and waits: the reply ends by the exec, or brings a failure. That of the exec
    itself is returned, others are raised."""
    try:
        reply = let_start(entry.directory + status.START, entry.directory + status.REPLY)
    except OSError:
        raise _not_created(entry, state) from None
    try:
        said = posix.read(reply, MESSAGE_MAX)
    finally:
        posix.close(reply)
    if not said:
        return None
    from hutch.container.kept_plan import kept_operations
    from hutch.container.messages import decode
    from hutch.plan.failure import explain_failure

    failure = decode(said).failure
    assert failure is not None
    operations = kept_operations(entry)
    error = explain_failure(operations, failure)
    executes = failure.index < len(operations) and operations[failure.index].name == "exec"
    if not executes or state.chose("strict"):
        raise error
    return error


def finish(entry: "Entry", state: "State", warn: "Callable[[HutchError], None]") -> None:
    """What follows the exec: the fifos are of no use any more, and poststart hooks run. One that
    fails is the end of the container (runtime.md "Lifecycle", step 9); before 1.3 of the
    specification it was a warning, which it is strictly."""
    close_gate(entry)
    hooks = state.hooks_after("poststart")
    if not hooks:
        return
    from hutch.container.hooks import run_hook

    warned = state.chose("strict") and state.oci_version.startswith(WARNED)
    for hook in hooks:
        try:
            run_hook(hook, state.public(status.RUNNING))
        except HutchError as error:
            if warned:
                warn(error)
                continue
            from hutch.container.delete import destroy

            destroy(entry, state, warn)
            raise


def close_gate(entry: "Entry") -> None:
    """Removes the fifos, by which a container that waits is known."""
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
