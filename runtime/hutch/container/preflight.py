"""Checks the host's files before anything on the host is changed.

The plan needs files of the host: the rootfs, the sources of binds, namespaces to join. These checks
only make an error come early and name the field. They are no protection: a file may change later,
so hutch-init checks it again, or uses a descriptor that is opened here.
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
    """Raises ConfigError if the rootfs or the source of a bind does not exist. Sets in ``bindings``
    the host's paths of devices that will be bound."""
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
                continue  # a cgroup, which does not exist yet
            if (source + "/").startswith(plan.root.rstrip("/") + "/"):
                continue  # a mount before this one may make it; hutch-init reports if it is missing
            try:
                posix.stat(source)
            except OSError as error:
                raise _missing(source, operation.pointer + ".source", source, error) from None
        elif operation.name == "device" and operation.pointer:
            if isinstance(operation.host, str):
                continue  # this device is made by mknod(2), not bound
            elsewhere = _find_device(operation)
            if elsewhere:
                bindings.values[operation.host.name] = elsewhere


def _find_device(operation: "Device") -> str:
    """The host's path of a device that will be bound, by the kernel's name for it (DEVNAME in
    sysfs). "" if the host has it at the same path as the container, or has no such device."""
    if _is_device(operation.path, operation.major, operation.minor):
        return ""
    folder = "char" if operation.type == S_IFCHR else "block"
    try:
        text = read_file(f"/sys/dev/{folder}/{operation.major}:{operation.minor}/uevent").decode()
    except OSError:
        return ""  # hutch-init reports the error
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
    """Raises HostError if a library that the plan needs is not installed."""
    if plan.net_devices:
        from hutch.container.cold.tools import is_installed

        if not is_installed("pyroute2"):
            raise HostError(
                "moving network devices needs the Python package pyroute2, which is not installed",
                pointer="linux.netDevices",
                hint="install it beside hutch: pip install pyroute2",
            )


def _missing(value: str, pointer: str, path: str, error: OSError) -> ConfigError:
    from hutch.errors import errno_text

    reason = "stat " + path + ": " + errno_text(error.errno)
    hint = "it must exist before the container does"
    missing = ConfigError(pointer, reason, value=value, hint=hint)
    missing.call, missing.errno = "stat", error.errno or 0
    return missing


def open_namespaces(plan: "Plan") -> "list[int]":
    """Opens the namespaces to join and returns their descriptors, which the caller closes. Raises
    ConfigError if a namespace has another type than the config says (config-linux.md "Namespaces"),
    KernelError if it cannot be opened."""
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
    """Raises ConfigError if the namespace to join is the caller's own and the plan would change
    sysctls or host names in it."""
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
    """Raises ConfigError if the namespace does not have the type that the config says."""
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
