"""Fields of the config that take more than the machine of tests/container may give.

Run there too, for other kernels do these things otherwise; and what takes CAP_SYS_RESOURCE, or
cgroups delegated to a user.
"""

import json
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.container.test_copy_up import (
    image,
    test_a_copy_can_be_read_only,
    test_a_plain_tmpfs_has_the_mode_of_the_directory_as_with_runc,
    test_a_tmpfs_gets_the_files_that_it_covers,
)
from tests.container.test_devices import (
    test_in_a_user_namespace_the_hosts_device_is_bound_at_any_path,
)
from tests.container.test_idmapped_mounts import (
    source,
    test_a_mount_has_a_mapping_of_its_own,
    test_a_new_file_system_can_be_mapped_if_the_kernel_supports_it,
    test_a_user_namespaces_mapping_serves_a_mount_without_one,
)
from tests.container.test_net_devices import (
    device,
    test_a_device_moves_with_its_permanent_global_addresses_and_is_up,
    test_a_template_is_a_name_that_is_free,
    test_devices_in_a_user_namespace,
)
from tests.container.test_rootless import (
    UID,
    User,
    test_a_time_namespace_and_its_offsets_are_the_users_too,
    test_ranges_of_ids_are_mapped_by_newuidmap_and_newgidmap,
    test_the_verbs_work_without_root,
    user,
)
from tests.container.test_scheduling import (
    started,
    test_a_memory_policy_is_the_containers_also_for_an_exec,
    test_an_io_priority_also_of_an_exec,
    test_the_cpu_affinity_of_the_caller_does_not_apply_to_the_container,
)
from tests.container.test_time_namespace import (
    test_a_container_has_its_own_clocks_and_so_has_an_exec,
    test_a_time_namespace_in_a_user_namespace,
    test_a_time_namespace_is_joined_by_path,
)
from tests.support.containers import Bundle, Outcome, Runtime

pytestmark = [pytest.mark.root, pytest.mark.vm]

Run = Callable[..., Outcome]
DELEGATED = Path("/sys/fs/cgroup/hutch-delegated")


def test_a_limit_above_the_callers_own(run: Run, bundle: Bundle) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 2000))
    try:
        bundle.config["process"]["rlimits"] = [
            {"type": "RLIMIT_NOFILE", "soft": 3000, "hard": min(4000, hard)}
        ]
        assert run("ulimit -Sn; ulimit -Hn").lines == ["3000", str(min(4000, hard))]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_an_oom_score_below_the_callers_own(run: Run, bundle: Bundle) -> None:
    bundle.config["process"]["oomScoreAdj"] = -500
    assert run("cat /proc/self/oom_score_adj").lines == ["-500"]


@pytest.mark.parametrize("policy", ["SCHED_FIFO", "SCHED_RR"])
def test_real_time_policies(hutch: Runtime, bundle: Bundle, policy: str) -> None:
    bundle.config["process"]["scheduler"] = {"policy": policy, "priority": 10}
    pid = started(hutch, bundle)
    assert os.sched_getscheduler(pid) == getattr(os, policy)
    assert os.sched_getparam(pid).sched_priority == 10


def test_the_deadline_policy(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["process"]["scheduler"] = {
        "policy": "SCHED_DEADLINE", "runtime": 1_000_000, "deadline": 50_000_000,
        "period": 100_000_000, "flags": ["SCHED_FLAG_RECLAIM"],
    }  # fmt: skip
    assert os.sched_getscheduler(started(hutch, bundle)) == 6


@pytest.fixture
def owner(user: User) -> Iterator[User]:
    """The user, in a cgroup below one that was delegated to him."""
    own = DELEGATED / "own"
    own.mkdir(parents=True)
    for path in (DELEGATED, own):
        os.chown(path, UID, UID)
        for name in ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
            os.chown(path / name, UID, UID)
    user.before = ["sh", "-c", f'echo $$ > {own}/cgroup.procs; exec "$@"', "sh"]
    yield user
    for id in user.ids():
        user("delete", "--force", id, check=False)
    for path in (own, DELEGATED / "hutch", DELEGATED):
        if path.exists():
            path.rmdir()


def limited(user: User, **resources: Any) -> None:
    config = user.config("sleep", "1000")
    config["linux"]["resources"] = resources
    user.save(config)


def test_without_root_limits_hold_where_cgroups_are_delegated(owner: User) -> None:
    limited(owner, memory={"limit": 64 << 20}, pids={"limit": 20})
    owner("run", "--detach", "test")
    cgroup = DELEGATED / "hutch" / "test"
    assert (cgroup / "memory.max").read_text() == f"{64 << 20}\n"
    assert (cgroup / "pids.max").read_text() == "20\n"
    pid = json.loads(owner("state", "test").out)["pid"]
    assert str(pid) in (cgroup / "cgroup.procs").read_text().split()
    assert owner("exec", "test", "cat", "/proc/self/cgroup").out.strip() in ("0::/", f"0::{cgroup}")
    owner("pause", "test")
    assert json.loads(owner("state", "test").out)["status"] == "paused"
    owner("resume", "test")
    owner("update", "--memory", str(128 << 20), "test")
    assert (cgroup / "memory.max").read_text() == f"{128 << 20}\n"
    assert json.loads(owner("events", "--stats", "test").out)["data"]["pids"]["limit"] == 20
    assert len(json.loads(owner("ps", "--format", "json", "test").out)) == 1
    owner("kill", "--all", "test", "KILL")
    owner("delete", "--force", "test")
    assert not cgroup.exists()


def test_without_root_and_delegation_limits_are_refused(user: User) -> None:
    limited(user, memory={"limit": 64 << 20})
    error = user.refused("run", "test")
    assert "linux.cgroupsPath: make the cgroup /sys/fs/cgroup/" in error
    assert "a caller without root needs a delegated cgroup" in error
    limited(user)
    user("run", "--detach", "test")
    assert user("exec", "test", "id", "-u").out == "0\n"


__all__ = [
    "device",
    "image",
    "source",
    "test_a_container_has_its_own_clocks_and_so_has_an_exec",
    "test_a_copy_can_be_read_only",
    "test_a_device_moves_with_its_permanent_global_addresses_and_is_up",
    "test_a_memory_policy_is_the_containers_also_for_an_exec",
    "test_a_mount_has_a_mapping_of_its_own",
    "test_a_new_file_system_can_be_mapped_if_the_kernel_supports_it",
    "test_a_plain_tmpfs_has_the_mode_of_the_directory_as_with_runc",
    "test_a_template_is_a_name_that_is_free",
    "test_a_time_namespace_and_its_offsets_are_the_users_too",
    "test_a_time_namespace_in_a_user_namespace",
    "test_a_time_namespace_is_joined_by_path",
    "test_a_tmpfs_gets_the_files_that_it_covers",
    "test_a_user_namespaces_mapping_serves_a_mount_without_one",
    "test_an_io_priority_also_of_an_exec",
    "test_devices_in_a_user_namespace",
    "test_in_a_user_namespace_the_hosts_device_is_bound_at_any_path",
    "test_ranges_of_ids_are_mapped_by_newuidmap_and_newgidmap",
    "test_the_cpu_affinity_of_the_caller_does_not_apply_to_the_container",
    "test_the_verbs_work_without_root",
    "user",
]
