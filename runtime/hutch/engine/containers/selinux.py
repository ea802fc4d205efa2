"""SELinux labels: of a container's processes, and of the files that these may use.

As with podman, a container has two categories of its own, which make a level such as s0:c12,c345.
Its processes may use files of their own level, and those without categories (s0), but not those of
other containers. The categories follow from the container's id, so nobody has to keep them.
"""

import errno
import os
from pathlib import Path

from hutch.engine.containers.options import Options
from hutch.errors import KernelError, UsageError

ENFORCE = "/sys/fs/selinux/enforce"  # it is there only if SELinux is enabled
CONTEXT = "/sys/fs/selinux/context"
ACCESS = "/sys/fs/selinux/access"
TRANSITION = "/sys/fs/selinux/class/process/perms/transition"
CLASS = "/sys/fs/selinux/class/process/index"
XATTR = "security.selinux"
PROCESS = "system_u:system_r:container_t:"
FILES = "system_u:object_r:container_file_t:"
SHARED = "s0"
LAYERS = "system_u:object_r:container_ro_file_t:s0"
CATEGORIES = 1024
# Folders of the host that no container may have relabelled: the host would not work any more.
SYSTEM = frozenset(
    ("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/opt", "/proc",
     "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/log")  # noqa: S108
)  # fmt: skip


def enabled() -> bool:
    return os.path.exists(ENFORCE)


def process_label(options: Options, id: str) -> str:
    """The label of a container's processes. "" if they have that of who starts it: without SELinux,
    without a policy for containers, with --security-opt label=disable, and, unless a label was
    asked for, with --privileged and the host's processes or shared memory, and where the policy
    does not let the caller start a confined container (a service of systemd: initrc_t)."""
    if not enabled() or options.selinux == "":
        return ""
    label = options.selinux
    if label is None:
        if not _confines(options) or not may_confine():
            return ""
        label = PROCESS
    if not label.endswith(":"):
        return label
    for mode in (options.pid_mode, options.ipc_mode):
        if mode.startswith("container:"):  # who shares these must be able to use them
            id = mode.removeprefix("container:")
    return label + _own_level(id)


def refused(options: Options) -> bool:
    """Whether a container has no label of its own only because the policy does not let the caller
    start a confined one."""
    return enabled() and options.selinux is None and _confines(options) and not may_confine()


def _confines(options: Options) -> bool:
    """Whether a container for which no label was asked should have one of its own."""
    if options.privileged or "host" in (options.pid_mode, options.ipc_mode):
        return False
    return _known(PROCESS + SHARED) and _known(FILES + SHARED)


def may_confine() -> bool:
    """Whether the policy lets this process start one with the label of containers
    (security_compute_av(3))."""
    try:
        own = Path("/proc/self/attr/current").read_bytes().rstrip(b"\0\n")
        number, bit = int(Path(CLASS).read_text()), int(Path(TRANSITION).read_text())
        access = os.open(ACCESS, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.write(access, b"%s %s %d" % (own, (PROCESS + SHARED).encode(), number))
            allowed = int(os.read(access, 200).split()[0], 16)
        finally:
            os.close(access)
    except (OSError, ValueError, IndexError):
        return True  # the kernel will say it
    return bool(allowed >> (bit - 1) & 1)


def files_label(options: Options, id: str) -> str:
    """The label of the container's files; "" if they need none."""
    label = process_label(options, id)
    return FILES + label.split(":", 3)[3] if label else ""


def context(label: str) -> str:
    """The mount option that gives all files of a file system this label (mount(8)); "" for ""."""
    return f',context="{label}"' if label else ""


def relabel(top: str, label: str) -> None:
    """Gives a file, or a folder and all below it, the label. Nothing happens without SELinux, and
    on file systems that keep no labels of single files.

    Raises UsageError for a folder of the system, KernelError.
    """
    if not enabled():
        return
    if os.path.realpath(top) in SYSTEM:
        raise UsageError(
            f"SELinux relabeling of {top} is not allowed: it takes the folder away from the host",
            hint="leave out :z and :Z, or use --security-opt label=disable",
        )
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            _give(os.path.join(folder, name), label)
    _give(top, label)  # last: it says that all is done


def make_usable(top: str, label: str = FILES + SHARED) -> None:
    """Gives what all containers may use (a volume) its label, unless it has one for containers.

    Raises KernelError.
    """
    try:
        present = os.getxattr(top, XATTR)
    except OSError:
        present = b""
    if b":container_" not in present:
        relabel(top, label)


def make_layers_usable(layers: list[Path]) -> None:
    """The same of an image's layers. The label of an overlay does not suffice: when a program is
    mapped, the kernel looks at that of the file below. Raises KernelError."""
    label = LAYERS if _known(LAYERS) else FILES + SHARED
    for layer in layers:
        make_usable(str(layer), label)


def _give(path: str, label: str) -> None:
    try:
        os.setxattr(path, XATTR, label.encode() + b"\0", follow_symlinks=False)
    except FileNotFoundError:  # it has just been removed
        return
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise KernelError(f"label {path}", "setxattr", error.errno) from None


def _known(label: str) -> bool:
    """Whether the policy has such a label (security_check_context(3))."""
    try:
        with open(CONTEXT, "wb", buffering=0) as file:
            file.write(label.encode() + b"\0")
    except OSError:
        return False
    return True


def _own_level(id: str) -> str:
    """Two different categories, as half a million pairs, by the container's id."""
    number = int(id[:12], 16)
    one = number % CATEGORIES
    other = number // CATEGORIES % (CATEGORIES - 1)
    other += other >= one
    return f"s0:c{min(one, other)},c{max(one, other)}"
