"""The directories of a container's cgroup: makes them, writes to them, lists and removes them.

A container that owns its cgroup may make others below it, thousands of levels deep. So a walk uses
descriptors and one name at a time, never a whole path.
"""

import posix
from errno import EACCES, EBUSY, ENODEV, ENOENT, EOPNOTSUPP, EPERM, EROFS

from hutch.cgroups.files import DIRECTORY, exists, read_file, read_or, write_file
from hutch.cgroups.freezer_state import FROZEN, is_frozen_at
from hutch.errors import KernelError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.resources import CgroupWrite

DENIED = (EACCES, EPERM, EROFS)
CHOOSE = "choose another linux.cgroupsPath, such as /hutch/NAME, or leave it out"


def prepare(cgroup: "Cgroup") -> None:
    """Sets ``made`` to the directories that must be made.

    Call this before the state is saved to disk, so that ``destroy`` can remove what a killed create
    has left. Raises StateError if the cgroup has processes, or if it or a cgroup above is frozen:
    then no process could start in it.
    """
    cgroup.made = []
    seen = set()
    for hierarchy, leaf in cgroup.directories.items():
        if leaf in seen:
            continue
        seen.add(leaf)
        missing = []
        nearest = leaf
        while not exists(nearest):
            missing.append(nearest)
            nearest = nearest.rpartition("/")[0]
        cgroup.made += reversed(missing)
        if not missing and (pids := processes_below(leaf)):
            raise StateError(f"the cgroup {leaf} is in use: {_named(pids)}", hint=CHOOSE)
        if not missing and hierarchy == "devices" and posix.stat(leaf).st_nlink > 2:
            # The kernel then refuses device rules (cgroup-v1/devices.rst, "Hierarchy").
            raise StateError(
                f"the cgroup {leaf} has children, so it cannot have device rules: "
                + ", ".join(sorted(entry.name for entry in posix.scandir(leaf) if entry.is_dir())),
                hint=CHOOSE,
            )
        if hierarchy in FROZEN and is_frozen_at(nearest, hierarchy):
            raise StateError(
                f"the cgroup {nearest} is frozen, so nothing can start in {leaf}",
                hint="thaw it, or choose another linux.cgroupsPath",
            )


def make(cgroup: "Cgroup", needed: "Container[str]") -> None:
    """Makes the directories that ``prepare`` found missing. Raises KernelError, StateError.

    ``made`` then has the directories that this call has made, also after an error. For a caller
    without root, hierarchies that it may not use are removed from ``directories``, unless they are
    ``needed``.
    """
    leaves = set(cgroup.leaves())
    missing, cgroup.made = cgroup.made, []
    denied: list[str] = []
    for path in missing:
        if any(_in(path, other) for other in denied):
            continue
        try:
            _make_with_parents(path)
        except FileExistsError:
            # Another process has made it first. That is allowed for a parent, but not for the
            # container's own cgroup.
            if path in leaves:
                raise StateError(
                    f"the cgroup {path} has just been made by another process",
                    hint="another container with this linux.cgroupsPath is being created",
                ) from None
        except KernelError as error:
            hierarchies = [name for name, leaf in cgroup.directories.items() if _in(leaf, path)]
            if error.errno not in DENIED or any(name in needed for name in hierarchies):
                raise
            if not without_root(cgroup):
                raise
            denied.append(path)
            for name in hierarchies:
                del cgroup.directories[name]
        else:
            cgroup.made.append(path)


def _in(path: str, directory: str) -> bool:
    return path == directory or path[: len(directory) + 1] == directory + "/"


def without_root(cgroup: "Cgroup") -> bool:
    """Whether this process has no root rights on the host: because of its uid, of a user namespace,
    or because the caller says so (``Cgroup.rootless``)."""
    if cgroup.rootless is not None:
        return cgroup.rootless
    return posix.geteuid() != 0 or in_user_namespace()


def in_user_namespace() -> bool:
    """Whether this process is in another user namespace than the host's."""
    return read_or("/proc/self/uid_map").split() != ["0", "0", "4294967295"]


def make_directory(path: str) -> None:
    """Makes the directory of a cgroup. Raises FileExistsError, FileNotFoundError, and KernelError
    for all other errors."""
    try:
        posix.mkdir(path, 0o755)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        if error.errno == ENODEV:
            # ENODEV: the parent is being removed at this moment.
            raise FileNotFoundError(ENOENT, path) from None
        from hutch.cgroups.write_errors import hint_for_making

        raise KernelError(
            "make the cgroup " + path,
            "mkdir",
            error.errno or 0,
            pointer="linux.cgroupsPath",
            hint=hint_for_making(path, error.errno or 0),
        ) from None


def _make_with_parents(path: str) -> None:
    for _ in range(100):
        try:
            make_directory(path)
            return
        except FileNotFoundError:
            # The parent has just been removed, at the end of another container.
            try:
                _make_with_parents(path.rpartition("/")[0])
            except FileExistsError:
                continue
    raise StateError(f"the cgroup {path} cannot be made: its parent is removed again and again")


def put(cgroup: "Cgroup", write: "CgroupWrite") -> None:
    """Carries out one write of ``linux.resources`` in the container's cgroup.

    Raises KernelError or HostError; they name the field and a possible cause.
    """
    directory = cgroup.directories.get("" if cgroup.mode == "v2" else write.controller)
    if directory is None:
        if write.optional:
            return
        from hutch.cgroups.write_errors import missing_hierarchy

        raise missing_hierarchy(write)
    try:
        try:
            write_file(directory + "/" + write.file, write.value)
        except FileNotFoundError:
            if write.fallback is None:
                raise
            file, value = write.fallback
            write_file(directory + "/" + file, value)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and write.optional:
            return
        from hutch.cgroups.write_errors import failed_write

        raise failed_write(cgroup, directory, write, error) from None


def processes_below(path: str) -> "list[int]":
    """The pids in the cgroup ``path`` and in all below it, sorted; [] if it does not exist."""
    try:
        pids = _pids_in(read_file(path + "/cgroup.procs"))
        # The ".." of each child counts as a link of its parent: two links mean no children.
        if posix.stat(path).st_nlink > 2:
            for directory, _, _ in walk(path):
                try:
                    pids |= _pids_in(read_file("cgroup.procs", directory))
                except OSError as error:
                    # EOPNOTSUPP: a threaded cgroup lists no processes; the one above lists them.
                    if error.errno != EOPNOTSUPP:
                        raise
    except OSError:
        return []
    return sorted(pids)


def _pids_in(content: str) -> "set[int]":
    return {int(line) for line in content.split()}


def walk(path: str) -> "Iterator[tuple[int, str, int]]":
    """Yields the cgroups below ``path``, children first: descriptor, name, parent's descriptor.

    Both descriptors are closed when the walk goes on. Cgroups that are removed meanwhile are left
    out. Raises OSError.
    """
    current = posix.open(path, DIRECTORY)
    way: list[str] = []
    todo = [_children(current)]
    try:
        while True:
            if todo[-1]:
                name = todo[-1].pop()
                try:
                    child = posix.open(name, DIRECTORY, dir_fd=current)
                except FileNotFoundError:
                    continue
                posix.close(current)
                current = child
                way.append(name)
                todo.append(_children(current))
                continue
            todo.pop()
            if not way:
                return
            parent = posix.open("..", DIRECTORY, dir_fd=current)
            try:
                yield current, way.pop(), parent
            finally:
                posix.close(current)
                current = parent
    finally:
        posix.close(current)


def _children(directory: int) -> "list[str]":
    with posix.scandir(directory) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def remove_empty(cgroup: "Cgroup") -> bool:
    """Removes the container's own directories that are empty, and takes them out of ``made``.
    Returns whether no processes and no other cgroups are left.

    A directory that was there before the container is not removed, only checked for processes.
    """
    empty = True
    for path in cgroup.leaves():
        if path not in cgroup.made:
            empty = not processes_below(path) and empty
        elif _rmdir(path):
            cgroup.made.remove(path)
        else:
            empty = False
    return empty


def destroy(cgroup: "Cgroup", patience: float) -> None:
    """Removes the directories in ``made``, with all cgroups below the container's own.

    Directories that do not exist any more are no error, and a parent that others use now stays.
    Waits at most ``patience`` seconds in all for dying processes; then raises StateError, which
    names the processes that are left (S-50). Raises KernelError.
    """
    leaves = set(cgroup.leaves())
    made = cgroup.made[::-1]
    busy = [path for path in made if path in leaves and not _rmdir(path)]
    if busy:
        from time import monotonic

        deadline = monotonic() + patience
        for path in busy:
            _remove_with_children(path, deadline)
    for path in made:
        if path not in leaves:
            _rmdir(path)


def _rmdir(path: str) -> bool:
    """Removes the directory ``path``; returns whether it does not exist any more."""
    try:
        posix.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _remove_with_children(path: str, deadline: float) -> None:
    try:
        for directory, name, parent in walk(path):
            _remove(directory, name, parent, path, deadline)
        above = posix.open(path.rpartition("/")[0], DIRECTORY)
        try:
            directory = posix.open(path, DIRECTORY)
            try:
                _remove(directory, path.rpartition("/")[2], above, path, deadline)
            finally:
                posix.close(directory)
        finally:
            posix.close(above)
    except FileNotFoundError:
        return


def _remove(directory: int, name: str, parent: int, path: str, deadline: float) -> None:
    """Removes a cgroup when the processes in it have ended."""
    from time import monotonic, sleep

    pause = 0.0005
    while True:
        try:
            posix.rmdir(name, dir_fd=parent)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != EBUSY:
                raise KernelError(f"remove the cgroup {path}", "rmdir", error.errno or 0) from None
        if monotonic() > deadline:
            pids = processes_below(path)
            raise StateError(
                f"the cgroup {path} cannot be removed: {_named(pids)} did not end",
                hint=f"see /proc/{pids[0]}/stack" if pids else "",
            )
        if not _wait_for_an_end(directory, deadline):
            # No process is listed any more, but the kernel has not yet removed the last one.
            sleep(pause)
            pause = min(pause * 2, 0.02)


def _wait_for_an_end(directory: int, deadline: float) -> bool:
    """Waits until a process of the cgroup ends; False if none is listed."""
    from select import POLLIN, poll
    from time import monotonic, sleep

    try:
        pids = _pids_in(read_file("cgroup.procs", directory))
    except OSError:
        return False
    for pid in pids:
        try:
            pidfd = posix.pidfd_open(pid)
        except OSError:
            continue
        waiting = poll()
        waiting.register(pidfd, POLLIN)
        ended = waiting.poll(max(0, int((deadline - monotonic()) * 1000)))
        posix.close(pidfd)
        if ended:
            # A zombie stays in the list until its parent reaps it.
            sleep(0.0005)
        return True
    return False


def _named(pids: "list[int]") -> str:
    if not pids:
        return "something in it"
    names = ", ".join(str(pid) for pid in pids[:8]) + (", ..." if len(pids) > 8 else "")
    return ("process " if len(pids) == 1 else "processes ") + names
