"""state.json of every older version, and damaged: containers survive upgrades and damage."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hutch.cgroups.cold import systemd
from hutch.container import salvage as salvage_module
from hutch.container.salvage import salvage
from hutch.container.store import Store
from hutch.plan.systemd_unit import Manager

from tests.support.containers import Bundle, Runtime, alive, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

FORMS = sorted((Path(__file__).parent / "states").glob("*.json"))
# Fields that depend on the container and the host, so that no example can have them.
LIVE = ("pid", "startTime", "bundle", "rootfs", "created", "cgroup", "maker", "makerStartTime")


def path_of(hutch: Runtime) -> Path:
    return hutch.root / "test" / "state.json"


def give_form(hutch: Runtime, form: Path) -> None:
    now = json.loads(path_of(hutch).read_text())
    old = json.loads(form.read_text())
    path_of(hutch).write_text(json.dumps({**old, **{key: now[key] for key in LIVE if key in old}}))


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_a_container_of_an_older_version_can_be_used(
    hutch: Runtime, bundle: Bundle, form: Path
) -> None:
    bundle.args("sleep", "1000")
    hutch("create", "--bundle", str(bundle.path), "test")
    assert json.loads(path_of(hutch).read_text())["version"] == 1
    give_form(hutch, form)
    assert "version" not in json.loads(path_of(hutch).read_text())
    assert hutch.state("test")["status"] == "created"
    hutch("start", "test")
    assert hutch.state("test")["status"] == "running"
    assert hutch("exec", "test", "echo", "well").out == "well\n"
    assert json.loads(hutch("list", "--format", "json").out)[0]["owner"] == "root"
    hutch("update", "--pids-limit", "40", "test")
    assert json.loads(path_of(hutch).read_text())["version"] == 1
    hutch("kill", "test", "KILL")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    hutch("delete", "test")


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_a_container_of_an_older_version_can_be_removed_by_force(
    hutch: Runtime, bundle: Bundle, form: Path
) -> None:
    bundle.args("sleep", "1000")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    pid = hutch.state("test")["pid"]
    give_form(hutch, form)
    hutch("delete", "--force", "test")
    eventually(lambda: not alive(pid))


def test_a_state_of_a_newer_version_is_refused_but_can_be_removed_by_force(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.args("sleep", "1000")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    pid = hutch.state("test")["pid"]
    state = json.loads(path_of(hutch).read_text())
    path_of(hutch).write_text(json.dumps({**state, "version": 99, "new": [1, 2]}))
    for words in (["state", "test"], ["kill", "test", "KILL"], ["delete", "test"]):
        assert "form 99, which a newer version of hutch wrote" in hutch.refuses(*words)
    assert alive(pid)
    hutch("delete", "--force", "test")
    eventually(lambda: not alive(pid))


Damage = Callable[[dict[str, Any]], "bytes | dict[str, Any]"]
WRONG: dict[str, Any] = {"string": "x", "number": -1, "list": [None], "object": {"a": 1}}


def without(key: str) -> Damage:
    return lambda state: {name: value for name, value in state.items() if name != key}


def with_other(key: str, value: Any) -> Damage:
    return lambda state: {**state, key: value}


def cut(length: float) -> Damage:
    return lambda state: json.dumps(state).encode()[: int(len(json.dumps(state)) * length)]


WHOLE: dict[str, Damage] = {
    "empty": lambda state: b"",
    "cut in the middle": cut(0.5),
    "cut early": cut(0.1),
    "cut at the end": cut(0.99),
    "null": lambda state: b"null",
    "an array": lambda state: b"[]",
    "noise": lambda state: bytes(range(256)),
    "another's": with_other("id", "other"),
}
KEYS = (
    "id", "pid", "startTime", "status", "bundle", "rootfs", "created", "maker", "uid", "cgroup",
    "hostMount", "choices", "notifies", "hooks", "ociVersion", "version",
)  # fmt: skip
PARTS = {f"{key} missing": without(key) for key in KEYS}
PARTS |= {
    f"{key} a {kind}": with_other(key, value) for key in KEYS for kind, value in WRONG.items()
}
PARTS["all of it wrong"] = lambda state: {key: [] for key in state}
PARTS["cgroup.directories missing"] = lambda state: {**state, "cgroup": {"mode": "v1", "made": []}}


@pytest.mark.parametrize("begun", ["created", "running"])
@pytest.mark.parametrize("damage", [WHOLE, PARTS], ids=["whole", "parts"])
def test_s52_delete_force_finds_a_container_by_what_is_left_of_its_state(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, begun: str, damage: dict[str, Damage]
) -> None:
    bundle.args("sleep", "1000")
    (tmp_path / "other").mkdir()
    other = Bundle(tmp_path / "other" / "bundle").args("sleep", "1000")
    hutch("run", "-d", "--bundle", str(other.path), "other")
    before = hutch.state("other")
    for name, change in damage.items():
        hutch("create", "--bundle", str(bundle.path), "test")
        if begun == "running":
            hutch("start", "test")
        state = json.loads(path_of(hutch).read_text())
        changed = change(state)
        path_of(hutch).write_bytes(
            changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        )
        said = hutch("delete", "--force", "test", check=False)
        assert said.code == 0, (name, said.err)
        assert "Traceback" not in said.err and "internal error" not in said.err, name
        eventually(lambda pid=state["pid"]: not alive(pid))
        for directory in state["cgroup"]["made"]:
            assert not Path(directory).exists(), (name, directory)
        assert hutch.ids() == ["other"], name
    assert hutch.state("other") == before
    hutch("delete", "--force", "other")


def test_s52_a_container_that_mounts_on_the_host_is_found_too(
    hutch: Runtime, bundle: Bundle
) -> None:
    linux = bundle.config["linux"]
    linux["namespaces"] = [entry for entry in linux["namespaces"] if entry["type"] != "mount"]
    bundle.args("sleep", "1000")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    rootfs = str(bundle.path / "rootfs")
    assert rootfs in Path("/proc/self/mountinfo").read_text()
    path_of(hutch).write_bytes(b"{")
    hutch("delete", "--force", "test")
    assert rootfs not in Path("/proc/self/mountinfo").read_text()


def test_s52_a_scope_of_systemd_is_found_too(
    hutch: Runtime, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without systemd: the cgroup is made where systemd would make it."""
    bundle.config["linux"]["cgroupsPath"] = "/hutchtest.slice/hutch-test.scope"
    bundle.args("sleep", "1000")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    state = json.loads(path_of(hutch).read_text())
    config = path_of(hutch).with_name("config.json")
    asked = json.loads(config.read_text())
    asked["linux"]["cgroupsPath"] = "hutchtest.slice:hutch:test"
    config.write_text(json.dumps(asked))
    whole = path_of(hutch).read_bytes()
    path_of(hutch).write_bytes(b"")
    entry = Store(str(hutch.root)).find("test")
    assert salvage(entry) is None

    booted = salvage_module._is_directory
    monkeypatch.setattr(
        salvage_module, "_is_directory", lambda path: "systemd/system" in path or booted(path)
    )
    monkeypatch.setattr(systemd, "manager", lambda user: Manager(user, ""))
    found = salvage(entry)
    assert found is not None and found.kept_cgroup is not None
    assert found.pid == state["pid"]
    unit = {"name": "hutch-test.scope", "slice": "hutchtest.slice", "user": False}
    assert found.kept_cgroup["unit"] == unit
    assert sorted(found.kept_cgroup["made"]) == sorted(set(state["cgroup"]["directories"].values()))
    path_of(hutch).write_bytes(whole)


def test_s51_a_pid_that_now_belongs_to_another_process_is_not_signalled(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.args("sleep", "1000")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    state = json.loads(path_of(hutch).read_text())
    time.sleep(0.05)  # the start of a process is told in hundredths of a second
    innocent = subprocess.Popen(["sleep", "1000"])
    path_of(hutch).write_text(json.dumps({**state, "pid": innocent.pid, "choices": []}))
    hutch("delete", "--force", "test")
    eventually(lambda: not alive(state["pid"]))
    assert innocent.poll() is None
    innocent.kill()
    innocent.wait()


def test_s51_a_process_with_another_root_is_not_taken_for_the_containers(
    hutch: Runtime, bundle: Bundle
) -> None:
    """It stands in the container's cgroup, and that is emptied; but it is no first process."""
    bundle.args("sleep", "1000")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    pid = hutch.state("test")["pid"]
    path_of(hutch).write_bytes(b"")
    rootfs = bundle.path / "rootfs"
    rootfs.rename(bundle.path / "moved")
    rootfs.mkdir()
    hutch("delete", "--force", "test")
    eventually(lambda: not alive(pid))
    assert hutch.ids() == []
    assert os.listdir(bundle.path / "moved")
