"""Network namespaces with a name: a file below the run folder on which the namespace is mounted.

RUN/netns/ID: the namespace of a container's run. It outlives a program that has ended until the
clean-up removes it, and all links in it.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from hutch.errors import KernelError
from hutch.kernel.mounts import bind, unmount
from hutch.kernel.process import set_namespace, unshare
from hutch.plan.namespaces import CLONE_NEWNET

OWN = "/proc/thread-self/ns/net"
MNT_DETACH = 2
T = TypeVar("T")


def make_namespace(path: Path) -> None:
    """Makes a network namespace, and a file that keeps it. Raises KernelError."""
    host = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            enter_new(path)
        finally:
            set_namespace(host, CLONE_NEWNET)
    finally:
        os.close(host)


def enter_new(path: Path) -> None:
    """The same; this thread is in it from then on. Raises KernelError."""
    path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    path.touch(mode=0o444)
    unshare(CLONE_NEWNET)
    bind(OWN, str(path))


def in_a_thread(work: Callable[[], T]) -> T:
    """Calls ``work`` in a thread of its own. An ordinary user may enter a network namespace, but
    may not come back to the host's: the thread ends there instead."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def remove_namespace(path: Path) -> bool:
    """Removes the file and the namespace. Returns False if there was none. Raises KernelError."""
    try:
        unmount(str(path), MNT_DETACH)
    except KernelError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):
            raise
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


@contextmanager
def inside(namespace: int) -> Iterator[None]:
    """This thread is in another network namespace (a descriptor) meanwhile."""
    host = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        set_namespace(namespace, CLONE_NEWNET)
        try:
            yield
        finally:
            set_namespace(host, CLONE_NEWNET)
    finally:
        os.close(host)
