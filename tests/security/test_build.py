"""The built and installed files: static, hardened, without privileges, and checked before use."""

import os
import re
import subprocess
from pathlib import Path

import hutch as package
import pytest

from tests.support.containers import COMMAND, Bundle, Runtime
from tests.support.installation import NATIVE, install_with

pytestmark = pytest.mark.no_runtime

PACKAGE = Path(package.__file__).parent
INIT = PACKAGE / "libexec" / "hutch-init"
RUNTIME = Path(__file__).parents[2] / "runtime" / "hutch"
ours = pytest.mark.skipif("HUTCH" in os.environ, reason="is about this build")


def readelf(*words: str) -> str:
    return subprocess.run(
        ["readelf", "-W", *words, str(INIT)], capture_output=True, text=True, check=True
    ).stdout


def test_s14_cve_2019_14271_the_init_needs_no_library() -> None:
    assert "NEEDED" not in readelf("-d")
    assert "INTERP" not in readelf("-l")


def test_s84_the_init_is_position_independent_and_its_tables_read_only() -> None:
    assert "DYN" in readelf("-h")
    segments = readelf("-l")
    assert "GNU_RELRO" in segments
    stack = next(line for line in segments.splitlines() if "GNU_STACK" in line)
    assert "RWE" not in stack
    assert not any(" RWE " in line for line in segments.splitlines())
    assert re.search(r"BIND_NOW|\bNOW\b", readelf("-d"))


def test_s38_cve_2020_5291_no_installed_file_is_setuid_or_has_capabilities() -> None:
    found = [*PACKAGE.rglob("*"), *(Path(COMMAND).parent.glob("hutch*"))]
    for path in found:
        if path.is_file():
            assert not path.stat().st_mode & 0o6000, path
            assert "security.capability" not in os.listxattr(path), path


def test_s31_cve_2025_24965_only_beneath_c_opens_paths_below_the_root() -> None:
    """Only beneath.c makes files, and copyup.c in a tmpfs that no other process can see yet."""
    making = {path.name for path in NATIVE.glob("init/*.c") if "O_CREAT" in path.read_text()}
    assert making == {"beneath.c", "copyup.c"}
    walking = {path.name for path in NATIVE.glob("init/*.c") if "SYS_openat2" in path.read_text()}
    assert walking == {"beneath.c", "procfs.c"}


def test_s24_python_code_makes_no_file_in_the_root() -> None:
    """The Python code makes state, cgroups, logs and traces. It does not write to the rootfs."""
    making = re.compile(r"posix\.(mkdir|mknod|symlink|link|chmod|chown|mkfifo)\(|O_CREAT")
    found = [
        path
        for folder in ("container", "cgroups", "plan", "spec", "kernel", "cli/verbs")
        for path in (RUNTIME / folder).rglob("*.py")
        if making.search(path.read_text())
        and re.search(r"rootfs|plan\.root", path.read_text())
        # These modules make the files of the state directory.
        and path.name not in ("store.py", "restore.py")
    ]
    assert found == []


def test_s80_the_binding_has_no_callback_into_python() -> None:
    text = (NATIVE / "bindings.py").read_text() + (NATIVE / "binding.py").read_text()
    assert "extern" not in text
    assert not any("ffi.callback" in path.read_text() for path in RUNTIME.rglob("*.py"))


@ours
@pytest.mark.root
@pytest.mark.parametrize("change", ["writable by the group", "of another user", "a link"])
def test_s83_an_init_that_others_can_change_is_not_run(
    bundle: Bundle, tmp_path: Path, change: str
) -> None:
    command = install_with(INIT, tmp_path / "prefix")
    (init,) = (tmp_path / "prefix").rglob("libexec/hutch-init")
    runtime = Runtime(str(command), tmp_path / "state")
    assert runtime("run", "-b", str(bundle.path), "test").code == 0
    if change == "a link":
        init.unlink()
        init.symlink_to(INIT)
    elif change == "of another user":
        os.chown(init, 1000, 1000)
    else:
        init.chmod(0o775)
    assert "hutch-init" in runtime.refuses("run", "-b", str(bundle.path), "test")


@ours
@pytest.mark.root
def test_s03_a_missing_seal_is_left_out_and_without_any_seal_nothing_runs(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    words = [hutch.command, "--root", str(hutch.root), "run", "-b", str(bundle.path), "test"]
    log = tmp_path / "calls"
    quiet = ["strace", "-qq", "-e", "trace=fcntl", "-o", str(log)]
    subprocess.run([*quiet, *words], check=True)
    calls = [line for line in log.read_text().splitlines() if line.startswith("fcntl(")]
    sealing = [number for number, line in enumerate(calls, 1) if "F_ADD_SEALS" in line]
    assert len(sealing) == 1
    assert "F_SEAL_WRITE" in calls[sealing[0] - 1]

    def failing(when: str) -> "subprocess.CompletedProcess[str]":
        inject = ["-e", f"inject=fcntl:error=EINVAL:when={when}"]
        return subprocess.run(
            [*quiet, *inject, *words], capture_output=True, text=True, check=False
        )

    done = failing(str(sealing[0]))
    assert (done.returncode, done.stderr) == (0, "")
    again = [line for line in log.read_text().splitlines() if "F_ADD_SEALS" in line]
    assert len(again) == 2 and again[1].endswith("= 0")
    done = failing(f"{sealing[0]}+")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
