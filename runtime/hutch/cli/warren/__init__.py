"""The command line of warren: it finds the verb, parses its arguments, and calls its function.

``VERBS`` lists every verb once, with its module and its one line of help. Each module has a group
of verbs. For each verb it gives a function that declares the arguments, and one that runs it:

    VERBS = {"pull": Verb(declare_pull, pull)}
"""

import os
import sys
from io import TextIOWrapper

from hutch.errors import HutchError, UsageError, errno_text, shown

# verb -> (module, what it does). In the order of --help.
VERBS = {
    "run": ("run", "Make a container of an image and start it"),
    "create": ("run", "Make a container, without starting it"),
    "start": ("run", "Start containers"),
    "attach": ("run", "Join a running container's input and output"),
    "ps": ("ps", "List containers"),
    "stop": ("containers", "End containers: by SIGTERM, then by SIGKILL"),
    "restart": ("containers", "Stop containers and start them again"),
    "kill": ("containers", "Send a signal to containers"),
    "rm": ("containers", "Remove containers"),
    "logs": ("containers", "Show what a container has written"),
    "wait": ("containers", "Wait until containers have ended, print their exit codes"),
    "pause": ("containers", "Freeze containers"),
    "unpause": ("containers", "Let frozen containers go on"),
    "rename": ("containers", "Give a container another name"),
    "exec": ("execute", "Run another program in a container"),
    "top": ("containers", "Show a container's processes"),
    "stats": ("look", "Show what containers use"),
    "port": ("look", "Show a container's published ports"),
    "update": ("look", "Change containers' limits"),
    "cp": ("files", "Copy files between a container and the host"),
    "diff": ("look", "Show what a container has changed"),
    "export": ("files", "Write a container's root file system as a tar archive"),
    "commit": ("files", "Make an image of a container's changes"),
    "events": ("look", "Show what happens to containers"),
    "info": ("look", "Show what there is, and what it runs on"),
    "pull": ("pull", "Download an image from a registry"),
    "push": ("push", "Upload an image to a registry"),
    "images": ("images", "List images"),
    "rmi": ("images", "Remove images"),
    "tag": ("images", "Give an image another name"),
    "inspect": ("inspect", "Show what is known of an image, as JSON"),
    "history": ("inspect", "Show how an image was made, layer by layer"),
    "search": ("search", "Search a registry's catalogue"),
    "login": ("login", "Log in to a registry"),
    "logout": ("login", "Log out from a registry"),
    "save": ("archives", "Write images to an archive"),
    "load": ("archives", "Read images from an archive"),
    "import": ("archives", "Make an image from a tar archive of a root file system"),
    "bundle": ("bundle", "Make an OCI bundle of an image, for use with hutch run"),
    "system": ("system", "Look after the store and the host: df, prune, check, apparmor"),
}
# What warren leaves behind calls these ("warren container cleanup"); they are not for people.
INTERNAL = {"cleanup": "containers", "restart-later": "containers", "health-changed": "containers"}
# The verbs that only their noun has.
NOUN_VERBS = {
    "volume create": ("volumes", "Make a volume"),
    "volume ls": ("volumes", "List volumes"),
    "volume rm": ("volumes", "Remove volumes"),
    "volume inspect": ("volumes", "Show what is known of volumes, as JSON"),
    "volume prune": ("volumes", "Remove volumes that no container uses"),
    "container prune": ("containers", "Remove containers that do not run"),
    "image prune": ("images", "Remove images that have no name"),
}
# Docker's nouns: "warren NOUN VERB" is the verb that is given here.
NOUNS: dict[str, dict[str, str]] = {
    "container": {
        **{
            verb: verb
            for verb in (
                "attach", "commit", "cp", "create", "diff", "exec", "export", "inspect", "kill",
                "logs", "pause", "port", "rename", "restart", "rm", "run", "start", "stats",
                "stop", "top", "unpause", "update", "wait",
            )
        },
        "ls": "ps", "list": "ps", "ps": "ps", "prune": "container prune",
        **{verb: verb for verb in INTERNAL},
    },
    "image": {
        "ls": "images", "list": "images", "rm": "rmi", "remove": "rmi", "prune": "image prune",
        **{verb: verb for verb in (
            "history", "import", "inspect", "load", "pull", "push", "save", "tag",
        )},
    },
    "volume": {
        "list": "volume ls", "remove": "volume rm",
        **{verb: "volume " + verb for verb in ("create", "inspect", "ls", "prune", "rm")},
    },
}  # fmt: skip
GLOBALS = {"--root": "DIR", "--config": "FILE"}


def usage() -> str:
    """The text of ``warren --help``."""
    width = max(map(len, VERBS)) + 3
    lines = [
        "Usage: warren [--root DIR] [--config FILE] COMMAND [ARGUMENTS]",
        "",
        "A small container engine. Images are named as with Docker, or oci:PATH:NAME,",
        "oci-archive:FILE:NAME, docker-archive:FILE:NAME, dir:PATH.",
        "",
        "Commands:",
        *(f"  {verb:<{width}}{summary}" for verb, (_, summary) in VERBS.items()),
        "",
        "Also: warren container COMMAND, image COMMAND, volume COMMAND.",
        "",
        "Options:",
        "  --root DIR     where images are kept, instead of $WARREN_ROOT,",
        "                 /var/lib/hutch (root) or ~/.local/share/hutch (others;",
        "                 $XDG_DATA_HOME stands for ~/.local/share)",
        "  --config FILE  registries, mirrors and limits (TOML), instead of",
        "                 ~/.config/hutch/warren.toml or /etc/hutch/warren.toml",
        "  --version      print the version",
        "  --help         print this; after a command, its own help",
        "",
        "Exit status: 0; 1 for what failed; 125 for a wrong command line; 130 after Ctrl-C.",
    ]
    return "\n".join(lines)


def split_globals(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """The options before the verb, and the rest. Raises UsageError."""
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in GLOBALS:
            if not equals:
                if not rest:
                    raise UsageError(f"flag needs an argument: {name}", hint="warren --help")
                value = rest.pop(0)
            options[name] = value
        elif word in ("--help", "-h", "--version", "-v"):
            return {**options, word: ""}, rest
        else:
            raise UsageError(f"unknown flag: {name}", hint="warren --help")
    return options, rest


def run(arguments: list[str]) -> int:
    """Runs a command line and returns the exit status. Raises HutchError."""
    options, rest = split_globals(arguments)
    if "--version" in options or "-v" in options or rest[:1] == ["version"]:
        from hutch import __version__

        print("warren version " + __version__)
        return 0
    if "--help" in options or "-h" in options or not rest or rest == ["help"]:
        print(usage())
        return 0
    name, *words = [*rest[1:], "--help"] if rest[0] == "help" else rest
    name, words = of_noun(name, words)
    if name not in VERBS and name not in INTERNAL and name not in NOUN_VERBS:
        raise UsageError(f"{shown(name)} is not a warren command", hint=alike(name))
    if os.geteuid() != 0:
        from hutch.cli.warren.rootless import enter_namespace

        enter_namespace(name)
    from importlib import import_module

    from hutch.cli.warren.context import Context
    from hutch.cli.warren.parser import parse

    module, summary = VERBS.get(name) or NOUN_VERBS.get(name) or (INTERNAL[name], "")
    verb = import_module(f"{__name__}.{module}").VERBS[name]
    parsed = parse(name, summary, verb.declare, words, verb.stops)
    with Context(options.get("--root", ""), options.get("--config", "")) as context:
        status: int = verb.run(parsed, context)
    return status


def of_noun(name: str, words: list[str]) -> tuple[str, list[str]]:
    """The verb and its words, where a noun comes first. Raises UsageError."""
    verbs = NOUNS.get(name)
    if verbs is None:
        if name in INTERNAL:
            raise UsageError(f"{shown(name)} is not a warren command", hint=alike(name))
        return name, words
    if not words or words[0] not in verbs:
        known = ", ".join(verb for verb in verbs if verb not in INTERNAL)
        raise UsageError(f"a command of warren {name} is wanted", hint=known)
    return verbs[words[0]], words[1:]


def root_in(arguments: list[str]) -> str:
    """The value of --root in a command line, "" if there is none."""
    try:
        return split_globals(arguments)[0].get("--root", "")
    except UsageError:
        return ""


def alike(name: str) -> str:
    """A hint for an unknown verb: the most similar verb, if there is one."""
    from hutch.did_you_mean import nearest

    meant = nearest(name, [*VERBS, "help", "version"])
    return f"did you mean {shown(meant)}?" if meant else "warren --help lists them"


def command(arguments: list[str]) -> int:
    """Runs a command line. Returns 125 if it is wrong, 1 after an error, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name may be in any encoding
    try:
        status = run(arguments)
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
