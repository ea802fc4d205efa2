"""import hutch: the library that the command uses."""

import inspect
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import hutch
import pytest
from hutch.cli.table import GLOBAL, VERBS
from hutch.cli.verbs.update import FIELDS
from hutch.container import enter, request
from hutch.spec.config import Process

from tests.support.containers import Bundle, Runtime, eventually

pytestmark = [pytest.mark.no_runtime, pytest.mark.root, pytest.mark.usefixtures("no_traces")]


def test_a_containers_life_in_calls(hutch_root: str, bundle: Bundle, tmp_path: Path) -> None:
    bundle.args("sleep", "1000")
    container = hutch.Container.create(
        "lib", str(bundle.path), root=hutch_root, pid_file=str(tmp_path / "pid")
    )
    assert container.id == "lib"
    assert container.status == "created"
    assert container.state["pid"] == int((tmp_path / "pid").read_text())
    container.start()
    assert container.status == "running"
    assert container.processes() == [container.state["pid"]]
    container.pause()
    assert container.status == "paused"
    container.resume()
    assert container.execute(["sh", "-c", "exit 5"]) == 5
    assert (
        container.execute(["sh", "-c", "exit $(id -u)"], user=(7, 8), env=["A=1"], cwd="/tmp") == 7
    )
    container.kill("KILL")
    eventually(lambda: container.status == "stopped")
    container.delete()
    with pytest.raises(hutch.StateError, match="does not exist"):
        container.status  # noqa: B018


@pytest.fixture
def hutch_root(hutch: Runtime) -> str:
    """The state directory that the fixture ``hutch`` removes."""
    return str(hutch.root)


def test_another_object_of_the_same_id_is_the_same_container(
    hutch_root: str, bundle: Bundle
) -> None:
    hutch.Container.create("lib", str(bundle.path), root=hutch_root)
    again = hutch.Container("lib", root=hutch_root)
    assert again.status == "created"
    with pytest.raises(hutch.StateError, match="already exists"):
        hutch.Container.create("lib", str(bundle.path), root=hutch_root)
    again.delete(force=True)


def test_run_in_a_process_of_its_own_gives_the_exit_code(hutch_root: str, bundle: Bundle) -> None:
    bundle.sh("echo from inside; exit 6")
    script = (
        "import hutch, sys; sys.exit(hutch.Container.run('lib', sys.argv[1], root=sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(bundle.path), hutch_root],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (6, "from inside\n", "")


def test_errors_have_attributes_for_their_parts(hutch_root: str, bundle: Bundle) -> None:
    bundle.change(lambda config: config["process"].update(cwd="relative"))
    with pytest.raises(hutch.ConfigError) as caught:
        hutch.Container.create("lib", str(bundle.path), root=hutch_root)
    assert caught.value.pointer == "process.cwd"
    assert caught.value.value == "relative"
    bundle.change(lambda config: config["process"].update(cwd="/etc/passwd"))
    with pytest.raises(hutch.KernelError) as failed:
        hutch.Container.create("lib", str(bundle.path), root=hutch_root)
    assert failed.value.pointer == "process.cwd"
    assert failed.value.errno == 20
    assert failed.value.hint
    with pytest.raises(hutch.UsageError):
        hutch.Container.create("../lib", str(bundle.path), root=hutch_root)


def test_a_terminal_is_handed_to_the_caller(hutch_root: str, bundle: Bundle) -> None:
    bundle.change(lambda config: config["process"].update(terminal=True))
    bundle.sh("echo to the terminal")
    masters: list[int] = []
    container = hutch.Container.create(
        "lib", str(bundle.path), root=hutch_root, console=masters.append
    )
    container.start()
    assert os.read(masters[0], 100).strip() == b"to the terminal"
    os.close(masters[0])


def test_warnings_go_to_the_caller(hutch_root: str, bundle: Bundle) -> None:
    bundle.config["process"]["capabilities"]["bounding"].append("CAP_NOSUCH")
    bundle.save()
    warnings: list[hutch.HutchError] = []
    hutch.Container.create("lib", str(bundle.path), root=hutch_root, warn=warnings.append)
    assert len(warnings) == 1
    assert warnings[0].pointer == "process.capabilities.bounding"
    assert "CAP_NOSUCH" in str(warnings[0])


def test_explain_lists_the_steps_and_makes_nothing(hutch_root: str, bundle: Bundle) -> None:
    steps = hutch.explain(str(bundle.path))
    assert {step.lane for step in steps} == {"runtime", "init"}
    assert steps[-1].does == "execute true"
    assert any(step.pointer == "hostname" for step in steps)
    assert not Path(hutch_root).exists()


def test_the_library_exports_every_name_it_lists() -> None:
    assert all(hasattr(hutch, name) for name in hutch.__all__)
    assert sorted(hutch.__all__) == list(hutch.__all__)
    with pytest.raises(AttributeError):
        hutch.nosuch  # noqa: B018
    assert (Path(hutch.__file__).parent / "py.typed").exists()


def test_limits_are_changed_and_use_is_counted(bundle: Bundle, hutch_root: str) -> None:
    bundle.args("sleep", "1000")
    container = hutch.Container.create("limited", str(bundle.path), root=hutch_root)
    container.update({"pids": {"limit": 17}})
    assert container.statistics()["pids"]["limit"] == 17
    with pytest.raises(hutch.ConfigError):
        container.update({"pids": {"limit": "many"}})
    container.delete(force=True)


# Flags that only the command has: formats of the output, and the log.
COMMANDS_OWN = {
    "format", "html", "quiet", "seccomp-explain", "stats", "log", "log-format", "help", "times",
    "version", "shell-status",
}  # fmt: skip
# Flags that have another name in the library.
NAMES = {"no-subreaper": "subreaper"}
# Flags of update that are fields of its argument, linux.resources.
RESOURCES = set(FIELDS)
OPTIONS = {"create": request, "run": request, "explain": request, "exec": enter}
METHODS: dict[str, list[object]] = {
    "create": [hutch.Container.create], "run": [hutch.Container.run], "explain": [hutch.explain],
    "exec": [hutch.Container.execute], "update": [hutch.Container.update],
    "events": [hutch.Container.events, hutch.Container.statistics],
    "kill": [hutch.Container.kill], "delete": [hutch.Container.delete],
    "list": [hutch.Container.states], "ps": [hutch.Container.processes],
    "start": [hutch.Container.start], "state": [hutch.Container.state],
    "pause": [hutch.Container.pause], "resume": [hutch.Container.resume],
}  # fmt: skip


@pytest.mark.parametrize("verb", METHODS)
def test_each_flag_of_the_command_has_its_place_in_the_library(verb: str) -> None:
    taken: set[str] = set()
    if verb in OPTIONS:
        source = inspect.getsource(OPTIONS[verb]).partition("Options(TypedDict")[2]
        fields = source.partition('"""\n\n')[2].partition("\n\n")[0]
        taken = {word.rstrip(":") for word in fields.split() if word.endswith(":")}
    for method in METHODS[verb]:
        if callable(method):
            taken |= set(inspect.signature(method).parameters)
    flags = {name for name, *_ in VERBS[verb][4]} - COMMANDS_OWN
    if verb == "update":
        flags -= RESOURCES
    if verb in ("create", "run", "explain"):
        flags |= {name for name, *_ in GLOBAL} - COMMANDS_OWN - {"root"}
    assert {NAMES.get(flag, flag.replace("-", "_")) for flag in flags} <= taken


def test_exec_takes_a_document_a_terminal_and_what_the_command_takes(
    hutch_root: str, bundle: Bundle, tmp_path: Path
) -> None:
    bundle.args("sleep", "1000")
    container = hutch.Container.create("lib", str(bundle.path), root=hutch_root)
    container.start()
    process: Process = {
        "args": ["sh", "-c", "exit $(umask)"],
        "cwd": "/",
        "env": ["PATH=/bin"],
        "user": {"umask": 0o11},
    }
    assert container.execute(process=process) == 11
    (tmp_path / "process.json").write_text(json.dumps({**process, "cwd": "/nosuch"}))
    with pytest.raises(hutch.KernelError, match=r"process\.json: cwd: change to /nosuch"):
        container.execute(process=str(tmp_path / "process.json"))
    with pytest.raises(hutch.ConfigError, match=r"^config\.json: process\.cwd"):
        container.execute(process={**process, "cwd": "tmp"})

    masters: list[int] = []
    warnings: list[hutch.HutchError] = []
    code = container.execute(
        ["sh", "-c", "tty; sleep 1000"],
        detach=True, tty=True, console=masters.append, pid_file=str(tmp_path / "pid"),
        additional_gids=[7], cap=["CAP_NOSUCH"], no_new_privs=True, warn=warnings.append,
    )  # fmt: skip
    assert code == 0
    assert os.read(masters[0], 100).strip() == b"/dev/pts/0"
    os.close(masters[0])
    status = Path("/proc", (tmp_path / "pid").read_text(), "status").read_text()
    assert "Groups:\t7 \n" in status
    assert "NoNewPrivs:\t1\n" in status
    assert "CAP_NOSUCH" in str(warnings[0])
    with pytest.raises(hutch.ConfigError, match="console socket"):
        container.execute(["true"], detach=True, tty=True)
    # While execute waits, all signals are blocked; afterwards they come again.
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_the_events_and_states_of_containers(hutch_root: str, bundle: Bundle) -> None:
    bundle.args("sleep", "1000")
    container = hutch.Container.create("lib", str(bundle.path), root=hutch_root)
    container.start()
    events = container.events(0.01)
    event = next(events)
    assert (event["type"], event["id"]) == ("stats", "lib")
    assert event["data"]["pids"]["current"] == 1
    container.kill("KILL")
    assert [event["type"] for event in events if event["type"] != "stats"] == ["end"]

    Path(hutch_root, "broken").mkdir(mode=0o700)
    warnings: list[hutch.HutchError] = []
    states = hutch.Container.states(hutch_root, warn=warnings.append)
    assert [(state["id"], state["status"], state["owner"]) for state in states] == [
        ("lib", "stopped", "root")
    ]
    assert [str(warning)[:22] for warning in warnings] == ["load container broken:"]


def test_update_takes_a_file_as_well(hutch_root: str, bundle: Bundle, tmp_path: Path) -> None:
    container = hutch.Container.create("lib", str(bundle.path), root=hutch_root)
    file = tmp_path / "resources.json"
    file.write_text('{"pids": {"limit": 19}}')
    container.update(str(file))
    assert container.statistics()["pids"]["limit"] == 19
    file.write_text('{"pids": {"limit": true}}')
    with pytest.raises(hutch.ConfigError, match=r"resources\.json: pids\.limit"):
        container.update(str(file))
    with pytest.raises(hutch.StateError, match="no group of resctrl"):
        container.update(l3_cache_schema="L3:0=1")


def test_run_detached_and_kept_are_the_librarys_too(hutch_root: str, bundle: Bundle) -> None:
    bundle.args("sleep", "1000")
    script = (
        "import hutch, sys; hutch.Container.run('lib', sys.argv[1], root=sys.argv[2], detach=True,"
        " strict=True, rootless=False, pidfd_socket='', listen_fds=0)"
    )
    subprocess.run([sys.executable, "-c", script, str(bundle.path), hutch_root], check=True)
    container = hutch.Container("lib", root=hutch_root)
    assert container.status == "running"
    with pytest.raises(hutch.StateError):
        container.delete(strict=True)
    container.delete(force=True)
