"""linux.sysctl: a config may set only sysctls of the container's own namespaces."""

from hutch.errors import ConfigError
from hutch.plan import operations as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.namespaces import Namespaces
    from hutch.plan.operations import Operation
    from hutch.spec.config import Config

# The sysctls of an IPC namespace (ipc_namespaces(7)); those below fs/mqueue are too.
IPC = frozenset(
    (
        "kernel/msgmax",
        "kernel/msgmnb",
        "kernel/msgmni",
        "kernel/sem",
        "kernel/shmall",
        "kernel/shmmax",
        "kernel/shmmni",
        "kernel/shm_rmid_forced",
    )
)

NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/")


def compile_sysctls(config: "Config", namespaces: "Namespaces") -> "list[Operation]":
    """The writes below /proc/sys. Raises ConfigError for a sysctl that would change the host."""
    result: list[Operation] = []
    for name, value in config.get("linux", {}).get("sysctl", {}).items():
        pointer = 'linux.sysctl["' + name + '"]'
        path = _path(name, pointer)
        _check_namespaced(path, value, pointer, namespaces, config)
        result.append(op.sysctl(pointer, "sys/" + path, value))
    return result


def _path(name: str, pointer: str) -> str:
    """The path of a sysctl below /proc/sys.

    A name has dots (net.ipv4.ip_forward), or slashes if a part contains a dot
    (net/ipv4/conf/eth0.1/...). The first separator decides which, as in sysctl(8).
    """
    parts = None
    if NAME.issuperset(name):
        dot, slash = name.find("."), name.find("/")
        slashes = slash >= 0 and (dot < 0 or slash < dot)
        parts = name.split("/") if slashes else name.replace("/", "\0").split(".")
        parts = parts if slashes else [part.replace("\0", ".") for part in parts]
    if not parts or any(part in ("", ".", "..") for part in parts):
        raise ConfigError(
            pointer, "is not the name of a sysctl", hint="such as net.ipv4.ip_forward"
        )
    return "/".join(parts)


def namespace_of(path: str) -> str:
    """The type of namespace that has its own value of the sysctl; "" if it belongs to the host."""
    if path in IPC or path.startswith("fs/mqueue/"):
        return "ipc"
    if path.startswith("net/"):
        return "network"
    if path == "kernel/domainname":
        return "uts"
    return "user" if path.startswith("user/") else ""


def _check_namespaced(
    path: str, value: str, pointer: str, namespaces: "Namespaces", config: "Config"
) -> None:
    if path == "kernel/hostname":
        raise ConfigError(pointer, "is set by hostname, not by a sysctl", value=value)
    kind = namespace_of(path)
    if kind == "uts" and config.get("domainname", value) != value:
        raise ConfigError(pointer, "contradicts domainname", value=value)
    if not kind:
        raise ConfigError(
            pointer,
            "sysctl is not in a separate kernel namespace: it would change the host",
            value=value,
            hint="remove it, or set it on the host",
        )
    if not namespaces.has(kind):
        raise ConfigError(
            pointer,
            "needs a " + kind + " namespace of the container's own, else it would change the host",
            value=value,
            hint='add {"type": "' + kind + '"} to linux.namespaces',
        )
