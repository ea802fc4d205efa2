"""--uidmap and --gidmap: the container's root is nobody's root on the host."""

import os
from pathlib import Path

import pytest

from tests.support.engines import Engine, eventually
from tests.support.networks import HOST, OUTSIDE, NetworkEngine

pytestmark = pytest.mark.root
MAP = ["--uidmap", "0:1200000:65536"]
FIRST = 1_200_000


def test_a_mapped_container(engine: Engine) -> None:
    script = (
        "touch /new ~/own; stat -c '%u %g' /bin /data/kept /new /etc/hosts /vol; pwd;"
        " stat -c %u /made; echo x >/vol/x; sleep 1000"
    )
    id = engine.start(
        "--name", "one", *MAP, "--gidmap", "0:1300000:65536", "-v", "vol:/vol", "-w", "/made/here",
        engine.image, "sh", "-c", script,
    )  # fmt: skip
    pid = engine.pid(id)
    assert Path(f"/proc/{pid}/uid_map").read_text().split() == ["0", str(FIRST), "65536"]
    assert os.stat(f"/proc/{pid}").st_uid == FIRST
    assert engine.ok("exec", "-u", "guest", "one", "id", "-u") == "1000\n"
    seen = "0 0\n1000 1000\n0 0\n0 0\n0 0\n/made/here\n0\n"
    eventually(lambda: engine.ok("logs", "one") == seen)
    upper = engine.root / "containers" / id / "upper"
    status = (upper / "new").stat()
    assert (status.st_uid, status.st_gid) == (FIRST, 1_300_000)
    eventually((engine.root / "volumes" / "vol" / "_data" / "x").exists)
    assert (engine.root / "volumes" / "vol" / "_data" / "x").stat().st_uid == FIRST
    engine.ok("cp", "/etc/hostname", "one:/tmp/in")
    assert engine.ok("exec", "one", "stat", "-c", "%u", "/tmp/in") == "0\n"
    engine.ok("stop", "-t", "0", "one")
    engine.ok("cp", "/etc/hostname", "one:/tmp/later")
    engine.ok("start", "one")
    assert engine.ok("exec", "one", "stat", "-c", "%u", "/tmp/later") == "0\n"
    engine.ok("commit", "one", "made")
    plain = engine.run_ok("made", "stat", "-c", "%u %g", "/new", "/tmp/in")
    assert plain == "0 0\n0 0\n"
    engine.ok("rm", "-f", "one")
    assert not Path("/run/warren-roots", id).exists()


def test_one_map_stands_for_both_and_a_part_for_itself(engine: Engine) -> None:
    script = "cat /proc/self/uid_map /proc/self/gid_map; id -u; stat -c %u /data"
    seen = engine.sh(script, "--gidmap", "0:1200000:100", "-u", "7").split()
    assert seen == ["0", str(FIRST), "100"] * 2 + ["7", "65534"]


def test_the_hosts_network(engine: Engine) -> None:
    seen = engine.sh("cat /proc/net/dev; ls -d /sys/class", *MAP, "--network", "host")
    assert "/sys/class" in seen
    assert "eth0" in seen or "lo:" in seen


def test_a_network_of_warren(network: NetworkEngine) -> None:
    one = network.up("one", *MAP)
    network.outside.serve(7000)
    assert one.talk(OUTSIDE, 7000) == f"from {HOST}"
    assert network.ok("exec", "one", "ls", "-d", "/sys/class") == "/sys/class\n"


def test_a_user_namespace_of_another_and_of_a_pod(engine: Engine) -> None:
    flags = [*MAP, "--gidmap", "0:1300000:65536"]
    engine.ok("pod", "create", *engine.create("--name", "p", *flags))
    script = "touch /new; sleep 1000"
    first = engine.ok(
        "run", "-d", "--name", "one", "--pod", "p", engine.image, "sh", "-c", script
    ).strip()
    alone = engine.start("--name", "two", "--userns", "container:one", engine.image, "sleep", "9")
    (infra,) = engine.ok("ps", "-aq", "--no-trunc", "-f", "name=infra").split()
    inside = {os.readlink(f"/proc/{engine.pid(id)}/ns/user") for id in (infra, first, alone)}
    assert inside != {os.readlink("/proc/self/ns/user")}
    assert len(inside) == 1
    assert os.stat(f"/proc/{engine.pid(first)}").st_uid == FIRST
    status = (engine.root / "containers" / first / "upper" / "new").stat()
    assert (status.st_uid, status.st_gid) == (FIRST, 1_300_000)
    assert engine.ok("exec", "one", "stat", "-c", "%u %g", "/bin", "/new", "/dev/shm") == (
        "0 0\n0 0\n0 0\n"
    )
    line = engine.fails("run", "--rm", "--pod", "p", *MAP, engine.image, "true", status=125)
    assert "the pod's user namespace" in line
    engine.ok("pod", "stop", "-t", "0", "p")
    engine.ok("pod", "start", "p")
    assert engine.ok("exec", "one", "stat", "-c", "%u", "/new") == "0\n"
    engine.ok("rm", "-f", "two")
    engine.ok("pod", "rm", "-f", "-t", "0", "p")


def test_a_user_namespace_of_one_that_has_none_is_the_hosts(engine: Engine) -> None:
    engine.start("--name", "one", engine.image, "sleep", "1000")
    seen = engine.sh("readlink /proc/self/ns/user", "--userns", "container:one")
    assert seen.strip() == os.readlink("/proc/self/ns/user")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--uidmap", "odd"], "CONTAINER:HOST:SIZE"),
        (["--uidmap", "1:1200000:100"], "id 0 is not mapped"),
        ([*MAP, "--userns", "host"], "conflicting"),
        ([*MAP, "--userns", "container:none"], "none"),
        (["--userns", "container:none"], "none"),
        (["--userns", "keep-id"], "there is no mode"),
        (["--uidmap", "0:0:4294967295"], "only"),
    ],
)
def test_what_cannot_be_is_told(engine: Engine, flags: list[str], said: str) -> None:
    line = engine.fails("run", "--rm", *engine.create(*flags, engine.image, "true"), status=125)
    assert said in line
