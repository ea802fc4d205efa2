"""What the kernel tells of containers: limits, processes, mounts and cgroups."""

import contextlib
import os
from pathlib import Path

from conformance.engines.wish import Wrong

ROOT = Path("/sys/fs/cgroup")
# Where systemd runs, engines have it make their cgroups. (stage.sh has an empty /run.)
SYSTEMD = Path("/run/systemd/system").is_dir()
UNIFIED = (ROOT / "cgroup.controllers").exists()
SELINUX = Path("/sys/fs/selinux/enforce").exists()
APPARMOR = Path("/sys/kernel/security/apparmor/profiles")


def limit(pid: int, controller: str, file: str, unified: str) -> str:
    """A file of the process's cgroup: ``file`` on cgroup v1, ``unified`` on v2."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return (ROOT / controller / path.lstrip("/") / file).read_text().strip()
        if not names and not (ROOT / controller).is_dir():
            return (ROOT / path.lstrip("/") / unified).read_text().strip()
    raise Wrong(f"{pid} is in no cgroup of {controller}")


def kernel_version() -> tuple[int, int]:
    """The first two numbers of the kernel's release."""
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int(minor)


def may_lower_oom_scores() -> bool:
    """Whether this process has CAP_SYS_RESOURCE."""
    status = Path("/proc/self/status").read_text()
    return bool(int(status.partition("CapEff:")[2].split()[0], 16) & 1 << 24)


def command_lines() -> dict[int, str]:
    """The processes of this pid namespace, by their pids, and their command lines; the name in
    brackets of one that has none."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ")
                name = (entry / "comm").read_text().strip()
                found[int(entry.name)] = words.decode(errors="replace") or f"[{name}]"
    return found


def processes(words: str) -> list[int]:
    """The pids of this pid namespace with this command line."""
    return [pid for pid, line in command_lines().items() if line == words]


def mounts(word: str = "") -> set[str]:
    """The mount points of this namespace whose line of mountinfo holds the word."""
    rows = Path("/proc/self/mountinfo").read_text().splitlines()
    return {row.split()[4] for row in rows if word in row}


def cgroups() -> set[str]:
    """The paths of all cgroups below our own, in all hierarchies."""
    return {path for path, _, _ in os.walk(ROOT)}


def for_containers(path: Path) -> None:
    """Makes a folder of an engine's images. The kernel asks for the label of a layer's file when a
    program protects its memory. container-selinux labels /var/lib/containers so; the files get the
    folder's type."""
    path.mkdir()
    if os.spawnvp(os.P_WAIT, "chcon", ["chcon", "--type", "container_file_t", str(path)]):
        raise Wrong(f"chcon {path}")


def shared_folder(path: Path) -> Path:
    """A folder that is a shared mount of its own: what propagation takes."""
    path.mkdir(parents=True, exist_ok=True)
    if str(path) not in mounts():
        for words in (["--bind", str(path), str(path)], ["--make-shared", str(path)]):
            if os.spawnvp(os.P_WAIT, "mount", ["mount", *words]):
                raise Wrong(f"mount {' '.join(words)}")
    return path
