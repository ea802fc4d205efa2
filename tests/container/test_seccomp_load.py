"""Compiled filters in the kernel: a small static program loads one and makes system calls."""

import errno
import itertools
import platform
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyseccomp
import pytest
from hutch.kernel.filter_head import NEWER_CALLS
from hutch.kernel.libseccomp import MAX_INSTRUCTIONS, compile_filter
from hutch.spec.seccomp import FLAGS, translate

from conformance.samples.seccomp_profile import engine_profile
from tests.support.checked import checked_linux

pytestmark = pytest.mark.no_runtime

# The calls of the program itself, which the filter must allow.
OWN = {"names": ["write", "exit_group"], "action": "SCMP_ACT_ALLOW"}
X32_BIT = 0x4000_0000

Load = Callable[..., tuple[list[int], int]]


def number(name: str) -> int:
    """Of a system call on this machine."""
    return int(pyseccomp.resolve_syscall(pyseccomp.system_arch(), name))


def old(name: str) -> str:
    """The same for a program of 32 bits on x86_64."""
    return f"i386:{pyseccomp.resolve_syscall(pyseccomp.Arch.X86, name)}"


@pytest.fixture
def load(filtered: Path, tmp_path: Path) -> Load:
    """Loads a profile's filter and makes calls. Returns the results of seccomp(2) and of the calls,
    and the exit status."""

    def run(profile: dict[str, Any], *calls: "str | int") -> tuple[list[int], int]:
        made = compile_filter(translate(checked_linux(seccomp=profile)["seccomp"]))
        file = tmp_path / "filter"
        file.write_bytes(made.program)
        done = subprocess.run(
            [filtered, file, str(made.flags), *map(str, calls)],
            capture_output=True,
            check=False,
        )
        return [int(line) for line in done.stdout.split()], done.returncode

    return run


def refuse_all_but(*entries: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [OWN, *entries], **fields}


def test_an_engines_profile_works_as_it_says(load: Load) -> None:
    personality = number("personality")
    told, status = load(
        engine_profile(),
        number("getppid"),
        number("mount"),
        f"{personality},0xffffffff",
        f"{personality},0x20009",
        number("clone3"),
        NEWER_CALLS["open_tree_attr"],
        NEWER_CALLS["listns"],
        9999,
    )
    assert told == [
        0, 0, errno.EPERM, 0, errno.EPERM, errno.ENOSYS, errno.EPERM, errno.ENOSYS, errno.ENOSYS,
    ]  # fmt: skip
    assert status == 0


def test_errnos_come_out_as_configured(load: Load) -> None:
    profile = refuse_all_but(
        {"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EXDEV},
        {"names": ["getppid"], "action": "SCMP_ACT_ERRNO"},
        {"names": ["futex_waitv"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0},
        defaultErrnoRet=errno.ENXIO,
    )
    calls = [number(name) for name in ("mkdirat", "getppid", "futex_waitv", "fchdir")]
    told, _ = load(profile, *calls)
    assert told == [0, errno.EXDEV, errno.EPERM, 0, errno.ENXIO]


def test_s45_newer_calls_get_enosys_without_architectures(load: Load) -> None:
    told, status = load(refuse_all_but(), number("fchdir"), 450, 9999)
    assert told == [0, errno.EPERM, errno.ENOSYS, errno.ENOSYS]
    assert status == 0


def test_s45_newer_calls_get_enosys_where_others_kill(load: Load) -> None:
    profile = refuse_all_but(defaultAction="SCMP_ACT_KILL_PROCESS")
    assert load(profile, 9999) == ([0, errno.ENOSYS], 0)
    assert load(profile, number("fchdir")) == ([0], -signal.SIGSYS)


def test_a_call_newer_than_libseccomp_is_let_through_to_the_kernel(load: Load) -> None:
    told, _ = load(
        refuse_all_but({"names": ["statmount"], "action": "SCMP_ACT_ALLOW"}),
        NEWER_CALLS["statmount"],
    )
    assert told[1] in (errno.EFAULT, errno.ENOSYS)  # the kernel's own words


def test_args_are_compared_with_all_their_bits(load: Load) -> None:
    getppid = {"names": ["getppid"], "action": "SCMP_ACT_ALLOW"}
    compared = [
        {**getppid, "args": [{"index": 5, "value": 5 << 32, "op": "SCMP_CMP_GE"}]},
        {**getppid, "args": [{"index": 5, "value": 7, "op": "SCMP_CMP_LE"}]},
    ]
    call = f"{number('getppid')},0,0,0,0,0,"
    told, _ = load(
        refuse_all_but(*compared), *(call + str(value) for value in (7, 8, (5 << 32) - 1, 5 << 32))
    )
    assert told == [0, 0, errno.EPERM, errno.EPERM, 0]


@pytest.mark.parametrize("notify", [False, True])
def test_the_kernel_takes_every_combination_of_flags(load: Load, notify: bool) -> None:
    entry = {"names": ["mkdirat"], "action": "SCMP_ACT_NOTIFY"}
    for count in range(len(FLAGS) + 1):
        for flags in itertools.combinations(FLAGS, count):
            profile = refuse_all_but(*[entry] * notify, flags=list(flags))
            told, status = load(profile | {"listenerPath": "/run/agent.sock"}, number("fchdir"))
            assert told[0] > 2 if notify else told[0] == 0  # a listener is a descriptor
            assert (told[1:], status) == ([errno.EPERM], 0)


def test_the_kernel_takes_the_longest_filter_that_we_let_pass(load: Load) -> None:
    def profile(count: int) -> dict[str, Any]:
        args = [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]
        many = [{**args[0], "value": value} for value in range(count)]
        return refuse_all_but({"names": ["fchdir"], "action": "SCMP_ACT_ALLOW", "args": many})

    def length(count: int) -> int:
        return len(compile_filter(translate(profile(count))).program) // 8

    each = length(101) - length(100)
    count = 100 + (MAX_INSTRUCTIONS - length(100)) // each
    assert length(count) > MAX_INSTRUCTIONS - each
    fchdir = number("fchdir")
    told, _ = load(profile(count), f"{fchdir},{count - 1}", f"{fchdir},{count}")
    assert told == [0, errno.EBADF, errno.EPERM]


if platform.machine() == "x86_64":

    def test_programs_of_32_bits_are_filtered_alike(load: Load) -> None:
        personality = old("personality")
        told, status = load(
            engine_profile(),
            old("getppid"),
            old("mount"),
            f"{personality},0xffffffff",
            f"{personality},0x20009",
            old("clone3"),
            f"i386:{NEWER_CALLS['listns']}",
        )
        assert told == [0, 0, errno.EPERM, 0, errno.EPERM, errno.ENOSYS, errno.ENOSYS]
        assert status == 0

    def test_programs_of_an_architecture_that_is_not_listed_are_killed(load: Load) -> None:
        profile = engine_profile() | {"architectures": ["SCMP_ARCH_X86_64"]}
        assert load(profile, old("getppid")) == ([0], -signal.SIGSYS)
        assert load(profile, X32_BIT | number("getppid")) == ([0], -signal.SIGSYS)
        assert load(profile, X32_BIT | 9999) == ([0], -signal.SIGSYS)

    def test_calls_of_x32_are_filtered_where_it_is_listed(load: Load) -> None:
        numbers = [X32_BIT | number("mount"), X32_BIT | 511]
        assert load(engine_profile(), *numbers) == ([0, errno.EPERM, errno.ENOSYS], 0)
