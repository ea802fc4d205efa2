"""Asks the kernel and the host what they can do, without changing anything.

A system call is asked for with arguments that it must refuse: ENOSYS means that the kernel does not
have it. Namespaces are tried by unshare(1) in a process of its own.
"""

import ctypes
import os
import shutil
import subprocess
from errno import ENOSYS
from pathlib import Path

from hutch.cgroups.files import read_or

# Numbers of system calls that are the same on all architectures (since 424), and since when.
CALLS = {
    "pidfd_send_signal": (424, "5.1"),
    "open_tree": (428, "5.2"),
    "move_mount": (429, "5.2"),
    "fsopen": (430, "5.2"),
    "pidfd_open": (434, "5.3"),
    "clone3": (435, "5.3"),
    "close_range": (436, "5.9"),
    "openat2": (437, "5.6"),
    "pidfd_getfd": (438, "5.6"),
    "mount_setattr": (442, "5.12"),
    "landlock_create_ruleset": (444, "5.13"),
    "statmount": (457, "6.8"),
}
# The flags of seccomp(2) that config.json can name: the bit, and since when the kernel has it.
SECCOMP_FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": (1, "3.17"),
    "SECCOMP_FILTER_FLAG_LOG": (2, "4.14"),
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": (4, "4.17"),
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": (32, "5.19"),
}
# By the type of namespace: the flag of unshare(1), the limit in /proc/sys/user, the file in
# /proc/self/ns.
NAMESPACES = {
    "mount": ("--mount", "max_mnt_namespaces", "mnt"),
    "pid": ("--pid", "max_pid_namespaces", "pid"),
    "network": ("--net", "max_net_namespaces", "net"),
    "ipc": ("--ipc", "max_ipc_namespaces", "ipc"),
    "uts": ("--uts", "max_uts_namespaces", "uts"),
    "cgroup": ("--cgroup", "max_cgroup_namespaces", "cgroup"),
    "time": ("--time", "max_time_namespaces", "time"),
    "user": ("--user", "max_user_namespaces", "user"),
}
# Sysctls that stop users without root from making user namespaces, and the value that does.
RESTRICTIONS = {
    "/proc/sys/kernel/unprivileged_userns_clone": "0",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
}
PATIENCE = 10  # seconds


def has_call(number: int) -> bool:
    """Whether the kernel has the system call; true also if a filter forbids it with EPERM."""
    libc = ctypes.CDLL(None, use_errno=True)
    bad = ctypes.c_long(-1)
    libc.syscall(ctypes.c_long(number), bad, bad, bad, bad, bad, bad)
    return ctypes.get_errno() != ENOSYS


def namespace_problem(kind: str) -> str:
    """Why the caller cannot make a namespace of this type; "" if it can."""
    flag, limit, file = NAMESPACES[kind]
    if not os.path.exists(f"/proc/self/ns/{file}"):
        return "the kernel is built without it"
    if read_or(f"/proc/sys/user/{limit}", "1").strip() == "0":
        return f"sysctl user.{limit} is 0"
    words = [flag] if os.geteuid() == 0 or kind == "user" else ["--user", "--map-root-user", flag]
    if kind == "pid":
        words.append("--fork")
    try:
        done = subprocess.run(
            ["unshare", *words, "true"],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown: {error}"
    if done.returncode == 0:
        return ""
    for path, value in RESTRICTIONS.items():
        if os.geteuid() and read_or(path).strip() == value:
            return f"sysctl {path.removeprefix('/proc/sys/').replace('/', '.')} is {value}"
    said = done.stderr.strip().splitlines()
    return said[-1] if said else f"unshare ended with {done.returncode}"


def program(name: str) -> str:
    """The path of a program of the host; "" if PATH does not have it."""
    folders = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    return shutil.which(name, path=folders) or ""


def kernel_options() -> dict[str, str]:
    """The kernel's configuration, CONFIG_X: y, m or a text; {} if it is nowhere."""
    import gzip

    places = ("/proc/config.gz", f"/boot/config-{os.uname().release}")
    for place in places:
        try:
            data = Path(place).read_bytes()
        except OSError:
            continue
        text = gzip.decompress(data) if place.endswith(".gz") else data
        pairs = (line.partition("=") for line in text.decode(errors="replace").splitlines())
        return {name: value for name, _, value in pairs if name.startswith("CONFIG_")}
    return {}


def security_modules() -> list[str]:
    """The active security modules, if the kernel tells."""
    return [name for name in read_or("/sys/kernel/security/lsm").strip().split(",") if name]
