"""The processors and C libraries that wheels are built for, and the tags of the wheels."""

from typing import NamedTuple

PYTHON_TAG = "cp311"  # the oldest interpreter whose limited API is used
LIMITED_API = 0x030B0000


class Processor(NamedTuple):
    """``name``: that of the kernel (uname -m) and of compilers. ``debian``: Debian's. ``flags``:
    options of gcc. ``runner``: the words before a program of this processor on another one."""

    name: str
    debian: str
    flags: tuple[str, ...]
    runner: tuple[str, ...]

    @property
    def triplet(self) -> str:
        return f"{self.name}-linux-gnu"


class Libc(NamedTuple):
    """A C library. ``zig``: its name for zig, with the oldest version that the extensions may meet.
    ``platforms``: the tags of wheels, without the processor."""

    zig: str
    platforms: tuple[str, ...]


PROCESSORS = {
    row.name: row
    for row in (
        Processor("x86_64", "amd64", ("-malign-data=abi",), ()),
        Processor("aarch64", "arm64", (), ("qemu-aarch64",)),
    )
}
LIBCS = {
    "glibc": Libc("gnu.2.17", ("manylinux_2_17", "manylinux2014")),
    "musl": Libc("musl", ("musllinux_1_2",)),
}


def tags(processor: Processor, libc: Libc) -> list[str]:
    """The tags of a wheel: INTERPRETER-ABI-PLATFORM, one for each platform."""
    return [f"{PYTHON_TAG}-abi3-{name}_{processor.name}" for name in libc.platforms]


def file_name(version: str, processor: Processor, libc: Libc) -> str:
    """The name of a wheel's file (packaging.python.org, binary distribution format)."""
    platforms = ".".join(f"{name}_{processor.name}" for name in libc.platforms)
    return f"hutch-{version}-{PYTHON_TAG}-abi3-{platforms}.whl"
