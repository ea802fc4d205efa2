"""The config that ``hutch spec`` writes. It differs from that of ``runc spec`` in three ways.

The version of the specification is the one that hutch knows, no capability is ambient (security.md
S-06), and the masked paths are those of today's engines (S-36). tests/unit/test_default_spec.py
compares the two configs.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.spec.config import Config, Linux, Mount, NamespaceType

OCI_VERSION = "1.3.0"

CAPABILITIES = ("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE")

# Paths of procfs and sysfs that show data of the host or change it; the list is Docker's. A path
# that the kernel does not have is ignored.
MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",  # thermal side channel, GHSA-6fw5-f8r9-fgfm
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",  # power side channel, GHSA-7ww5-4wqc-m92c
)
READONLY_PATHS = (
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
)


def masked_paths(cpus: int = 0) -> list[str]:
    """The paths to mask on a host with so many CPUs.

    A CPU may have a directory that shows its thermal events (GHSA-6fw5-f8r9-fgfm). With 0 these
    directories are left out.
    """
    each = [f"/sys/devices/system/cpu/cpu{cpu}/thermal_throttle" for cpu in range(cpus)]
    return [*MASKED_PATHS, *each]


def default_config(
    rootless: bool = False, cgroup_v2: bool = False, *, uid: int = 0, gid: int = 0, cpus: int = 0
) -> "Config":
    """A config for a shell in ``rootfs``, as a start for users to change.

    ``rootless``: for a caller with the ids ``uid`` and ``gid``, who becomes root in a user
    namespace. ``cgroup_v2``: the host has cgroup v2 alone; the container gets a cgroup namespace.
    ``cpus``: how many CPUs the host may have (masked_paths).
    """
    namespaces: list[NamespaceType] = ["pid", "network", "ipc", "uts", "mount"]
    if rootless:
        namespaces.remove("network")
        namespaces.append("user")
    if cgroup_v2:
        namespaces.append("cgroup")
    linux: Linux = {}
    if rootless:
        linux["uidMappings"] = [{"containerID": 0, "hostID": uid, "size": 1}]
        linux["gidMappings"] = [{"containerID": 0, "hostID": gid, "size": 1}]
    else:
        linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    linux["namespaces"] = [{"type": kind} for kind in namespaces]
    linux["maskedPaths"] = masked_paths(cpus)
    linux["readonlyPaths"] = list(READONLY_PATHS)
    return {
        "ociVersion": OCI_VERSION,
        "process": {
            "terminal": True,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "TERM=xterm",
            ],
            "cwd": "/",
            "capabilities": {
                "bounding": list(CAPABILITIES),
                "effective": list(CAPABILITIES),
                "permitted": list(CAPABILITIES),
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "hutch",
        "mounts": _mounts(rootless),
        "linux": linux,
    }


def _mounts(rootless: bool) -> "list[Mount]":
    # Without root, only one id is mapped, so the group tty (5) does not exist in the container. The
    # network namespace is the host's, and a new sysfs can be mounted only by the owner of the
    # network namespace, so the host's /sys is bound.
    devpts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    sysfs = _mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro")
    if rootless:
        sysfs = _mount("/sys", "none", "/sys", "rbind", "nosuid", "noexec", "nodev", "ro")
    else:
        devpts.append("gid=5")
    return [
        _mount("/proc", "proc", "proc"),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount("/dev/pts", "devpts", "devpts", *devpts),
        _mount(
            "/dev/shm",  # noqa: S108 - a mount point in the container
            "tmpfs",
            "shm",
            "nosuid",
            "noexec",
            "nodev",
            "mode=1777",
            "size=65536k",
        ),
        _mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        sysfs,
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
    ]


def _mount(destination: str, kind: str, source: str, *options: str) -> "Mount":
    mount: Mount = {"destination": destination, "type": kind, "source": source}
    if options:
        mount["options"] = list(options)
    return mount
