"""linux.seccomp.flags in a container, for its first process and for an exec."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Outcome, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]
FLAGS = ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]


def filtered(bundle: Bundle, *flags: str, no_new_privileges: bool = True) -> Bundle:
    bundle.config["process"]["noNewPrivileges"] = no_new_privileges
    bundle.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "flags": list(flags),
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}],
    }
    return bundle.save()


@pytest.mark.parametrize("no_new_privileges", [True, False])
@pytest.mark.parametrize("flags", [[], *([flag] for flag in FLAGS), FLAGS])
def test_flags_are_taken_at_run_and_exec(
    hutch: Runtime, bundle: Bundle, flags: list[str], no_new_privileges: bool
) -> None:
    filtered(bundle, *flags, no_new_privileges=no_new_privileges)
    bundle.config["process"]["capabilities"]["bounding"] += ["CAP_SYS_ADMIN"]
    bundle.args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(bundle.path), "test")
    first = Path(f"/proc/{hutch.state('test')['pid']}/status").read_text()
    assert "Seccomp:\t2" in first
    done = hutch(
        "exec", "test", "sh", "-c", "grep Seccomp: /proc/self/status; mkdir /tmp/x 2>&1; :"
    )
    assert done.out.split("\n")[0] == "Seccomp:\t2"
    assert "No space left on device" in done.out


def mitigated(status: str) -> bool:
    return "Speculation_Store_Bypass:\tthread force mitigated" in status


def test_spec_allow_leaves_speculation_as_it_is(run: Run, bundle: Bundle) -> None:
    """Without the flag a kernel that mitigates for seccomp (spec_store_bypass_disable=seccomp)
    forces the thread; with it none does."""
    filtered(bundle, "SECCOMP_FILTER_FLAG_SPEC_ALLOW")
    own = Path("/proc/self/status").read_text()
    assert mitigated(run("cat /proc/self/status").out) == mitigated(own)


def test_wait_killable_recv_without_a_listener_is_no_error(run: Run, bundle: Bundle) -> None:
    """SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV says how a notified call waits; with a listener it is
    tested in test_seccomp_agent.py."""
    filtered(bundle, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")
    assert run("grep Seccomp: /proc/self/status").out == "Seccomp:\t2\n"
