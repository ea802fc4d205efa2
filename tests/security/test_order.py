"""The order in which rights are dropped, and the place of the seccomp filter in it (S-13)."""

import pytest
from hutch.container.explain import planned
from hutch.container.request import request_of

from tests.support.containers import Bundle
from tests.support.plans import entered

pytestmark = pytest.mark.no_runtime


def names(bundle: Bundle, no_new_privileges: bool | None) -> list[str]:
    bundle.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    del bundle.config["process"]["noNewPrivileges"]
    if no_new_privileges is not None:
        bundle.config["process"]["noNewPrivileges"] = no_new_privileges
    bundle.save()
    return [
        operation.name for operation in planned(request_of("test", str(bundle.path), {})).operations
    ]


@pytest.mark.parametrize("no_new_privileges", [True, False, None])
def test_s13_the_filter_is_loaded_last_and_its_capability_is_dropped_directly_after(
    bundle: Bundle, no_new_privileges: bool | None
) -> None:
    order = names(bundle, no_new_privileges)
    wanted = ["bounding", "user", "capabilities"]
    if no_new_privileges:
        wanted += ["no_new_privileges", "seccomp"]
        assert "drop" not in order
    else:
        wanted += ["seccomp", "drop"]
        assert "no_new_privileges" not in order
    # The rights and the filter of the program are set before the init waits for `start`.
    wanted += ["await_start", "exec"]
    assert [name for name in order if name in wanted] == wanted
    assert order[order.index("seccomp") :] == [
        "seccomp", *["drop"] * (not no_new_privileges), "barrier", "await_start", "exec",
    ]  # fmt: skip
    # All of this is done in the container's root, after the operations that need the host's rights.
    assert order.index("pivot") < order.index(wanted[0])
    assert order.index("open_proc") < order.index("open_root")
    assert order.index("protect") < order.index("open_root")


def test_the_init_of_an_exec_is_protected_first() -> None:
    order = [operation.name for operation in entered(lambda _: None).operations]
    assert order[0] == "protect"
    # The process has its final rights before the runtime lets it continue.
    assert order.index("capabilities") < order.index("barrier") < order.index("exec")
