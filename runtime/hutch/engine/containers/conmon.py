"""conmon: the process that stays with a container, keeps its output and its exit code, and calls
warren back when it ends (conmon(8)).

It is told where to answer by environment variables: it reads a byte from the start pipe before it
does anything, and writes {"data": PID} or {"data": -1, "message": WHY} to the sync pipe once the
runtime has made the container.

With --exec it does the same for a further program of a container (executions.py). Then it writes
the program's exit code to the sync pipe too, as {"data": CODE}. With --exec-attach it writes a line
to the attach pipe once its attach socket is there, and reads a second byte from the start pipe
before the program begins: so no output is lost.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import hutch
from hutch._json import decode
from hutch.engine.containers.places import Places
from hutch.engine.errors import StartFailed
from hutch.engine.rootless import rootless
from hutch.errors import HostError

NOT_DELEGATED = (
    "limits need a cgroup that the user may use: systemd-run --user --scope -p Delegate=yes warren"
)
LOG = "k8s-file"
PLACES = ("/usr/bin/conmon", "/usr/libexec/podman/conmon", "/usr/lib/podman/conmon")


class Supervision(NamedTuple):
    """How a container is to be supervised."""

    places: Places
    name: str
    runtime: str
    root: str  # the runtime's state directory
    terminal: bool = False
    stdin: bool = False
    leave_stdin_open: bool = False
    log_driver: str = LOG
    log_size: int = 0  # where the log begins anew, and what was written before is lost
    log_tag: str = ""
    attended: str = ""  # the path of Engine.attended
    trace: bool = False
    on_exit: Sequence[str] = ()
    descriptors: Sequence[int] = ()  # that it keeps open: published ports, a lock
    container: str = ""  # where a program is executed; ``places`` are then the execution's
    process: str = ""  # the file that describes that program
    attach: bool = False  # to that program, before it begins

    def arguments(self, program: str) -> list[str]:
        """conmon's command line."""
        places = self.places
        words = [
            program, "--api-version", "1", "-c", self.container or places.id,
            "-u", places.id, "-n", self.name,
            "-r", self.runtime, "-b", str(places.folder), "--full-attach",
            "--exit-dir", str(places.exit_file.parent), "-0", str(places.folder),
            "-p", str(places.folder / "pid"), "-P", str(places.folder / "conmon.pid"),
            "-l", f"{LOG}:{places.log}" if self.log_driver == LOG else self.log_driver + ":",
            "--log-level", "error", "--no-sync-log",
        ]  # fmt: skip
        if self.log_size:
            words += ["--log-size-max", str(self.log_size)]
        words += ["--log-tag", self.log_tag] if self.log_tag else []
        words += ["--exec", "--exec-process-spec", self.process] if self.process else []
        words += ["--exec-attach"] if self.attach else []
        words += ["-t"] if self.terminal else []
        words += ["-i"] if self.stdin else []
        words += ["--leave-stdin-open"] if self.leave_stdin_open else []
        for word in ("--root", self.root, "--log", str(places.runtime_log),
                     "--log-format", "json"):  # fmt: skip
            words += ["--runtime-arg", word]
        if self.trace:
            words += ["--runtime-arg", "--trace", "--runtime-arg", str(places.runtime_trace)]
        if self.on_exit:
            words += ["--exit-command", str(Path(hutch.__path__[0]) / "libexec/warren-ended")]
            for word in (self.attended, str(places.exit_file), *self.on_exit):
                words += ["--exit-command-arg", word]
        return words


def program() -> str:
    """conmon's path: where distributions have it, else in PATH. Raises HostError."""
    for place in PLACES:
        if os.access(place, os.X_OK):
            return place
    import shutil

    found = shutil.which("conmon")
    if found is None:
        raise HostError("conmon is not installed", hint="apt-get install conmon")
    return found


def hutch_program(wanted: str = "") -> str:
    """The path of the runtime: ``wanted`` (a path or a name), else the hutch that was installed
    with this package, or the first in PATH. Raises HostError."""
    if wanted in ("", "hutch") and (installed := installed_command("hutch")):
        return installed
    import shutil

    found = shutil.which(wanted or "hutch")
    if found is None:
        raise HostError(
            f"the runtime {wanted or 'hutch'} is not in PATH", hint="give its path with --runtime"
        )
    return os.path.abspath(found)


def installed_command(name: str) -> str:
    """The path of a command that was installed with this package, "" if there is none.

    The package is PREFIX/lib/python3.N/site-packages/hutch or, for pip install --target,
    PREFIX/hutch. What has no commands has the launchers.
    """
    package = Path(hutch.__path__[0])
    prefixes = [*package.parents[3:4], package.parent]
    places = [*(prefix / "bin" / name for prefix in prefixes), package / "libexec" / name]
    for place in places:
        if os.access(place, os.X_OK):
            return str(place)
    return ""


def own_program(root: str) -> list[str]:
    """The command line that calls warren again, with this store."""
    installed = installed_command("warren")
    # -P: nothing is imported from the folder that it happens to run in.
    words = [installed] if installed else [sys.executable, "-P", "-m", "hutch.cli.warren"]
    return [*words, "--root", root]


def supervise(supervision: Supervision) -> int:
    """Starts conmon, which has the runtime create the container; the container's pid.

    Raises StartFailed with the runtime's reason; then conmon has ended.
    """
    pid, answers = launch(supervision)
    answers.close()
    return pid


def launch(
    supervision: Supervision, ready: Callable[[], object] | None = None
) -> tuple[int, BinaryIO]:
    """The same, and the sync pipe. ``ready`` is called when a program that is to be attached to has
    its attach socket, but has not begun."""
    import subprocess

    places = supervision.places
    for name in ("pid", "conmon.pid", "attach", "ctl", "winsz", "oom", "runtime.log"):
        (places.folder / name).unlink(missing_ok=True)
    places.exit_file.unlink(missing_ok=True)
    sync_read, sync_write = os.pipe()
    start_read, start_write = os.pipe()
    attach_read, attach_write = os.pipe() if supervision.attach else (-1, -1)
    theirs = [fd for fd in (sync_write, start_read, attach_write) if fd >= 0]
    environment = {
        **os.environ, "_OCI_SYNCPIPE": str(sync_write), "_OCI_STARTPIPE": str(start_read),
    }  # fmt: skip
    if supervision.attach:
        environment["_OCI_ATTACHPIPE"] = str(attach_write)
    try:
        process = subprocess.Popen(
            supervision.arguments(program()),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(*theirs, *supervision.descriptors),
            cwd=places.folder,
        )
    finally:
        for fd in theirs:
            os.close(fd)
    answers = os.fdopen(sync_read, "rb")
    try:
        try:
            os.write(start_write, b"\0")
            if supervision.attach and ready is not None and os.read(attach_read, 64):
                ready()
                os.write(start_write, b"\0")
        except BrokenPipeError:
            pass  # conmon was killed: the answer below is missing
        finally:
            os.close(start_write)
            if attach_read >= 0:
                os.close(attach_read)
        said = answers.readline()
        process.wait()
        try:
            document = cast("dict[str, int | str]", decode(said))
            pid = int(document["data"])
        except (ValueError, KeyError, TypeError):
            raise StartFailed("conmon ended without a word", 125) from None
        if pid <= 0:
            raise failure(places, str(document.get("message") or "conmon does not say why"))
    except BaseException:
        answers.close()
        raise
    return pid, answers


def failure(places: Places, message: str) -> StartFailed:
    """Why the runtime did not create the container: its last error."""
    try:
        lines = places.runtime_log.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in reversed(lines):
        try:
            said = decode(line.encode())
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("level") == "error":
            hint = str(said.get("hint", ""))
            words = str(said.get("msg", message)).removesuffix(f" (hint: {hint})")
            if rootless() and str(said.get("pointer")).startswith(("linux.cg", "linux.resources")):
                hint = NOT_DELEGATED
            return StartFailed(words, exit_status(said), hint=hint)
    return StartFailed(message.strip(), 125)


def exit_status(said: dict[str, object]) -> int:
    """Docker's exit status for a runtime's error: 127 not found, 126 may not be executed."""
    if "document" not in said:  # of exec, or of another runtime than hutch
        words = str(said.get("msg", ""))
        if "executable file not found" in words or ": no such file or directory" in words:
            return 127
        return 126 if words.startswith("exec: ") and ": permission denied" in words else 125
    place = str(said.get("pointer", ""))
    if place.startswith("process.args"):
        return 127 if said.get("errno", "ENOENT") == "ENOENT" else 126
    return 125
