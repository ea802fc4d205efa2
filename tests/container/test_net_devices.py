"""linux.netDevices: network devices of the host in the container (config-linux.md)."""

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.containers import Bundle, Outcome, Runtime, eventually, reachable
from tests.support.leftovers import SESSION

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]
NAME = f"hu{SESSION}"


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def exists(name: str) -> bool:
    return subprocess.run(["ip", "link", "show", name], capture_output=True).returncode == 0


@pytest.fixture
def device() -> Iterator[str]:
    """One end of a veth pair, with addresses. The other end has the same name with a p."""
    ip("link", "add", NAME, "mtu", "1400", "type", "veth", "peer", "name", NAME + "p")
    ip("link", "set", NAME + "p", "up")
    ip("addr", "add", "10.99.7.1/24", "brd", "10.99.7.255", "dev", NAME)
    ip("addr", "add", "10.99.8.1/32", "dev", NAME)
    ip("addr", "add", "fd00:99:7::1/64", "dev", NAME)
    # Addresses that are not global or not permanent are not moved.
    ip("addr", "add", "10.99.9.1/24", "scope", "link", "dev", NAME)
    ip("addr", "add", "10.99.10.1/24", "valid_lft", "1000", "preferred_lft", "1000", "dev", NAME)
    yield NAME
    for name in (NAME, NAME + "p"):
        subprocess.run(["ip", "link", "del", name], capture_output=True, check=False)


def with_devices(bundle: Bundle, **devices: dict[str, Any]) -> Bundle:
    bundle.config["linux"]["netDevices"] = devices
    return bundle.save()


def test_a_device_moves_with_its_permanent_global_addresses_and_is_up(
    run: Run, bundle: Bundle, device: str
) -> None:
    with_devices(bundle, **{device: {"name": "eth7"}})
    out = run("ip link show eth7; ip -o addr show dev eth7; ls /sys/class/net").out
    assert "eth7" in out
    assert ",UP" in out.splitlines()[0]
    assert "mtu 1400" in out
    assert "inet 10.99.7.1/24 brd 10.99.7.255 scope global" in out
    assert "inet 10.99.8.1/32 scope global" in out
    assert "inet6 fd00:99:7::1/64 scope global" in out
    assert "10.99.9.1" not in out
    assert "10.99.10.1" not in out
    assert not exists(device)
    # The kernel deletes a virtual device with its namespace, and its peer too.
    eventually(lambda: not exists(device + "p"))


def test_it_keeps_its_name_if_it_is_given_none(run: Run, bundle: Bundle, device: str) -> None:
    with_devices(bundle, **{device: {}})
    assert run("ls /sys/class/net").out.split() == sorted([device, "lo"])


def test_a_template_is_a_name_that_is_free(run: Run, bundle: Bundle, device: str) -> None:
    with_devices(bundle, **{device: {"name": "eth%d"}, device + "p": {"name": "eth%d"}})
    assert run("ls /sys/class/net").out.split() == ["eth0", "eth1", "lo"]


def test_a_name_that_is_taken_is_an_error_and_nothing_moves(
    hutch: Runtime, bundle: Bundle, device: str
) -> None:
    with_devices(bundle, **{device + "p": {}, device: {"name": "lo"}})
    error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert f'linux.netDevices["{device}"]: the container\'s network namespace has a device' in error
    assert exists(device)
    assert exists(device + "p")


def test_a_device_that_is_not_there_is_an_error(hutch: Runtime, bundle: Bundle) -> None:
    with_devices(bundle, **{NAME + "x": {}})
    error = hutch.refuses("create", "--bundle", str(bundle.path), "test")
    assert f'linux.netDevices["{NAME}x"]: the host\'s network namespace has no device' in error


def test_a_device_that_cannot_move_is_an_error(hutch: Runtime, bundle: Bundle) -> None:
    with_devices(bundle, lo={"name": "lo2"})
    error = hutch.refuses("create", "--bundle", str(bundle.path), "test")
    assert 'linux.netDevices["lo"]: move the network device lo to lo2: netlink: ' in error
    assert "cannot leave their network namespace" in error


def test_devices_move_into_a_namespace_that_is_joined_and_stay_there(
    hutch: Runtime, run: Run, bundle: Bundle, device: str
) -> None:
    bundle.args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(bundle.path), "other")
    for namespace in bundle.config["linux"]["namespaces"]:
        if namespace["type"] == "network":
            namespace["path"] = f"/proc/{hutch.state('other')['pid']}/ns/net"
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["type"] != "sysfs"]
    with_devices(bundle.for_id("second"), **{device: {"name": "eth7"}})
    assert "10.99.7.1/24" in run("ip addr").out
    # "MUST NOT attempt to move the interface out of the namespace before deletion".
    assert "eth7" in hutch("exec", "other", "ip", "link").out
    error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert "has no device of that name" in error


def test_devices_in_a_user_namespace(run: Run, bundle: Bundle, device: str) -> None:
    bundle.config["linux"]["namespaces"].append({"type": "user"})
    for field in ("uidMappings", "gidMappings"):
        bundle.config["linux"][field] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    reachable(bundle.path)
    with_devices(bundle, **{device: {"name": "eth7"}})
    assert "10.99.7.1/24" in run("ip addr show eth7").out


def test_explain_shows_the_move(hutch: Runtime, bundle: Bundle) -> None:
    with_devices(bundle, eth9={"name": "eth0"})
    assert "move eth9 of the host in, as eth0" in hutch("explain", str(bundle.path)).out
