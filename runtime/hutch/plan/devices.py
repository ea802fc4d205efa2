"""/dev: the default devices and links, and linux.devices (config-linux.md "Default Devices")."""

from hutch.plan import operations as op
from hutch.plan.plan import Later, device_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.operations import Operation
    from hutch.spec.config import Config, Device, Mount

S_IFIFO = 0o010000
S_IFCHR = 0o020000
S_IFBLK = 0o060000

KINDS = {"c": S_IFCHR, "u": S_IFCHR, "b": S_IFBLK, "p": S_IFIFO}

REASON = "default: config-linux.md, Default Devices"

DEFAULT_DEVICES = (
    ("/dev/null", 1, 3),
    ("/dev/random", 1, 8),
    ("/dev/full", 1, 7),
    ("/dev/tty", 5, 0),
    ("/dev/zero", 1, 5),
    ("/dev/urandom", 1, 9),
)

LINKS = (
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
)


def needs_devices(mounts: "list[Mount]") -> bool:
    """Whether to make the default devices: not if /dev is a bind mount, which stays as it is."""
    for mount in mounts:
        options = mount.get("options") or []
        if mount["destination"].rstrip("/") == "/dev" and ("bind" in options or "rbind" in options):
            return False
    return True


def compile_devices(config: "Config", in_user_namespace: bool) -> "list[Operation]":
    """The nodes and links of /dev.

    In a user namespace mknod(2) of a device is not allowed, so the host's nodes are bound. Their
    path is the same unless the runtime finds another (container/preflight.py). A device of the
    config replaces the default device with the same path.
    """
    bind = int(in_user_namespace)
    listed = config.get("linux", {}).get("devices") or []
    wanted = {device["path"] for device in listed}
    result: list[Operation] = [
        op.device(
            "",
            path=path,
            type=S_IFCHR,
            major=major,
            minor=minor,
            mode=0o666,
            uid=0,
            gid=0,
            bind=bind,
            host=path,
            reason=REASON,
        )
        for path, major, minor in DEFAULT_DEVICES
        if path not in wanted
    ]
    for index, device in enumerate(listed):
        result.append(_device(device, "linux.devices[" + str(index) + "]", in_user_namespace))
    result += [op.symlink("", target=target, path=path, reason=REASON) for target, path in LINKS]
    result.append(op.symlink("", target="pts/ptmx", path="/dev/ptmx", replace=1, reason=REASON))
    return result


def _device(device: "Device", pointer: str, in_user_namespace: bool) -> "Operation":
    kind = KINDS[device["type"]]
    path = device["path"]
    mode = device.get("fileMode")
    bind = in_user_namespace and kind != S_IFIFO
    return op.device(
        pointer,
        path=path,
        type=kind,
        major=device.get("major", 0),
        minor=device.get("minor", 0),
        mode=0o666 if mode is None else mode & 0o7777,
        uid=device.get("uid") or 0,
        gid=device.get("gid") or 0,
        bind=int(bind),
        host=Later(device_source(path), path) if bind else path,
    )
