"""import hutch: the library underneath the command."""

import inspect
import subprocess
import sys
from pathlib import Path

import hutch
import pytest
from hutch.cli.table import GLOBAL, VERBS
from hutch.container import request

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
    """The state directory that the fixture ``hutch`` cleans up."""
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


def test_errors_carry_what_they_are_about(hutch_root: str, bundle: Bundle) -> None:
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
    import os

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


def test_the_face_names_what_there_is() -> None:
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


# What the library calls a flag of these verbs; "" where it is for the command alone.
PLACES = {
    "bundle": "bundle", "console-socket": "console_socket", "pid-file": "pid_file",
    "pidfd-socket": "pidfd_socket", "no-pivot": "no_pivot", "no-new-keyring": "no_new_keyring",
    "preserve-fds": "preserve_fds", "detach": "detach", "keep": "keep", "force": "force",
    "no-subreaper": "subreaper", "all": "all", "pre-dump": "pre_dump", "format": "", "id": "id",
    "systemd-cgroup": "systemd_cgroup", "rootless": "rootless", "strict": "strict",
    "debug": "debug", "trace": "trace", "root": "root",
    "log": "", "log-format": "", "help": "", "version": "",
}  # fmt: skip
METHODS: dict[str, list[object]] = {
    "create": [hutch.Container.create], "run": [hutch.Container.run],
    "delete": [hutch.Container.delete], "kill": [hutch.Container.kill], "explain": [hutch.explain],
}  # fmt: skip


@pytest.mark.parametrize("verb", METHODS)
def test_each_flag_of_the_command_has_its_place_in_the_library(verb: str) -> None:
    source = inspect.getsource(request).partition("class Options")[2]
    options = source.split("class Request")[0].split()
    taken = {word.rstrip(":") for word in options if word.endswith(":")}
    for method in METHODS[verb]:
        taken |= set(inspect.signature(method).parameters)
    for name, *_ in VERBS[verb][4]:
        assert not PLACES[name] or PLACES[name] in taken, name
    if verb in ("create", "run", "explain"):
        for name, *_ in GLOBAL:
            assert not PLACES[name] or PLACES[name] in taken | {"root"}, name


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
