"""One validation program against one runtime.

Each program has its own TMPDIR and its own mount namespace. Mounts that a container leaves there
end with the namespace, so no clean-up deletes files through them. In this namespace, stage.sh also
mounts the cgroup v1 controllers that the host has not mounted. The programs run one after another,
because some of them use fixed names of cgroups.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from conformance.programs.verdict import TIMEOUT, Verdict, judge
from conformance.runtimes import Runtime

STAGE = Path(__file__).parents[1] / "stage.sh"
LIMIT = 180  # seconds for one program: the longest makes 32 containers
# The files that the programs need in their working directory.
NEEDED = ("runtimetest", "rootfs-*.tar.gz")


def programs_in(folder: Path) -> dict[str, Path]:
    """The validation programs in a folder by name: all in the folder itself, or as in a checkout
    (NAME/NAME.t).

    Raises SystemExit if the folder does not have them or the files that they need.
    """
    found = {
        path.stem: path
        for path in sorted([*folder.glob("*"), *folder.glob("validation/*/*.t")])
        if path.is_file() and os.access(path, os.X_OK) and path.name not in NEEDED
    }
    for pattern in NEEDED:
        if not list(folder.glob(pattern)):
            raise SystemExit(f"conformance: {folder} has no {pattern}: the programs need it")
    if not found:
        raise SystemExit(f"conformance: {folder} has no validation programs")
    return found


def version_of(programs: dict[str, Path], folder: Path) -> str:
    """The ociVersion in the configs that the programs write; it decides which programs can pass. It
    is found by running `create` with a runtime that only saves the config."""
    with TemporaryDirectory(prefix="conformance-") as name:
        kept = Path(name) / "config.json"
        keeper = Path(name) / "keeper"
        keeper.write_text(
            "#!/bin/sh\n"
            "while [ $# -gt 1 ]; do\n"
            f'    [ "$1" != --bundle ] || cp "$2/config.json" {kept}\n'
            "    shift\n"
            "done\n"
            "exit 1\n"
        )
        keeper.chmod(0o755)
        program = programs.get("default") or next(iter(programs.values()))
        run_in_namespace(program, folder, keeper, Path(name))
        try:
            return str(json.loads(kept.read_text())["ociVersion"])
        except (OSError, ValueError, KeyError):
            raise SystemExit(f"conformance: {program} has not called its runtime") from None


def run_in_namespace(
    program: Path, folder: Path, runtime: Path, temporary: Path
) -> tuple[str, int | None]:
    """Runs a program. Returns its output and exit status; None if it was killed at the timeout."""
    output = temporary / "output"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [STAGE, program],
            cwd=folder,
            env={**os.environ, "RUNTIME": str(runtime), "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return output.read_text(errors="replace"), code


def run(program: Path, folder: Path, runtime: Runtime) -> tuple[Verdict, str]:
    """The verdict of one program on a runtime, and the program's output."""
    with TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as name:
        temporary = Path(name)
        temporary.chmod(0o755)
        wrapper = runtime.wrapper(temporary / runtime.name)
        try:
            output, code = run_in_namespace(program, folder, wrapper, temporary)
        finally:
            runtime.sweep()
            remove_cgroups()
            shutil.rmtree(temporary / "output", ignore_errors=True)
    verdict = judge(output, code)
    assert code is not None or verdict.result == TIMEOUT
    return verdict, output


def remove_cgroups() -> None:
    """Removes the parents of the programs' cgroups, which no runtime removes."""
    for pattern in ("testdir/cgrouptest", "testdir", "cgrouptest"):
        for hierarchy in Path("/sys/fs/cgroup").glob("*"):
            with contextlib.suppress(OSError):
                (hierarchy / pattern).rmdir()
