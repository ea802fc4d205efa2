"""The namespaces in which an ordinary user's warren runs containers.

In a user namespace the caller is root: it may mount what containers need, and what it makes may
have other owners. The ids are those that /etc/subuid and /etc/subgid give the user, if newuidmap is
installed; otherwise there is one, the caller's own.

All who use one store's containers must be in the same two namespaces (user and mount): only there
are the mounts, and the right to signal the processes. As long as a container runs,
``warren-holder`` (native/engine/holder.c) keeps them. If it was killed, those of a container's
conmon are used, and another holder keeps them from then on.
"""

import _signal as signal
import fcntl
import os
import shutil
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x00020000
HOST_USERS = 0xEFFFFFFD  # the host's user namespace (linux/proc_ns.h, PROC_USER_INIT_INO)
HOLDER = "warren-holder"
HOLDERS = (HOLDER, "conmon")


def rootless() -> bool:
    """Whether this process is an ordinary user, be it as root of a user namespace."""
    return os.geteuid() != 0 or os.stat("/proc/self/ns/user").st_ino != HOST_USERS


def usual_network() -> str:
    """The network of a container for which none is asked."""
    return "pasta" if rootless() else "bridge"


def has_ranges() -> bool:
    """Whether the user may map ids beside its own (subuid(5), newuidmap(1))."""
    granted = all(_granted(table) for table in ("/etc/subuid", "/etc/subgid"))
    return granted and shutil.which("newuidmap") is not None


def _granted(table: str) -> bool:
    import pwd

    try:
        names = {str(os.getuid()), pwd.getpwuid(os.getuid()).pw_name}
    except KeyError:
        names = {str(os.getuid())}
    try:
        lines = Path(table).read_text(errors="replace").splitlines()
    except OSError:
        return False
    return any(line.partition(":")[0] in names for line in lines)


def unshare(*, mounts: bool) -> list[str]:
    """The command line, without the program, that makes the namespaces."""
    words = ["unshare", "--user", "--map-root-user", *(["--map-auto"] if has_ranges() else [])]
    return [*words, *(["--mount", "--propagation", "slave"] if mounts else []), "--"]


def enter(store: Path, *, make: bool) -> bool:
    """Makes this process root of the store's namespaces. If nobody is in them they are made anew
    with ``make``; otherwise False. Raises HostError if the kernel or a policy forbids it."""
    with _locked(store, make=make):
        for pid in _holders(store):
            if _join(pid):
                if _comm(pid) != HOLDER:
                    _hold(store, [])
                return True
        if not make:
            return False
        if not _join(_hold(store, unshare(mounts=True))):
            from hutch.errors import HostError

            raise HostError("the user namespace that was just made cannot be entered")
    return True


def keep(store: Path) -> None:
    """Sees to it that a holder keeps our namespaces: a container is about to run in them."""
    with _locked(store, make=True):
        if not any(_comm(pid) == HOLDER for pid in _holders(store)):
            _hold(store, [])


def let_go(store: Path) -> None:
    """Ends the holder: no container runs any more."""
    with _locked(store, make=False):
        for pid in _holders(store):
            if _comm(pid) == HOLDER and _users(pid) == _users(os.getpid()):
                os.kill(pid, signal.SIGKILL)
                (store / "holder.pid").unlink(missing_ok=True)


class _locked:
    """One at a time finds, makes and ends a store's namespaces."""

    def __init__(self, store: Path, *, make: bool) -> None:
        if make:
            store.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self.fd = os.open(store / "holder.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            self.fd = -1  # there is no store yet

    def __enter__(self) -> None:
        if self.fd >= 0:
            fcntl.flock(self.fd, fcntl.LOCK_EX)

    def __exit__(self, *error: object) -> None:
        if self.fd >= 0:
            os.close(self.fd)


def _holders(store: Path) -> "Iterator[int]":
    """Processes that are in the store's namespaces: the holder, and conmons."""
    files = [store / "holder.pid"]
    containers = store / "containers"
    if containers.is_dir():
        files += [containers / id / "conmon.pid" for id in os.listdir(containers)]
    for file in files:
        try:
            pid = int(file.read_text())
        except (OSError, ValueError):
            continue
        if _comm(pid) in HOLDERS:
            yield pid


def _comm(pid: int) -> str:
    """The name of a process; "" if it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _users(pid: int) -> int:
    """Which user namespace a process is in; 0 if it is gone."""
    try:
        return os.stat(f"/proc/{pid}/ns/user").st_ino
    except OSError:
        return 0


def _join(pid: int) -> bool:
    """Enters the namespaces of a process; False if that is not possible, as for one of the host's
    user namespace, or of another user."""
    from hutch.errors import HutchError
    from hutch.kernel.process import set_namespace

    try:
        if _users(pid) == _users(os.getpid()):
            return False
        user = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
        mounts = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    except OSError:
        return False
    here = os.getcwd()
    try:
        set_namespace(user, CLONE_NEWUSER)
        set_namespace(mounts, CLONE_NEWNS)
    except HutchError:
        return False
    finally:
        os.close(user)
        os.close(mounts)
    os.chdir(here)
    return True


def _hold(store: Path, make: list[str]) -> int:
    """Leaves a holder behind, in the namespaces that the command ``make`` makes, or in ours; its
    pid. Raises HostError."""
    import subprocess

    import hutch
    from hutch.errors import HostError

    holder = str(Path(hutch.__path__[0]) / "libexec" / HOLDER)
    ready, tell = os.pipe()
    try:
        process = subprocess.Popen(
            [*make, holder, str(tell)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            pass_fds=(tell,), start_new_session=True, cwd="/",
        )  # fmt: skip
    finally:
        os.close(tell)
    assert process.stderr is not None
    there = os.read(ready, 1)
    os.close(ready)
    if not there:
        said = process.stderr.read().decode(errors="replace").strip() or "unshare says nothing"
        process.wait()
        raise HostError(
            f"no user namespace can be made: {said.splitlines()[-1]}",
            hint="an administrator may have forbidden them (user.max_user_namespaces)",
        )
    process.stderr.close()
    process.returncode = 0  # it is not ours to wait for
    new = store / "holder.pid.new"
    new.write_text(str(process.pid))
    os.replace(new, store / "holder.pid")
    return process.pid
