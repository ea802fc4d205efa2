"""A supervisor beside a container: it is told of system calls by the seccomp filter, and answers.

`create` asks a ``Watch`` for the filter in place of that of config.json, and hands it the filter's
listener in place of the seccomp agent. The watch then starts two processes:

    guard        waits for the supervisor; if that one dies, kills the container, whose calls
                 nobody would answer (the kernel lets them fail with ENOSYS)
    supervisor   answers until the last process with the filter has ended, then reports

Both are in a session of their own, so that neither Ctrl-C nor the end of the runtime ends them. The
supervisor also listens at ROOT/ID/seccomp.sock, where `exec` hands over the listeners of the
processes that it adds (``joined``).
"""

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, TypedDict, cast

import hutch
from hutch.container.cold.seccomp.filters import ALLOW, ERRNO, KILLING, LOG, allowing_all, telling
from hutch.container.filter_cache import filter_for
from hutch.container.seccomp_agent import Agent
from hutch.container.store import Store
from hutch.errors import ConfigError, HutchError

if TYPE_CHECKING:
    from hutch.container.state import State
    from hutch.kernel.seccomp import Filter
    from hutch.spec.config import Seccomp

SOCKET = "seccomp.sock"
# The answers of the profile's filter in whose place the supervisor is asked.
REPLACED = {"record": (ALLOW, LOG, ERRNO), "explain": (ERRNO, *KILLING)}
STARTED = b"started"
PATIENCE = 10.0  # seconds for what needs no waiting, unless the other process has died
GUARD = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from hutch.container.cold.seccomp.guard import main; main()"
)


class Task(TypedDict, total=False):
    """What the supervisor is asked to do. ``profile`` is that of config.json, and ``program`` its
    filter, in hexadecimal; ``profile`` is missing if the config has none. ``log`` and
    ``log_format`` are those of the command. explain: ``by_rule`` as in Explainer. record: ``file``
    gets the profile, ``before`` is the one that it has now."""

    kind: str
    profile: "Seccomp"
    program: str
    log: str
    log_format: str
    by_rule: bool
    file: str
    before: "Seccomp"


class Report(TypedDict, total=False):
    """What the supervisor says at the end. ``error`` is its failure. explain: ``refused`` counts
    calls. record: how many ``calls`` the profile allows, how many of them ``with_args`` only, how
    many are ``new``; ``notes`` are sentences for people; ``profile`` is what it has written."""

    error: str
    refused: int
    calls: int
    with_args: int
    new: int
    notes: list[str]
    profile: "Seccomp"


class Watch:
    """The supervisor of one container, as its runtime sees it.

    ``task`` is for the supervisor, whose module is ``supervisor``; its kind is a key of REPLACED.
    Its ``profile``, if it has one, is taken in place of that of config.json. ``root`` is the state
    directory.
    """

    watches = True  # the listener must be fetched: hutch-init cannot send it (Init.fetch)

    def __init__(self, task: Task, supervisor: str, root: "str | None" = None) -> None:
        self.kind = task["kind"]
        self._task = task
        self._supervisor = supervisor
        self._store = Store(root)
        self._control: socket.socket | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def filter(self, profile: "Seccomp | None", directory: str) -> "Filter":
        """The filter to load. Raises HutchError."""
        given = self._task.get("profile") or profile
        if given is not None:
            self._task["profile"] = given
        elif self.kind == "explain":
            raise ConfigError("linux.seccomp", "is missing: there is no filter to explain")
        filter, own = watched_filter(self.kind, given, directory)
        self._task["program"] = own.program.hex()
        return filter

    def hand_over(self, state: "State", status: str, pid: int, listener: int) -> None:
        """Starts the supervisor for process ``pid``, and closes ``listener``. Raises HutchError."""
        directory = self._store.directory(state.id)
        ours, theirs = socket.socketpair()
        server = _listening(directory)
        first = os.pidfd_open(pid)
        task = os.memfd_create("task")
        with os.fdopen(os.dup(task), "w") as file:
            json.dump(self._task, file)
        os.lseek(task, 0, os.SEEK_SET)
        kept = [first, listener, server.fileno(), theirs.fileno(), task]
        packages = os.path.dirname(hutch.__path__[0])
        python = [sys.executable, "-I", "-S", "-X", "utf8", "-c"]
        try:
            self._guard = subprocess.Popen(
                [*python, GUARD, packages, self._supervisor, directory, *map(str, kept)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=kept,
                start_new_session=True,
            )
        except OSError as error:
            raise HutchError(f"start {sys.executable}: {error.strerror}") from None
        finally:
            for fd in (first, listener, task):
                os.close(fd)
            server.close()
            theirs.close()
        self._control = ours

    def started(self) -> None:
        """Says that the program was executed."""
        if self._control is not None:
            try:
                self._control.send(STARTED)
            except OSError:
                return  # the supervisor has died: `report` says so

    def report(self) -> Report | None:
        """What the supervisor reports after the container's end; None if other processes with the
        filter still run. Raises HutchError if the supervisor was killed."""
        if self._control is None:
            return None
        self._control.settimeout(PATIENCE)
        data = b""
        try:
            while part := self._control.recv(65536):
                data += part
        except TimeoutError:
            return None
        except ConnectionResetError:
            pass
        finally:
            self._control.close()
        if self._guard is not None:
            self._guard.wait()
        if not data:
            raise HutchError(
                "the supervisor of the container's system calls was killed, "
                "and the container with it"
            )
        report = cast("Report", json.loads(data))
        if "error" in report:
            raise HutchError(report["error"])
        return report


def watched_filter(kind: str, profile: "Seccomp | None", directory: str) -> "tuple[Filter, Filter]":
    """(the filter that tells of calls, the filter of the profile). Raises HutchError."""
    own = filter_for(profile, directory) if profile else allowing_all()
    return telling(own, REPLACED[kind]), own


def joined(store: Store, state: "State", profile: "Seccomp | None") -> "tuple[Filter, Agent]":
    """The filter of a process that `exec` adds to a watched container, and what hands its listener
    to the supervisor of the container. Raises HutchError if that has ended."""
    assert state.choices is not None
    kind = state.choices["watched"]
    directory = os.open(store.directory(state.id), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        agent = Agent(
            {
                "defaultAction": "SCMP_ACT_ALLOW",
                "listenerPath": f"/proc/self/fd/{directory}/{SOCKET}",
            }
        )
    finally:
        os.close(directory)
    return watched_filter(kind, profile, store.root + "/.filters")[0], agent


def _listening(directory: str) -> socket.socket:
    """A socket in the directory; its name may be longer than an address can be (unix(7))."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    folder = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        server.bind(f"/proc/self/fd/{folder}/{SOCKET}")
        server.listen(64)
    except OSError as error:
        server.close()
        raise HutchError(f"make {directory}/{SOCKET}: {error.strerror}") from None
    finally:
        os.close(folder)
    return server
