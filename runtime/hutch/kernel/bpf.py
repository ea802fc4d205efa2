"""The device program of a cgroup v2 (native/kernel/bpf.c)."""

import posix
from errno import EPERM

from hutch._native import ffi, lib
from hutch.errors import KernelError


def attach_devices(directory: int, program: bytes, pointer: str) -> None:
    """Attaches a program of type BPF_PROG_TYPE_CGROUP_DEVICE to a cgroup (bpf(2)).

    ``directory`` is a descriptor of the cgroup's directory. ``program`` replaces a program that was
    attached before; b"" only removes that one. Raises KernelError with the field ``pointer``.
    """
    buffer = ffi.from_buffer(program)
    result: int = lib.hutch_attach_devices(directory, buffer, len(program), -1)
    if result == 0:
        return
    hint = ""
    if result == -EPERM:
        hint = "it takes CAP_SYS_ADMIN, and no seccomp filter against bpf(2)"
    elif program:
        log = posix.memfd_create("verifier")
        lib.hutch_attach_devices(directory, buffer, len(program), log)
        posix.lseek(log, 0, 0)
        hint = posix.read(log, 4096).decode("ascii", "replace").replace("\n", "; ")[:400]
        posix.close(log)
    raise KernelError(
        "attach the device rules to the cgroup", "bpf", -result, pointer=pointer, hint=hint
    )
