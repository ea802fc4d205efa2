"""The systemd cgroup driver without root: the manager of the user ``tester``."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hutch.spec.default import default_config

from tests.support.containers import COMMAND, Bundle, Runtime, eventually

pytestmark = [pytest.mark.root, pytest.mark.vm, pytest.mark.systemd]

UID = 1000
HOME = Path("/home/tester")
RUN = Path(f"/run/user/{UID}")
MANAGER = Path(f"/sys/fs/cgroup/user.slice/user-{UID}.slice/user@{UID}.service")
UNIT = MANAGER / "user.slice" / "hutch-web.scope"


AS_TESTER = ["runuser", "-u", "tester", "--", "env", f"XDG_RUNTIME_DIR={RUN}"]


def units() -> str:
    words = ["systemctl", "--user", "--plain", "--no-legend", "list-units", "hutch-*"]
    done = subprocess.run([*AS_TESTER, *words], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def manager() -> Iterator[None]:
    """tester's systemd runs; and tester may reach the command."""
    for folder in Path(COMMAND).parents:
        mode = folder.stat().st_mode
        if mode & 0o111 != 0o111:
            folder.chmod(mode | 0o111)
    subprocess.run(["loginctl", "enable-linger", "tester"], check=True)
    eventually((RUN / "bus").exists)
    yield
    subprocess.run(["loginctl", "disable-linger", "tester"], check=True)


def runtimes(folder: Path, *before: str) -> Iterator[Runtime]:
    """The command with --systemd-cgroup as tester, outside of what tester's systemd was given;
    ``before`` it come these words."""
    script = folder / "hutch"
    command = shlex.join([*AS_TESTER, *before, COMMAND, "--systemd-cgroup"])
    script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    script.chmod(0o755)
    runtime = Runtime(str(script), RUN / "hutch")
    yield runtime
    for id in runtime.ids():
        runtime("delete", "--force", id, check=False)
    assert units() == ""


@pytest.fixture
def users(tmp_path: Path) -> Iterator[Runtime]:
    yield from runtimes(tmp_path)


@pytest.fixture
def inner_roots(tmp_path: Path) -> Iterator[Runtime]:
    """As root of a user namespace of tester's, which is how engines without root call a runtime."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", "echo; exec cat"]
    with subprocess.Popen(
        [*AS_TESTER, *unshare], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"\n"
        # runuser waits for it, in a session of its own.
        (pid,) = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
        enter = ["nsenter", "--user", "--mount", "--preserve-credentials", "--target", pid]
        yield from runtimes(tmp_path, *enter)
        assert holder.stdin
        holder.stdin.close()


@pytest.fixture
def bundle(bundle: Bundle) -> Iterator[Bundle]:
    """One of tester's, whose container has no id but tester's own."""
    path = HOME / "bundle"
    shutil.copytree(bundle.path, path, symlinks=True)
    bundle.path, bundle.rootfs = path, path / "rootfs"
    bundle.config = dict(default_config(rootless=True, cgroup_v2=True, uid=UID, gid=UID))
    bundle.config["process"]["terminal"] = False
    bundle.args("sleep", "1000")
    for entry in [path, *path.rglob("*")]:
        os.chown(entry, UID, UID, follow_symlinks=False)
    yield bundle
    shutil.rmtree(path)


def test_a_life_in_the_users_systemd(users: Runtime, bundle: Bundle) -> None:
    has_a_life(users, bundle)


def test_a_life_in_the_users_systemd_for_root_of_a_user_namespace(
    inner_roots: Runtime, bundle: Bundle
) -> None:
    def change(config: dict[str, Any]) -> None:
        for name in ("uidMappings", "gidMappings"):
            del config["linux"][name]
        config["linux"]["namespaces"].remove({"type": "user"})

    bundle.change(change)
    has_a_life(inner_roots, bundle)


def has_a_life(users: Runtime, bundle: Bundle) -> None:
    """create, start, exec, ps, pause, update, resume, delete, in the cgroup and its limits."""
    resources = {"memory": {"limit": 64 << 20}, "pids": {"limit": 20}, "cpu": {"cpus": "0"}}
    bundle.change(lambda config: config["linux"].update(resources=resources))
    users("create", "--bundle", str(bundle.path), "web")
    users("start", "web")
    pid = users.state("web")["pid"]
    assert str(pid) in (UNIT / "cgroup.procs").read_text().split()
    assert (UNIT / "memory.max").read_text() == f"{64 << 20}\n"
    assert (UNIT / "pids.max").read_text() == "20\n"
    assert (UNIT / "cpuset.cpus").read_text() == "0\n"
    users("exec", "--detach", "web", "sleep", "1001")
    assert len((UNIT / "cgroup.procs").read_text().split()) == 2
    assert len(json.loads(users("ps", "--format", "json", "web").out)) == 2
    users("pause", "web")
    assert users.state("web")["status"] == "paused"
    users("update", "--memory", str(48 << 20), "web")
    assert (UNIT / "memory.max").read_text() == f"{48 << 20}\n"
    users("resume", "web")
    users("delete", "--force", "web")
    assert users.ids() == []
    assert not UNIT.exists()


def test_without_a_bus_it_says_what_is_missing(
    users: Runtime, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/none")
    message = users.refuses("create", "--bundle", str(bundle.path), "web")
    assert "cannot connect to systemd at unix:path=/none: No such file or directory" in message
    assert "loginctl enable-linger" in message
    assert users.ids() == []
