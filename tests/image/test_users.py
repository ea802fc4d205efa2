"""Who an image's USER is: never somebody whom the image did not clearly name."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hutch.image import users
from hutch.image.errors import ImageError


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "root" / "etc"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def root(etc: Path) -> Iterator[int]:
    fd = os.open(etc.parent, os.O_RDONLY)
    yield fd
    os.close(fd)


@pytest.mark.root
@pytest.mark.parametrize("kind", ["fifo", "symlink out", "device", "directory", "missing"])
def test_s67_the_images_passwd_is_read_only_if_it_is_a_regular_file(
    kind: str, etc: Path, root: int, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_text("root:x:77:77:::\nweb:x:77:77:::\n")
    passwd = etc / "passwd"
    if kind == "fifo":
        os.mkfifo(passwd)
    elif kind == "symlink out":
        passwd.symlink_to(tmp_path / "outside")
    elif kind == "device":
        os.mknod(passwd, stat.S_IFCHR | 0o600, os.makedev(42, 7))  # of no driver
    elif kind == "directory":
        passwd.mkdir()
    assert users.resolve(root, "") == (0, 0, [])
    assert users.resolve(root, "7:8") == (7, 8, [])
    with pytest.raises(ImageError, match="not in the image's /etc/passwd"):
        users.resolve(root, "web")


def test_users_and_groups_are_the_images_own(etc: Path, root: int) -> None:
    (etc / "passwd").write_text("root:x:0:0:::\nweb:x:33:44:::\n3proxy:x:5:6:::\nbad line\n")
    (etc / "group").write_text("root:x:0:\nweb:x:44:\nextra:x:99:other,web\nmore:x:98:web\n")
    assert users.resolve(root, "web") == (33, 44, [98, 99])
    assert users.resolve(root, "33") == (33, 44, [98, 99])
    assert users.resolve(root, "web:extra") == (33, 99, [])
    assert users.resolve(root, "1000") == (1000, 0, [])
    assert users.resolve(root, "3proxy") == (5, 6, [])
    assert users.resolve(root, "0033:0044") == (33, 44, [])
    assert users.resolve(root, "4294967294") == (4294967294, 0, [])
    with pytest.raises(ImageError, match="group"):
        users.resolve(root, "web:nobody")


NUMBERS = [
    "4294967295", "4294967296", "18446744073709551616", "9" * 5000, "-1", "+1", "+0", " 0", "0 ",
    "1_0", "0x10", "0X0", "0b1", "0o7", "\u0661\u0662", "\u00b2", "1.0", "-0", "--1", "+-1",
]  # fmt: skip


@pytest.mark.parametrize("text", NUMBERS)
def test_s09_cve_2024_40635_cve_2026_46680_a_text_that_looks_like_a_number_is_never_a_name(
    text: str, etc: Path, root: int
) -> None:
    """Though the image's own files have such names, with the ids of root."""
    (etc / "passwd").write_text(f"{text}:x:0:0:::\nweb:x:33:44:::\n")
    (etc / "group").write_text(f"{text}:x:0:\n")
    assert users.resolve(root, "web") == (33, 44, [])
    for user in (text, f"{text}:1", f"1:{text}", f"web:{text}"):
        with pytest.raises(ImageError, match="is neither an id nor a name"):
            users.resolve(root, user)


IDS = ["4294967295", "4294967296", "-1", "", "\u0661", " 1", "0x1", "9" * 5000]


@pytest.mark.parametrize("text", IDS)
def test_s09_an_invalid_id_in_the_images_files_does_not_become_zero(
    text: str, etc: Path, root: int
) -> None:
    (etc / "passwd").write_text(f"u:x:{text}:5:::\ng:x:7:{text}:::\nok:x:8:9:::\n")
    (etc / "group").write_text(f"bad:x:{text}:ok\ngood:x:12:ok\n")
    assert users.resolve(root, "ok:good") == (8, 12, [])
    assert users.resolve(root, "ok") == (8, 9, [12])  # and the group that is none, is none of its
    for user in ("u", "g", "7", "ok:bad"):
        with pytest.raises(ImageError, match="is not an id"):
            users.resolve(root, user)


def test_s09_only_a_newline_ends_a_line(etc: Path, root: int) -> None:
    """For Python also what ends with a form feed, or one of seven other characters."""
    for mark in "\x0b\x0c\x1c\x85\u2028":
        (etc / "passwd").write_text(f"web:x:33:44:a{mark}evil:x:0:0::/:\n")
        with pytest.raises(ImageError, match="not in the image's /etc/passwd"):
            users.resolve(root, "evil")
        assert users.resolve(root, "web") == (33, 44, [])


def test_s09_a_line_that_the_limit_cuts_is_ignored(etc: Path, root: int) -> None:
    line = "web:x:1234:5678:::\n"
    padding = "#" * (users.BYTES - len("web:x:12") - 1) + "\n"
    (etc / "passwd").write_text(padding + line)
    with pytest.raises(ImageError, match="not in the image's /etc/passwd"):
        users.resolve(root, "web")
    (etc / "passwd").write_text(padding[-100:] + line)
    assert users.resolve(root, "web") == (1234, 5678, [])
