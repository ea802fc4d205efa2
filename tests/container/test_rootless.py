"""Containers of a user without root: `spec --rootless`, ranges of ids, no cgroups."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import COMMAND, Result, eventually, make_rootfs, reachable
from tests.support.ordinary_user import as_user

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

UID, GID = 23456, 23457


class User:
    """A user without root, with a bundle and the command."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.bundle = home / "bundle"
        self.runtime = home / "run"
        self.etc = home / "etc"
        self.before: list[str] = []  # words of a command that executes ours
        self.inside: list[str] = []  # such words, for who is the user already
        self.rootfs = make_rootfs(self.bundle / "rootfs")
        for path in (self.runtime, self.etc):
            path.mkdir()
        (self.etc / "passwd").write_text(f"root:x:0:0::/:/bin/sh\nada:x:{UID}:{GID}::/:/bin/sh\n")
        (self.etc / "group").write_text(f"root:x:0:\nada:x:{GID}:\n")
        (self.etc / "subuid").write_text("ada:300000:65536\n")
        (self.etc / "subgid").write_text("ada:400000:65536\n")
        for path in (self.runtime, self.bundle, *self.bundle.rglob("*")):
            os.chown(path, UID, GID, follow_symlinks=False)
        reachable(home)

    def __call__(self, *words: str, check: bool = True, **environment: str) -> Result:
        """Runs the command in the bundle. Its output goes to files, because a detached container
        would keep pipes open."""
        given = {"XDG_RUNTIME_DIR": str(self.runtime), "PATH": "/usr/bin:/bin", **environment}
        variables = [f"{name}={value}" for name, value in given.items()]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            command = ["env", "-i", *variables, *self.inside, COMMAND, *words]
            done = subprocess.run(
                [*self.before, *as_user(command, UID, GID, self.etc)],
                cwd=self.bundle, stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=60,
                check=False,
            )  # fmt: skip
            out.seek(0)
            err.seek(0)
            result = Result(done.returncode, out.read().decode(), err.read().decode())
        if check:
            assert result.code == 0, result.err
        return result

    def refused(self, *words: str, code: int = 1, **options: Any) -> str:
        """The one line of a command that fails."""
        done = self(*words, check=False, **options)
        assert done.code == code, done.err
        assert done.err.count("\n") == 1, done.err
        return done.err

    def config(self, *args: str) -> dict[str, Any]:
        """What `spec --rootless` writes, with these args to run."""
        (self.bundle / "config.json").unlink(missing_ok=True)
        self("spec", "--rootless")
        config: dict[str, Any] = json.loads((self.bundle / "config.json").read_text())
        config["process"]["terminal"] = False
        config["process"]["args"] = list(args)
        self.save(config)
        return config

    def save(self, config: dict[str, Any]) -> None:
        (self.bundle / "config.json").write_text(json.dumps(config))

    def ids(self) -> list[str]:
        state = self.runtime / "hutch"
        return [path.name for path in state.iterdir()] if state.exists() else []


@pytest.fixture
def user() -> Iterator[User]:
    """The user; the containers are deleted at the end of the test. The home directory is not one of
    pytest's, because every session of pytest makes those private again."""
    with tempfile.TemporaryDirectory(prefix="hutch-user-") as home:
        found = User(Path(home))
        yield found
        for id in found.ids():
            if not id.startswith("."):
                found("delete", "--force", id, check=False)


def with_ranges(config: dict[str, Any]) -> None:
    for field, own, first in (("uidMappings", UID, 300000), ("gidMappings", GID, 400000)):
        config["linux"][field] = [
            {"containerID": 0, "hostID": own, "size": 1},
            {"containerID": 1, "hostID": first, "size": 65535},
        ]


def test_a_bundle_of_spec_rootless_runs(user: User) -> None:
    user.config(
        "sh", "-c",
        "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups;"
        "echo x > /dev/null; hostname; ls /sys/fs/cgroup > /dev/null && echo $$",
    )  # fmt: skip
    lines = user("run", "test").out.splitlines()
    assert lines[:2] == ["0", "0"]
    assert lines[2].split() == ["0", str(UID), "1"]
    assert lines[3].split() == ["0", str(GID), "1"]
    assert lines[4:] == ["deny", "hutch", "1"]
    assert user.ids() == []


def test_the_verbs_work_without_root(user: User) -> None:
    user.config("sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done")
    user("create", "test")
    state = json.loads(user("state", "test").out)
    assert state["status"] == "created"
    assert Path(f"/proc/{state['pid']}").stat().st_uid in (0, UID)
    assert (user.runtime / "hutch" / "test").stat().st_uid == UID
    user("start", "test")
    (listed,) = json.loads(user("list", "--format", "json").out)
    assert (listed["id"], listed["status"]) == ("test", "running")
    assert user("exec", "test", "id", "-u").out == "0\n"
    assert (
        user("exec", "--env", "A=b", "test", "sh", "-c", "echo $A; exit 3", check=False).code == 3
    )
    user("exec", "--detach", "test", "sleep", "1000")
    pids = json.loads(user("ps", "--format", "json", "test").out)
    assert state["pid"] in pids
    assert len(pids) >= 2
    assert str(state["pid"]) in user("ps", "test").out
    user("kill", "test", "TERM")
    eventually(lambda: json.loads(user("state", "test").out)["status"] == "stopped")
    user("delete", "test")
    assert user.ids() == []


def test_kill_all_reaches_everybody_without_a_cgroup(user: User) -> None:
    user.config("sleep", "1000")
    user("run", "--detach", "test")
    user("exec", "--detach", "test", "sleep", "2000")
    assert len(json.loads(user("ps", "--format", "json", "test").out)) == 2
    user("kill", "--all", "test", "KILL")
    eventually(lambda: json.loads(user("state", "test").out)["status"] == "stopped")
    user("delete", "test")


def test_ranges_of_ids_are_mapped_by_newuidmap_and_newgidmap(user: User) -> None:
    config = user.config("sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map; id; id -G")
    with_ranges(config)
    config["process"]["user"] = {"uid": 5, "gid": 6, "additionalGids": [7, 8]}
    user.save(config)
    lines = [line.split() for line in user("run", "test").out.splitlines()]
    assert lines[:4] == [
        ["0", str(UID), "1"], ["1", "300000", "65535"],
        ["0", str(GID), "1"], ["1", "400000", "65535"],
    ]  # fmt: skip
    assert lines[4][:2] == ["uid=5", "gid=6"]
    assert lines[5] == ["6", "7", "8"]
    config["process"]["args"] = ["sleep", "1000"]
    user.save(config)
    user("run", "--detach", "test")
    assert user("exec", "--user", "9:10", "test", "id", "-u").out == "9\n"
    assert "newuidmap" in user("explain", ".").out


def test_ranges_that_the_user_does_not_have(user: User) -> None:
    config = user.config("true")
    with_ranges(config)
    user.save(config)
    (user.etc / "subuid").write_text("")
    error = user.refused("run", "test")
    assert "linux.uidMappings: newuidmap: " in error
    assert "/etc/subuid must give this user all ranges" in error
    assert user.ids() == []


def test_ranges_where_newuidmap_is_not_installed(user: User) -> None:
    config = user.config("true")
    with_ranges(config)
    user.save(config)
    error = user.refused("run", "test", PATH="/nowhere")
    assert "linux.uidMappings: newuidmap is missing" in error
    assert "Debian: uidmap" in error


def test_additional_groups_with_the_own_id_alone(user: User) -> None:
    config = user.config("id", "-G")
    config["process"]["user"]["additionalGids"] = [0]
    user.save(config)
    error = user.refused("run", "test")
    assert "process.user" in error
    assert "additionalGids cannot be set if setgroups is denied" in error


def test_root_of_a_user_namespace_runs_what_the_host_has_installed(user: User) -> None:
    """In this namespace the host's root, who owns the command, has no id."""
    config = user.config("cat", "/proc/self/uid_map")
    config["linux"]["namespaces"].remove({"type": "user"})
    del config["linux"]["uidMappings"], config["linux"]["gidMappings"]
    user.save(config)
    user.inside = ["unshare", "--user", "--map-root-user", "--mount"]
    done = user("--root", str(user.runtime / "hutch"), "run", "test")
    assert done.out.split() == ["0", str(UID), "1"]


def test_without_a_user_namespace_the_error_says_what_is_missing(user: User) -> None:
    config = user.config("true")
    config["linux"]["namespaces"] = [{"type": "mount"}, {"type": "uts"}]
    del config["linux"]["uidMappings"], config["linux"]["gidMappings"]
    user.save(config)
    error = user.refused("run", "test")
    assert "operation not permitted" in error
    assert "a caller without root needs a user namespace" in error


def test_limits_need_a_cgroup_of_the_user(user: User) -> None:
    config = user.config("sleep", "1000")
    config["linux"]["resources"] = {"memory": {"limit": 1 << 25}}
    user.save(config)
    error = user.refused("run", "test")
    assert "linux.cgroupsPath: make the cgroup /sys/fs/cgroup/" in error
    assert "a caller without root needs a delegated cgroup" in error
    assert user.ids() == []
    del config["linux"]["resources"]
    user.save(config)
    user("run", "--detach", "test")
    assert "has no cgroup that can be frozen" in user.refused("pause", "test")
    assert "no cgroup of the controller memory" in user.refused(
        "update", "--memory", "100000000", "test"
    )


def test_without_a_place_for_the_state(user: User) -> None:
    user.config("true")
    assert "XDG_RUNTIME_DIR is not set" in user.refused("run", "test", XDG_RUNTIME_DIR="")


def test_a_time_namespace_and_its_offsets_are_the_users_too(user: User) -> None:
    config = user.config("cat", "/proc/self/timens_offsets")
    config["linux"]["namespaces"].append({"type": "time"})
    config["linux"]["timeOffsets"] = {"boottime": {"secs": 1000}}
    user.save(config)
    assert user("run", "test").out.splitlines()[1].split() == ["boottime", "1000", "0"]


def test_an_idmapped_mount_needs_root(user: User) -> None:
    config = user.config("true")
    config["mounts"].append(
        {"destination": "/tmp", "source": str(user.home), "options": ["bind", "idmap"]}
    )
    user.save(config)
    error = user.refused("run", "test")
    assert "mounts[7].options" in error
    assert "operation not permitted" in error
    assert "without root no idmapped mount can be made" in error


def test_a_seccomp_profile_is_recorded_and_explained_without_root(user: User) -> None:
    config = user.config("sh", "-c", "id -u; echo end")
    user("seccomp", "record", "-o", "profile.json", "test")
    config["linux"]["seccomp"] = json.loads((user.bundle / "profile.json").read_text())
    config["process"]["args"][-1] = "chmod 700 /tmp; echo end"
    user.save(config)
    done = user("run", "--seccomp-explain", "test")
    assert done.out == "end\n"
    assert "linux.seccomp.defaultAction: chmod fails with EPERM in process" in done.err
    assert [name for name in user.ids() if not name.startswith(".")] == []
