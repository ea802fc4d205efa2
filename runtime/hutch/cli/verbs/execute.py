"""hutch exec."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.cli.preserve_fds import preserved
from hutch.container.enter import Execution, execute, process_for, running
from hutch.container.store import Store, absolute
from hutch.errors import ConfigError, HutchError, UsageError
from hutch.spec.user_ids import parse_id, parse_user

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.state import State
    from hutch.container.terminal import Terminal
    from hutch.spec.config import CheckedConfig, CheckedProcess, Config


# (field of the process, the flag that sets it).
FLAGS = (
    ("cwd", "cwd"),
    ("env", "env"),
    ("user.additionalGids", "additional-gids"),
    ("user", "user"),
    ("capabilities", "cap"),
    ("terminal", "tty"),
    ("apparmorProfile", "apparmor"),
    ("selinuxLabel", "process-label"),
    ("noNewPrivileges", "no-new-privs"),
)


def run(call: Call, log: Log) -> int:
    store = Store(call.options.get("root"))
    if len(call.arguments) < 2 and not call.text("process"):
        raise UsageError(
            "exec: no command is given", hint="hutch exec CONTAINER COMMAND, or --process FILE"
        )
    state, config = running(store, call.arguments[0], call.has("ignore-paused"))
    try:
        return _run(call, log, store, state, config)
    except HutchError as error:
        _tell_who_asked(error, call, config)
        raise


def _run(call: Call, log: Log, store: Store, state: "State", config: "CheckedConfig") -> int:
    asked = Execution(
        state,
        config,
        _process(call, log, config),
        cgroup=call.many("cgroup"),
        preserved=preserved(call),
        warn=lambda warning: log.warning(_tell_who_asked(warning, call, config)),
        debug=log.debug if log.debug_wanted else None,
        trace=call.trace,
    )
    if call.text("pid-file"):
        asked.pid_file = absolute(call.text("pid-file"))
    if call.text("pidfd-socket"):
        asked.pidfd_socket = absolute(call.text("pidfd-socket"))
    detach = call.has("detach")
    terminal = _console(call, asked, detach)
    if detach:
        execute(store, asked).close()
        return 0
    from hutch.container.foreground import supervise
    from hutch.container.signalfd import Signals

    signals = Signals()
    init = execute(store, asked)
    try:
        return supervise(init, signals, terminal)
    finally:
        init.close()


def _tell_who_asked(error: HutchError, call: Call, config: "Config") -> HutchError:
    """The same, told of the flag or the file that gives the field of the process."""
    from hutch.spec.pointer import is_under

    if call.text("process"):
        from hutch.spec.load import in_document

        return in_document(error, call.text("process"), "process")
    pointer = error.pointer
    if is_under(pointer, "process.args"):
        error.document = error.pointer = ""
    for field, flag in FLAGS:
        name = "process." + field
        if is_under(pointer, name) and call.has(flag):
            own = len(config.get("process", {}).get("env", ()))
            if flag == "env" and int(pointer[len(name) + 1 :].partition("]")[0]) < own:
                break
            error.document, error.pointer = "", "--" + flag
            break
    return error


def _process(call: Call, log: Log, config: "Config") -> "CheckedProcess":
    file = call.text("process")
    if file:
        from hutch.spec.load import load_process

        process = load_process(absolute(file), config, log.warning)
        if call.has("tty"):
            process["terminal"] = True
        return process
    return process_for(
        config,
        call.arguments[1:],
        cwd=call.text("cwd"),
        env=call.many("env"),
        user=parse_user(call.text("user")) if call.text("user") else None,
        additional_gids=[
            parse_id(text, "--additional-gids") for text in call.many("additional-gids")
        ],
        capabilities=call.many("cap"),
        no_new_privileges=call.has("no-new-privs"),
        apparmor=call.text("apparmor"),
        label=call.text("process-label"),
        terminal=call.has("tty"),
    )


def _console(call: Call, asked: Execution, detach: bool) -> "Terminal | None":
    """Decides where the pty's master goes: to the engine's socket, or, in the foreground, to the
    returned ``Terminal``. Raises UsageError or ConfigError."""
    wants = bool(asked.process.get("terminal"))
    socket = call.text("console-socket")
    if socket:
        if not detach or not wants:
            raise UsageError(
                "cannot use console socket if runc will not detach or allocate tty",
                hint="give --detach and --tty, or leave --console-socket out",
            )
        from hutch.container.terminal import send_console

        path = absolute(socket)
        asked.console = lambda master: send_console(path, master)
        return None
    if not wants:
        return None
    if detach:
        raise ConfigError(
            "process.terminal",
            "a detached process with a terminal needs a console socket",
            hint="give --console-socket",
        )
    from hutch.container.terminal import Terminal

    terminal = Terminal()
    asked.console = terminal.receive
    return terminal
