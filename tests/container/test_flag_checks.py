"""The values of flags of exec and update are checked like those of config.json, as by runc."""

import shutil
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

NO_ID = "is not an id (hint: a number from 0 to 4294967294)"
EXEC = [
    (("--cwd", "bin"), '--cwd = "bin": must be an absolute path'),
    (("--cwd", "/none"), "--cwd: change to /none: chdir: no such file or directory"),
    (("--env", "A=1", "--env", "NOEQ"), '--env = "NOEQ": must be of the form "NAME=value"'),
    (("--env", "=x"), '--env = "=x": must be of the form "NAME=value"'),
    (("--env", ""), '--env = "": must be of the form "NAME=value"'),
    (("--user", "root"), "--user: 'root' " + NO_ID),
    (("--user", "1:x"), "--user: 'x' " + NO_ID),
    (("--user", "1:"), "--user: '' " + NO_ID),
    (("--user", ":1"), "--user: '' " + NO_ID),
    (("--user", "-1"), "--user: '-1' " + NO_ID),
    (("--user", "4294967295"), "--user: '4294967295' " + NO_ID),
    (("--additional-gids", "x"), "--additional-gids: 'x' " + NO_ID),
    (("--additional-gids", "-1"), "--additional-gids: '-1' " + NO_ID),
    (("--preserve-fds", "x"), "--preserve-fds takes a number, not 'x'"),
    (("--preserve-fds", "99999999999"), "--preserve-fds: 99999999999 is too many"),
    (("--cgroup", "../x"), '--cgroup "../x" may not contain ".."'),
    (("--pid-file", "/none/pid"), "write /none/pid"),
    (("--process", "/none"), "/none: no such file or directory"),
    (("--tty", "--detach"), "--tty: a detached process with a terminal needs a console socket"),
    (("--tty=maybe",), "--tty is a switch: true or false, not 'maybe'"),
]
UPDATE = [
    (("--memory", "much"), "--memory: 'much' is no size"),
    (("--memory", "-2"), "--memory: '-2' is no size"),
    (("--memory", "64M", "--memory-swap", "32M"), "--memory-swap = 33554432: counts memory and"),
    (("--cpu-period", "999"), "--cpu-period = 999: must be from 1000 to 1000000 (us)"),
    (("--cpu-period", "1000001"), "--cpu-period = 1000001: must be a whole number from 0 to 10"),
    (("--cpu-period", "-1"), "--cpu-period = -1: must be a whole number from 0 to 1000000"),
    (("--cpu-quota", "999"), "--cpu-quota = 999: must be -1 or at least 1000 (us)"),
    (("--cpu-quota", "1e3"), "--cpu-quota takes a whole number, not '1e3'"),
    (("--cpu-share", "-1"), "--cpu-share = -1: must be a whole number from 0 to"),
    (("--cpu-rt-runtime", "-5"), "--cpu-rt-runtime = -5: must be a whole number from -1 to"),
    (("--cpuset-cpus", "3-1"), '--cpuset-cpus = "3-1": must be a list such as "0-3,7"'),
    (("--cpuset-mems", "x"), '--cpuset-mems = "x": must be a list such as "0-3,7"'),
    (("--pids-limit", "x"), "--pids-limit takes a whole number, not 'x'"),
    (("--blkio-weight", "1001"), "--blkio-weight = 1001: must be a whole number from 0 to 1000"),
]


def refused(hutch: Runtime, verb: str, flags: tuple[str, ...], code: int) -> str:
    command = ("echo", "reached") if verb == "exec" else ()
    return hutch.refuses(verb, *flags, "sleeper", *command, code=code)


@pytest.mark.parametrize(("flags", "why"), EXEC, ids=lambda value: " ".join(value))
def test_exec_refuses(flags: tuple[str, ...], why: str, hutch: Runtime, sleeper: str) -> None:
    assert refused(hutch, "exec", flags, 255).startswith("hutch: " + why)


@pytest.mark.parametrize(("flags", "why"), UPDATE, ids=lambda value: " ".join(value))
def test_update_refuses(flags: tuple[str, ...], why: str, hutch: Runtime, sleeper: str) -> None:
    assert refused(hutch, "update", flags, 1).startswith("hutch: " + why)


def test_exec_takes_what_is_right(hutch: Runtime, sleeper: str) -> None:
    assert hutch("exec", "--cwd", "/bin", "--env", "A=", sleeper, "pwd").out == "/bin\n"


def test_exec_of_an_empty_command_name_finds_no_file(hutch: Runtime, sleeper: str) -> None:
    error = hutch.refuses("exec", sleeper, "", code=255)
    assert error.startswith('hutch: exec: "": executable file not found in $PATH')


def test_runc_refuses_the_same(bundle: Bundle, tmp_path: Path) -> None:
    if not shutil.which("runc"):
        pytest.skip("takes runc")
    runc = Runtime("runc", tmp_path / "runc")
    bundle.args("sleep", "1000")
    runc("run", "--detach", "--bundle", str(bundle.path), "sleeper")
    try:
        for verb, cases in (("exec", EXEC), ("update", UPDATE)):
            for flags, _ in cases:
                command = ("true",) if verb == "exec" else ()
                assert runc(verb, *flags, "sleeper", *command, check=False).code, flags
    finally:
        runc("delete", "--force", "sleeper")


def test_exec_takes_only_ids_that_the_container_maps(hutch: Runtime, bundle: Bundle) -> None:
    def change(config: dict[str, dict[str, object]]) -> None:
        config["linux"]["namespaces"] += [{"type": "user"}]
        for field in ("uidMappings", "gidMappings"):
            config["linux"][field] = [{"containerID": 0, "hostID": 0, "size": 10}]

    bundle.change(change).args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(bundle.path), "sleeper")
    process = bundle.path / "process.json"
    process.write_text('{"args": ["true"], "cwd": "/", "user": {"uid": 0, "gid": 10}}')
    for flags, why in (
        (("--user", "10"), "--user = 10: is not mapped in linux.uidMappings"),
        (("--user", "9:10"), "--user = 10: is not mapped in linux.gidMappings"),
        (
            ("--additional-gids", "10"),
            "--additional-gids = 10: is not mapped in linux.gidMappings",
        ),
        (("--process", str(process)), f"{process}: user.gid = 10: is not mapped in linux."),
    ):
        assert refused(hutch, "exec", flags, 255).startswith("hutch: " + why)
    hutch("exec", "--user", "9:9", "sleeper", "true")
