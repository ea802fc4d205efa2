"""The calls that a seccomp filter's listener tells of, and the answers to them (seccomp_unotify(2),
native/seccomp/notify.c)."""

import struct
from errno import EINTR, ENOENT

from hutch._seccomp import ffi, lib
from hutch.errors import KernelError

_FORM = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif
_SIZE = 256  # larger than it is in any kernel


class Call:
    """A system call that waits for an answer.

    ``id`` is for the answer; ``pid`` is the thread's, as the caller's pid namespace numbers it;
    ``number`` and ``architecture`` (AUDIT_ARCH_...) say which call it is; ``args`` are its six
    arguments.
    """

    __slots__ = ("architecture", "args", "id", "number", "pid")

    def __init__(
        self, id: int, pid: int, number: int, architecture: int, args: tuple[int, ...]
    ) -> None:
        self.id = id
        self.pid = pid
        self.number = number
        self.architecture = architecture
        self.args = args


def receive(listener: int) -> Call | None:
    """The next call; None if the process that made it has ended meanwhile. Raises KernelError."""
    buffer = ffi.new("unsigned char[]", _SIZE)
    result = lib.hutch_seccomp_receive(listener, buffer, _SIZE)
    if result in (-ENOENT, -EINTR):
        return None
    if result < 0:
        raise KernelError("receive a system call", "ioctl(SECCOMP_IOCTL_NOTIF_RECV)", -result)
    id, pid, _, number, architecture, _, *args = _FORM.unpack_from(ffi.buffer(buffer, result))
    return Call(id, pid, number & 0xFFFF_FFFF, architecture, tuple(args))


def answer(listener: int, call: Call, errno: int = 0) -> None:
    """Lets the call run, or fail with ``errno``. Does nothing if its process has ended. Raises
    KernelError."""
    result = lib.hutch_seccomp_answer(listener, call.id, errno)
    if result < 0 and result != -ENOENT:
        raise KernelError("answer a system call", "ioctl(SECCOMP_IOCTL_NOTIF_SEND)", -result)


def waits(listener: int, call: Call) -> bool:
    """Whether the call still waits: if so, its pid has not been given to another process."""
    waiting: bool = lib.hutch_seccomp_waits(listener, call.id) == 0
    return waiting
