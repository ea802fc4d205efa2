"""hooks: all six kinds, when each runs, what it reads, and the effect of a failure."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Bundle, Runtime, eventually
from tests.support.leftovers import descendants

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
# Where the program of each kind is resolved: on the host, or in the container's root.
INSIDE = ("startContainer",)


def shell(kind: str, script: str, **more: Any) -> dict[str, Any]:
    """A hook that runs a shell script; sh is busybox in the container."""
    return {"path": "/bin/sh", "args": ["sh", "-c", script], **more}


class Record:
    """A directory that all hooks can write to. It is bound to the same path inside."""

    def __init__(self, bundle: Bundle, path: Path) -> None:
        path.mkdir()
        self.path = path
        self.bundle = bundle
        bundle.config["mounts"].append(
            {"destination": str(path), "source": str(path), "options": ["bind", "rw"]}
        )
        bundle.config["hooks"] = {}
        bundle.save()

    def hook(self, kind: str, script: str, **more: Any) -> None:
        self.bundle.config["hooks"].setdefault(kind, []).append(shell(kind, script, **more))
        self.bundle.save()

    def read(self, name: str) -> str:
        return (self.path / name).read_text()


@pytest.fixture
def record(bundle: Bundle, tmp_path: Path) -> Record:
    return Record(bundle, tmp_path / "record")


def test_all_kinds_run_once_in_the_specs_order(
    hutch: Runtime, bundle: Bundle, record: Record
) -> None:
    for kind in KINDS:
        for number in (1, 2):
            record.hook(kind, f"echo {kind}{number} >> {record.path}/order")
    bundle.sh(f"echo program >> {record.path}/order; sleep 1000")
    hutch("create", "--bundle", str(bundle.path), "test")
    created = ["prestart", "createRuntime", "createContainer"]
    expected = [kind + number for kind in created for number in "12"]
    assert record.read("order").split() == expected
    hutch("start", "test")
    eventually(lambda: len(record.read("order").split()) == 11)
    shown = record.read("order").split()
    # The program and the poststart hooks run at the same time.
    assert [word for word in shown if word != "program"] == [
        *expected, "startContainer1", "startContainer2", "poststart1", "poststart2",
    ]  # fmt: skip
    assert shown.index("program") > shown.index("startContainer2")
    hutch("kill", "test", "KILL")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    hutch("delete", "test")
    assert record.read("order").split()[-2:] == ["poststop1", "poststop2"]


def test_run_runs_all_kinds_too(hutch: Runtime, bundle: Bundle, record: Record) -> None:
    for kind in KINDS:
        record.hook(kind, f"echo {kind} >> {record.path}/order")
    hutch("run", "--bundle", str(bundle.path), "test")
    assert record.read("order").split() == list(KINDS)


def test_each_reads_the_state_on_its_standard_input(
    hutch: Runtime, bundle: Bundle, record: Record
) -> None:
    bundle.config["annotations"] = {"org.example": "x"}
    for kind in KINDS:
        record.hook(kind, f"cat > {record.path}/{kind}")
    bundle.args("sleep", "1000")
    hutch("create", "--bundle", str(bundle.path), "test")
    pid = hutch.state("test")["pid"]
    hutch("start", "test")
    hutch("delete", "--force", "test")
    wanted = {
        "prestart": ("creating", pid),
        "createRuntime": ("creating", pid),
        "createContainer": ("creating", 1),
        "startContainer": ("created", 1),
        "poststart": ("running", pid),
        "poststop": ("stopped", 0),
    }
    for kind, (status, number) in wanted.items():
        state = json.loads(record.read(kind))
        assert state["status"] == status, kind
        assert state["pid"] == number, kind
        assert state["id"] == "test"
        assert state["bundle"] == str(bundle.path)
        assert state["annotations"] == {"org.example": "x"}
        assert state["ociVersion"] == bundle.config["ociVersion"]


def environments(
    hutch: Runtime, bundle: Bundle, record: Record, **more: Any
) -> dict[str, list[str]]:
    """The environment of a hook of each kind, without the variables that a shell adds."""
    for kind in KINDS:
        record.hook(kind, f"cat /proc/self/environ > {record.path}/{kind}", **more)
    bundle.config["process"]["env"] = ["PROCESS=1", "LD_PRELOAD=/none.so", "PROCESS=2"]
    bundle.args("/bin/true")
    # Python adds a locale if there is none (PEP 538).
    caller = {"CALLER": "1", "LC_CTYPE": "C.UTF-8", "PATH": "/bin"}
    hutch("run", "--bundle", str(bundle.path), "test", env=caller)
    added = ("PWD=", "SHLVL=", "_=", "OLDPWD=", "PATH=/sbin:", "HOME=/\0")
    return {
        kind: sorted(
            line for line in record.read(kind).split("\0")[:-1] if not line.startswith(added)
        )
        for kind in KINDS
    }


@pytest.mark.parametrize("given", [["A=1", "B="], []])
def test_s55_the_environment_is_the_configs(
    hutch: Runtime, bundle: Bundle, record: Record, given: list[str]
) -> None:
    shown = environments(hutch, bundle, record, env=given)
    assert shown == dict.fromkeys(KINDS, given)


@pytest.mark.parametrize("given", [{}, {"env": None}])
def test_s55_cve_2025_23266_no_program_of_the_host_gets_the_containers_environment(
    hutch: Runtime, bundle: Bundle, record: Record, given: dict[str, Any]
) -> None:
    shown = environments(hutch, bundle, record, **given)
    callers = ["CALLER=1", "LC_CTYPE=C.UTF-8", "PATH=/bin"]
    processs = ["LD_PRELOAD=/none.so", "PROCESS=2"]
    assert shown == {kind: processs if kind in INSIDE else callers for kind in KINDS}


def test_s55_cve_2025_23266_hooks_of_the_host_begin_in_the_bundle(
    hutch: Runtime, bundle: Bundle, record: Record, tmp_path: Path
) -> None:
    for kind in KINDS:
        record.hook(kind, f"pwd > {record.path}/{kind}")
    bundle.config["process"]["cwd"] = "/tmp"
    before = Path.cwd()
    hutch("run", "--bundle", "bundle", "test", cwd=bundle.save().path.parent)
    assert Path.cwd() == before
    for kind in KINDS:
        wanted = "/tmp" if kind in INSIDE else str(bundle.path)
        assert record.read(kind) == wanted + "\n", kind


def test_a_poststop_hook_runs_where_the_bundle_is_gone(
    hutch: Runtime, bundle: Bundle, record: Record, tmp_path: Path
) -> None:
    record.hook("poststop", f"pwd > {record.path}/poststop")
    hutch("create", "--bundle", str(bundle.path), "test")
    bundle.path.rename(tmp_path / "elsewhere")
    hutch("delete", "test")
    assert record.read("poststop") == "/\n"


def test_a_timeout_may_be_longer_than_poll_can_count(
    hutch: Runtime, bundle: Bundle, record: Record
) -> None:
    # 4294968 s in milliseconds, cut to 32 bits, are 704 ms.
    for kind in KINDS:
        record.hook(kind, f"sleep 1; echo {kind} >> {record.path}/order", timeout=4294968)
    hutch("run", "--bundle", str(bundle.path), "test")
    assert record.read("order").split() == list(KINDS)


def test_the_arguments_are_the_configs(hutch: Runtime, bundle: Bundle, record: Record) -> None:
    for kind in KINDS:
        script = f'echo "$0|$1|$#" > {record.path}/{kind}'
        record.hook(kind, script)
        bundle.config["hooks"][kind][0]["args"] = ["sh", "-c", script, "a", "b c"]
    bundle.save()
    hutch("run", "--bundle", str(bundle.path), "test")
    for kind in KINDS:
        assert record.read(kind) == "a|b c|1\n", kind


def test_create_hooks_find_the_mounts_and_run_in_the_right_namespaces(
    hutch: Runtime, bundle: Bundle, record: Record
) -> None:
    for kind in KINDS:
        record.hook(kind, f"readlink /proc/self/ns/mnt > {record.path}/{kind}-ns")
    record.hook(
        "createContainer", f"ls {bundle.rootfs}/dev > {record.path}/dev; ls / > {record.path}/root"
    )
    bundle.sh("readlink /proc/self/ns/mnt")
    inside = hutch("run", "--bundle", str(bundle.path), "test").out
    outside = {
        record.read(kind + "-ns") for kind in ("prestart", "createRuntime", "poststart", "poststop")
    }
    assert outside == {str(Path("/proc/self/ns/mnt").readlink()) + "\n"}
    assert record.read("createContainer-ns") == record.read("startContainer-ns") == inside
    assert "null" in record.read("dev").split()
    assert "pts" in record.read("dev").split()
    # Before pivot_root the host's files are still there.
    assert "rootfs" not in record.read("root").split()
    assert "usr" in record.read("root").split()


def test_start_container_hooks_see_three_descriptors_and_their_own(
    hutch: Runtime, bundle: Bundle, record: Record
) -> None:
    for kind in ("createContainer", "startContainer"):
        record.hook(kind, f"ls /proc/self/fd > {record.path}/{kind}")
    hutch("run", "--bundle", str(bundle.path), "test")
    for kind in ("createContainer", "startContainer"):
        assert record.read(kind).split() == ["0", "1", "2", "3"], kind


@pytest.mark.parametrize("kind", KINDS[:4])
def test_a_failing_hook_before_the_program_fails_the_verb_and_leaves_nothing(
    hutch: Runtime, bundle: Bundle, record: Record, kind: str
) -> None:
    record.hook(kind, "true")
    record.hook(kind, "echo first; echo the reason >&2; exit 3")
    record.hook(kind, f"touch {record.path}/not-reached")
    record.hook("poststop", f"touch {record.path}/stopped")
    bundle.sh(f"touch {record.path}/not-reached")
    error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert f"hooks.{kind}[1]" in error
    assert "exit status 3" in error
    assert "the reason" in error
    assert not (record.path / "not-reached").exists()
    assert (record.path / "stopped").exists()
    assert hutch.ids() == []


@pytest.mark.parametrize("kind", KINDS[:3])
def test_create_fails_by_its_hooks_and_leaves_nothing(
    hutch: Runtime, bundle: Bundle, record: Record, kind: str
) -> None:
    record.hook(kind, "kill -KILL $$")
    error = hutch.refuses("create", "--bundle", str(bundle.path), "test")
    assert f"hooks.{kind}[0]" in error
    assert "killed by signal 9" in error
    assert hutch.ids() == []


def test_start_says_what_a_start_container_hook_did(
    hutch: Runtime, bundle: Bundle, record: Record
) -> None:
    record.hook("startContainer", "echo no >&2; exit 9")
    hutch("create", "--bundle", str(bundle.path), "test")
    error = hutch.refuses("start", "test")
    assert "hooks.startContainer[0]" in error
    assert "exit status 9" in error
    assert "no" in error
    eventually(lambda: hutch.state("test")["status"] == "stopped")


@pytest.mark.parametrize("verb", ["start", "run"])
def test_a_failing_poststart_hook_stops_the_container(
    hutch: Runtime, bundle: Bundle, record: Record, verb: str
) -> None:
    record.hook("poststart", "echo why >&2; exit 4")
    record.hook("poststop", f"touch {record.path}/stopped")
    bundle.args("sleep", "1000")
    if verb == "start":
        hutch("create", "--bundle", str(bundle.path), "test")
        pid = hutch.state("test")["pid"]
        error = hutch.refuses("start", "test")
        eventually(lambda: not Path(f"/proc/{pid}").exists())
    else:
        error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert "hooks.poststart[0]" in error
    assert "exit status 4" in error
    assert "why" in error
    assert hutch.ids() == []
    assert (record.path / "stopped").exists()


def test_poststop_hooks_all_run_and_a_failing_one_only_warns(
    hutch: Runtime, bundle: Bundle, record: Record
) -> None:
    record.hook("poststop", "echo pity >&2; exit 5")
    record.hook("poststop", f"touch {record.path}/reached")
    done = hutch("run", "--bundle", str(bundle.path), "test")
    assert done.code == 0
    assert "hooks.poststop[0]" in done.err
    assert "pity" in done.err
    assert (record.path / "reached").exists()


@pytest.mark.parametrize("kind", KINDS[:5])
def test_a_hook_that_exceeds_its_timeout_is_killed_with_its_children(
    hutch: Runtime, bundle: Bundle, record: Record, kind: str
) -> None:
    # Known by its argument: its number may be another one inside, and a busy machine may not have
    # come to writing it down when the second is over.
    mark = f"1000.{os.getpid()}"
    record.hook(kind, f"sleep {mark} & wait", timeout=1)
    bundle.args("sleep", "1000")
    error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert f"hooks.{kind}[0]" in error
    assert "timeout of 1 s" in error
    eventually(lambda: not [pid for pid in descendants("sleep") if mark in arguments(pid)])


def arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:  # it is gone
        return []


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_that_does_not_exist_names_the_hook(
    hutch: Runtime, bundle: Bundle, record: Record, kind: str
) -> None:
    bundle.config["hooks"][kind] = [{"path": "/bin/no-such-hook"}]
    bundle.save()
    if kind == "poststop":
        error = hutch("run", "--bundle", str(bundle.path), "test").err
    else:
        error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert f"hooks.{kind}[0]" in error
    assert "/bin/no-such-hook" in error
    assert "no such file or directory" in error


@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_that_does_not_read_its_input_and_writes_much_is_fine(
    hutch: Runtime, bundle: Bundle, record: Record, kind: str
) -> None:
    bundle.config["annotations"] = {f"key{n}": "v" * 1000 for n in range(200)}
    record.hook(kind, "dd if=/dev/zero bs=65536 count=20 2>/dev/null")
    assert hutch("run", "--bundle", str(bundle.path), "test").code == 0


def test_a_hook_may_leave_a_process_behind_without_holding_the_runtime(
    hutch: Runtime, bundle: Bundle, record: Record
) -> None:
    record.hook("createRuntime", f"(sleep 1000 & echo $! > {record.path}/child)")
    hutch("run", "--bundle", str(bundle.path), "test", timeout=60)
    child = int(record.read("child"))
    assert Path(f"/proc/{child}/comm").read_text() == "sleep\n"
    os.kill(child, 9)
