"""What the caller of a sandbox asks for, checked."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from types import EllipsisType
from typing import TypedDict

from hutch.errors import UsageError, shown
from hutch.spec.quantities import parse_size

PIDS = 256  # by default, where the caller may make cgroups
SCRATCH = 64 << 20  # bytes
MAX_OUTPUT = 16 << 20  # bytes of each stream
LEAST_MEMORY = 6 << 20  # as Docker's

Source = str | os.PathLike[str]
Content = str | bytes | os.PathLike[str]


class Options(TypedDict, total=False):
    """The options of all sandboxes.

    ``user``: a name, an id or ``NAME:GROUP`` (default: the image's, or nobody if that is root).
    ``env``: variables beside the image's. ``workdir``: an absolute path (default: the image's).
    ``memory``: bytes, or a text such as "64m". ``cpus``: how many; 0.5 is half of one. ``pids``:
    how many processes and threads (default 256; for a caller without root no limit). ``network``:
    whether the program uses the host's network (default: it has none). ``scratch``: the size of the
    layer that takes what is written (default "64m"; 0: none, the root is read-only). ``mounts``,
    ``writable_mounts``: paths in the container, and the paths of the host that appear there,
    read-only and not. ``pull``: when an image is pulled: "missing" (default), "always", "never".
    ``store``: the directory of images. ``state_root``: the directory for the state of sandboxes.
    ``cgroup_parent``: the cgroup in which that of the container is made.
    """

    user: str | int | None
    env: Mapping[str, str] | None
    workdir: str | None
    memory: int | str | None
    cpus: float | None
    pids: int | None
    network: bool
    scratch: int | str
    mounts: "Mapping[str, Source] | None"
    writable_mounts: "Mapping[str, Source] | None"
    pull: str
    store: "Source | None"
    state_root: "Source | None"
    cgroup_parent: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for a container from its start to its end.

    Sizes are in bytes; None for ``memory``, ``cpus`` or ``pids`` is no limit. ``scratch`` is the
    size of the layer that takes what is written; 0: there is none, and the root is read-only.
    ``mounts`` and ``writable_mounts`` map paths in the container to paths of the host.
    """

    image: Source
    user: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str | None = None
    memory: int | None = None
    cpus: float | None = None
    pids: int | None = None
    pids_asked: bool = False
    network: bool = False
    scratch: int = SCRATCH
    mounts: Mapping[str, Source] = field(default_factory=dict)
    writable_mounts: Mapping[str, Source] = field(default_factory=dict)
    pull: str = "missing"
    store: Source | None = None
    state_root: str = ""
    cgroup_parent: str = ""


def settings(
    image: Source,
    *,
    user: str | int | None = None,
    env: Mapping[str, str] | None = None,
    workdir: str | None = None,
    memory: int | str | None = None,
    cpus: float | None = None,
    pids: int | EllipsisType | None = ...,
    network: bool = False,
    scratch: int | str = SCRATCH,
    mounts: Mapping[str, Source] | None = None,
    writable_mounts: Mapping[str, Source] | None = None,
    pull: str = "missing",
    store: Source | None = None,
    state_root: Source | None = None,
    cgroup_parent: str = "",
) -> Settings:
    """The settings that the arguments mean. Raises UsageError, which names the argument."""
    if memory is not None:
        memory = size(memory, "memory")
        if memory < LEAST_MEMORY:
            raise UsageError("memory: the least is 6m, and None is no limit")
    if cpus is not None and not (isfinite(cpus) and cpus >= 0.01):
        raise UsageError("cpus: the least is 0.01, and None is no limit")
    asked = pids is not ...
    if pids is ...:
        pids = PIDS
    if pids is not None and pids < 1:
        raise UsageError("pids: the least is 1, and None is no limit")
    if pull not in ("missing", "always", "never"):
        raise UsageError(f"pull: {shown(pull)} is none of missing, always, never")
    inside: dict[str, Source] = {}
    for name, given in (("mounts", mounts), ("writable_mounts", writable_mounts)):
        for target, source in (given or {}).items():
            if not target.startswith("/") or target in inside:
                reason = "is there twice" if target in inside else "must be an absolute path"
                raise UsageError(f"{name}: {shown(target)} {reason}")
            if not os.path.exists(source):
                raise UsageError(f"{name}: {shown(os.fspath(source))} does not exist")
            inside[target] = source
    return Settings(
        image,
        str(user) if user is not None else None,
        environment(env or {}),
        absolute(workdir, "workdir") if workdir is not None else None,
        memory,
        cpus,
        pids,
        asked,
        network,
        size(scratch, "scratch"),
        dict(mounts or {}),
        dict(writable_mounts or {}),
        pull,
        store,
        os.fspath(state_root) if state_root is not None else "",
        cgroup_parent,
    )


def size(value: int | str, name: str) -> int:
    """A number of bytes, or a text such as "64m". Raises UsageError."""
    number = parse_size(value, name) if isinstance(value, str) else value
    if number < 0:
        raise UsageError(f"{name}: {value} is less than 0")
    return number


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Checks variables: a name is not empty and has no "=". Raises UsageError."""
    for name in given:
        if not name or "=" in name:
            raise UsageError(f"env: {shown(name)} is no name of a variable")
    return dict(given)


def absolute(path: str, name: str) -> str:
    """Raises UsageError for a path that does not start with "/"."""
    if not path.startswith("/"):
        raise UsageError(f"{name}: {shown(path)} must be an absolute path")
    return path


def command(args: Sequence[str]) -> list[str]:
    """Checks the program and its arguments. Raises UsageError."""
    if isinstance(args, str):
        raise UsageError("args: a list is wanted, not a string", hint='as in ["sh", "-c", "..."]')
    words = [os.fspath(word) for word in args]
    if not words:
        raise UsageError("args: there is no program to run")
    return words


def deadline(timeout: float | None) -> float | None:
    """Checks the seconds that a program may take. Raises UsageError."""
    if timeout is not None and not (isfinite(timeout) and timeout >= 0):
        raise UsageError(f"timeout: {timeout} is no number of seconds")
    return timeout


def limit_of(max_output: int) -> int:
    """Checks how many bytes of output are kept. Raises UsageError."""
    if max_output < 0:
        raise UsageError(f"max_output: {max_output} is less than 0")
    return max_output
