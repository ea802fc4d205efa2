"""The cause of a failure of hutch-init, where the error alone does not name it.

The plan says which operation failed and why (hutch.plan.failure). What more there is to say is in
the files of the container and the mounts of the host, which are looked at here, after the failure:
a container that starts pays nothing for it. A cause is in the hint, and in the fields of the error
that the JSON log has.
"""

import posix
from errno import E2BIG, EACCES, ENOENT, ENOEXEC, EPERM, ETXTBSY

from hutch.container.root_view import RootView
from hutch.plan.failure import explain_failure, noexec_mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hutch.container.root_view import Found
    from hutch.errors import HutchError
    from hutch.plan.failure import Failure
    from hutch.plan.operations import Exec, Lookup, Operation, User

ST_NOEXEC = 8  # statvfs(3)
# File systems that a user namespace may mount (FS_USERNS_MOUNT in the kernel).
OF_USER_NAMESPACES = (
    "proc", "sysfs", "tmpfs", "ramfs", "mqueue", "devpts", "cgroup", "cgroup2", "overlay", "fuse",
    "binfmt_misc", "bpf",
)  # fmt: skip


def explained(
    operations: "Sequence[Operation]", failure: "Failure", root: str = ""
) -> "HutchError":
    """The error for a failure in a plan of these operations, with its cause.

    ``root`` is the directory of the container's root if the plan does not make it (exec).
    """
    error = explain_failure(operations, failure)
    if failure.index >= len(operations):
        return error
    operation = operations[failure.index]
    try:
        if operation.name == "exec":
            _of_execve(error, operations, operation, failure.error, root)
        elif operation.name == "lookup" and failure.error == EACCES:
            _of_lookup(error, operations, operation, root)
        elif operation.name == "mount" and failure.error == EPERM:
            _of_refused_mount(error, operation.fstype)
    except OSError:
        pass  # the files cannot be read: the error stays as it is
    return error


def _blame(error: "HutchError", cause: str, sentence: str) -> None:
    error.facts = {**error.facts, "cause": cause}
    error.hint = sentence


def _of_refused_mount(error: "HutchError", fstype: str) -> None:
    """EPERM of a mount: proc and sysfs that are covered, or what no user namespace may mount."""
    from hutch.container.masked_file_systems import reason

    if fstype in ("proc", "sysfs"):
        covered = reason(fstype)
        if covered:
            _blame(
                error,
                "masked",
                f"{covered}; a user namespace may then mount no new one: remove those mounts, "
                f"or bind the host's /{'sys' if fstype == 'sysfs' else 'proc'} with rbind",
            )
    elif fstype not in OF_USER_NAMESPACES:
        _blame(error, "file system", f"a user namespace may not mount {fstype}")


def _of_lookup(
    error: "HutchError", operations: "Sequence[Operation]", operation: "Lookup", root: str
) -> None:
    """EACCES of a program that is there, but is no file that can be executed."""
    from hutch.container.program_file import is_executable, lookup

    view = RootView(operations)
    view.root = view.root or root
    if not view.root:
        return
    for file in lookup(view, operation.file, operation.path, _directory(operations))[0]:
        if file.errno == 0 and not is_executable(file):
            said = f"{file.path} is {file.kind()}"
            if file.kind() == "a file":
                said = f"{file.path} has no execute bit (mode {file.mode & 0o7777:04o})"
            _blame(error, "not executable", said)
            return


def _directory(operations: "Sequence[Operation]") -> str:
    """The working directory of the program."""
    found = "/"
    for operation in operations:
        if operation.name == "chdir":
            found = operation.path
    return found


def _of_execve(
    error: "HutchError",
    operations: "Sequence[Operation]",
    operation: "Exec",
    number: int,
    root: str,
) -> None:
    if number == EPERM:
        _of_filter(error, operations)
        return
    if number == E2BIG:
        sentence = "process.args and process.env together, or one of them, are too long"
        _blame(error, "arguments", sentence)
        return
    from hutch.container.program_file import is_executable, lookup, problem

    view = RootView(operations)
    view.root = view.root or root
    if not view.root:
        return
    path, user = _variables(operation.env).get("PATH", ""), None
    for other in operations:
        if other.name == "user":
            user = other
    files = lookup(view, operation.args[0], path, _directory(operations))[0]
    file = next((found for found in files if is_executable(found)), None)
    if file is None:
        return
    if number in (ENOENT, ENOEXEC):
        if said := problem(view, file):
            cause = "interpreter" if number == ENOENT else "format"
            _blame(error, cause, f"{file.path} cannot be executed: {said}")
    elif number == EACCES:
        _of_denial(error, operations, view, file, user)
    elif number == ETXTBSY:
        _blame(error, "busy", f"a process has {file.path} open for writing")


def _of_filter(error: "HutchError", operations: "Sequence[Operation]") -> None:
    from hutch.container.filter_verdict import forbids_execve

    for operation in operations:
        if operation.name == "seccomp" and forbids_execve(operation.filter):
            sentence = "linux.seccomp forbids execve: allow it in linux.seccomp.syscalls"
            _blame(error, "seccomp", sentence)


def _of_denial(
    error: "HutchError",
    operations: "Sequence[Operation]",
    view: RootView,
    file: "Found",
    user: "User | None",
) -> None:
    """EACCES of execve: a noexec mount, or no right of the user to the file or a directory."""
    if mount := noexec_mount(operations, file.path):
        _blame(error, "noexec", f"{file.path} is on {mount[0]}, at {mount[1]}, which is noexec")
        return
    try:
        if posix.statvfs(file.tree).f_flag & ST_NOEXEC:
            sentence = f"{file.tree} is on a file system that the host mounts noexec"
            _blame(error, "noexec", sentence)
            return
    except OSError:
        pass
    if user is None or any(other.name == "become_root" for other in operations):
        return  # in a user namespace the owners of the host's files are others
    parts = file.path.strip("/").split("/")
    for count in range(len(parts) + 1):
        place = view.find("/" + "/".join(parts[:count]))
        if place.errno == 0 and not _may_execute(place, user):
            what = "execute" if count == len(parts) else "enter the directory"
            _blame(
                error,
                "permissions",
                f"uid {user.uid}, gid {user.gid} of process.user may not {what} {place.path} "
                f"(mode {place.mode & 0o7777:04o}, owner {place.uid}:{place.gid} of the host)",
            )
            return


def _may_execute(found: "Found", user: "User") -> bool:
    """Whether the mode lets the user execute or enter it. The container's root may execute what has
    any execute bit; ids of the host and of the container are the same unless they are mapped."""
    bits = found.mode & 0o111
    if user.uid == 0:
        return bool(bits)
    if user.uid == found.uid:
        return bool(bits & 0o100)
    if found.gid == user.gid or str(found.gid) in user.groups:
        return bool(bits & 0o010)
    return bool(bits & 0o001)


def _variables(environment: "list[str]") -> "dict[str, str]":
    return {name: value for name, _, value in [word.partition("=") for word in environment]}
