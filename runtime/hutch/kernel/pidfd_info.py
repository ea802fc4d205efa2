"""What the kernel tells of a process through its pidfd (ioctl PIDFD_GET_INFO, linux/pidfd.h)."""

import posix

# _IOWR(0xFF, 11, struct pidfd_info) with the first form of the structure: 64 bytes.
SIZE = 64
PIDFD_GET_INFO = 3 << 30 | SIZE << 16 | 0xFF << 8 | 11
PIDFD_INFO_EXIT = 1 << 3  # Linux 6.15
EXIT_CODE = 60  # offset of the last field


def exit_status(pidfd: int) -> "int | None":
    """The wait status (waitpid(2)) of a process that has ended, was reaped, and is not our child.

    ``pidfd`` must have been opened before it was reaped. None if it was not reaped yet, or if the
    kernel is older than Linux 6.15.
    """
    from fcntl import ioctl

    info = bytearray(PIDFD_INFO_EXIT.to_bytes(8, "little") + bytes(SIZE - 8))
    try:
        ioctl(pidfd, PIDFD_GET_INFO, info)
    except OSError:
        return None
    if not int.from_bytes(info[:8], "little") & PIDFD_INFO_EXIT:
        return None
    return int.from_bytes(info[EXIT_CODE:], "little")


def status_of_ended(pidfd: int, pid: int) -> "int | None":
    """The wait status of a process that has ended, whether it was reaped or not (proc(5), stat,
    field 52); None if the kernel does not tell it."""
    try:
        fd = posix.open("/proc/" + str(pid) + "/stat", posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            text = posix.read(fd, 4096)
        finally:
            posix.close(fd)
        fields = text[text.rfind(b")") + 2 :].split()
        # A pidfd that can still be sent a signal is that of this process, not of a later one.
        if fields[0] == b"Z" and _is_zombie(pidfd):
            return int(fields[49])
    except OSError:
        pass
    return exit_status(pidfd)


def _is_zombie(pidfd: int) -> bool:
    from hutch.errors import KernelError
    from hutch.kernel.process import signal_pidfd

    try:
        signal_pidfd(pidfd, 0)
    except KernelError:
        return False
    return True
