"""Twenty errors in configs: each gives one line with field, value, reason and hint.

Sixteen are found before anything on the host is changed. The other four are found only by trying: a
hook's result, a sysctl's value, a file system's options, and a memory limit that is too small.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Bundle, Runtime
from tests.support.leftovers import CGROUPS

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Change = Callable[[dict[str, Any]], object]
APPARMOR = Path("/sys/module/apparmor").exists()
SELINUX = Path("/sys/fs/selinux/enforce").exists()


class Breakage:
    """One error in a config, and the words that its line must contain."""

    def __init__(self, name: str, change: Change, *words: str, early: bool = True) -> None:
        self.name = name
        self.change = change
        self.words = words
        self.early = early


def mount(config: dict[str, Any], **entry: Any) -> None:
    config["mounts"].append(entry)


def seccomp(config: dict[str, Any], *calls: str, action: str = "SCMP_ACT_ERRNO") -> None:
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": list(calls), "action": action}],
    }


def namespace(config: dict[str, Any], kind: str, path: str) -> None:
    for entry in config["linux"]["namespaces"]:
        if entry["type"] == kind:
            entry["path"] = path


BREAKAGES = [
    Breakage(
        "tmpfs option misspelt",
        lambda c: mount(c, destination="/tmp", type="tmpfs", source="t", options=["sizee=1m"]),
        "mounts[7].options[0]", "sizee", "invalid argument", "hint",
        early=False,
    ),
    Breakage(
        "bind source absent",
        lambda c: mount(c, destination="/tmp", source="/nope", options=["rbind"]),
        "mounts[7].source", "/nope", "no such file or directory", "hint",
    ),
    Breakage(
        "executable absent",
        lambda c: c["process"].update(args=["/bin/nope"]),
        "process.args[0]", "/bin/nope", "no such file or directory", "hint",
        early=False,
    ),
    Breakage(
        "failing hook",
        lambda c: c.update(
            hooks={"prestart": [{"path": "/bin/sh", "args": ["sh", "-c", "echo boom >&2; exit 3"]}]}
        ),
        "hooks.prestart[0]", "/bin/sh", "exit status 3", "boom",
        early=False,
    ),
    Breakage(
        "sysctl value wrong",
        lambda c: c["linux"].update(sysctl={"net.ipv4.ip_forward": "maybe"}),
        'linux.sysctl["net.ipv4.ip_forward"]', "maybe", "invalid argument", "hint",
        early=False,
    ),
    Breakage(
        "sysctl not namespaced",
        lambda c: c["linux"].update(sysctl={"vm.swappiness": "10"}),
        'linux.sysctl["vm.swappiness"]', "10", "not in a separate kernel namespace", "hint",
    ),
    Breakage(
        "seccomp forbids execve",
        lambda c: seccomp(c, "execve", "execveat"),
        "process.args", "execve", "operation not permitted", "linux.seccomp",
        early=False,
    ),
    *(
        []
        if APPARMOR
        else [
            Breakage(
                "AppArmor profile on a host without AppArmor",
                lambda c: c["process"].update(apparmorProfile="strict"),
                "process.apparmorProfile", "strict", "not enabled", "hint",
            )
        ]
    ),
    *(
        []
        if SELINUX
        else [
            Breakage(
                "SELinux label on a host without SELinux",
                lambda c: c["process"].update(selinuxLabel="a:b:c:s0"),
                "process.selinuxLabel", "a:b:c:s0", "not enabled", "hint",
            )
        ]
    ),
    Breakage(
        "cwd relative",
        lambda c: c["process"].update(cwd="tmp"),
        "process.cwd", '"tmp"', "absolute",
    ),
    Breakage(
        "cwd is a file",
        lambda c: c["process"].update(cwd="/etc/passwd"),
        "process.cwd", "/etc/passwd", "not a directory", "hint",
        early=False,
    ),
    Breakage(
        "namespace path absent",
        lambda c: namespace(c, "ipc", "/nope/ipc"),
        "linux.namespaces[2].path", "/nope/ipc", "no such file or directory",
    ),
    Breakage(
        "namespace path of another kind",
        lambda c: namespace(c, "ipc", "/proc/self/ns/uts"),
        "linux.namespaces[2].path", "/proc/self/ns/uts", "uts namespace", "ipc",
    ),
    Breakage(
        "rlimit name",
        lambda c: c["process"].update(rlimits=[{"type": "RLIMIT_NOFIL", "soft": 1, "hard": 1}]),
        "process.rlimits[0].type", "RLIMIT_NOFIL", "hint",
    ),
    Breakage(
        "memory limit of 4 KiB",
        lambda c: c["linux"]["resources"].update(memory={"limit": 4096}),
        "linux.resources.memory.limit", "memory", "hint",
        early=False,
    ),
    Breakage(
        "args is a string",
        lambda c: c["process"].update(args="true"),
        "process.args", '"true"', "array",
    ),
    Breakage(
        "rootfs absent",
        lambda c: c["root"].update(path="nope"),
        "root.path", '"nope"', "no such file or directory", "hint",
    ),
    Breakage(
        "device of type z",
        lambda c: c["linux"].update(
            devices=[{"path": "/dev/x", "type": "z", "major": 1, "minor": 3}]
        ),
        "linux.devices[0].type", '"z"',
    ),
]  # fmt: skip


@pytest.mark.parametrize("broken", BREAKAGES, ids=lambda broken: broken.name)
@pytest.mark.parametrize("verb", ["run", "create and start"])
def test_a_breakage_is_one_line_that_names_the_field(
    hutch: Runtime, bundle: Bundle, broken: Breakage, verb: str
) -> None:
    bundle.change(broken.change)
    words = ("--bundle", str(bundle.path), "test")
    if verb == "run":
        error = hutch.refuses("run", *words)
    else:
        created = hutch("create", *words, check=False)
        if created.code == 0:
            # A program that cannot be executed ends the container, and start prints a warning.
            error = hutch("start", "test").err.rstrip("\n")
            assert ": warning: " in error
            hutch("delete", "--force", "test")
        else:
            error = created.err.rstrip("\n")
            assert created.code == 1
    assert "\n" not in error
    for word in broken.words:
        assert word in error
    assert [id for id in hutch.ids() if not id.startswith(".")] == []


@pytest.mark.parametrize(
    "broken", [b for b in BREAKAGES if b.early], ids=lambda broken: broken.name
)
def test_errors_that_can_be_found_early_are_found_before_anything_is_made(
    hutch: Runtime, bundle: Bundle, broken: Breakage
) -> None:
    bundle.change(broken.change)
    hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert not hutch.root.exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"*/{CGROUPS}/{bundle.path.parent.name}"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda c: c["process"]["capabilities"]["bounding"].append("CAP_SYS_ADMINN"),
            ("process.capabilities.bounding", "CAP_SYS_ADMINN", "unknown capability"),
        ),
        (
            lambda c: seccomp(c, "opennat"),
            ("linux.seccomp.syscalls[0].names[0]", "opennat", "openat"),
        ),
    ],
    ids=["unknown capability", "unknown system call"],
)
def test_two_breakages_are_warnings_that_name_the_field_because_the_spec_allows_no_error(
    hutch: Runtime, bundle: Bundle, change: Change, words: tuple[str, ...]
) -> None:
    bundle.change(change)
    done = hutch("run", "--bundle", str(bundle.path), "test")
    assert done.err.count("\n") == 1
    assert "warning" in done.err
    for word in words:
        assert word in done.err
    assert [id for id in hutch.ids() if not id.startswith(".")] == []


@pytest.mark.no_runtime
def test_there_are_twenty_and_eighteen_name_the_field() -> None:
    on_any_host = len(BREAKAGES) + APPARMOR + SELINUX
    assert on_any_host + 2 == 20
