"""conmon: the process that stays with a container, keeps its output and its exit code, and calls
warren back when it ends (conmon(8)).

It is told where to answer by environment variables: it reads a byte from the start pipe before it
does anything, and writes {"data": PID} or {"data": -1, "message": WHY} to the sync pipe once the
runtime has made the container.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import hutch
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
    descriptors: Sequence[int] = ()  # that it keeps open: published ports

    def arguments(self, program: str) -> list[str]:
        """conmon's command line."""
        places = self.places
        words = [
            program, "--api-version", "1", "-c", places.id, "-u", places.id, "-n", self.name,
            "-r", self.runtime, "-b", str(places.folder), "--full-attach",
            "--exit-dir", str(places.exit_file.parent), "-0", str(places.folder),
            "-p", str(places.folder / "pid"), "-P", str(places.folder / "conmon.pid"),
            "-l", f"{LOG}:{places.log}" if self.log_driver == LOG else self.log_driver + ":",
            "--log-level", "error", "--no-sync-log",
        ]  # fmt: skip
        if self.log_size:
            words += ["--log-size-max", str(self.log_size)]
        words += ["--log-tag", self.log_tag] if self.log_tag else []
        words += ["-t"] if self.terminal else []
        words += ["-i"] if self.stdin else []
        words += ["--leave-stdin-open"] if self.leave_stdin_open else []
        for word in ("--root", self.root, "--log", str(places.runtime_log),
                     "--log-format", "json"):  # fmt: skip
            words += ["--runtime-arg", word]
        if self.trace:
            words += ["--runtime-arg", "--trace", "--runtime-arg", str(places.runtime_trace)]
        if self.on_exit:
            words += ["--exit-command", str(Path(hutch.__file__).parent / "libexec/warren-ended")]
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
    package = Path(hutch.__file__).parent
    if wanted in ("", "hutch"):
        # PREFIX/lib/python3.N/site-packages/hutch; what has no commands has the launcher.
        for place in (package.parents[3] / "bin" / "hutch", package / "libexec" / "hutch"):
            if os.access(place, os.X_OK):
                return str(place)
    import shutil

    found = shutil.which(wanted or "hutch")
    if found is None:
        raise HostError(
            f"the runtime {wanted or 'hutch'} is not in PATH", hint="give its path with --runtime"
        )
    return os.path.abspath(found)


def own_program(root: str) -> list[str]:
    """The command line that calls warren again as this process was called, with this store."""
    given = len(sys.orig_argv) - len(sys.argv[1:])
    prefix = (
        sys.orig_argv[1:given] if "hutch.cli.warren" in " ".join(sys.orig_argv[1:given]) else []
    )
    # -P: nothing is imported from the folder that it happens to run in.
    return [sys.executable, *(prefix or ["-P", "-m", "hutch.cli.warren"]), "--root", root]


def supervise(supervision: Supervision) -> int:
    """Starts conmon, which has the runtime create the container; the container's pid.

    Raises StartFailed with the runtime's reason; then conmon has ended.
    """
    import subprocess

    places = supervision.places
    for name in ("pid", "conmon.pid", "attach", "ctl", "winsz", "oom", "runtime.log"):
        (places.folder / name).unlink(missing_ok=True)
    places.exit_file.unlink(missing_ok=True)
    sync_read, sync_write = os.pipe()
    start_read, start_write = os.pipe()
    environment = {
        **os.environ, "_OCI_SYNCPIPE": str(sync_write), "_OCI_STARTPIPE": str(start_read),
    }  # fmt: skip
    try:
        process = subprocess.Popen(
            supervision.arguments(program()),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(sync_write, start_read, *supervision.descriptors),
            cwd=places.folder,
        )
    finally:
        os.close(sync_write)
        os.close(start_read)
    try:
        os.write(start_write, b"\0")
    finally:
        os.close(start_write)
    with os.fdopen(sync_read, "rb") as answer:
        said = answer.readline()
    process.wait()
    try:
        document = json.loads(said)
        pid = int(document["data"])
    except (ValueError, KeyError, TypeError):
        raise StartFailed("conmon ended without a word", 125) from None
    if pid <= 0:
        raise failure(places, str(document.get("message") or "conmon does not say why"))
    return pid


def failure(places: Places, message: str) -> StartFailed:
    """Why the runtime did not create the container: its last error."""
    try:
        lines = places.runtime_log.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in reversed(lines):
        try:
            said = json.loads(line)
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
    if "document" not in said:  # of another runtime than hutch
        words = str(said.get("msg", ""))
        missing = "executable file not found" in words or ": no such file or directory" in words
        return 127 if missing else 125
    place = str(said.get("pointer", ""))
    if place.startswith("process.args"):
        return 127 if said.get("errno", "ENOENT") == "ENOENT" else 126
    return 125
