"""hutch's entry point: parses the command line, calls the verb's module and reports errors.

The process ends with _exit(2): the normal shutdown of the interpreter takes a quarter of its start
time, and there are no buffers to flush because all output uses write(2).
"""

import posix
import sys

from hutch.cli.arguments import Call, parse
from hutch.cli.log import Log
from hutch.cli.table import VERBS
from hutch.errors import HutchError

EXIT_ERROR = 1
EXIT_UNKNOWN_VERB = 3
EXIT_EXEC_ERROR = 255
EXIT_INTERRUPTED = 130


def main() -> None:
    """Runs the command line of this process and ends the process."""
    posix._exit(command(sys.argv[1:]))


def command(words: "list[str]") -> int:
    """Runs one command line, without the program's name; returns the exit code."""
    call = Call()
    log = Log()
    try:
        parse(words, call)
        log.configure(call.options)
        if call.options.get("version") or call.options.get("help") or not call.verb:
            from hutch.cli.usage import show

            return show(call)
        if call.options.get("systemd-cgroup"):
            _prepare_for_systemd(call.verb)
        if call.options.get("trace"):
            return _traced(call, log)
        return _run_verb(call, log)
    except HutchError as error:
        if not log.path:
            _configure_leniently(log, call)
        error.hint = _as_called(error.hint, call.options.get("root", ""))
        log.error(error)
        if call.verb and call.verb not in VERBS:
            return EXIT_UNKNOWN_VERB
        return EXIT_EXEC_ERROR if call.verb == "exec" else EXIT_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001, RUF100 - a bug in hutch: still one line
        if log.debug_wanted:
            sys.excepthook(*sys.exc_info())
        name = type(error).__name__
        message = "internal error: " + name + ": " + str(error) + " (--debug shows where)"
        log.error(HutchError(message))
        return EXIT_EXEC_ERROR if call.verb == "exec" else EXIT_ERROR


def _run_verb(call: Call, log: Log) -> int:
    module = "hutch.cli.verbs." + call.verb.replace("exec", "execute").replace("-", "_")
    code: int = __import__(module, None, None, "x").run(call, log)
    return code


def _traced(call: Call, log: Log) -> int:
    from hutch.container.trace import Trace

    call.trace = Trace(call.options["trace"])
    call.trace.step("import " + call.verb)
    try:
        return _run_verb(call, log)
    finally:
        call.trace.write()


def _prepare_for_systemd(verb: str) -> None:
    """Raises HutchError unless this host was booted with systemd (sd_booted(3)). A verb that asks
    systemd for a cgroup needs D-Bus, so it continues in the ordinary interpreter."""
    try:
        posix.lstat("/run/systemd/system")
    except OSError:
        raise HutchError(
            "systemd not running on this host, cannot use systemd cgroups manager",
            hint="leave --systemd-cgroup out to use the cgroup file system",
        ) from None
    if verb in ("create", "explain", "restore", "run"):
        from hutch.front import use_interpreter

        use_interpreter()


def _as_called(hint: str, root: str) -> str:
    """The hint with commands that can be copied to a shell: they have the name that this program
    was called by, and its --root."""
    if "hutch " in hint:
        from hutch.cli.usage import called

        command = _quoted(called())
        hint = hint.replace("hutch --help", command + " --help")
        if root:
            command += " --root " + _quoted(root)
        for verb in VERBS:
            hint = hint.replace("hutch " + verb + " ", command + " " + verb + " ")
    return hint


def _quoted(word: str) -> str:
    """The word, quoted for sh(1) if it needs quotes."""
    if all(letter.isalnum() or letter in "/._-+:@%," for letter in word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def _configure_leniently(log: Log, call: Call) -> None:
    """Applies --log also when the command line itself is wrong; ignores errors in these flags."""
    try:
        log.configure(call.options)
    except HutchError:
        return
