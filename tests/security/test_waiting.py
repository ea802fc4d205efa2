"""The init that waits between create and start, or joins namespaces, gives no rights to others.

From the status `created` on, other processes of its pid namespace can trace the init. So it must
have only the rights of the config. Before that, processes of a namespace that it joins can see it.
So it must be protected before it joins.
"""

import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Bundle, Runtime, alive, eventually, reachable

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

NATIVE = Path(__file__).parents[1] / "native"
RIGHTS = (
    "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs",
    "Seccomp",
)  # fmt: skip
SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")
ROUNDS = 40
# The calls of every program, and no others.
EVERY = ["read", "write", "close", "execve", "exit_group"]
x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="written for this processor")


def build(source: str, folder: Path, *flags: str) -> Path:
    program = folder / source.partition(".")[0]
    subprocess.run(
        ["cc", "-O1", "-static", "-Wall", "-Wextra", "-Werror", *flags, NATIVE / source,
         "-o", program],
        check=True,
    )  # fmt: skip
    return program


def rights(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return {name: " ".join(fields[name].split()) for name in RIGHTS}


def profile(allowed: list[str]) -> dict[str, Any]:
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": allowed, "action": "SCMP_ACT_ALLOW"}],
    }


def mapped(bundle: Bundle, *, host: int = 100000) -> None:
    reachable(bundle.rootfs)
    bundle.config["linux"]["namespaces"].append({"type": "user"})
    for field in ("uidMappings", "gidMappings"):
        bundle.config["linux"][field] = [{"containerID": 0, "hostID": host, "size": 65536}]


@pytest.mark.parametrize("no_new_privileges", [True, False])
@pytest.mark.parametrize("filtered", [True, False])
@pytest.mark.parametrize("capabilities", [[], ["CAP_CHOWN", "CAP_NET_RAW"], ["CAP_SYS_ADMIN"]])
@pytest.mark.parametrize("user", [0, 1000])
@pytest.mark.parametrize("own", [False, True], ids=["host's users", "own users"])
def test_s13_the_waiting_init_has_only_the_rights_of_the_config(
    hutch: Runtime, bundle: Bundle, no_new_privileges: bool, filtered: bool,
    capabilities: list[str], user: int, own: bool,
) -> None:  # fmt: skip
    numbers = {"CAP_CHOWN": 0, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21}
    mask = f"{sum(1 << numbers[name] for name in capabilities):016x}"
    process = bundle.config["process"]
    process["noNewPrivileges"] = no_new_privileges
    process["user"] = {"uid": user, "gid": user, "additionalGids": [7]}
    process["capabilities"] = dict.fromkeys(SETS, capabilities)
    if filtered:
        bundle.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_ERRNO"}],
        }
    if own:
        mapped(bundle)
    bundle.args("sleep", "1000")
    hutch("create", "--bundle", str(bundle.path), "test")
    pid = hutch.state("test")["pid"]
    host = 100000 if own else 0
    wanted = {
        "Uid": " ".join([str(host + user)] * 4),
        "Gid": " ".join([str(host + user)] * 4),
        "Groups": str(host + 7),
        "NoNewPrivs": str(int(no_new_privileges)),
        "Seccomp": "2" if filtered else "0",
        **dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), mask),
    }
    assert rights(pid) == wanted
    hutch("start", "test")
    # The control: the program has the same rights, and it is the program that is checked.
    eventually(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
    assert rights(pid) == wanted


@x86
def test_s01_a_debugger_of_the_waiting_init_gets_only_the_rights_of_the_config(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    """A process that may trace the waiting init, here an exec, lets it make system calls."""
    (bundle.rootfs / "bin" / "inject").write_bytes(build("inject.c", tmp_path).read_bytes())
    (bundle.rootfs / "bin" / "inject").chmod(0o755)
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    bundle.config["process"]["capabilities"] = {kind: [] for kind in SETS}
    bundle.args("sleep", "1000")
    hutch("create", "--bundle", str(bundle.path), "test")
    words = ("exec", "--user", "0:0", "--cap", "CAP_SYS_PTRACE", "test", "inject", "1")
    # The control: the init makes the calls (39 is getpid).
    assert hutch(*words, "39").out == "1\n"
    # 170 is sethostname, 161 is chroot (which uses only the first argument).
    assert hutch(*words, "170", "taken").out == "-1\n"
    assert hutch(*words, "161", "/tmp").out == "-1\n"
    assert hutch("exec", "test", "hostname").out == "hutch\n"
    hutch("start", "test")
    assert hutch.state("test")["status"] == "running"


@x86
@pytest.mark.parametrize("verbs", [("run",), ("create", "start")], ids=["run", "create, start"])
@pytest.mark.parametrize("no_new_privileges", [True, False])
@pytest.mark.parametrize("user", [0, 1000])
def test_s13_a_filter_needs_to_allow_only_the_calls_of_every_program(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, verbs: tuple[str, ...],
    no_new_privileges: bool, user: int,
) -> None:  # fmt: skip
    """Without no_new_privs and CAP_SYS_ADMIN, the filter must allow capset too (plan.process)."""
    program = build("small.c", tmp_path, "-nostdlib", "-fno-stack-protector")
    (bundle.rootfs / "bin" / "small").write_bytes(program.read_bytes())
    (bundle.rootfs / "bin" / "small").chmod(0o755)
    allowed = [*EVERY] if no_new_privileges else [*EVERY, "capset"]
    bundle.config["linux"]["seccomp"] = profile(allowed)
    bundle.config["process"]["noNewPrivileges"] = no_new_privileges
    bundle.config["process"]["user"] = {"uid": user, "gid": user}
    bundle.args("/bin/small")
    output = tmp_path / "out"
    with output.open("w") as stdout:
        for verb in verbs:
            words = ["--bundle", str(bundle.path)] if verb != "start" else []
            hutch(verb, *words, "test", stdout=stdout)
    eventually(lambda: output.read_text() == "ran\n")


@x86
def test_s13_a_filter_without_capset_is_refused_if_a_capability_must_be_dropped(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.config["linux"]["seccomp"] = profile(EVERY)
    bundle.config["process"]["noNewPrivileges"] = False
    error = hutch.refuses("run", "--bundle", str(bundle.sh("echo ran").path), "test")
    assert "process.capabilities: " in error
    assert "capset: operation not permitted" in error
    assert "linux.seccomp must allow capset" in error
    # With CAP_SYS_ADMIN in the config nothing is dropped, and with no_new_privs it is not needed.
    capabilities = bundle.config["process"]["capabilities"]
    for name in ("bounding", "effective", "permitted"):
        capabilities[name] = [*(capabilities.get(name) or []), "CAP_SYS_ADMIN"]
    bundle.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["capset"], "action": "SCMP_ACT_ERRNO"}],
    }
    assert hutch("run", "--bundle", str(bundle.save().path), "test").out == "ran\n"


@pytest.mark.parametrize("verbs", [("run",), ("create",)])
@pytest.mark.parametrize("no_new_privileges", [True, False])
@pytest.mark.parametrize("action", ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"])
def test_a_filter_that_forbids_all_calls_ends_the_container_and_is_named(
    hutch: Runtime, bundle: Bundle, verbs: tuple[str, ...], no_new_privileges: bool, action: str
) -> None:
    bundle.config["linux"]["seccomp"] = {"defaultAction": action}
    bundle.config["process"]["noNewPrivileges"] = no_new_privileges
    error = hutch.refuses(verbs[0], "--bundle", str(bundle.save().path), "test")
    assert "config.json: linux.seccomp: the filter " in error
    assert "execve and exit_group" in error
    assert hutch.ids() in ([], [".filters"])


def test_a_filter_that_forbids_execve_and_exit_is_named(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["linux"]["seccomp"] = profile(["read", "write", "capset"])
    error = hutch.refuses("run", "--bundle", str(bundle.save().path), "test")
    assert "process.args: " in error
    assert "linux.seccomp forbids execve" in error
    hutch("create", "--bundle", str(bundle.path), "test")
    assert "linux.seccomp forbids execve" in hutch("start", "test").err
    eventually(lambda: hutch.state("test")["status"] == "stopped")


def test_s13_start_container_hooks_have_the_programs_rights_and_its_filter(
    hutch: Runtime, bundle: Bundle
) -> None:
    show = "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status"
    (bundle.rootfs / "tmp" / "hook").touch()
    (bundle.rootfs / "tmp" / "hook").chmod(0o666)
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [7]}
    bundle.config["process"]["noNewPrivileges"] = True
    bundle.config["process"]["capabilities"] = {kind: ["CAP_NET_RAW"] for kind in SETS}
    bundle.config["root"]["readonly"] = False
    bundle.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO"}],
    }
    bundle.config["hooks"] = {
        "startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", show + " > /tmp/hook"]}]
    }
    bundle.sh(show)
    program = hutch("run", "--bundle", str(bundle.path), "test").out
    assert "Seccomp:\t2\n" in program
    assert "Uid:\t1000\t" in program
    assert (bundle.rootfs / "tmp" / "hook").read_text() == program


def started_looker(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, secret: Path
) -> tuple[int, Path]:
    """A container with a user and a pid namespace. It reads /proc/PID/root of all processes."""
    (bundle.rootfs / "bin" / "look").write_bytes(build("look.c", tmp_path).read_bytes())
    (bundle.rootfs / "bin" / "look").chmod(0o755)
    mapped(bundle)
    bundle.config["process"]["capabilities"] = {
        kind: ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"] for kind in SETS[:3]
    }
    output = tmp_path / "looked"
    bundle.for_id("looker").args("look", str(secret))
    with output.open("w") as stdout:
        hutch("run", "--detach", "--bundle", str(bundle.path), "looker", stdout=stdout)
    eventually(lambda: "looking" in output.read_text())
    return int(hutch.state("looker")["pid"]), output


@pytest.mark.parametrize("more", [[], ["time"]], ids=["create", "create with a new time namespace"])
def test_s20_processes_of_joined_namespaces_reach_no_host_file_through_the_init(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, more: list[str]
) -> None:
    secret = tmp_path / "secret"
    secret.touch()
    pid, output = started_looker(hutch, bundle, tmp_path, secret)
    del bundle.config["linux"]["uidMappings"], bundle.config["linux"]["gidMappings"]
    for namespace in bundle.config["linux"]["namespaces"]:
        if namespace["type"] in ("user", "pid"):
            namespace["path"] = f"/proc/{pid}/ns/{namespace['type']}"
    bundle.config["linux"]["namespaces"] += [{"type": kind} for kind in more]
    if more:
        bundle.config["linux"]["timeOffsets"] = {"boottime": {"secs": 9}}
    for number in range(ROUNDS):
        id = f"joins-{number}"
        bundle.for_id(id).args("true")
        hutch("create", "--bundle", str(bundle.path), id)
        hutch("delete", "--force", id)
    for _ in range(ROUNDS):
        hutch("exec", "looker", "true")
    # The control: the process ran all the time, and saw the inits.
    assert alive(pid)
    looked = output.read_text().splitlines()
    assert looked.count("here") >= ROUNDS // 2
    assert "seen" not in looked


def test_the_mappings_of_a_joined_user_namespace_may_be_given_again(
    hutch: Runtime, bundle: Bundle
) -> None:
    """containerd 2 writes such a config for each pod with a user namespace."""
    mapped(bundle)
    bundle.for_id("first").args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(bundle.path), "first")
    pid = hutch.state("first")["pid"]
    for namespace in bundle.config["linux"]["namespaces"]:
        if namespace["type"] == "user":
            namespace["path"] = f"/proc/{pid}/ns/user"
    bundle.for_id("second").sh("cat /proc/self/uid_map")
    shown = hutch("run", "--bundle", str(bundle.path), "second").out
    assert shown.split() == ["0", "100000", "65536"]
    bundle.config["linux"]["gidMappings"][0]["hostID"] = 1
    error = hutch.refuses("run", "--bundle", str(bundle.save().path), "second")
    assert 'config.json: linux.gidMappings = "0 1 65536"' in error
    assert "has other mappings: 0 100000 65536" in error


def test_s01_the_waiting_init_cannot_be_traced(hutch: Runtime, bundle: Bundle) -> None:
    """If a process is not dumpable, root owns its files in /proc, not its own user (proc(5))."""
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    bundle.args("sleep", "1000")
    hutch("create", "--bundle", str(bundle.path), "test")
    pid = hutch.state("test")["pid"]
    assert Path(f"/proc/{pid}/environ").stat().st_uid == 0
    hutch("start", "test")
    # The control: the files of the program belong to its user.
    eventually(lambda: Path(f"/proc/{pid}/environ").stat().st_uid == 1000)
