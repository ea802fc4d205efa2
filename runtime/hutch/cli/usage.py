"""The texts of --help and --version; --help is made from the table."""

import sys

import hutch
from hutch.cli.arguments import Call
from hutch.cli.log import say
from hutch.cli.table import GLOBAL, VERBS
from hutch.container.store import read_file
from hutch.errors import UsageError
from hutch.front import parts_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.cli.arguments import Flags

SPEC_VERSION = "1.3.0"


def called() -> str:
    """The name that this command was called by. Engines and scripts look for it in the usage."""
    name = sys.argv[0].rpartition("/")[2]
    return name if name and not name.startswith(("-", "__main__")) else "hutch"


def show(call: Call) -> int:
    """Prints the help or the version that ``call`` asks for; returns the exit code."""
    if call.options.get("version") and not call.verb:
        say(version_text())
    elif call.verb:
        say(verb_help(call.verb))
    else:
        say(overview())
    return 0


def version_text() -> str:
    """The output of --version: NAME version X, commit, spec, which Docker parses; and the parts."""
    try:
        commit = read_file(hutch.__path__[0] + "/libexec/commit").decode().strip()
    except OSError:
        commit = "unknown"
    text = f"hutch version {hutch.__version__}\ncommit: {commit}\nspec: {SPEC_VERSION}\n"
    return text + parts_text()


def overview() -> str:
    """The output of hutch --help."""
    width = max(len(name) for name in VERBS)
    verbs = "".join(f"   {name:{width}}  {verb[0]}\n" for name, verb in sorted(VERBS.items()))
    name = called()
    return (
        f"NAME:\n   {name} - Open Container Initiative runtime\n\n"
        f"USAGE:\n   {name} [global options] COMMAND [options] [arguments]\n\n"
        f"VERSION:\n   {hutch.__version__}\n\n"
        f"COMMANDS:\n{verbs}\n"
        f"GLOBAL OPTIONS:\n{_flags(GLOBAL)}"
    )


def verb_help(name: str) -> str:
    """The output of hutch VERB --help. Raises UsageError for an unknown verb."""
    verb = VERBS.get(name)
    if verb is None:
        raise UsageError("No help topic for '" + name + "'")
    does, arguments, _, _, flags = verb
    usage = " ".join(
        part for part in (called(), name, "[options]" if flags else "", arguments) if part
    )
    text = f"NAME:\n   {called()} {name} - {does}\n\nUSAGE:\n   {usage}\n"
    return text + (f"\nOPTIONS:\n{_flags(flags)}" if flags else "")


def _flags(flags: "Flags") -> str:
    rows = []
    for name, short, placeholder, does in flags:
        left = "--" + name + (", -" + short if short else "")
        if placeholder:
            left += " " + placeholder.removesuffix("...")
        repeated = " (may be repeated)" if placeholder.endswith("...") else ""
        rows.append((left, does + repeated))
    width = max(len(left) for left, _ in rows)
    return "".join(f"   {left:{width}}  {does}\n" for left, does in rows)
