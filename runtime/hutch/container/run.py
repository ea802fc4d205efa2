"""run: create and start in one, and, unless detached, stay until the container ends."""

from hutch.container.create import prepare
from hutch.container.delete import delete
from hutch.container.foreground import supervise
from hutch.container.signalfd import Signals
from hutch.container.start import finish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.container.create import Created
    from hutch.container.request import Request
    from hutch.container.store import Store
    from hutch.container.terminal import Terminal
    from hutch.spec.config import Config

# The exit codes of an end by SIGKILL and by SIGSYS.
KILLED = (137, 159)


def run(
    store: "Store",
    request: "Request",
    *,
    detach: bool = False,
    keep: bool = False,
    subreaper: bool = True,
) -> int:
    """Runs a container; the exit code of its program, or 128 + the signal that ended it; 0 when
    detached. A container that ends in the foreground is deleted, unless ``keep``; until then this
    process adopts its orphans, if it has no pid namespace, unless not ``subreaper``."""
    terminal = None
    if not detach:
        from hutch.container.terminal import own_terminal

        terminal = own_terminal(request)
    made = prepare(store, request)

    def let_go() -> None:
        request.step("let the program be executed")
        made.init.answer()
        made.init.executed()

    return carry_on(
        store, request, made, let_go, terminal, detach=detach, keep=keep, subreaper=subreaper
    )


def carry_on(
    store: "Store",
    request: "Request",
    made: "Created",
    let_go: "Callable[[], None]",
    terminal: "Terminal | None",
    *,
    detach: bool,
    keep: bool,
    subreaper: bool,
) -> int:
    """From a container that waits to its end, as run tells it; ``let_go`` lets its program begin.
    What goes wrong leaves nothing of the container."""
    init = made.init
    notify = None
    if request.choices.notify:
        from hutch.container.sd_notify import Notify

        notify = Notify(request.choices.notify, request.warn)
    adopts = subreaper and not detach and not has_pid_namespace(made.config)
    if adopts:
        from hutch.container.subreaper import become_subreaper

        become_subreaper()
    # Before the program can be there to have any: from here on they are its own.
    signals = None if detach else Signals()
    if terminal is not None and not terminal.attached():
        terminal = None
    try:
        try:
            let_go()
            finish(made.entry, made.state, request.warn)
        except BaseException:
            init.kill()
            raise
        finally:
            made.entry.release()
        request.step("wait for the program")
        if notify is not None and detach:
            notify.wait(init.pid)
        code = 0 if signals is None else supervise(init, signals, terminal, notify, adopts)
    except BaseException:
        delete(store, request.id, force=True, warn=request.warn)
        raise
    finally:
        init.close()
    if code in KILLED:
        from hutch.container.exit_cause import tell_cause

        tell_cause(code, init.signal, made.state.kept_cgroup, made.config, request.warn)
    request.step("delete the container")
    if not detach and not keep:
        delete(store, request.id, force=True, warn=request.warn)
    return code


def has_pid_namespace(config: "Config") -> bool:
    """Whether its first process adopts the container's orphans, and they end with it."""
    namespaces = config.get("linux", {}).get("namespaces") or []
    return any(namespace["type"] == "pid" for namespace in namespaces)
