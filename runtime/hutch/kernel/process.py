"""Processes: starting hutch-init, signals by pidfd, capabilities of the calling process."""

import posix

from hutch._native import ffi, lib
from hutch.errors import KernelError

OWN_STREAMS = (-1, -1, -1)


def start_init(
    program: str,
    plan: bytes,
    flags: int,
    cgroup: int,
    base: int,
    slots: "list[int]",
    stdio: "tuple[int, int, int]" = OWN_STREAMS,
) -> "tuple[int, int, int]":
    """Starts hutch-init, the file ``program``, with an encoded plan.

    Returns (pid, pidfd, the runtime's end of the channel). The caller closes the descriptors that
    it passed and those that it got. ``flags``, ``cgroup``, ``base`` and ``stdio`` are those of
    ``spawn``; ``slots`` come after the plan and the channel. Raises KernelError or OSError; then no
    process was started.
    """
    from hutch.kernel import channel

    image = posix.memfd_create("plan", posix.MFD_CLOEXEC)
    ours, theirs = channel.pair()
    init = -1
    try:
        posix.write(image, plan)
        init = seal_init(program)
        pid, pidfd = spawn(init, flags, cgroup, base, [image, theirs, *slots], stdio)
    except BaseException:
        posix.close(ours)
        raise
    finally:
        posix.close(image)
        posix.close(theirs)
        if init >= 0:
            posix.close(init)
    return pid, pidfd, ours


def seal_init(path: str) -> int:
    """A descriptor of a sealed copy in memory of the program at ``path`` (security.md S-02).

    Raises KernelError.
    """
    result: int = lib.hutch_seal(path.encode())
    if result < 0:
        raise KernelError(
            "copy " + path + " to memory",
            "memfd_create",
            -result,
            hint="the file must belong to root and be writable by nobody else",
        )
    return result


def spawn(
    init: int,
    flags: int,
    cgroup: int,
    base: int,
    slots: "list[int]",
    stdio: "tuple[int, int, int]" = OWN_STREAMS,
) -> "tuple[int, int]":
    """Executes the sealed ``init`` in a new process: (pid, pidfd).

    ``flags`` are the CLONE_NEW… of the namespaces it starts in, ``cgroup`` the descriptor of the
    cgroup2 directory it starts in or -1, ``slots`` its descriptors from ``base`` on; those below
    ``base`` that are not close-on-exec stay open. ``stdio`` are its standard input, output and
    error; -1 is the caller's own. Several threads may call this at once. Raises KernelError.
    """
    packed = b"".join([fd.to_bytes(4, "little", signed=True) for fd in (*stdio, *slots)])
    result = lib.hutch_spawn(init, flags, cgroup, base, ffi.from_buffer(packed), len(packed))
    if result < 0:
        raise KernelError(
            "start the container's first process",
            "clone3",
            -result,
            pointer="linux.namespaces",
            hint=_SPAWN_HINTS.get(-result, ""),
        )
    return result >> 32, result & 0xFFFFFFFF


_SPAWN_HINTS = {
    1: "a caller without root needs a user namespace, and the host must allow them "
    "(sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone)",
    16: "the cgroup has controllers enabled for its children, so no process may live in it",
    22: "the kernel lacks one of these namespaces",
    28: "the limit of namespaces is reached (sysctl user.max_*_namespaces)",
    95: "the cgroup is a threaded one",
}


def signal_pidfd(pidfd: int, signal: int) -> None:
    """pidfd_send_signal(2); raises KernelError, errno ESRCH where the process is gone."""
    result = lib.hutch_signal_pidfd(pidfd, signal)
    if result < 0:
        raise KernelError("send signal " + str(signal), "pidfd_send_signal", -result)


def signal_descriptor() -> int:
    """Blocks all signals in this thread and returns a signalfd(2) to read them from."""
    result: int = lib.hutch_signal_descriptor()
    if result < 0:
        raise KernelError("read signals", "signalfd", -result)
    return result


def unblock_signals() -> None:
    """Ends what ``signal_descriptor`` did in this thread: blocks the signals that were blocked
    before, and no others."""
    lib.hutch_unblock_signals()


def bounding_set() -> int:
    """The mask of the capabilities in this process's bounding set (capabilities(7))."""
    result: int = lib.hutch_bounding_set()
    return result


def become_subreaper() -> None:
    """Makes this process the parent of its orphaned descendants (PR_SET_CHILD_SUBREAPER)."""
    result = lib.hutch_become_subreaper()
    if result < 0:
        raise KernelError("become a subreaper", "prctl", -result)


def set_namespace(namespace: int, flags: int) -> None:
    """Enters a namespace (setns(2)); raises KernelError."""
    result = lib.hutch_set_namespace(namespace, flags)
    if result < 0:
        raise KernelError("enter a namespace", "setns", -result)


def unshare(flags: int) -> None:
    """Moves this thread to new namespaces (unshare(2)); raises KernelError."""
    result = lib.hutch_unshare(flags)
    if result < 0:
        raise KernelError("make a namespace", "unshare", -result)
