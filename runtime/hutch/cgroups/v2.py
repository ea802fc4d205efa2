"""Cgroup v2: one tree, in which each cgroup enables controllers for its children."""

import posix
from errno import EBUSY, EOPNOTSUPP

from hutch.cgroups.files import DIRECTORY, read_file, read_or, write_file
from hutch.cgroups.tree import make, put
from hutch.errors import KernelError
from hutch.plan.resources import controllers_needed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.host import CgroupLayout
    from hutch.plan.resources import CgroupWrite

# These controllers are enabled for every container if the host has them, for the statistics; the
# others (hugetlb, rdma, misc) only if the config has limits for them.
USUAL = frozenset(("cpu", "cpuset", "io", "memory", "pids"))

O_PATH = 0o10000000  # <fcntl.h>; posix has no O_PATH


def create(cgroup: "Cgroup", layout: "CgroupLayout", writes: "Sequence[CgroupWrite]") -> None:
    """Makes what ``prepare`` found missing, enables controllers from the root down, and writes the
    limits."""
    needed = controllers_needed(writes)
    make(cgroup, ("",) if needed else ())
    leaf = cgroup.directories.get("")
    if leaf is None:
        return
    enable(leaf, (USUAL & layout.controllers).union(needed), needed)
    fresh = leaf in cgroup.made
    for write in writes:
        if not (write.neutral and fresh):
            put(cgroup, write)


def enable(leaf: str, wanted: "frozenset[str]", needed: "Mapping[str, str]") -> None:
    """Enables controllers in all cgroups above ``leaf``. Raises HostError if one of the ``needed``
    cannot be enabled.

    ``needed`` maps each of these to the field of the config that needs it.
    """
    lacking: list[tuple[str, list[str]]] = []  # cgroups from leaf to root, and what each lacks
    parent = leaf.rpartition("/")[0]
    while True:
        try:
            enabled = read_file(parent + "/cgroup.subtree_control")
        except OSError:
            break  # above the root
        missing = sorted(wanted.difference(enabled.split()))
        if not missing:
            break
        lacking.append((parent, missing))
        parent = parent.rpartition("/")[0]
    for parent, missing in reversed(lacking):
        try:
            write_file(parent + "/cgroup.subtree_control", " ".join(["+" + c for c in missing]))
        except OSError as error:
            if error.errno == EBUSY:
                # EBUSY: the cgroup has processes. Threaded controllers could be enabled one by one,
                # but it would become the root of a threaded subtree, where no container can start.
                _refuse_if_needed(parent, missing, needed, error)
                return
            # One controller that cannot be enabled makes the whole write fail.
            _enable_each(parent, missing, needed)


def _enable_each(directory: str, controllers: "list[str]", needed: "Mapping[str, str]") -> None:
    for controller in controllers:
        try:
            write_file(directory + "/cgroup.subtree_control", "+" + controller)
        except OSError as error:
            _refuse_if_needed(directory, [controller], needed, error)


def _refuse_if_needed(
    directory: str, controllers: "list[str]", needed: "Mapping[str, str]", error: OSError
) -> None:
    for controller in controllers:
        if controller in needed:
            from hutch.cgroups.write_errors import failed_enabling

            raise failed_enabling(directory, controller, needed[controller], error) from None


def open_directory(cgroup: "Cgroup", beside: int = 0) -> int:
    """A descriptor of the container's cgroup2 directory for CLONE_INTO_CGROUP; -1 if it has none.

    If the container has enabled controllers below its cgroup (as systemd in a container does), the
    cgroup itself takes no processes (cgroup-v2.rst, "No Internal Process Constraint"). Then the
    directory is that of its first process, whose pid is ``beside``.
    """
    directory = cgroup.directories.get("")
    if directory is None:
        return -1
    if beside and read_or(directory + "/cgroup.subtree_control").strip():
        directory = home_of(directory, beside)
    try:
        return posix.open(directory, O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC)
    except OSError as error:
        raise KernelError("open the cgroup " + directory, "open", error.errno or 0) from None


def home_of(directory: str, pid: int) -> str:
    """The cgroup of ``pid`` if it is below ``directory``, else ``directory``."""
    for line in read_or(f"/proc/{pid}/cgroup").split("\n"):
        if line[:3] == "0::":
            # The path is relative to the root that this process sees, and ``directory`` ends with
            # the first part of it.
            above, below = line[3:], ""
            while above:
                if directory.endswith(above):
                    return directory + below
                above, _, name = above.rpartition("/")
                below = "/" + name + below
    return directory


def join(cgroup: "Cgroup", pid: int, beside: int = 0) -> None:
    """Moves a process into the container's cgroup, or into the cgroup of the container's first
    process, whose pid is ``beside``. Raises KernelError."""
    directory = cgroup.directories.get("")
    if directory is None:
        return
    try:
        write_file(directory + "/cgroup.procs", str(pid))
        return
    except OSError as error:
        number = error.errno or 0
    if number in (EBUSY, EOPNOTSUPP) and beside:
        home = home_of(directory, beside)
        try:
            write_file(home + "/cgroup.procs", str(pid))
            return
        except OSError as error:
            directory, number = home, error.errno or 0
    from hutch.cgroups.write_errors import hint_for_joining

    raise KernelError(
        f"move process {pid} to the cgroup {directory}",
        "write",
        number,
        pointer="linux.cgroupsPath",
        hint=hint_for_joining(number),
    )


def set_device_program(cgroup: "Cgroup", program: bytes, pointer: str) -> None:
    """Attaches the device program to the cgroup, in place of the one before; b"" for no program.
    Raises KernelError; ``pointer`` is the field of the config."""
    from hutch.kernel.bpf import attach_devices

    path = cgroup.directories[""]
    try:
        directory = posix.open(path, DIRECTORY)
    except OSError as error:
        raise KernelError("open the cgroup " + path, "open", error.errno or 0) from None
    try:
        attach_devices(directory, program, pointer)
    finally:
        posix.close(directory)


# For kernels before 4.15, which have no /sys/kernel/cgroup/delegate. The list is from
# config-linux.md, "Cgroup ownership".
DELEGATED = ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads")


def delegate(cgroup: "Cgroup", uid: int) -> None:
    """Makes ``uid`` (of the host) the owner of the cgroup's directory and of those files that are
    safe to delegate. Raises KernelError."""
    directory = cgroup.directories[""]
    names = read_or("/sys/kernel/cgroup/delegate").split() or DELEGATED
    try:
        posix.chown(directory, uid, -1)
        for name in names:
            try:
                posix.chown(directory + "/" + name, uid, -1, follow_symlinks=False)
            except FileNotFoundError:
                continue
    except OSError as error:
        raise KernelError(
            f"give the cgroup {directory} to user {uid}", "chown", error.errno or 0
        ) from None
