"""Binds of a container in a user namespace: sources that its root may not reach, and locked flags
of the host's mounts, which cannot be cleared in it."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Outcome, Runtime, reachable

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]

OUTSIDE = 200000


@pytest.fixture
def mapped(bundle: Bundle) -> Bundle:
    """A bundle with a user namespace, whose root has no rights on the host."""
    (bundle.rootfs / "data").mkdir()
    bundle.config["linux"]["namespaces"].append({"type": "user"})
    ids = [{"containerID": 0, "hostID": OUTSIDE, "size": 1000}]
    bundle.config["linux"]["uidMappings"] = bundle.config["linux"]["gidMappings"] = ids
    reachable(bundle.path)
    return bundle.save()


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A directory that the container owns, below one that it may not enter."""
    path = tmp_path / "closed" / "volume"
    path.mkdir(parents=True)
    (path / "file").write_text("from the host\n")
    os.chown(path, OUTSIDE, OUTSIDE)
    path.parent.chmod(0o750)
    reachable(tmp_path)
    path.parent.chmod(0o750)
    return path


def bind(bundle: Bundle, source: Path | str, *options: str) -> None:
    bundle.config["mounts"].append(
        {"destination": "/data", "source": str(source), "options": list(options)}
    )
    bundle.save()


WRITE = "cat /data/file; echo x > /data/new && echo written"


def test_a_source_below_a_closed_folder_is_bound(run: Run, mapped: Bundle, closed: Path) -> None:
    bind(mapped, closed, "rbind", "rw")
    assert run(WRITE).lines == ["from the host", "written"]
    assert (closed / "new").stat().st_uid == OUTSIDE


def test_a_source_that_is_a_file_behind_a_link_is_bound(
    run: Run, mapped: Bundle, closed: Path
) -> None:
    (mapped.rootfs / "etc" / "file").touch()
    (closed.parent / "link").symlink_to(closed)
    bind(mapped, closed.parent / "link" / "file", "bind", "ro")
    mapped.config["mounts"][-1]["destination"] = "/etc/file"
    mapped.save()
    assert run("cat /etc/file").out == "from the host\n"


def test_what_lies_above_the_source_stays_closed(run: Run, mapped: Bundle, closed: Path) -> None:
    (closed.parent / "secret").write_text("secret")
    bind(mapped, closed, "rbind")
    done = run("cat /data/file; cat /data/../secret /data/../closed/secret 2>&1", check=False)
    assert done.lines[0] == "from the host"
    assert "secret\n" not in done.out.replace("secret: ", "")


def test_a_source_is_locked_as_the_hosts_mounts_are(run: Run, mapped: Bundle, closed: Path) -> None:
    """The source is cloned from the container's own mount namespace, so its flags are locked."""
    subprocess.run(["mount", "--bind", closed, closed], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", closed], check=True)
    try:
        bind(mapped, closed, "rbind")
        capabilities = mapped.config["process"]["capabilities"]
        for name in ("bounding", "effective", "permitted"):
            capabilities[name] = ["CAP_SYS_ADMIN"]
        mapped.config["linux"].pop("seccomp", None)
        mapped.save()
        done = run(
            "cat /data/file; mount -o remount,bind,rw /data; echo x > /data/new", check=False
        )
    finally:
        subprocess.run(["umount", closed], check=True)
    assert done.out == "from the host\n"
    assert "Read-only file system" in done.err


@pytest.fixture
def joined(mapped: Bundle) -> Iterator[Bundle]:
    """The same, in a user namespace that exists already."""
    sleeper = subprocess.Popen(["unshare", "--user", "sleep", "1000"])
    try:
        place = Path(f"/proc/{sleeper.pid}")
        while (place / "ns/user").readlink() == Path("/proc/self/ns/user").readlink():
            pass
        for name in ("uid_map", "gid_map"):
            (place / name).write_text(f"0 {OUTSIDE} 1000\n")
        linux = mapped.config["linux"]
        linux["namespaces"][-1]["path"] = str(place / "ns/user")
        del linux["uidMappings"], linux["gidMappings"]
        yield mapped.save()
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_joined_user_namespace_makes_no_difference(
    run: Run, joined: Bundle, closed: Path
) -> None:
    bind(joined, closed, "rbind")
    assert run(WRITE).lines == ["from the host", "written"]


def test_a_source_that_nobody_can_open_is_an_error(
    hutch: Runtime, mapped: Bundle, closed: Path
) -> None:
    """The sources of devices and of binds whose path leads nowhere in the container's view."""
    bind(mapped, f"/proc/{os.getpid()}/root{closed}", "rbind")
    error = hutch.refuses("run", "-b", str(mapped.path), "test")
    assert "mounts[7]" in error
    assert "permission denied" in error


# Flags that the host has locked (mount_namespaces(7)).


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A mount of the host with all flags that can be locked."""
    path = tmp_path / "locked"
    path.mkdir()
    reachable(tmp_path)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro,nosuid,nodev,noexec,noatime", "locked", path], check=True
    )
    yield path
    subprocess.run(["umount", path], check=True)


def flags(outcome: Outcome) -> set[str]:
    (line,) = [line for line in outcome.lines if line.split()[4] == "/data"]
    return set(line.split()[5].split(","))


LOCKED = {"ro", "nosuid", "nodev", "noexec", "noatime"}


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (["rw"], "ro"),
        (["suid"], "nosuid"),
        (["dev"], "nodev"),
        (["exec"], "noexec"),
        (["relatime"], "atime"),
        (["strictatime"], "atime"),
        (["nodiratime"], "atime"),
        (["rw", "exec"], "ro, noexec"),
        (["rrw"], "ro"),
        (["rw", "nosymfollow"], "ro"),
    ],
)
def test_a_flag_that_the_host_has_locked_is_kept_with_a_warning(
    run: Run, mapped: Bundle, locked: Path, options: list[str], kept: str
) -> None:
    bind(mapped, locked, "rbind", *options)
    done = run("cat /proc/self/mountinfo")
    assert flags(done) >= LOCKED | ({"nosymfollow"} & set(options))
    assert done.err.count("\n") == 1
    assert f"mounts[7].options: the mount keeps {kept}: the host has locked" in done.err


def test_a_remount_keeps_locked_flags_too(run: Run, mapped: Bundle, locked: Path) -> None:
    bind(mapped, locked, "rbind")
    bind(mapped, locked, "bind", "remount", "rw")
    done = run("cat /proc/self/mountinfo")
    assert flags(done) >= LOCKED
    assert "mounts[8].options: the mount keeps ro" in done.err


def test_stricter_flags_are_set_beside_locked_ones(
    run: Run, mapped: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "locked"
    path.mkdir()
    reachable(tmp_path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nosuid,noatime", "locked", path], check=True)
    try:
        bind(mapped, path, "rbind", "suid", "relatime", "ro", "noexec", "nodev")
        done = run("cat /proc/self/mountinfo")
    finally:
        subprocess.run(["umount", path], check=True)
    assert flags(done) >= LOCKED
    assert "the mount keeps nosuid, atime" in done.err


def test_outside_of_a_user_namespace_nothing_is_locked(
    run: Run, bundle: Bundle, locked: Path
) -> None:
    bind(bundle, locked, "rbind", "rw", "exec", "relatime")
    done = run("cat /proc/self/mountinfo")
    assert flags(done) >= {"rw", "nosuid", "nodev", "relatime"}
    assert done.err == ""
