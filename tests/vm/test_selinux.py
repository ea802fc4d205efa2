"""SELinux labels in force, on a host that enforces."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkpoints import Counter
from tests.support.containers import Bundle, Outcome, Runtime
from tests.support.systemd import SLICE, shown

pytestmark = [pytest.mark.root, pytest.mark.vm, pytest.mark.selinux]

LEVEL = "s0:c1,c2"
PROCESS = f"system_u:system_r:container_t:{LEVEL}"
FILES = f"system_u:object_r:container_file_t:{LEVEL}"
XATTR = "security.selinux"


def label(path: Path, context: str) -> None:
    os.setxattr(path, XATTR, context.encode() + b"\0", follow_symlinks=False)


def context_of(path: Path) -> str:
    return os.getxattr(path, XATTR).decode().rstrip("\0")


@pytest.fixture
def labelled(bundle: Bundle) -> Bundle:
    """A bundle whose files, process and mounts have the container's categories."""
    for path in [bundle.rootfs, *bundle.rootfs.rglob("*")]:
        label(path, FILES)

    def change(config: dict[str, Any]) -> None:
        config["process"]["selinuxLabel"] = PROCESS
        config["linux"]["mountLabel"] = FILES
        config["root"]["readonly"] = False

    return bundle.change(change)


def test_this_host_enforces() -> None:
    assert Path("/sys/fs/selinux/enforce").read_text() == "1"


def said(bundle: Bundle) -> list[str]:
    """What the container has written to /tmp/said: the test's own files are closed to it."""
    return (bundle.rootfs / "tmp" / "said").read_text().replace("\0", "\n").splitlines()


def test_the_process_has_its_label_and_may_do_no_more_than_it(
    labelled: Bundle, run: Callable[..., Outcome]
) -> None:
    own, others = labelled.rootfs / "etc" / "own", labelled.rootfs / "etc" / "others"
    own.write_text("own\n")
    label(own, FILES)
    others.write_text("others\n")
    label(others, FILES.replace("c1,c2", "c3,c4"))
    run("cat /proc/self/attr/current /etc/own /etc/others >/tmp/said 2>&1", check=False)
    assert said(labelled) == [
        PROCESS,
        "own",
        "cat: can't open '/etc/others': Permission denied",
    ]


def test_mounts_have_the_mount_label(hutch: Runtime, labelled: Bundle) -> None:
    labelled.sh("echo written >/dev/shm/file && exec sleep 1000")
    hutch("run", "--detach", "--bundle", str(labelled.path), "test")
    root = Path(f"/proc/{hutch.state('test')['pid']}/root")
    for path in ("dev", "dev/null", "dev/shm"):
        assert context_of(root / path) == FILES
    hutch("exec", "test", "sh", "-c", "cat /dev/shm/file >/tmp/said")
    assert said(labelled) == ["written"]


def test_without_a_mount_label_the_containers_own_mounts_are_closed_to_it(
    labelled: Bundle, run: Callable[..., Outcome]
) -> None:
    labelled.change(lambda config: config["linux"].pop("mountLabel"))
    run("exec 2>/tmp/said; echo >/dev/shm/file", check=False)
    assert said(labelled) == ["sh: can't create /dev/shm/file: Permission denied"]


def test_an_option_may_label_a_mount_too_and_a_long_one_goes_by_mount(
    labelled: Bundle, tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    """fsconfig(2) takes the label as it is, mount(2) in quotes; podman always writes quotes."""
    labelled.change(lambda config: config["linux"].pop("mountLabel"))
    lower, lowest = tmp_path / ("l" * 200), tmp_path / ("m" * 200)
    lower.mkdir()
    lowest.mkdir()
    (lowest / "file").write_text("below\n")
    context = f'context="{FILES}"'
    lowers = f"lowerdir={lower}:{lowest}"
    mounts = [
        {"destination": "/tmp/small", "type": "tmpfs", "source": "tmpfs", "options": [context]},
        {"destination": "/var", "type": "overlay", "source": "o", "options": [lowers, context]},
    ]
    labelled.change(lambda config: config["mounts"].extend(mounts))
    run("exec >/tmp/said 2>&1; cat /var/file; echo small >/tmp/small/file; cat /tmp/small/file")
    assert said(labelled) == ["below", "small"]


def test_exec_takes_the_containers_label_or_its_own(hutch: Runtime, labelled: Bundle) -> None:
    labelled.args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(labelled.path), "test")
    words = ("test", "sh", "-c", "cat /proc/self/attr/current >/tmp/said")
    hutch("exec", *words)
    assert said(labelled) == [PROCESS]
    other = PROCESS.replace(LEVEL, "s0:c1,c2,c9")
    hutch("exec", "--process-label", other, *words)
    assert said(labelled) == [other]


def test_a_labelled_container_lives_in_a_scope_of_systemds(
    labelled: Bundle, systemd: Runtime, no_traces: None
) -> None:
    systemd("run", "--detach", "--bundle", str(labelled.path), "web")
    process = Path("/proc", str(systemd.state("web")["pid"]))
    assert (process / "attr" / "current").read_text().rstrip("\0") == PROCESS
    assert (process / "cgroup").read_text() == f"0::/{SLICE}/hutch-web.scope\n"
    systemd("update", "--pids-limit", "33", "web")
    assert shown("hutch-web.scope", "TasksMax") == {"TasksMax": "33"}
    systemd("exec", "web", "sh", "-c", "cat /proc/self/attr/current >/tmp/said")
    assert said(labelled) == [PROCESS]
    systemd("delete", "--force", "web")


def test_a_label_that_the_policy_does_not_know_is_an_error_that_says_so(
    hutch: Runtime, labelled: Bundle, no_traces: None
) -> None:
    unknown = PROCESS.replace("container_t", "nowhere_t")

    def change(config: dict[str, Any]) -> None:
        config["process"]["selinuxLabel"] = unknown

    labelled.change(change)
    message = hutch.refuses("run", "--bundle", str(labelled.path), "test")
    assert "process.selinuxLabel" in message
    assert "policy" in message
    assert hutch.ids() == []


def test_a_mount_label_that_the_policy_does_not_know_is_an_error(
    hutch: Runtime, labelled: Bundle, no_traces: None
) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["mountLabel"] = FILES.replace("container_file_t", "nowhere_t")

    labelled.change(change)
    message = hutch.refuses("run", "--bundle", str(labelled.path), "test")
    assert "linux.mountLabel" in message


@pytest.fixture
def permissive() -> Iterator[None]:
    """SELinux only watches: Debian's policy does not let CRIU do its work (userfaultfd(2))."""
    enforce = Path("/sys/fs/selinux/enforce")
    enforce.write_text("0")
    yield
    enforce.write_text("1")


def test_restore_gives_mounts_another_context_if_asked_for(
    hutch: Runtime, labelled: Bundle, tmp_path: Path, permissive: None
) -> None:
    labelled.config["process"].pop("selinuxLabel")
    counter = Counter(hutch, labelled, tmp_path)
    counter.run()

    def contexts() -> set[str]:
        root = Path(f"/proc/{hutch.state('test')['pid']}/root")
        return {context_of(root / path) for path in ("dev", "dev/shm")}

    counter.checkpoint()
    counter.restore()
    assert contexts() == {FILES}
    counter.checkpoint()
    other = FILES.replace("c1,c2", "c1,c3")
    counter.restore("--lsm-mount-context", other)
    assert contexts() == {other}
    hutch("delete", "--force", "test")


def test_a_container_that_criu_has_taken_the_label_from_is_not_restored(
    hutch: Runtime, labelled: Bundle, tmp_path: Path, permissive: None, no_traces: None
) -> None:
    """Debian's CRIU is built without SELinux, and would leave the container with our own label."""
    counter = Counter(hutch, labelled, tmp_path)
    counter.run()
    counter.checkpoint()
    words = ["restore", *counter.flags, "--detach", "--bundle", str(labelled.path)]
    assert f"instead of {PROCESS}" in hutch.refuses(*words, "test")
    words += ["--lsm-profile", f"selinux:{PROCESS}"]
    assert "selinux LSM specified but selinux not supported" in hutch.refuses(*words, "test")
    assert hutch.ids() == []
