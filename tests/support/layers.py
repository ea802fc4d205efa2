"""Unpacks single tar layers for tests; and hostile layers, which must be refused."""

import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hutch.image.digest import Digest
from hutch.image.layer import unpack_layer, verified
from hutch.image.limits import Budget, Limits
from hutch.image.manifest import OCI_LAYER, Descriptor
from hutch.image.ownership import Ownership
from hutch.image.tree import Tree
from hutch.image.unpack import Result
from hutch.image.whiteout import Merged, Removal

from conformance.samples.images import Layer, compress


def lay(data: bytes, target: Path, *arguments: Any, **more: Any) -> Result:
    """Unpacks one layer into ``target``. The other arguments are those of ``laid``."""
    return laid(data, target, *arguments, **more)[1]


def laid(
    data: bytes,
    target: Path,
    removal: Removal | None = None,
    kind: str = "tar",
    limits: Limits | None = None,
    diff: bytes | None = None,
    ownership: Ownership | None = None,
) -> tuple[Tree, Result]:
    """Unpacks one layer into ``target``. Returns its tree, whose root descriptor is closed, and the
    result."""
    target.mkdir(exist_ok=True, mode=0o755)
    blob = compress(data, kind)
    suffix = {"tar": "", "gzip": "+gzip", "zstd": "+zstd"}[kind]
    descriptor = Descriptor(OCI_LAYER + suffix, Digest.of(blob), len(blob))
    root = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    pieces = (blob[i : i + 65536] for i in range(0, len(blob), 65536))
    try:
        return unpack_layer(
            verified(pieces, descriptor), descriptor, Digest.of(data if diff is None else diff),
            root, removal or Merged(), Budget(limits), ownership or Ownership.current(),
        )  # fmt: skip
    finally:
        os.close(root)


def names(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


Hostile = Callable[[Path], bytes]


def header(name: bytes, size: bytes = b"00000000000\0", kind: bytes = b"0") -> bytearray:
    block = bytearray(512)
    block[0 : len(name)] = name
    block[100:108] = block[108:116] = block[116:124] = b"0000644\0"
    block[124:136] = size
    block[136:148] = b"00000000000\0"
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    return block


def summed(block: bytearray) -> bytes:
    block[148:156] = b" " * 8
    block[148:155] = b"%06o\0" % sum(block)
    return bytes(block)


def headers(layer: bytes) -> list[int]:
    """Where the headers of a layer's entries are."""
    return [at for at in range(0, len(layer), 512) if layer[at + 257 : at + 262] == b"ustar"]


def damage(layer: bytearray, start: int, at: int, value: int) -> None:
    """Changes a byte of the header at ``start``, and puts its checksum right."""
    layer[start + at % 500] = value
    layer[start : start + 512] = summed(layer[start : start + 512])


def damaged(layer: bytes, start: int, at: int, value: int) -> bytes:
    """The layer after ``damage``."""
    changed = bytearray(layer)
    damage(changed, start, at, value)
    return bytes(changed)


def pax(record: bytes) -> bytes:
    block = header(b"pax", b"%011o\0" % len(record), b"x")
    return summed(block) + record + bytes(-len(record) % 512)


def negative_size(outside: Path) -> bytes:
    return summed(header(b"f", b"\xff" * 11 + b"\x00")) + bytes(1024)


def deep_by_symlinks(depth: int = 1800) -> Layer:
    """A layer with deep folders, but with short names in the archive."""
    layer, step = Layer(), "/".join("d" * 150)
    layer.folder(step).symlink("s0", step)
    for number in range(1, depth // 150):
        layer.folder(f"s{number - 1}/{step}").symlink(f"s{number}", f"s{number - 1}/{step}")
    return layer


HOSTILE: dict[str, tuple[Hostile, str]] = {
    "s60_dot_dot": (lambda o: Layer().file("../escaped").tar(), "leads out"),
    "s60_dot_dot_inside": (lambda o: Layer().file("a/../../escaped").tar(), "leads out"),
    "s60_dot_dot_behind_root": (lambda o: Layer().file("/../b").tar(), "leads out"),
    "s60_root_by_dot_dot": (lambda o: Layer().file("a/..").tar(), "is not a folder"),
    "s60_root_is_symlink": (lambda o: Layer().symlink(".", str(o)).tar(), "is not a folder"),
    "s60_root_is_file": (lambda o: Layer().file("./.").tar(), "is not a folder"),
    "s63_negative_size": (negative_size, "size"),
    "s63_huge_size": (
        lambda o: summed(header(b"f", b"\x80" + b"\xff" * 11)) + bytes(1024), "size"),
    "s63_size_past_the_end": (
        lambda o: summed(header(b"f", b"00000100000\0")) + bytes(600), "ends within"),
    "s63_cut_in_a_header": (lambda o: Layer().file("f", b"x").tar()[:300], "ends within"),
    "s63_bad_checksum": (lambda o: bytes(header(b"f")) + bytes(1024), "checksum"),
    "s63_not_a_tar": (lambda o: b"#!/bin/sh\n" * 200, "header"),
    "s63_number_is_text": (
        lambda o: summed(header(b"f", b"0x000000010\0")) + bytes(1024), "not a number"),
    "s63_multi_volume": (lambda o: summed(header(b"f", kind=b"M")) + bytes(1024), "type"),
    "s63_pax_length_lies": (
        lambda o: pax(b"99 path=x\n") + summed(header(b"f")) + bytes(1024), "PAX"),
    "s63_pax_length_negative": (
        lambda o: pax(b"-9 path=x\n") + summed(header(b"f")) + bytes(1024), "PAX"),
    "s63_pax_length_zero": (
        lambda o: pax(b"0 path=x\n") + summed(header(b"f")) + bytes(1024), "PAX"),
    "s63_pax_negative_size": (
        lambda o: pax(b"11 size=-1\n") + summed(header(b"f")) + bytes(1024), "PAX"),
    "s63_pax_nul_in_name": (
        lambda o: pax(b"12 path=a\0b\n") + summed(header(b"f")) + bytes(1024), "NUL"),
    "s63_pax_too_long": (
        lambda o: summed(header(b"p", b"%011o\0" % (2 << 20), b"x")) + bytes(3 << 20), "header"),
    "s63_owner_minus_one": (
        lambda o: pax(b"18 uid=4294967295\n") + summed(header(b"f")) + bytes(1024), "owner"),
    "s63_name_too_long": (lambda o: Layer().file("n/" * 3000 + "f").tar(), "limit"),
    "s63_component_too_long": (lambda o: Layer().file("n" * 256).tar(), "255"),
    "s64_link_to_absolute_outside": (
        lambda o: Layer().link("l", str(o / "secret")).tar(), "not in the layer"),
    "s64_link_dot_dot": (lambda o: Layer().link("l", "../outside/secret").tar(), "leads out"),
    "s64_link_to_later_entry": (
        lambda o: Layer().link("l", "later").file("later").tar(), "not in the layer"),
    "s64_link_to_folder": (lambda o: Layer().folder("d").link("l", "d").tar(), "a folder"),
    "s64_link_through_symlink_outside": (
        lambda o: Layer().symlink("out", str(o)).link("l", "out/secret").tar(), "not in the layer"),
    "s65_whiteout_of_nothing": (lambda o: Layer().file("d/.wh.").tar(), "whiteout"),
    "s65_whiteout_of_dot": (lambda o: Layer().file("d/.wh..").tar(), "whiteout"),
    "s65_whiteout_of_dot_dot": (lambda o: Layer().file("d/.wh...").tar(), "whiteout"),
    "s65_whiteout_of_dot_below_a_file": (
        lambda o: Layer().file("d").file("d/.wh..").tar(), "whiteout"),
    "s65_file_below_a_whiteout": (lambda o: Layer().file(".wh.d/f").tar(), "whiteout"),
    "s66_overlay_whiteout_device": (
        lambda o: Layer().add("d", tarfile.CHRTYPE, devmajor=0, devminor=0).tar(), "0:0"),
    "s67_device_number": (
        lambda o: Layer().add("d", tarfile.BLKTYPE, devmajor=8000, devminor=0).tar(), "device"),
    "s68_too_deep": (lambda o: Layer().file("d/" * 300 + "f").tar(), "deep"),
    "s68_too_deep_through_symlinks": (lambda o: deep_by_symlinks().tar(), "too deep"),
    "s68_too_deep_by_one": (lambda o: Layer().file("d/" * 256 + "f").tar(), "too deep"),
    "s68_too_deep_in_a_link_target": (
        lambda o: Layer().symlink("s", "d/" * 600).file("s/f").tar(), "too deep"),
    "symlink_loop_as_parent": (
        lambda o: Layer().symlink("a", "b").symlink("b", "a").file("a/f").tar(),
        "cannot be unpacked"),
    "file_as_parent": (lambda o: Layer().file("a").file("a/b").tar(), "cannot be unpacked"),
}  # fmt: skip
