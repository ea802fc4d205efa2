"""``--uidmap`` and ``--gidmap``: the ids of a container, and those of the host that they are.

The image's layers are mounted with the mapping (idmapped mounts); what the container writes has the
ids of the host.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.engine.containers.options import Options
from hutch.engine.rootless import rootless
from hutch.errors import HostError, KernelError, UsageError, shown

if TYPE_CHECKING:
    from hutch.spec.config import IdMapping

MNT_DETACH = 2
MOST = (1 << 32) - 2


def parse(text: str, flag: str) -> list[int]:
    """``CONTAINER:HOST[:SIZE]``. Raises UsageError."""
    words = text.split(":")
    numbers = [int(word) for word in words if word.isdecimal()]
    if len(numbers) != len(words) or len(numbers) not in (2, 3):
        raise UsageError(f"{flag} {shown(text)}", hint="CONTAINER:HOST:SIZE, as in 0:100000:65536")
    first, host, size = numbers if len(numbers) == 3 else [*numbers, 1]
    if not size or max(first, host) + size > MOST:
        raise UsageError(f"{flag} {shown(text)}: there are ids from 0 to {MOST} only")
    return [first, host, size]


def check(options: Options) -> None:
    """One of the two maps stands for both. Raises UsageError, HostError."""
    if not options.uid_map and not options.gid_map:
        return
    if rootless():
        raise HostError(
            "--uidmap and --gidmap: an ordinary user's containers have the user's own mapping",
            hint="leave them out; /etc/subuid and /etc/subgid give the ids",
        )
    if options.userns_mode:
        raise UsageError(
            f"conflicting options: --userns {options.userns_mode} and --uidmap or --gidmap"
        )
    options.uid_map = options.uid_map or options.gid_map
    options.gid_map = options.gid_map or options.uid_map
    for flag, mapping in (("--uidmap", options.uid_map), ("--gidmap", options.gid_map)):
        if _translated(mapping, 0) is None:
            raise UsageError(f"{flag}: the container's id 0 is not mapped")


def share(options: Options, other: Options) -> None:
    """Gives a container the ids of the ``other``, whose user namespace it joins."""
    if other.uid_map:
        options.uid_map, options.gid_map = other.uid_map, other.gid_map
    else:
        options.userns_mode = "host"  # as that one's is


def mappings(mapping: list[list[int]]) -> "list[IdMapping]":
    """As config.json has them."""
    return [{"containerID": one[0], "hostID": one[1], "size": one[2]} for one in mapping]


def _translated(mapping: list[list[int]], id: int) -> int | None:
    for first, host, size in mapping:
        if first <= id < first + size:
            return host + id - first
    return None


def root_of(options: Options) -> tuple[int, int]:
    """The host's ids of the container's root."""
    if not options.uid_map:
        return 0, 0
    return _translated(options.uid_map, 0) or 0, _translated(options.gid_map, 0) or 0


def inside(options: Options, uid: int, gid: int) -> tuple[int, int]:
    """The container's ids of these of the host; those that it has none for as they are."""
    if not options.uid_map:
        return uid, gid
    back = [
        [[host, first, size] for first, host, size in mapping]
        for mapping in (options.uid_map, options.gid_map)
    ]
    own = _translated(back[0], uid), _translated(back[1], gid)
    return uid if own[0] is None else own[0], gid if own[1] is None else own[1]


@contextmanager
def mapped(layers: list[Path], options: Options, place: Path) -> Iterator[list[Path]]:
    """The layers, mounted with the container's mapping below ``place`` for as long as an overlay
    of them is being mounted, which keeps what it needs. Raises KernelError."""
    from hutch.kernel.idmap import idmap_mount, move_mount, open_tree, user_namespace
    from hutch.kernel.mounts import unmount

    lines = [
        "".join(f"{first} {host} {size}\n" for first, host, size in mapping)
        for mapping in (options.uid_map, options.gid_map)
    ]
    namespace = user_namespace(lines[0], lines[1], "--uidmap")
    place.mkdir(mode=0o700, exist_ok=True)
    targets: list[Path] = []
    try:
        for number, layer in enumerate(layers):
            target = place / f"layer-{number}"
            target.mkdir()
            tree = open_tree(str(layer), False, "--uidmap")
            try:
                if error := idmap_mount(tree, namespace, False):
                    raise KernelError(
                        f"map the ids of {layer}", "mount_setattr", error,
                        hint="the file system of the store must take idmapped mounts",
                    )  # fmt: skip
                move_mount(tree, str(target))
            finally:
                os.close(tree)
            targets.append(target)
        yield targets
    finally:
        os.close(namespace)
        for target in targets:
            unmount(str(target), MNT_DETACH)
            target.rmdir()


@contextmanager
def as_root_of(options: Options) -> Iterator[None]:
    """What is made meanwhile belongs to the container's root, who alone may make it there."""
    uid, gid = root_of(options)
    if uid == 0 and gid == 0:
        yield
        return
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
