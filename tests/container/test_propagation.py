"""linux.rootfsPropagation and the propagation of mounts: what shows on the host, and what of the
host shows in the container. Each test's host is a mount namespace of its own, all of it shared."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

# The host mounts on the volume, then the container does. Prints "in" if the container sees the
# first, "out" if the host sees the second, "LEFT" and what else the container left on the host;
# then the container's mounts.
HOST = """
mount --make-rshared /
mount -t tmpfs volume "$VOLUME"
mkdir "$VOLUME"/in "$VOLUME"/out
mount --bind "$ROOTFS" "$ROOTFS"
cat /proc/self/mountinfo > "$VOLUME"/before
$HUTCH run --detach $FLAGS --bundle "$BUNDLE" test
trap '$HUTCH delete --force test' EXIT
diff "$VOLUME"/before /proc/self/mountinfo | sed 's/^/LEFT /'
mount -t tmpfs in "$VOLUME"/in
touch "$VOLUME"/in/file
$HUTCH exec test sh -c 'mount -t tmpfs out /vol/out; ! [ -e /vol/in/file ] || echo in'
if grep -q " $VOLUME/out " /proc/self/mountinfo; then echo out; umount "$VOLUME"/out; fi
umount "$VOLUME"/in
diff "$VOLUME"/before /proc/self/mountinfo | sed 's/^/LEFT /'
$HUTCH exec test cat /proc/self/mountinfo
"""

Host = Callable[..., list[str]]


@pytest.fixture
def host(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> Host:
    """host(propagation, *options): the output of HOST for a container with these."""
    volume = tmp_path / "volume"
    volume.mkdir()

    def runs(propagation: str, *options: str, flags: str = "") -> list[str]:
        config = bundle.args("sleep", "1000").config
        if propagation:
            config["linux"]["rootfsPropagation"] = propagation
        config["mounts"].append(
            {"destination": "/vol", "source": str(volume), "options": ["rbind", *options]}
        )
        config["process"]["capabilities"] = {
            name: ["CAP_SYS_ADMIN"] for name in ("bounding", "effective", "permitted")
        }
        config["root"]["readonly"] = False
        config["linux"].pop("seccomp", None)
        bundle.save()
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-euc", HOST],
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "HUTCH": f"{hutch.command} --root {hutch.root}",
                "BUNDLE": str(bundle.path),
                "ROOTFS": str(bundle.rootfs),
                "VOLUME": str(volume),
                "FLAGS": flags,
            },
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return runs


def ways(lines: list[str]) -> list[str]:
    return [line for line in lines if len(line) < 4 or line.startswith("LEFT")]


def peers(lines: list[str], place: str) -> list[str]:
    """The optional fields of a mount, without their numbers."""
    (fields,) = [line.split() for line in lines if line.split()[4:5] == [place]]
    return [field.partition(":")[0] for field in fields[6 : fields.index("-")]]


@pytest.mark.parametrize(
    ("propagation", "option", "expected", "root"),
    [
        ("shared", "rshared", ["in", "out"], ["shared"]),
        ("rshared", "rshared", ["in", "out"], ["shared"]),
        ("rshared", "shared", ["in", "out"], ["shared"]),
        ("rshared", "rslave", ["in"], ["shared"]),
        ("rshared", "rprivate", [], ["shared"]),
        ("slave", "rshared", ["in", "out"], ["master"]),
        ("private", "rshared", ["in", "out"], []),
        ("unbindable", "rshared", ["in", "out"], ["unbindable"]),
        ("rslave", "rshared", ["in"], ["master"]),
        ("", "rshared", ["in"], []),
        ("", "rslave", ["in"], []),
        ("rprivate", "rshared", [], []),
        ("runbindable", "rshared", [], ["unbindable"]),
    ],
)
@pytest.mark.parametrize("flags", ["", "--no-pivot"])
def test_what_is_mounted_on_a_volume_shows_where_it_is_shared(
    host: Host, propagation: str, option: str, expected: list[str], root: list[str], flags: str
) -> None:
    lines = host(propagation, option, flags=flags)
    assert ways(lines) == expected
    assert peers(lines, "/") == root


def test_without_an_option_a_volume_receives_what_the_host_mounts(host: Host) -> None:
    lines = host("")
    assert ways(lines) == ["in"]
    assert peers(lines, "/vol") == ["master"]
    assert peers(lines, "/") == []
    assert peers(lines, "/proc") == []


def test_a_rootfs_below_its_mount_leaves_nothing_on_the_host(host: Host, bundle: Bundle) -> None:
    """The rootfs may be on the root mount of the host."""
    (bundle.rootfs / "inner").mkdir()
    for name in ("bin", "etc", "proc", "dev", "sys"):
        (bundle.rootfs / name).rename(bundle.rootfs / "inner" / name)
    bundle.config["root"]["path"] = "rootfs/inner"
    lines = host("rshared", "rshared")
    assert ways(lines) == ["in", "out"]
    assert peers(lines, "/") == ["shared"]
