"""hutch.Sandbox: a container that stays, in which programs run one after another or at once."""

import atexit
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Unpack
from weakref import WeakSet

from hutch.cgroups.tree import in_user_namespace
from hutch.container.enter import execute, process_for
from hutch.container.status import start_time
from hutch.engine.sandbox import files as inside
from hutch.engine.sandbox.box import Box
from hutch.engine.sandbox.leftovers import discard_scratch
from hutch.engine.sandbox.places import Places, bounds, make_layer, state_store
from hutch.engine.sandbox.process import Process
from hutch.engine.sandbox.result import Result
from hutch.engine.sandbox.roots import root_of
from hutch.engine.sandbox.run import Output, encoded
from hutch.engine.sandbox.settings import (
    MAX_OUTPUT,
    Content,
    Options,
    Source,
    absolute,
    command,
    environment,
    limit_of,
    settings,
)
from hutch.engine.sandbox.shared import shared_places
from hutch.engine.sandbox.streams import Kept, Streams
from hutch.errors import HutchError, KernelError, StateError, UsageError
from hutch.kernel.mounts import mount

if TYPE_CHECKING:
    from hutch.container.enter import ExecOptions

NOSUID, NODEV = 2, 4  # mount(2)
NO_LAYER = "files: without a scratch layer (scratch=0) there is no place for them"
SNAPSHOTS = 64  # mount(2) has a limit for layers, with those of the image


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a Sandbox at some moment. It belongs to that Sandbox."""

    sandbox: "Sandbox"
    number: int
    mark: str


_OPEN: "WeakSet[Sandbox]" = WeakSet()


@atexit.register
def _close_all() -> None:
    for sandbox in list(_OPEN):
        with suppress(HutchError):
            sandbox.close()


class Sandbox:
    """A container for several programs. Its files and its processes stay between them.

        with hutch.Sandbox("python:3.12", memory="256m") as box:
            box.put({"/tmp/main.py": source})
            result = box.run(["python3", "/tmp/main.py"], timeout=10)
            report = box.get("/tmp/report.json")

    The arguments are those of ``hutch.run`` that hold for the whole container (settings.Options).
    Programs do not see the end of the one before: what it left running goes on. Methods may be
    called from several threads. The container ends with ``close``, at the end of the ``with`` block
    or with this process.
    """

    def __init__(self, image: Source, **options: Unpack[Options]) -> None:
        """Starts the container. Raises what ``hutch.run`` raises."""
        self._settings = settings(image, **options)
        self._lock = RLock()
        self._box: Box | None = None
        self._owner = os.getpid()
        self._processes: list[Process] = []
        self._closed = False
        self._shared = shared_places(self._settings.state_root)
        self._root = root_of(self._settings)
        self._folder: Path | None = None
        # The marks of the layers: of those that are frozen by a snapshot, and of today's.
        self._marks = [secrets.token_hex(4)]
        _OPEN.add(self)
        try:
            if self._settings.scratch:
                self._folder = _make_scratch(self._shared, self._settings.scratch)
                make_layer(self._folder / "0")
            self._started()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all processes and removes the container and its files; nothing if that was done. It
        is done at the end of the process at the latest."""
        if self._owner != os.getpid():
            return  # a child made by fork(2): the sandbox is its parent's
        with self._lock:
            self._closed = True
            self._stop()
            if self._folder is not None:
                discard_scratch(self._folder)
                self._folder = None

    # Programs
    def run(
        self,
        args: Sequence[str],
        *,
        input: bytes | str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | int | None = None,
        workdir: str | None = None,
        timeout: float | None = None,
        max_output: int = MAX_OUTPUT,
        on_output: Output | None = None,
    ) -> Result:
        """Runs a program and waits for its end. The arguments are those of ``hutch.run``; ``env``,
        ``user`` and ``workdir`` are for this program only.

        After a timeout all processes of the container are killed; the files stay. Raises what
        ``hutch.run`` raises, and StateError if the sandbox is closed.
        """
        process = self.start(
            args, input=input, env=env, user=user, workdir=workdir, max_output=max_output
        )
        return process.wait(timeout, on_output=on_output)

    def start(
        self,
        args: Sequence[str],
        *,
        input: bytes | str | None = None,
        interactive: bool = False,
        env: Mapping[str, str] | None = None,
        user: str | int | None = None,
        workdir: str | None = None,
        max_output: int = MAX_OUTPUT,
        stop: int = -1,
    ) -> Process:
        """Starts a program and does not wait for it. With ``interactive`` its input stays open
        after ``input``, for ``Process.write``. When the descriptor ``stop`` can be read, the
        program is killed while it is waited for. The other arguments are those of ``run``."""
        words, kept = command(args), Kept(limit_of(max_output))
        streams = Streams(encoded(input), interactive=interactive)
        try:
            with self._lock:
                box = self._started()
                state, config = box.made.state, box.made.config
                variables = environment(env or {})
                ids, groups, base = None, list[int](), config
                if user is not None:
                    if os.geteuid() != 0 and str(user) not in ("0", "root"):
                        raise UsageError("user: an ordinary user's sandbox has only the user 0")
                    uid, gid, groups, home = self._root.user(str(user))
                    ids = uid, gid
                    variables = {"HOME": home, **variables}
                    # Without the groups of the container's own user.
                    base = {**config, "process": {**config["process"], "user": {}}}
                options: ExecOptions = {
                    "cwd": absolute(workdir, "workdir") if workdir is not None else "",
                    "env": [f"{name}={value}" for name, value in variables.items()],
                    "user": ids,
                    "additional_gids": groups,
                    "stdio": streams.stdio,
                }
                process = process_for(base, words, options)
                began = time.monotonic()
                store = state_store(self._shared.root)
                init = execute(store, state, config, process, options)
                started = Process(self, box, init, streams, kept, began, stop)
                self._processes.append(started)
            streams.let_go()
        except BaseException:
            streams.close()
            raise
        return started

    # Files
    def put(self, files: Mapping[str, Content]) -> None:
        """Writes files, as the argument ``files`` of ``hutch.run``. Raises UsageError,
        KernelError."""
        if self._folder is None:
            raise UsageError(NO_LAYER)
        with self._lock:
            inside.write_files(self._started(), files)

    def get(self, path: str, *, limit: int = MAX_OUTPUT) -> bytes:
        """The content of a regular file, of at most ``limit`` bytes. Raises UsageError if it is
        none, or is larger; KernelError if it does not exist (errno ENOENT) or cannot be read."""
        with self._lock:
            return inside.read_file(self._started(), path, limit)

    # Snapshots
    def snapshot(self) -> Snapshot:
        """Keeps the files as they are now, without a copy of them: today's scratch layer is only
        read from now on, below a new one. Ends all processes. Raises UsageError, KernelError."""
        with self._lock:
            if self._folder is None:
                raise UsageError("without a scratch layer (scratch=0) there is nothing to keep")
            if len(self._marks) > SNAPSHOTS:
                raise UsageError(f"a sandbox can have {SNAPSHOTS} snapshots at most")
            self._check_open()
            self._stop()
            number = len(self._marks) - 1
            self._push()
            return Snapshot(self, number, self._marks[number])

    def restore(self, snapshot: Snapshot) -> None:
        """Brings the files back to a snapshot, which can be used again; later ones are gone. Ends
        all processes. Raises UsageError if the snapshot is not of this sandbox or is gone."""
        with self._lock:
            number = snapshot.number
            if snapshot.sandbox is not self or snapshot.mark not in self._marks[:-1]:
                raise UsageError("restore: the sandbox does not have this snapshot")
            self._check_open()
            self._stop()
            assert self._folder is not None
            while len(self._marks) > number + 1:
                discard_scratch(self._folder / str(len(self._marks) - 1))
                self._marks.pop()
            self._push()

    def _push(self) -> None:
        assert self._folder is not None
        make_layer(self._folder / str(len(self._marks)))
        self._marks.append(secrets.token_hex(4))

    # The container
    def _check_open(self) -> None:
        if self._closed:
            raise StateError("the sandbox is closed", status="stopped")

    def _started(self) -> Box:
        """The container, which is started again if it has ended: after a timeout or a snapshot, or
        because memory ran out."""
        self._check_open()
        if self._box is not None and start_time(self._box.made.init.pid) == 0:
            self._stop()
        if self._box is None:
            places = self._shared
            if self._folder is not None:
                top = len(self._marks) - 1
                frozen = tuple(str(self._folder / str(n) / "upper") for n in reversed(range(top)))
                places = Places(places.root, str(self._folder / str(top)), frozen)
            box = Box(self._settings, self._root, places, [])
            try:
                box.start()
            except BaseException:
                box.remove()
                raise
            self._box = box
        return self._box

    def _stop(self) -> None:
        box, self._box = self._box, None
        if box is not None:
            box.kill()
            for process in self._processes:
                process.reap()
            self._processes = []
            box.remove()

    def end(self, box: Box) -> None:
        """Ends all processes of the container ``box``, if it still has any."""
        with self._lock:
            if self._box is box:
                self._stop()

    def forget(self, process: Process) -> None:
        """The process has ended."""
        with self._lock:
            if process in self._processes:
                self._processes.remove(process)


def _make_scratch(places: Places, size: int) -> Path:
    """The directory for the scratch layers of one Sandbox: a tmpfs of ``size`` bytes. An ordinary
    user may not mount one there, so his is a directory, whose size nothing limits."""
    own = os.getpid()
    folder = places.scratches / f"{own}-{start_time(own)}-{secrets.token_hex(8)}"
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise KernelError(f"make {folder}", "mkdir", error.errno) from None
    if os.geteuid() == 0 and not in_user_namespace():
        try:
            mount(
                "tmpfs", str(folder), "tmpfs", NOSUID | NODEV, ",".join([*bounds(size), "mode=700"])
            )
        except BaseException:
            with suppress(OSError):
                folder.rmdir()
            raise
    return folder
