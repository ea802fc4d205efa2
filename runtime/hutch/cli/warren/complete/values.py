"""What the value of a flag or an argument can be: told from its choices, name and placeholder."""

import os
from argparse import Action
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hutch.cli.warren.complete.names import Names

WORDS, FILES, FOLDERS = "words", "files", "folders"
STATES = ("created", "restarting", "running", "paused", "exited", "removing", "dead")
RUNS = ("running",)
STOPPED = ("created", "exited", "dead")

# The states of containers that a verb can do something with; of other verbs any.
BY_STATE = {
    "attach": RUNS, "exec": RUNS, "kill": ("running", "paused"), "pause": RUNS,
    "port": RUNS, "start": STOPPED, "stats": RUNS, "stop": ("running", "paused", "restarting"),
    "top": RUNS, "unpause": ("paused",), "wait": ("running", "paused", "restarting"),
}  # fmt: skip

# Flags whose values are known words; what ends with "=", ":" or "," goes on.
KNOWN: dict[str, tuple[str, ...]] = {
    "--attach": ("stdin", "stdout", "stderr"),
    "--driver": ("bridge", "local"),
    "--share": ("ipc,net,uts", "ipc", "net", "pid", "uts", "none", "+pid"),
    "--format": ("json", "table"),
    "--ipc": ("private", "none", "host"),
    "--log-driver": ("k8s-file", "json-file", "none"),
    "--log-opt": ("max-size=",),
    "--mount": ("type=bind,", "type=volume,", "type=tmpfs,"),
    "--restart": ("no", "always", "unless-stopped", "on-failure", "on-failure:"),
    "--security-opt": (
        "apparmor=", "label=disable", "label=", "mask=", "no-new-privileges",
        "seccomp=unconfined", "seccomp=", "systempaths=unconfined", "unmask=",
    ),
    "--ulimit": tuple(
        f"{name}=" for name in (
            "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
            "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
        )
    ),
    "--platform": ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/riscv64"),
    "--change": (
        "CMD ", "ENTRYPOINT ", "ENV ", "EXPOSE ", "LABEL ", "STOPSIGNAL ", "USER ", "VOLUME ",
        "WORKDIR ",
    ),
}  # fmt: skip


@dataclass
class Answer:
    """What can stand in a place: {word: what it means}. ``kind`` says who completes: WORDS, or the
    shell by FILES or FOLDERS, too."""

    kind: str
    words: dict[str, str] = field(default_factory=dict)


def value_of(
    action: Action, verb: str, last: str, names: Names, given: Iterable[str] = ()
) -> Answer:
    """What the value of this flag or argument can be that begins with ``last``. ``given`` are
    arguments that are there: none is offered again."""
    kind, words = _known(action, verb, last, names)
    taken = set(given)
    return Answer(
        kind, {word: t for word, t in words.items() if word.startswith(last) and word not in taken}
    )


def _known(action: Action, verb: str, last: str, names: Names) -> tuple[str, dict[str, str]]:
    flag = next((name for name in action.option_strings if name.startswith("--")), "")
    metavar = str(action.metavar or "")
    if action.choices is not None:
        return WORDS, dict.fromkeys(map(str, action.choices), "")
    if flag == "--filter":
        return WORDS, _filters(str(action.help), verb, last, names)
    if flag in SPECIAL:
        return SPECIAL[flag](last, names)
    if flag in KNOWN:
        return WORDS, dict.fromkeys(KNOWN[flag], "")
    if metavar in PLACES:
        return PLACES[metavar](verb, last, names)
    if "|" in metavar:
        return WORDS, dict.fromkeys(metavar.split("|"), "")
    return WORDS, {}


def _filters(keys: str, verb: str, last: str, names: Names) -> dict[str, str]:
    """A filter's key, from the flag's help; or, behind "=", its value."""
    key, equals, _ = last.partition("=")
    if not equals:
        known = [text.strip().partition("=")[0] for text in keys.split(",")]
        return {f"{name}=": "" for name in known if name.replace("-", "").isalpha()}
    values: Iterable[str] = ()
    if key == "status":
        values = STATES
    elif key == "health":
        values = ("starting", "healthy", "unhealthy", "none")
    elif key == "dangling":
        values = ("true", "false")
    elif key in ("name", "container") or (key in ("before", "since") and verb == "ps"):
        values = names.containers() if verb in ("ps", "events") else ()
    elif key in ("ancestor", "before", "since", "image", "reference"):
        values = names.images()
    elif key == "volume":
        values = names.volumes()
    elif key == "network":
        values = names.networks()
    elif key == "pod":
        values = names.pods()
    elif key == "driver":
        values = ("local",)
    elif key == "type":
        values = ("container", "image", "network", "pod", "volume")
    return {f"{key}={value}": "" for value in values}


def _signals(last: str, names: Names) -> tuple[str, dict[str, str]]:
    from hutch.spec.signal_names import SIGNALS

    return WORDS, dict.fromkeys(SIGNALS, "")


def _capabilities(last: str, names: Names) -> tuple[str, dict[str, str]]:
    from hutch.spec.capabilities import NAMES

    return WORDS, dict.fromkeys(["ALL", *(name.removeprefix("CAP_") for name in NAMES)], "")


def _variables(last: str, names: Names) -> tuple[str, dict[str, str]]:
    return WORDS, {f"{name}=": "" for name in sorted(os.environ)}


def _volume(last: str, names: Names) -> tuple[str, dict[str, str]]:
    if last.startswith(("/", ".", "~")):
        return FILES, {}
    return WORDS, {f"{name}:": "" for name in names.volumes()}


def _network(last: str, names: Names) -> tuple[str, dict[str, str]]:
    if last.startswith("container:"):
        return WORDS, {f"container:{name}": "" for name in names.containers(RUNS)}
    return WORDS, dict.fromkeys([*names.networks(), "none", "host", "pasta", "container:"], "")


def _pid(last: str, names: Names) -> tuple[str, dict[str, str]]:
    if last.startswith("container:"):
        return WORDS, {f"container:{name}": "" for name in names.containers(RUNS)}
    return WORDS, {"host": "", "container:": ""}


def _volumes_from(last: str, names: Names) -> tuple[str, dict[str, str]]:
    return WORDS, names.containers()


def _files(last: str, names: Names) -> tuple[str, dict[str, str]]:
    return FILES, {}


SPECIAL: dict[str, Callable[[str, Names], tuple[str, dict[str, str]]]] = {
    "--cap-add": _capabilities,
    "--cap-drop": _capabilities,
    "--device": _files,
    "--env": _variables,
    "--network": _network,
    "--pid": _pid,
    "--runtime": _files,
    "--signal": _signals,
    "--stop-signal": _signals,
    "--volume": _volume,
    "--volumes-from": _volumes_from,
}


def _container(verb: str, last: str, names: Names) -> tuple[str, dict[str, str]]:
    return WORDS, names.containers(BY_STATE.get(verb, ()), last)


def _image(verb: str, last: str, names: Names) -> tuple[str, dict[str, str]]:
    return WORDS, names.images(last)


def _object(verb: str, last: str, names: Names) -> tuple[str, dict[str, str]]:
    return WORDS, {
        **names.containers((), last),
        **names.images(last),
        **dict.fromkeys(names.volumes(), "volume"),
    }


def _copied(verb: str, last: str, names: Names) -> tuple[str, dict[str, str]]:
    """CONTAINER:PATH, or a file of the host."""
    return FILES, {f"{name}:": state for name, state in names.containers().items()}


PLACES: dict[str, Callable[[str, str, Names], tuple[str, dict[str, str]]]] = {
    "BOOL": lambda verb, last, names: (WORDS, {"true": "", "false": ""}),
    "CONTAINER": _container,
    "DIR": lambda verb, last, names: (FOLDERS, {}),
    "FILE": lambda verb, last, names: (FILES, {}),
    "FILE|-": lambda verb, last, names: (FILES, {}),
    "POD|CONTAINER": lambda verb, last, names: (
        WORDS,
        {**names.pods(), **names.containers((), last)},
    ),
    "FILE|URL|-": lambda verb, last, names: (FILES, {}),
    "IMAGE": _image,
    "NAME[:TAG]": _image,
    "NETWORK": lambda verb, last, names: (WORDS, dict.fromkeys(names.networks(), "")),
    "OBJECT": _object,
    "POD": lambda verb, last, names: (WORDS, names.pods()),
    "SOURCE": _copied,
    "TARGET": _copied,
    "VOLUME": lambda verb, last, names: (WORDS, dict.fromkeys(names.volumes(), "")),
}
