"""A real image: Debian by debootstrap, changed twice by umoci, in gzip and in zstd."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.samples.images import CAPABILITY
from conformance.samples.trees import describe, differences
from tests.support.podman import Podman, merged
from tests.support.registries import Fetch, Warren, skopeo

pytestmark = pytest.mark.root
SUITE = "bookworm"
Facts = dict[bytes, dict[str, Any]]


def run(*words: object) -> None:
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout[-1000:], done.stderr[-1000:])


def bootstrapped(cache: Path, work: Path) -> Path:
    """Debian in a tar archive. Made once: it is kept in pytest's cache for the next run."""
    archive = cache / f"{SUITE}.tar"
    if not archive.exists():
        run("debootstrap", "--variant=minbase", SUITE, work / "root")
        pack = ["tar", "--xattrs", "--format=pax", "--numeric-owner"]
        run(*pack, "-C", work / "root", "-cf", work / "root.tar", ".")
        shutil.move(work / "root.tar", archive)
        shutil.rmtree(work / "root")
    return archive


def first_change(root: Path) -> None:
    """As an administrator changes a system: another user, files that go, come, and are replaced."""
    run("chroot", root, "useradd", "--create-home", "--uid", 70000, "web")
    shutil.rmtree(root / "usr/share/doc")
    (root / "etc/motd").write_text("hello\n")
    (root / "etc/motd").chmod(0o640)
    os.link(root / "etc/motd", root / "usr/share/motd")
    (root / "var/spool/mail").unlink()
    (root / "var/spool/mail").mkdir(mode=0o2775)
    tool = root / "usr/local/bin/tool"
    tool.write_bytes(b"\x7fELF")
    tool.chmod(0o755)
    os.setxattr(tool, "security.capability", CAPABILITY)
    os.setxattr(tool, "user.origin", b"here")
    with (root / "var/sparse").open("wb") as file:
        file.truncate(8 << 20)
        file.seek(1 << 20)
        file.write(b"middle")
    os.mkfifo(root / "run/pipe")
    os.utime(root / "etc/motd", (157_766_400, 157_766_400))


def second_change(root: Path) -> None:
    """On top of it: a folder's mode alone, a file for a folder, a name of 200 letters."""
    (root / "var/lib").chmod(0o711)
    shutil.rmtree(root / "usr/share/man")
    (root / "usr/share/man").write_text("no manual")
    (root / "etc/motd").unlink()
    (root / "home/web" / ("n" * 200)).symlink_to("x" * 200)
    os.mknod(root / "home/web/null", 0o020666, os.makedev(1, 3))
    os.chown(root / "home/web/null", 70000, 5)


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """An OCI layout: the image "gzip" of three layers, "zstd" of the same."""
    work = tmp_path_factory.mktemp("debian")
    cache = work
    if hasattr(pytestconfig, "cache") and pytestconfig.cache is not None:
        cache = pytestconfig.cache.mkdir("debian")
    layout, bundle = work / "layout", work / "bundle"
    run("umoci", "init", "--layout", layout)
    run("umoci", "new", "--image", f"{layout}:gzip")
    run("umoci", "raw", "add-layer", "--image", f"{layout}:gzip", bootstrapped(cache, work))
    run("umoci", "config", "--image", f"{layout}:gzip", "--config.cmd", "/bin/bash")
    run("umoci", "unpack", "--image", f"{layout}:gzip", bundle)
    for change in (first_change, second_change):
        change(bundle / "rootfs")
        run("umoci", "repack", "--refresh-bundle", "--image", f"{layout}:gzip", bundle)
    shutil.rmtree(bundle)
    skopeo("copy", "-q", "--dest-compress-format", "zstd", f"oci:{layout}:gzip",
           f"oci:{layout}:zstd")  # fmt: skip
    return layout


@pytest.fixture(scope="session")
def umocis(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """The tree that umoci unpacks."""
    bundle = tmp_path_factory.mktemp("umoci") / "b"
    run("umoci", "unpack", "--image", f"{debian}:gzip", bundle)
    facts = describe(bundle / "rootfs")
    shutil.rmtree(bundle)
    return facts


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_debian_is_what_umoci_and_podman_make_of_it(
    kind: str,
    debian: Path,
    umocis: Facts,
    registry: str,
    warren: Warren,
    tmp_path: Path,
    fetches: Callable[[int], list[Fetch]],
) -> None:
    """Mode, owner, times, xattrs, links, devices and content of every file.

    Podman alone gives its root a mode of its own, and the time of its pull to that and to folders
    that stand in a lower layer and not in the upper one.
    """
    name = f"{registry}/debian:{kind}"
    skopeo("copy", "-q", "--dest-tls-verify=false", f"oci:{debian}:{kind}", f"docker://{name}")
    warren.ok("pull", "-q", name)
    assert len(fetches(4)) == 4  # three layers and the config, each once
    ours = merged(warren, name, tmp_path / "m")
    assert len(ours) > 5000
    assert differences(ours, umocis) == []
    assert "all is well" in warren.ok("system", "check")
    if kind == "zstd":
        return
    with Podman() as podman:
        podman("pull", "-q", "--tls-verify=false", name)
        theirs = describe(Path(podman("image", "mount", name).split()[-1]))
    found = differences(ours, theirs)
    undescribed = {f"{folder!r}: mtime" for folder in (b"", b"home", b"usr", b"usr/local", b"var")}
    assert {line.rpartition(": ")[0] for line in found} - undescribed == {"b'': mode"}


def test_debian_runs_from_a_bundle(
    debian: Path, umocis: Facts, warren: Warren, tmp_path: Path
) -> None:
    """And it is unpacked as umoci unpacks it, in the one tree of a bundle too."""
    warren.ok("bundle", "-q", f"oci:{debian}:zstd", tmp_path / "b")
    assert differences(describe(tmp_path / "b" / "rootfs"), umocis) == []
    holes = (tmp_path / "b" / "rootfs" / "var" / "sparse").stat()
    assert holes.st_blocks * 512 < 1 << 20 < holes.st_size
    config = (tmp_path / "b" / "config.json").read_text()
    script = "id -u web; cat /etc/debian_version; dpkg --verify base-files >/dev/null; echo $?"
    config = config.replace('"/bin/bash"', f'"/bin/bash", "-c", "{script}"')
    (tmp_path / "b" / "config.json").write_text(config)
    hutch = Path(sys.executable).with_name("hutch")
    done = subprocess.run(
        [hutch, "--root", tmp_path / "state", "run", "-b", tmp_path / "b", "warren-debian"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    user, version, verified = done.stdout.split()
    assert (user, version.partition(".")[0], verified) == ("70000", "12", "0")
