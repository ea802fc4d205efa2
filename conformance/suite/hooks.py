"""config.md "POSIX-platform Hooks" and the lifecycle's steps with them."""

import json
import os
from pathlib import Path
from typing import Any

from conformance.suite import host
from conformance.suite.case import Case, Seen, expect, same, told
from conformance.suite.documents import CONFIG, RUNTIME
from conformance.suite.table import MUST, SAYS

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
OF_CREATE = KINDS[:3]
SHARED = ("mnt", "net", "ipc", "uts")


def finish(case: Case) -> None:
    """From a created container to a deleted one."""
    case.start()
    case.output()
    case.until("stopped")
    case.call("delete", case.id)


def whole_life(case: Case, kind: str, *words: str, **fields: Any) -> Seen:
    """The reports of a hook of this kind during the life of a container."""
    file = case.hook(kind, *words, **fields)
    case.create()
    finish(case)
    return told(file)[0]


def in_order(case: Case, kinds: tuple[str, ...] = KINDS) -> Path:
    """Runs a container with two hooks of each kind. The hooks and the program write a line each;
    returns the lines, which show the order."""
    notes = case.rootfs / "order"
    for kind in kinds:
        for number in (1, 2):
            place = "/order" if kind == "startContainer" else str(notes)
            # The program may write its line later.
            late = ["nap:300"] if kind == "poststart" else []
            case.hook(kind, *late, f"append:{place}:{kind}{number}")
    case.process["args"] = ["/probe", "append:/order:program"]
    return notes


def noted(notes: Path) -> list[str]:
    return notes.read_text().split() if notes.exists() else []


def turns(*kinds: str) -> list[str]:
    return [kind + number for kind in kinds for number in "12"]


# The properties of a hook


@CONFIG.shown(
    MUST,
    "a hook without path, or with a path that is not absolute, is an error",
    555,
    556,
    565,
    566,
)
def hook_paths(case: Case) -> None:
    for kind in KINDS:
        for entry in ({"args": ["probe"]}, {"path": "probe"}):
            case.config["hooks"] = {kind: [entry]}
            if not case.create(check=False):
                continue
            # Errors of hooks that run later may be found later.
            expect(kind not in OF_CREATE, f"no error for {kind} {entry}")
            failed = not case.start(check=False)
            expect(failed or kind == "poststop", f"no error for {kind} {entry}")
            case.call("delete", "--force", case.id, check=False)


@CONFIG.shown(MUST, "a hook's timeout that is not greater than zero is an error", 560, 570)
def bad_timeout(case: Case) -> None:
    for kind in ("prestart", "createRuntime"):
        for timeout in (0, -1):
            case.config.pop("hooks", None)
            case.hook(kind, timeout=timeout)
            case.refused()


def resolved(case: Case, kind: str) -> None:
    """The hook's program was found and executed. It exists only on the host, or for startContainer
    only in the container."""
    seen = whole_life(case, kind)
    same(seen["args"][0], "probe", f"the arguments of {kind}")


def in_runtime_namespaces(case: Case, kind: str) -> None:
    """The hook runs in the namespaces of the runtime."""
    seen = whole_life(case, kind)
    for name in SHARED:
        same(seen["namespaces"][name], host.namespace(name), f"its {name} namespace")


def in_container_namespaces(case: Case, kind: str) -> None:
    """The hook runs in the namespaces of the container."""
    file = case.hook(kind)
    case.create()
    pid = case.state()["pid"]
    inside = {name: os.readlink(f"/proc/{pid}/ns/{name}") for name in SHARED}
    finish(case)
    seen = told(file)[0]
    for name in SHARED:
        expect(inside[name] != host.namespace(name), f"the container has no {name} namespace")
        same(seen["namespaces"][name], inside[name], f"its {name} namespace")


PLACES = (
    ("prestart", "runtime", "runtime", (561, 602), (562, 603)),
    ("createRuntime", "runtime", "runtime", (571, 609), (572, 610)),
    ("createContainer", "runtime", "container", (575, 621), (576, 622)),
    ("startContainer", "container", "container", (579, 633), (580, 634)),
    ("poststart", "runtime", "runtime", (583, 641), (584, 642)),
    ("poststop", "runtime", "runtime", (587, 649), (588, 650)),
)


def add(kind: str, path: str, runs: str, path_lines: Any, runs_lines: Any) -> None:
    """The two rows for a kind of hook: where its path is resolved, and where it runs."""
    text = f"the path of {kind} hooks is one in the {path} namespace"
    CONFIG.shown(MUST, text, *path_lines)(lambda case: resolved(case, kind))
    check = in_runtime_namespaces if runs == "runtime" else in_container_namespaces
    text = f"{kind} hooks run in the {runs} namespace"
    CONFIG.shown(MUST, text, *runs_lines)(lambda case: check(case, kind))


for place in PLACES:
    add(*place)


# Order and input


@CONFIG.shown(MUST, "hooks of a kind run in the order in which they are listed", 591)
def listed_order(case: Case) -> None:
    notes = in_order(case)
    case.create()
    finish(case)
    for kind in KINDS:
        same([t for t in noted(notes) if t[:-1] == kind], turns(kind), f"the turns of {kind}")


@CONFIG.shown(MUST, "each hook reads the container's state on its standard input", 592)
def state_on_input(case: Case) -> None:
    case.config["annotations"] = {"com.example.key": "value"}
    files = {kind: case.hook(kind, "input") for kind in KINDS}
    case.create()
    pid = case.state()["pid"]
    finish(case)
    for kind, file in files.items():
        try:
            state = json.loads(told(file)[0]["input"])
        except ValueError:
            state = {}
        same(state.get("id"), case.id, f"the id that {kind} reads")
        same(state.get("bundle"), str(case.bundle), f"the bundle that {kind} reads")
        same(state.get("annotations"), case.config["annotations"], f"what {kind} reads")
        expect(state.get("ociVersion"), f"{kind} reads no ociVersion")
        expect(state.get("status"), f"{kind} reads no status")
        if kind in ("prestart", "createRuntime", "poststart"):
            same(state.get("pid"), pid, f"the pid that {kind} reads")
        if kind in ("startContainer",):
            same(state.get("pid"), 1, f"the pid that {kind} reads, as the container sees it")


@CONFIG.shown(SAYS, "a hook gets its args and env", 557, 558)
def hook_arguments(case: Case) -> None:
    seen = whole_life(case, "createRuntime", "nap:0", env=["ONE=1", "TWO=2"])
    same(seen["args"][2:], ["nap:0"], "its arguments")
    for variable in ("ONE=1", "TWO=2"):
        expect(variable in seen["env"], f"{variable} is not in its environment")


@CONFIG.shown(SAYS, "a hook that takes longer than its timeout is aborted", 559)
def timeout(case: Case) -> None:
    case.hook("createRuntime", "nap:30000", timeout=1)
    case.refused()


# When each kind runs


def runs_in_create(case: Case, kind: str) -> None:
    """The hook runs before create returns, when the namespaces exist and the root is not yet
    changed."""
    file = case.hook(kind, "input")
    case.create()
    seen = told(file)[0]
    state = json.loads(seen["input"])
    pid = state.get("pid") or case.state()["pid"]
    expect(pid, f"{kind} reads no pid, so there is nothing that it could prepare")
    if kind == "createContainer":
        # The host's tree is still the root, because the hook was found in it.
        expect(
            seen["namespaces"]["mnt"] != host.namespace("mnt"), "there is no mount namespace yet"
        )
    case.start()
    case.output()


@CONFIG.shown(MUST, "prestart hooks run in create, after the namespaces are made", 596)
def prestart_in_create(case: Case) -> None:
    runs_in_create(case, "prestart")


@CONFIG.shown(MUST, "prestart hooks run before createRuntime hooks", 598)
def prestart_first(case: Case) -> None:
    notes = in_order(case, ("createRuntime", "prestart"))
    case.create()
    same(noted(notes), turns("prestart", "createRuntime"), "the turns in create")


@CONFIG.shown(MUST, "createRuntime hooks run in create, before the root is changed", 607)
def create_runtime_in_create(case: Case) -> None:
    runs_in_create(case, "createRuntime")


@CONFIG.shown(MUST, "createContainer hooks run in create, before the root is changed", 618)
def create_container_in_create(case: Case) -> None:
    runs_in_create(case, "createContainer")


@CONFIG.shown(MUST, "createContainer hooks run after createRuntime hooks", 619)
def create_container_second(case: Case) -> None:
    notes = in_order(case, ("createContainer", "createRuntime"))
    case.create()
    same(noted(notes), turns("createRuntime", "createContainer"), "the turns in create")


@CONFIG.shown(MUST, "startContainer hooks run in start, before the program", 630)
def start_container(case: Case) -> None:
    notes = in_order(case, ("startContainer",))
    case.create()
    same(noted(notes), [], "the turns in create")
    case.start()
    case.output()
    same(noted(notes), [*turns("startContainer"), "program"], "the turns in start")


@CONFIG.shown(MUST, "poststart hooks run after the program is executed, before start returns", 638)
def poststart(case: Case) -> None:
    notes = in_order(case, ("poststart",))
    case.create()
    same(noted(notes), [], "the turns in create")
    case.start()
    same(noted(notes), ["program", *turns("poststart")], "the turns once start is back")


@CONFIG.shown(MUST, "poststop hooks run after the container is deleted, before delete returns", 646)
def poststop(case: Case) -> None:
    file = case.hook("poststop")
    case.create()
    pid = case.state()["pid"]
    case.hook("poststop", f"stat:/proc/{pid}/root/probe")
    case.start()
    case.output()
    case.until("stopped")
    expect(not file.exists(), "it has run before delete")
    case.call("delete", case.id)
    told(file)


# The lifecycle's steps


def invoked(kind: str) -> Any:
    return lambda case: expect(whole_life(case, kind), f"{kind} was not invoked")


def stops(kind: str) -> Any:
    """If a hook of this kind fails, this must be an error, and the container must end."""

    def check(case: Case) -> None:
        after = case.hook("poststop")
        case.hook(kind, "exit=3")
        case.process["args"] = ["/probe", "append:/ran:yes", "sleep"]
        if kind in OF_CREATE:
            case.refused()
        else:
            case.create()
            expect(not case.start(check=False), "start succeeds")
            known = case.exists()
            expect(not known or case.state()["status"] == "stopped", "the container lives on")
            if known:
                case.call("delete", case.id)
        ran = (case.rootfs / "ran").exists()
        expect(kind == "poststart" or not ran, "the program was run")
        expect(after.exists(), "the poststop hooks are not run (step 13)")

    return check


STEPS = (
    ("prestart", 62, 63),
    ("createRuntime", 64, 65),
    ("createContainer", 66, 67),
    ("startContainer", 69, 70),
    ("poststart", 72, 73),
)
for step, runs_at, fails_at in STEPS:
    RUNTIME.shown(MUST, f"{step} hooks are run", runs_at)(invoked(step))
    text = f"a failing {step} hook is an error, ends the container, and poststop hooks run"
    RUNTIME.shown(MUST, text, fails_at)(stops(step))
RUNTIME.shown(MUST, "poststop hooks are run", 78)(invoked("poststop"))


@RUNTIME.shown(MUST, "after a poststop hook fails, the others run and delete continues", 79)
def failing_poststop(case: Case) -> None:
    case.hook("poststop", "exit=3")
    second = case.hook("poststop")
    case.create()
    finish(case)
    told(second)
    expect(not case.exists(), "the container is still there")
