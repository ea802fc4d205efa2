"""hutch seccomp, and hutch run --seccomp-explain."""

from typing import TYPE_CHECKING

from hutch.cli.arguments import Call
from hutch.cli.cold.seccomp_output import changes_text, view_json, view_text
from hutch.cli.cold.seccomp_watch import explaining, recording
from hutch.cli.log import Log, complain, say
from hutch.cli.verbs.run import run_watched
from hutch.container.cold.seccomp.profiles import BASE, View, checked, differences
from hutch.container.cold.seccomp.record import profile_in
from hutch.errors import ConfigError, HutchError, UsageError
from hutch.spec.json import pretty

if TYPE_CHECKING:
    from hutch.spec.config import Seccomp
    from hutch.spec.json import Json

# The arguments after the word, at least and at most, and the flags that the word does not take.
RECORD_FLAGS = {
    "output", "check", "bundle", "console-socket", "detach", "no-subreaper", "pid-file",
    "pidfd-socket", "no-pivot", "no-new-keyring", "preserve-fds",
}  # fmt: skip
WORDS = {
    "record": (1, 1, {"format"}),
    "show": (1, 2, RECORD_FLAGS),
    "diff": (2, 2, RECORD_FLAGS),
}
DIFFERENT, TROUBLE = 1, 2  # the exit codes of diff, as those of diff(1)


def run(call: Call, log: Log) -> int:
    """Does what the word after the verb says."""
    word, *rest = call.arguments
    if word not in WORDS:
        raise UsageError("seccomp takes record, show or diff, not " + repr(word))
    fewest, most, others = WORDS[word]
    if not fewest <= len(rest) <= most:
        count = str(fewest) if fewest == most else f"{fewest} or {most}"
        raise UsageError(f"seccomp {word} takes {count} argument(s), not {len(rest)}")
    for flag in sorted(others & call.flags.keys()):
        raise UsageError(f"seccomp {word} has no --{flag}", hint="hutch seccomp --help")
    if word == "record":
        return _record(call, log)
    if call.text("format", "text") not in ("text", "json"):
        raise UsageError("invalid format option: " + call.text("format"), hint="text or json")
    if word == "show":
        return _show(call, *rest)
    try:
        return _diff(call, *rest)
    except HutchError as error:
        log.error(error)
        return TROUBLE


def _record(call: Call, log: Log) -> int:
    file = call.text("output")
    if not file:
        raise UsageError("seccomp record needs the file to write", hint="--output FILE")
    if call.has("check") and call.has("detach"):
        raise UsageError("--check waits for the end of the container, and --detach does not")
    watch = recording(call, log, file, profile_in(file))
    code = run_watched(call, log, watch)
    if call.has("detach"):
        return code
    report = watch.report()
    if not report:
        log.warning(HutchError(f"{file} is written when the last process of the container ends"))
        return code
    for note in report["notes"]:
        log.warning(HutchError(note))
    complain(
        f"hutch: {file}: {report['calls']} calls, {report['with_args']} of them by their "
        f"arguments; {report['new']} are new\n"
    )
    if call.has("check"):
        _check(call, log, checked(report["profile"], file, ""), code)
    return code


def _check(call: Call, log: Log, profile: "Seccomp", before: int) -> None:
    """Runs the container again under the recorded profile. Raises HutchError if it ends otherwise,
    or if the profile lacks a call."""
    watch = explaining(call, log, profile)
    code = run_watched(call, log, watch)
    report = watch.report()
    refused = report["refused"] if report else 0
    if refused or code != before:
        raise HutchError(
            f"under {call.text('output')}, {refused} calls were refused, and the program ended "
            f"with exit code {code}; without it, with {before}",
            hint="record it once more: calls differ from run to run",
        )


def _show(call: Call, file: str, name: str = "") -> int:
    view = view_of(file)
    names = [view.find(name)] if name else sorted(view.names)
    if call.text("format") == "json":
        say(pretty(view_json(view, names)) + "\n")
    else:
        say(view_text(view, names[0] if name else ""))
    return 0


def _diff(call: Call, one: str, other: str) -> int:
    changes = differences(view_of(one), view_of(other))
    if call.text("format") == "json":
        say(pretty([change.to_json() for change in changes]) + "\n")
    else:
        say(changes_text(changes))
    return DIFFERENT if changes else 0


def view_of(file: str) -> View:
    """The profile in a file: a linux.seccomp, a whole config.json, or a profile in Docker's format.
    Raises HutchError."""
    from hutch.container.store import read_file
    from hutch.errors import KernelError
    from hutch.spec.json import decode

    try:
        document = decode(read_file(file), file)
    except OSError as error:
        raise KernelError("read " + file, "open", error.errno) from None
    if isinstance(document, dict) and "ociVersion" in document:
        linux = document.get("linux")
        profile = linux.get("seccomp") if isinstance(linux, dict) else None
        if profile is None:
            raise ConfigError(BASE, "is missing: this config has no filter", document=file)
        return View(checked(profile, file), BASE)
    if isinstance(document, dict) and _is_dockers(document):
        return _dockers(document, file)
    return View(checked(document, file, ""), "")


def _is_dockers(profile: "dict[str, Json]") -> bool:
    fields = ("includes", "excludes", "comment", "name")
    entries = profile.get("syscalls")
    return "archMap" in profile or any(
        isinstance(entry, dict) and any(field in entry for field in fields)
        for entry in (entries if isinstance(entries, list) else ())
    )


def _dockers(profile: "dict[str, Json]", file: str) -> View:
    """A profile in Docker's format, as it applies here. Pointers are those of the file, which may
    have more entries."""
    from hutch.defaults.config import CAPABILITIES
    from hutch.defaults.seccomp import Host, resolve

    host = Host.here()

    def applying(entries: "list[Json]") -> "Seccomp":
        return resolve({**profile, "syscalls": entries}, CAPABILITIES, host, file)

    entries = profile.get("syscalls")
    entries = entries if isinstance(entries, list) else []
    places = [place for place, entry in enumerate(entries) if applying([entry])["syscalls"]]
    return View(checked(applying(entries), file, ""), "", places)
