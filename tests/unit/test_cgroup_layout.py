"""The host's cgroup layout from mountinfo and /proc/self/cgroup."""

import pytest
from hutch.cgroups.layout import parse

TMPFS = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
HYBRID = (
    TMPFS
    + "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    + "35 31 0:32 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
    + "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
    + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
)
HYBRID_OWN = "9:name=systemd:/user.slice\n4:memory:/a:b/c\n1:cpu,cpuacct:/\n0::/init.scope\n"
UNIFIED = "31 23 0:26 / /sys/fs/cgroup rw shared:5 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_a_hybrid_host() -> None:
    layout = parse(HYBRID, HYBRID_OWN)
    assert layout.mode == "hybrid"
    assert layout.hierarchies == {
        "cpu": "/sys/fs/cgroup/cpu,cpuacct",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
        "memory": "/sys/fs/cgroup/memory",
        "name=systemd": "/sys/fs/cgroup/systemd",
    }
    assert layout.unified == "/sys/fs/cgroup/unified"
    assert layout.own == {
        "cpu": "/",
        "cpuacct": "/",
        "memory": "/a:b/c",
        "name=systemd": "/user.slice",
        "": "/init.scope",
    }
    assert layout.controllers == {"cpu", "cpuacct", "memory"}


def test_v1_without_a_unified_tree() -> None:
    lines = [line for line in HYBRID.splitlines(keepends=True) if "cgroup2" not in line]
    layout = parse("".join(lines), HYBRID_OWN)
    assert (layout.mode, layout.unified) == ("v1", "")
    assert "" not in layout.own


def test_a_unified_host() -> None:
    layout = parse(UNIFIED, "0::/system.slice/x.service\n")
    assert (layout.mode, layout.unified, layout.hierarchies) == ("v2", "/sys/fs/cgroup", {})
    assert layout.own == {"": "/system.slice/x.service"}


def test_a_v1_hierarchy_beside_a_unified_host_does_not_make_it_hybrid() -> None:
    """Some programs mount net_cls for themselves."""
    extra = "99 31 0:77 / /opt/vpn/net_cls rw - cgroup net_cls rw,net_cls\n"
    layout = parse(extra + UNIFIED, "5:net_cls:/\n0::/x\n")
    assert (layout.mode, layout.hierarchies) == ("v2", {})


def test_a_unified_tree_mounted_elsewhere() -> None:
    layout = parse(UNIFIED.replace("/sys/fs/cgroup", "/cg"), "0::/x\n")
    assert (layout.mode, layout.unified) == ("v2", "/cg")


def test_no_cgroups_at_all() -> None:
    assert parse("22 1 8:1 / / rw - ext4 /dev/root rw\n", "0::/\n").mode == "none"


@pytest.mark.parametrize(
    ("root", "own", "seen"),
    [
        ("/docker/abc", "/docker/abc", "/"),
        ("/docker/abc", "/docker/abc/sub", "/sub"),
        ("/docker/abc", "/docker/abcd", "/"),
        ("/", "/../../outside", "/"),
        ("/", "/", "/"),
    ],
)
def test_a_mount_may_show_a_part_of_the_hierarchy(root: str, own: str, seen: str) -> None:
    line = f"41 31 0:38 {root} /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
    assert parse(line, f"0::{own}\n").own == {"": seen}


def test_the_usual_mount_point_wins_over_others() -> None:
    other = "50 31 0:32 / /mnt/memory rw - cgroup cgroup rw,memory\n"
    for text in (other + HYBRID, HYBRID + other):
        assert parse(text, HYBRID_OWN).hierarchies["memory"] == "/sys/fs/cgroup/memory"


def test_blanks_in_mount_points_are_decoded() -> None:
    line = "41 31 0:38 / /my\\040cgroups\\134x rw - cgroup2 cgroup rw\n"
    assert parse(line, "0::/\n").unified == "/my cgroups\\x"
