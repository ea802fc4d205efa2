"""Makes the disk of the machine from Debian packages: one ext4 file in the cache.

The name of an image contains a digest of all its inputs, so a changed input makes a new image.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import TestHostError, initramfs

SUITE = "bookworm"
SIZE = 4 << 30  # sparse
GUEST = Path(__file__).parent / "guest"
KERNEL = "linux-image-amd64"  # the "cloud" kernel has no 9p
STALE = 30 * 24 * 3600  # seconds without use after which an image is removed

PACKAGES = """
apparmor busybox-static conmon criu crun dbus dbus-user-session iproute2 iptables jq kmod libcap2
libpam-systemd libseccomp2 nftables policycoreutils procps python3 runc selinux-policy-default
selinux-utils systemd systemd-sysv udev uidmap util-linux
""".split()  # noqa: SIM905

# The programs that the host needs, and their packages.
TOOLS = {
    "busybox": "busybox-static",
    "mkfs.ext4": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
}
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")


def say(text: str) -> None:
    print(f"testhost: {text}", file=sys.stderr, flush=True)


def tool(name: str) -> str:
    """The path of a program, searched also in sbin. Raises TestHostError."""
    path = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if path is None:
        raise TestHostError(f"{name} is not installed (Debian package {TOOLS[name]})")
    return path


def call(*words: "str | Path", env: dict[str, str] | None = None) -> None:
    """Runs a program with its output on stderr. Raises TestHostError."""
    done = subprocess.run(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=False,
        env=env,
    )
    if done.returncode:
        raise TestHostError(f"{words[0]} failed with exit status {done.returncode}")


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base).absolute() / "hutch" / "testhost"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def cache_lock() -> Iterator[None]:
    """A lock, so that only one process makes a file that several use."""
    with open(cache() / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def image(more: tuple[str, ...] = ()) -> Path:
    """The folder of the image (disk, vmlinuz, initrd), which is made if it is missing; ``more``
    are packages that it has besides.

    Raises TestHostError.
    """
    if platform.machine() != "x86_64":
        raise TestHostError(f"there is no test host for {platform.machine()} yet, x86_64 only")
    _install_tools()
    folder = cache() / ("image-" + _digest(more))
    if not folder.exists():
        with cache_lock():
            if not folder.exists():
                _clear_stale()
                _make(folder, more)
    os.utime(folder)
    return folder


def _install_tools() -> None:
    missing = []
    for name, package in TOOLS.items():
        try:
            tool(name)
        except TestHostError:
            missing.append(package)
    if not missing:
        return
    if os.geteuid() != 0:
        raise TestHostError("not root, and not installed: " + " ".join(missing))
    say("installing " + " ".join(missing))
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    call(*apt, "update")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    call(*apt, "-y", "--no-install-recommends", "install", *missing, env=environment)


def _digest(more: tuple[str, ...]) -> str:
    packages = [*PACKAGES, *more]
    digest = hashlib.sha256(repr((SUITE, SIZE, KERNEL, packages, LEFT_OUT)).encode())
    for path in (GUEST / "provision", GUEST / "start", GUEST / "container.cil", GUEST / "init"):
        digest.update(path.read_bytes())
    digest.update(Path(initramfs.__file__).read_bytes())
    return digest.hexdigest()[:12]


def _clear_stale() -> None:
    for folder in cache().glob("image-*"):
        if folder.stat().st_mtime < time.time() - STALE:
            shutil.rmtree(folder)


def _make(folder: Path, more: tuple[str, ...]) -> None:
    if os.geteuid() != 0:
        raise TestHostError("the image is made by root only: run it once as root")
    start = time.monotonic()
    say(f"making the image, some minutes, in {folder}")
    work = Path(tempfile.mkdtemp(prefix="making-", dir=cache()))
    try:
        result, root = work / "image", work / "root"
        result.mkdir(mode=0o755)
        _install(root, work, more)
        shutil.copy(root / "boot" / "vmlinuz", result / "vmlinuz")
        (result / "initrd").write_bytes(initramfs.archive(root, GUEST / "init"))
        with open(result / "disk", "wb") as disk:
            disk.truncate(SIZE)
        options = ("-q", "-F", "-m", "0", "-O", "^has_journal")
        extended = "lazy_itable_init=1,root_owner=0:0"
        call(tool("mkfs.ext4"), *options, "-E", extended, "-d", root, result / "disk")
        result.rename(folder)
    finally:
        _remove(work)
    say(f"the image is made: {time.monotonic() - start:.0f} s")


def _install(root: Path, work: Path, more: tuple[str, ...]) -> None:
    """Installs Debian's packages in a folder and runs guest/provision there."""
    sources = work / "sources.list"
    sources.write_text("\n".join(_sources()) + "\n")
    call(
        tool("mmdebstrap"),
        "--mode=root",
        "--variant=minbase",
        "--quiet",
        "--dpkgopt=force-unsafe-io",
        "--skip=cleanup/reproducible",  # it would blank /etc/machine-id
        "--include=" + ",".join([*PACKAGES, *more]),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        f"--customize-hook=copy-in {GUEST} /root",
        f'--customize-hook=chroot "$1" sh /root/guest/provision {KERNEL}',
        '--customize-hook=rm -r "$1/root/guest"',
        SUITE,
        root,
        sources,
        env={**os.environ, "TMPDIR": str(work), "LC_ALL": "C.UTF-8"},
    )


def _sources() -> list[str]:
    """The Debian sources of the host's apt, as lines of a sources.list."""
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    option = f"[signed-by={keyring}] " if keyring.exists() else ""
    form = f"deb {option}$(REPO_URI) $(CODENAME) $(COMPONENT)"
    query = ["apt-get", "indextargets", "--format", form, "Created-By: Packages", "Origin: Debian"]
    for again in (False, True):
        if again:
            call("apt-get", "-qq", "update")
        text = subprocess.run(query, stdout=subprocess.PIPE, text=True, check=True).stdout
        lines = [
            line
            for line in dict.fromkeys(text.splitlines())
            if line.split()[-2].partition("-")[0] == SUITE
        ]
        if lines:
            return lines
    raise TestHostError(f"apt has no Debian source for {SUITE} on this machine")


def _remove(folder: Path) -> None:
    """Removes a folder. First unmounts what a killed mmdebstrap has left mounted in it."""
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        if line.split()[1].startswith(f"{folder}/"):
            call("umount", "-l", line.split()[1])
    shutil.rmtree(folder, ignore_errors=True)
