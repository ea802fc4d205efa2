"""linux.cgroupsPath to directories, on each kind of host."""

import json

import pytest
from hutch.errors import ConfigError, UsageError
from hutch.plan.cgroup_paths import Cgroup, below, resolve, wants_ownership
from hutch.plan.host import CgroupLayout

V1 = CgroupLayout(
    "hybrid",
    {
        "cpu": "/sys/fs/cgroup/cpu,cpuacct",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
        "memory": "/sys/fs/cgroup/memory",
        "name=systemd": "/sys/fs/cgroup/systemd",
    },
    "/sys/fs/cgroup/unified",
    {"cpu": "/", "cpuacct": "/", "memory": "/jobs/7", "name=systemd": "/user.slice", "": "/"},
    frozenset({"cpu", "cpuacct", "memory"}),
)


def v2(own: str) -> CgroupLayout:
    return CgroupLayout("v2", {}, "/sys/fs/cgroup", {"": own}, frozenset({"cpu", "memory"}))


def test_an_absolute_path_counts_from_the_root_of_every_hierarchy() -> None:
    cgroup = resolve("/pod/one", "id", V1)
    assert cgroup.directories == {
        "cpu": "/sys/fs/cgroup/cpu,cpuacct/pod/one",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/pod/one",
        "memory": "/sys/fs/cgroup/memory/pod/one",
        "name=systemd": "/sys/fs/cgroup/systemd/pod/one",
        "": "/sys/fs/cgroup/unified/pod/one",
    }
    assert cgroup.made == []


def test_controllers_mounted_together_are_one_leaf() -> None:
    assert resolve("/x", "id", V1).leaves() == [
        "/sys/fs/cgroup/cpu,cpuacct/x",
        "/sys/fs/cgroup/memory/x",
        "/sys/fs/cgroup/systemd/x",
        "/sys/fs/cgroup/unified/x",
    ]


@pytest.mark.parametrize(
    ("path", "inner"), [("a/b", "/a/b"), (None, "/hutch/id"), ("", "/hutch/id")]
)
def test_on_v1_relative_and_default_paths_count_from_the_callers_own_cgroup(
    path: str | None, inner: str
) -> None:
    directories = resolve(path, "id", V1).directories
    assert directories["memory"] == "/sys/fs/cgroup/memory/jobs/7" + inner
    assert directories["name=systemd"] == "/sys/fs/cgroup/systemd/user.slice" + inner
    assert directories["cpu"] == "/sys/fs/cgroup/cpu,cpuacct" + inner


@pytest.mark.parametrize(
    ("own", "path"),
    [
        ("/", "/sys/fs/cgroup/a"),
        ("/one", "/sys/fs/cgroup/a"),
        ("/user.slice/session.scope", "/sys/fs/cgroup/user.slice/a"),
    ],
)
def test_on_v2_a_relative_path_stands_beside_the_caller(own: str, path: str) -> None:
    assert resolve("a", "id", v2(own)).directories == {"": path}


def test_on_v2_the_default_is_the_id_at_the_root_and_beside_a_caller_without_root() -> None:
    own = v2("/user.slice/session.scope")
    assert resolve(None, "id", own).directories == {"": "/sys/fs/cgroup/hutch/id"}
    rootless = resolve(None, "id", own, rootless=True)
    assert rootless.directories == {"": "/sys/fs/cgroup/user.slice/hutch/id"}


def test_a_host_without_cgroups_gives_no_directories() -> None:
    none = CgroupLayout("none", {}, "", {}, frozenset())
    assert resolve("/a", "id", none).directories == {}


@pytest.mark.parametrize("path", ["//a/./b//", "/a/b", "/a/b/."])
def test_empty_components_do_not_count(path: str) -> None:
    assert resolve(path, "id", v2("/")).directories == {"": "/sys/fs/cgroup/a/b"}


@pytest.mark.parametrize(
    "path",
    ["..", "/..", "/a/../b", "a/..", "../../etc", "/", ".", "./", "a\0b", "a\nb", "/" + "x" * 256],
)
def test_a_path_that_is_no_place_for_a_container_is_refused(path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(path, "id", V1)
    assert caught.value.pointer == "linux.cgroupsPath"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "path",
    ["system.slice:docker:id", ":crio:id", "a:b:c", "/system.slice:a:b", "a.slice:b:c:d"],
)
def test_the_form_of_the_systemd_driver_is_a_path_like_any_other(path: str) -> None:
    assert resolve(path, "id", v2("/")).directories[""].endswith(path)


def test_a_cgroup_survives_the_state_file() -> None:
    cgroup = resolve("/a", "id", V1)
    cgroup.made = ["/sys/fs/cgroup/memory/a"]
    again = Cgroup.from_json(json.loads(json.dumps(cgroup.to_json())))
    assert (again.mode, again.directories, again.made) == (
        cgroup.mode,
        cgroup.directories,
        cgroup.made,
    )


def test_a_sub_cgroup_lies_below_the_container_in_every_hierarchy() -> None:
    inside = below(resolve("/a", "id", V1), ["sub/deep"])
    assert inside.directories["memory"] == "/sys/fs/cgroup/memory/a/sub/deep"
    assert inside.directories[""] == "/sys/fs/cgroup/unified/a/sub/deep"
    assert below(resolve("/a", "id", V1), ["/"]).leaves() == resolve("/a", "id", V1).leaves()


def test_a_sub_cgroup_may_be_for_some_controllers_and_the_rest_stays_in_the_containers() -> None:
    inside = below(resolve("/a", "id", V1), ["cpu,memory:sub", "name=systemd:/other"])
    assert inside.directories == {
        "cpu": "/sys/fs/cgroup/cpu,cpuacct/a/sub",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/a",
        "memory": "/sys/fs/cgroup/memory/a/sub",
        "name=systemd": "/sys/fs/cgroup/systemd/a/other",
        "": "/sys/fs/cgroup/unified/a",
    }


@pytest.mark.parametrize("place", ["hugetlb:sub", ":sub", "cpu,:sub"])
def test_a_sub_cgroup_of_an_unknown_controller_is_refused(place: str) -> None:
    with pytest.raises(UsageError, match="no such controller"):
        below(resolve("/a", "id", V1), [place])


@pytest.mark.parametrize("path", ["..", "../other", "/../..", "sub/../../other", "cpu:.."])
def test_s35_a_sub_cgroup_cannot_leave_the_container(path: str) -> None:
    with pytest.raises(UsageError):
        below(resolve("/a", "id", V1), [path])


MOUNT = {"source": "cgroup", "destination": "/sys/fs/cgroup", "type": "cgroup", "options": ["rw"]}


def test_the_containers_user_owns_the_cgroup_if_it_is_in_a_new_namespace_and_writable() -> None:
    new = {"namespaces": [{"type": "cgroup"}]}
    assert wants_ownership(new, [MOUNT])
    assert not wants_ownership(new, [{**MOUNT, "options": ["ro"]}])
    assert not wants_ownership(new, [{**MOUNT, "destination": "/sys"}])
    assert not wants_ownership(new, [])
    assert not wants_ownership({}, [MOUNT])
    joined = {"namespaces": [{"type": "cgroup", "path": "/proc/1/ns/cgroup"}]}
    assert not wants_ownership(joined, [MOUNT])
