"""Forty broken bundles. Each is one change of a config that works, and the words to be named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

Config = dict[str, Any]
Change = Callable[[Config, Path], object]


class Case(NamedTuple):
    """A case. ``change`` changes the config; it may change the root file system at the path too.
    ``words`` are regular expressions that a message must have, all of them; ``wrap`` is a command
    that runs the runtime; ``quiet``: the container's own failure is not an error of the runtime;
    ``raw`` changes the text of config.json."""

    name: str
    change: Change
    words: tuple[str, ...]
    wrap: tuple[str, ...] = ()
    quiet: bool = False
    raw: Callable[[str], str] | None = None


def mount(config: Config, **entry: Any) -> None:
    config["mounts"].append(entry)


def drop(config: Config, kind: str) -> None:
    """The container has no namespace of this kind."""
    spaces = config["linux"]["namespaces"]
    config["linux"]["namespaces"] = [one for one in spaces if one["type"] != kind]


def user_namespace(config: Config, **changes: Any) -> None:
    config["linux"]["namespaces"].append({"type": "user"})
    for field in ("uidMappings", "gidMappings"):
        config["linux"][field] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    config["linux"].update(changes)


def unmapped(config: Config, _: Path) -> None:
    user_namespace(config)
    config["process"]["user"]["uid"] = 4000


def names_of_the_host(config: Config, _: Path) -> None:
    drop(config, "uts")
    config["hostname"] = "box"


def process(**fields: Any) -> Change:
    return lambda c, _: c["process"].update(fields)


def linux(**fields: Any) -> Change:
    return lambda c, _: c["linux"].update(fields)


def resources(**fields: Any) -> Change:
    return lambda c, _: c["linux"].setdefault("resources", {}).update(fields)


BROKEN = [
    Case("ociVersion of another major version", lambda c, _: c.update(ociVersion="2.0.0"),
         (r"ociVersion|2\.0\.0",)),
    Case("root without path", lambda c, _: c.update(root={"readonly": True}),
         (r"root\W*path|'path'",)),
    Case("root.readonly is a text", lambda c, _: c["root"].update(readonly="yes"),
         (r"readonly",)),
    Case("mount without destination", lambda c, _: mount(c, type="tmpfs", source="tmpfs"),
         (r"destination",)),
    Case("mount options as one text",
         lambda c, _: mount(c, destination="/tmp", type="tmpfs", options="ro,nosuid"),
         (r"options",)),
    Case("mount without type", lambda c, _: mount(c, destination="/tmp", source="tmpfs"),
         (r"mounts?\W.*type|type.*mount",)),
    Case("mount below a file",
         lambda c, _: mount(c, destination="/etc/passwd/x", type="tmpfs", source="tmpfs"),
         (r"mounts?\[|destination|/?etc/passwd/x",)),
    Case("mount below /proc",
         lambda c, _: mount(c, destination="/proc/sys", type="tmpfs", source="tmpfs"),
         (r"/?proc/sys",)),
    Case("unknown file system",
         lambda c, _: mount(c, destination="/tmp", type="tmpsf", source="tmpfs"),
         (r"tmpsf",)),
    Case("wrong value of a mount option",
         lambda c, _: c["mounts"][0].update(options=["hidepid=9"]),
         (r"hidepid",)),
    Case("process without cwd", lambda c, _: c["process"].pop("cwd"), (r"\bcwd\b",)),
    Case("process with no args", process(args=[]), (r"\bargs\b",)),
    Case("env entry without value", process(env=["PATH=/bin", "JUSTANAME"]),
         (r"\benv\b|JUSTANAME",)),
    Case("negative uid", lambda c, _: c["process"]["user"].update(uid=-5), (r"\buid\b",)),
    Case("user that is not mapped", unmapped,
         (r"\buid\b|\b4000\b",)),
    Case("soft limit above the hard one",
         process(rlimits=[{"type": "RLIMIT_CORE", "soft": 9, "hard": 3}]),
         (r"RLIMIT_CORE|rlimits",)),
    Case("the same rlimit twice",
         process(rlimits=[{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}] * 2),
         (r"RLIMIT_CORE|rlimits",)),
    Case("oomScoreAdj out of range", process(oomScoreAdj=2000), (r"oom_?score_?adj",)),
    Case("unknown scheduler", process(scheduler={"policy": "SCHED_FIFOO"}),
         (r"scheduler|SCHED_FIFOO",)),
    Case("unknown class of I/O priority",
         process(ioPriority={"class": "IOPRIO_CLASS_LOW", "priority": 1}),
         (r"ioPriority|IOPRIO_CLASS_LOW",)),
    Case("capabilities as a list", process(capabilities=["CAP_KILL"]), (r"capabilities",)),
    Case("terminal without devpts",
         lambda c, _: (c["process"].update(terminal=True),
                       c.update(mounts=[m for m in c["mounts"] if m["type"] != "devpts"])),
         (r"terminal|devpts",)),
    Case("hostname without uts namespace", names_of_the_host,
         (r"hostname",)),
    Case("hostname that is too long", lambda c, _: c.update(hostname="h" * 80), (r"hostname",)),
    Case("the same namespace twice",
         lambda c, _: c["linux"]["namespaces"].append({"type": "ipc"}),
         (r"namespace|\bns\b", r"\bipc\b|duplicate")),
    Case("unknown type of namespace",
         lambda c, _: c["linux"]["namespaces"].append({"type": "network2"}),
         (r"network2",)),
    Case("id mappings without user namespace",
         linux(uidMappings=[{"containerID": 0, "hostID": 1, "size": 1}]),
         (r"uidMappings|user.namespace",)),
    Case("device with a relative path",
         linux(devices=[{"path": "x", "type": "c", "major": 1, "minor": 3}]),
         (r"devices?\W.*path|path.*device",)),
    Case("access of a device that is none",
         resources(devices=[{"allow": True, "access": "rxw"}]),
         (r"access|\brxw\b",)),
    Case("swap below the memory limit",
         resources(memory={"limit": 1 << 28, "swap": 1 << 26}),
         (r"swap|memsw",)),
    Case("cpu period that is too short", resources(cpu={"period": 10, "quota": 2000}),
         (r"period",)),
    Case("list of CPUs that is none", resources(cpu={"cpus": "zero"}), (r"cpus|zero",)),
    Case("size of huge pages in other letters",
         resources(hugepageLimits=[{"pageSize": "2Mb", "limit": 0}]),
         (r"hugepage|hugetlb|pageSize|2Mb",)),
    Case("pids limit as a text", resources(pids={"limit": "many"}),
         (r"pids",)),
    Case("unknown seccomp action", linux(seccomp={"defaultAction": "SCMP_ACT_DENY"}),
         (r"SCMP_ACT_DENY|defaultAction",)),
    Case("errno for an action that has none",
         linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
             {"names": ["chmod"], "action": "SCMP_ACT_KILL", "errnoRet": 7}]}),
         (r"errnoRet|errno value",)),
    Case("unknown propagation of the root", linux(rootfsPropagation="sharred"),
         (r"rootfsPropagation|sharred",)),
    Case("hook with a relative path",
         lambda c, _: c.update(hooks={"createRuntime": [{"path": "sbin/hook"}]}),
         (r"sbin/hook|createRuntime",)),
    Case("cgroupsPath that leads out", linux(cgroupsPath="/a/../../b"),
         (r"cgroupsPath|\.\./",)),
    Case("comma after the last entry", lambda c, _: None,
         (r"line \d+|offset \d+|config\.json:\d+",),
         raw=lambda text: text.rstrip()[:-1] + ",\n}\n"),
]  # fmt: skip
