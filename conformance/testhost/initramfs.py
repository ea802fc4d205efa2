"""The initramfs: busybox, the modules that the disk needs, and guest/init."""

import stat
from pathlib import Path

DIRECTORY, FILE, PROGRAM = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644, stat.S_IFREG | 0o755
MODULES = ("crc32c_generic", "ext4", "virtio_pci", "virtio_blk")


def archive(root: Path, init: Path) -> bytes:
    """The cpio archive for the machine whose files are in ``root``."""
    (modules,) = (root / "usr" / "lib" / "modules").iterdir()
    paths = _in_order(modules)
    busybox = (root / "bin" / "busybox").resolve()
    entries = [(name, DIRECTORY, b"") for name in ("bin", "dev", "proc", "root", "modules")]
    entries += [
        ("init", PROGRAM, init.read_bytes()),
        ("bin/busybox", PROGRAM, busybox.read_bytes()),
        ("modules/order", FILE, "".join(f"{Path(path).name}\n" for path in paths).encode()),
    ]
    entries += [
        (f"modules/{Path(path).name}", FILE, (modules / path).read_bytes()) for path in paths
    ]
    return b"".join(_entry(i, *entry) for i, entry in enumerate(entries, 1)) + _entry(
        0, "TRAILER!!!", 0, b""
    )


def _in_order(modules: Path) -> list[str]:
    """The paths of MODULES, each after the modules that it needs. Built-in modules are left out."""
    needs = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    names = {Path(path).name.partition(".")[0].replace("-", "_"): path for path in needs}
    order: list[str] = []

    def put(path: str) -> None:
        for need in needs[path]:
            put(need)
        if path not in order:
            order.append(path)

    for name in MODULES:
        if name in names:
            put(names[name])
    return order


def _entry(inode: int, name: str, mode: int, data: bytes) -> bytes:
    """One entry of the format "newc" (cpio(5)): a header of hex numbers, the name, the data."""
    encoded = name.encode() + b"\0"
    numbers = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + encoded
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)
