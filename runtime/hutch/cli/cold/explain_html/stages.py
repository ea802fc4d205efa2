"""The parts of the work in which a container is made, and which step belongs to which."""

from collections.abc import Sequence
from typing import NamedTuple

from hutch.plan.operations import Operation
from hutch.plan.steps import INIT, Step


class Stage(NamedTuple):
    """A part of the work: its ``name`` (a class of the page), its ``title`` and what it is for."""

    name: str
    title: str
    about: str


CGROUP = Stage("cgroup", "Cgroup", "what the container may use, and where it is counted")
START = Stage("start", "Start of hutch-init", "the container's first process, a small C program")
INIT_ITSELF = Stage("init", "hutch-init", "it protects itself before it does anything else")
NAMESPACES = Stage("namespaces", "Namespaces", "what the container sees of the system")
MOUNTS = Stage("mounts", "Mounts", "what the container sees of files")
HOOKS = Stage("hooks", "Hooks", "programs of the engine, run in between")
PROCESS = Stage("process", "Process", "its limits, its user, and the rights that are left")
SECCOMP = Stage("seccomp", "Seccomp", "which system calls it may still make")
PROGRAM = Stage("program", "Program", "the container is made; start lets its program run")
STAGES = (CGROUP, START, INIT_ITSELF, NAMESPACES, MOUNTS, HOOKS, PROCESS, SECCOMP, PROGRAM)

# The operations of hutch-init (native/plan.def). None: part of the stage in which it stands.
OPERATIONS: dict[str, Stage | None] = {
    **dict.fromkeys(("protect", "outlive", "trace", "affinity", "barrier"), None),
    **dict.fromkeys(("session", "open_proc", "keyring"), INIT_ITSELF),
    **dict.fromkeys(
        ("join", "unshare", "clone", "become_root", "loopback", "hostname", "domainname", "sysctl"),
        NAMESPACES,
    ),
    "enter_cgroups": CGROUP,
    **dict.fromkeys(
        ("propagation", "open_root", "current_root", "mount", "bind", "remount", "symlink",
         "device", "mask", "readonly", "make_directory", "root_attributes", "pivot"),
        MOUNTS,
    ),
    "hook": HOOKS,
    **dict.fromkeys(
        ("console", "own_stdio", "rlimit", "scheduler", "io_priority", "memory_policy",
         "personality", "apparmor", "selinux", "keyring_label", "chdir", "umask", "bounding",
         "user", "capabilities", "drop", "no_new_privileges", "home", "lookup"),
        PROCESS,
    ),
    "seccomp": SECCOMP,
    **dict.fromkeys(("await_start", "supervise", "exec"), PROGRAM),
}  # fmt: skip

# Steps of the runtime, by the beginning of their fields.
FIELDS = (
    ("linux.cgroupsPath", CGROUP),
    ("linux.resources", CGROUP),
    ("linux.intelRdt", CGROUP),
    ("mounts", MOUNTS),
    ("hooks", HOOKS),
    ("process.oomScoreAdj", START),
    ("linux.uidMappings", NAMESPACES),
    ("linux.gidMappings", NAMESPACES),
    ("linux.timeOffsets", NAMESPACES),
    ("linux.netDevices", NAMESPACES),
    ("runtime.md", PROGRAM),
    ("--pid", PROGRAM),
)


def stages_of(steps: Sequence[Step], operations: Sequence[Operation]) -> list[Stage]:
    """The stage of each step of a plan with these operations."""
    found: list[Stage] = []
    rest = iter(operations)
    for step in steps:
        if step.lane == INIT:
            stage = OPERATIONS[next(rest).name]
            if stage is None and step.pointer.startswith("hooks"):
                stage = HOOKS
            if stage is None and step.does == "wait for the runtime: created":
                stage = PROGRAM
            if stage is None:
                stage = INIT_ITSELF if found and found[-1] == START else None
        elif step.does.startswith("start hutch-init"):
            stage = START
        elif step.does.startswith("open "):
            stage = NAMESPACES
        else:
            stage = next((one for begin, one in FIELDS if step.pointer.startswith(begin)), None)
        found.append(stage or (found[-1] if found else START))
    return found
