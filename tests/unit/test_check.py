"""The quick check: what it lets pass, what it refuses, and with which pointer and words."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import hutch
import pytest
from hutch.errors import ConfigError
from hutch.spec import table
from hutch.spec.check import check, check_process, check_resources
from hutch.spec.default import default_config
from hutch.spec.json import decode, encode
from hutch.spec.table import CONFIG

from tests.support.complete_config import complete_config

Config = dict[str, Any]
PACKAGES = Path(hutch.__file__).parents[1]


def changed(path: str, value: Any) -> Config:
    """The complete config with one value put at a path: "process rlimits 0 type"."""
    config: Any = decode(encode(complete_config()).encode(), "config.json")
    *steps, last = [int(step) if step.isdigit() else step for step in path.split()]
    place = config
    for step in steps:
        place = place[step]
    if value is ABSENT:
        del place[last]
    elif isinstance(last, int) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    return config  # type: ignore[no-any-return]


ABSENT = object()


def refusal(call: Callable[[Any], object], value: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        call(value)
    return caught.value


def test_a_config_with_every_field_passes() -> None:
    check(complete_config())


def test_the_complete_config_holds_every_field_of_the_table() -> None:
    missing: list[str] = []

    def look(value: Any, shape: Any, path: str) -> None:
        kind, _, inner, _ = shape
        if kind is list and value:
            merged = value[0] if not isinstance(value[0], dict) else {}
            for item in value:
                if isinstance(item, dict):
                    merged = {**item, **merged}
            look(merged, inner, path + "[]")
        elif kind is dict and isinstance(inner, dict):
            missing.extend(path + "." + name for name in inner if name not in value)
            for name, field in inner.items():
                if field and name in value:
                    look(value[name], field, path + "." + name)
        elif kind is dict:
            look({k: v for d in value.values() if isinstance(d, dict) for k, v in d.items()}
                 if inner[1][0] is dict else "", inner[1], path + "{}")  # fmt: skip

    look(complete_config(), table.CONFIG, "")
    assert missing == []


@pytest.mark.parametrize("rootless", [False, True])
def test_the_default_config_passes(rootless: bool) -> None:
    check(default_config(rootless, cgroup_v2=True, cpus=2))


def test_the_least_that_can_be_said_passes() -> None:
    check({"ociVersion": "1.0.0", "root": {"path": "rootfs"}})


def optional_fields(value: Any, shape: Any, path: str) -> Iterator[str]:
    """The paths of all fields in the complete config that may be left out."""
    if shape and shape[0] is list and value:
        yield from optional_fields(value[0], shape[2], path + " 0")
    elif shape and shape[0] is dict and isinstance(shape[2], dict):
        for name, field in shape[2].items():
            if name in value and name not in shape[3]:
                yield f"{path} {name}".strip()
            if name in value:
                yield from optional_fields(value[name], field, f"{path} {name}".strip())


def mended(path: str, value: Any) -> tuple[Any, list[str]]:
    """What the check makes of a config with a change in it, and its warnings."""
    config = changed(path, value)
    before = deepcopy(config)
    checked, warnings = check(config)
    assert config == before
    return checked, [str(warning) for warning in warnings]


def outcome(config: Any) -> Any:
    """What the check says to a config."""
    try:
        return check(config)
    except ConfigError as error:
        return str(error)


@pytest.mark.parametrize("path", [*optional_fields(complete_config(), CONFIG, "")])
def test_null_for_an_optional_field_is_absence(path: str) -> None:
    assert outcome(changed(path, None)) == outcome(changed(path, ABSENT))


def test_a_config_by_the_book_is_not_copied() -> None:
    config = complete_config()
    checked, warnings = check(config)
    assert checked is config
    assert warnings == []


@pytest.mark.parametrize("path", ["process user", "process user uid", "process user gid"])
def test_who_is_not_named_is_root(path: str) -> None:
    check(changed(path, ABSENT))


def test_the_priority_of_a_class_may_be_left_out() -> None:
    check(changed("process ioPriority", {"class": "IOPRIO_CLASS_BE"}))


def test_an_empty_path_of_a_namespace_is_none() -> None:
    config, warnings = mended("linux namespaces 0 path", "")
    assert not config["linux"]["namespaces"][0]["path"]
    assert warnings == []


def test_letters_of_an_access_that_mean_nothing_are_left_out_with_a_warning() -> None:
    config, (warning,) = mended("linux resources devices 0 access", "xrz")
    assert config["linux"]["resources"]["devices"][0]["access"] == "r"
    assert warning.startswith(
        'config.json: linux.resources.devices[0].access = "xrz": is taken for "r": it must be made'
    )


def test_a_relative_destination_counts_from_the_root_with_a_warning() -> None:
    config, warnings = mended("mounts 0 destination", "a/b")
    assert config["mounts"][0]["destination"] == "/a/b"
    assert warnings == [
        'config.json: mounts[0].destination = "a/b": is taken for "/a/b": it must be an absolute '
        "path"
    ]


def test_upper_and_lower_case_of_names_are_one_with_a_warning() -> None:
    config = default_config()
    config["linux"]["resources"] = {"Memory": {"LIMIT": 5}}
    config["Root"] = config.pop("root")
    checked, warnings = check(config)
    assert checked["linux"]["resources"] == {"memory": {"limit": 5}}
    assert checked["root"] == config["Root"]
    assert sorted(map(str, warnings)) == [
        'config.json: Root: is taken for "root"',
        'config.json: linux.resources.Memory: is taken for "memory"',
        'config.json: linux.resources.memory.LIMIT: is taken for "limit"',
    ]


def test_a_name_in_other_letters_does_not_replace_the_right_one() -> None:
    config, warnings = mended("process user UID", 0)
    assert config["process"]["user"]["uid"] == complete_config()["process"]["user"]["uid"]
    assert warnings == ["config.json: process.user.UID: is not known, and ignored"]


def test_s46_fields_in_another_letter_case_are_checked_too() -> None:
    for path, value in (("ROOT", {"path": "a\0b"}), ("root", {"PATH": ""}), ("root", {"Path": 5})):
        config = default_config()
        config.pop("root", None)
        config[path] = value
        assert refusal(check, config).pointer == "root.path"


def test_a_misspelt_field_is_a_warning_with_the_nearest_name() -> None:
    config, warnings = mended("linux resources", {"memroy": {"limit": 5}})
    assert config["linux"]["resources"] == {}
    assert warnings == [
        "config.json: linux.resources.memroy: is not known, and ignored "
        '(hint: did you mean "memory"?)'
    ]


def test_unknown_properties_are_ignored() -> None:
    for path in ("x", "process x", "linux resources memory x", "mounts 0 x", "hooks x"):
        check(changed(path, {"anything": None}))


def test_a_config_without_process_passes_because_only_start_needs_one() -> None:
    check(changed("process", ABSENT))


@pytest.mark.parametrize("version", ["1.0.0", "1.0.2-dev", "1.3.0+dev", "1.0.0-rc5", "1.12.34"])
def test_any_version_1_of_the_specification_passes(version: str) -> None:
    check(changed("ociVersion", version))


@pytest.mark.parametrize(
    "version",
    ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.00.0", "2.0.0", "0.6.0", "v1.0.0", "1.0.0-", "1.0.0+",
     "1.0.0-01", "1.0.0-a..b", "1.0.x", "1.0.0 ", "1.0.0-ä", "1.٣.0"],
)  # fmt: skip
def test_other_versions_are_refused(version: str) -> None:
    error = refusal(check, changed("ociVersion", version))
    assert error.pointer == "ociVersion"
    assert error.reason == "must be a version 1.x.y of the specification"


WRONG: list[tuple[str, Any, str, str]] = [
    # where, what is put there, the pointer, the reason
    ("ociVersion", ABSENT, "ociVersion", "is required, but missing"),
    ("root", ABSENT, "root", "is required, but missing"),
    ("root path", ABSENT, "root.path", "is required, but missing"),
    ("root path", "", "root.path", "must be a string that is not empty"),
    ("root readonly", "yes", "root.readonly", "must be true or false, not a string"),
    ("mounts 0", None, "mounts[0]", "must be an object, not null"),
    ("root", None, "root", "is required, but missing"),
    ("root path", None, "root.path", "is required, but missing"),
    ("linux sysctl", {"net.x": None}, 'linux.sysctl["net.x"]', "must be a string, not null"),
    ("mounts", {}, "mounts", "must be an array, not an object"),
    ("mounts 0 destination", ABSENT, "mounts[0].destination", "is required, but missing"),
    ("mounts 1 options 1", 3, "mounts[1].options[1]", "must be a string, not a number"),
    ("mounts 1 uidMappings 0 size", 0, "mounts[1].uidMappings[0].size", "must be a whole number"),
    ("process args", "sh", "process.args", "must be an array, not a string"),
    ("process args", [], "process.args", "must have at least one entry"),
    ("process args", ABSENT, "process.args", "is required, but missing"),
    ("process cwd", ABSENT, "process.cwd", "is required, but missing"),
    ("process cwd", "root", "process.cwd", "must be an absolute path"),
    ("process terminal", 1, "process.terminal", "must be true or false, not a number"),
    ("process env 0", "PATH", "process.env[0]", 'must be of the form "NAME=value"'),
    ("process env 0", "=x", "process.env[0]", 'must be of the form "NAME=value"'),
    ("process user uid", True, "process.user.uid", "must be a whole number, not a boolean"),
    ("process user uid", "0", "process.user.uid", "must be a whole number, not a string"),
    ("process user uid", 1.0, "process.user.uid", "must be a whole number, not one with a frac"),
    ("process user umask", 0o1000, "process.user.umask", "must be a whole number from 0 to 511"),
    ("process rlimits 0 type", "RLIMIT_FOO", "process.rlimits[0].type", "must be one of RLIMIT_"),
    ("process rlimits 0 soft", 1 << 64, "process.rlimits[0].soft", "must be a whole number from"),
    ("process rlimits 0 hard", ABSENT, "process.rlimits[0].hard", "is required, but missing"),
    ("process oomScoreAdj", 1001, "process.oomScoreAdj", "must be a whole number from -1000 to"),
    ("process scheduler policy", "SCHED_FAST", "process.scheduler.policy", "must be one of SCHED"),
    ("process ioPriority priority", 8, "process.ioPriority.priority", "must be a whole number"),
    ("process execCPUAffinity final", "3-1", "process.execCPUAffinity.final", "must be a list"),
    ("process capabilities bounding", "all", "process.capabilities.bounding", "must be an array"),
    ("hostname", "a" * 65, "hostname", "must be at most 64 bytes long"),
    ("domainname", "é" * 33, "domainname", "must be at most 64 bytes long"),
    ("hooks poststop 0 path", "hook", "hooks.poststop[0].path", "must be an absolute path"),
    ("hooks prestart 0 timeout", 0, "hooks.prestart[0].timeout", "must be a whole number from 1"),
    ("annotations org.example.key", 1, 'annotations["org.example.key"]', "must be a string"),
    ("linux namespaces 0 type", "net", "linux.namespaces[0].type", "must be one of pid, network"),
    ("linux namespaces 0 path", "ns", "linux.namespaces[0].path", "must be an absolute path"),
    ("linux uidMappings 0 hostID", -1, "linux.uidMappings[0].hostID", "must be a whole number"),
    ("linux timeOffsets real", {}, 'linux.timeOffsets["real"]', "the name must be one of mono"),
    ("linux devices 0 type", "z", "linux.devices[0].type", "must be one of c, b, u, p"),
    ("linux devices 0 path", "fuse", "linux.devices[0].path", "must be an absolute path"),
    ("linux devices 0 major", 4096, "linux.devices[0].major", "must be a whole number from 0 to"),
    ("linux netDevices a/b", {}, 'linux.netDevices["a/b"]', "the name must be the name of a net"),
    ("linux resources devices 0 allow", ABSENT, "linux.resources.devices[0].allow", "is required"),
    ("linux resources devices 0 access", "x", "linux.resources.devices[0].access", "must be made"),
    ("linux resources memory limit", -2, "linux.resources.memory.limit", "must be a whole number"),
    ("linux resources memory limit", "1G", "linux.resources.memory.limit", "must be a whole numb"),
    ("linux resources cpu cpus", "two", "linux.resources.cpu.cpus", 'must be a list such as "0-3'),
    ("linux resources blockIO weight", 65536, "linux.resources.blockIO.weight", "must be a whole"),
    ("linux resources hugepageLimits 0 pageSize", "2mb",
     "linux.resources.hugepageLimits[0].pageSize", "must be a size such as"),
    ("linux resources unified ../x", "1", 'linux.resources.unified["../x"]', "the name must be"),
    ("linux intelRdt closID", "../x", "linux.intelRdt.closID", "must be the name of a directory"),
    ("linux intelRdt memBwSchema", "L3:", "linux.intelRdt.memBwSchema", "must be a single line"),
    ("linux intelRdt schemata 0", "a\nb", "linux.intelRdt.schemata[0]", "must be a single line"),
    ("linux memoryPolicy mode", "BIND", "linux.memoryPolicy.mode", "must be one of MPOL_DEFAULT"),
    ("linux seccomp defaultAction", ABSENT, "linux.seccomp.defaultAction", "is required"),
    ("linux seccomp architectures 0", "x86", "linux.seccomp.architectures[0]", "must be one of"),
    ("linux seccomp syscalls 0 names", [], "linux.seccomp.syscalls[0].names", "must have at least"),
    ("linux seccomp syscalls 0 args 0 index", 6, "linux.seccomp.syscalls[0].args[0].index", "must"),
    ("linux rootfsPropagation", "none", "linux.rootfsPropagation", "must be one of shared, slave"),
    ("linux maskedPaths 0", "proc", "linux.maskedPaths[0]", "must be an absolute path"),
    ("linux personality domain", "BSD", "linux.personality.domain", "must be one of LINUX, LINU"),
    ("linux sysctl net.x", 1, 'linux.sysctl["net.x"]', "must be a string, not a number"),
]  # fmt: skip

AT_ODDS: list[tuple[str, Any, str, str]] = [
    ("linux namespaces 8", {"type": "uts"}, "linux.namespaces[8].type", "stands there twice"),
    ("linux uidMappings 0 hostID", 4294967295, "linux.uidMappings[0].hostID", "65536 ids from he"),
    ("linux gidMappings 1 containerID", 7, "linux.gidMappings[1].containerID", "overlaps with"),
    ("mounts 1 uidMappings", ABSENT, "mounts[1].uidMappings", "is required together with its"),
    ("mounts 1 gidMappings", [], "mounts[1].gidMappings", "is required together with its"),
    ("mounts 1 source", ABSENT, "mounts[1].source", "is required for a bind mount"),
    ("process rlimits 1 type", "RLIMIT_NOFILE", "process.rlimits[1].type", "stands there twice"),
    ("process rlimits 0 soft", 5000, "process.rlimits[0].soft", "is above the hard limit 4096"),
    ("process consoleSize width", 65536, "process.consoleSize.width", "must be at most 65535"),
    ("process scheduler policy", "SCHED_FIFO", "process.scheduler.priority", "must be from 1 to"),
    ("process scheduler policy", "SCHED_IDLE", "process.scheduler.runtime", "is only for SCHED_D"),
    ("process scheduler priority", 1, "process.scheduler.priority", "is only for SCHED_FIFO and"),
    ("process scheduler nice", 1, "process.scheduler.nice", "is only for SCHED_OTHER and"),
    ("process scheduler runtime", 1000, "process.scheduler.runtime", "must be from 1024 to the"),
    ("process scheduler period", 5, "process.scheduler.deadline", "is above the period 5"),
    ("linux devices 0 minor", ABSENT, "linux.devices[0].minor", "is required for a device of typ"),
    ("linux namespaces 7 path", "/x", "linux.timeOffsets", "the time namespace of linux.namespace"),
    ("linux netDevices eth0 name", "eth1", 'linux.netDevices["eth1"].name', '"eth0" gets the same'),
    ("linux memoryPolicy mode", "MPOL_LOCAL", "linux.memoryPolicy.nodes", "MPOL_LOCAL takes no"),
    ("linux memoryPolicy nodes", "", "linux.memoryPolicy.nodes", "MPOL_INTERLEAVE takes at least"),
    ("linux memoryPolicy flags", ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"],
     "linux.memoryPolicy.flags", "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude"),
    ("linux resources memory swap", 5, "linux.resources.memory.swap", "counts memory and swap"),
    ("linux resources cpu quota", 999, "linux.resources.cpu.quota", "must be -1 or at least 1000"),
    ("linux resources cpu period", 999, "linux.resources.cpu.period", "must be from 1000 to"),
    ("linux resources blockIO weight", 9, "linux.resources.blockIO.weight", "must be from 10 to"),
    ("linux resources blockIO weightDevice 0", {"major": 8, "minor": 0},
     "linux.resources.blockIO.weightDevice[0]", "needs weight or leafWeight"),
    ("linux resources rdma mlx5_1", {}, 'linux.resources.rdma["mlx5_1"]', "needs hcaHandles or"),
    ("process user uid", 65536, "process.user.uid", "is not mapped in linux.uidMappings"),
    ("process user gid", 65536, "process.user.gid", "is not mapped in linux.gidMappings"),
    ("process user additionalGids 0", 65536,
     "process.user.additionalGids[0]", "is not mapped in linux.gidMappings"),
    ("process scheduler flags", [], "process.scheduler.policy", "lets the process start no other"),
    ("linux personality flags", ["X"], "linux.personality.flags[0]", "no personality flag is defi"),
    ("linux seccomp listenerPath", ABSENT, "linux.seccomp.listenerMetadata", "is for linux.seccom"),
    ("linux seccomp defaultAction", "SCMP_ACT_ALLOW", "linux.seccomp.defaultErrnoRet", "the actio"),
    ("linux seccomp syscalls 0 action", "SCMP_ACT_LOG",
     "linux.seccomp.syscalls[0].errnoRet", "the action SCMP_ACT_LOG returns no errno"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "pointer", "reason"), WRONG + AT_ODDS)
def test_what_is_wrong_is_named(path: str, value: Any, pointer: str, reason: str) -> None:
    error = refusal(check, changed(path, value))
    assert error.pointer == pointer
    assert error.reason.startswith(reason)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    "field",
    ["hostname", "domainname", "linux.uidMappings", "linux.gidMappings", "linux.netDevices",
     "linux.timeOffsets"],
)  # fmt: skip
def test_what_needs_a_namespace_says_which(field: str) -> None:
    section, _, name = field.rpartition(".")
    value = complete_config()[section][name] if section else complete_config()[name]
    config = default_config()
    config.pop("hostname")
    config["linux"]["namespaces"] = [{"type": "mount"}]
    (config[section] if section else config)[name] = value
    error = refusal(check, config)
    assert error.pointer == field
    assert error.reason.startswith("needs a ")
    assert error.hint.startswith('add {"type": "')
    assert error.hint.endswith("} to linux.namespaces")


def test_an_idmapped_mount_needs_a_mapping_from_somewhere() -> None:
    config = default_config()
    config["mounts"][0]["options"] = ["idmap"]
    assert refusal(check, config).pointer == "mounts[0].options[0]"
    config["linux"]["namespaces"].append({"type": "user", "path": "/proc/1/ns/user"})
    check(config)
    del config["linux"]["namespaces"][-1]["path"]
    assert refusal(check, config).pointer == "linux.namespaces[5]"
    for field in ("uidMappings", "gidMappings"):
        config["linux"][field] = [{"containerID": 0, "hostID": 1000, "size": 1}]
    check(config)


def test_the_console_size_is_ignored_without_a_terminal() -> None:
    config = changed("process consoleSize width", 1 << 20)
    config["process"]["terminal"] = False
    check(config)


@pytest.mark.parametrize(
    "path",
    ["process user uid", "process user gid", "process user additionalGids 0", "linux devices 0 uid",
     "linux devices 0 gid"],
)  # fmt: skip
@pytest.mark.parametrize("value", [-1, (1 << 32) - 1, 1 << 32, 1 << 63])
def test_s09_ids_with_another_meaning_to_the_kernel_are_refused(path: str, value: int) -> None:
    assert refusal(check, changed(path, value)).reason == (
        "must be a whole number from 0 to 4294967294"
    )


def strings_of(value: Any, path: str = "") -> list[str]:
    if isinstance(value, str):
        return [path]
    if isinstance(value, dict):
        return [p for name, item in value.items() for p in strings_of(item, f"{path} {name}")]
    if isinstance(value, list):
        return [p for i, item in enumerate(value) for p in strings_of(item, f"{path} {i}")]
    return []


def test_s46_a_nul_is_refused_in_every_string() -> None:
    paths = strings_of(complete_config())
    assert len(paths) > 80
    for path in paths:
        if path.split()[0] not in ("windows", "solaris", "vm", "zos", "freebsd"):
            config = changed(path, "/a=0\0b")
            assert refusal(check, config).reason == "must not contain a NUL character", path


@pytest.mark.parametrize(
    "path", ["annotations a\0b", "linux sysctl a\0b", "linux resources unified a\0b"]
)
def test_s46_a_nul_is_refused_in_names_that_are_data(path: str) -> None:
    assert refusal(check, changed(path, "x")).reason.startswith("the name must not contain a NUL")


@pytest.mark.parametrize("name", ["", ".", "..", "../memory.max", "a/b", "/memory.max"])
def test_s41_unified_names_are_file_names(name: str) -> None:
    config = complete_config()
    config["linux"]["resources"]["unified"] = {name: "1"}
    assert refusal(check, config).reason == "the name must be the name of a cgroup file"


@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_a_config_that_is_no_object_is_refused(value: Any) -> None:
    assert refusal(check, value).pointer == "document"


def test_a_process_alone_is_checked_like_the_one_in_a_config() -> None:
    check_process(complete_config()["process"])
    process = {"args": ["sh"], "cwd": "/"}
    check_process(process)
    limits = [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}] * 2
    error = refusal(check_process, {**process, "rlimits": limits})
    assert error.pointer == "process.rlimits[1].type"
    assert refusal(check_process, {"args": ["sh"]}).pointer == "process.cwd"
    assert refusal(check_process, None).pointer == "process"


def test_resources_alone_are_checked_like_those_in_a_config() -> None:
    check_resources(complete_config()["linux"]["resources"])
    check_resources({})
    error = refusal(check_resources, {"memory": {"limit": "1G"}})
    assert error.pointer == "linux.resources.memory.limit"


def test_subclasses_of_the_json_types_are_as_good_as_these() -> None:
    class Text(str):
        __slots__ = ()

    class Number(int):
        pass

    config = complete_config()
    config["process"]["cwd"] = Text("/")
    config["process"]["user"]["uid"] = Number(5)
    check(config)


def test_a_good_config_costs_few_steps() -> None:
    """Bytecodes are counted, not time; some 50 for each value of the config."""
    steps = 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal steps
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        steps += event == "opcode"
        return trace

    config = default_config()
    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        check(config)
    finally:
        sys.settrace(previous)
    assert steps < 12_000


def test_loading_imports_nothing_but_builtin_modules_and_hutch() -> None:
    program = (
        "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1]);"
        "import hutch.spec.load, hutch.spec.signal_names, hutch.spec.container_id, "
        "hutch.spec.capabilities;"
        "new = set(sys.modules) - before;"
        "print(*(n for n in new if not n.startswith('hutch') "
        "and n not in sys.builtin_module_names))"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(PACKAGES)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout.split() == []
