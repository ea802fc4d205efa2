"""The default network: addresses, the way out, published ports, and what it keeps apart."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.support.engines import eventually
from tests.support.networks import HOST, OUTSIDE, NetworkEngine, in_namespace
from tests.support.reboot import go_down, networks_go_down

pytestmark = pytest.mark.root


def test_a_container_has_an_address_and_a_way_out(network: NetworkEngine) -> None:
    one = network.up("one", "--hostname", "box")
    address = network.address("one")
    links = json.loads(one.run("ip", "-j", "address"))
    assert [link["ifname"] for link in links] == ["lo", "eth0"]
    assert [a["local"] for a in links[1]["addr_info"]] == [address]
    assert links[1]["address"] == "02:42:" + bytes(map(int, address.split("."))).hex(":")
    hosts = network.ok("exec", "one", "cat", "/etc/hosts")
    assert f"{address}\tbox\n" in hosts
    network.outside.serve(7000)
    assert one.talk(OUTSIDE, 7000) == f"from {HOST}"  # masqueraded
    # Any user may bind to low ports and send echo requests.
    script = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range"
    assert network.ok("exec", "one", "sh", "-c", script).split() == ["0", "0", "2147483647"]
    # What it starts with again is the same; what is not up has no address.
    network.ok("restart", "-t", "0", "one")
    assert network.address("one") == address
    network.ok("stop", "-t", "0", "one")
    assert network.address("one") == ""
    assert network.remains() == []


def test_with_a_user_namespace_of_its_own(network: NetworkEngine) -> None:
    """Its network namespace belongs to that: it sees its own links, and may set them."""
    ids = ("--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536", "--cap-add", "NET_ADMIN")
    one = network.up("one", *ids, "-p", "8080:80")
    assert network.ok("exec", "one", "ls", "/sys/class/net") == "eth0\nlo\n"
    network.ok("exec", "one", "ip", "link", "set", "eth0", "mtu", "1300")
    one.serve(80)
    assert network.outside.talk(HOST, 8080) == f"from {OUTSIDE}"
    one.stop()


def test_published_ports(network: NetworkEngine) -> None:
    one = network.up(
        "one", "-p", "8080:80", "-p", "5353:53/udp", "-p", "127.0.0.1:8081:81",
        "-p", "9000-9002:90-92", "--expose", "70/udp", "-P",
    )  # fmt: skip
    for port, protocol in ((80, "tcp"), (53, "udp"), (81, "tcp"), (91, "tcp"), (70, "udp")):
        one.serve(port, protocol)
    address, gateway = network.address("one"), network.address("one", field="Gateway")
    try:
        assert network.outside.talk(HOST, 8080) == f"from {OUTSIDE}"
        assert network.outside.talk(HOST, 5353, "udp") == f"from {OUTSIDE}"
        assert network.host.talk(HOST, 8080) == f"from {HOST}"
        assert network.host.talk("127.0.0.1", 8080) == f"from {gateway}"
        assert network.host.talk("127.0.0.1", 5353, "udp") == f"from {gateway}"
        assert network.host.talk("127.0.0.1", 8081) == f"from {gateway}"
        assert network.outside.talk(HOST, 8081) == "ECONNREFUSED"
        assert network.outside.talk(HOST, 9001) == f"from {OUTSIDE}"
        assert network.host.talk(address, 80) == f"from {gateway}"
        # Itself and a neighbour by the host's address, too.
        two = network.up("two")
        assert two.talk(HOST, 8080) == f"from {gateway}"
        assert one.talk(HOST, 8080) == f"from {gateway}"
        # Outside nobody reaches what is not published, even who knows the way.
        network.outside.run("ip", "route", "add", address, "via", HOST)
        assert network.outside.talk(address, 81, wait=0.5) == "TIMEOUT"
    finally:
        one.stop()
    told = network.ok("port", "one").splitlines()
    assert "80/tcp -> 0.0.0.0:8080" in told
    assert "81/tcp -> 127.0.0.1:8081" in told
    picked = next(line for line in told if line.startswith("70/udp"))
    assert network.ok("port", "one", "80") == "0.0.0.0:8080\n"
    ports = network.ok("ps", "--filter", "name=one", "--format", "{{.Ports}}").strip()
    assert ports == (
        f"0.0.0.0:5353->53/udp, 0.0.0.0:{picked.rpartition(':')[2]}->70/udp, 0.0.0.0:8080->80/tcp,"
        " 127.0.0.1:8081->81/tcp, 0.0.0.0:9000-9002->90-92/tcp"
    )
    (found,) = json.loads(network.ok("inspect", "one"))
    bound = found["NetworkSettings"]["Ports"]["80/tcp"]
    assert bound == [{"HostIp": "0.0.0.0", "HostPort": "8080"}]
    assert found["HostConfig"]["PortBindings"]["80/tcp"] == [{"HostIp": "", "HostPort": "8080"}]


def test_a_port_in_use_is_told(network: NetworkEngine) -> None:
    network.up("one", "-p", "8080:80")
    line = network.fails("run", "-p", "8080:90", *network.create(network.image, "true"), status=125)
    assert "0.0.0.0:8080/tcp" in line
    assert network.id("one")[:12] in line
    network.host.serve(8090)
    line = network.fails("run", "-p", "8090:90", *network.create(network.image), status=125)
    assert "a program of this host" in line
    network.host.stop()
    # While it is published no program takes it; afterwards it is free.
    taken = network.host.path
    words = ["nsenter", f"--net={taken}", "busybox", "nc", "-l", "-p", "8080"]
    assert b"in use" in subprocess.run(words, capture_output=True, check=False).stderr
    network.ok("rm", "-f", "one")
    network.up("two", "-p", "8080-8081:80")
    assert network.ok("port", "two", "80/tcp") == "0.0.0.0:8080\n"
    network.up("three", "-p", "8080-8081:80")
    assert network.ok("port", "three", "80/tcp") == "0.0.0.0:8081\n"
    assert "no address" in network.fails(
        "run", "-p", "203.0.113.9:1:1", *network.create(network.image), status=125
    )
    assert "invalid" in network.fails("run", "-p", "80:x", network.image, status=125)


LISTEN = """
import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind(("127.0.0.1", 7001))
print("ready", flush=True)
for _ in range(int(sys.argv[1])):
    print(one.recv(100).decode(), flush=True)
"""
# A frame to the bridge's MAC address with a datagram to 127.0.0.1: what CAP_NET_RAW can send.
ATTACK = r"""
import socket, struct, sys
mac, source = sys.argv[1:]
address, port = socket.inet_aton(source), 7001
udp = struct.pack("!HHHH", 4000, port, 14, 0) + b"attack"
head = struct.pack("!BBHHHBBH", 0x45, 0, 34, 1, 0, 64, 17, 0) + address + bytes([127, 0, 0, 1])
total = sum(struct.unpack("!10H", head))
total = (total & 0xFFFF) + (total >> 16)
head = head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:]
one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
one.bind(("eth0", 0))
own = one.getsockname()[4]
one.send(bytes.fromhex(mac.replace(":", "")) + own + b"\x08\x00" + head + udp)
"""
LEGITIMATE = """
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"own", ("127.0.0.1", 7001))
"""


def test_containers_do_not_reach_the_loopback_of_the_host(network: NetworkEngine) -> None:
    """route_localnet lets 127.0.0.1 reach published ports: nobody else may use it."""
    one = network.up("one", "-p", "8080:80")
    (link,) = (name for name in network.links() if name.startswith("wr-"))
    mac = json.loads(network.host.run("ip", "-j", "link", "show", link))[0]["address"]
    server = subprocess.Popen(
        in_namespace(network.host.path, sys.executable, "-c", LISTEN, 3),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    heard = server.stdout
    assert heard is not None

    def attack() -> str:
        """What is heard first if the datagram of the host itself is sent later."""
        one.run(sys.executable, "-c", ATTACK, mac, network.address("one"))
        network.host.run(sys.executable, "-c", LEGITIMATE)
        return heard.readline()

    try:
        assert heard.readline() == "ready\n"
        protected = attack()
        # The control: without the chain it arrives.
        table = network.host.run("nft", "list", "tables").split()[-1]
        network.host.run("nft", "flush", "chain", "inet", table, "loopback")
        unprotected = attack()
    finally:
        server.kill()
        server.wait()
        heard.close()
    assert (protected, unprotected) == ("own\n", "attack\n")


def test_nothing_is_left_after_kills(network: NetworkEngine) -> None:
    """Of the container, of conmon and it; and after a reboot, when links and rules are gone."""
    for victims in (["pid"], ["conmon.pid", "pid"]):
        id = network.start("-p", "8080:80", network.image, "sleep", "1000")
        for name in victims:
            os.kill(int((network.root / "containers" / id / name).read_text()), signal.SIGKILL)
        eventually(lambda: network.ok("ps", "-q") == "")
        eventually(lambda: network.remains() == [])
        network.ok("rm", id)
    network.up("one", "-p", "8080:80")
    for link in network.links():
        network.host.run("ip", "link", "del", link)
    network.host.run("nft", "flush", "ruleset")
    done = network.run("system", "check")
    assert done.returncode == 1
    assert "its link to network bridge is gone" in done.stderr
    assert "is missing" in done.stderr
    network.ok("rm", "-f", "one")
    assert network.remains() == []
    assert network.run("system", "check").returncode == 0


def test_conmon_killed_alone(network: NetworkEngine) -> None:
    """The container goes on, and its ports with it; its end is found, and nothing is left."""
    id = network.start("--name", "one", "-p", "8080:80", network.image, "sleep", "1000")
    one = network.inside("one")
    one.serve(80)
    os.kill(network.conmon(id), signal.SIGKILL)
    eventually(lambda: not os.path.exists(f"/proc/{network.conmon(id)}/exe"))
    assert network.status("one") == "running"
    assert network.outside.talk(HOST, 8080) == f"from {OUTSIDE}"
    # Nothing holds a socket of the port any more; another container cannot have it all the same.
    taken = network.run("run", "-p", "8080:80", *network.create(network.image, "true"))
    assert taken.returncode == 125 and network.id("one")[:12] in taken.stderr
    address = network.address("one")
    one.stop()
    network.ok("stop", "-t", "0", "one")
    assert network.remains() == []
    network.ok("start", "one")
    assert network.address("one") == address
    network.ok("rm", "-f", "one")
    assert network.remains() == []


def test_after_a_reboot(network: NetworkEngine) -> None:
    """ps tells the truth, networks are there as before, containers start with their addresses."""
    network.ok("network", "create", "--subnet", "10.9.0.0/24", "inner")
    network.up("one", "-p", "8080:80", "--restart", "always")
    network.up("two", "--network", "inner", "--ip", "10.9.0.77")
    network.up("three", "--network", "inner", "--network", "bridge")
    names = ("one", "two", "three")
    go_down(network, [network.id(name) for name in names])
    networks_go_down(network)
    assert network.ok("ps", "-q") == ""
    assert network.ok("ps", "-a", "--format", "{{.State}}") == "exited\n" * 3
    assert network.remains() == []
    assert network.run("system", "check").returncode == 0
    assert "inner" in network.ok("network", "ls", "--format", "{{.Name}}").split()
    assert network.ok("system", "boot") == "one\n"
    network.ok("start", "two", "three")
    one = network.inside("one")
    one.serve(80)
    assert network.outside.talk(HOST, 8080) == f"from {OUTSIDE}"
    one.stop()
    assert network.address("two", "inner") == "10.9.0.77"
    assert "10.9.0.77" in network.ok("exec", "three", "nslookup", "two")
    on_bridge = {network.address("one"), network.address("three")}
    assert len(on_bridge) == 2 and "" not in on_bridge
    network.ok("rm", "-f", *names)
    network.ok("network", "rm", "inner")


HIDDEN = 'mount --bind /dev/null "$1"; shift; exec "$@"'
NO_SUCH_LINK = """
from hutch.engine.network import links as one
with one.Links() as links:
    kind = one.nested(one.IFLA_LINKINFO, one.text(one.IFLA_INFO_KIND, "hutch-none"))
    body = one.LINK.pack(0, 0, 0, 0, 0) + one.text(one.IFLA_IFNAME, "x") + kind
    try:
        links._make("make a link", "hutch-none", body)
    except one.HostError as error:
        print(error)
"""


def test_what_is_missing_is_told_by_name(network: NetworkEngine) -> None:
    def without(program: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """The command where a program is not installed."""
        hidden = ["unshare", "--mount", "sh", "-c", HIDDEN, "sh", program, *network.command(*words)]
        return subprocess.run(
            hidden, env=network.variables(), capture_output=True, text=True, check=False
        )

    run = ("run", "--rm", *network.create(network.image, "true"))
    done = without("/usr/sbin/nft", *run)
    assert done.returncode == 125
    assert "networks need nft, which is not installed" in done.stderr
    assert "apt-get install nftables" in done.stderr
    eventually(lambda: network.ok("ps", "-aq") == "" and network.remains() == [])
    network.ok("network", "create", "inner")
    named = ("run", "--rm", "--network", "inner", *network.create(network.image, "true"))
    done = without("/usr/lib/podman/aardvark-dns", *named)
    assert done.returncode == 0
    assert "aardvark-dns is not installed" in done.stderr
    # A type of link that the kernel does not have, as without the module bridge or veth.
    said = network.host.run(sys.executable, "-c", NO_SUCH_LINK)
    assert said.startswith("the kernel has no links of the type hutch-none (hint: modprobe hutch-")
    # Without the right to make links.
    drop = ["setpriv", "--bounding-set", "-net_admin", *network.command(*run)]
    done = subprocess.run(
        drop, env=network.variables(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 125
    assert "set a link up: not permitted: it takes CAP_NET_ADMIN" in done.stderr
    network.run("system", "check", "--repair")
    eventually(lambda: network.ok("ps", "-aq") == "" and network.remains() == [])
    network.ok("network", "rm", "inner")


def test_sctp_ports(network: NetworkEngine) -> None:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        said = network.fails("run", "-p", "1:1/sctp", *network.create(network.image), status=125)
        assert "the kernel has no SCTP" in said
        pytest.skip("this kernel has no SCTP")
    one = network.up("one", "-p", "8080:80/sctp")
    one.serve(80, "sctp")
    assert network.outside.talk(HOST, 8080, "sctp") == f"from {OUTSIDE}"
    assert "8080->80/sctp" in network.ok("ps")
    one.stop()


def test_what_has_lost_its_row_is_found(network: NetworkEngine) -> None:
    network.up("one")
    (bridge, _) = sorted(network.links())
    note = json.loads(network.host.run("ip", "-j", "link", "show", bridge))[0]["ifalias"]
    network.ok("rm", "-f", "one")
    tag = note.split()[1]
    network.host.run("ip", "link", "add", "stray", "type", "bridge")
    network.host.run("ip", "link", "set", "stray", "alias", f"warren {tag} of old")
    network.host.run("ip", "link", "add", "other", "type", "bridge")
    network.host.run("nft", "add", "table", "inet", f"warren_{tag}")
    (network.run_folder / "netns" / ("0" * 64)).touch()
    done = network.run("system", "check", "--repair")
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == [
        "link stray", "network namespace " + str(network.run_folder / "netns" / ("0" * 64)),
        f"nft table inet warren_{tag}",
    ] or done.returncode == 0  # fmt: skip
    assert network.remains() == []
    assert "other" in network.host.run("ip", "link")


def test_eight_at_once_have_addresses_of_their_own(network: NetworkEngine) -> None:
    processes = [
        subprocess.Popen(
            network.command(
                "run", "-d",
                *network.create("--name", f"c{n}", "-p", "80", network.image, "sleep", "99"),
            ),
            env=network.variables(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for n in range(8)
    ]  # fmt: skip
    for process in processes:
        _, said = process.communicate()
        assert process.returncode == 0, said
    addresses = [network.address(f"c{n}") for n in range(8)]
    assert len(set(addresses)) == 8
    ports = network.ok("ps", "--format", "{{.Ports}}").split()
    assert len(set(ports)) == 8
    one = network.inside("c0")
    one.serve(80)
    assert network.inside("c7").talk(addresses[0], 80) == f"from {addresses[7]}"
    one.stop()
    network.ok("rm", "-f", *(f"c{n}" for n in range(8)))
    assert network.remains() == []


def test_none_host_and_another_container(network: NetworkEngine) -> None:
    network.up("one", "--hostname", "first")
    shared = network.run_ok("--network", "container:one", network.image, "cat", "/etc/hosts")
    assert f"{network.address('one')}\tfirst" in shared
    assert network.run_ok("--network", "none", network.image, "ls", "/sys/class/net") == "lo\n"
    line = network.fails(
        "run", "--network", "container:one", "-p", "1:1", network.image, "true", status=125
    )
    assert "conflicting" in line
    done = network.run(
        "run", "--rm", "-p", "1:1", *network.create("--network", "host", network.image, "true")
    )
    assert done.returncode == 0
    assert "discarded" in done.stderr
    line = network.fails("run", *network.create("--network", "odd", network.image), status=125)
    assert "network odd not found" in line


def test_a_firewall_in_the_way_is_told(network: NetworkEngine) -> None:
    network.host.run("nft", "add", "table", "ip", "filter")
    rule = "{ type filter hook forward priority 0; policy drop; }"
    network.host.run("nft", "add", "chain", "ip", "filter", "FORWARD", rule)
    done = network.run("run", "--rm", *network.create(network.image, "true"))
    assert done.returncode == 0
    assert "ip filter FORWARD" in done.stderr
    assert "iptables -I FORWARD -i wr-+ -j ACCEPT" in done.stderr
    network.host.run("nft", "delete", "table", "ip", "filter")
    quiet = network.run("run", "--rm", *network.create(network.image, "true"))
    assert quiet.stderr == ""


def test_warren_killed_at_any_moment_leaves_no_network(network: NetworkEngine) -> None:
    seed = random.Random(9)
    for number in range(8):
        words = network.create("--name", f"c{number}", "-p", "8080", network.image, "sleep", "99")
        process = subprocess.Popen(
            network.command("run", "-d", *words), env=network.variables(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(seed.uniform(0.05, 0.4))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    network.run("system", "check", "--repair")
    assert network.run("system", "check").returncode == 0
    running = network.ok("ps", "-q").split()
    assert len([name for name in network.links() if name.startswith("wv")]) == len(running)
    ids = network.ok("ps", "-aq").split()
    if ids:  # not all were killed before they had made a row
        network.ok("rm", "-f", *ids)
    assert network.remains() == []
