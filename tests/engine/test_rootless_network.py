"""The network of an ordinary user's containers: pasta, published ports, and what is killed."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.engines import eventually, kill9
from tests.support.networks import HOST, OUTSIDE, Machine, cable, machine
from tests.support.rootless import Rootless, rootless

pytestmark = pytest.mark.root
Inside = Callable[[str], Machine]


@pytest.fixture
def outside() -> Iterator[Machine]:
    """Another machine."""
    with machine() as made:
        yield made


@pytest.fixture
def user(outside: Machine) -> Iterator[Rootless]:
    """An ordinary user on a host with a way to ``outside``."""
    with machine() as host:
        cable(host, outside)
        host.run("ip", "route", "add", "default", "via", OUTSIDE)
        with rootless(True, host) as engine:
            yield engine


def pastas(engine: Rootless) -> list[int]:
    """The processes of pasta that the store has."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"pasta") and str(engine.root).encode() in b" ".join(words):
                found.append(int(folder.name))
    return found


@pytest.fixture
def inside(user: Rootless) -> Iterator[Inside]:
    """The network namespace of a container, by its id."""
    made: list[Machine] = []

    def find(id: str) -> Machine:
        made.append(Machine(f"/proc/{user.pid(id)}/ns/net"))
        return made[-1]

    yield find
    for one in made:
        one.stop()


def test_a_session(user: Rootless, outside: Machine, inside: Inside) -> None:
    """The default network: a way out, published ports, what is shown of them, a restart."""
    host = user.host
    assert host is not None
    web = user.ok(
        "run", "-d", "--name", "web", "--hostname", "box", "-p", "8080:80", "-p", "127.0.0.1::81",
        "-p", "5353:53/udp", user.image, "sh", "-c",
        "mkdir /www; echo hello >/www/index.html; exec httpd -f -h /www",
    ).strip()  # fmt: skip
    outside.serve(7000)
    outside.serve(7000, "udp")
    one = inside(web)
    assert one.talk(OUTSIDE, 7000) == one.talk(OUTSIDE, 7000, "udp") == f"from {HOST}"
    eventually(lambda: one.talk("127.0.0.1", 80, wait=0.1) != "ECONNREFUSED")  # it listens
    assert host.run("busybox", "wget", "-qO-", f"http://{HOST}:8080/") == "hello\n"
    assert outside.run("busybox", "wget", "-qO-", f"http://{HOST}:8080/") == "hello\n"
    assert host.run("busybox", "wget", "-qO-", "http://127.0.0.1:8080/") == "hello\n"
    one.serve(53, "udp")
    assert outside.talk(HOST, 5353, "udp") == f"from {OUTSIDE}"
    chosen = user.ok("port", "web", "81").strip()
    assert chosen.startswith("127.0.0.1:")
    one.serve(81)
    number = int(chosen.partition(":")[2])
    assert host.talk("127.0.0.1", number).startswith("from ")
    assert outside.talk(HOST, number) == "ECONNREFUSED"
    assert "0.0.0.0:8080->80/tcp" in user.ok("ps")
    (found,) = json.loads(user.ok("inspect", "web"))
    assert found["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"] == "8080"
    assert found["HostConfig"]["NetworkMode"] == "pasta"
    links = json.loads(one.run("ip", "-j", "address"))
    assert [link["ifname"] for link in links] == ["lo", "eth0"]
    assert f"{HOST}\tbox\n" in user.ok("exec", "web", "cat", "/etc/hosts")
    # What the host has at 127.0.0.1 stays its own.
    host.serve(7001, address="::ffff:127.0.0.1")
    assert not one.talk(OUTSIDE, 7001, wait=1).startswith("from")
    # A port that is in use, by a container and by a program.
    assert "port is already allocated" in user.fails("run", "-d", "-p", "8080:80", user.image,
                                                     status=125)  # fmt: skip
    host.serve(7002)
    assert "program of this host" in user.fails("run", "--rm", "-p", "7002:80", user.image,
                                                status=125)  # fmt: skip
    # In the namespace of another; without one.
    fetch = "wget -qO- http://127.0.0.1/"
    assert user.sh(fetch, "--network", "container:web") == "hello\n"
    assert user.sh("ls /sys/class/net") == "lo\n"
    one.stop()
    user.ok("restart", "-t", "0", "web")
    again = inside(web)
    eventually(lambda: again.talk("127.0.0.1", 80, wait=0.1) != "ECONNREFUSED")  # it listens
    assert host.run("busybox", "wget", "-qO-", f"http://{HOST}:8080/") == "hello\n"
    user.ok("stop", "-t", "0", "web")
    eventually(lambda: pastas(user) == [])
    assert list((user.root / "run" / "netns").iterdir()) == []
    assert outside.talk(HOST, 8080) == "ECONNREFUSED"


def test_options_of_pasta(user: Rootless, outside: Machine, inside: Inside) -> None:
    host = user.host
    assert host is not None
    mode = "pasta:--ns-ifname,net0,--mtu,1400,--map-gw"
    id = user.start("--name", "one", "--network", mode, user.image, "sleep", "1000")
    one = inside(id)
    (link,) = json.loads(one.run("ip", "-j", "link", "show", "net0"))
    assert link["ifname"] == "net0"
    host.serve(7001, address="::ffff:127.0.0.1")
    assert one.talk(OUTSIDE, 7001).startswith("from ")  # by the address of the gateway
    assert "pasta" in user.fails("run", "--rm", "--network", "pasta:--no-such", user.image,
                                 status=125)  # fmt: skip
    assert "--ip" in user.fails("run", "--network", "pasta", "--ip", "1.2.3.4", user.image,
                                status=125)  # fmt: skip
    assert "sctp" in user.fails("run", "--rm", "-p", "80:80/sctp", user.image, status=125)
    assert "bridges take root" in user.fails("run", "--network", "bridge", user.image, status=125)


def test_names_are_asked_for_at_the_host(user: Rootless, inside: Inside) -> None:
    """Its nameserver may be at an address that only the host itself reaches."""
    host = user.host
    assert host is not None
    (user.home / "etc" / "resolv.conf").write_text("nameserver 127.0.0.53\nsearch example\n")
    host.serve(53, "udp", "::ffff:127.0.0.53")
    one = inside(user.ok("run", "-d", "--name", "one", user.image, "sleep", "99").strip())
    said = user.ok("exec", "one", "cat", "/etc/resolv.conf")
    assert said == "search example\nnameserver 169.254.1.1\n"
    assert one.talk("169.254.1.1", 53, "udp").startswith("from ")


def test_what_is_killed(user: Rootless, outside: Machine, inside: Inside) -> None:
    """pasta: the next command starts it again. conmon and the program: nothing is left."""
    words = ("run", "-d", "--name", "one", "-p", "8080:80", user.image, "sleep", "1000")
    id = user.ok(*words).strip()
    one = inside(id)
    one.serve(80)
    (first,) = pastas(user)
    kill9(first)
    eventually(lambda: outside.talk(HOST, 8080) == "ECONNREFUSED")
    assert user.status("one") == "running"
    assert len(pastas(user)) == 1
    assert outside.talk(HOST, 8080) == f"from {OUTSIDE}"
    one.stop()
    kill9(user.conmon(id))
    kill9(user.pid(id))
    eventually(lambda: user.status("one") == "exited")
    eventually(lambda: pastas(user) == [])
    # After a reboot there is the file, but no namespace.
    stale = user.root / "run" / "netns" / id
    stale.touch()
    user.ok("start", "one")
    outside.serve(7000)
    assert inside(id).talk(OUTSIDE, 7000) == f"from {HOST}"
    user.ok("rm", "-f", "one")
    assert not stale.exists()


def test_what_is_missing(user: Rootless) -> None:
    """pasta itself, its device, a way out: told by name."""
    folder = user.home / "bin"
    folder.mkdir()
    for name in ("conmon", "newuidmap", "newgidmap", "unshare", "nsenter", "sh", "mount", "mkdir",
                 "setpriv"):  # fmt: skip
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    user.environment = {"PATH": str(folder)}
    said = user.fails("run", "--rm", user.image, "true", status=125)
    assert "pasta" in said and "apt-get install passt" in said
    user.environment = {}
    host = user.host
    assert host is not None
    tun = user.home / "etc" / "tun"
    os.chown(tun, 0, 0)
    tun.chmod(0o600)
    said = user.fails("run", "--rm", user.image, "true", status=125)
    assert "/dev/net/tun" in said
    tun.chmod(0o666)
    host.run("ip", "route", "del", "default")
    said = user.fails("run", "--rm", user.image, "true", status=125)
    assert "--network none" in said
    assert user.ok("ps", "-aq") == ""
    assert pastas(user) == []
    assert os.listdir(user.root / "run" / "netns") == []
