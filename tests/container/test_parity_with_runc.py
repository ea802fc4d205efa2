"""A bundle that `runc spec` writes shows the same inside under runc and under hutch.

What differs on purpose, and is left out of the comparison where it is named below:

- /dev/core: runc links it to /proc/kcore; runtime-spec does not ask for it, and it hands a way to
  the kernel's memory to whoever may read it.
- masked files are the host's /dev/null bound read-only; runc binds the container's own writable.
- mounts of masked and read-only paths stand in another order: read-only ones come first.
- the tmpfs over masked directories has no room for inodes (nr_inodes=1).
- a mount of type cgroup on a v1 host: every hierarchy is in it, hugetlb and the cgroup2 tree of a
  hybrid host too, which runc 1.1 passes over; and "ro" holds for the tmpfs that carries them.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Runtime, make_rootfs
from tests.support.leftovers import CGROUPS

pytestmark = [
    pytest.mark.root,
    pytest.mark.usefixtures("no_traces"),
    pytest.mark.skipif(not shutil.which("runc"), reason="takes runc"),
]

Inside = Callable[..., tuple[str, str]]


@pytest.fixture
def inside(hutch: Runtime, tmp_path: Path) -> Inside:
    """inside(script, change): what the script prints under runc and under hutch."""
    path = tmp_path / "bundle"
    path.mkdir()
    make_rootfs(path / "rootfs")
    subprocess.run(["runc", "spec"], cwd=path, check=True)
    written = json.loads((path / "config.json").read_text())

    def shows(
        script: str, change: Callable[[dict[str, Any]], object] = lambda _: None
    ) -> tuple[str, str]:
        config = json.loads(json.dumps(written))
        config["process"]["terminal"] = False
        config["process"]["args"] = ["sh", "-c", script]
        config["linux"]["cgroupsPath"] = f"/{CGROUPS}/{tmp_path.name}"
        change(config)
        (path / "config.json").write_text(json.dumps(config))
        shown = []
        for runtime in (Runtime("runc", tmp_path / "runc"), hutch):
            shown.append(runtime("run", "--bundle", str(path), "parity").out)
        return shown[0], shown[1]

    return shows


def same(shown: tuple[str, str]) -> str:
    """Both showed the same, and something."""
    assert shown[0] == shown[1]
    assert shown[1].strip()
    return shown[1]


def test_capabilities_no_new_privileges_and_seccomp(inside: Inside) -> None:
    shown = same(inside("grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status"))
    assert "NoNewPrivs:\t1" in shown


def test_seccomp_and_its_mode(inside: Inside) -> None:
    def filtered(config: dict[str, Any]) -> None:
        config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [
                {"names": ["mkdirat", "mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 7}
            ],
        }

    script = "grep Seccomp: /proc/self/status; mkdir /tmp/x 2>&1; true"
    assert "Argument list too long" in same(inside(script, filtered))


def test_ids_and_groups(inside: Inside) -> None:
    def user(config: dict[str, Any]) -> None:
        config["process"]["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 6]}

    script = "id; grep -E 'Uid|Gid|Groups|Cap' /proc/self/status"
    same(inside(script))
    same(inside(script, user))


def test_limits_environment_directory_umask_and_oom_score(inside: Inside) -> None:
    def more(config: dict[str, Any]) -> None:
        config["process"]["cwd"] = "/tmp"
        config["process"]["env"] += ["A=b c", "EMPTY="]
        config["process"]["oomScoreAdj"] = 321
        config["process"]["rlimits"].append({"type": "RLIMIT_CORE", "soft": 0, "hard": 4096})

    script = (
        "cat /proc/self/limits; tr '\\0' '\\n' </proc/self/environ | grep -v SHLVL; pwd; umask;"
        "cat /proc/self/oom_score_adj; cat /proc/self/timerslack_ns /proc/self/personality"
    )
    same(inside(script))
    same(inside(script, more))


def test_names_and_namespaces(inside: Inside) -> None:
    shown = same(inside("hostname; echo $$; set -- /proc/[0-9]*; echo $#; ip addr"))
    assert "127.0.0.1" in shown
    own = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in os.listdir("/proc/self/ns")}
    for text in inside("for n in /proc/self/ns/*; do echo ${n##*/} $(readlink $n); done"):
        inner = dict(line.split() for line in text.splitlines())
        shared = {kind for kind in inner if inner[kind] == own[kind]}
        assert shared == {"user", "cgroup", "time", "time_for_children"}


def test_processes_sessions_and_signals(inside: Inside) -> None:
    same(
        inside(
            "cut -d' ' -f1-8 /proc/self/stat | cut -d')' -f2; grep -E 'Sig|Shd' /proc/self/status"
        )
    )


def test_open_descriptors(inside: Inside) -> None:
    same(inside("ls /proc/self/fd; ls /proc/1/fd"))


def mounts(text: str) -> list[tuple[str, ...]]:
    """mountinfo without numbers and host paths, sorted: place, root, options, type, its options."""
    found = []
    for line in text.splitlines():
        fields = line.split()
        _, _, _, root, place, options, *rest = fields
        kind, source, super_options = rest[rest.index("-") + 1 :]
        if place == "/":
            root = source = ""
        if place.startswith(("/proc/", "/sys/firmware")):
            # A mask: told apart in the module's docstring.
            options, super_options = "", ""
            source = kind = "mask" if not root.startswith("/") or kind != "proc" else kind
            root = root if kind == "proc" else ""
        found.append(
            (place, root, options, " ".join(rest[: rest.index("-")]), kind, source, super_options)
        )
    return sorted(mount for mount in found if not mount[0].startswith("/sys/fs/cgroup"))


def test_the_mount_table(inside: Inside) -> None:
    ours, theirs = (mounts(text) for text in reversed(inside("cat /proc/self/mountinfo")))
    assert [mount[:4] for mount in ours] == [mount[:4] for mount in theirs]
    assert ours == theirs


def test_masked_and_read_only_paths(inside: Inside) -> None:
    script = """
        for p in /proc/kcore /proc/keys /proc/timer_list; do cat $p | wc -c; done
        ls -A /proc/acpi /sys/firmware /proc/scsi 2>/dev/null
        for p in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/x; do
            (echo x > $p) 2>&1
        done; true
    """
    same(inside(script))


def test_devices_and_links(inside: Inside) -> None:
    script = (
        "cd /dev; for f in *; do [ $f = core ] || stat -c '%n %F %t:%T %a %u:%g' $f; done;"
        "stat -c '%a %u:%g %F' . pts shm mqueue;"
        "for l in fd stdin stdout stderr ptmx; do readlink $l; done"
    )
    # A link's mode says nothing, and a directory's size differs: neither is shown.
    same(inside(script))


def test_devices_of_the_config(inside: Inside) -> None:
    def more(config: dict[str, Any]) -> None:
        config["linux"]["devices"] = [
            {
                "path": "/dev/fuse",
                "type": "c",
                "major": 10,
                "minor": 229,
                "fileMode": 0o640,
                "uid": 3,
            },
            {"path": "/dev/pipe", "type": "p", "fileMode": 0o622, "gid": 9},
            {"path": "/dev/sub/block", "type": "b", "major": 7, "minor": 99},
        ]

    same(inside("stat -c '%n %F %t:%T %a %u:%g' /dev/fuse /dev/pipe /dev/sub/block /dev/sub", more))


def test_device_access(inside: Inside) -> None:
    script = """
        mknod /dev/shm/sda b 8 0 2>&1; mknod /dev/shm/null c 1 3 2>&1
        head -c 3 /dev/zero | wc -c; echo x > /dev/null && echo ok; (echo > /dev/full) 2>&1
        for d in 8:0 10:229 1:1; do
            mknod /dev/shm/d c ${d%:*} ${d#*:} 2>&1; cat /dev/shm/d 2>&1 | head -c 20
        done
        true
    """
    same(inside(script))


def test_cgroup_limits(inside: Inside) -> None:
    def limited(config: dict[str, Any]) -> None:
        config["linux"]["resources"].update(
            memory={"limit": 64 << 20, "reservation": 32 << 20},
            cpu={"shares": 512, "quota": 50000, "period": 100000, "cpus": "0"},
            pids={"limit": 20},
        )
        config["mounts"].append(
            {
                "destination": "/sys/fs/cgroup",
                "type": "cgroup",
                "source": "cgroup",
                "options": ["nosuid", "noexec", "nodev", "relatime", "ro"],
            }
        )

    script = """
        grep -v hugetlb /proc/self/cgroup
        cd /sys/fs/cgroup; ls | grep -v -e hugetlb -e unified
        cat memory/memory.limit_in_bytes memory/memory.soft_limit_in_bytes pids/pids.max
        cat cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpuset/cpuset.cpus
        cat devices/devices.list | sort
        processes=0; while read _; do processes=$((processes + 1)); done <memory/cgroup.procs
        echo $processes
        mkdir pids/x 2>&1; true
    """
    assert "67108864" in same(inside(script, limited))


def test_exit_codes_and_streams(hutch: Runtime, inside: Inside, tmp_path: Path) -> None:
    inside("true")
    config = tmp_path / "bundle" / "config.json"
    for script in ("exit 5", "kill -9 $$; sleep 1; exit 1", "nosuch", "echo e >&2; exit 126"):
        value = json.loads(config.read_text())
        value["process"]["args"] = ["sh", "-c", script]
        config.write_text(json.dumps(value))
        shown = []
        for runtime in (Runtime("runc", tmp_path / "runc"), hutch):
            done = runtime("run", "-b", str(config.parent), "parity", check=False)
            # Of what cannot be given we warn (config.md, "capabilities": it MUST be logged).
            told = [line for line in done.err.splitlines() if ": warning: " not in line]
            shown.append((done.code, done.out, told))
        assert shown[0] == shown[1]
