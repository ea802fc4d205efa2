"""Docker's options of run: each has an effect that is seen in the container."""

import json
import os
from pathlib import Path

import pytest

from tests.support.engines import Engine

pytestmark = pytest.mark.root


def cgroup(controller: str, name: str) -> str:
    """A shell command that prints a v1 file of the container's own cgroup (v2: another name)."""
    return f"cat /sys/fs/cgroup/{controller}/{name} 2>/dev/null || cat /sys/fs/cgroup/{name}"


def limit(engine: Engine, *flags: str) -> dict[str, object]:
    """linux.resources of a container with these flags."""
    id = engine.ok("create", *engine.create(*flags, engine.image, "sleep", "100")).strip()
    engine.ok("start", id)
    config = json.loads((engine.root / "containers" / id / "config.json").read_text())
    return config["linux"]["resources"]  # type: ignore[no-any-return]


SEEN = [
    (["-e", "A=b"], "echo $A", "b"),
    (["-e", "FROM"], "echo [$FROM]", "[]"),
    (["--hostname", "box"], "hostname; cat /etc/hostname; grep -c box /etc/hosts", "box\nbox\n1"),
    (["--hostname", "box", "--domainname", "dom"], "cat /proc/sys/kernel/domainname", "dom"),
    (["--dns", "192.0.2.1"], "grep nameserver /etc/resolv.conf", "nameserver 192.0.2.1"),
    (["--dns-search", "a.example"], "grep search /etc/resolv.conf", "search a.example"),
    (["--dns-option", "ndots:3"], "grep options /etc/resolv.conf", "options ndots:3"),
    (["--add-host", "far:192.0.2.9"], "grep far /etc/hosts", "192.0.2.9\tfar"),
    (["-u", "guest"], "id -u; id -g; echo $HOME", "1000\n1000\n/home/guest"),
    (["-u", "7:8"], "id -u; id -g", "7\n8"),
    (["--group-add", "staff", "--group-add", "99"], "id -G", "0 50 99"),
    (["-w", "/made/here"], "pwd", "/made/here"),
    (["--shm-size", "1m"], "df -k /dev/shm | awk 'NR==2 {print $2}'", "1024"),
    ([], "df -k /dev/shm | awk 'NR==2 {print $2}'", "65536"),
    (["--ulimit", "nofile=100:200"], "ulimit -n; ulimit -Hn", "100\n200"),
    (["--oom-score-adj", "500"], "cat /proc/self/oom_score_adj", "500"),
    (["--sysctl", "net.ipv4.ip_forward=1"], "cat /proc/sys/net/ipv4/ip_forward", "1"),
    (["--security-opt", "no-new-privileges"], "grep NoNewPr /proc/self/status", "NoNewPrivs:\t1"),
    ([], "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t0"),
    ([], "grep Seccomp: /proc/self/status", "Seccomp:\t2"),
    (["--security-opt", "seccomp=unconfined"], "grep Seccomp: /proc/self/status", "Seccomp:\t0"),
    (["--security-opt", "mask=/data"], "ls /data", ""),
    (["--security-opt", "unmask=/proc/kcore"], "test -c /proc/kcore; echo $?", "1"),
    (["--device", "/dev/kmsg:/dev/other:r"], "test -c /dev/other && echo yes", "yes"),
    (["--read-only"], "touch /x 2>/dev/null; echo $?", "1"),
    (["--network", "none"], "ls /sys/class/net", "lo"),
    (["--pid", "host"], f"test -d /proc/{os.getpid()} && echo yes", "yes"),
    ([], "cat /proc/1/comm; true", "sh"),
    (["--tmpfs", "/t"], "grep -c ' /t tmpfs' /proc/mounts", "1"),
    (["--entrypoint", ""], "echo x", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "script", "seen"), SEEN, ids=lambda value: str(value)[:40])
def test_it_is_seen(engine: Engine, flags: list[str], script: str, seen: str) -> None:
    assert engine.sh(script, *flags).strip() == seen


def test_capabilities(engine: Engine) -> None:
    def effective(*flags: str) -> int:
        return int(engine.sh("grep CapEff /proc/self/status", *flags).split()[1], 16)

    plain = effective()
    assert plain == 0xA80425FB
    assert effective("--cap-drop", "ALL") == 0
    assert effective("--cap-drop", "all", "--cap-add", "net_admin") == 1 << 12
    assert effective("--cap-add", "SYS_ADMIN") == plain | 1 << 21
    assert effective("--cap-drop", "CHOWN") == plain & ~1
    assert effective("--privileged") > plain
    assert effective("-u", "guest") == 0
    assert "did you mean" in engine.fails("run", "--cap-add", "NET_ADMN", engine.image, status=125)


def test_limits(engine: Engine) -> None:
    found = limit(
        engine, "-m", "64m", "--memory-reservation", "32m", "--cpus", "0.5", "--cpu-shares", "512",
        "--cpuset-cpus", "0", "--pids-limit", "50",
    )  # fmt: skip
    assert found["memory"] == {"limit": 64 << 20, "swap": 128 << 20, "reservation": 32 << 20}
    assert found["cpu"] == {"shares": 512, "period": 100000, "quota": 50000, "cpus": "0"}
    assert found["pids"] == {"limit": 50}


def test_limits_hold(engine: Engine) -> None:
    script = "grep Cpus_allowed_list /proc/self/status"
    assert engine.sh(script, "--cpuset-cpus", "0").split()[1] == "0"
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done 2>&1 | tail -1"
    assert "fork" in engine.sh(script + "; true", "--pids-limit", "4")


def test_update(engine: Engine) -> None:
    id = engine.start("--name", "one", "-m", "64m", engine.image, "sleep", "1000")
    engine.ok(
        "update",
        "-m",
        "32m",
        "--memory-swap",
        "48m",
        "--pids-limit",
        "20",
        "--restart",
        "always",
        "one",
    )
    (found,) = json.loads(engine.ok("inspect", "one"))
    assert found["HostConfig"]["Memory"] == 32 << 20
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "always"
    procs = Path(f"/proc/{engine.pid(id)}/cgroup").read_text().splitlines()
    places = {line.split(":")[1]: line.split(":")[2] for line in procs}
    if "memory" in places:
        path = Path("/sys/fs/cgroup/memory" + places["memory"]) / "memory.limit_in_bytes"
    else:
        path = Path("/sys/fs/cgroup" + places[""]) / "memory.max"
    assert int(path.read_text()) == 32 << 20


def test_namespaces_of_another(engine: Engine) -> None:
    id = engine.start("--name", "one", engine.image, "sleep", "1000")
    for flag, kind in (("--network", "net"), ("--pid", "pid")):
        own = os.readlink(f"/proc/{engine.pid(id)}/ns/{kind}")
        seen = engine.run_ok(
            flag, "container:one", engine.image, "sh", "-c", f"ls -l /proc/self/ns/{kind}"
        )
        assert own in seen
    for flag, kind in (
        ("--network", "net"),
        ("--uts", "uts"),
        ("--ipc", "ipc"),
        ("--cgroupns", "cgroup"),
    ):
        seen = engine.run_ok(flag, "host", engine.image, "sh", "-c", f"ls -l /proc/self/ns/{kind}")
        assert os.readlink(f"/proc/self/ns/{kind}") in seen


def test_labels_files_and_ids(engine: Engine) -> None:
    (engine.home / "labels").write_text("x.y=1\n# no\n")
    (engine.home / "vars").write_text("V=w\n# no\nHOME\n")
    out = engine.run_ok(
        "--label-file", engine.home / "labels", "--label", "z=2",
        "--env-file", engine.home / "vars",
        "--cidfile", engine.home / "cid", "--annotation", "org.example.a=b", engine.image, "env",
    )  # fmt: skip
    assert "V=w\n" in out
    assert len((engine.home / "cid").read_text()) == 64
    assert "ID file" in engine.run("run", "--cidfile", engine.home / "cid", engine.image).stderr
    engine.ok("create", *engine.create("--label", "a=b", "--name", "one", engine.image))
    assert engine.ok("ps", "-aq", "--filter", "label=a=b") != ""
    assert engine.ok("ps", "-aq", "--filter", "label=a=c") == ""


def test_switches_may_have_values_and_commands_keep_their_words(engine: Engine) -> None:
    assert engine.run_ok("--init=false", engine.image, "echo", "-e", "--rm", "-it") == "--rm -it\n"
    assert (
        engine.ok("run", "--rm=true", "-e=A=1", *engine.create(engine.image, "sh", "-c", "echo $A"))
        == "1\n"
    )


def test_log_options(engine: Engine) -> None:
    engine.start("--name", "one", "--log-driver", "none", engine.image, "echo", "x")
    engine.ok("wait", "one")
    assert "keeps no log" in engine.fails("logs", "one", status=125)
    engine.start(
        "--name", "two", "--log-opt", "max-size=10k", engine.image, "sh", "-c", "seq 1 9000"
    )
    engine.ok("wait", "two")
    (found,) = json.loads(engine.ok("inspect", "two"))
    assert Path(found["LogPath"]).stat().st_size <= 11_000
    assert engine.ok("logs", "two").endswith("9000\n")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--gpus", "all"], "graphics"), (["--memory", "1k"], "least"),
        (["--cpus", "900"], "as many"),
        (["--security-opt", "what"], "invalid"), (["-v", "a:b:c:d"], "invalid volume"),
        (["-v", "x:/a", "-v", "y:/a"], "duplicate"), (["--mount", "type=odd,target=/x"], "no type"),
        (["--ulimit", "odd=1"], "--ulimit"), (["--device", "odd"], "--device"),
        (["--restart", "odd"], "restart policy"), (["--log-driver", "odd"], "log driver"),
        (["--network", "odd"], "network odd not found"),
        (["--stop-signal", "ODD"], "unknown signal"),
        (["--runtime", "odd"], "not in PATH"), (["--detach-keys", "ctrl-1"], "detach-keys"),
        (["--device-read-bps", "/dev/null:1m"], "not a block device"), (["-u", "odd"], "passwd"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(engine: Engine, flags: list[str], said: str) -> None:
    line = engine.fails("run", "--rm", *engine.create(*flags, engine.image, "true"), status=125)
    assert said in line
    assert engine.ok("ps", "-aq") == ""
