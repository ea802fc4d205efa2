"""What can be found wrong before anything on the host is changed.

The plan needs files of the host: the rootfs, the sources of binds, namespaces to join. Whoever
races us here gains nothing, since each is opened again, by hutch-init or as a descriptor; this is
only for the error to come early and to name the field.
"""

import posix
from stat import S_ISDIR

from hutch.container.store import read_file
from hutch.errors import ConfigError, HostError, KernelError
from hutch.plan.devices import S_IFCHR
from hutch.plan.namespaces import TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.operations import Device
    from hutch.plan.plan import Bindings, Plan
    from hutch.spec.config import Config

NS_GET_NSTYPE = 0xB703  # ioctl_ns(2)


def check_host(plan: "Plan", config: "Config", bindings: "Bindings") -> None:
    """Raises for a rootfs or bind source that is not there; tells ``bindings`` where the host has
    the devices that are to be bound."""
    rootfs = config["root"]["path"]
    try:
        found = posix.stat(plan.root)
    except OSError as error:
        raise _missing(rootfs, "root.path", plan.root, error) from None
    if not S_ISDIR(found.st_mode):
        raise ConfigError("root.path", plan.root + " is not a directory", value=rootfs)
    for operation in plan.operations:
        if operation.name == "bind" and operation.pointer:
            source = operation.source
            if not isinstance(source, str):
                continue  # a cgroup, which is still to be made
            if (source + "/").startswith(plan.root.rstrip("/") + "/"):
                continue  # a mount before it may make it: hutch-init will see
            try:
                posix.stat(source)
            except OSError as error:
                raise _missing(source, operation.pointer + ".source", source, error) from None
        elif operation.name == "device" and operation.pointer:
            if isinstance(operation.host, str):
                continue  # it is made, not bound
            elsewhere = _find_device(operation)
            if elsewhere:
                bindings.values[operation.host.name] = elsewhere


def _find_device(operation: "Device") -> str:
    """Where the host has a device that is to be bound, if not under the path that the container
    has it at: as the kernel names it (sysfs, "DEVNAME"); "" if nowhere."""
    if _is_device(operation.path, operation.major, operation.minor):
        return ""
    folder = "char" if operation.type == S_IFCHR else "block"
    try:
        text = read_file(f"/sys/dev/{folder}/{operation.major}:{operation.minor}/uevent").decode()
    except OSError:
        return ""  # hutch-init says what is wrong
    for line in text.splitlines():
        if line.startswith("DEVNAME="):
            return "/dev/" + line[8:]
    return ""


def _is_device(path: str, major: int, minor: int) -> bool:
    try:
        return bool(posix.stat(path).st_rdev == posix.makedev(major, minor))
    except OSError:
        return False


def check_tools(plan: "Plan") -> None:
    """Raises HostError for a library that the plan needs and that is not installed."""
    if plan.net_devices:
        from hutch.container.cold.tools import is_installed

        if not is_installed("pyroute2"):
            raise HostError(
                "moving network devices takes the Python package pyroute2, which is not installed",
                pointer="linux.netDevices",
                hint="install it beside hutch: pip install pyroute2",
            )


def _missing(value: str, pointer: str, path: str, error: OSError) -> ConfigError:
    from hutch.errors import errno_text

    reason = "stat " + path + ": " + errno_text(error.errno)
    return ConfigError(pointer, reason, value=value, hint="it must exist before the container does")


def open_namespaces(plan: "Plan") -> "list[int]":
    """Descriptors of the namespaces to join, each looked at: a path of another type of namespace
    is an error (config-linux.md "Namespaces"). The caller closes them."""
    opened: list[int] = []
    try:
        for kind, pointer, path in plan.slots:
            try:
                fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
            except OSError as error:
                raise KernelError(
                    "open " + path, "open", error.errno, pointer=pointer + ".path"
                ) from None
            opened.append(fd)
            _check_type(fd, kind, pointer, path)
            _check_own(plan, fd, path, kind)
    except BaseException:
        for fd in opened:
            posix.close(fd)
        raise
    return opened


def _check_own(plan: "Plan", fd: int, path: str, kind: str) -> None:
    """Raises ConfigError where the namespace to join is the caller's own, and the plan would set in
    it what only a container's may have set."""
    own = posix.stat("/proc/self/ns/" + {"network": "net", "mount": "mnt"}.get(kind, kind))
    found = posix.fstat(fd)
    if (found.st_dev, found.st_ino) != (own.st_dev, own.st_ino):
        return
    from hutch.plan.sysctls import namespace_of

    for operation in plan.operations:
        sets = "uts" if operation.name in ("hostname", "domainname") else ""
        if operation.name == "sysctl":
            sets = namespace_of(operation.path.removeprefix("sys/"))
        if sets == kind:
            raise ConfigError(
                operation.pointer,
                f"would change the host: {path} is the caller's own {kind} namespace",
                hint="remove it, or let linux.namespaces have no path there, for a new namespace",
            )


def _check_type(fd: int, wanted: str, pointer: str, path: str) -> None:
    """Raises ConfigError where the namespace is not of the type that the config says."""
    from fcntl import ioctl

    try:
        kind = ioctl(fd, NS_GET_NSTYPE)
    except OSError:
        kind = 0
    if kind != TYPES[wanted]:
        names = {flag: name for name, flag in TYPES.items()}
        found = "a " + names[kind] + " namespace" if kind in names else "no namespace"
        raise ConfigError(
            pointer + ".path", f"is {found}, but {pointer}.type is {wanted}", value=path
        )
