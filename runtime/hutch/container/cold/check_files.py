"""What `check` finds in the files of a bundle and of the host: the root file system, the ends of
bind mounts, the program, the hooks.

Nothing is executed or changed. What the caller may not see is a note, not an error.
"""

import os
import stat
from collections.abc import Iterator
from errno import EACCES, ENOENT, ENOTDIR
from typing import TYPE_CHECKING

from hutch.container.program_file import is_executable, lookup, problem
from hutch.container.root_view import Found, RootView
from hutch.did_you_mean import nearest
from hutch.errors import ConfigError, errno_text
from hutch.plan.failure import noexec_mount
from hutch.plan.namespaces import host_id

if TYPE_CHECKING:
    from hutch.container.cold.check import Problem
    from hutch.container.cold.remaining import Remaining
    from hutch.plan.operations import Bind, Mount
    from hutch.plan.plan import Plan
    from hutch.spec.config import CheckedConfig, Hook

# The hooks whose programs are the host's; those of startContainer are the container's.
HOST_HOOKS = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")


def file_problems(
    config: "CheckedConfig", plan: "Plan", remaining: "Remaining"
) -> "Iterator[Problem]":
    """The problems of the files that a config names. What has a stand-in is passed over."""
    yield from _hooks_of_the_host(config)
    yield from _listener(config)
    view = RootView(plan.operations)
    yield from _hidden_mounts(view, remaining)
    if remaining.has_stand_in("root", "path"):
        return
    yield from _root(config, view)
    yield from _binds(view)
    process = config.get("process")
    if process is None or remaining.has_stand_in("process"):
        return
    if not remaining.has_stand_in("process", "cwd"):
        yield from _working_directory(process["cwd"], view)
    if not remaining.has_stand_in("process", "args"):
        variables = dict(word.partition("=")[::2] for word in process.get("env") or ())
        path = variables.get("PATH", "")
        for problem in _program(process["args"][0], path, process["cwd"], view):
            yield problem
            break
        else:
            yield from _noexec(process["args"][0], path, process["cwd"], view, plan, remaining)
    for index, hook in enumerate(config.get("hooks", {}).get("startContainer") or ()):
        yield from _inner_hook(f"hooks.startContainer[{index}]", hook["path"], view)
    if process.get("terminal"):
        yield from _terminal(plan)


def _root(config: "CheckedConfig", view: RootView) -> "Iterator[Problem]":
    """root.path: not empty, and every directory above it open to the container's root."""
    try:
        names = os.listdir(view.root)
    except OSError as error:
        reason = f"cannot be read by this caller: {errno_text(error.errno)}"
        yield "note", ConfigError("root.path", reason)
        return
    if not names:
        yield "warning", ConfigError("root.path", "is an empty directory", value=view.root)
    mappings = config.get("linux", {}).get("uidMappings")
    uid = host_id(mappings, 0) if mappings else 0
    if mappings and uid is None:
        yield (
            "warning",
            ConfigError(
                "linux.uidMappings",
                "uid 0 of the container is not mapped: it has no root, who makes its mounts",
            ),
        )
    if not mappings or uid in (None, os.geteuid()):
        return
    folder = view.root
    while folder != "/":
        found = os.stat(folder)
        group = host_id(config.get("linux", {}).get("gidMappings") or [], 0)
        if uid == found.st_uid:
            allowed = found.st_mode & stat.S_IXUSR
        elif group == found.st_gid:
            allowed = found.st_mode & stat.S_IXGRP
        else:
            allowed = found.st_mode & stat.S_IXOTH
        if not allowed:
            yield (
                "error",
                ConfigError(
                    "root.path",
                    f"the container's root, uid {uid} of the host, may not enter {folder} "
                    f"(mode {stat.S_IMODE(found.st_mode):04o}, owner {found.st_uid})",
                    value=config["root"]["path"],
                    hint=f"chmod o+x {folder}, or put the bundle elsewhere",
                ),
            )
        folder = os.path.dirname(folder)


def _binds(view: RootView) -> "Iterator[Problem]":
    """The kinds of files on both ends of a bind mount: both directories, or both not."""
    for number, mount in enumerate(view.mounts()):
        if not mount.pointer:
            continue
        found = view.find(mount.target, number)
        if mount.name == "mount":
            if found.errno == 0 and not found.is_directory():
                yield "error", _mismatch(mount.pointer, mount.target, "needs a directory", found)
            elif found.errno == ENOTDIR:
                yield "error", _below_file(mount.pointer, mount.target, found)
            continue
        if not isinstance(mount.source, str):
            continue
        try:
            mode = os.stat(mount.source).st_mode
        except PermissionError:
            reason = "cannot be checked by this caller: permission denied"
            yield "note", ConfigError(mount.pointer + ".source", reason, value=mount.source)
            continue
        except OSError:
            continue  # of the root: made by a mount before this one
        if found.errno == ENOTDIR:
            yield "error", _below_file(mount.pointer, mount.target, found)
        elif found.errno == 0 and stat.S_ISDIR(mode) != found.is_directory():
            kind = "a directory" if stat.S_ISDIR(mode) else "no directory"
            reason = f"the source {mount.source} is {kind}"
            yield "error", _mismatch(mount.pointer, mount.target, reason, found)


def _mismatch(pointer: str, target: str, reason: str, found: Found) -> ConfigError:
    return ConfigError(
        pointer + ".destination",
        f"{reason}, but the destination is {found.kind()} in the container",
        value=target,
        hint="both must be directories, or neither; a destination that is missing is made",
    )


def _below_file(pointer: str, target: str, found: Found) -> ConfigError:
    return ConfigError(
        pointer + ".destination",
        f"{found.path} is {found.kind()} in the container, so nothing can be below it",
        value=target,
    )


def _hidden_mounts(view: RootView, remaining: "Remaining") -> "Iterator[Problem]":
    """A mount that a later one covers is never seen."""
    mounts: list[Bind | Mount] = []
    for operation in view.mounts():
        target = operation.target.rstrip("/")
        for other in mounts:
            if operation.pointer.partition(".")[0] == other.pointer.partition(".")[0]:
                continue  # the mounts of one entry
            if (other.target + "/").startswith(target + "/") and other.pointer:
                yield (
                    "warning",
                    ConfigError(
                        other.pointer.removesuffix(".type") + ".destination",
                        f"is hidden by {remaining.first_pointer(operation.origin)}, which is "
                        f"mounted over {operation.target} later",
                        value=other.target,
                        hint="list the mount of the directory above first",
                    ),
                )
        mounts.append(operation)


def _working_directory(path: str, view: RootView) -> "Iterator[Problem]":
    found = view.find(path)
    if found.errno == ENOTDIR or (found.errno == 0 and not found.is_directory()):
        reason = f"{found.path} is {found.kind()} in the container, not a directory"
        yield "error", ConfigError("process.cwd", reason, value=path)
    elif found.errno == ENOENT:
        yield (
            "note",
            ConfigError("process.cwd", "does not exist, and is made with mode 0755", value=path),
        )


def _program(program: str, path: str, cwd: str, view: RootView) -> "Iterator[Problem]":
    at = "process.args[0]"
    if "/" not in program and not path:
        reason = "has no slash, and process.env has no PATH in which to look for it"
        hint = 'add "PATH=/usr/sbin:/usr/bin:/sbin:/bin" to process.env'
        yield "error", ConfigError(at, reason, value=program, hint=hint)
        return
    found, unknown = lookup(view, program, path, cwd)
    usable = [one for one in found if is_executable(one)]
    if usable:
        if reason := problem(view, usable[0]):
            reason = f"{usable[0].path} cannot be executed: {reason}"
            yield "error", ConfigError(at, reason, value=program)
        return
    if unknown:
        reason = "cannot be found before the container's mounts are made"
        yield "note", ConfigError(at, reason, value=program)
        return
    present = [one for one in found if one.errno == 0]
    if not present:
        yield "error", _absent(program, path, found, view)
        return
    what = present[0]
    reason = f"{what.path} is {what.kind()} and cannot be executed"
    if what.kind() == "a file":
        reason = f"{what.path} has no execute bit (mode {what.mode & 0o7777:04o})"
    yield "error", ConfigError(at, reason, value=program)


def _noexec(
    program: str, path: str, cwd: str, view: RootView, plan: "Plan", remaining: "Remaining"
) -> "Iterator[Problem]":
    """A program on a mount that is noexec, the container's or the host's."""
    for file in lookup(view, program, path, cwd)[0]:
        if not is_executable(file):
            continue
        reason = ""
        if mount := noexec_mount(plan.operations, file.path):
            reason = f"{remaining.first_pointer(mount[0])}, at {mount[1]}, is noexec"
        elif os.statvfs(file.tree).f_flag & os.ST_NOEXEC:
            reason = f"{file.tree} is on a file system that the host mounts noexec"
        if reason:
            reason = f"cannot be executed: {reason}"
            yield "error", ConfigError("process.args[0]", reason, value=program)
        return


def _absent(program: str, path: str, found: list[Found], view: RootView) -> ConfigError:
    folders = [os.path.dirname(one.path) for one in found]
    names: dict[str, str] = {}
    for folder in folders:
        place = view.find(folder)
        if place.errno == 0 and place.is_directory() and place.tree:
            try:
                listed = os.listdir(place.tree + place.inner)
            except OSError:
                continue
            names.update((name, f"{folder.rstrip('/')}/{name}") for name in listed)
    near = nearest(os.path.basename(program), names)
    hint = f"did you mean {names[near]}?" if near else ""
    if "/" in program:
        return ConfigError(
            "process.args[0]", "does not exist in the container", value=program, hint=hint
        )
    return ConfigError(
        "process.args[0]",
        "executable file not found in $PATH",
        value=program,
        hint=hint or f"PATH in process.env is {path}",
    )


def _hooks_of_the_host(config: "CheckedConfig") -> "Iterator[Problem]":
    hooks = config.get("hooks", {})
    for kind in HOST_HOOKS:
        entries: list[Hook] = hooks.get(kind) or []  # type: ignore[assignment]
        for index, hook in enumerate(entries):
            at = f"hooks.{kind}[{index}].path"
            try:
                mode = os.stat(hook["path"]).st_mode
            except OSError as error:
                severity: tuple[str, ...] = ("note",) if error.errno == EACCES else ("error",)
                reason = errno_text(error.errno)
                problem = ConfigError(at, f"stat {hook['path']}: {reason}", value=hook["path"])
                yield severity[0], problem  # type: ignore[misc]
                continue
            if not stat.S_ISREG(mode) or not mode & 0o111:
                reason = "is not a file that can be executed"
                yield "error", ConfigError(at, reason, value=hook["path"])


def _inner_hook(pointer: str, path: str, view: RootView) -> "Iterator[Problem]":
    found = view.find(path)
    if found.errno is None:
        return
    at = pointer + ".path"
    if found.errno:
        reason = "does not exist in the container, where this hook runs"
        yield "error", ConfigError(at, reason, value=path)
    elif not is_executable(found):
        yield "error", ConfigError(at, "is not a file that can be executed", value=path)
    elif reason := problem(view, found):
        yield "error", ConfigError(at, f"cannot be executed: {reason}", value=path)


def _terminal(plan: "Plan") -> "Iterator[Problem]":
    for operation in plan.operations:
        if operation.name == "mount" and operation.fstype == "devpts":
            return
        if operation.name == "bind" and operation.target in ("/dev", "/dev/pts"):
            return
    reason = 'needs a mount of type "devpts" at /dev/pts, and mounts has none'
    yield "error", ConfigError("process.terminal", reason, value=True)


def _listener(config: "CheckedConfig") -> "Iterator[Problem]":
    """The agent must listen when the container is created."""
    path = config.get("linux", {}).get("seccomp", {}).get("listenerPath")
    if not path:
        return
    at = "linux.seccomp.listenerPath"
    try:
        mode = os.stat(path).st_mode
    except PermissionError:
        return
    except OSError as error:
        reason = f"stat {path}: {errno_text(error.errno)}"
        yield (
            "error",
            ConfigError(at, reason, value=path, hint="start the seccomp agent first"),
        )
        return
    if not stat.S_ISSOCK(mode):
        yield "error", ConfigError(at, "is not a Unix socket", value=path)
