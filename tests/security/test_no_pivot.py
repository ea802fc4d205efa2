"""--no-pivot: the host's mounts stay below the container's root. The container cannot use them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Outcome, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]

# A process without rights can make a user namespace, and mounts in it.
NESTED = """
unshare -U -r -m -p -f sh -c 'mount -t proc proc /tmp && cat /tmp/version && echo mounted'
unshare -U -r -m -n sh -c 'mount -t sysfs sysfs /tmp && ls /tmp/kernel > /dev/null && echo system'
echo reached
"""


@pytest.fixture
def open_bundle(bundle: Bundle) -> Bundle:
    """A bundle without masks in /proc and /sys, so that both can be mounted again inside. It runs
    as a user, because root without CAP_SETFCAP may not map its own id."""
    bundle.config["process"]["user"] = {"uid": 500, "gid": 500}
    linux = bundle.config["linux"]
    linux.pop("seccomp", None)
    linux["maskedPaths"] = []
    linux["readonlyPaths"] = []
    for entry in bundle.config["mounts"]:
        if entry["type"] in ("proc", "sysfs"):
            entry["options"] = []
    return bundle.save()


@pytest.mark.parametrize("flags", [[], ["--no-pivot"]])
@pytest.mark.parametrize("mapped", [False, True])
def test_s33_proc_cannot_be_mounted_again_without_its_masks(
    run: Run, open_bundle: Bundle, flags: list[str], mapped: bool
) -> None:
    if mapped:
        open_bundle.config["linux"]["namespaces"].append({"type": "user"})
        ids = [{"containerID": 0, "hostID": 0, "size": 1000}]
        open_bundle.config["linux"].update(uidMappings=ids, gidMappings=ids)
        open_bundle.save()
    assert run(NESTED, *flags).lines[-3:] == ["mounted", "system", "reached"]
    open_bundle.config["linux"]["maskedPaths"] = ["/proc/version", "/sys/kernel"]
    open_bundle.save()
    done = run(NESTED, *flags)
    assert done.lines == ["reached"]
    assert done.err.count("mount: permission denied") == 2


@pytest.mark.parametrize("first", ["", "mount -t proc proc /proc;"], ids=["one proc", "two"])
def test_the_mounts_of_the_host_do_not_change(hutch: Runtime, bundle: Bundle, first: str) -> None:
    """The host's proc and sysfs are covered only in the container's mount namespace, also if the
    mounts are shared."""
    bundle.config["linux"]["rootfsPropagation"] = "rshared"
    bundle.save()
    look = first + "mount --make-rshared /; cat /proc/self/mountinfo > before;"
    look += f"{hutch.command} --root {hutch.root} run --no-pivot --bundle {bundle.path} test;"
    look += "echo $?; diff before /proc/self/mountinfo && echo same"
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-uc", look],
        check=True, capture_output=True, text=True, cwd=bundle.path,
    )  # fmt: skip
    assert done.stdout.split() == ["0", "same"], done.stderr


def test_a_procfs_of_the_host_below_another_mount_is_covered_too(
    run: Run, open_bundle: Bundle, tmp_path: Path
) -> None:
    place = tmp_path / "a place"
    place.mkdir()
    subprocess.run(["mount", "-t", "proc", "proc", place], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "cover", place], check=True)
    try:
        assert run(NESTED, "--no-pivot").lines[-1] == "reached"
        open_bundle.config["linux"]["maskedPaths"] = ["/proc/version", "/sys/kernel"]
        open_bundle.save()
        assert run(NESTED, "--no-pivot").lines == ["reached"]
    finally:
        subprocess.run(["umount", place], check=True)
        subprocess.run(["umount", place], check=True)
