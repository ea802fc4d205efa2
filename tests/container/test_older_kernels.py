"""Kernels and filters without a system call: the container is made with older calls.

strace makes the call fail as such a kernel would.
"""

import subprocess
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Runtime

pytestmark = pytest.mark.root

SCRIPT = "cut -d' ' -f4-6 /proc/self/mountinfo; ls -l /dev | cut -c1-10; ls /proc/self/fd | wc -l"


def without(
    hutch: Runtime, call: str, error: str, *words: str
) -> "subprocess.CompletedProcess[str]":
    """The command while ``call`` always fails with ``error``."""
    inject = [f"--inject={call}:error={error}", f"--trace={call}"]
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", *inject]
    return subprocess.run(
        [*strace, hutch.command, "--root", str(hutch.root), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def crooked(bundle: Bundle, tmp_path: Path) -> Bundle:
    """A bundle whose mounts lead through links of all kinds."""
    root = bundle.rootfs
    (root / "inside").mkdir()
    (root / "absolute").symlink_to("/inside/deep")
    (root / "upward").symlink_to("../../../../inside")
    (root / "dangling").symlink_to("var/not/there")
    (root / "chain").symlink_to("absolute")
    source = tmp_path / "source"
    source.mkdir()
    for name in ("absolute", "upward/new", "dangling", "upward/more", "var/../inside/dots"):
        bundle.config["mounts"].append(
            {
                "destination": "/" + name,
                "type": "bind",
                "source": str(source),
                "options": ["bind", "ro", "nosuid", "private"],
            }
        )
    return bundle.sh(SCRIPT)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("openat2", "ENOSYS"),  # before 5.6
        ("openat2", "EPERM"),  # an older seccomp profile of an engine in which hutch runs
        ("mount_setattr", "ENOSYS"),  # before 5.12
        ("close_range", "ENOSYS"),  # before 5.9
        ("close_range", "EINVAL"),  # before 5.11
    ],
)
def test_the_container_is_the_same_without(
    hutch: Runtime, crooked: Bundle, call: str, error: str, no_traces: None
) -> None:
    words = ("run", "--bundle", str(crooked.path), "test")
    usual = hutch(*words)
    older = without(hutch, call, error, *words)
    assert older.stderr == ""
    assert older.stdout == usual.out
    assert usual.out.count("/source ") == 5


def test_s23_no_link_leads_out_without_openat2_too(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, no_traces: None
) -> None:
    """A link to a directory of the host: nothing is made there; the mount is inside the root."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (bundle.rootfs / "way").symlink_to(outside)
    bundle.config["mounts"].append({"destination": "/way/place", "type": "tmpfs"})
    bundle.sh(f"grep -c ' {outside}/place ' /proc/self/mountinfo")
    done = without(hutch, "openat2", "ENOSYS", "run", "--bundle", str(bundle.path), "test")
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("path", ["loop", "a/loop", "far"])
def test_s32_endless_links_are_refused_without_openat2_too(
    hutch: Runtime, bundle: Bundle, path: str
) -> None:
    root = bundle.rootfs
    (root / "loop").symlink_to("loop")
    (root / "a").mkdir()
    (root / "a" / "loop").symlink_to("../a/loop")
    for number in range(60):
        (root / f"link{number}").symlink_to(f"link{number + 1}")
    (root / "far").symlink_to("link0")
    bundle.config["mounts"].append({"destination": "/" + path, "type": "tmpfs"})
    bundle.save()
    done = without(hutch, "openat2", "ENOSYS", "run", "--bundle", str(bundle.path), "test")
    assert done.returncode == 1
    assert "mounts[" in done.stderr
    assert "symbolic links" in done.stderr
    assert [path.name for path in (root / "a").iterdir()] == ["loop"]


def test_s32_names_that_are_too_long_are_refused_without_openat2_too(
    hutch: Runtime, bundle: Bundle
) -> None:
    for path in ("x" * 256, "/".join(["y" * 255] * 17)):
        bundle.config["mounts"][-1] = {"destination": "/" + path, "type": "tmpfs"}
        bundle.save()
        done = without(hutch, "openat2", "ENOSYS", "run", "--bundle", str(bundle.path), "test")
        assert done.returncode == 1
        assert "name too long" in done.stderr
