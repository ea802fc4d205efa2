"""seccomp record: real containers run again under their profiles, and do nothing else."""

import json
import os
import signal
import subprocess
import urllib.request
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.containers import Bundle, Runtime, eventually
from tests.support.seccomp import (
    explained,
    filtered,
    names_in,
    names_of_all,
    profile_of,
    record,
)

pytestmark = pytest.mark.root

SESSION = "cd /tmp; echo one > a; cat a | wc -l; ls -l; mv a b; rm b; sleep 0.01"


def test_a_shell_session_runs_under_its_profile_and_does_nothing_else(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    file = tmp_path / "profile.json"
    bundle.config["root"]["readonly"] = False
    bundle.sh(SESSION)
    done = record(hutch, bundle, file, "--check")
    assert done.out.count("1\n") >= 2  # it ran twice: --check
    assert f"hutch: {file}: " in done.err
    profile = profile_of(file)
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert profile["syscalls"][0]["names"] == sorted(profile["syscalls"][0]["names"])
    assert names_in(file) >= {"read", "write", "execve", "rename", "unlink"}
    assert not names_in(file) & {"mkdir", "chmod", "unshare", "setresuid", "capset"}
    # The control: without the profile the calls succeed.
    others = "mkdir /tmp/d && echo made; chmod 700 /tmp && echo changed; " + SESSION
    control = hutch("run", "-b", str(bundle.sh(others).save().path), "test")
    assert control.out.startswith("made\nchanged\n")
    bundle.config["linux"]["seccomp"] = profile
    bundle.config["process"]["args"][-1] = others.replace("/tmp/d", "/tmp/e")
    lines, output = explained(hutch, bundle)
    assert {line["syscall"] for line in lines} == {"mkdir", "chmod"}
    assert output == control.out.removeprefix("made\nchanged\n")


SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            if self.path == "/other":
                os.mkdir("/tmp/made")
            said = b"hello"
        except OSError as error:
            said = str(error).encode()
        self.send_response(200); self.end_headers(); self.wfile.write(said)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open("/tmp/port", "w") as file:
    file.write(str(server.server_port) + "\\n")
server.serve_forever()
"""


def with_the_hosts_python(bundle: Bundle) -> None:
    """The container shares the host's network, and has the host's programs, read-only."""
    for name in ("lib", "lib64"):
        (bundle.rootfs / name).symlink_to("usr/" + name)
    (bundle.rootfs / "usr").mkdir()
    (bundle.rootfs / "server.py").write_text(SERVER)
    config = bundle.config
    config["root"]["readonly"] = False
    namespaces = config["linux"]["namespaces"]
    config["linux"]["namespaces"] = [one for one in namespaces if one["type"] != "network"]
    config["mounts"].append(
        {"destination": "/usr", "source": "/usr", "type": "bind", "options": ["rbind", "ro"]}
    )
    bundle.args("/usr/bin/python3", "-S", "/server.py")


def served(hutch: Runtime, bundle: Bundle, command: list[str], paths: list[str]) -> list[str]:
    """The answers of the container's server, which is ended after them."""
    port_file = bundle.rootfs / "tmp" / "port"
    port_file.unlink(missing_ok=True)
    hutch(*command, "--detach", "-b", str(bundle.save().path), "test")
    eventually(lambda: port_file.exists() and port_file.read_text().strip())
    port = port_file.read_text().strip()
    said = []
    for path in paths:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            said.append(answer.read().decode())
    hutch("kill", "test", "KILL")
    hutch("delete", "--force", "test")
    return said


def test_a_web_server_runs_under_its_profile_and_does_nothing_else(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    with_the_hosts_python(bundle)
    file = tmp_path / "profile.json"
    command = ["seccomp", "record", "-o", str(file)]
    assert served(hutch, bundle, command, ["/", "/x"]) == ["hello", "hello"]
    eventually(file.exists)
    profile = profile_of(file)
    clone3 = {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}
    assert clone3 in profile["syscalls"]
    families = [
        entry["args"][0]["valueTwo"] for entry in profile["syscalls"] if "socket" in entry["names"]
    ]
    assert families == [1, 2]  # AF_UNIX, by the C library for the name of the user; AF_INET
    bundle.config["linux"]["seccomp"] = profile
    log = tmp_path / "log"
    command = ["--log", str(log), "--log-format", "json", "run", "--seccomp-explain"]
    said = served(hutch, bundle, command, ["/", "/other", "/"])
    assert said[0] == said[2] == "hello"
    assert "Operation not permitted: '/tmp/made'" in said[1]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["syscall"] for line in lines} == {"clone3", "mkdir"}


def test_runs_are_merged_and_what_the_file_refuses_stays_refused(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    file = tmp_path / "profile.json"
    bundle.config["root"]["readonly"] = False
    record(hutch, bundle.sh("chmod 777 /tmp"), file)
    first = profile_of(file)
    assert "chmod" in names_in(file) and "mkdir" not in names_in(file)
    refusal = {"names": ["rmdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}
    file.write_text(json.dumps({**first, "syscalls": [*first["syscalls"], refusal]}))
    done = record(hutch, bundle.sh("mkdir /tmp/a; rmdir /tmp/a"), file)
    assert {"chmod", "mkdir"} <= names_in(file) and "rmdir" not in names_in(file)
    assert "rmdir was called, but stays refused" in done.err
    assert refusal in profile_of(file)["syscalls"]


def test_what_the_bundle_refuses_is_refused_and_not_learnt(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    file = tmp_path / "profile.json"
    filtered(bundle, {"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13})
    done = record(hutch, bundle.sh("chmod 700 /tmp; echo end"), file)
    assert "Permission denied" in done.err and done.out == "end\n"
    assert "chmod" not in names_in(file)
    refusal = {"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}
    assert refusal in profile_of(file)["syscalls"]


def test_a_recording_is_as_strict_as_the_profile_of_the_bundle(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    """Where rules of the bundle compare arguments that a recording does not."""
    file = tmp_path / "profile.json"
    mode = {"index": 1, "value": 0o22, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    names = [*names_of_all() - {"chmod"}]
    filtered(
        bundle,
        {"names": names, "action": "SCMP_ACT_ALLOW"},
        {"names": ["chmod"], "action": "SCMP_ACT_ALLOW", "args": [mode]},
        defaultAction="SCMP_ACT_ERRNO",
    )
    bundle.config["root"]["readonly"] = False
    record(hutch, bundle.sh("chmod 700 /tmp; chmod 777 /tmp; echo end"), file)
    rules = [entry for entry in profile_of(file)["syscalls"] if "chmod" in entry["names"]]
    assert rules == [{"names": ["chmod"], "action": "SCMP_ACT_ALLOW", "args": [mode]}]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="int 0x80 is of x86")
def test_calls_of_another_architecture_are_recorded_and_explained(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    source = Path(__file__).parents[1] / "native" / "other_architecture.c"
    subprocess.run(["gcc", "-static", "-o", bundle.rootfs / "other", source], check=True)
    file = tmp_path / "profile.json"
    done = record(hutch, bundle.args("/other"), file, "--check")
    assert done.out == "ran\nran\n"
    profile = profile_of(file)
    assert profile["architectures"] == ["SCMP_ARCH_X86", "SCMP_ARCH_X86_64"]
    profile["architectures"].remove("SCMP_ARCH_X86")
    bundle.config["linux"]["seccomp"] = profile
    [line, *_], _ = explained(hutch, bundle, code=137)
    assert (line["syscall"], line["architecture"]) == ("getpid", "SCMP_ARCH_X86")
    assert line["pointer"] == "linux.seccomp.architectures"


def test_exec_is_recorded_and_a_pause_does_no_harm(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    file = tmp_path / "profile.json"
    bundle.config["root"]["readonly"] = False
    record(hutch, bundle.args("sleep", "100"), file, "--detach")
    hutch("pause", "test")
    hutch("resume", "test")
    hutch("exec", "test", "chmod", "700", "/tmp")
    assert not file.exists()
    hutch("delete", "--force", "test")
    eventually(file.exists)
    assert {"chmod", "clock_nanosleep", "restart_syscall"} <= names_in(file)


def test_a_recording_takes_the_flags_of_run(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    file, pid = tmp_path / "profile.json", tmp_path / "pid"
    bundle.config["linux"]["maskedPaths"] = []
    bundle.sh("cat /proc/keys")
    # Keys are seen in the whole machine, also those of other runs of this test.
    id = f"keys-{uuid4().hex}"
    done = record(hutch, bundle, file, "--pid-file", str(pid), id=id)
    assert f"_ses.{id}" in done.out
    assert pid.read_text().isdecimal()
    (tmp_path / "given").write_text("content\n")
    bundle.sh("cat <&3; ls /; cat /proc/keys")
    given = os.open(tmp_path / "given", os.O_RDONLY)
    flags = ["--preserve-fds", "1", "--no-new-keyring", "--no-pivot"]
    id = f"keys-{uuid4().hex}"
    done = record(
        hutch, bundle, file, *flags, id=id, preexec_fn=lambda: os.dup2(given, 3), close_fds=False
    )
    os.close(given)
    root = "bin dev etc proc root sys tmp var".split()  # noqa: SIM905
    assert done.out.split()[: 1 + len(root)] == ["content", *root]
    assert f"_ses.{id}" not in done.out


def test_without_no_new_privs_the_profile_has_what_the_start_needs(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    file = tmp_path / "profile.json"
    bundle.config["process"]["noNewPrivileges"] = False
    record(hutch, bundle.sh("echo end"), file, "--check")
    assert "capset" in names_in(file)


def test_a_run_that_fails_writes_nothing(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    done = record(hutch, bundle.args("/nothing"), file, check=False)
    assert done.code == 1 and "/nothing" in done.err
    assert not file.exists()
    done = record(hutch, bundle.args("true"), tmp_path / "nowhere" / "profile.json", check=False)
    assert done.code == 1 and "is no directory that the caller may write to" in done.err
    file.write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    done = record(hutch, bundle.args("true"), file, check=False)
    assert done.code == 1 and "allows what the profile does not name" in done.err
    assert hutch.ids() in ([], [".filters"])


def supervisors(root: Path) -> list[int]:
    """The pids of the processes that answer for containers below the root."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        program = words[6] if len(words) > 8 else b""
        if b"seccomp_watch as it" in program and words[8].startswith(bytes(root)):
            found.append(int(path.name))
    return found


def test_if_the_supervisor_dies_the_container_is_killed_and_the_file_stays(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    file = tmp_path / "profile.json"
    bundle.config["root"]["readonly"] = False
    bundle.sh("touch /tmp/begun; exec sleep 100").save()
    running = subprocess.Popen(
        [hutch.command, "--root", hutch.root, "seccomp", "record", "-o", file, "-b", bundle.path,
         "test"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    eventually(lambda: supervisors(hutch.root))
    [supervisor] = supervisors(hutch.root)
    eventually((bundle.rootfs / "tmp" / "begun").exists)
    hutch(
        "update", "--pids-limit", "100", "test"
    )  # waits for the lock that run has until the start
    os.kill(supervisor, signal.SIGKILL)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 1, said
    assert "the supervisor of the container's system calls was killed" in said, said
    assert not file.exists()
    assert hutch.ids() in ([], [".filters"])


def test_if_the_runtime_is_killed_the_recording_goes_on(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    file = tmp_path / "profile.json"
    bundle.sh(
        "touch /tmp/begun; until [ -e /tmp/go ]; do usleep 10000; done; chmod 700 /tmp; "
        "touch /tmp/end"
    )
    bundle.config["root"]["readonly"] = False
    bundle.save()
    running = subprocess.Popen(
        [hutch.command, "--root", hutch.root, "seccomp", "record", "-o", file, "-b", bundle.path,
         "test"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    eventually(lambda: supervisors(hutch.root))
    eventually((bundle.rootfs / "tmp" / "begun").exists)
    hutch(
        "update", "--pids-limit", "100", "test"
    )  # waits for the lock that run has until the start
    running.kill()
    running.wait()
    (bundle.rootfs / "tmp" / "go").touch()
    eventually((bundle.rootfs / "tmp" / "end").exists)
    eventually(file.exists)
    assert "chmod" in names_in(file)
    hutch("delete", "--force", "test")
