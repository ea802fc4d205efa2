"""The pods of a store as SQLite keeps them: one row each."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypedDict

from hutch.engine.errors import Conflict, NoSuchPod, name_taken
from hutch.errors import StateError, UsageError, shown
from hutch.image.store import Store

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# What --share can name, and the namespaces that a pod shares unless it does.
SHAREABLE = ("ipc", "net", "pid", "uts")
SHARED = ("ipc", "net", "uts")
EXIT_POLICIES = ("continue", "stop")


class MemoryVolume(TypedDict):
    """A tmpfs of the pod: a folder below its ``volumes``, and how many bytes it takes (0: no
    limit but the kernel's)."""

    name: str
    size: int


class PodOptions(TypedDict, total=False):
    """What a pod was made with; a missing field stands for the default."""

    labels: dict[str, str]
    share: list[str]
    exit_policy: str
    hostname: str  # of its containers
    memory_volumes: list[MemoryVolume]
    limits: dict[str, object]  # of all its containers together (limits.LIMITS)
    cgroup: str  # where these hold
    fs_group: int  # the group of its volumes (kube)
    volumes: dict[str, str]  # the folders in ``volumes``, or claims: what kind each is (kube)


class Pod(NamedTuple):
    """One pod. ``created`` is in seconds since 1970."""

    id: str
    name: str
    created: float
    options: PodOptions

    @property
    def labels(self) -> dict[str, str]:
        return self.options.get("labels", {})

    @property
    def share(self) -> list[str]:
        return self.options.get("share", list(SHARED))

    @property
    def exit_policy(self) -> str:
        return self.options.get("exit_policy", EXIT_POLICIES[0])


def new_id() -> str:
    return os.urandom(32).hex()


def new_pod(name: str, options: PodOptions, id: str = "") -> Pod:
    """A pod with an id of its own, unless one is given; nothing is written. Raises UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{shown(name)} is no name of a pod", hint="letters, digits, and _ . - after the first"
        )
    if unknown := set(options.get("share", [])) - set(SHAREABLE):
        raise UsageError(
            f"{shown(sorted(unknown)[0])} is no namespace that a pod can share",
            hint=", ".join(SHAREABLE),
        )
    if options.get("exit_policy", "stop") not in EXIT_POLICIES:
        raise UsageError(
            f"{shown(options['exit_policy'])} is no exit policy", hint=" or ".join(EXIT_POLICIES)
        )
    return Pod(id or new_id(), name, time.time(), options)


def _pod(row: tuple[object, ...]) -> Pod:
    id, name, created, options = row
    return Pod(str(id), str(name), float(str(created)), json.loads(str(options)))


class Pods:
    """The pods of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.database = store.database

    def folder(self, id: str) -> Path:
        """Where a pod's files are."""
        return self.store.root / "pods" / id

    def volumes(self, id: str) -> Path:
        """Where the folders are that the containers of a pod share."""
        return self.folder(id) / "volumes"

    @contextmanager
    def locked(self, id: str) -> Iterator[None]:
        """Holds the pod's lock, which every verb of it needs."""
        lock = self.store.lock("pod-" + id)
        lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def add(self, pod: Pod) -> None:
        """Raises Conflict if a pod or a container has the name."""
        with self.database.transaction():
            for (id,) in self.database.rows("SELECT id FROM pod WHERE name = ?", pod.name):
                raise Conflict(
                    f"the pod name {shown(pod.name)} is already in use by pod {id[:12]}",
                    id=id, hint=f"warren pod rm {pod.name}, or take another name",
                )  # fmt: skip
            for (id,) in self.database.rows("SELECT id FROM container WHERE name = ?", pod.name):
                raise name_taken(pod.name, id)
            self.database.rows(
                "INSERT INTO pod VALUES (?, ?, ?, ?)",
                pod.id, pod.name, pod.created, json.dumps(pod.options),
            )  # fmt: skip

    def remove(self, id: str) -> None:
        """Forgets a pod, which has no containers any more, and its files. Raises Conflict."""
        with self.database.transaction():
            (count,) = self.database.rows(
                "SELECT count(*) FROM container WHERE json_extract(options, '$.pod') = ?", id
            )[0]
            if int(count):
                raise Conflict(f"pod {id[:12]} has got another container meanwhile", id=id)
            self.database.rows("DELETE FROM pod WHERE id = ?", id)
        self.store.discard(self.folder(id))

    def all(self) -> list[Pod]:
        """All pods, the one made last first."""
        return [_pod(row) for row in self.database.rows(
            "SELECT * FROM pod ORDER BY created DESC, id"
        )]  # fmt: skip

    def get(self, id: str) -> Pod | None:
        """The pod with this whole id."""
        rows = self.database.rows("SELECT * FROM pod WHERE id = ?", id)
        return _pod(rows[0]) if rows else None

    def find(self, text: str) -> Pod:
        """The pod of this name, or whose id begins so. Raises NoSuchPod."""
        rows = self.database.rows(
            "SELECT * FROM pod WHERE name = ? OR substr(id, 1, ?) = ? LIMIT 3",
            text, len(text), text,
        ) if text else []  # fmt: skip
        found = [_pod(row) for row in rows]
        for pod in found:
            if text in (pod.name, pod.id):
                return pod
        if not found:
            raise NoSuchPod(text, [pod.name for pod in self.all()])
        if len(found) > 1:
            raise StateError(f"{shown(text)}: several pods have an id that begins so")
        return found[0]
