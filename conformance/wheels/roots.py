"""Fresh root file systems: of Debian, and with musl and busybox alone."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
KEPT = Path(".dev") / "wheels"
SUITES = {"bookworm": "3.11", "trixie": "3.13", "sid": "3.14"}
PACKAGES = "conmon,procps,python3,python3-pip,python3-venv"
MUSL = Path("/usr/lib/x86_64-linux-musl/libc.so")  # of Debian's package musl
LOADER = "lib/ld-musl-x86_64.so.1"
CONMON = "opt/conmon"


def debian(suite: str) -> Path:
    """The root file system of a suite."""
    root = KEPT / "roots" / suite
    if not (root / "complete").exists():
        print(f"debootstrap {suite} (a minute)", flush=True)
        shutil.rmtree(root, ignore_errors=True)
        root.parent.mkdir(parents=True, exist_ok=True)
        words = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(root)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        (root / "complete").touch()
    return root


def musl(root: Path) -> None:
    """Makes a root file system in the folder ``root``: busybox, musl, and conmon. There is no
    conmon for musl at hand, so it is Debian's; its ld.so and libraries, those of glibc, are in a
    folder where only it looks for them."""
    for name in ("bin", "sbin", "usr/bin", "usr/sbin", "etc", "root", "lib", "opt"):
        (root / name).mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    shutil.copy("/bin/busybox", root / "bin/busybox")
    subprocess.run(["chroot", root, "/bin/busybox", "--install", "-s"], check=True)
    shutil.copy(MUSL, root / LOADER)
    _copy_conmon(debian("bookworm"), root)


def _copy_conmon(source: Path, root: Path) -> None:
    folder = root / CONMON
    folder.mkdir()
    said = subprocess.check_output(["chroot", source, "ldd", "/usr/bin/conmon"], text=True)
    for path in re.findall(r"(/\S+) \(0x", said):
        shutil.copy(source / path[1:], folder)
    (loader,) = folder.glob("ld-linux-*")
    subprocess.run(
        ["patchelf", "--set-interpreter", f"/{CONMON}/{loader.name}", "--force-rpath",
         "--set-rpath", f"/{CONMON}", "--output", root / "usr/bin/conmon",
         source / "usr/bin/conmon"],
        check=True,
    )  # fmt: skip


def enter(layers: Sequence[Path], wheels: Path, *words: str) -> bool:
    """Runs a command line in a root; whether it succeeded. The root is made of folders that are
    laid over each other; the first one is the upper one."""
    root = ":".join(str(folder.absolute()) for folder in layers)
    command = [str(HERE / "enter.sh"), root, str(wheels), *words]
    unshare = ["unshare", "--mount", "--propagation", "private", "--net", "--fork"]
    return subprocess.run([*unshare, *command], check=False).returncode == 0
