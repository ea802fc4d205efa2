"""The isolation of a container: namespaces, ids, descriptors, executable, working directory."""

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import LEAKING, Bundle, Outcome, Runtime, eventually, reachable

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]
FILES = {
    "pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "cgroup": "cgroup",
    "user": "user",
}  # fmt: skip


def namespaces(bundle: Bundle, *kinds: str, **paths: str) -> None:
    """The container has these namespaces new and those of ``paths`` joined."""
    bundle.config["linux"]["namespaces"] = [
        *({"type": kind, "path": path} for kind, path in paths.items()),
        *({"type": kind} for kind in kinds),
    ]
    if "uts" not in kinds:
        bundle.config.pop("hostname", None)
    bundle.save()


@pytest.mark.parametrize("kind", [kind for kind in FILES if kind not in ("user", "mount")])
def test_a_namespace_is_new_inherited_or_joined(
    hutch: Runtime, run: Run, bundle: Bundle, kind: str
) -> None:
    file = FILES[kind]
    own = os.readlink(f"/proc/self/ns/{file}")
    base = {"mount", "pid", "uts", "network", "ipc"}
    bundle.config["mounts"] = [
        m for m in bundle.config["mounts"] if m["type"] not in ("sysfs", "mqueue")
    ]
    namespaces(bundle, *sorted(base | {kind}))
    script = f"readlink /proc/self/ns/{file}"
    assert run(script).out.strip() != own
    namespaces(bundle, *sorted(base - {kind}))
    assert run(script).out.strip() == own
    holder = subprocess.Popen(
        ["unshare", "--fork", "--kill-child", f"--{file}" if file != "net" else "--net",
         *(["--mount-proc"] if kind == "pid" else []), "sleep", "1000"],
    )  # fmt: skip
    try:
        child = Path(f"/proc/{holder.pid}/task/{holder.pid}/children")
        eventually(lambda: child.read_text().strip())
        path = f"/proc/{child.read_text().strip()}/ns/{file}"
        eventually(lambda: os.readlink(path) != own)
        namespaces(bundle, *sorted(base - {kind}), **{kind: path})
        assert run(script).out.strip() == os.readlink(path)
    finally:
        holder.kill()
        holder.wait()


def test_a_user_namespace_maps_ids_and_gives_root_only_inside(run: Run, bundle: Bundle) -> None:
    namespaces(bundle, "pid", "mount", "uts", "ipc", "network", "user")
    bundle.config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    bundle.config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 65536}]
    bundle.save()
    reachable(bundle.path)
    done = run(
        "cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g; stat -c %U:%u /bin/busybox;"
        "echo x > /dev/null && echo ok"
    )
    words = done.out.split()
    assert words[:8] == ["0", "100000", "65536", "0", "200000", "65536", "0", "0"]
    assert "UNKNOWN:65534" in words
    assert words[-1] == "ok"


def test_a_uid_of_the_process_is_the_mapped_one_on_the_host(hutch: Runtime, bundle: Bundle) -> None:
    namespaces(bundle, "pid", "mount", "uts", "ipc", "network", "user")
    bundle.config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    bundle.config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    bundle.config["process"]["user"] = {"uid": 7, "gid": 8, "additionalGids": [9]}
    bundle.args("sleep", "1000")
    reachable(bundle.path)
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    status = Path(f"/proc/{hutch.state('test')['pid']}/status").read_text()
    assert "Uid:\t100007\t100007\t100007\t100007" in status
    assert "Gid:\t100008\t100008\t100008\t100008" in status
    assert "Groups:\t100009" in status
    assert hutch("exec", "test", "id", "-u").out == "7\n"


def test_hostname_and_domainname_are_the_configs(run: Run, bundle: Bundle) -> None:
    bundle.config["domainname"] = "example.org"
    done = run("hostname; cat /proc/sys/kernel/domainname")
    assert done.lines == ["hutch", "example.org"]
    assert "hutch" not in Path("/proc/sys/kernel/hostname").read_text()


def test_sysctls_are_set_inside_and_only_there(run: Run, bundle: Bundle) -> None:
    before = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    bundle.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmni": "123"}
    assert run("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni").lines == ["1", "123"]
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text() == before


def test_capabilities_of_root_and_of_a_user_are_the_configs(run: Run, bundle: Bundle) -> None:
    sets: dict[str, list[str]] = {
        "bounding": ["CAP_KILL", "CAP_CHOWN"],
        "effective": ["CAP_KILL"],
        "permitted": ["CAP_KILL", "CAP_CHOWN"],
        "inheritable": ["CAP_KILL"],
        "ambient": [],
    }
    bundle.config["process"]["capabilities"] = sets
    script = "grep Cap /proc/self/status | cut -f2 | sed s/^0*//"
    kill, both = 1 << 5, 1 << 5 | 1 << 0
    # After exec, root has all capabilities of its bounding set (capabilities(7)).
    shown = [int(line or "0", 16) for line in run(script).lines]
    assert shown == [kill, both, both, both, 0]
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    assert [int(line or "0", 16) for line in run(script).lines] == [kill, 0, 0, both, 0]
    sets["ambient"] = ["CAP_KILL"]
    assert [int(line or "0", 16) for line in run(script).lines] == [kill, kill, kill, both, kill]


def test_rlimits_are_set(run: Run, bundle: Bundle) -> None:
    bundle.config["process"]["rlimits"] = [
        {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
        {"type": "RLIMIT_CPU", "soft": 50, "hard": 60},
    ]
    assert run("ulimit -Sn; ulimit -Hn; ulimit -St; ulimit -Ht").lines == ["100", "200", "50", "60"]


def test_no_new_privileges_disables_setuid_files(run: Run, bundle: Bundle) -> None:
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    program = bundle.rootfs / "bin" / "suid"
    source = '#include <stdio.h>\n#include <unistd.h>\nint main() { printf("%d", geteuid()); }'
    subprocess.run(
        ["cc", "-static", "-x", "c", "-", "-o", program], input=source, text=True, check=True
    )
    program.chmod(0o4755)
    assert run("suid").out == "1000"
    bundle.config["process"]["noNewPrivileges"] = False
    assert run("suid").out == "0"


def test_seccomp_answers_with_the_errno_for_every_user_and_with_either_order(
    run: Run, bundle: Bundle
) -> None:
    bundle.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 40}],
    }
    bundle.config["process"]["capabilities"] = {"bounding": ["CAP_KILL"]}
    for nnp in (True, False):
        for uid in (0, 1000):
            bundle.config["process"]["noNewPrivileges"] = nnp
            bundle.config["process"]["user"] = {"uid": uid, "gid": uid}
            done = run("grep Seccomp: /proc/self/status; mkdir /dev/x 2>&1; true")
            assert done.lines[0] == "Seccomp:\t2"
            assert "Too many levels of symbolic links" in done.out


@pytest.mark.parametrize("numbers", ["3", "3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "5,9,33,200"])
@pytest.mark.parametrize("verb", ["run", "exec"])
def test_s01_nothing_that_the_caller_leaks_arrives(
    hutch: Runtime, bundle: Bundle, numbers: str, verb: str
) -> None:
    words = ["sh", "-c", "ls /proc/self/fd; ls /proc/1/fd; true"]
    if verb == "run":
        bundle.args(*words)
        rest = ["run", "--bundle", str(bundle.path), "test"]
    else:
        hutch("run", "-d", "-b", str(bundle.args("sleep", "1000").path), "test")
        rest = ["exec", "test", *words]
    done = subprocess.run(
        [*LEAKING, "/", numbers, hutch.command, "--root", str(hutch.root), *rest],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    # One more descriptor is the directory that ls reads.
    assert done.stdout.split() == ["0", "1", "2", "3", "0", "1", "2"]


def test_s02_cve_2019_5736_the_inits_executable_is_sealed_and_no_file_of_the_host(
    hutch: Runtime, bundle: Bundle
) -> None:
    hutch("create", "--bundle", str(bundle.path), "test")
    exe = f"/proc/{hutch.state('test')['pid']}/exe"
    assert os.readlink(exe) == "/memfd:hutch-init (deleted)"
    with pytest.raises(OSError, match=r"Text file busy|Operation not permitted"):
        os.open(exe, os.O_WRONLY)
    with pytest.raises(OSError, match=r"Text file busy|Operation not permitted"):
        os.truncate(exe, 0)
    fd = os.open(exe, os.O_RDONLY)
    seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
    os.close(fd)
    wanted = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    assert seals & wanted == wanted
    maps = Path(f"/proc/{hutch.state('test')['pid']}/maps").read_text()
    files = {line.split()[5] for line in maps.splitlines() if len(line.split()) > 5}
    assert {
        file for file in files if file.startswith("/") and not file.startswith("/memfd:")
    } == set()


def test_s14_no_interpreter_is_ever_in_the_containers_namespaces(
    hutch: Runtime, bundle: Bundle
) -> None:
    hutch("create", "--bundle", str(bundle.path), "test")
    inner = os.readlink(f"/proc/{hutch.state('test')['pid']}/ns/mnt")
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "ns" / "mnt") == inner:
                found.append((entry / "comm").read_text())
        except OSError:
            continue
    assert found == ["hutch-init\n"]
    hutch("start", "test")


def test_s02_programs_that_are_proc_self_exe_or_an_interpreter_of_it_do_not_reach_the_host(
    hutch: Runtime, bundle: Bundle
) -> None:
    digest = hashlib.sha256(Path(hutch.command).read_bytes()).digest()
    (bundle.rootfs / "bin" / "trap").write_text("#!/proc/self/exe\n")
    (bundle.rootfs / "bin" / "trap").chmod(0o755)
    for program in ("/proc/self/exe", "/bin/trap"):
        bundle.args(program)
        done = hutch("run", "-b", str(bundle.path), "test", check=False)
        assert done.code != 0
    assert hashlib.sha256(Path(hutch.command).read_bytes()).digest() == digest


def test_s05_the_container_has_a_session_of_its_own(
    hutch: Runtime, run: Run, bundle: Bundle
) -> None:
    assert run("cut -d' ' -f6 /proc/1/stat").out == "1\n"
    hutch("run", "-d", "-b", str(bundle.args("sleep", "1000").path), "test")
    shown = hutch("exec", "test", "sh", "-c", "echo $$; cut -d' ' -f6 /proc/$$/stat").out.split()
    assert shown[0] == shown[1]


def test_oom_score_adj_is_the_configs(run: Run, bundle: Bundle) -> None:
    bundle.config["process"]["oomScoreAdj"] = 555
    assert run("cat /proc/self/oom_score_adj").out == "555\n"


def test_home_comes_from_the_containers_passwd_unless_the_config_has_it(
    run: Run, bundle: Bundle
) -> None:
    assert run("echo $HOME").out == "/root\n"
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    assert run("echo $HOME").out == "/tmp\n"
    bundle.config["process"]["user"] = {"uid": 4242, "gid": 0}
    assert run("echo $HOME").out == "/\n"
    bundle.config["process"]["env"].append("HOME=/set")
    assert run("echo $HOME").out == "/set\n"
    bundle.config["process"]["env"].append("HOME=")
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    assert run("echo $HOME; env | grep -c ^HOME=").out == "/tmp\n1\n"


def test_the_last_of_two_equal_variables_is_used(run: Run, bundle: Bundle) -> None:
    bundle.config["process"]["env"] = ["A=1", "PATH=/nowhere", "B=2", "A=3", "PATH=/bin"]
    bundle.args("env")
    assert run().lines == ["A=3", "PATH=/bin", "B=2", "HOME=/root"]


def test_s10_a_passwd_that_is_a_fifo_a_device_or_a_link_out_is_ignored(
    run: Run, bundle: Bundle
) -> None:
    passwd = bundle.rootfs / "etc" / "passwd"
    for make in (
        lambda: os.mkfifo(passwd),
        lambda: passwd.symlink_to("/dev/zero"),
        lambda: passwd.symlink_to("../../../../../../etc/passwd"),
        lambda: passwd.mkdir(),
        lambda: passwd.write_text("x" * (2 << 20)),
    ):
        if passwd.is_dir() and not passwd.is_symlink():
            passwd.rmdir()
        else:
            passwd.unlink(missing_ok=True)
        make()
        assert run("echo $HOME").out == "/\n"


def test_memory_limits_hold_inside(run: Run, bundle: Bundle) -> None:
    bundle.config["linux"]["resources"]["memory"] = {"limit": 8 << 20}
    bundle.config["linux"]["resources"]["pids"] = {"limit": 5}
    done = run("dd if=/dev/zero of=/dev/null bs=64M count=1 2>&1", check=False)
    assert done.code == 137
    done = run("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done 2>&1; true", check=False)
    assert "fork" in done.out


@pytest.mark.parametrize(
    ("kind", "file", "change"),
    [
        ("network", "net", {"linux": {"sysctl": {"net.ipv4.ip_default_ttl": "63"}}}),
        ("ipc", "ipc", {"linux": {"sysctl": {"kernel.msgmax": "8191"}}}),
        ("ipc", "ipc", {"linux": {"sysctl": {"fs.mqueue.msg_max": "9"}}}),
        ("uts", "uts", {"linux": {"sysctl": {"kernel.domainname": "theirs"}}, "hostname": ""}),
        ("uts", "uts", {"hostname": "theirs"}),
        ("uts", "uts", {"hostname": "", "domainname": "theirs"}),
    ],
)
def test_a_namespace_of_the_host_given_by_path_is_not_changed(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, kind: str, file: str, change: dict[str, Any]
) -> None:
    """Uses a network, ipc and uts namespace of this test in the place of the host's."""
    config = bundle.config
    config["linux"].update(change.get("linux", {}))
    config.update({name: value for name, value in change.items() if name != "linux"})
    bundle.sh("echo reached").save()
    words = ["run", "--bundle", str(bundle.path), "test"]

    alone = tmp_path / "alone"
    alone.write_text(f'#!/bin/sh\nexec unshare --net --ipc --uts {hutch.command} "$@"\n')
    alone.chmod(0o755)
    hutch = Runtime(str(alone), hutch.root)
    assert hutch(*words).out == "reached\n"
    (namespace,) = [one for one in config["linux"]["namespaces"] if one["type"] == kind]
    namespace["path"] = f"/proc/self/ns/{file}"
    bundle.save()
    error = hutch.refuses(*words)
    assert f"would change the host: /proc/self/ns/{file} is the caller's own {kind} names" in error
