"""hutch exec."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.cli.preserve_fds import preserved
from hutch.container.container import Container
from hutch.container.store import absolute
from hutch.errors import HutchError, UsageError
from hutch.spec.user_ids import parse_id, parse_user

NOT_EXECUTED, NOT_FOUND = 126, 127  # as shells have it
ENOENT = 2

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
    file, user = call.text("process"), call.text("user")
    if len(call.arguments) < 2 and not file:
        raise UsageError(
            "exec: no command is given", hint="hutch exec CONTAINER COMMAND, or --process FILE"
        )
    gids = [parse_id(text, "--additional-gids") for text in call.many("additional-gids")]
    try:
        return Container(call.arguments[0], call.options.get("root")).execute(
            call.arguments[1:],
            detach=call.has("detach"),
            ignore_paused=call.has("ignore-paused"),
            process=absolute(file) if file else None,
            tty=call.has("tty"),
            cwd=call.text("cwd"),
            env=call.many("env"),
            user=parse_user(user) if user else None,
            additional_gids=gids,
            cap=call.many("cap"),
            apparmor=call.text("apparmor"),
            process_label=call.text("process-label"),
            no_new_privs=call.has("no-new-privs"),
            cgroup=call.many("cgroup"),
            preserve_fds=preserved(call),
            pid_file=call.text("pid-file"),
            pidfd_socket=call.text("pidfd-socket"),
            console_socket=call.text("console-socket"),
            warn=lambda warning: log.warning(_tell_who_asked(warning, call)),
            debug=log.debug if log.debug_wanted else None,
            trace=call.trace,
        )
    except HutchError as error:
        status = _shell_status(error)
        _tell_who_asked(error, call)
        if not call.has("shell-status"):
            raise
        log.error(error)
        return status


def _shell_status(error: HutchError) -> int:
    """127 where the command was not found, and 126 where it could not be executed."""
    if "args[0]" not in error.pointer:
        return NOT_EXECUTED
    error.document, error.pointer = "", "process.args"
    return NOT_FOUND if error.errno in (0, ENOENT) else NOT_EXECUTED


def _tell_who_asked(error: HutchError, call: Call) -> HutchError:
    """The same, told of the flag that gives the field of the process."""
    from hutch.spec.pointer import is_under

    if is_under(error.pointer, "process.args"):
        error.document = error.pointer = ""
    for field, flag in FLAGS:
        if is_under(error.pointer, "process." + field) and call.has(flag):
            # Of a list, the flag adds to the container's own items.
            if flag != "env" or error.value in call.many(flag):
                error.document, error.pointer = "", "--" + flag
            break
    return error
