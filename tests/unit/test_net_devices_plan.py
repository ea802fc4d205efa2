"""linux.netDevices in the plan."""

from typing import Any

import pytest
from hutch.errors import ConfigError
from hutch.plan.features import features
from hutch.plan.plan import NETWORK
from hutch.plan.steps import steps
from hutch.spec.check import check
from hutch.spec.default import default_config

from tests.support.plans import arguments, compiled, named, order


def change(config: dict[str, Any]) -> None:
    config["linux"]["netDevices"] = {"eth7": {"name": "eth0"}, "eth8": {}}


def test_devices_move_once_the_network_namespace_is_there() -> None:
    plan = compiled(change)
    assert list(plan.net_devices) == [
        ('linux.netDevices["eth7"]', "eth7", "eth0"),
        ('linux.netDevices["eth8"]', "eth8", "eth8"),
    ]
    assert order(plan, "loopback", "barrier", "open_root")[:3] == [
        "loopback", "barrier", "open_root",
    ]  # fmt: skip
    assert arguments(named(plan, "barrier")[0])["which"] == NETWORK
    does = [step.does for step in steps(plan)]
    assert "move eth7 of the host in, as eth0" in does
    assert features()["linux"]["netDevices"] == {"enabled": True}
    assert not compiled().net_devices


def test_two_devices_of_one_name_or_none_to_move_into_are_refused() -> None:
    config = default_config()
    config["linux"]["netDevices"] = {"a": {"name": "x"}, "b": {"name": "x"}}
    with pytest.raises(ConfigError, match=r'netDevices\["b"\]\.name'):
        check(config)
    config["linux"]["netDevices"] = {"a": {"name": "x%d"}, "b": {"name": "x%d"}}
    check(config)
    config["linux"]["namespaces"] = [{"type": "uts"}]
    with pytest.raises(ConfigError, match="needs a network namespace"):
        check(config)
