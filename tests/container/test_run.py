"""run and exec: their flags and exit codes, and the signals and descriptors that they pass on."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Outcome, Runtime, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]


def writable(bundle: Bundle) -> Bundle:
    return bundle.change(lambda config: config["root"].update(readonly=False))


def test_run_prints_what_the_program_prints_and_leaves_nothing(run: Run, hutch: Runtime) -> None:
    done = run("echo out; echo err >&2")
    assert (done.out, done.err, done.code) == ("out\n", "err\n", 0)
    assert hutch.ids() == []


@pytest.mark.parametrize("code", [1, 7, 255])
def test_run_ends_with_the_programs_exit_code(run: Run, code: int) -> None:
    assert run(f"exit {code}", check=False).code == code


def test_run_ends_with_128_and_the_signal(run: Run, bundle: Bundle) -> None:
    bundle.config["linux"]["namespaces"].remove({"type": "pid"})
    assert run("kill -KILL $$", check=False).code == 128 + 9
    assert run("kill -TERM $$", check=False).code == 128 + 15


def test_run_passes_standard_input_on(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("through\n")
    bundle.args("cat")
    with (tmp_path / "in").open() as given:
        done = hutch("run", "--bundle", str(bundle.path), "test", stdin=given)
    assert done.out == "through\n"


def test_run_keep_leaves_the_stopped_container(hutch: Runtime, bundle: Bundle) -> None:
    hutch("run", "--keep", "--bundle", str(bundle.path), "test")
    assert hutch.state("test")["status"] == "stopped"
    hutch("delete", "test")


def test_run_detached_returns_at_once_and_the_container_lives(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    bundle.args("sleep", "1000")
    pid_file = tmp_path / "pid"
    hutch("run", "-d", "--pid-file", str(pid_file), "-b", str(bundle.path), "test")
    state = hutch.state("test")
    assert state["status"] == "running"
    assert pid_file.read_text() == str(state["pid"])


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR2"])
def test_run_passes_signals_on_to_the_container(hutch: Runtime, bundle: Bundle, name: str) -> None:
    writable(bundle).sh(f"trap 'exit 9' {name}; touch /tmp/ready; while :; do usleep 20000; done")
    process = subprocess.Popen(
        [hutch.command, "--root", str(hutch.root), "run", "--bundle", str(bundle.path), "test"]
    )
    eventually((bundle.rootfs / "tmp" / "ready").exists)
    process.send_signal(getattr(signal, "SIG" + name))
    assert process.wait(60) == 9


def test_s01_preserved_descriptors_arrive_under_the_same_numbers_and_no_others(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    for number in (3, 4, 6):
        (tmp_path / f"file{number}").write_text(f"content {number}\n")
    bundle.sh("cat <&3; cat <&4; ls /proc/self/fd")

    def leak() -> None:
        for number in (3, 4, 6):
            os.dup2(os.open(tmp_path / f"file{number}", os.O_RDONLY), 20 + number)
        for number in (3, 4, 6):
            os.dup2(20 + number, number)

    done = hutch(
        "run", "--preserve-fds", "2", "--bundle", str(bundle.path), "test",
        preexec_fn=leak, close_fds=False,
    )  # fmt: skip
    # ls itself opens the directory as the lowest free number.
    assert done.out.split("\n")[:-1] == ["content 3", "content 4", "0", "1", "2", "3", "4", "5"]


def test_a_preserved_number_that_is_closed_shows_nothing_of_the_runtimes(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.sh("for fd in /proc/self/fd/*; do echo $fd $(readlink $fd); done")
    done = hutch("run", "--preserve-fds", "20", "--bundle", str(bundle.path), "test")
    shown = dict(line.split(" ", 1) for line in done.out.splitlines() if " /" in line)
    numbers = sorted(int(path.rsplit("/", 1)[1]) for path in shown)
    assert [number for number in numbers if number > 2 and number < 20] in ([], [3]), shown


def test_listen_fds_are_passed_before_the_preserved_ones(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    for number in (3, 4):
        (tmp_path / f"file{number}").write_text(f"content {number}\n")
    bundle.sh("cat <&3; cat <&4; echo $LISTEN_FDS $LISTEN_PID")

    def leak() -> None:
        for number in (3, 4):
            os.dup2(os.open(tmp_path / f"file{number}", os.O_RDONLY), 20 + number)
        for number in (3, 4):
            os.dup2(20 + number, number)
        os.environ["LISTEN_FDS"] = "1"
        os.environ["LISTEN_PID"] = str(os.getpid())
        os.execv(
            hutch.command,
            [
                hutch.command, "--root", str(hutch.root), "run", "--preserve-fds", "1",
                "--bundle", str(bundle.path), "test",
            ],
        )  # fmt: skip

    done = hutch("list", preexec_fn=leak, close_fds=False)
    assert done.out == "content 3\ncontent 4\n1 1\n"


def test_run_refuses_a_console_socket_in_the_foreground(hutch: Runtime, bundle: Bundle) -> None:
    error = hutch.refuses(
        "run", "--console-socket", "/nowhere", "--bundle", str(bundle.path), "test"
    )
    assert "cannot use console socket" in error


@pytest.mark.parametrize("words", [["create"], ["run", "--detach"]])
def test_a_console_socket_needs_a_terminal(
    hutch: Runtime, bundle: Bundle, words: list[str]
) -> None:
    words = [*words, "--bundle", str(bundle.path)]
    error = hutch.refuses(*words, "--console-socket", "/nowhere", "test")
    assert "cannot use console socket" in error
    assert "process.terminal" in error
    hutch(*words, "test")


def test_a_detached_terminal_needs_a_console_socket(hutch: Runtime, bundle: Bundle) -> None:
    bundle.change(lambda config: config["process"].update(terminal=True))
    for words in (["create"], ["run", "--detach"]):
        error = hutch.refuses(*words, "--bundle", str(bundle.path), "test")
        assert "process.terminal" in error
        assert "--console-socket" in error


def test_debug_logs_each_step(hutch: Runtime, bundle: Bundle) -> None:
    done = hutch("--debug", "run", "--bundle", str(bundle.path), "test")
    assert "debug: init: set the hostname to hutch [hostname]" in done.err


# exec


def test_debug_logs_each_step_of_exec(hutch: Runtime, sleeper: str) -> None:
    done = hutch("--debug", "exec", sleeper, "true")
    assert "debug: init: execute true [process.args]" in done.err
    assert "debug: init: join " in done.err
    assert hutch("exec", sleeper, "true").err == ""


def test_exec_runs_in_the_containers_namespaces(hutch: Runtime, sleeper: str) -> None:
    done = hutch(
        "exec", sleeper, "sh", "-c", "hostname; ls /proc | grep -c '^[0-9]*$'; ps | head -2"
    )
    lines = done.out.splitlines()
    assert lines[0] == "hutch"
    assert lines[-1].split()[0] == "1"
    pid = hutch.state(sleeper)["pid"]
    for kind in ("pid", "net", "ipc", "uts", "mnt", "user", "cgroup"):
        inside = hutch("exec", sleeper, "readlink", f"/proc/self/ns/{kind}").out.strip()
        assert inside == os.readlink(f"/proc/{pid}/ns/{kind}"), kind


def test_exec_enters_the_containers_cgroups(hutch: Runtime, sleeper: str) -> None:
    first = hutch("exec", sleeper, "cat", "/proc/1/cgroup").out
    assert hutch("exec", sleeper, "cat", "/proc/self/cgroup").out == first


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("kill -KILL $$", 137)])
def test_exec_ends_with_the_commands_code(
    hutch: Runtime, sleeper: str, script: str, code: int
) -> None:
    assert hutch("exec", sleeper, "sh", "-c", script, check=False).code == code


def test_exec_ends_with_255_on_every_error_of_the_runtime(hutch: Runtime, sleeper: str) -> None:
    refuses = hutch.refuses
    assert "container does not exist" in refuses("exec", "none", "true", code=255)
    error = refuses("exec", sleeper, "nosuch", code=255)
    assert 'exec: "nosuch": executable file not found in $PATH' in error
    error = refuses("exec", sleeper, "/bin/nosuch", code=255)
    assert "no such file or directory" in error
    assert "/nowhere" in refuses("exec", "--process", "/nowhere", sleeper, code=255)
    assert "/nowhere" in refuses("exec", "--pid-file", "/nowhere/p", sleeper, "true", code=255)
    assert "--user" in refuses("exec", "--user", "x", sleeper, "true", code=255)
    assert "no command" in refuses("exec", sleeper, code=255)
    hutch("kill", sleeper, "KILL")
    eventually(lambda: hutch.state(sleeper)["status"] == "stopped")
    assert "cannot exec in a stopped container" in refuses("exec", sleeper, "true", code=255)


def test_exec_ends_as_in_a_shell_if_asked_for(hutch: Runtime, sleeper: str) -> None:
    for command, code in (("nosuch", 127), ("/bin/nosuch", 127), ("/etc", 126)):
        hutch.refuses("exec", "--shell-status", sleeper, command, code=code)
    hutch.refuses("exec", "--shell-status", "--cwd", "/nowhere", sleeper, "true", code=126)
    hutch.refuses("exec", "--shell-status", "none", "true", code=126)


def test_exec_flags_change_the_process(hutch: Runtime, sleeper: str) -> None:
    def sh(script: str, *flags: str) -> str:
        return hutch("exec", *flags, sleeper, "sh", "-c", script).out.strip()

    assert sh("pwd", "--cwd", "/tmp") == "/tmp"
    assert sh("echo $A$B$TERM", "--env", "A=1", "-e", "B=2") == "12xterm"
    assert sh("id -u; id -g", "--user", "1000:2000") == "1000\n2000"
    assert sh("id -u; id -g", "-u", "1000") == "1000\n0"
    assert sh("echo $TERM", "-e", "TERM=first", "-e", "TERM=last") == "last"
    assert sh("env | grep -c ^TERM=", "-e", "TERM=new") == "1"
    assert sh("echo $HOME", "-e", "HOME=") == "/root"
    assert sh("echo $HOME", "-e", "HOME=", "-u", "1000") == "/tmp"
    assert sh("id -G", "--user", "5:6", "-g", "7", "--additional-gids", "8") == "6 7 8"
    assert sh("grep NoNewPrivs /proc/self/status") == "NoNewPrivs:\t1"
    caps = "grep -E 'Cap(Eff|Prm|Inh|Bnd|Amb)' /proc/self/status"
    before, after = sh(caps), sh(caps, "--cap", "CAP_SYS_CHROOT")
    sets = [
        {line.split(":")[0]: int(line.split()[1], 16) for line in text.splitlines()}
        for text in (before, after)
    ]
    changed = {
        name for name in sets[0] if sets[0][name] | 1 << 18 == sets[1][name] != sets[0][name]
    }
    assert changed == {"CapEff", "CapPrm", "CapBnd"}


def test_exec_user_changes_what_it_names(hutch: Runtime, bundle: Bundle) -> None:
    user = {"uid": 1, "gid": 7, "additionalGids": [8, 9], "umask": 0o27}
    bundle.change(lambda config: config["process"].update(user=user)).args("sleep", "1000")
    hutch("run", "-d", "-b", str(bundle.path), "test")

    def ids(*flags: str) -> str:
        return hutch("exec", *flags, "test", "sh", "-c", "echo $(id -u) $(id -G) $(umask)").out

    assert ids() == "1 7 8 9 0027\n"
    assert ids("--user", "5") == "5 7 8 9 0027\n"
    assert ids("--user", "5:6") == "5 6 8 9 0027\n"
    assert ids("--user", "5", "--additional-gids", "3") == "5 7 3 8 9 0027\n"


def test_errors_of_exec_name_what_asked_for_it(
    hutch: Runtime, sleeper: str, tmp_path: Path
) -> None:
    def told(*words: str) -> str:
        return hutch.refuses("exec", *words, code=255)

    assert told("--cwd", "/none", sleeper, "pwd").startswith("hutch: --cwd: change to /none: chdir")
    assert told(sleeper, "nosuch").startswith('hutch: exec: "nosuch": ')
    assert told("--tty", "--detach", sleeper, "true").startswith("hutch: --tty: a detached")
    process = {"args": ["true"], "cwd": "/none", "env": ["PATH=/bin"]}
    path = tmp_path / "process.json"
    path.write_text(json.dumps(process))
    assert told("--process", str(path), sleeper).startswith(f"hutch: {path}: cwd: change to /none")
    done = hutch("exec", "--cap", "CAP_NONE", sleeper, "true")
    assert done.err.startswith('hutch: warning: --cap: "CAP_NONE" is left out')


def test_exec_no_new_privs_is_off_as_in_the_config_unless_asked_for(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.change(lambda config: config["process"].update(noNewPrivileges=False))
    bundle.args("sleep", "1000")
    hutch("run", "-d", "-b", str(bundle.path), "test")
    words = ("test", "grep", "NoNewPrivs", "/proc/self/status")
    assert hutch("exec", *words).out == "NoNewPrivs:\t0\n"
    assert hutch("exec", "--no-new-privs", *words).out == "NoNewPrivs:\t1\n"


def test_exec_labels_are_errors_on_a_host_without_the_module(hutch: Runtime, sleeper: str) -> None:
    if not Path("/sys/module/apparmor").exists():
        error = hutch.refuses("exec", "--apparmor", "p", sleeper, "true", code=255)
        assert "hutch: --apparmor: " in error
    if not Path("/sys/fs/selinux/enforce").exists():
        error = hutch.refuses("exec", "--process-label", "a:b:c", sleeper, "true", code=255)
        assert "hutch: --process-label: " in error


def test_exec_process_reads_a_file(hutch: Runtime, sleeper: str, tmp_path: Path) -> None:
    process = {
        "args": ["sh", "-c", "pwd; id -u; echo $X; ulimit -n; umask"],
        "cwd": "/tmp",
        "env": ["PATH=/bin", "X=here"],
        "user": {"uid": 3, "gid": 4, "umask": 0o27},
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}],
    }
    (tmp_path / "process.json").write_text(json.dumps(process))
    for flag in ("--process", "-p"):
        out = hutch("exec", flag, str(tmp_path / "process.json"), sleeper).out
        assert out.split() == ["/tmp", "3", "here", "77", "0027"]


def test_exec_refuses_a_bad_process_file(hutch: Runtime, sleeper: str, tmp_path: Path) -> None:
    path = tmp_path / "process.json"
    for text, named in (
        ("{", "process.json"),
        ('{"args": "true", "cwd": "/"}', "args"),
        ('{"args": ["true"], "cwd": "relative"}', "cwd"),
        (
            '{"args": ["true"], "cwd": "/", "rlimits": [{"type": "X", "soft": 1, "hard": 1}]}',
            "rlim",
        ),
    ):
        path.write_text(text)
        assert named in hutch.refuses("exec", "--process", str(path), sleeper, code=255)


def test_exec_detached_leaves_the_process_and_writes_its_pid(
    hutch: Runtime, sleeper: str, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    hutch("exec", "--detach", "--pid-file", str(pid_file), sleeper, "sleep", "999")
    pid = int(pid_file.read_text())
    assert Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x00999\x00"
    assert pid in json.loads(hutch("ps", "--format", "json", sleeper).out)


def test_exec_in_the_foreground_writes_the_pid_too(
    hutch: Runtime, sleeper: str, tmp_path: Path
) -> None:
    hutch("exec", "--pid-file", str(tmp_path / "pid"), sleeper, "true")
    assert (tmp_path / "pid").read_text().isdigit()


def test_exec_preserves_descriptors(hutch: Runtime, sleeper: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content\n")

    def leak() -> None:
        fd = os.open(tmp_path / "file", os.O_RDONLY)
        for number in (3, 9):
            os.dup2(fd, number)

    words = (sleeper, "sh", "-c", "cat <&3; ls /proc/self/fd")
    options = {"preexec_fn": leak, "close_fds": False}
    out = hutch("exec", "--preserve-fds", "1", *words, **options).out
    assert out.split() == ["content", "0", "1", "2", "3", "4"]


def test_exec_starts_in_a_sub_cgroup(hutch: Runtime, sleeper: str) -> None:
    pid = hutch.state(sleeper)["pid"]
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    (own,) = [line.split(":", 2)[2] for line in lines if ":pids:" in line]
    below = Path("/sys/fs/cgroup/pids" + own) / "below"
    below.mkdir()
    out = hutch("exec", "--cgroup", "pids:below", sleeper, "cat", "/proc/self/cgroup").out
    assert f":pids:{own}/below" in out
    assert out.count("/below") == 1


def test_s35_exec_refuses_a_cgroup_that_leads_out(hutch: Runtime, sleeper: str) -> None:
    for path in ("..", "../..", "a/../../b", "missing", "pids:../x"):
        error = hutch.refuses("exec", "--cgroup", path, sleeper, "true", code=255)
        assert "cgroup" in error


def test_exec_ignore_paused_waits_for_the_resume(
    hutch: Runtime, sleeper: str, tmp_path: Path
) -> None:
    hutch("pause", sleeper)
    words = [hutch.command, "--root", str(hutch.root), "exec", "--ignore-paused", sleeper, "true"]
    process = subprocess.Popen(words)
    hutch("resume", sleeper)
    assert process.wait(60) == 0


def test_exec_passes_options_of_the_command_on_unread(hutch: Runtime, sleeper: str) -> None:
    assert hutch("exec", sleeper, "echo", "--help", "-x", "--", "-d").out == "--help -x -- -d\n"
    assert hutch("exec", sleeper, "--", "echo", "a").out == "a\n"


def test_exec_tty_gives_a_terminal(hutch: Runtime, sleeper: str) -> None:
    assert hutch("exec", sleeper, "tty", check=False).out == "not a tty\n"
    assert hutch("exec", "-t", sleeper, "tty").out.strip() == "/dev/pts/0"
