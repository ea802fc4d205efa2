"""The command line of warren: it finds the verb, parses its arguments, and calls its function.

``table.py`` lists every verb once, with its module and its one line of help. Each module has some
verbs. For each verb it gives a function that declares the arguments, and one that runs it:

    VERBS = {"pull": Verb(declare_pull, pull)}
"""

import os
import sys
from io import TextIOWrapper

from hutch.cli.warren.table import EVERYDAY, GLOBALS, of_noun, summary_of
from hutch.errors import HutchError, UsageError, errno_text
from hutch.front import use_shared_objects

# What the command has used, until os._exit: a database that nothing refers to would be closed.
KEPT: list[object] = []


def split_globals(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """The options before the verb, and the rest. Raises UsageError."""
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in GLOBALS and GLOBALS[name][0]:
            if not equals:
                if not rest:
                    raise UsageError(f"flag needs an argument: {name}", hint="warren --help")
                value = rest.pop(0)
            options[name] = value
        elif word in ("--help", "-h", "--version", "-v"):
            return {**options, word: ""}, rest
        else:
            from hutch.did_you_mean import suggestion

            raise UsageError(
                f"unknown flag: {name}", hint=suggestion(name, GLOBALS, "warren --help")
            )
    return options, rest


def answer(arguments: list[str]) -> int:
    """Runs a command line and returns the exit status. Raises HutchError."""
    options, rest = split_globals(arguments)
    if "--version" in options or "-v" in options:
        from hutch.cli.warren.version import version_text

        print(version_text(), end="")
        return 0
    if "--help" in options or "-h" in options or rest[:1] in ([], ["help"]):
        from hutch.cli.warren.usage import help_for

        print(help_for(rest[1:]))
        return 0
    name, words = of_noun(*rest)
    if words is None:
        from hutch.cli.warren.usage import noun_usage

        print(noun_usage(name))
        return 0
    if name not in EVERYDAY or os.geteuid() != 0:
        use_shared_objects()
    from hutch.cli.warren.context import Context
    from hutch.cli.warren.declared import read
    from hutch.cli.warren.verb import verb_of

    verb = verb_of(name)
    parsed = read(verb.declare, words, verb.stops)
    if parsed is None:
        from hutch.cli.warren.parser import parse

        parsed = parse(name, summary_of(name), verb.declare, words, verb.stops)
    run_verb = verb.run
    if os.geteuid() != 0:
        from hutch.cli.warren.rootless import inside_namespaces

        run_verb = inside_namespaces(name, options.get("--root", ""), verb.run)
    with Context(options.get("--root", ""), options.get("--config", "")) as context:
        KEPT.append(context)
        status: int = run_verb(parsed, context)
    return status


def root_in(arguments: list[str]) -> str:
    """The value of --root in a command line, "" if there is none."""
    try:
        return split_globals(arguments)[0].get("--root", "")
    except UsageError:
        return ""


def command(arguments: list[str]) -> int:
    """Runs a command line. Returns 125 if it is wrong, 1 after an error, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name may be in any encoding
    try:
        status = answer(arguments)
        sys.stdout.flush()
    except HutchError as error:
        from hutch.cli.warren.hints import complain

        complain(error, root_in(arguments))
        return 125 if isinstance(error, UsageError) else 1
    except BrokenPipeError:
        return 1  # the reader of our output went away
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        print(f"warren: {HutchError(name + errno_text(error.errno))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("warren: interrupted", file=sys.stderr)
        return 130
    except SystemExit as end:  # argparse, after --help
        sys.stdout.flush()
        return int(end.code or 0)
    return status


def main() -> None:
    """Runs the command line of this process and ends the process.

    os._exit does not wait for threads that are downloading, nor for the interpreter's cleanup.
    """
    status = command(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)
