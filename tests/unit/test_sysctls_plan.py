"""Which sysctls a config may set: those of namespaces that are the container's own."""

import pytest
from hutch.errors import ConfigError

from tests.support.plans import arguments, compiled, named


def paths(sysctl: str, *without: str) -> list[str]:
    """The files that are written for one sysctl, where namespaces of these types are the host's."""

    def change(config: dict[str, object]) -> None:
        linux = config["linux"]
        assert isinstance(linux, dict)
        linux["sysctl"] = {sysctl: "1"}
        linux["namespaces"] = [kept for kept in linux["namespaces"] if kept["type"] not in without]

    return [arguments(operation)["path"] for operation in named(compiled(change), "sysctl")]


@pytest.mark.parametrize(
    ("sysctl", "path"),
    [
        ("net.ipv4.ip_forward", "sys/net/ipv4/ip_forward"),
        ("net/ipv4/conf/eth0.1/forwarding", "sys/net/ipv4/conf/eth0.1/forwarding"),
        ("kernel.shmmni", "sys/kernel/shmmni"),
        ("fs.mqueue.msg_max", "sys/fs/mqueue/msg_max"),
    ],
)
def test_what_is_the_containers_is_written(sysctl: str, path: str) -> None:
    assert paths(sysctl) == [path]


@pytest.mark.parametrize(
    "sysctl", ["kernel.core_pattern", "kernel.modprobe", "vm.swappiness", "fs.file-max"]
)
def test_s41_sysctls_of_the_host_are_refused(sysctl: str) -> None:
    with pytest.raises(ConfigError, match="is not in a separate kernel namespace"):
        paths(sysctl)


@pytest.mark.parametrize(
    "sysctl",
    ["net/../kernel/core_pattern", "fs/mqueue/../file-max", "net/ipv4/../../vm/swappiness"],
)
def test_s41_no_part_of_a_name_is_dot_dot(sysctl: str) -> None:
    with pytest.raises(ConfigError, match="is not the name of a sysctl"):
        paths(sysctl)


@pytest.mark.parametrize(
    ("sysctl", "kind"),
    [("net.ipv4.ip_forward", "network"), ("kernel.shmmni", "ipc"), ("fs.mqueue.msg_max", "ipc")],
)
def test_s41_sysctls_of_a_namespace_that_the_host_shares_are_refused(
    sysctl: str, kind: str
) -> None:
    with pytest.raises(ConfigError, match=f"needs an? {kind} namespace of the container's own"):
        paths(sysctl, kind)
