"""The default seccomp profile, compiled and run in Python; and Docker's form of profiles."""

import contextlib
from typing import Any

import pyseccomp
import pytest
from hutch.defaults.config import CAPABILITIES
from hutch.defaults.seccomp import LITTLE_ENDIAN, MACHINES, Host, default_seccomp, resolve
from hutch.errors import ConfigError
from hutch.kernel.filter_head import NEWER_CALLS
from hutch.kernel.libseccomp import compile_filter
from hutch.kernel.seccomp import Filter
from hutch.spec.capabilities import NAMES
from hutch.spec.seccomp import ACTIONS, ARCHITECTURES, translate

from tests.support.checked import checked_linux
from tests.support.classic_bpf import check_loadable, verdict

ALLOW, EPERM, ENOSYS = ACTIONS["SCMP_ACT_ALLOW"], 0x0005_0001, 0x0005_0000 | 38
X86_64, X86 = ARCHITECTURES["SCMP_ARCH_X86_64"], ARCHITECTURES["SCMP_ARCH_X86"]
X32 = ARCHITECTURES["SCMP_ARCH_X32"]
HOST = Host("x86_64", "6.1.0-13-amd64")
CALLERS = [X86_64, X86, X32]

# The table "Significant syscalls blocked by the default profile" of Docker's documentation, and
# the capabilities that a call is had with all the same. Not in it are the calls of io_uring.
BLOCKED = {
    "acct": "CAP_SYS_PACCT", "add_key": "", "bpf": "CAP_SYS_ADMIN CAP_BPF",
    "clock_settime": "CAP_SYS_TIME", "create_module": "", "delete_module": "CAP_SYS_MODULE",
    "finit_module": "CAP_SYS_MODULE", "get_kernel_syms": "", "get_mempolicy": "CAP_SYS_NICE",
    "init_module": "CAP_SYS_MODULE", "ioperm": "CAP_SYS_RAWIO", "iopl": "CAP_SYS_RAWIO",
    "kcmp": "CAP_SYS_PTRACE", "kexec_file_load": "", "kexec_load": "", "keyctl": "",
    "lookup_dcookie": "CAP_SYS_ADMIN", "mbind": "CAP_SYS_NICE", "mount": "CAP_SYS_ADMIN",
    "move_pages": "", "nfsservctl": "", "open_by_handle_at": "CAP_DAC_READ_SEARCH",
    "perf_event_open": "CAP_SYS_ADMIN CAP_PERFMON", "pivot_root": "", "query_module": "",
    "quotactl": "CAP_SYS_ADMIN", "reboot": "CAP_SYS_BOOT", "request_key": "",
    "set_mempolicy": "CAP_SYS_NICE", "setns": "CAP_SYS_ADMIN", "settimeofday": "CAP_SYS_TIME",
    "stime": "CAP_SYS_TIME", "swapon": "", "swapoff": "", "sysfs": "", "_sysctl": "",
    "umount": "CAP_SYS_ADMIN", "umount2": "CAP_SYS_ADMIN", "unshare": "CAP_SYS_ADMIN",
    "uselib": "", "userfaultfd": "", "ustat": "", "vm86": "", "vm86old": "",
    "io_uring_setup": "", "io_uring_enter": "", "io_uring_register": "",
}  # fmt: skip
# What that table does not name, and no container gets without a capability.
GATED = {
    "chroot": "CAP_SYS_CHROOT", "fanotify_init": "CAP_SYS_ADMIN", "fsconfig": "CAP_SYS_ADMIN",
    "fsmount": "CAP_SYS_ADMIN", "fsopen": "CAP_SYS_ADMIN", "fspick": "CAP_SYS_ADMIN",
    "mount_setattr": "CAP_SYS_ADMIN", "move_mount": "CAP_SYS_ADMIN", "open_tree": "CAP_SYS_ADMIN",
    "open_tree_attr": "CAP_SYS_ADMIN", "quotactl_fd": "CAP_SYS_ADMIN",
    "setdomainname": "CAP_SYS_ADMIN", "sethostname": "CAP_SYS_ADMIN",
    "pidfd_getfd": "CAP_SYS_PTRACE", "set_mempolicy_home_node": "CAP_SYS_NICE",
    "syslog": "CAP_SYS_ADMIN CAP_SYSLOG", "clock_settime64": "CAP_SYS_TIME",
    "vhangup": "CAP_SYS_TTY_CONFIG",
}  # fmt: skip
# What no kernel of today carries out, or none on x86; and what moves another's pages.
NOT_THERE = {
    "afs_syscall", "bdflush", "break", "ftime", "getpmsg", "gtty", "idle", "lock", "mpx", "prof",
    "profil", "putpmsg", "security", "stty", "tuxcall", "ulimit", "vserver", "timerfd",
    "migrate_pages",
}  # fmt: skip


def compiled(*capabilities: str, host: Host = HOST) -> Filter:
    made = compile_filter(
        translate(checked_linux(seccomp=default_seccomp(capabilities, host))["seccomp"])
    )
    check_loadable(made.program)
    return made


def number(name: str, arch: int) -> int:
    """Of a call on an architecture; negative where it has none."""
    if arch == X86 and name == "socket":
        return 359  # libseccomp has socketcall in mind
    if name in NEWER_CALLS:
        return NEWER_CALLS[name] | (0x4000_0000 if arch == X32 else 0)
    try:
        return int(pyseccomp.resolve_syscall(arch, name))
    except ValueError:
        return -1


def answer(made: Filter, name: str, *args: int, arch: int = X86_64) -> int | None:
    """What a call gets; None where the architecture has no such call."""
    at = number(name, arch)
    if -200 < at <= -101:
        at = number("socketcall", arch)  # what it goes through
    elif -300 < at <= -201:
        at = number("ipc", arch)
    token = X86_64 if arch == X32 else arch
    return verdict(made.program, token, at, args) if at >= 0 else None


@pytest.mark.parametrize("arch", CALLERS)
def test_what_docker_documents_as_blocked_is_refused(arch: int) -> None:
    made = compiled(*CAPABILITIES)
    answers = {name: answer(made, name, arch=arch) for name in {**BLOCKED, **GATED}}
    assert answers.pop("chroot") == ALLOW  # CAP_SYS_CHROOT is one of the fourteen
    assert {name for name, told in answers.items() if told not in (EPERM, None)} == set()
    assert sum(told is not None for told in answers.values()) > 45
    assert made.warnings == []


@pytest.mark.parametrize("arch", CALLERS)
def test_each_capability_gives_back_its_own_calls_and_no_others(arch: int) -> None:
    gates = {**BLOCKED, **GATED}
    for capability in NAMES:
        made = compiled(capability)
        allowed = {name for name in gates if answer(made, name, arch=arch) == ALLOW}
        assert allowed == {
            name
            for name, gate in gates.items()
            if capability in gate.split() and number(name, arch) >= 0
        }, capability


def test_no_capability_gives_what_is_always_blocked() -> None:
    made = compiled(*NAMES)
    always = [name for name, gate in BLOCKED.items() if not gate]
    assert {answer(made, name) for name in always} <= {EPERM, None}


def names_of(arch: int) -> set[str]:
    """The system calls that libseccomp knows of an architecture."""
    found = set()
    for at in range(1024):
        with contextlib.suppress(ValueError):
            at |= 0x4000_0000 if arch == X32 else 0
            found.add(pyseccomp.resolve_syscall(arch, at).decode())
    return found


# Of a kernel that is newer than the profile: refused, as what it does not name.
NEWER = {"listns", "rseq_slice_yield", "uprobe", "uretprobe"}


@pytest.mark.parametrize("arch", CALLERS)
def test_all_else_is_allowed(arch: int) -> None:
    made = compiled()
    names = names_of(arch)
    special = {"clone", "clone3", "personality", "socket"}
    others = names - BLOCKED.keys() - GATED.keys() - NOT_THERE - NEWER - special
    assert len(others) > 280
    assert {name for name in others if answer(made, name, arch=arch) != ALLOW} == set()
    assert {answer(made, name, arch=arch) for name in NOT_THERE} <= {EPERM, None}


@pytest.mark.parametrize("arch", CALLERS)
def test_new_namespaces_are_refused(arch: int) -> None:
    made, admin = compiled(*CAPABILITIES), compiled("CAP_SYS_ADMIN")
    assert answer(made, "clone", 0x003D_0F00, arch=arch) == ALLOW  # a thread
    for bit in (0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x20000):
        assert answer(made, "clone", bit | 17, arch=arch) == EPERM
        assert answer(admin, "clone", bit | 17, arch=arch) == ALLOW
    assert answer(made, "clone3", arch=arch) == ENOSYS
    assert answer(admin, "clone3", arch=arch) == ALLOW


def test_the_flags_of_clone_are_the_second_argument_on_s390x() -> None:
    def compared(machine: str) -> list[int]:
        profile = default_seccomp((), Host(machine, "6.1", "big"))
        clones = [entry for entry in profile["syscalls"] if entry["names"] == ["clone"]]
        return [entry["args"][0]["index"] for entry in clones]

    assert (compared("s390x"), compared("ppc64")) == ([1], [0])


@pytest.mark.parametrize("arch", CALLERS)
def test_sockets_of_the_host_are_refused(arch: int) -> None:
    """CVE-2026-31431 by AF_ALG (38); AF_VSOCK (40) reaches virtual machines of others."""
    made = compiled(*NAMES)
    refused = [family for family in range(64) if answer(made, "socket", family, arch=arch) != ALLOW]
    assert refused == [38, 40]
    assert answer(made, "socket", 2**32 - 1) == ALLOW  # the kernel refuses it


@pytest.mark.parametrize("arch", CALLERS)
def test_personalities_are_those_that_change_nothing_but_names(arch: int) -> None:
    made = compiled(*NAMES)
    for persona in (0, 8, 0x20000, 0x20008, 0xFFFF_FFFF):
        assert answer(made, "personality", persona, arch=arch) == ALLOW
    for persona in (6, 0x40000, 0x0400000, 0x0100000):  # BSD, no randomised addresses, ...
        assert answer(made, "personality", persona, arch=arch) == EPERM


@pytest.mark.parametrize("name", ["ptrace", "process_vm_readv", "process_vm_writev"])
def test_tracing_is_refused_before_linux_4_8(name: str) -> None:
    for release, told in (("4.7.10", EPERM), ("4.8.0", ALLOW), ("4.19", ALLOW), ("10.0", ALLOW)):
        assert answer(compiled(host=Host("x86_64", release)), name) == told
    assert answer(compiled("CAP_SYS_PTRACE", host=Host("x86_64", "4.4")), name) == ALLOW
    assert answer(compiled(host=Host("x86_64", "unheard of")), name) == EPERM


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine_has_a_profile(machine: str, order: str) -> None:
    host = Host(machine, "6.1", order)
    profile = checked_linux(seccomp=default_seccomp(CAPABILITIES, host))["seccomp"]
    assert set(profile["architectures"]) <= ARCHITECTURES.keys()
    little = LITTLE_ENDIAN.get(machine, MACHINES[machine])
    own, _ = little if order == "little" else MACHINES[machine]
    assert profile["architectures"][0] == own


def test_a_machine_that_is_not_known_has_the_filter_of_its_own_architecture() -> None:
    assert default_seccomp((), Host("abacus", "6.1"))["architectures"] == []


# Docker's form


def entry(**fields: Any) -> dict[str, Any]:
    return {"names": ["read"], "action": "SCMP_ACT_ALLOW", **fields}


@pytest.mark.parametrize(
    ("fields", "stands"),
    [
        ({}, True),
        ({"includes": None, "excludes": {}, "comment": "x"}, True),
        ({"includes": {"caps": ["CAP_KILL"]}}, True),
        ({"includes": {"caps": ["CAP_KILL", "CAP_BPF"]}}, False),
        ({"includes": {"arches": ["arm64", "amd64"]}}, True),
        ({"includes": {"arches": ["arm64"]}}, False),
        ({"includes": {"minKernel": "6.1"}}, True),
        ({"includes": {"minKernel": "6.2"}}, False),
        ({"includes": {"minKernel": "6.1", "caps": ["CAP_BPF"]}}, False),
        ({"excludes": {"caps": ["CAP_KILL"]}}, False),
        ({"excludes": {"caps": ["CAP_BPF", "CAP_KILL"]}}, False),
        ({"excludes": {"caps": ["CAP_BPF"]}}, True),
        ({"excludes": {"arches": ["amd64"]}}, False),
        ({"excludes": {"minKernel": "4.8"}}, False),
        ({"excludes": {"minKernel": "7.0"}}, True),
        ({"includes": {"caps": ["CAP_KILL"]}, "excludes": {"arches": ["amd64"]}}, False),
    ],
)
def test_an_entry_stands_where_its_conditions_hold(fields: dict[str, Any], stands: bool) -> None:
    profile = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [entry(**fields)]}
    found = resolve(profile, {"CAP_KILL"}, HOST, "mine.json")
    assert found["syscalls"] == ([entry()] if stands else [])


def test_the_older_form_of_an_entry_is_read() -> None:
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"name": "mkdir", "action": "SCMP_ACT_ERRNO", "args": None}],
    }
    assert resolve(profile, (), HOST, "mine.json") == {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}],
    }


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"syscalls": {}}, None),
        ({"syscalls": "read"}, 'mine.json: syscalls = "read": must be a list'),
        ({"syscalls": [1]}, "mine.json: syscalls[0] = 1: must be an object"),
        (
            {"syscalls": [entry(includes=["x"])]},
            "mine.json: syscalls[0].includes = ['x']: must be an object",
        ),
        (
            {"syscalls": [entry(excludes={"caps": "CAP_BPF"})]},
            'mine.json: syscalls[0].excludes.caps = "CAP_BPF": must be a list',
        ),
        (
            {"syscalls": [entry(includes={"minKernel": "new"})]},
            'mine.json: syscalls[0].includes.minKernel = "new": is no version as 4.8',
        ),
        (
            {"syscalls": [entry(includes={"minkernel": "4.8"})]},
            "mine.json: syscalls[0].includes.minkernel: is no condition that hutch knows "
            "(hint: there are caps, arches and minKernel)",
        ),
        ({"syscalls": [entry(name="x")]}, "mine.json: syscalls[0].name: excludes names"),
        ({"archMap": [{}]}, "mine.json: archMap[0]: names no architecture"),
        ({"archMap": "x"}, "mine.json: archMap[0]: names no architecture"),
        (
            {"archMap": [{}], "architectures": ["SCMP_ARCH_X86"]},
            "mine.json: archMap: excludes architectures: both say which there are",
        ),
    ],
)
def test_what_is_wrong_with_a_profile_is_told(fields: dict[str, Any], said: str | None) -> None:
    profile = {"defaultAction": "SCMP_ACT_ERRNO", **fields}
    if said is None:
        assert resolve(profile, (), HOST, "mine.json")["syscalls"] == []
        return
    with pytest.raises(ConfigError) as raised:
        resolve(profile, (), HOST, "mine.json")
    assert str(raised.value) == said
