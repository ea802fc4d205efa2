"""check --host: what this kernel and host can do, and a verdict for each feature of hutch."""

import os
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Literal

import hutch.container.cold.host_probes as probes
from hutch.cgroups.files import read_or
from hutch.cgroups.layout import read as read_layout
from hutch.cgroups.write_errors import hint_for_making, withheld_controller
from hutch.container.cold.check_kernel import subordinate_ids
from hutch.container.cold.file_systems import is_loadable, of_this_kernel
from hutch.container.masked_file_systems import reason as masked
from hutch.kernel.libseccomp import flag_known, library_version
from hutch.kernel.process import bounding_set
from hutch.plan.host import CgroupLayout
from hutch.spec.capabilities import NAMES, mask

Verdict = Literal["yes", "no", "partly"]
CONTROLLERS = ("cpu", "cpuset", "memory", "pids", "io", "hugetlb", "rdma")
# Options of the kernel's configuration that decide what config.json can ask for.
OPTIONS = (
    "CONFIG_CGROUP_BPF", "CONFIG_BPF_SYSCALL", "CONFIG_CFS_BANDWIDTH", "CONFIG_KEYS",
    "CONFIG_OVERLAY_FS", "CONFIG_POSIX_MQUEUE", "CONFIG_UCLAMP_TASK", "CONFIG_NUMA",
)  # fmt: skip
# Names of controllers on cgroup v1.
OLD_NAMES = {"io": "blkio"}
TOOLS = {
    "newuidmap": "maps ranges of ids for callers without root (Debian: uidmap)",
    "newgidmap": "maps ranges of ids for callers without root (Debian: uidmap)",
    "criu": "checkpoint and restore (Debian: criu)",
    "ps": "hutch ps (Debian: procps)",
    "apparmor_parser": "loads AppArmor profiles (Debian: apparmor)",
    "conmon": "containers of warren (Debian: conmon)",
    "nft": "networks of warren (Debian: nftables)",
    "aardvark-dns": "names in networks of warren (Debian: aardvark-dns)",
}
PACKAGES = {
    "pyroute2": "linux.netDevices",
    "jeepney": "--systemd-cgroup",
    "jsonschema": "hutch check",
}


@dataclass(frozen=True)
class Fact:
    """One fact about the host: ``area`` groups them; ``detail`` says more, or what to do."""

    area: str
    name: str
    verdict: Verdict
    detail: str


@dataclass
class Report:
    """The ``facts`` about a host, and the ``features`` of hutch that follow from them."""

    facts: list[Fact] = field(default_factory=list)
    features: list[Fact] = field(default_factory=list)

    def add(self, area: str, name: str, holds: "bool | Verdict", detail: str = "") -> None:
        verdict: Verdict = ("yes" if holds else "no") if isinstance(holds, bool) else holds
        self.facts.append(Fact(area, name, verdict, detail))

    def feature(self, name: str, problems: "list[str]", *, partly: bool = False) -> None:
        """A feature holds if it has no problems; with ``partly``, the rest of it works."""
        verdict: Verdict = ("partly" if partly else "no") if problems else "yes"
        self.features.append(Fact("feature", name, verdict, "; ".join(problems)))

    def of(self, area: str, name: str) -> Fact:
        return next(fact for fact in self.facts if (fact.area, fact.name) == (area, name))

    def problem(self, area: str, name: str) -> "list[str]":
        """[] if the fact holds, else what to say about it."""
        fact = self.of(area, name)
        said = f"{name}: {fact.detail}" if fact.detail else f"no {name}"
        return [] if fact.verdict == "yes" else [said]

    def is_able(self) -> bool:
        """Whether the caller can run containers here at all."""
        return self.features[0].verdict != "no"


def host_report() -> Report:
    """The report on this host for this caller; nothing is changed."""
    report = Report()
    _kernel(report)
    _caller(report)
    _namespaces(report)
    layout = read_layout()
    _cgroups(report, layout)
    _seccomp(report)
    _security(report)
    _file_systems(report)
    _tools(report)
    _features(report, layout)
    return report


def _kernel(report: Report) -> None:
    uname = os.uname()
    release = uname.release.partition("-")[0].split(".")
    new = tuple(int(part) for part in release[:2] if part.isdigit()) >= (5, 3)
    report.add("kernel", "version", new, f"Linux {uname.release} on {uname.machine}")
    for name, (number, since) in probes.CALLS.items():
        found = probes.has_call(number)
        report.add("kernel", name, found, "" if found else f"needs Linux {since}")
    options = probes.kernel_options()
    if options:
        for name in OPTIONS:
            report.add("kernel", name, name in options, options.get(name, "is not set"))


def _caller(report: Report) -> None:
    uid = os.geteuid()
    report.add("caller", "root", uid == 0, f"uid {uid}")
    outside = os.stat("/proc/self/ns/user").st_ino == 0xEFFFFFFD  # PROC_USER_INIT_INO
    report.add(
        "caller", "initial user namespace", outside, "" if outside else "a user namespace inside"
    )
    held = bounding_set()
    lacking = [name for name in NAMES if not mask([name])[0] & held]
    known = int(read_or("/proc/sys/kernel/cap_last_cap", "40"))
    lacking = [name for name in lacking if mask([name])[0] < 1 << (known + 1)]
    verdict: Verdict = "yes" if not lacking else "partly"
    said = "lacks " + ", ".join(lacking) if lacking else ""
    report.add("caller", "all capabilities", verdict, said)
    for path in ("/etc/subuid", "/etc/subgid"):
        ranges = subordinate_ids(path)
        text = ", ".join(f"{count} ids from {first}" for first, count in ranges)
        report.add("caller", path, bool(ranges), text or "gives the caller no ids")


def _namespaces(report: Report) -> None:
    for kind in probes.NAMESPACES:
        problem = probes.namespace_problem(kind)
        report.add("namespaces", kind, not problem, problem)
    for fstype in ("proc", "sysfs"):
        covered = masked(fstype)
        name = f"{fstype} in user namespaces"
        report.add("namespaces", name, not covered, covered and f"cannot be mounted: {covered}")


def _cgroups(report: Report, layout: CgroupLayout) -> None:
    words = {"v2": "cgroup v2", "v1": "cgroup v1", "hybrid": "cgroup v1, with a cgroup2 tree"}
    report.add("cgroups", "layout", layout.mode != "none", words.get(layout.mode, "not mounted"))
    own = layout.unified + layout.own.get("", "/").rstrip("/") if layout.unified else ""
    for name in CONTROLLERS:
        problem = _controller(layout, own, name)
        report.add("cgroups", name, not problem, problem)
    freezer = (
        os.path.exists(own + "/cgroup.freeze") or own == layout.unified
        if layout.mode == "v2"
        else "freezer" in layout.controllers
    )
    report.add("cgroups", "freezer", freezer, "" if freezer else "needed to pause")
    place = _place_for_containers(layout, own)
    writable = bool(place) and os.access(place, os.W_OK)
    detail = place if writable else f"{place} is not writable; {hint_for_making(place, 13)}"
    report.add("cgroups", "writable", writable, detail)


def _place_for_containers(layout: CgroupLayout, own: str) -> str:
    """The cgroup in which containers of the caller get theirs, unless the config says otherwise."""
    if layout.mode == "v2":
        return layout.unified if os.geteuid() == 0 else os.path.dirname(own)
    mounts = layout.hierarchies
    if not mounts:
        return layout.unified
    name = "memory" if "memory" in mounts else next(iter(mounts))
    return mounts[name] + layout.own.get(name, "").rstrip("/")


def _controller(layout: CgroupLayout, own: str, name: str) -> str:
    """Why containers cannot have limits of a controller; "" if they can."""
    if layout.mode != "v2":
        old = OLD_NAMES.get(name, name)
        if old in layout.controllers:
            return ""
        disabled = [
            line.split()[0] for line in read_or("/proc/cgroups").splitlines() if line[:1] != "#"
        ]
        if old not in disabled:
            return "the kernel is built without it, or it is disabled on the command line"
        if name in read_or(layout.unified + "/cgroup.controllers").split():
            return "it is in the cgroup2 tree, and hutch uses cgroup v1 here"
        return f"not mounted: mount -t cgroup -o {old} none /sys/fs/cgroup/{old}"
    top = read_or(layout.unified + "/cgroup.controllers").split()
    if name not in top:
        return "this host's cgroup2 tree does not have it"
    if os.geteuid() == 0:
        return ""
    withheld = withheld_controller(own, name, "")
    return f"{withheld.reason} ({withheld.hint})" if withheld else ""


def _seccomp(report: Report) -> None:
    actions = read_or("/proc/sys/kernel/seccomp/actions_avail").split()
    report.add("seccomp", "filters", bool(actions), "" if actions else "CONFIG_SECCOMP_FILTER")
    report.add("seccomp", "user_notif", "user_notif" in actions, "SCMP_ACT_NOTIFY: Linux 5.0")
    for name, (flag, since) in probes.SECCOMP_FLAGS.items():
        known = flag_known(flag)
        report.add("seccomp", name, known, "" if known else f"needs Linux {since}")
    report.add("seccomp", "libseccomp", True, library_version())


def _security(report: Report) -> None:
    modules = probes.security_modules()
    report.add("security", "modules", bool(modules), ", ".join(modules) or "the kernel names none")
    apparmor = read_or("/sys/module/apparmor/parameters/enabled")[:1] == "Y"
    report.add("security", "AppArmor", apparmor, "" if apparmor else "not enabled")
    mode = read_or("/sys/fs/selinux/enforce")
    words = {"1": "enforcing", "0": "permissive"}
    report.add("security", "SELinux", bool(mode), words.get(mode, "not enabled"))


def _file_systems(report: Report) -> None:
    here = of_this_kernel()
    for name in ("proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup2", "overlay", "fuse"):
        found = name in here or is_loadable(name)
        report.add("file systems", name, found, "" if name in here else "loaded at the first mount")
    resctrl = os.path.exists("/sys/fs/resctrl/schemata")
    report.add("file systems", "resctrl", resctrl, "" if resctrl else "not mounted: linux.intelRdt")


def _tools(report: Report) -> None:
    for name, use in TOOLS.items():
        path = probes.program(name)
        report.add("programs", name, bool(path), path or f"missing: {use}")
    systemd = os.path.isdir("/run/systemd/system")
    report.add("programs", "systemd", systemd, "" if systemd else "this host was booted without it")
    for name, use in PACKAGES.items():
        found = find_spec(name) is not None
        detail = "" if found else f"missing: {use}"
        report.add("Python packages", name, found, detail)
    report.add("Python packages", "python", True, sys.version.partition(" ")[0])


def _features(report: Report, layout: CgroupLayout) -> None:
    """The verdicts. The first one is about containers at all."""
    root = os.geteuid() == 0
    problem = report.problem
    needed = [kind for kind in ("mount", "pid") if problem("namespaces", kind)]
    report.feature(
        "run containers",
        [
            *problem("kernel", "version"),
            *[p for kind in needed for p in problem("namespaces", kind)],
            *([] if root else problem("namespaces", "user")),
        ],
    )
    missing = [kind for kind in probes.NAMESPACES if problem("namespaces", kind)]
    report.feature(
        "linux.namespaces",
        [p for kind in missing for p in problem("namespaces", kind)],
        partly=len(missing) < len(probes.NAMESPACES),
    )
    ids = [] if root else [*problem("programs", "newuidmap"), *problem("caller", "/etc/subuid")]
    report.feature("linux.uidMappings, linux.gidMappings", ids, partly=True)
    proc = problem("namespaces", "proc in user namespaces")
    report.feature("mounts of proc in a user namespace", proc)
    limits = {name: problem("cgroups", name) for name in CONTROLLERS}
    writable = problem("cgroups", "writable")
    for name in CONTROLLERS:
        label = "blockIO" if name == "io" else "hugepageLimits" if name == "hugetlb" else name
        report.feature(f"linux.resources: {label}", [*limits[name], *writable])
    unified = [] if layout.mode == "v2" else ["needs cgroup v2, and this host has cgroup v1"]
    report.feature("linux.resources.unified", unified)
    report.feature("pause and resume", [*problem("cgroups", "freezer"), *writable])
    report.feature("linux.seccomp", problem("seccomp", "filters"))
    notify = problem("seccomp", "user_notif")
    report.feature("linux.seccomp with an agent", notify)
    report.feature("process.apparmorProfile", problem("security", "AppArmor"))
    report.feature("process.selinuxLabel", problem("security", "SELinux"))
    report.feature("id-mapped mounts", problem("kernel", "mount_setattr"))
    report.feature("linux.netDevices", problem("Python packages", "pyroute2"))
    report.feature("linux.intelRdt", problem("file systems", "resctrl"))
    report.feature("checkpoint and restore", problem("programs", "criu"))
    systemd = [*problem("programs", "systemd"), *problem("Python packages", "jeepney")]
    report.feature("--systemd-cgroup", systemd)
    capabilities = problem("caller", "all capabilities")
    report.feature("process.capabilities", capabilities, partly=True)
    engine = [p for name in ("conmon", "nft") for p in problem("programs", name)]
    engine += problem("file systems", "overlay")
    report.feature("containers of warren", engine, partly=not problem("programs", "conmon"))
