"""run: creates and starts a container, and waits for its end unless it is detached."""

from hutch.container.create import prepare
from hutch.container.delete import delete
from hutch.container.foreground import supervise
from hutch.container.signalfd import Signals
from hutch.container.start import finish
from hutch.plan.namespaces import has_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.container.create import Created
    from hutch.container.request import Request
    from hutch.container.sd_notify import Notify
    from hutch.container.store import Store
    from hutch.container.terminal import Terminal


def run(
    store: "Store",
    request: "Request",
    *,
    detach: bool = False,
    keep: bool = False,
    subreaper: bool = True,
) -> int:
    """Runs a container. Returns the exit code of its program, or 128 + the number of the signal
    that ended it; 0 if ``detach``. A container in the foreground is deleted when it ends, unless
    ``keep``. With ``subreaper`` this process adopts the orphaned processes of a container in the
    foreground that has no pid namespace (PR_SET_CHILD_SUBREAPER, prctl(2)). Raises HutchError."""
    request.detached = detach
    made = prepare(store, request)

    def let_go() -> None:
        request.step("let the program be executed")
        made.init.answer()
        made.init.executed()
        if request.watch is not None:
            request.watch.started()

    return carry_on(store, request, made, let_go, detach=detach, keep=keep, subreaper=subreaper)


def carry_on(
    store: "Store",
    request: "Request",
    made: "Created",
    let_go: "Callable[[], None]",
    *,
    detach: bool,
    keep: bool,
    subreaper: bool,
) -> int:
    """Does the second part of `run`: from a container that waits to the end of its program.
    ``let_go`` executes the program. After an error nothing is left of the container."""
    notify = None
    if request.choices.notify:
        from hutch.container.sd_notify import Notify

        notify = Notify(request.choices.notify, request.warn)
    # The first process of a pid namespace adopts orphans itself (pid_namespaces(7)).
    adopts = subreaper and not detach and not has_namespace(made.config, "pid")
    if adopts:
        from hutch.container.subreaper import become_subreaper

        become_subreaper()
    # Before the program starts, so that no signal for it is lost.
    signals = None if detach else Signals()
    terminal = request.terminal
    if terminal is not None and not terminal.attached():
        terminal = None
    try:
        code = _until_the_end(store, request, made, let_go, terminal, notify, signals, adopts)
        if (code or keep) and signals is not None:
            _look_at_the_end(made, signals, request, keep)
        request.step("delete the container")
        if not detach and not keep:
            delete(store, request.id, force=True, warn=request.warn)
    finally:
        if signals is not None:
            signals.close()
    return code


def _look_at_the_end(made: "Created", signals: Signals, request: "Request", keep: bool) -> None:
    """Tells why the program ended, if it did not end itself; keeps it for `state` with ``keep``."""
    from hutch.container.ending import KEPT, RUN_VERB, end_of, told, worth_telling
    from hutch.spec.json import encode

    sent = (signals.passed_on, RUN_VERB) if signals.passed_on else None
    ending = end_of(made.state, made.entry.directory, status=made.init.status, sent=sent)
    if worth_telling(ending):
        resources = made.config.get("linux", {}).get("resources") or {}
        request.warn(told(ending, (resources.get("memory") or {}).get("limit")))
    if keep:
        made.entry.write(KEPT, encode(ending).encode())


def _until_the_end(
    store: "Store",
    request: "Request",
    made: "Created",
    let_go: "Callable[[], None]",
    terminal: "Terminal | None",
    notify: "Notify | None",
    signals: "Signals | None",
    adopts: bool,
) -> int:
    """Executes the program and, unless ``signals`` is None, waits for its end."""
    init = made.init
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
        if notify is not None and signals is None:
            notify.wait(init.pid)
        return 0 if signals is None else supervise(init, signals, terminal, notify, adopts)
    except BaseException:
        delete(store, request.id, force=True, warn=request.warn)
        raise
    finally:
        init.close()
