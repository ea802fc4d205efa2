"""The rarer of Docker's options of run: several in one container, each with an effect in it."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.engines import Engine, make_image
from tests.support.leftovers import CGROUPS

pytestmark = pytest.mark.root
V1 = Path("/sys/fs/cgroup/memory").is_dir()


def block_device() -> tuple[str, str]:
    """The path and the numbers of a block device of this host."""
    for name in sorted(os.listdir("/sys/block")):
        if Path("/dev", name).is_block_device():
            return f"/dev/{name}", Path("/sys/block", name, "dev").read_text().strip()
    pytest.skip("this host has no block device")


def test_resources(engine: Engine) -> None:
    device, numbers = block_device()
    flags = [
        "--blkio-weight", "300", "--memory-swappiness", "7", "--oom-kill-disable", "-m", "64m",
        "--device-read-bps", f"{device}:1mb", "--device-write-bps", f"{device}:2mb",
        "--device-read-iops", f"{device}:30", "--device-write-iops", f"{device}:40",
        "--cpuset-mems", "0", "--cpuset-cpus", "0", "--cpu-quota", "50000", "--cpu-period",
        "100000", "--cpu-shares", "512", "--memory-reservation", "32m", "--pids-limit", "50",
    ]  # fmt: skip
    files = {
        "blkio/blkio.bfq.weight": "300", "memory/memory.swappiness": "7",
        "memory/memory.oom_control": "oom_kill_disable 1",
        "blkio/blkio.throttle.read_bps_device": f"{numbers} 1048576",
        "blkio/blkio.throttle.write_bps_device": f"{numbers} 2097152",
        "blkio/blkio.throttle.read_iops_device": f"{numbers} 30",
        "blkio/blkio.throttle.write_iops_device": f"{numbers} 40",
        "cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000", "cpu/cpu.shares": "512",
        "memory/memory.soft_limit_in_bytes": str(32 << 20), "pids/pids.max": "50",
        "memory/memory.limit_in_bytes": str(64 << 20),
    }  # fmt: skip
    if not V1:
        flags = [flag for flag in flags if flag != "--oom-kill-disable"]
        at = flags.index("--memory-swappiness")
        del flags[at : at + 2]
        files = {
            "io.max": f"{numbers} rbps=1048576 wbps=2097152 riops=30 wiops=40",
            "cpu.max": "50000 100000", "memory.low": str(32 << 20), "pids.max": "50",
        }  # fmt: skip
    script = "cd /sys/fs/cgroup; head -n 1 " + " ".join(files)
    seen = engine.sh(f"{script}; grep _allowed_list /proc/self/status", *flags)
    parts = dict(part.strip().split(" <==\n") for part in seen.split("==> ")[1:])
    last = list(files)[-1]
    parts[last], _, status = parts[last].partition("\n")
    assert {name: text.strip() for name, text in parts.items()} == files
    assert [line.split()[1] for line in status.splitlines()] == ["0", "0"]


def test_places_rights_and_spaces(engine: Engine) -> None:
    parent = f"/{CGROUPS}/below"
    _, numbers = block_device()
    node = f"mknod /tmp/node b {numbers.replace(':', ' ')}; (: < /tmp/node) 2>/dev/null; echo $?"
    script = f"grep pids: /proc/self/cgroup || cat /proc/self/cgroup; {node}"
    script += "; readlink /proc/self/ns/user; cat /proc/1/comm"
    lines = engine.ok(
        "run", "--rm", "--cgroup-parent", parent, "--cgroupns", "host", "--init",
        "--device-cgroup-rule", f"b {numbers} r", "--userns", "host",
        "--security-opt", "label=disable", "--security-opt", "apparmor=unconfined",
        engine.image, "sh", "-c", script,
    ).splitlines()  # fmt: skip
    assert f":{parent}/" in lines[0]
    assert lines[-3:] == ["0", os.readlink("/proc/self/ns/user"), "docker-init"]
    assert engine.sh(node).strip() != "0"  # the control


def test_init_reaps(engine: Engine) -> None:
    script = "sh -c 'sleep 0.01 & exit'; while grep -q '(sleep)' /proc/[0-9]*/stat; do :; done"
    assert engine.sh(f"{script}; echo none", "--init") == "none\n"


def test_what_inspect_tells(engine: Engine) -> None:
    id = engine.start(
        "--name", "one", "--annotation", "org.example.a=b", "--expose", "80", "--expose", "53/udp",
        "--stop-timeout", "3", "--pull", "never", "--domainname", "dom", engine.image, "sleep",
        "1000",
    )  # fmt: skip
    (found,) = json.loads(engine.ok("inspect", "one"))
    assert found["HostConfig"]["Annotations"] == {"org.example.a": "b"}
    assert set(found["Config"]["ExposedPorts"]) == {"80/tcp", "53/udp"}
    assert found["Config"]["StopTimeout"] == 3
    config = json.loads((engine.root / "containers" / id / "config.json").read_text())
    assert config["annotations"]["org.example.a"] == "b"


def test_pull_and_platform(engine: Engine, tmp_path: Path) -> None:
    place = make_image(tmp_path / "more", "more")
    assert "more" in engine.fails("run", "--pull", "never", place, "true", status=125)
    assert engine.run_ok("--pull", "missing", "-q", place, "echo", "x") == "x\n"
    assert engine.run_ok("--pull", "always", "-q", place, "echo", "x") == "x\n"
    ours = engine.ok("inspect", "-f", "{{.Os}}/{{.Architecture}}", engine.image).strip()
    assert engine.run_ok("--platform", ours, engine.image, "echo", "x") == "x\n"
    other = "linux/s390x"
    said = engine.fails("run", "--platform", other, engine.image, "true", status=125)
    assert ours in said


def test_another_runtime(engine: Engine) -> None:
    engine.start("--name", "one", "--runtime", "runc", engine.image, "sleep", "1000")
    assert engine.ok("inspect", "-f", "{{.HostConfig.Runtime}}", "one") == "runc\n"
    assert engine.ok("exec", "one", "echo", "x") == "x\n"
    for verb in ("pause", "unpause", "top"):
        engine.ok(verb, "one")
    engine.ok("update", "-m", "64m", "one")
    assert "64MiB" in engine.ok("stats", "--no-stream", "one")
    engine.ok("stop", "-t", "0", "one")
    assert engine.status("one") == "exited"
    assert engine.exits("--runtime", "runc", engine.image, "no-such-program") == 127
    assert engine.exits("--runtime", "runc", engine.image, "sh", "-c", "exit 5") == 5


def test_sig_proxy_and_attach(engine: Engine) -> None:
    box = subprocess.Popen(
        engine.command(
            "run", "--sig-proxy=false",
            *engine.create("--name", "one", engine.image, "sh", "-c", "echo up; sleep 1000"),
        ),
        env=engine.variables(), stdout=subprocess.PIPE,
    )  # fmt: skip
    assert box.stdout is not None
    assert box.stdout.readline() == b"up\n"
    box.send_signal(signal.SIGTERM)
    assert box.wait(20) == -signal.SIGTERM
    box.stdout.close()
    assert engine.status("one") == "running"
    both = "echo out; echo err >&2"
    for stream, seen in (("stdout", ("out\n", "")), ("STDERR", ("", "err\n"))):
        done = engine.run(
            "run", "--rm", "-a", stream, *engine.create(engine.image, "sh", "-c", both)
        )
        assert (done.stdout, done.stderr) == seen
    said = engine.fails("run", "-a", "odd", engine.image, "true", status=125)
    assert "--attach" in said


def test_shared_memory(engine: Engine) -> None:
    def space(id: str) -> str:
        return os.readlink(f"/proc/{engine.pid(id)}/ns/ipc")

    engine.start("--name", "alone", engine.image, "sleep", "1000")
    donor = engine.start(
        "--name", "donor", "--ipc", "shareable", "--shm-size", "1m", engine.image, "sleep", "1000"
    )
    taker = engine.start("--name", "taker", "--ipc", "container:donor", engine.image, "sleep", "99")
    assert space(donor) == space(taker)
    engine.ok("exec", "taker", "sh", "-c", "echo x >/dev/shm/shared")
    assert engine.ok("exec", "donor", "cat", "/dev/shm/shared") == "x\n"
    size = "df -k /dev/shm | awk 'NR==2 {print $2}'"
    assert engine.ok("exec", "taker", "sh", "-c", size) == "1024\n"
    said = engine.fails("run", "--ipc", "container:alone", engine.image, "true", status=125)
    assert "shareable" in said
    engine.ok("rm", "-f", "donor")
    assert engine.ok("exec", "taker", "cat", "/dev/shm/shared") == "x\n"
    assert engine.sh("ls -d /dev/shm 2>/dev/null; echo $?", "--ipc", "none") == "1\n"


def test_volumes_with_all_words(engine: Engine) -> None:
    write = "mkdir /v/sub; touch /v/sub/here; ln -s sub /v/link; ln -s / /v/out; chown 5 /v/sub"
    engine.sh(write, "-v", "vol:/v:z")  # as with Docker, nothing where SELinux is not
    script = "stat -c %u /v /v/sub /v/sub/here"
    assert engine.sh(script, "-v", "vol:/v:Z") == "0\n5\n0\n"
    assert engine.sh(script, "-v", "vol:/v:U", "-u", "guest") == "1000\n1000\n1000\n"
    part = "type=volume,source=vol,target=/x,volume-subpath="
    assert engine.sh("ls /x", "--mount", part + "sub") == "here\n"
    assert engine.sh("ls /x", "--mount", part + "link") == "here\n"
    assert engine.sh("test -f /x && echo x", "--mount", part + "sub/here") == "x\n"
    said = engine.fails("run", "--mount", part + "none", engine.image, "true", status=125)
    assert "subpath" in said


def test_a_subpath_does_not_leave_the_volume(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "of-the-host").touch()
    engine.sh(f"ln -s {tmp_path}/secret /v/out; ln -s ../../../.. /v/up", "-v", "vol:/v")
    volume = engine.root / "volumes" / "vol" / "_data"
    assert (volume / "out" / "of-the-host").exists()  # the control: the host follows the link
    part = "type=volume,source=vol,target=/x,volume-subpath="
    assert "subpath" in engine.fails(
        "run", "--mount", part + "out", engine.image, "true", status=125
    )
    assert engine.sh("ls /x", "--mount", part + "up") == "out\nup\n"


def test_an_image_is_mounted(engine: Engine, tmp_path: Path) -> None:
    engine.ok("pull", "-q", make_image(tmp_path / "tools", "tools", Env=["OF=tools"]))
    mount = "type=image,source=tools:tools,target=/x"
    script = "cat /x/data/kept; touch /x/new 2>/dev/null || echo read-only"
    id = engine.start("--name", "one", "--mount", mount, engine.image, "sleep", "1000")
    assert engine.ok("exec", "one", "sh", "-c", script) == "of the image\nread-only\n"
    assert "container " + id[:12] in engine.fails("rmi", "-f", "tools:tools")
    engine.ok("rm", "-f", "one")
    part = mount + ",image-subpath=data"
    assert engine.sh("ls /x", "--mount", part) == "kept\n"
    engine.ok("rmi", "tools:tools")
    assert "tools" in engine.fails("run", "--mount", mount, engine.image, "true", status=125)


def test_security_modules_that_are_not_there_are_told(engine: Engine) -> None:
    if not Path("/sys/module/apparmor").exists():
        said = engine.fails("run", "--security-opt", "apparmor=x", engine.image, "true", status=125)
        assert "--security-opt apparmor=x: AppArmor is not enabled" in said
    if not Path("/sys/fs/selinux/enforce").exists():
        said = engine.fails(
            "run", "--security-opt", "label=type:t", engine.image, "true", status=125
        )
        assert "SELinux is not enabled" in said and ":system_r:t " in said
