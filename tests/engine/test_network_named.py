"""Networks of network create: names, IPv6, fixed addresses, connecting while running, isolation."""

import json

import pytest

from tests.support.engines import eventually
from tests.support.networks import HOST, HOST6, OUTSIDE, OUTSIDE6, NetworkEngine

pytestmark = pytest.mark.root


def found(network: NetworkEngine, container: str, name: str) -> str:
    """The addresses that a name has in a container, as nslookup prints them; "" if none."""
    done = network.run("exec", container, "nslookup", name)
    lines = done.stdout.partition("Name:")[2].splitlines()
    return " ".join(line.split()[-1] for line in lines if line.startswith("Address"))


def test_containers_find_each_other_by_name(network: NetworkEngine) -> None:
    network.ok("network", "create", "inner")
    one = network.up("one", "--network", "inner", "--network-alias", "db")
    network.up("two", "--network", "name=inner,alias=db,alias=front")
    first, second = network.address("one", "inner"), network.address("two", "inner")
    assert found(network, "two", "one") == first
    assert found(network, "one", "two") == second
    assert found(network, "one", "front") == second
    assert found(network, "one", network.id("two")[:12]) == second
    assert sorted(found(network, "one", "db").split()) == sorted([first, second])
    one.serve(80)
    assert network.inside("two").talk(first, 80) == f"from {second}"
    # Another network neither resolves nor reaches it.
    network.ok("network", "create", "other")
    network.up("three", "--network", "other", "--dns", "192.0.2.53", "--dns-search", "a.example",
               "--dns-option", "ndots:0")  # fmt: skip
    resolv = network.ok("exec", "three", "cat", "/etc/resolv.conf")
    gateway = network.address("three", "other", "Gateway")
    assert f"nameserver {gateway}\n" in resolv
    assert "192.0.2.53" not in resolv  # who is asked in turn
    assert "search a.example\n" in resolv
    assert "options ndots:0\n" in resolv
    assert "192.0.2.53" in (network.run_folder / "dns" / "other").read_text()
    assert "one" not in (network.run_folder / "dns" / "other").read_text()
    assert network.inside("three").talk(first, 80, wait=0.5) == "TIMEOUT"
    # A killed nameserver is there again with the next change.
    pid = (network.run_folder / "dns" / "aardvark.pid").read_text()
    network.host.run("kill", "-9", pid)
    network.run("system", "check", "--repair")
    assert found(network, "two", "one") == first
    one.stop()


def test_connect_and_disconnect_while_it_runs(network: NetworkEngine) -> None:
    network.ok("network", "create", "inner")
    one = network.up("one", "-p", "8080:80")
    network.up("two", "--network", "inner")
    assert found(network, "two", "one") == ""
    network.ok("network", "connect", "--alias", "extra", "inner", "one")
    links = json.loads(one.run("ip", "-j", "link"))
    assert [link["ifname"] for link in links] == ["lo", "eth0", "eth1"]
    address = network.address("one", "inner")
    eventually(lambda: found(network, "two", "extra") == address)
    assert f"{address}\t" in network.ok("exec", "one", "cat", "/etc/hosts")
    assert found(network, "one", "two") == network.address("two", "inner")
    assert network.ok("ps", "--filter", "name=one", "--format", "{{.Networks}}") == "bridge,inner\n"
    assert "already exists" in network.fails("network", "connect", "inner", "one")
    # The published port, and the way out, change over to the network that is left.
    network.ok("network", "disconnect", "bridge", "one")
    one.serve(80)
    network.outside.serve(7000)
    assert network.outside.talk(HOST, 8080) == f"from {OUTSIDE}"
    assert one.talk(OUTSIDE, 7000) == f"from {HOST}"
    one.stop()
    network.ok("restart", "-t", "0", "one")
    assert network.ok("ps", "--filter", "network=inner", "-q").count("\n") == 2
    network.ok("network", "disconnect", "inner", "two")
    assert "not connected" in network.fails("network", "disconnect", "inner", "two")
    assert "active endpoints" in network.fails("network", "rm", "inner")
    network.ok("rm", "-f", "one")
    network.ok("network", "rm", "inner")
    events = ("events", "--since", "1h", "--until", "0s", "--filter", "type=network", "--format")
    told = network.ok(*events, "{{.Action}} {{.Actor.Attributes.name}}").splitlines()
    assert told[:2] == ["create inner", "connect inner"]
    assert told[2:] == ["disconnect bridge", "disconnect inner", "destroy inner"]


def test_both_versions_of_ip(network: NetworkEngine) -> None:
    network.ok("network", "create", "--ipv6", "--subnet", "10.9.0.0/24", "--subnet", "fd09::/64",
               "--gateway", "10.9.0.9", "--ip-range", "10.9.0.128/25", "dual")  # fmt: skip
    one = network.up("one", "--network", "dual", "-p", "8080:80", "-p", "[::1]:8081:80")
    network.up("two", "--network", "dual", "--ip", "10.9.0.77", "--ip6", "fd09::77",
               "--mac-address", "02:00:00:00:00:07")  # fmt: skip
    two = network.inside("two")
    assert network.address("one", "dual") == "10.9.0.128"
    assert network.address("two", "dual") == "10.9.0.77"
    assert network.address("two", "dual", "GlobalIPv6Address") == "fd09::77"
    links = json.loads(two.run("ip", "-j", "link", "show", "eth0"))
    assert links[0]["address"] == "02:00:00:00:00:07"
    assert "fd09::77" in found(network, "one", "two")
    one.serve(80)
    network.outside.serve(7000)
    assert two.talk("fd09::2", 80) == "from fd09::77"
    assert network.outside.talk(HOST6, 8080) == f"from {OUTSIDE6}"
    assert network.outside.talk(HOST, 8080) == f"from {OUTSIDE}"
    assert network.host.talk(HOST6, 8080) == f"from {HOST6}"
    assert one.talk(OUTSIDE6, 7000) == f"from {HOST6}"
    one.stop()
    ports = network.ok("ps", "--filter", "name=one", "--format", "{{.Ports}}")
    assert ports == "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, [::1]:8081->80/tcp\n"
    taken = network.fails("run", *network.create("--network", "dual", "--ip", "10.9.0.77",
                          network.image), status=125)  # fmt: skip
    assert "already in use" in taken
    assert "not in the subnet" in network.fails(
        "run", *network.create("--network", "dual", "--ip", "10.8.0.1", network.image), status=125
    )
    # Routes that a neighbour advertises are not taken, neither here nor by the host.
    taken = "/proc/sys/net/ipv6/conf/eth0/accept_ra"
    assert network.ok("exec", "two", "cat", taken) == "0\n"
    (told,) = json.loads(network.ok("network", "inspect", "dual"))
    bridge = f"wr-{told['Id'][:12]}"
    taken = network.host.run("cat", f"/proc/sys/net/ipv6/conf/{bridge}/accept_ra")
    assert taken == "0\n"
    assert told["IPAM"]["Config"] == [
        {"Subnet": "10.9.0.0/24", "IPRange": "10.9.0.128/25", "Gateway": "10.9.0.9"},
        {"Subnet": "fd09::/64", "Gateway": "fd09::1"},
    ]
    assert told["Containers"][network.id("two")]["IPv4Address"] == "10.9.0.77/24"
    assert told["EnableIPv6"] is True


def test_internal_mtu_and_the_name_of_the_bridge(network: NetworkEngine) -> None:
    network.ok("network", "create", "--internal", "-o", "mtu=1400",
               "-o", "com.docker.network.bridge.name=inside", "--label", "a=b", "safe")  # fmt: skip
    one = network.up("one", "--network", "safe")
    network.up("two", "--network", "safe")
    network.outside.serve(7000)
    assert "default" not in one.run("ip", "route")
    assert "mtu 1400" in one.run("ip", "link", "show", "eth0")
    assert "mtu 1400" in network.host.run("ip", "link", "show", "inside")
    gateway = "{{with index .IPAM.Config 0}}{{.Gateway}}{{end}}"
    gateway = network.ok("network", "inspect", "-f", gateway, "safe").strip()
    one.run("ip", "route", "add", "default", "via", gateway)
    network.outside.run("ip", "route", "add", "10.212.0.0/14", "via", HOST)
    assert one.talk(OUTSIDE, 7000, wait=0.5) == "TIMEOUT"
    assert found(network, "two", "one") == network.address("one", "safe")
    assert "internal" in network.fails(
        "run", "-p", "80:80", *network.create("--network", "safe", network.image), status=125
    )
    # A second network leads out.
    network.up("three", "--network", "safe", "--network", "bridge")
    assert network.inside("three").talk(OUTSIDE, 7000) == f"from {HOST}"


def test_the_verbs(network: NetworkEngine) -> None:
    id = network.ok("network", "create", "--label", "a=b", "inner").strip()
    network.ok("network", "create", "unused")
    network.ok("create", *network.create("--name", "one", "--network", "inner", network.image))
    assert len(id) == 64
    assert network.ok("network", "ls", "-q", "--no-trunc", "-f", "name=inner") == id + "\n"
    names = ("network", "ls", "--format", "{{.Name}}", "-f")
    assert network.ok(*names, "type=custom") == "inner\nunused\n"
    assert network.ok(*names, "type=builtin") == "bridge\nhost\nnone\n"
    assert network.ok(*names, "label=a=b") == "inner\n"
    assert network.ok(*names, "driver=host") == "host\n"
    assert network.ok(*names, "dangling=true") == "unused\n"
    assert json.loads(network.ok("inspect", "inner"))[0]["Id"] == id
    assert json.loads(network.ok("inspect", "--type", "network", "inner"))[0]["Id"] == id
    network.ok("network", "create", "--label", "a=c", "other")
    prune = ("network", "prune", "-f", "--filter")
    assert network.ok(*prune, "until=1h") == network.ok(*prune, "label=a=b") == ""
    assert network.ok(*prune, "label!=a=c", "--filter", "until=0s") == "Deleted Networks:\nunused\n"
    network.ok("network", "create", "unused")
    assert network.ok(*prune, "label=a") == "Deleted Networks:\nother\n"
    assert "invalid filter" in network.fails(*prune, "name=unused", status=125)
    assert network.ok("network", "prune", "-f") == "Deleted Networks:\nunused\n"
    assert network.ok("network", "rm", "-f", "unused") == ""
    assert "not found" in network.fails("network", "rm", "unused")
    assert "pre-defined" in network.fails("network", "rm", "bridge")
    assert "already exists" in network.fails("network", "create", "inner")
    subnet = network.ok("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "inner")
    assert "overlaps" in network.fails("network", "create", "--subnet", subnet.strip(), "twice")
    assert "cable" in network.fails("network", "create", "--subnet", "198.51.100.0/24", "twice")
    # A network that is gone is told when its container starts; made again, it starts.
    network.ok("network", "rm", id[:12])
    assert "network inner not found" in network.fails("start", "one")
    network.ok("network", "create", "inner")
    network.ok("start", "one")


REFUSED = [
    (["--driver", "overlay", "x"], "no network driver"),
    (["--subnet", "10.1.0.5/24", "x"], "has host bits set"),
    (["-o", "odd=1", "x"], "no network option"),
    (["-o", "mtu=3", "x"], "from 68"),
    (["--gateway", "10.1.0.1", "x"], "no matching subnet"),
    (["a/b"], "no name of a network"),
    (["--subnet", "10.1.0.0/24", "--ip-range", "10.2.0.0/25", "x"], "no matching subnet"),
    (["--subnet", "10.1.0.0/24", "--subnet", "10.2.0.0/24", "x"], "at most one"),
    (["--subnet", "10.1.0.0/31", "x"], "no room"),
    (["host"], "predefined"),
]


def test_what_cannot_be_is_told(network: NetworkEngine) -> None:
    for words, said in REFUSED:
        done = network.run("network", "create", *words)
        assert done.returncode != 0
        assert said in done.stderr
        assert "Traceback" not in done.stderr
