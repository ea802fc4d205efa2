"""The attributes that a container's process gets from the runtime: ids, arguments, environment, and
nothing else.

The tests of CVEs run with other runtimes too (``HUTCH=runc``), so they check the container, not the
text of errors.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import termios
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import LEAKING, Bundle, Result, Runtime
from tests.support.controls import reached, refused

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


def descriptors(pid: int) -> dict[str, str]:
    folder = Path(f"/proc/{pid}/fd")
    return {path.name: os.readlink(path) for path in folder.iterdir()}


def test_s01_cve_2016_9962_the_waiting_init_has_no_open_directory_of_the_host(
    hutch: Runtime, bundle: Bundle
) -> None:
    hutch("create", "--bundle", str(bundle.path), "test")
    pid = hutch.state("test")["pid"]
    root = os.stat(f"/proc/{pid}/root")
    for name, link in descriptors(pid).items():
        held = Path(f"/proc/{pid}/fd/{name}")
        # The text of the link is not enough: it is "/" for the host's root too.
        own = held.is_dir() and os.path.samestat(held.stat(), root)
        assert not held.is_dir() or own, (name, link)
    # The control: the waiting process is the container's, and executes its program later.
    bundle.sh("echo reached")
    hutch("start", "test")


def test_s02_s03_cve_2019_5736_the_container_cannot_write_to_the_runtimes_executable(
    hutch: Runtime, bundle: Bundle
) -> None:
    hutch("create", "--bundle", str(bundle.path), "test")
    exe = f"/proc/{hutch.state('test')['pid']}/exe"
    with pytest.raises(OSError, match=r"busy|not permitted|Read-only"):
        os.open(exe, os.O_WRONLY)
    seen = os.open(exe, os.O_RDONLY)
    try:
        # After its end the file is not busy (ETXTBSY) any more, but sealed or on a read-only mount.
        wanted = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
        try:
            sealed = fcntl.fcntl(seen, fcntl.F_GET_SEALS) & wanted == wanted
        except OSError:
            sealed = False
        assert sealed or os.fstatvfs(seen).f_flag & os.ST_RDONLY
    finally:
        os.close(seen)


def test_s08_cve_2026_30892_exec_runs_as_the_given_user(hutch: Runtime, sleeper: str) -> None:
    for user in (1, 7, 1000, 65534, (1 << 31) - 1):
        done = hutch("exec", "--user", f"{user}:{user}", sleeper, "sh", "-c", "id -u; id -g")
        assert done.out.split() == [str(user), str(user)]
    assert hutch("exec", "--user", "1", sleeper, "id", "-u").out == "1\n"


@pytest.mark.parametrize(
    "user",
    ["4294967295", "4294967296", "18446744073709551616", "-1", "+1", "0x0", "1 ", "", "1:-1"],
)
def test_s09_an_invalid_id_does_not_become_root(hutch: Runtime, bundle: Bundle, user: str) -> None:
    # The image's passwd gives this text as a name with the uid of root.
    passwd = bundle.rootfs / "etc" / "passwd"
    passwd.write_text(f"{user}:x:0:0::/:/bin/sh\nroot:x:0:0::/root:/bin/sh\n")
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    hutch("run", "-d", "-b", str(bundle.args("sleep", "1000").path), "test")
    done = hutch("exec", "--user", user, "test", "id", "-u", check=False)
    assert done.out != "0\n"


def test_s40_cve_2021_43784_many_and_long_arguments_and_mounts_arrive_unchanged(
    hutch: Runtime, bundle: Bundle
) -> None:
    """A length of 16 bits would overflow, and the next bytes would be read as another attribute."""
    words = [f"word{number}" for number in range(3000)]
    long = "y" * 70_000
    bundle.config["process"]["env"].append(f"LONG={long}")
    bundle.config["mounts"] += [
        {
            "destination": f"/tmp/{number}/{'d' * 200}",
            "type": "tmpfs",
            "source": "many",
            "options": ["size=4k", f"mode={number % 8}"],
        }
        for number in range(300)
    ]
    script = "echo $#; echo ${#LONG}; grep -c ' many ' /proc/self/mountinfo; id -u"
    bundle.args("sh", "-c", script, "sh", *words)
    assert hutch("run", "-b", str(bundle.path), "test").out.split() == ["3000", "70000", "300", "0"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kernel.shmmni", "12+net.ipv4.ip_forward={}"),
        ("kernel.shmmni=1+net.ipv4.ip_forward", "{}"),
        ("kernel/../net/ipv4/ip_forward", "{}"),
        ("kernel.shm_rmid_forced/../core_pattern", "x"),
    ],
)
def test_s41_cve_2022_0811_a_sysctl_is_one_name_and_one_value(
    hutch: Runtime, bundle: Bundle, name: str, value: str
) -> None:
    forward = "/proc/sys/net/ipv4/ip_forward"
    before = Path(forward).read_text()
    # What a new network namespace begins with depends on the host; the attack asks for the other.
    fresh = subprocess.check_output(["unshare", "--net", "cat", forward], text=True)
    bundle.config["linux"]["sysctl"] = {"kernel.shmmni": "12"}
    bundle.sh(f"cat /proc/sys/kernel/shmmni {forward}")
    reached(hutch, bundle, "12\n" + fresh)
    bundle.config["linux"]["sysctl"] = {name: value.format(1 - int(fresh))}
    bundle.sh(f"cat {forward}; echo reached")
    done = hutch("run", "-b", str(bundle.path), "test", check=False)
    if done.code == 0:
        assert done.out == fresh + "reached\n"
    else:
        refused(hutch, done, "linux.sysctl")
    assert Path(forward).read_text() == before


def test_s85_the_program_gets_no_variable_of_the_callers_environment(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    script = ["sh", "-c", f"env >> {seen}"]
    hook: list[dict[str, Any]] = [{"path": "/bin/sh", "args": script}]
    # Hooks of the host without an environment have the caller's (S-55).
    hook[0]["env"] = ["PATH=/usr/bin:/bin"]
    inside = [{"path": "/bin/sh", "args": ["sh", "-c", "env >> /tmp/seen"]}]
    bundle.config["hooks"] = {
        "createRuntime": hook, "createContainer": hook, "startContainer": inside,
        "poststart": hook, "poststop": hook,
    }  # fmt: skip
    bundle.config["root"]["readonly"] = False
    bundle.sh("env; cat /tmp/seen")
    caller = {**os.environ, "SECRET": "secret", "LD_PRELOAD": "", "BASH_ENV": "/secret"}
    done = hutch("run", "-b", str(bundle.path), "test", env=caller)
    text = done.out + seen.read_text()
    assert "PATH=" in text
    assert "ecret" not in text
    hutch("run", "-d", "-b", str(bundle.args("sleep", "1000").path), "test")
    assert "ecret" not in hutch("exec", "test", "env", env=caller).out


def test_s11_cve_2020_15257_the_runtime_listens_on_no_abstract_socket(
    hutch: Runtime, bundle: Bundle
) -> None:
    hutch("create", "--bundle", str(bundle.path), "test")
    pid = hutch.state("test")["pid"]
    held = {link[8:-1] for link in descriptors(pid).values() if link.startswith("socket:[")}
    # The init is in its own network namespace, but its sockets were bound in the host's.
    bound = {}
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        bound[fields[6]] = fields[7] if len(fields) > 7 else ""
    paths = [bound[inode] for inode in held if bound.get(inode)]
    assert not any(path.startswith("@") for path in paths)
    for socket in hutch.root.rglob("*.sock"):
        assert socket.parent.stat().st_mode & 0o777 == 0o700


def test_s80_no_interpreter_runs_between_clone_and_exec(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    """The child of the runtime makes only the system calls of its few lines of C."""
    log = tmp_path / "calls"
    words = [hutch.command, "--root", str(hutch.root), "run", "-b", str(bundle.path), "test"]
    subprocess.run(["strace", "-ff", "-qq", "-o", log, *words], check=True, timeout=60)
    found = 0
    for path in tmp_path.glob("calls.*"):
        lines = path.read_text().splitlines()
        if not any(line.startswith("execveat(") for line in lines):
            continue
        found += 1
        until = next(i for i, line in enumerate(lines) if line.startswith("execveat("))
        calls = {line.split("(")[0] for line in lines[:until]}
        assert calls <= {
            "rt_sigaction", "rt_sigprocmask", "fcntl", "dup2", "dup3", "close_range", "close",
            "prctl", "capget", "capset",
        }  # fmt: skip
    assert found == 1


def test_s06_cve_2022_29162_cve_2022_27650_exec_sets_no_inheritable_or_ambient_capability(
    hutch: Runtime, sleeper: str
) -> None:
    out = hutch(
        "exec", "--user", "1000", "--cap", "CAP_NET_RAW", sleeper,
        "grep", "-E", "Cap(Inh|Amb)", "/proc/self/status",
    ).out  # fmt: skip
    assert [int(line.split()[1], 16) for line in out.splitlines()] == [0, 0]


def test_exec_gives_a_user_a_capability_if_the_containers_inheritable_set_has_it(
    hutch: Runtime, bundle: Bundle
) -> None:
    """Like runc: the kernel keeps this capability for the program, and removes the other."""
    sets = bundle.config["process"]["capabilities"]
    for kind in sets:
        sets[kind] = []
    sets["bounding"] = sets["inheritable"] = ["CAP_NET_RAW"]
    hutch("run", "-d", "-b", str(bundle.args("sleep", "1000").path), "test")
    done = hutch(
        "exec", "--user", "1000", "--cap", "CAP_NET_RAW", "--cap", "CAP_KILL", "test",
        "grep", "-E", "Cap(Inh|Eff|Amb)", "/proc/self/status",
    )  # fmt: skip
    assert [int(line.split()[1], 16) for line in done.out.splitlines()] == [1 << 13] * 3


def test_s06_cve_2025_27612_a_capability_of_exec_is_not_inherited_by_programs(
    hutch: Runtime, bundle: Bundle
) -> None:
    """Also not by a program whose file has the capability in its inheritable set."""
    bundle.config["process"]["noNewPrivileges"] = False
    program = shutil.copy(bundle.rootfs / "bin" / "busybox", bundle.rootfs / "bin" / "busybox-i")
    takes = struct.pack("<5I", 0x02000001, 0, 1 << 13, 0, 0)  # cap_net_raw=ei; capability.h
    os.setxattr(program, "security.capability", takes)
    hutch("run", "-d", "-b", str(bundle.args("sleep", "1000").path), "test")
    grep = "grep -E 'Cap(Prm|Eff)' /proc/self/status"
    out = hutch(
        "exec", "--user", "1000", "--cap", "CAP_NET_RAW", "test",
        "sh", "-c", f"{grep}; /bin/busybox-i {grep}",
    ).out  # fmt: skip
    assert [int(line.split()[1], 16) for line in out.splitlines()] == [0, 0, 0, 0]


def test_s07_cve_2023_25173_the_groups_are_those_of_the_config_not_the_callers(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    bundle.sh("id -G")
    done = hutch("run", "-b", str(bundle.path), "test", extra_groups=[4, 20, 27])
    assert done.out == "1000\n"


@pytest.mark.parametrize("verb", ["run", "exec"])
def test_s04_cve_2024_21626_a_descriptor_of_the_host_cannot_be_the_working_directory(
    hutch: Runtime, bundle: Bundle, verb: str
) -> None:
    reached(hutch, bundle)
    if verb == "exec":
        hutch("run", "-d", "-b", str(bundle.args("sleep", "1000").path), "test")
    command = str(shutil.which(hutch.command))
    for number in (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20):
        cwd = f"/proc/self/fd/{number}"
        if verb == "run":
            bundle.config["process"]["cwd"] = cwd
            bundle.args("true")
            rest = ["run", "--bundle", str(bundle.path), "leaky"]
        else:
            rest = ["exec", "--cwd", cwd, "test", "sh", "-c", "pwd; ls"]
        done = subprocess.run(
            [*LEAKING, "/", str(number), command, "--root", str(hutch.root), *rest],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            # In the init, this number is the descriptor of the container's root.
            assert done.stdout.split() == ["/", *sorted(os.listdir(bundle.rootfs))]
        else:
            reason = "process.cwd" if verb == "run" else "--cwd"
            assert Path(hutch.command).name != "hutch" or reason in done.stderr


def test_s04_a_preserved_directory_of_the_host_cannot_be_the_working_directory(
    hutch: Runtime, bundle: Bundle, outside: Path
) -> None:
    """The program gets such a descriptor, so the working directory itself is checked."""
    hutch("run", "-d", "-b", str(bundle.args("sleep", "1000").path), "test")

    def hand_on() -> None:
        os.dup2(os.open(outside, os.O_RDONLY), 3)

    def standing_in(cwd: str) -> Result:
        return hutch(
            "exec", "--preserve-fds", "1", "--cwd", cwd, "test", "sh", "-c", "echo reached",
            check=False, preexec_fn=hand_on, close_fds=False,
        )  # fmt: skip

    assert standing_in("/").out == "reached\n"
    refused(hutch, standing_in("/proc/self/fd/3"), "not inside the container's root")


def test_s01_no_mount_of_the_host_is_left_in_the_container(hutch: Runtime, bundle: Bundle) -> None:
    bundle.args("cut", "-d", " ", "-f", "5", "/proc/self/mountinfo")
    places = hutch("run", "-b", str(bundle.path), "test").out.splitlines()
    assert places.count("/") == 1
    assert places.count("/proc") == 1


def test_s05_cve_2017_5226_the_container_cannot_type_into_the_callers_terminal(
    hutch: Runtime, bundle: Bundle
) -> None:
    master, slave = os.openpty()
    # The container's standard input is the caller's terminal, but not its controlling terminal.
    bundle.sh("cat /dev/tty 2>&1; cut -d' ' -f7 /proc/self/stat")
    words = [hutch.command, "--root", str(hutch.root), "run", "-b", str(bundle.path), "test"]

    def control() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    done = subprocess.run(
        words, stdin=slave, stdout=subprocess.PIPE, text=True, preexec_fn=control, check=False
    )
    os.close(master)
    os.close(slave)
    assert done.stdout.splitlines()[-1] == "0"
    assert "No such device or address" in done.stdout
