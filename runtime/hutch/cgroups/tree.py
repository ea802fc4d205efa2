"""The directories of a container's cgroup: what is there before, what is written into them, what
is in them, their end.

A container that was given its cgroup may have made others below it, thousands deep if it likes: a
walk goes by descriptors, one at a time, and never by a path.
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
    """Finds out which directories have to be made, and keeps them in ``made``.

    To be called before the cgroup is written to disk: ``destroy`` then removes what a create that
    was killed has left. Raises StateError for a cgroup in which processes live already, or that is
    frozen, itself or by one above: a process could never start in it.
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
            # The kernel takes no rules for it then (cgroup-v1/devices.rst, "Hierarchy").
            raise StateError(
                f"the cgroup {leaf} has children, so that its devices cannot be ruled: "
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

    ``made`` then has those that this call has made, also if it fails. A caller without root does
    without the hierarchies that it may not use, unless they are ``needed``: these are left out of
    ``directories``.
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
            # Somebody was quicker. A parent may be shared, the container's own cgroup may not.
            if path in leaves:
                raise StateError(
                    f"the cgroup {path} has just been made by somebody else",
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
    """Whether this process lacks root's power over the host: by its uid, or by a user namespace,
    or because the caller says so (``Cgroup.rootless``)."""
    if cgroup.rootless is not None:
        return cgroup.rootless
    return posix.geteuid() != 0 or in_user_namespace()


def in_user_namespace() -> bool:
    """Whether this process is in another user namespace than the host's."""
    return read_or("/proc/self/uid_map").split() != ["0", "0", "4294967295"]


def make_directory(path: str) -> None:
    """mkdir of a cgroup. Raises KernelError, but FileExistsError and FileNotFoundError as such."""
    try:
        posix.mkdir(path, 0o755)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        if error.errno == ENODEV:
            # What a parent answers that is being removed at this moment.
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
            # The end of another container has just removed the parent that was there before.
            try:
                _make_with_parents(path.rpartition("/")[0])
            except FileExistsError:
                continue
    raise StateError(f"the cgroup {path} cannot be made: its parent vanishes again and again")


def put(cgroup: "Cgroup", write: "CgroupWrite") -> None:
    """Carries out one write of ``linux.resources`` in the container's cgroup.

    Raises KernelError or HostError that name the field and say what may be behind it.
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
    """The pids in the cgroup ``path`` and in all below it; [] where it is gone. Sorted."""
    try:
        pids = _pids_in(read_file(path + "/cgroup.procs"))
        # Every directory counts its own ".." of a child as a link: two mean that there is none.
        if posix.stat(path).st_nlink > 2:
            for directory, _, _ in walk(path):
                try:
                    pids |= _pids_in(read_file("cgroup.procs", directory))
                except OSError as error:
                    # In a threaded cgroup processes have no place; the one above lists them.
                    if error.errno != EOPNOTSUPP:
                        raise
    except OSError:
        return []
    return sorted(pids)


def _pids_in(content: str) -> "set[int]":
    return {int(line) for line in content.split()}


def walk(path: str) -> "Iterator[tuple[int, str, int]]":
    """The cgroups below ``path``, children first: descriptor, name, and the parent's descriptor.

    Both are closed when the walk goes on. What vanishes on the way is left out. Raises OSError.
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
    """Removes the container's own directories, as far as nothing is in them; whether that is all.
    ``made`` then has the others.

    Of one that was there before it is only found out whether processes are in it.
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
    """Removes the directories in ``made``, with all below the container's own.

    What is gone already is fine, and a parent that others use by now stays. Dying processes are
    waited for, ``patience`` seconds altogether; then StateError names the survivors (S-50).
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
    """Whether the directory ``path`` could be removed, or is not there."""
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
    """rmdir, as soon as the processes in ``directory`` are gone."""
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
                f"the cgroup {path} cannot be removed: {_named(pids)} will not end",
                hint=f"see /proc/{pids[0]}/stack" if pids else "",
            )
        if not _wait_for_an_end(directory, deadline):
            # Nobody is listed, but the last one has not quite left.
            sleep(pause)
            pause = min(pause * 2, 0.02)


def _wait_for_an_end(directory: int, deadline: float) -> bool:
    """Waits until a process of the cgroup ends; False where none is listed."""
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
            # A zombie stays in the list until somebody reaps it.
            sleep(0.0005)
        return True
    return False


def _named(pids: "list[int]") -> str:
    if not pids:
        return "something in it"
    names = ", ".join(str(pid) for pid in pids[:8]) + (", ..." if len(pids) > 8 else "")
    return ("process " if len(pids) == 1 else "processes ") + names
