"""Images with hostile links: nothing outside the root is made, changed or shown.

These tests run with other runtimes too (``HUTCH=runc``). They check the host and what the container
sees, not the text of errors.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Outcome, Runtime
from tests.support.controls import reached, refused

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]


def bind(bundle: Bundle, destination: str, source: Path) -> None:
    bundle.config["mounts"].append(
        {"destination": destination, "source": str(source), "options": ["bind"]}
    )
    bundle.save()


def without_dev(bundle: Bundle) -> None:
    """Removes the mounts in /dev, so that the container uses the image's /dev."""
    bundle.config["mounts"] = [
        m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")
    ]
    bundle.config["root"]["readonly"] = False
    bundle.save()


def test_s23_s32_cve_2019_18837_a_destination_through_a_link_stays_inside(
    hutch: Runtime, run: Run, bundle: Bundle, source: Path, outside: Path
) -> None:
    bind(bundle, "/way/place", source)
    bind(bundle, "/up/other", source)
    for name in ("way", "up"):
        (bundle.rootfs / name).mkdir()
    reached(hutch, bundle.sh("ls /way/place /up/other | grep -c file"), "2\n")
    for name in ("way/place", "way", "up/other", "up"):
        (bundle.rootfs / name).rmdir()
    (bundle.rootfs / "way").symlink_to(outside)
    (bundle.rootfs / "up").symlink_to("../" * 30 + str(outside).lstrip("/"))
    done = run(f"ls {outside}/place {outside}/other", check=False)
    if done.code == 0:
        assert done.out.count("file") == 2
    else:
        refused(hutch, done, "mounts[")
    assert list(outside.iterdir()) == []


def test_s24_cve_2024_45310_nothing_is_made_on_the_host(
    hutch: Runtime, run: Run, bundle: Bundle, source: Path, outside: Path
) -> None:
    bind(bundle, "/link", source / "file")
    reached(hutch, bundle.sh("cat /link"), "from the host\n")
    (bundle.rootfs / "link").unlink()
    (bundle.rootfs / "link").symlink_to(outside / "dangling")
    done = run(f"cat {outside}/dangling", check=False)
    if done.code == 0:
        assert done.out == "from the host\n"
    else:
        refused(hutch, done, "mounts[")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("place", ["proc", "sys"])
def test_s21_s22_cve_2019_19921_cve_2023_27561_proc_and_sysfs_are_not_mounted_on_a_link(
    hutch: Runtime, bundle: Bundle, place: str
) -> None:
    reached(hutch, bundle)
    (bundle.rootfs / place).rmdir()
    (bundle.rootfs / place).symlink_to("/tmp")
    bundle.sh("ls /tmp; echo reached")
    done = hutch("run", "-b", str(bundle.path), "test", check=False)
    refused(hutch, done, f"on /{place}")
    assert done.out == ""


@pytest.mark.parametrize("where", ["absolute", "upward", "its parent"])
@pytest.mark.parametrize("place", ["proc", "sys"])
def test_s21_cve_2025_54867_proc_and_sysfs_are_not_mounted_on_the_host(
    hutch: Runtime, bundle: Bundle, outside: Path, place: str, where: str
) -> None:
    """The directory of the host is bound after that, to check from inside whether they are mounted
    there."""
    reached(hutch, bundle)
    up = "../" * 30 + str(outside).lstrip("/")
    if where == "its parent":
        (outside / place).mkdir()
        (bundle.rootfs / "way").symlink_to(up)
        for entry in bundle.config["mounts"]:
            if entry["destination"] == f"/{place}":
                entry["destination"] = f"/way/{place}"
    else:
        (bundle.rootfs / place).rmdir()
        (bundle.rootfs / place).symlink_to(outside if where == "absolute" else up)
    bind(bundle, "/seen", outside)
    bundle.config["mounts"][-1]["options"] = ["rbind"]
    bundle.sh(f"ls /seen; ls /seen/{place}/")
    done = hutch("run", "-b", str(bundle.path), "test", check=False)
    if done.code == 0:
        assert done.out.split() == [place]
    else:
        refused(hutch, done, "mounts[")
    assert [path for path in outside.rglob("*") if path != outside / place] == []


def test_s22_cve_2023_28642_an_apparmor_profile_is_not_written_to_a_fake_proc(
    hutch: Runtime, bundle: Bundle
) -> None:
    """Also without AppArmor on the host: the runtime must not report a profile that is not set."""
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/proc"]
    for name in ("self/attr/apparmor", "self/attr", "thread-self/attr/apparmor"):
        (bundle.rootfs / "proc" / name).mkdir(parents=True, exist_ok=True)
        (bundle.rootfs / "proc" / name / "exec").write_text("trap")
    bundle.config["linux"]["maskedPaths"] = bundle.config["linux"]["readonlyPaths"] = []
    reached(hutch, bundle)
    bundle.config["process"]["apparmorProfile"] = "hutch-test-profile"
    bundle.sh("echo reached")
    done = hutch("run", "-b", str(bundle.path), "test", check=False)
    refused(hutch, done, "process.apparmorProfile")
    for path in (bundle.rootfs / "proc").rglob("exec"):
        assert path.read_text() == "trap"


def test_s20_cve_2019_16884_no_mount_covers_the_files_for_labels(
    hutch: Runtime, bundle: Bundle, source: Path
) -> None:
    bind(bundle, "/innocent/attr", source)
    reached(hutch, bundle.sh("cat /innocent/attr/file"), "from the host\n")
    shutil.rmtree(bundle.rootfs / "innocent")
    (bundle.rootfs / "innocent").symlink_to("/proc/self")
    bundle.sh("echo reached")
    done = hutch("run", "-b", str(bundle.path), "test", check=False)
    refused(hutch, done, "the image redirects this destination into /proc")
    bundle.config["mounts"][-1]["destination"] = "/proc/self/attr"
    bundle.save()
    done = hutch("run", "-b", str(bundle.path), "test", check=False)
    refused(hutch, done, "mounting below /proc is not allowed")


def with_dev(bundle: Bundle, dev: Path) -> Path:
    """Binds ``dev`` to the container's /dev, so that the runtime makes no devices there. A runtime
    that masks files with /dev/null of the container then uses the file in ``dev``. Returns the path
    of this file."""
    without_dev(bundle)
    dev.mkdir()
    bind(bundle, "/dev", dev)
    (bundle.rootfs / "trap").write_text("trap\n")
    (bundle.rootfs / "secret").write_text("secret\n")
    bundle.config["linux"]["maskedPaths"] = ["/secret"]
    return dev / "null"


def test_s25_cve_2025_31133_a_fake_dev_null_is_not_used_for_masking(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    null = with_dev(bundle, tmp_path / "dev")
    os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    bundle.sh("cat /secret; echo x > /secret; cat /trap")
    # The control: with a real null device the secret is masked.
    reached(hutch, bundle, "trap\n")
    null.unlink()
    null.symlink_to("/trap")
    done = hutch("run", "-b", str(bundle.path), "test", check=False, timeout=60)
    if Path(hutch.command).name == "hutch":
        assert done.code == 0, done.err
    assert done.code != 0 or done.out == "trap\n"
    assert (bundle.rootfs / "trap").read_text() == "trap\n"


@pytest.mark.parametrize("kind", ["a link into proc", "another device", "a file"])
def test_s25_cve_2025_62161_only_a_null_device_is_used_for_masking(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, kind: str
) -> None:
    """A file at /dev/null is bound over masked files only if it is the null device."""
    null = with_dev(bundle, tmp_path / "dev")
    os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    bundle.sh("head -c 20 /secret; echo end")
    reached(hutch, bundle, "end\n")
    null.unlink()
    if kind == "a link into proc":
        null.symlink_to("/proc/sys/kernel/ostype")
    elif kind == "another device":
        os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # zero
    else:
        null.write_text("trap\n")
    done = hutch("run", "-b", str(bundle.path), "test", check=False, timeout=60)
    if Path(hutch.command).name == "hutch":
        assert done.code == 0, done.err
    assert done.code != 0 or done.out == "end\n"


def test_s29_cve_2026_41579_cve_2026_47766_a_dev_that_is_a_link_changes_nothing_outside(
    hutch: Runtime, bundle: Bundle, outside: Path
) -> None:
    (outside / "ptmx").write_text("keep")
    without_dev(bundle)
    reached(hutch, bundle)
    shutil.rmtree(bundle.rootfs / "dev")
    (bundle.rootfs / "dev").symlink_to(outside)
    hutch("run", "-b", str(bundle.path), "test", check=False)
    assert [path.name for path in outside.iterdir()] == ["ptmx"]
    assert (outside / "ptmx").read_text() == "keep"


@pytest.mark.parametrize("name", ["null", "tty", "console", "ptmx", "fd", "stdin"])
def test_s30_cve_2026_88265_a_link_of_the_image_in_dev_is_not_followed(
    hutch: Runtime, bundle: Bundle, outside: Path, name: str
) -> None:
    host = outside / "file"
    host.write_text("keep")
    before = host.stat()
    without_dev(bundle)
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    reached(hutch, bundle)
    (bundle.rootfs / "dev" / name).unlink(missing_ok=True)
    (bundle.rootfs / "dev" / name).symlink_to(host)
    hutch("run", "-b", str(bundle.path), "test", check=False)
    after = host.stat()
    assert host.read_text() == "keep"
    assert (after.st_mode, after.st_uid, after.st_mtime) == (
        before.st_mode,
        before.st_uid,
        before.st_mtime,
    )
    assert [path.name for path in outside.iterdir()] == ["file"]


@pytest.mark.parametrize("kind", ["there", "dangling"])
def test_s26_s30_cve_2025_52565_cve_2026_88264_a_console_that_is_a_link_is_not_followed(
    hutch: Runtime, bundle: Bundle, outside: Path, kind: str
) -> None:
    host = outside / "file"
    if kind == "there":
        host.write_text("keep")
        before = host.stat()
    without_dev(bundle)
    bundle.config["mounts"].append(
        {"destination": "/dev/pts", "type": "devpts", "options": ["newinstance", "ptmxmode=0666"]}
    )
    bundle.config["process"]["user"] = {"uid": 1000, "gid": 1000}
    reached(hutch, bundle)
    bundle.config["process"]["terminal"] = True
    bundle.args("true")
    for attacked in (False, True):
        if attacked:
            (bundle.rootfs / "dev" / "console").unlink()
            (bundle.rootfs / "dev" / "console").symlink_to(host)
        master, slave = os.openpty()
        words = ("run", "-b", str(bundle.path), "test")
        done = hutch(*words, check=False, stdin=slave, stdout=slave)
        os.close(slave)
        os.close(master)
        assert attacked or done.code == 0, done.err
    if kind == "there":
        after = host.stat()
        assert host.read_text() == "keep"
        assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)
    assert [path.name for path in outside.iterdir()] == (["file"] if kind == "there" else [])


def test_s27_cve_2025_52881_sysctls_are_written_through_the_runtimes_own_procfs(
    hutch: Runtime, bundle: Bundle
) -> None:
    # The files of the container's /proc are traps. The runtime must not write to them.
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/proc"]
    trap = bundle.rootfs / "proc" / "sys" / "net" / "ipv4"
    trap.mkdir(parents=True)
    (trap / "ip_forward").write_text("trap")
    bundle.config["linux"]["maskedPaths"] = bundle.config["linux"]["readonlyPaths"] = []
    bundle.config["root"]["readonly"] = False
    reached(hutch, bundle)
    bundle.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
    bundle.args("true")
    hutch("run", "-b", str(bundle.path), "test", check=False)
    assert (trap / "ip_forward").read_text() == "trap"


def test_s27_cve_2025_62596_a_write_to_proc_is_not_redirected_to_another_file(
    hutch: Runtime, bundle: Bundle
) -> None:
    """In the place of /proc are links into a real procfs. So to check the file system type is not
    enough."""
    reached(hutch, bundle)
    for entry in bundle.config["mounts"]:
        if entry["type"] == "proc":
            entry["destination"] = "/real"
    for name in ("sys/net/ipv4/ip_default_ttl", "self/oom_score_adj", "self/attr/exec"):
        link = bundle.rootfs / "proc" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to("/real/sys/kernel/domainname")
    # Other runtimes read these files before they write the sysctl.
    for name in ("fd", "status"):
        (bundle.rootfs / "proc" / "self" / name).symlink_to(f"/real/self/{name}")
    bundle.config["linux"]["sysctl"] = {"net.ipv4.ip_default_ttl": "99"}
    bundle.config["linux"]["maskedPaths"] = bundle.config["linux"]["readonlyPaths"] = []
    bundle.config["process"]["oomScoreAdj"] = 77
    bundle.config["domainname"] = "example.org"
    bundle.sh("cd /real; cat sys/kernel/domainname self/oom_score_adj sys/net/ipv4/ip_default_ttl")
    done = hutch("run", "-b", str(bundle.path), "test", check=False)
    if Path(hutch.command).name == "hutch":
        assert done.code == 0, done.err
    assert done.code != 0 or done.out.split()[-2:] == ["77", "99"]
    # An older runtime does not set the domain name; a new namespace has none.
    assert done.code != 0 or done.out.split()[0] in ("example.org", "(none)")


def test_s34_cve_2023_25809_the_cgroups_cannot_be_written_from_a_user_namespace(
    hutch: Runtime,
) -> None:
    """Without a cgroup namespace, so that the container sees the host's."""
    mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    with tempfile.TemporaryDirectory(prefix="hutch-") as name:
        Path(name).chmod(0o755)
        bundle = Bundle(Path(name) / "bundle")
        bundle.config["ociVersion"] = "1.0.2"
        bundle.config["linux"]["namespaces"].append({"type": "user"})
        bundle.config["linux"].update(uidMappings=mapping, gidMappings=mapping)
        bundle.config["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup"})
        there = "[ -e $d/cgroup.procs ]"
        bundle.sh(
            f"for d in /sys/fs/cgroup/*; do {there} && mkdir $d/x && echo made $d; done; true"
        )
        done = hutch("run", "-b", str(bundle.path), "test")
        assert "denied" in done.err or "Read-only" in done.err
        assert done.out == ""
