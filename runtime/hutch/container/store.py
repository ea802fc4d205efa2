"""The state directory: ``ROOT/ID/`` with state.json, config.json and the fifos of `start`.

A file is written under another name and then renamed, so readers always see a complete file.
Nothing is synced to the disk: the state is useless after a reboot. A runtime must hold the flock(2)
of a container's directory before it changes the container. The kernel frees the lock of a dead
runtime, so another runtime can remove what the dead one has left.
The root and everything in it has mode 0700 and must belong to the caller (security.md S-12, S-56):
files in it, such as hooks, decide what the runtime executes. So no verb opens a directory that
another user can write to.
"""

import posix
from fcntl import LOCK_EX, LOCK_NB, flock

from hutch.errors import HostError, HutchError, KernelError, NotFound, StateDamaged, StateError
from hutch.spec.container_id import check_identifier
from hutch.spec.json import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.state import State
    from hutch.spec.config import CheckedConfig

DEFAULT_ROOT = "/run/hutch"
# From errno(3). The module errno is not imported here: its import takes too long for three numbers.
ENOENT, ENOTEMPTY, ELOOP = 2, 39, 40
S_IFMT, S_IFDIR, OTHERS_WRITE = 0o170000, 0o040000, 0o022  # inode(7)
CHUNK = 1 << 14  # a larger buffer is new memory, or mapped and unmapped for every read (mallopt(3))
_READ = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW
_FOLDER = posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC | posix.O_NOFOLLOW
_WRITE = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC | posix.O_NOFOLLOW


def default_root() -> str:
    """The default state directory: /run/hutch for root, else $XDG_RUNTIME_DIR/hutch. Raises
    HostError if that variable is not set."""
    if posix.geteuid() == 0:
        return DEFAULT_ROOT
    runtime = posix.environ.get(b"XDG_RUNTIME_DIR")
    if not runtime:
        raise HostError(
            "XDG_RUNTIME_DIR is not set, so there is no place for the state of containers",
            hint="set it, or give --root",
        )
    return runtime.decode() + "/hutch"


class Store:
    """The state directories of all containers below one root."""

    __slots__ = ("given", "root")

    def __init__(self, root: "str | None" = None) -> None:
        self.given = bool(root)
        self.root = absolute(root) if root else default_root()

    def directory(self, id: str) -> str:
        """The path of the container's directory. The id is checked before it becomes part of a path
        (S-44)."""
        check_identifier(id)
        return self.root + "/" + id

    def ids(self) -> "list[str]":
        """The ids of all containers, sorted. If the default root does not exist, there are none; if
        a root was given and does not exist, KernelError is raised."""
        try:
            check_owned(self.root, posix.stat(self.root))
            names = posix.listdir(self.root)
        except OSError as error:
            if error.errno == ENOENT and not self.given:
                return []
            raise KernelError("list " + self.root, "open", error.errno) from None
        return sorted(name for name in names if not name.startswith("."))

    def make(self, id: str) -> "Entry":
        """A new, empty, locked directory. Raises StateError if the id is in use, KernelError or
        HostError."""
        directory = self.directory(id)
        self._make_root()
        try:
            posix.mkdir(directory, 0o700)
        except FileExistsError:
            raise StateError(
                "container with given ID already exists: " + id,
                id=id,
                hint="choose another id, or remove it with: hutch delete " + id,
            ) from None
        except OSError as error:
            raise KernelError("make " + directory, "mkdir", error.errno) from None
        entry = Entry(id, directory)
        try:
            locked = entry.lock(wait=False)
        except KernelError:
            posix.rmdir(directory)
            raise
        # Another runtime may have deleted the directory before we had the lock, and made a new one.
        if not locked or posix.listdir(directory):
            entry.release()
            raise StateError("container " + id + " is being worked on by another runtime", id=id)
        return entry

    def open(self, id: str) -> "Entry":
        """The container's directory, locked; waits while another runtime holds the lock. Raises
        NotFound, and all that ``find`` raises."""
        entry = self.find(id)
        if not entry.lock(wait=True):
            raise NotFound("container does not exist: " + id, id=id)
        return entry

    def find(self, id: str) -> "Entry":
        """The container's directory, not locked. Raises NotFound if it does not exist, HostError if
        another user owns it or may write to it, or to the root."""
        directory = self.directory(id)
        try:
            root = posix.stat(self.root)
            status = posix.lstat(directory)
        except FileNotFoundError:
            raise NotFound("container does not exist: " + id, id=id) from None
        except OSError as error:
            raise KernelError("look for " + directory, "stat", error.errno) from None
        check_owned(self.root, root)
        check_owned(directory, status)
        return Entry(id, directory)

    def _make_root(self) -> None:
        make_directories(self.root)
        check_owned(self.root, posix.stat(self.root))


def check_owned(path: str, status: posix.stat_result) -> None:
    """Raises HostError if a state directory belongs to another user, or if other users may write to
    it (S-12)."""
    if status.st_uid != posix.geteuid():
        raise HostError(
            "the state directory " + path + " belongs to another user",
            hint="give another --root, or call as uid " + str(status.st_uid),
        )
    if status.st_mode & OTHERS_WRITE and status.st_mode & S_IFMT == S_IFDIR:
        raise HostError(
            "other users may write to the state directory " + path,
            hint="chmod go-w " + path + ", or give another --root",
        )


class Entry:
    """One container's directory."""

    __slots__ = ("_lock", "directory", "id")

    def __init__(self, id: str, directory: str) -> None:
        self.id = id
        self.directory = directory
        self._lock = -1

    def lock(self, wait: bool) -> bool:
        """Takes the lock. Returns False if the directory does not exist any more, or if another
        runtime holds the lock and ``wait`` is false. Raises KernelError, or StateError if another
        runtime holds it for too long (long_wait.py)."""
        while True:
            try:
                self._lock = posix.open(self.directory, _FOLDER)
                try:
                    flock(self._lock, LOCK_EX | LOCK_NB)
                except BlockingIOError:
                    if not wait:
                        raise
                    from hutch.container.long_wait import wait_for_lock

                    wait_for_lock(self._lock, self.id)
                if posix.fstat(self._lock).st_ino == posix.stat(self.directory).st_ino:
                    return True
            except (BlockingIOError, FileNotFoundError):
                self.release()
                return False
            except StateError:
                self.release()
                raise
            except OSError as error:
                self.release()
                raise KernelError("lock " + self.directory, "flock", error.errno) from None
            # While we waited, the directory was removed and a new one was made under its name.
            self.release()

    def release(self) -> None:
        """Releases the lock, if it is held."""
        if self._lock >= 0:
            posix.close(self._lock)
            self._lock = -1

    def write(self, name: str, data: bytes) -> None:
        """Writes or replaces a file. Raises KernelError; the old file then stays unchanged."""
        write_file(self.directory + "/" + name, data, 0o600)

    def has(self, name: str) -> bool:
        """Whether a file of this name exists."""
        try:
            posix.lstat(self.directory + "/" + name)
        except OSError:
            return False
        return True

    def read(self, name: str) -> bytes:
        """The content of a file. Raises StateDamaged if it is missing, else KernelError."""
        path = self.directory + "/" + name
        try:
            return read_file(path)
        except FileNotFoundError:
            # containerd's shim must take a container that create or delete has left half done for
            # one that is gone.
            raise StateDamaged(
                "container does not exist: " + self.id + " has no " + name,
                id=self.id,
                hint="remove what is left of it with: hutch delete --force " + self.id,
            ) from None
        except OSError as error:
            raise KernelError("read " + path, "read", error.errno) from None

    def save_state(self, state: "State") -> None:
        self.write("state.json", encode(state.to_json()).encode())

    def load_state(self) -> "State":
        """Reads state.json; older versions' forms are read too. Raises StateDamaged if it is
        missing or damaged, StateError if a newer version wrote it."""
        from hutch.container.state import State, damaged

        try:
            value = decode(self.read("state.json"), "state.json")
        except StateDamaged:
            raise
        except HutchError as error:
            raise damaged(self.id, str(error)) from None
        return State.from_json(value, self.id)

    def load_config(self) -> "CheckedConfig":
        """The config that create has kept; it was checked then, so it is not checked again."""
        config = decode(self.read("config.json"), "config.json")
        assert isinstance(config, dict)
        return config  # type: ignore[return-value]

    def remove(self, *, again: bool = False) -> None:
        """Removes the directory; succeeds if it does not exist any more. Raises KernelError. The
        state goes last: with it, the removal can be repeated. `kill` may write its note meanwhile;
        then all is done again."""
        try:
            names = posix.listdir(self.directory)
        except FileNotFoundError:
            return
        if "state.json" in names:
            names.remove("state.json")
            names.append("state.json")
        for name in names:
            try:
                posix.unlink(self.directory + "/" + name)
            except IsADirectoryError:
                _remove_directory(self.directory + "/" + name)
            except FileNotFoundError:
                continue
            except OSError as error:
                path = self.directory + "/" + name
                raise KernelError("remove " + path, "unlink", error.errno) from None
        try:
            posix.rmdir(self.directory)
        except OSError as error:
            if error.errno == ENOTEMPTY and not again:
                self.remove(again=True)
            elif error.errno not in (ENOENT, ENOTEMPTY):
                raise KernelError("remove " + self.directory, "rmdir", error.errno) from None


def _remove_directory(path: str) -> None:
    """Removes a directory that has only files in it, as all in a state directory do. rmdir(2) comes
    first: it fails with EBUSY on a mount point, and files of such a mount must not be removed."""
    try:
        try:
            posix.rmdir(path)
        except OSError as error:
            if error.errno != ENOTEMPTY:
                raise
            for name in posix.listdir(path):
                posix.unlink(path + "/" + name)
            posix.rmdir(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise KernelError("remove " + path, "rmdir", error.errno) from None


def make_directories(path: str) -> None:
    """Makes the directory ``path``, which is absolute, and its missing parents with mode 0700.
    Raises KernelError."""
    made = ""
    for part in path.split("/")[1:]:
        made += "/" + part
        try:
            posix.mkdir(made, 0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise KernelError("make " + made, "mkdir", error.errno) from None


def absolute(path: str) -> str:
    """The absolute path, without empty and "." components; ".." stays, since only the kernel can
    resolve it past symbolic links."""
    if not path.startswith("/"):
        path = posix.getcwd() + "/" + path
    return "/" + "/".join([part for part in path.split("/") if part not in ("", ".")])


def read_file(path: str) -> bytes:
    """The content of a file; a symbolic link at its end is an error. Raises OSError."""
    fd = posix.open(path, _READ)
    try:
        parts = []
        while part := posix.read(fd, CHUNK):
            parts.append(part)
        return b"".join(parts)
    finally:
        posix.close(fd)


def open_for_writing(path: str, flags: int, what: str) -> int:
    """Opens a file that the caller of the command names, for writing; makes it with mode 0644 if it
    is missing. ``flags`` are more flags of open(2). Raises KernelError; ``what`` names the file's
    purpose in its sentence.

    If the last component is a symbolic link, it is followed only if it belongs to the caller or to
    root, as /dev/stderr does: a link of another user could make the caller overwrite any file
    (proc_sys_fs(5), protected_symlinks).
    """
    flags |= posix.O_WRONLY | posix.O_CREAT | posix.O_CLOEXEC
    hint = ""
    try:
        try:
            return posix.open(path, flags | posix.O_NOFOLLOW, 0o644)
        except OSError as error:
            if error.errno != ELOOP:
                raise
            if posix.lstat(path).st_uid not in (0, posix.geteuid()):
                hint = "it is a symlink of another user"
                raise
        return posix.open(path, flags, 0o644)
    except OSError as error:
        raise KernelError("open " + what + " " + path, "open", error.errno, hint=hint) from None


def write_file(path: str, data: bytes, mode: int) -> None:
    """Writes a file and renames it to ``path``. Raises KernelError; then no new file is left."""
    folder, _, name = path.rpartition("/")
    temporary = folder + "/." + name + "." + str(posix.getpid())
    try:
        try:
            fd = posix.open(temporary, _WRITE, mode)
        except FileExistsError:  # left by a dead process that had the same pid
            posix.unlink(temporary)
            fd = posix.open(temporary, _WRITE, mode)
        try:
            view = memoryview(data)
            while view:
                view = view[posix.write(fd, view) :]
        finally:
            posix.close(fd)
        posix.rename(temporary, path)
    except OSError as error:
        try:
            posix.unlink(temporary)
        except OSError:
            pass
        raise KernelError("write " + path, "write", error.errno) from None
