"""The command's two fronts: the static executable and the launcher of the interpreter.

They are the same program; only the place of its modules differs, and these tests check that. The
other tests of this folder can run with each front (``HUTCH=…/hutch/libexec/hutch pytest …``).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import hutch as package
import pytest

from tests.support.containers import Bundle, Runtime, eventually

pytestmark = [pytest.mark.no_runtime, pytest.mark.root]

STATIC = Path(sys.prefix) / "bin" / "hutch"
LAUNCHER = Path(package.__file__).parent / "libexec" / "hutch"
FRONTS = {"static executable": STATIC, "interpreter": LAUNCHER}

each_front = pytest.mark.parametrize("front", FRONTS)


def run(front: str, *words: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [FRONTS[front], *words], capture_output=True, text=True, check=False, **options
    )


NAMES = {"static executable": "static executable with a snapshot", "interpreter": "launcher"}


@each_front
@pytest.mark.parametrize("command", ["hutch", "warren"])
def test_the_version_says_which_front_runs(front: str, command: str) -> None:
    program = FRONTS[front].with_name(command)
    said = subprocess.check_output([program, "--version"], text=True).splitlines()
    assert said[0].startswith(f"{command} version ")
    assert said[-3] == f"front: {NAMES[front]}"
    assert said[-2] == "python: CPython " + sys.version.split()[0].rstrip("+")
    assert said[-1] == f"init: {LAUNCHER.parent / 'hutch-init'}"


def test_the_static_executable_needs_no_library() -> None:
    said = subprocess.run(["readelf", "-d", STATIC], capture_output=True, text=True, check=True)
    assert "NEEDED" not in said.stdout


@each_front
def test_s81_the_environment_does_not_change_what_is_imported(front: str, tmp_path: Path) -> None:
    for name in ("posix.py", "stat.py", "sitecustomize.py", "hutch.py", "encodings.py"):
        (tmp_path / name).write_text("raise SystemExit('imported from outside')\n")
    hostile = {
        "PYTHONPATH": str(tmp_path),
        "PYTHONHOME": str(tmp_path),
        "PYTHONSTARTUP": str(tmp_path / "hutch.py"),
        "PYTHONINSPECT": "1",
        "PYTHONWARNINGS": "error",
        "PYTHONUTF8": "0",
    }
    done = run(front, "--version", env=hostile, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@each_front
def test_a_bad_config_is_explained_in_full(front: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"ociVersion": "1.0.2", "rot": {}}')
    done = run(front, "--root", str(tmp_path / "state"), "create", "-b", str(tmp_path), "x")
    assert done.returncode == 1
    assert done.stderr.startswith("hutch: config.json: ")
    # Only the complete explanation has the second problem and the nearest name.
    assert "root" in done.stderr and "rot" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "words"), [("hutch", ["check", "."]), ("warren", ["search", "x"])]
)
def test_a_launcher_that_cannot_be_executed_is_named(
    command: str, words: list[str], tmp_path: Path
) -> None:
    """As after half an installation, or of a package for another processor."""
    installed = tmp_path / LAUNCHER.relative_to(sys.prefix)
    installed.parent.mkdir(parents=True)
    (installed.parents[1] / "__init__.py").touch()
    (tmp_path / "bin").mkdir()
    program = shutil.copy(STATIC.with_name(command), tmp_path / "bin")
    launcher = installed.with_name(command)
    launcher.write_bytes(b"\x7fELF of another processor")
    launcher.chmod(0o755)
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"start the interpreter by {launcher}: execve: exec format error" in done.stderr
    assert done.stderr.count("\n") == 1


# System calls that make, change or start something.
CHANGES = (
    "mkdir", "mkdirat", "mknodat", "mount", "fsopen", "open_tree", "rename", "renameat2", "unlink",
    "unlinkat", "write", "flock", "clone", "clone3", "fork", "vfork", "kill", "pidfd_send_signal",
)  # fmt: skip


def executions(tmp_path: Path, *words: str) -> list[list[str]]:
    """The calls of CHANGING that a command line of the static executable makes: one list for each
    execution of the command. The second list is that of the interpreter."""
    trace = tmp_path / "trace"
    subprocess.run(
        ["strace", "-o", trace, "-e", "trace=execve," + ",".join(CHANGES), STATIC, *words],
        check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    found: list[list[str]] = []
    for line in trace.read_text().splitlines():
        if line.startswith("execve(") and line.partition(",")[0].endswith('/hutch"'):
            found.append([])
        elif line.partition("(")[0] in CHANGES:
            found[-1].append(line)
    return found


@pytest.mark.parametrize("reason", ["none", "problem", "devices", "ps"])
def test_the_front_changes_before_anything_is_done(
    reason: str, bundle: Bundle, hutch: Runtime, tmp_path: Path
) -> None:
    words = ["--root", str(hutch.root), "create", "--bundle", str(bundle.path), "one"]
    if reason == "problem":
        bundle.change(lambda config: config.update(root={"path": 7}))
    elif reason == "devices":
        devices = {"hutch-none": {"name": "eth0"}}
        bundle.change(lambda config: config["linux"].update(netDevices=devices))
    elif reason == "ps":
        hutch("create", "--bundle", str(bundle.path), "one")
        words = ["--root", str(hutch.root), "ps", "one"]
    static, *interpreter = executions(tmp_path, *words)
    if reason == "none":
        assert interpreter == []
        assert [line for line in static if line.startswith("clone3")] != []
    else:
        assert static == []
        assert len(interpreter) == 1
        assert interpreter[0] != []


@each_front
def test_a_bad_process_from_a_pipe_is_refused_in_one_line(
    front: str, bundle: Bundle, hutch: Runtime
) -> None:
    hutch("create", "-b", str(bundle.path), "piped")
    read, write = os.pipe()
    os.write(write, b'{"cwd": "/", "args": ["true"], "user": 7}')
    os.close(write)
    words = ("--root", str(hutch.root), "exec", "--process", f"/dev/fd/{read}", "piped")
    done = run(front, *words, pass_fds=[read])
    os.close(read)
    assert done.returncode == 255
    assert "user" in done.stderr and "internal error" not in done.stderr
    assert done.stderr.count("\n") == 1


@each_front
def test_words_that_are_not_utf8_are_refused(front: str) -> None:
    done = subprocess.run([FRONTS[front], b"state", b"\xff\xfe"], capture_output=True, check=False)
    assert done.returncode == 1
    assert b"not valid UTF-8" in done.stderr


@each_front
def test_a_reader_that_goes_away_is_no_error(front: str) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [FRONTS[front], "--help"], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@each_front
def test_an_interrupted_create_leaves_nothing(front: str, bundle: Bundle, tmp_path: Path) -> None:
    hook = {"path": "/bin/sleep", "args": ["sleep", "30"]}
    bundle.change(lambda config: config.update(hooks={"createRuntime": [hook]}))
    root = tmp_path / "interrupted"
    started = subprocess.Popen(
        [FRONTS[front], "--root", root, "create", "-b", bundle.path, "slow"],
        stderr=subprocess.DEVNULL,
    )
    state = root / "slow" / "state.json"
    eventually(lambda: state.exists() and len(_children(started.pid)) == 2)
    started.send_signal(signal.SIGINT)
    assert started.wait(timeout=60) != 0
    assert not (root / "slow").exists()


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@each_front
@pytest.mark.parametrize("how", ["copied", "bound"])
def test_the_command_runs_from_elsewhere_too(
    front: str, how: str, bundle: Bundle, tmp_path: Path
) -> None:
    """For example a copy in /usr/local/bin of a container or a service."""
    place = tmp_path / "elsewhere" / "runtime"
    place.parent.mkdir()
    place.touch()
    words = f"{place} --root {tmp_path}/state run -b {bundle.args('echo', 'ran').path} test"
    if how == "copied":
        shutil.copy(FRONTS[front], place)
    else:
        words = f"mount --bind {FRONTS[front]} {place} && {words}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", words], capture_output=True, text=True, check=False
    )
    assert done.stdout == "ran\n", done.stderr


@each_front
def test_usage_and_hints_have_the_name_that_the_command_was_called_by(
    front: str, bundle: Bundle, tmp_path: Path
) -> None:
    link = tmp_path / "runc"
    link.symlink_to(FRONTS[front])
    named = Runtime(str(link), tmp_path / "a root")
    assert "\n   runc " in named("--help").out
    assert named("nothing", check=False).err.endswith("(hint: see runc --help)\n")
    named("create", "--bundle", str(bundle.args("true").path), "test")
    error = named.refuses("create", "--bundle", str(bundle.path), "test")
    hint = error.rpartition("remove it with: ")[2].removesuffix(")")
    assert hint == f"runc --root '{named.root}' delete test"
    subprocess.run(hint, shell=True, check=True, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert named.ids() == []


@pytest.mark.parametrize("flaw", ["", "package", "folder above", "another's", "link", "absent"])
def test_s81_a_copy_runs_no_package_that_others_can_change(tmp_path: Path, flaw: str) -> None:
    """Other users may neither own a folder of its path, nor be able to write to one."""
    prefix, version = tmp_path / "prefix", "{}.{}".format(*sys.version_info)
    package = prefix / "lib" / f"python{version}" / "site-packages" / "hutch"
    package.mkdir(parents=True)
    native = Path(__file__).parents[2] / "native"
    command = tmp_path / "command"
    names = {"PROGRAM": "hutch", "PYTHON_VERSION": version, "INSTALLED": prefix, "MODULE": "hutch"}
    defines = [f'-D{name}="{value}"' for name, value in names.items()]
    subprocess.run(
        ["cc", "-D_GNU_SOURCE", f"-I{native}", *defines, native / "launcher" / "launcher.c",
         "-o", command],
        check=True,
    )  # fmt: skip
    (package / "__init__.py").write_text("def main():\n    print('reached')\n")
    if flaw == "package":
        package.chmod(0o777)
    elif flaw == "folder above":
        prefix.chmod(0o777)
    elif flaw == "another's":
        os.chown(prefix / "lib", 1000, 1000)
    elif flaw == "link":
        # One's own folder can lead to what is root's, beside what is not.
        package.rename(tmp_path / "package")
        package.symlink_to(tmp_path / "package")
    elif flaw:
        shutil.rmtree(package)
    done = subprocess.run([command], capture_output=True, text=True, check=False)
    if not flaw:
        assert done.stdout == "reached\n", done.stderr
        return
    assert done.returncode == 1
    assert done.stdout == ""
    reason = "cannot find the" if flaw == "absent" else "others can change the"
    assert done.stderr.startswith(f"hutch: {reason} package ")
    assert done.stderr.endswith(": reinstall hutch\n")


@pytest.mark.parametrize(
    ("front", "kibibytes"), [("static executable", 3072), ("interpreter", 6144)]
)
def test_a_run_takes_little_memory(
    front: str, kibibytes: int, bundle: Bundle, hutch: Runtime
) -> None:
    """Of its own: the pages of the program's file are shared by all of its processes."""
    bundle.args("sleep", "60")
    words = ["--root", str(hutch.root), "run", "-b", str(bundle.path), "small"]
    with subprocess.Popen([FRONTS[front], *words]) as process:
        eventually(lambda: run(front, "--root", str(hutch.root), "state", "small").returncode == 0)
        eventually(lambda: hutch.state("small")["status"] == "running")
        status = Path(f"/proc/{process.pid}/status").read_text()
        hutch("kill", "small", "KILL")
    assert int(status.partition("RssAnon:")[2].split()[0]) <= kibibytes


@each_front
def test_the_state_is_the_same(front: str, bundle: Bundle, hutch: Runtime) -> None:
    hutch("create", "-b", str(bundle.path), "same")
    done = run(front, "--root", str(hutch.root), "state", "same")
    assert json.loads(done.stdout) == hutch.state("same")
