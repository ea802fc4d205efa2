"""checkpoint: saves a running container to files, with CRIU."""

import posix

from hutch.container import status
from hutch.container.criu import externals, messages
from hutch.container.criu.service import Criu, ProcessNotStopped
from hutch.container.kept_plan import kept_operations
from hutch.container.store import make_directories, write_file
from hutch.errors import KernelError, StateError, UsageError
from hutch.spec.json import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.container.state import State
    from hutch.container.store import Store
    from hutch.errors import HutchError

LOG = "dump.log"
CLONE_NEWNET = 0x40000000
TRIES = 3
DIRECTORY = posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC


class Images:
    """The directories of CRIU: ``images`` for the saved files, ``work`` for its log. Both are
    absolute paths.

    ``options`` are CRIU's own options (messages.OPTIONS), from the command line.
    """

    __slots__ = ("images", "options", "work")

    def __init__(self, images: str, work: str, options: "dict[str, object]") -> None:
        self.images = images
        self.work = work
        self.options = options


def checkpoint(
    store: "Store",
    id: str,
    images: Images,
    *,
    pre_dump: bool = False,
    warn: "Callable[[HutchError], None]" = lambda _: None,
) -> None:
    """Saves a running or paused container and deletes it, unless the option leave_running is set.
    With ``pre_dump`` it saves only the memory, and the container is not deleted. Raises HutchError;
    after an error the container goes on running."""
    entry = store.open(id)
    try:
        state = entry.load_state()
        now = status.status_of(state, entry.directory)
        if now not in (status.RUNNING, status.PAUSED):
            raise StateError(
                "cannot checkpoint a container that is " + now + ": " + id, id=id, status=now
            )
        if status.has_systemd_unit(state):
            from hutch.front import use_interpreter

            use_interpreter()
        config = entry.load_config()
        operations = kept_operations(entry)
        if not operations:
            raise StateError(
                "cannot checkpoint container " + id + ": the version that made it kept no plan",
                id=id,
                status=now,
                hint="start it anew, and checkpoint that",
            )
        pid = state.pid
        make_directories(images.images)
        make_directories(images.work)
        parent = images.options.get("parent_img")
        if isinstance(parent, str) and parent:
            check_parent(images.images, parent)
        streams = externals.streams_of(pid)
        externals.check_terminals(streams, images.options.get("shell_job"))
        options = {
            **images.options,
            "pid": pid,
            "orphan_pts_master": True,
            "external": [
                *externals.namespaces_to_save(config, pid),
                *externals.streams_to_save(streams),
            ],
            "ext_mnt": externals.mounts_to_save(operations, pid),
            "freeze_cgroup": freezer(state),
            "track_mem": bool(pre_dump or parent),
        }
        kept = images.images + "/" + externals.STREAMS
        write_file(kept, encode(streams).encode(), 0o600)
        kind = messages.PRE_DUMP if pre_dump else messages.DUMP
        try:
            save(kind, images, options)
        except BaseException:
            posix.unlink(kept)
            raise
        if not pre_dump and not images.options.get("leave_running"):
            from hutch.container.delete import destroy

            destroy(entry, state, warn)
    finally:
        entry.release()


def save(kind: int, images: Images, options: "dict[str, object]") -> None:
    """Asks CRIU for a dump, and again if it could not stop a process: one that has called vfork(2)
    cannot be stopped before its child calls execve(2) or ends, and where CRIU has stopped the child
    first, it waits for the parent in vain. Both have gone on before the next try."""
    for tries_left in reversed(range(TRIES)):
        try:
            return work_with_criu(kind, images, options, LOG, lambda name, pid, fd: None)
        except ProcessNotStopped:
            if not tries_left:
                raise


def work_with_criu(
    kind: int,
    images: Images,
    options: "dict[str, object]",
    log: str,
    notice: "Callable[[str, int, int], None]",
    *,
    descriptors: "tuple[int, ...]" = (),
    begun: "Callable[[int], None]" = lambda _: None,
) -> None:
    """Starts a CRIU process for one request; ``begun`` is called with its pid before the request
    is sent."""
    opened = []
    try:
        for path in (images.images, images.work):
            opened.append(open_folder(path))
        kept = [*opened, *descriptors]
        status_fd = options.get("status_fd")
        if isinstance(status_fd, int):
            kept.append(status_fd)
        criu = Criu(kept)
        try:
            begun(criu.pid)
            asked = {"images_dir_fd": opened[0], "work_dir_fd": opened[1], **options}
            criu.ask(kind, asked, notice, images.work + "/" + log)
        finally:
            criu.close()
    finally:
        for fd in opened:
            posix.close(fd)


def freezer(state: "State") -> str:
    """The cgroup that CRIU freezes to stop all processes at once; "" if there is none."""
    cgroup = state.cgroup()
    if cgroup is None:
        return ""
    directories = cgroup.directories
    return directories.get("freezer") or directories.get("", "")


def open_folder(path: str) -> int:
    try:
        return posix.open(path, DIRECTORY)
    except OSError as error:
        raise KernelError("open " + path, "open", error.errno) from None


def check_parent(images: str, parent: str) -> None:
    """The images of the earlier checkpoint, as a path relative to the new images."""
    if parent.startswith("/"):
        raise UsageError(
            "--parent-path " + parent + " must be relative", hint="it counts from --image-path"
        )
    try:
        posix.close(posix.open(images + "/" + parent, DIRECTORY))
    except OSError as error:
        raise KernelError(
            "--parent-path " + parent, "open", error.errno, hint="it counts from --image-path"
        ) from None
