"""Idmapped mounts: config.md "POSIX-platform Mounts", the options idmap and ridmap."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hutch.kernel.idmap import user_namespace

from tests.support.containers import Bundle, Outcome, Runtime, reachable

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]


def mapping(inside: int, outside: int, size: int = 100) -> list[dict[str, int]]:
    return [{"containerID": inside, "hostID": outside, "size": size}]


def bind(bundle: Bundle, source: Path, *options: str, **fields: Any) -> None:
    bundle.config["mounts"].append(
        {"destination": "/data", "type": "none", "source": str(source), "options": list(options),
         **fields}
    )  # fmt: skip
    bundle.save()


def in_user_namespace(bundle: Bundle, outside: int) -> None:
    """Maps the container's ids from 0 to the host's from ``outside``, and gives them access."""
    (bundle.rootfs / "data").mkdir()
    bundle.config["linux"]["namespaces"].append({"type": "user"})
    bundle.config["linux"]["uidMappings"] = mapping(0, outside, 1000)
    bundle.config["linux"]["gidMappings"] = mapping(0, outside, 1000)
    reachable(bundle.path)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    """A tree of the host with files of several owners, and with another directory bound in it."""
    path = tmp_path / "source"
    (path / "below").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    subprocess.run(["mount", "--bind", tmp_path / "other", path / "below"], check=True)
    for name, owner in (("five", 5), ("below/six", 6)):
        (path / name).touch()
        os.chown(path / name, owner, owner + 10)
    yield path
    subprocess.run(["umount", path / "below"], check=True)


STAT = "stat -c '%u %g' /data/five /data/below/six"


def test_a_mount_has_a_mapping_of_its_own(run: Run, bundle: Bundle, source: Path) -> None:
    maps = {"uidMappings": mapping(0, 1000), "gidMappings": mapping(0, 2000)}
    bind(bundle, source, "rbind", "idmap", **maps)
    assert run(STAT).lines == ["1005 2015", "6 16"]
    bundle.config["mounts"][-1]["options"] = ["rbind", "ridmap"]
    assert run(STAT).lines == ["1005 2015", "1006 2016"]
    # The specification says that the option SHOULD be given with the mappings.
    bundle.config["mounts"][-1]["options"] = ["rbind", "ro"]
    assert run(STAT + "; (echo x > /data/new) 2>&1; true").lines[:2] == ["1005 2015", "6 16"]
    assert (source / "five").stat().st_uid == 5


def test_what_is_made_there_has_the_owner_of_the_mapping(
    run: Run, bundle: Bundle, source: Path
) -> None:
    source.chmod(0o777)
    bundle.config["process"]["user"] = {"uid": 1005, "gid": 2005}
    bind(
        bundle, source, "bind", "idmap", uidMappings=mapping(0, 1000), gidMappings=mapping(0, 2000)
    )
    run("touch /data/new")
    assert ((source / "new").stat().st_uid, (source / "new").stat().st_gid) == (5, 5)


def test_a_user_namespaces_mapping_serves_a_mount_without_one(
    run: Run, bundle: Bundle, source: Path
) -> None:
    in_user_namespace(bundle, 100000)
    bind(bundle, source, "rbind", "ridmap", "nosuid", "ro")
    done = run(STAT + "; touch /data/new 2>&1; grep ' /data ' /proc/self/mountinfo")
    assert done.lines[:2] == ["5 15", "6 16"]
    assert "Read-only" in done.lines[2]
    assert "ro,nosuid" in done.lines[3]
    assert "idmapped" in done.lines[3]


def test_a_joined_user_namespaces_mapping_serves_too(
    run: Run, bundle: Bundle, source: Path
) -> None:
    in_user_namespace(bundle, 100000)
    namespace = user_namespace("0 100000 1000", "0 100000 1000", "test")
    try:
        for field in ("uidMappings", "gidMappings"):
            del bundle.config["linux"][field]
        bundle.config["linux"]["namespaces"][-1]["path"] = f"/proc/{os.getpid()}/fd/{namespace}"
        bind(bundle, source, "rbind", "idmap")
        assert run(STAT).lines[0] == "5 15"
    finally:
        os.close(namespace)


def test_a_file_can_be_bound_with_a_mapping(run: Run, bundle: Bundle, source: Path) -> None:
    maps = {"uidMappings": mapping(0, 1000), "gidMappings": mapping(0, 2000)}
    bind(bundle, source / "five", "bind", "idmap", **maps)
    assert run("stat -c '%u %g' /data").lines == ["1005 2015"]


def test_a_new_file_system_can_be_mapped_if_the_kernel_supports_it(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.config["mounts"].append(
        {"destination": "/data", "type": "tmpfs", "source": "tmpfs",
         "options": ["idmap", "uid=5", "gid=6", "mode=755"],
         "uidMappings": mapping(0, 1000), "gidMappings": mapping(0, 2000)}
    )  # fmt: skip
    bundle.args("stat", "-c", "%u %g", "/data")
    done = hutch("run", "--bundle", str(bundle.path), "test", check=False)
    if done.code == 0:
        assert done.out == "1005 2006\n"
    else:
        assert "mount tmpfs on /data" in done.err
        assert "mount_setattr(MOUNT_ATTR_IDMAP): invalid argument" in done.err
        assert "this file system does not support idmapped mounts" in done.err


def test_a_file_system_without_idmapped_mounts_is_named(hutch: Runtime, bundle: Bundle) -> None:
    maps = {"uidMappings": mapping(0, 1000), "gidMappings": mapping(0, 2000)}
    bind(bundle, Path("/proc"), "bind", "idmap", **maps)
    error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert "mounts[7].uidMappings: map the ids of /proc: mount_setattr(MOUNT_ATTR_IDMAP)" in error
    assert f"(hint: proc on Linux {os.uname().release} may not take idmapped mounts" in error


def test_without_any_mapping_it_is_an_error(hutch: Runtime, bundle: Bundle, source: Path) -> None:
    bind(bundle, source, "bind", "idmap")
    error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert "there is no mapping" in error
    bundle.config["mounts"][-1]["uidMappings"] = mapping(0, 1000)
    error = hutch.refuses("run", "--bundle", str(bundle.save().path), "test")
    assert "mounts[7].gidMappings: is required together with its counterpart" in error


def test_explain_shows_the_mapping(hutch: Runtime, bundle: Bundle, source: Path) -> None:
    maps = {"uidMappings": mapping(0, 1000), "gidMappings": mapping(0, 2000)}
    bind(bundle, source, "bind", "idmap", **maps)
    out = hutch("explain", str(bundle.path)).out
    assert f"clone {source}, ids mapped: 0 1000 100" in out
    assert "on /data (ids mapped)" in out
