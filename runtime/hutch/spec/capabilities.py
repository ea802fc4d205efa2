"""The capabilities of Linux: names and numbers (linux/capability.h, capabilities(7))."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",  # Linux 3.16
    "CAP_PERFMON",  # Linux 5.8
    "CAP_BPF",  # Linux 5.8
    "CAP_CHECKPOINT_RESTORE",  # Linux 5.9
)
CAPABILITIES = {name: number for number, name in enumerate(NAMES)}


def mask(names: "Iterable[str]") -> "tuple[int, list[str]]":
    """(the bit mask of the names for capset(2), the names that no kernel up to 6.12 knows).

    An unknown name is a warning, not an error (config.md, "capabilities").
    """
    bits = 0
    unknown = []
    for name in names:
        number = CAPABILITIES.get(name)
        if number is None:
            unknown.append(name)
        else:
            bits |= 1 << number
    return bits, unknown
