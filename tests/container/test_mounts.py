"""Mounts as the container sees them, and images that try to redirect them."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Outcome, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]


def mount(
    bundle: Bundle, destination: str, *options: str, type: str = "", source: str = ""
) -> None:
    entry: dict[str, object] = {"destination": destination, "options": list(options)}
    if type:
        entry["type"] = type
    if source:
        entry["source"] = source
    bundle.config["mounts"].append(entry)
    bundle.save()


def options_of(outcome: Outcome, place: str) -> list[str]:
    """The mount's own options, from mountinfo."""
    (line,) = [line for line in outcome.lines if line.split()[4] == place]
    return line.split()[5].split(",")


def propagation_of(outcome: Outcome, place: str) -> str:
    (line,) = [line for line in outcome.lines if line.split()[4] == place]
    return " ".join(field.split(":")[0] for field in line.split()[6 : line.split().index("-")])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory of the host with a file and a sub-directory in it."""
    path = tmp_path / "source"
    (path / "sub").mkdir(parents=True)
    (path / "file").write_text("from the host\n")
    return path


@pytest.fixture
def nested(source: Path) -> Iterator[Path]:
    """The same, with a tmpfs mounted on the sub-directory."""
    subprocess.run(["mount", "-t", "tmpfs", "nested", source / "sub"], check=True)
    (source / "sub" / "deep").write_text("deep\n")
    yield source
    subprocess.run(["umount", source / "sub"], check=True)


MOUNTINFO = "cat /proc/self/mountinfo"


@pytest.mark.parametrize(
    ("option", "shown"),
    [("ro", "ro"), ("nosuid", "nosuid"), ("nodev", "nodev"), ("noexec", "noexec"),
     ("noatime", "noatime"), ("nodiratime", "nodiratime"), ("nosymfollow", "nosymfollow")],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_an_option_of_a_mount_is_set(
    run: Run, bundle: Bundle, source: Path, option: str, shown: str, kind: str
) -> None:
    if kind == "tmpfs":
        mount(bundle, "/tmp", option, type="tmpfs", source="tmpfs")
    else:
        mount(bundle, "/tmp", "bind", option, source=str(source))
    assert shown in options_of(run(MOUNTINFO), "/tmp")
    bundle.config["mounts"][-1]["options"].append(
        {"ro": "rw"}.get(option, option.removeprefix("no"))
    )
    bundle.save()
    assert shown not in options_of(run(MOUNTINFO), "/tmp")


def test_a_tmpfs_has_its_size_and_mode(run: Run, bundle: Bundle) -> None:
    mount(bundle, "/tmp", "size=64k", "mode=1770", "uid=5", type="tmpfs", source="tmpfs")
    done = run("stat -c '%a %u' /tmp; df -k /tmp | tail -1")
    assert done.lines[0] == "1770 5"
    assert done.lines[1].split()[1] == "64"


def test_bind_takes_one_mount_and_rbind_all(run: Run, bundle: Bundle, nested: Path) -> None:
    mount(bundle, "/tmp", "bind", source=str(nested))
    assert run("cat /tmp/file; ls /tmp/sub").lines == ["from the host"]
    bundle.config["mounts"][-1]["options"] = ["rbind"]
    assert run("cat /tmp/file; ls /tmp/sub").lines == ["from the host", "deep"]


def test_recursive_options_hold_below_too(run: Run, bundle: Bundle, nested: Path) -> None:
    mount(bundle, "/tmp", "rbind", "ro", source=str(nested))
    assert run("echo x > /tmp/sub/new && echo written").out == "written\n"
    assert "sub" in run("echo x 2>&1 > /tmp/new; ls /tmp", check=False).out
    bundle.config["mounts"][-1]["options"] = ["rbind", "rro"]
    assert "Read-only" in run("(echo x > /tmp/sub/new2) 2>&1; true").out


def test_a_bind_mount_of_a_file_makes_its_place(run: Run, bundle: Bundle, source: Path) -> None:
    mount(bundle, "/etc/new/file", "bind", "ro", source=str(source / "file"))
    assert run("cat /etc/new/file").out == "from the host\n"


def test_a_relative_source_counts_from_the_bundle_and_a_relative_destination_from_the_root(
    run: Run, bundle: Bundle
) -> None:
    (bundle.path / "beside").mkdir()
    (bundle.path / "beside" / "file").write_text("beside\n")
    mount(bundle, "tmp/made", "bind", source="beside")
    assert run("cat /tmp/made/file").out == "beside\n"


def test_missing_destinations_are_made(run: Run, bundle: Bundle) -> None:
    mount(bundle, "/a/b/c", type="tmpfs", source="tmpfs")
    assert "/a/b/c" in run(MOUNTINFO).out
    assert (bundle.rootfs / "a" / "b" / "c").stat().st_mode & 0o777 == 0o755


def test_a_mount_can_be_remounted(run: Run, bundle: Bundle, source: Path) -> None:
    mount(bundle, "/tmp", "bind", source=str(source))
    mount(bundle, "/tmp", "bind", "remount", "ro", "nosuid", source=str(source))
    options = options_of(run(MOUNTINFO), "/tmp")
    assert {"ro", "nosuid"} <= set(options)


@pytest.mark.parametrize(
    ("option", "shown"),
    [("private", ""), ("shared", "shared"), ("slave", "master"), ("unbindable", "unbindable"),
     ("rprivate", ""), ("rshared", "shared"), ("rslave", "master"), ("runbindable", "unbindable")],
)  # fmt: skip
def test_the_propagation_of_a_mount(
    run: Run, bundle: Bundle, nested: Path, option: str, shown: str
) -> None:
    subprocess.run(["mount", "--make-shared", nested / "sub"], check=True)
    mount(bundle, "/tmp", "bind", option, source=str(nested / "sub"))
    assert propagation_of(run(MOUNTINFO), "/tmp").startswith(shown)
    if not shown:
        assert propagation_of(run(MOUNTINFO), "/tmp") == ""


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("private", ""),
        ("rprivate", ""),
        ("shared", "shared"),
        ("slave", ""),
        ("unbindable", "unbindable"),
    ],
)
def test_the_propagation_of_the_root(run: Run, bundle: Bundle, value: str, shown: str) -> None:
    bundle.config["linux"]["rootfsPropagation"] = value
    assert propagation_of(run(MOUNTINFO), "/").startswith(shown)


def test_a_read_only_root_takes_no_file_but_its_mounts_do(run: Run, bundle: Bundle) -> None:
    mount(bundle, "/tmp", type="tmpfs", source="tmpfs")
    done = run("(echo x > /etc/new) 2>&1; echo x > /tmp/new && echo written")
    assert "Read-only file system" in done.out
    assert "written" in done.out
    bundle.config["root"]["readonly"] = False
    assert run("echo x > /etc/new && echo written").out == "written\n"


def test_what_is_mounted_inside_does_not_show_on_the_host(hutch: Runtime, bundle: Bundle) -> None:
    bundle.args("sleep", "1000")
    hutch("run", "-d", "-b", str(bundle.path), "test")
    assert str(bundle.rootfs) not in Path("/proc/self/mountinfo").read_text()


def test_read_only_paths_and_masked_paths(run: Run, bundle: Bundle) -> None:
    (bundle.rootfs / "etc" / "secret").write_text("secret\n")
    (bundle.rootfs / "var" / "hidden").mkdir()
    (bundle.rootfs / "var" / "hidden" / "file").write_text("")
    bundle.config["root"]["readonly"] = False
    bundle.config["linux"]["maskedPaths"] = ["/etc/secret", "/var/hidden", "/var/nosuch"]
    bundle.config["linux"]["readonlyPaths"] = ["/root", "/etc/passwd", "/nosuch"]
    done = run(
        "cat /etc/secret; ls -A /var/hidden; (echo x > /root/x) 2>&1; (echo x > /etc/passwd) 2>&1;"
        "(echo x > /var/hidden/x) 2>&1; echo y > /etc/y && echo ok"
    )
    assert "secret\n" not in done.out
    assert done.out.count("Read-only file system") == 3
    assert done.lines[-1] == "ok"


# Hostile images.


@pytest.mark.parametrize("place", ["/proc", "/sys"])
def test_s21_s22_cve_2019_19921_proc_and_sysfs_are_not_mounted_on_a_link(
    hutch: Runtime, bundle: Bundle, place: str
) -> None:
    (bundle.rootfs / place[1:]).rmdir()
    (bundle.rootfs / place[1:]).symlink_to("/tmp")
    error = hutch.refuses("run", "-b", str(bundle.path), "test")
    assert "symbolic link" in error
    assert "mounts[" in error


def test_s20_cve_2019_16884_nothing_is_mounted_below_proc(
    hutch: Runtime, bundle: Bundle, source: Path
) -> None:
    mount(bundle, "/proc/self/attr", "bind", source=str(source))
    error = hutch.refuses("run", "-b", str(bundle.path), "test")
    assert "mounts[7].destination" in error
    bundle.config["mounts"][-1]["destination"] = "/innocent/attr"
    (bundle.rootfs / "innocent").symlink_to("/proc/self")
    bundle.save()
    assert "/proc" in hutch.refuses("run", "-b", str(bundle.path), "test")


def test_a_file_of_proc_may_be_covered_as_lxcfs_does(
    run: Run, bundle: Bundle, source: Path
) -> None:
    mount(bundle, "/proc/uptime", "bind", "ro", source=str(source / "file"))
    assert run("cat /proc/uptime").out == "from the host\n"


def test_device_nodes_have_their_exact_modes_whatever_the_umask(run: Run, bundle: Bundle) -> None:
    bundle.config["linux"]["devices"] = [
        {
            "path": "/dev/one",
            "type": "c",
            "major": 1,
            "minor": 5,
            "fileMode": 0o664,
            "uid": 3,
            "gid": 4,
        }
    ]
    bundle.save()
    done = run("stat -c '%a %u:%g %t:%T' /dev/one /dev/null", umask=0o77)
    assert done.lines == ["664 3:4 1:5", "666 0:0 1:3"]


def test_s34_the_cgroup_mount_shows_the_containers_own_and_is_read_only(
    run: Run, bundle: Bundle
) -> None:
    mount(bundle, "/sys/fs/cgroup", "ro", type="cgroup", source="cgroup")
    done = run(
        "cat /sys/fs/cgroup/pids/cgroup.procs | wc -l; mkdir /sys/fs/cgroup/pids/x 2>&1; true"
    )
    assert int(done.lines[0]) in (2, 3)
    assert "Read-only" in done.lines[1]
