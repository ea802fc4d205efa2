"""update: every flag and the file, seen in the files of the container's cgroup."""

import json
from pathlib import Path

import pytest
from hutch.cgroups import layout

from tests.support.containers import Bundle, Runtime
from tests.support.leftovers import CGROUPS

pytestmark = [
    pytest.mark.root,
    pytest.mark.usefixtures("no_traces"),
    pytest.mark.skipif(layout.read().mode == "v2", reason="these are the files of cgroup v1"),
]


@pytest.fixture
def limited(hutch: Runtime, bundle: Bundle) -> str:
    """A sleeping container with some limits."""
    bundle.config["linux"]["resources"] |= {
        "memory": {"limit": 64 << 20, "swap": 128 << 20},
        "cpu": {"quota": 20000, "period": 100000},
        "pids": {"limit": 50},
    }
    bundle.args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(bundle.path), "limited")
    return "limited"


def value(controller: str, file: str) -> str:
    """The content of a file of the only cgroup of this session in a hierarchy."""
    (found,) = Path("/sys/fs/cgroup").glob(f"{controller}/{CGROUPS}/*/{file}")
    return found.read_text().strip()


FLAGS = [
    ("--memory", "100M", "memory", "memory.limit_in_bytes", str(100 << 20)),
    ("--memory", "104857600", "memory", "memory.limit_in_bytes", "104857600"),
    ("--memory-reservation", "32m", "memory", "memory.soft_limit_in_bytes", str(32 << 20)),
    ("--memory-swap", "256MiB", "memory", "memory.memsw.limit_in_bytes", str(256 << 20)),
    ("--cpu-period", "50000", "cpu", "cpu.cfs_period_us", "50000"),
    ("--cpu-quota", "30000", "cpu", "cpu.cfs_quota_us", "30000"),
    ("--cpu-quota", "-1", "cpu", "cpu.cfs_quota_us", "-1"),
    ("--cpu-burst", "10000", "cpu", "cpu.cfs_burst_us", "10000"),
    ("--cpu-share", "2000", "cpu", "cpu.shares", "2000"),
    ("--cpu-idle", "1", "cpu", "cpu.idle", "1"),
    ("--cpu-rt-period", "900000", "cpu", "cpu.rt_period_us", "900000"),
    ("--cpuset-cpus", "0", "cpuset", "cpuset.cpus", "0"),
    ("--cpuset-mems", "0", "cpuset", "cpuset.mems", "0"),
    ("--pids-limit", "10", "pids", "pids.max", "10"),
    ("--pids-limit", "-1", "pids", "pids.max", "max"),
    ("--pids-limit", "0", "pids", "pids.max", "0"),
]


def test_each_flag_changes_its_limit_and_no_other(hutch: Runtime, limited: str) -> None:
    for flag, given, controller, file, wanted in FLAGS:
        hutch("update", flag, given, limited)
        assert value(controller, file) == wanted, flag
    assert value("memory", "memory.limit_in_bytes") == "104857600"
    assert value("cpu", "cpu.cfs_period_us") == "50000"


def test_flags_may_follow_the_id_and_go_together(hutch: Runtime, limited: str) -> None:
    hutch("update", limited, "--pids-limit=7", "--memory", "32M", "--memory-swap=-1")
    assert value("pids", "pids.max") == "7"
    assert value("memory", "memory.limit_in_bytes") == str(32 << 20)
    assert int(value("memory", "memory.memsw.limit_in_bytes")) > 1 << 60


def test_cpu_rt_runtime_is_written_or_the_error_is_the_kernels(
    hutch: Runtime, bundle: Bundle, limited: str
) -> None:
    # The parent limits it: its runtime is 0 unless it was set.
    error = hutch.refuses("update", "--cpu-rt-runtime", "1000", limited)
    assert error.startswith("hutch: --cpu-rt-runtime: ")
    assert "cpu.rt_runtime_us" in error
    # It is removed with its last container.
    Path(f"/sys/fs/cgroup/cpu/{CGROUPS}/cpu.rt_runtime_us").write_text("2000")
    hutch("update", "--cpu-rt-runtime", "1000", limited)
    assert value("cpu", "cpu.rt_runtime_us") == "1000"


def test_blkio_weight_is_written_where_the_host_has_it(hutch: Runtime, limited: str) -> None:
    (folder,) = Path("/sys/fs/cgroup/blkio").glob(f"{CGROUPS}/*/")
    files = [name for name in ("blkio.bfq.weight", "blkio.weight") if (folder / name).exists()]
    if files:
        hutch("update", "--blkio-weight", "300", limited)
        assert "300" in (folder / files[0]).read_text()
    else:
        error = hutch.refuses("update", "--blkio-weight", "300", limited)
        assert error.startswith("hutch: --blkio-weight: ")


@pytest.mark.parametrize("place", ["file", "stdin"])
def test_resources_from_a_file_or_stdin_as_docker_sends_them(
    place: str, hutch: Runtime, limited: str, tmp_path: Path
) -> None:
    path = tmp_path / "resources.json"
    path.write_text(
        '{"memory":{"limit":104857600,"reservation":0,"swap":209715200,"kernel":0},'
        '"cpu":{"shares":0,"quota":30000,"period":100000},"pids":{"limit":99},'
        '"blockIO":{"weight":0}}'
    )
    with path.open() as given:
        words = ["--resources", str(path)] if place == "file" else ["-r", "-"]
        hutch("update", *words, limited, stdin=given)
    assert value("memory", "memory.limit_in_bytes") == "104857600"
    assert value("memory", "memory.memsw.limit_in_bytes") == "209715200"
    assert value("cpu", "cpu.cfs_quota_us") == "30000"
    assert value("cpu", "cpu.shares") == "1024"
    assert value("pids", "pids.max") == "99"


def test_with_a_file_the_other_flags_are_ignored(
    hutch: Runtime, limited: str, tmp_path: Path
) -> None:
    path = tmp_path / "resources.json"
    path.write_text('{"pids":{"limit":20}}')
    hutch("update", "-r", str(path), "--pids-limit", "30", "--memory", "32M", limited)
    assert value("pids", "pids.max") == "20"
    assert value("memory", "memory.limit_in_bytes") == str(64 << 20)


def test_values_are_written_in_an_order_that_the_kernel_takes(hutch: Runtime, limited: str) -> None:
    for memory, swap in (("300M", "400M"), ("20M", "30M"), ("200M", "200M")):
        hutch("update", "--memory", memory, "--memory-swap", swap, limited)
    for quota, period in (("5000", "10000"), ("400000", "1000000"), ("1000", "1000")):
        hutch("update", "--cpu-quota", quota, "--cpu-period", period, limited)
    assert value("cpu", "cpu.cfs_quota_us") == "1000"


def test_an_update_goes_on_from_the_one_before(hutch: Runtime, bundle: Bundle) -> None:
    bundle.args("sleep", "1000")
    hutch("create", "--bundle", str(bundle.path), "test")
    hutch("update", "--memory", "64M", "test")
    # A limit of swap alone is valid only with the memory limit of the first update.
    hutch("update", "--memory-swap", "96M", "test")
    assert value("memory", "memory.memsw.limit_in_bytes") == str(96 << 20)
    assert hutch.state("test")["status"] == "created"


def test_no_limit_can_follow_any_limit(hutch: Runtime, limited: str) -> None:
    def shown(*names: str) -> list[str]:
        return [value(*name.split("/")) for name in names]

    both = ("memory/memory.limit_in_bytes", "memory/memory.memsw.limit_in_bytes")
    endless = str((1 << 63) - 4096)
    hutch("update", "--memory", "-1", limited)
    assert shown(*both) == [endless, endless]
    hutch("update", "--memory", "32M", "--memory-swap", "48M", limited)
    assert shown(*both) == [str(32 << 20), str(48 << 20)]
    error = hutch.refuses("update", "--memory", "64M", limited)
    assert "the container's present resources: memory.swap = 50331648: counts memory" in error
    hutch("update", "--memory-swap", "-1", limited)
    hutch("update", "--memory-reservation", "-1", "--cpu-quota", "-1", limited)
    hutch("update", "--pids-limit", "-1", limited)
    hutch("update", "--memory", "-1", limited)
    assert shown(*both) == [endless, endless]
    hutch("update", "--memory", "64M", "--memory-swap", "64M", "--cpu-quota", "5000", limited)
    assert shown(*both) == [str(64 << 20), str(64 << 20)]


def test_a_paused_container_stays_paused(hutch: Runtime, limited: str) -> None:
    hutch("pause", limited)
    hutch("update", "--pids-limit", "5", limited)
    assert hutch.state(limited)["status"] == "paused"
    assert value("freezer", "freezer.state") == "FROZEN"
    hutch("resume", limited)


def test_device_rules_change_only_where_the_file_gives_others(
    hutch: Runtime, limited: str, tmp_path: Path
) -> None:
    before = value("devices", "devices.list")
    assert "c 10:229" not in before
    hutch("update", "--pids-limit", "5", limited)
    assert value("devices", "devices.list") == before
    path = tmp_path / "resources.json"
    rules = [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"},
    ]
    path.write_text(json.dumps({"devices": rules}))
    hutch("update", "-r", str(path), limited)
    assert "c 10:229 rw" in value("devices", "devices.list")


def test_what_is_wrong_names_the_flag_or_the_file(
    hutch: Runtime, limited: str, tmp_path: Path
) -> None:
    for flag, given in (
        ("--memory", "much"),
        ("--memory", "-2"),
        ("--cpu-quota", "5"),
        ("--cpu-share", "many"),
        ("--cpu-idle", "2"),
        ("--cpuset-cpus", "zero"),
        ("--cpuset-cpus", "4000"),
        ("--blkio-weight", "5"),
        ("--pids-limit", "99999999999999999999"),
    ):
        assert hutch.refuses("update", flag, given, limited).startswith(f"hutch: {flag}"), given
    path = tmp_path / "resources.json"
    for text, says in (
        ('{"memory":{"limit":"5"}}', f"{path}: memory.limit"),
        ('{"cpu":{"quota":5}}', f"{path}: cpu.quota"),
        ("{", str(path)),
        ("[]", str(path)),
    ):
        path.write_text(text)
        assert says in hutch.refuses("update", "-r", str(path), limited)
    assert "no such file" in hutch.refuses("update", "-r", "/nowhere", limited)
    assert "nothing is given" in hutch.refuses("update", limited)
    assert value("memory", "memory.limit_in_bytes") == str(64 << 20)


def test_a_limit_below_what_is_used_is_refused_where_the_file_asks_for_the_check(
    hutch: Runtime, limited: str, tmp_path: Path
) -> None:
    path = tmp_path / "resources.json"
    path.write_text('{"memory":{"limit":4096,"checkBeforeUpdate":true}}')
    error = hutch.refuses("update", "-r", str(path), limited)
    assert "below the present usage" in error
    assert value("memory", "memory.limit_in_bytes") == str(64 << 20)


def test_an_unknown_container_is_refused(hutch: Runtime) -> None:
    assert "does not exist" in hutch.refuses("update", "--pids-limit", "5", "none")


def test_schemata_take_a_container_with_a_group_of_resctrl(hutch: Runtime, limited: str) -> None:
    error = hutch.refuses("update", "--mem-bw-schema", "MB:0=50", limited)
    assert error == (
        f"hutch: container {limited} is in no group of resctrl "
        "(hint: it has to be created with linux.intelRdt)"
    )
