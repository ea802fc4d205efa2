"""create, start, state, kill, delete, pause, resume: a container's life from the command line."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hutch.cgroups import layout

from tests.support.containers import Bundle, Runtime, alive, eventually
from tests.support.leftovers import CGROUPS

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


def create(hutch: Runtime, bundle: Bundle, *flags: str, id: str = "test") -> None:
    hutch("create", "--bundle", str(bundle.path), *flags, id)


def test_a_created_container_waits_and_a_started_one_runs(hutch: Runtime, bundle: Bundle) -> None:
    bundle.sh("echo started > /tmp/mark; exec sleep 1000")
    bundle.change(lambda config: config["root"].update(readonly=False))
    create(hutch, bundle)
    assert hutch.state("test")["status"] == "created"
    assert not (bundle.rootfs / "tmp" / "mark").exists()
    hutch("start", "test")
    assert hutch.state("test")["status"] == "running"
    eventually((bundle.rootfs / "tmp" / "mark").exists)


def test_state_is_an_indented_object_with_runcs_keys_in_order(
    hutch: Runtime, bundle: Bundle
) -> None:
    create(hutch, bundle)
    text = hutch("state", "test").out
    state = json.loads(text)
    assert list(state) == [
        "ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "owner",
    ]  # fmt: skip
    assert text.startswith('{\n  "ociVersion": ')
    assert not text.endswith("\n")
    assert state["id"] == "test"
    assert state["bundle"] == str(bundle.path)
    assert state["rootfs"] == str(bundle.rootfs)
    assert state["created"].endswith("Z")
    assert Path(f"/proc/{state['pid']}/comm").read_text() == "hutch-init\n"


def test_state_shows_annotations_where_there_are_any(hutch: Runtime, bundle: Bundle) -> None:
    bundle.change(lambda config: config.update(annotations={"org.example.a": "1"}))
    create(hutch, bundle)
    state = hutch.state("test")
    assert state["annotations"] == {"org.example.a": "1"}
    assert list(state)[-2:] == ["annotations", "owner"]


def test_a_container_whose_program_ended_is_stopped_with_pid_0(
    hutch: Runtime, bundle: Bundle
) -> None:
    create(hutch, bundle)
    hutch("start", "test")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    assert hutch.state("test")["pid"] == 0
    hutch("delete", "test")
    assert "does not exist" in hutch.refuses("state", "test")


def test_create_reads_the_bundle_of_the_current_directory_by_default(
    hutch: Runtime, bundle: Bundle
) -> None:
    hutch("create", "test", cwd=bundle.path)
    assert hutch.state("test")["bundle"] == str(bundle.path)


def test_create_takes_a_relative_bundle(hutch: Runtime, bundle: Bundle) -> None:
    hutch("create", "-b", bundle.path.name, "test", cwd=bundle.path.parent)
    assert hutch.state("test")["bundle"] == str(bundle.path)


def test_the_pid_file_has_the_pid_and_is_relative_to_the_callers_directory(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    hutch("create", "--pid-file", "pid", "--bundle", str(bundle.path), "test", cwd=tmp_path)
    assert (tmp_path / "pid").read_text() == str(hutch.state("test")["pid"])
    assert [path.name for path in tmp_path.iterdir() if "pid" in path.name] == ["pid"]


def test_a_pid_file_that_cannot_be_written_undoes_the_create(
    hutch: Runtime, bundle: Bundle
) -> None:
    error = hutch.refuses(
        "create", "--pid-file", "/nowhere/pid", "--bundle", str(bundle.path), "test"
    )
    assert "/nowhere/pid" in error
    assert "no such file or directory" in error
    assert "test" not in hutch.ids()


def test_config_is_not_read_again_after_create(hutch: Runtime, bundle: Bundle) -> None:
    bundle.sh("echo first > /tmp/mark").change(lambda config: config["root"].update(readonly=False))
    create(hutch, bundle)
    bundle.sh("echo second > /tmp/mark")
    hutch("start", "test")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    assert (bundle.rootfs / "tmp" / "mark").read_text() == "first\n"


def test_a_second_container_of_the_same_id_is_refused_and_the_first_lives(
    hutch: Runtime, bundle: Bundle
) -> None:
    create(hutch, bundle)
    before = hutch.state("test")
    for verb in ("create", "run"):
        error = hutch.refuses(verb, "--bundle", str(bundle.path), "test")
        assert "container with given ID already exists: test" in error
    assert hutch.state("test") == before


def test_a_running_container_cannot_be_started_or_deleted(hutch: Runtime, sleeper: str) -> None:
    error = hutch.refuses("start", sleeper)
    assert "cannot start an already running container" in error
    error = hutch.refuses("delete", sleeper)
    assert "cannot delete container sleeper that is not stopped: running" in error
    assert hutch.state(sleeper)["status"] == "running"


def test_a_stopped_container_cannot_be_started_or_killed(hutch: Runtime, bundle: Bundle) -> None:
    create(hutch, bundle)
    hutch("kill", "test", "KILL")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    assert "cannot start a container that has stopped" in hutch.refuses("start", "test")
    assert "container not running" in hutch.refuses("kill", "test", "KILL")


def test_delete_removes_a_created_container(hutch: Runtime, bundle: Bundle) -> None:
    create(hutch, bundle)
    pid = hutch.state("test")["pid"]
    hutch("delete", "test")
    assert not alive(pid)
    assert hutch.ids() == []


def test_delete_force_kills_a_running_one_and_takes_an_unknown_one(
    hutch: Runtime, sleeper: str
) -> None:
    pid = hutch.state(sleeper)["pid"]
    hutch("delete", "--force", sleeper)
    assert not alive(pid)
    hutch("delete", "-f", sleeper)
    assert "container does not exist" in hutch.refuses("delete", sleeper)


def test_delete_force_removes_a_paused_container(hutch: Runtime, sleeper: str) -> None:
    hutch("pause", sleeper)
    hutch("delete", "--force", sleeper)
    assert hutch.ids() == []


def test_delete_force_removes_sub_cgroups_that_the_container_made(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.config["mounts"].append(
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}
    )
    bundle.sh(
        "for c in memory pids; do mkdir -p /sys/fs/cgroup/$c/a/b;"
        "(echo 0 > /sys/fs/cgroup/$c/a/b/cgroup.procs; sleep 1000) & done; exec sleep 1000"
    )
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    eventually(lambda: len(json.loads(hutch("ps", "-f", "json", "test").out)) > 2)
    hutch("delete", "--force", "test")


@pytest.mark.parametrize(
    "name", ["USR1", "SIGUSR1", "usr1", "10"], ids=["name", "SIG", "lower", "number"]
)
def test_kill_sends_the_signal_by_name_or_number(hutch: Runtime, bundle: Bundle, name: str) -> None:
    bundle.change(lambda config: config["root"].update(readonly=False))
    bundle.sh("trap 'echo got > /tmp/mark' USR1; touch /tmp/ready; while :; do usleep 20000; done")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    eventually((bundle.rootfs / "tmp" / "ready").exists)
    hutch("kill", "test", name)
    eventually((bundle.rootfs / "tmp" / "mark").exists)


def test_kill_sends_term_by_default_and_0_only_checks(hutch: Runtime, bundle: Bundle) -> None:
    bundle.change(lambda config: config["root"].update(readonly=False))
    bundle.sh("trap 'exit 3' TERM; touch /tmp/ready; while :; do usleep 20000; done")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    eventually((bundle.rootfs / "tmp" / "ready").exists)
    hutch("kill", "test", "0")
    assert hutch.state("test")["status"] == "running"
    hutch("kill", "test")
    eventually(lambda: hutch.state("test")["status"] == "stopped")


def test_kill_all_reaches_every_process(hutch: Runtime, bundle: Bundle) -> None:
    bundle.share("pid").sh("sleep 1000 & sleep 1001 & wait")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    eventually(lambda: len(json.loads(hutch("ps", "-f", "json", "test").out)) == 3)
    pids = json.loads(hutch("ps", "-f", "json", "test").out)
    hutch("kill", "--all", "test", "KILL")
    eventually(lambda: not any(alive(pid) for pid in pids))
    hutch("kill", "-a", "test", "KILL")


def test_a_delete_that_fails_in_the_state_directory_can_be_repeated(
    hutch: Runtime, sleeper: str
) -> None:
    """state.json is removed last."""
    hutch("kill", sleeper, "KILL")
    eventually(lambda: hutch.state(sleeper)["status"] == "stopped")
    directory = hutch.root / sleeper
    others = [path for path in directory.iterdir() if path.name != "state.json"]
    (directory / "mounted").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "own", directory / "mounted"], check=True)
    try:
        assert "mounted" in hutch.refuses("delete", sleeper)
    finally:
        subprocess.run(["umount", directory / "mounted"], check=True)
    assert others
    assert (directory / "state.json").exists()
    assert hutch.state(sleeper)["status"] == "stopped"
    hutch("delete", sleeper)
    assert not directory.exists()


def test_delete_ends_processes_that_outlived_the_first_one(hutch: Runtime, bundle: Bundle) -> None:
    bundle.share("pid").sh("sleep 1000 & exit 0")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    (pid,) = json.loads(hutch("ps", "-f", "json", "test").out)
    hutch("delete", "test")
    assert not alive(pid)


def test_kill_refuses_invalid_signals(hutch: Runtime, sleeper: str) -> None:
    for name in ("NOSUCH", "65", "-1", "", "9.0"):
        error = hutch.refuses("kill", sleeper, name)
        assert "signal" in error or "flag" in error
    assert hutch.state(sleeper)["status"] == "running"


def test_s51_kill_never_signals_another_process_that_now_has_the_pid(
    hutch: Runtime, bundle: Bundle
) -> None:
    create(hutch, bundle)
    hutch("kill", "test", "KILL")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    bystander = os.spawnvp(os.P_NOWAIT, "sleep", ["sleep", "1000"])
    try:
        path = hutch.root / "test" / "state.json"
        state = json.loads(path.read_text())
        state["pid"] = bystander
        path.write_text(json.dumps(state))
        assert hutch.state("test")["status"] == "stopped"
        assert "container not running" in hutch.refuses("kill", "test", "KILL")
        hutch("delete", "--force", "test")
        assert alive(bystander)
    finally:
        os.kill(bystander, signal.SIGKILL)
        os.waitpid(bystander, 0)


def test_pause_stops_all_processes_and_resume_continues_them(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.change(lambda config: config["root"].update(readonly=False))
    bundle.sh("n=0; while :; do n=$((n+1)); echo $n > /tmp/n; usleep 1000; done")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    counter = bundle.rootfs / "tmp" / "n"
    eventually(counter.exists)
    hutch("pause", "test")
    assert hutch.state("test")["status"] == "paused"
    assert "container not running" in hutch.refuses("pause", "test")
    before = counter.read_text()
    assert "cannot exec in a paused container" in hutch.refuses("exec", "test", "true", code=255)
    assert counter.read_text() == before
    hutch("resume", "test")
    assert hutch.state("test")["status"] == "running"
    eventually(lambda: counter.read_text() not in ("", before))
    assert "container not paused" in hutch.refuses("resume", "test")


def test_a_paused_container_that_is_killed_ends(hutch: Runtime, sleeper: str) -> None:
    hutch("pause", sleeper)
    hutch("kill", sleeper, "KILL")
    eventually(lambda: hutch.state(sleeper)["status"] == "stopped")


def test_two_roots_do_not_see_each_others_containers(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    other = Runtime(hutch.command, tmp_path / "other")
    other.root.mkdir()
    create(hutch, bundle)
    assert other("list", "-q").out == ""
    assert "does not exist" in other.refuses("state", "test")


def test_s12_s56_only_the_caller_can_enter_the_state_directory(
    hutch: Runtime, bundle: Bundle
) -> None:
    create(hutch, bundle)
    assert hutch.root.stat().st_mode & 0o777 == 0o700
    directory = hutch.root / "test"
    assert directory.stat().st_mode & 0o777 == 0o700
    for path in directory.iterdir():
        if not path.is_socket():
            assert path.stat().st_mode & 0o077 == 0, path
    assert not [path for path in directory.iterdir() if path.name.startswith(".")]


def given_to_another_user(directory: Path) -> None:
    os.chown(directory, 1000, 1000)


def opened_to_others(directory: Path) -> None:
    directory.chmod(0o777)


@pytest.mark.parametrize("spoil", [given_to_another_user, opened_to_others])
@pytest.mark.parametrize("which", ["", "test"])
def test_s12_no_verb_opens_a_state_directory_that_another_user_can_fill(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, which: str, spoil: Callable[[Path], None]
) -> None:
    ran = tmp_path / "ran"
    bundle.config["hooks"] = {
        kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {kind} >> {ran}"]}]
        for kind in ("poststart", "poststop")
    }
    create(hutch, bundle.save())
    directory = hutch.root / which
    spoil(directory)
    words = [
        ("state", "test"),
        ("start", "test"),
        ("exec", "test", "true"),
        ("kill", "test", "KILL"),
        ("delete", "test"),
        ("delete", "--force", "test"),
        ("ps", "test"),
        ("update", "--pids-limit", "9", "test"),
        ("events", "--stats", "test"),
        ("pause", "test"),
        ("list",),
    ]
    for verb in words:
        said = hutch(*verb, check=False).err
        assert str(directory).rstrip("/") in said, verb
        assert "another user" in said or "other users" in said, verb
    assert not ran.exists()
    os.chown(directory, 0, 0)
    directory.chmod(0o700)
    hutch("start", "test")
    hutch("delete", "--force", "test")
    assert ran.read_text() == "poststart\npoststop\n"


@pytest.mark.parametrize("flag", ["--log", "--trace"])
def test_a_file_to_write_is_not_reached_over_a_symlink_of_another_user(
    hutch: Runtime, tmp_path: Path, flag: str
) -> None:
    victim, link, own = tmp_path / "victim", tmp_path / "planted", tmp_path / "own"
    victim.write_text("as it was")
    for path in (link, own):
        path.symlink_to(victim)
    os.lchown(link, 1000, 1000)
    said = hutch.refuses(flag, str(link), "state", "none")
    assert f"{link}: open: too many levels of symbolic links (hint: it is a symlink of" in said
    assert victim.read_text() == "as it was"
    hutch(flag, str(own), "state", "none", check=False)
    assert victim.read_text() != "as it was"
    assert own.is_symlink()


def test_no_pivot_changes_the_root_too(hutch: Runtime, bundle: Bundle) -> None:
    bundle.args("ls", "/")
    create(hutch, bundle, "--no-pivot")
    hutch("delete", "test")
    shown = hutch("run", "--no-pivot", "--bundle", str(bundle.path), "test").out
    assert shown.split() == "bin dev etc proc root sys tmp var".split()  # noqa: SIM905


def test_a_session_keyring_is_new_unless_the_caller_asks_to_keep_its_own(
    hutch: Runtime, bundle: Bundle
) -> None:
    def keyrings(id: str, *flags: str) -> str:
        bundle.config["linux"]["maskedPaths"] = []
        bundle.sh("cat /proc/keys")
        return hutch("run", *flags, "--bundle", str(bundle.path), id).out

    assert "_ses.with-new" in keyrings("with-new")
    assert "_ses.without-new" not in keyrings("without-new", "--no-new-keyring")


def test_without_a_path_the_cgroup_is_not_where_others_may_be(
    hutch: Runtime, bundle: Bundle
) -> None:
    """A cgroup of another program with the container's name and with children is not changed."""
    id = f"{CGROUPS}-default"
    own = Path("/proc/self/cgroup").read_text().partition(":pids:")[2].partition("\n")[0]
    others = Path(f"/sys/fs/cgroup/pids{own.rstrip('/')}/{id}/child")
    if layout.read().mode != "v2":
        others.mkdir(parents=True)
    del bundle.config["linux"]["cgroupsPath"]
    bundle.save()
    try:
        create(hutch, bundle, id=id)
        lines = Path(f"/proc/{hutch.state(id)['pid']}/cgroup").read_text().splitlines()
        # Not the hierarchies that are mounted elsewhere or not mounted.
        mounted = {"", *layout.read().hierarchies}
        lines = [line for line in lines if not mounted.isdisjoint(line.split(":")[1].split(","))]
        assert lines
        assert [line for line in lines if not line.endswith(f"/hutch/{id}")] == []
        hutch("delete", id)
    finally:
        if others.exists():
            others.rmdir()
            others.parent.rmdir()


def test_a_cgroup_in_use_is_named_with_what_to_choose(hutch: Runtime, bundle: Bundle) -> None:
    create(hutch, bundle)
    error = hutch.refuses("create", "--bundle", str(bundle.path), "other")
    assert bundle.config["linux"]["cgroupsPath"] in error
    assert "is in use" in error
    assert "(hint: choose another linux.cgroupsPath, such as /hutch/NAME, or leave it out)" in error


def test_a_cgroup_with_children_is_named_with_what_to_choose(
    hutch: Runtime, bundle: Bundle
) -> None:
    """As a program leaves it that made them for itself; without the child the container runs."""
    bundle.sh("echo reached")
    path = bundle.config["linux"]["cgroupsPath"]
    places = [Path(f"/sys/fs/cgroup{hierarchy}{path}") for hierarchy in ("", "/devices", "/pids")]
    made = [place for place in places if place.parents[1].joinpath("cgroup.procs").exists()]
    for place in made:
        (place / "child").mkdir(parents=True)
    if Path("/sys/fs/cgroup/devices").exists():
        error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
        assert f"/sys/fs/cgroup/devices{path} has children" in error
        assert error.endswith(
            "child (hint: choose another linux.cgroupsPath, such as /hutch/NAME, or leave it out)"
        )
    for place in made:
        (place / "child").rmdir()
    # The kernel forgets a child only some time after it is gone.
    words = ("run", "--bundle", str(bundle.path), "test")
    eventually(lambda: hutch(*words, check=False).out == "reached\n")
    for place in made:
        if place.exists():
            place.rmdir()
