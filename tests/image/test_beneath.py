"""Opening beneath a root: by openat2, and by the walk that stands in for it on older kernels."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hutch.kernel import beneath

Open = Callable[[int, str, int], int]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "file").write_text("file")
    (root / "secret").write_text("inner")
    for name, target in {
        "absolute": "/a", "up": "../secret", "far-up": "../../../../../secret", "loop": "loop",
        "chain": "absolute/b/../file", "a/out": "/secret", "dangling": "nowhere",
        "a/b/parent": "..", "host": str(tmp_path / "secret"),
    }.items():  # fmt: skip
        (root / name).symlink_to(target)
    return root


def read(opener: Open, root: Path, path: str, flags: int = os.O_RDONLY) -> str:
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fd = opener(top, path, flags)
    finally:
        os.close(top)
    try:
        if os.path.isdir(f"/proc/self/fd/{fd}"):
            return os.path.relpath(os.readlink(f"/proc/self/fd/{fd}"), root)
        return os.read(fd, 100).decode()
    finally:
        os.close(fd)


WAYS = [beneath.open_in_root, beneath.walk_in_root]


@pytest.mark.parametrize("opener", WAYS)
@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a/file", "file"), ("/a/file", "file"), ("absolute/file", "file"), ("up", "inner"),
        ("far-up", "inner"), ("../secret", "inner"), ("../../../secret", "inner"),
        ("chain", "file"), ("a/out", "inner"), ("a/b/parent/file", "file"),
        ("a/./b/../file", "file"), ("", "."), (".", "."), ("..", "."), ("a/..", "."),
        ("a/b/parent", "a"),
    ],
)  # fmt: skip
def test_s60_every_path_stays_inside(opener: Open, root: Path, path: str, found: str) -> None:
    assert read(opener, root, path) == found


@pytest.mark.parametrize("opener", WAYS)
@pytest.mark.parametrize("path", ["loop", "dangling", "host", "a/file/x", "nothing/x", "a/nothing"])
def test_s60_a_path_outside_is_not_found(opener: Open, root: Path, path: str) -> None:
    with pytest.raises(OSError):
        read(opener, root, path)


@pytest.mark.parametrize("opener", WAYS)
def test_the_last_component_is_not_followed_if_so_asked(opener: Open, root: Path) -> None:
    with pytest.raises(OSError):
        read(opener, root, "absolute", os.O_RDONLY | os.O_NOFOLLOW)
    top = os.open(root, os.O_RDONLY)
    fd = opener(top, "a/out", beneath.O_PATH | os.O_NOFOLLOW)
    assert os.readlink("", dir_fd=fd) == "/secret"
    os.close(fd)
    os.close(top)


def opened(root: Path) -> list[str]:
    """What this process holds open in `root`; what other tests left behind may close meanwhile."""
    held = []
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            held.append(os.readlink(f"/proc/self/fd/{fd}"))
    return [path for path in held if path.startswith(str(root))]


@pytest.mark.parametrize("opener", WAYS)
def test_no_descriptor_is_left_open(opener: Open, root: Path) -> None:
    for path in ("a/file", "chain", "loop", "dangling", "a/b/parent"):
        with contextlib.suppress(OSError):
            read(opener, root, path)
    assert not opened(root)
    with open(root / "a" / "file"):
        assert opened(root), "this test would not see a descriptor left open"
