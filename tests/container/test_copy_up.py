"""tmpcopyup: the files and attributes that a tmpfs gets from the directory that it covers."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Outcome, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]


def cover(bundle: Bundle, destination: str, *options: str) -> None:
    bundle.config["mounts"].append(
        {"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": list(options)}
    )
    bundle.save()


@pytest.fixture
def image(bundle: Bundle) -> Path:
    """A directory of the image with one of each kind of file in it."""
    path = bundle.rootfs / "srv"
    (path / "sub" / "deeper").mkdir(parents=True)
    path.chmod(0o2755)
    os.chown(path, 5, 6)
    (path / "sub" / "file").write_text("from the image\n")
    os.chown(path / "sub" / "file", 7, 8)
    (path / "sub" / "file").chmod(0o4755)
    os.setxattr(
        path / "sub" / "file", "security.capability", bytes.fromhex("010000020004" + "00" * 14)
    )
    os.utime(path / "sub" / "file", (1000, 2000))
    os.utime(path / "sub", (1000, 3000))
    (path / "link").symlink_to("/etc/passwd")
    (path / "dangling").symlink_to("nowhere")
    os.mkfifo(path / "fifo", 0o640)
    os.mknod(path / "null", 0o020666, os.makedev(1, 3))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path / "socket"))
    with (path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
        file.seek(1 << 30)
        file.write(b"data")
    return path


def test_a_tmpfs_gets_the_files_that_it_covers(run: Run, bundle: Bundle, image: Path) -> None:
    cover(bundle, "/srv", "tmpcopyup", "size=1m")
    done = run(
        "cd /srv; stat -c '%n %F %a %u %g' . * sub/*; stat -c '%Y' sub/file sub;"
        "readlink link; readlink dangling; cat sub/file; stat -c %s sparse; stat -c '%t %T' null;"
        "grep ' /srv ' /proc/self/mountinfo; echo new > sub/new && rm sub/file && echo changed"
    )
    assert done.lines[:-1] == [
        ". directory 2755 5 6",
        "dangling symbolic link 777 0 6",
        "fifo fifo 640 0 6",
        "link symbolic link 777 0 6",
        "null character special file 644 0 6",
        "socket socket 755 0 6",
        "sparse regular file 644 0 6",
        "sub directory 755 0 0",
        "sub/deeper directory 755 0 0",
        "sub/file regular file 4755 7 8",
        "2000", "3000", "/etc/passwd", "nowhere", "from the image", str(1 << 40), "1 3",
        done.lines[-2],
    ]  # fmt: skip
    assert " tmpfs tmpfs " in done.lines[-2]
    assert done.lines[-1] == "changed"
    assert (image / "sub" / "file").exists()
    assert not (image / "sub" / "new").exists()


def test_a_copy_can_be_read_only(run: Run, bundle: Bundle, image: Path) -> None:
    cover(bundle, "/srv", "tmpcopyup", "ro")
    done = run("cat /srv/sub/file; (echo x > /srv/new) 2>&1; true")
    assert done.lines[0] == "from the image"
    assert "Read-only" in done.lines[1]


def test_the_options_of_the_config_win_over_what_is_covered(
    run: Run, bundle: Bundle, image: Path
) -> None:
    cover(bundle, "/srv", "tmpcopyup", "mode=700", "uid=9")
    assert run("stat -c '%a %u %g' /srv").out == "700 9 0\n"


def test_a_plain_tmpfs_has_the_mode_of_the_directory_as_with_runc(
    run: Run, bundle: Bundle, image: Path
) -> None:
    cover(bundle, "/srv", "ro")
    cover(bundle, "/new")
    done = run("stat -c '%a %u' /srv /new; ls /srv; (echo x > /srv/new) 2>&1; true")
    assert done.lines[:2] == ["2755 0", "1777 0"]
    assert "Read-only" in done.lines[2]


def test_no_link_is_followed_out_of_the_image(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    """S-23, S-24: no link, at the directory or in it, leads the copy to the host."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("the host's\n")
    (bundle.rootfs / "srv").symlink_to(secret)
    (bundle.rootfs / "var" / "away").symlink_to(secret)
    (bundle.rootfs / "var" / "up").symlink_to("../../../../../../../../.." + str(secret))
    cover(bundle, "/srv", "tmpcopyup")
    cover(bundle, "/var", "tmpcopyup")
    done = run("find /srv/ /var/; cat /var/away/key 2>&1; true")
    assert "the host's" not in done.out
    assert sorted(done.lines[:-1]) == ["/srv/", "/var/", "/var/away", "/var/up"]
    assert sorted(os.listdir(secret)) == ["key"]


def test_other_mounts_below_are_not_copied(run: Run, bundle: Bundle, image: Path) -> None:
    cover(bundle, "/srv/sub", "mode=711")
    cover(bundle, "/srv", "tmpcopyup")
    assert run("ls -A /srv/sub; stat -c %a /srv/sub").lines == ["711"]


def test_too_little_room_is_an_error_that_names_the_file(hutch: Runtime, bundle: Bundle) -> None:
    (bundle.rootfs / "srv").mkdir()
    (bundle.rootfs / "srv" / "big").write_bytes(b"x" * 200_000)
    cover(bundle, "/srv", "tmpcopyup", "size=64k")
    error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert "mounts[7]: mount tmpfs on /srv" in error
    assert "no space left on device (big)" in error


def test_directories_that_are_too_deep_are_an_error(hutch: Runtime, bundle: Bundle) -> None:
    path = bundle.rootfs / "srv"
    for _ in range(70):
        path = path / "d"
    path.mkdir(parents=True)
    cover(bundle, "/srv", "tmpcopyup")
    error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert "the directories are too deep" in error


@pytest.mark.parametrize(
    "entry",
    [{"type": "proc", "source": "proc"}, {"type": "none", "source": "/etc", "options": ["bind"]}],
)
def test_it_is_for_a_tmpfs_only(hutch: Runtime, bundle: Bundle, entry: dict[str, object]) -> None:
    options = [*entry.get("options", []), "tmpcopyup"]
    bundle.config["mounts"].append({"destination": "/srv", **entry, "options": options})
    error = hutch.refuses("run", "--bundle", str(bundle.save().path), "test")
    assert "mounts[7].options: tmpcopyup is for a new tmpfs" in error


def test_in_a_user_namespace_ids_that_are_not_mapped_become_its_roots(
    run: Run, bundle: Bundle, image: Path
) -> None:
    (image / "sub" / "file").chmod(0o755)
    bundle.config["linux"]["namespaces"].append({"type": "user"})
    for field in ("uidMappings", "gidMappings"):
        bundle.config["linux"][field] = [{"containerID": 0, "hostID": 0, "size": 6}]
    cover(bundle, "/srv", "tmpcopyup")
    done = run("cd /srv; stat -c '%n %u %g' . sub/file link; ls null 2>&1; true")
    assert done.lines[0] == ". 5 0"
    assert done.lines[1:3] == ["sub/file 0 0", "link 0 0"]
