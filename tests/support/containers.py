"""Real containers for tests: a busybox root file system, bundles with it, and the command.

The environment variable ``HUTCH`` names another command than the installed one.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import prctl
import pytest
from hutch.spec.default import default_config

from tests.support import leftovers
from tests.support.leftovers import CGROUPS, left

APPLETS = """
[ base64 cat chmod chown cmp cut date dd df echo env false find getopt grep head hostname id ip
kill ln ls mkdir mkfifo mknod mount mv nc od printf ps pwd readlink rm rmdir sed setsid sh sleep
sort stat stty sysctl tail test touch tr true tty umount uname unshare usleep wc xargs
""".split()  # noqa: SIM905
NATIVE = Path(__file__).parents[1] / "native"
COMMAND = os.environ.get("HUTCH", str(Path(sys.prefix) / "bin" / "hutch"))
IN_FIRST_PID_NAMESPACE = os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"


@pytest.fixture(scope="package", autouse=True)
def reaper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Makes orphans of containers children of this process; a thread reaps them.

    A pid namespace ends only when all its processes are reaped. So they must be reaped while a
    command that deletes the container runs. This is only for the tests of one folder: a test that
    uses hutch as a library has children in such namespaces too, and must wait for them itself.
    """
    leftovers.bases.add(tmp_path_factory.getbasetemp())
    prctl.set_child_subreaper(True)
    over = threading.Event()

    def reap() -> None:
        while not over.wait(0.02):
            take_orphans()

    thread = threading.Thread(target=reap, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()
    prctl.set_child_subreaper(False)


def take_orphans() -> None:
    """Reaps zombies of pid namespaces. The children of a test itself are never in one."""
    for task in Path("/proc/self/task").iterdir():
        try:
            children = (task / "children").read_text()
        except OSError:  # the thread has ended
            continue
        for pid in children.split():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
                inner = status.partition("NSpid:")[2].partition("\n")[0].split()[1:]
                if "\nState:\tZ" in status and inner:
                    os.waitpid(int(pid), os.WNOHANG)
            except (OSError, ChildProcessError):
                continue


def make_rootfs(path: Path) -> Path:
    """A root file system with busybox and empty directories."""
    for name in ("bin", "dev", "etc", "proc", "root", "sys", "tmp", "var"):
        (path / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", path / "bin" / "busybox")
    for applet in APPLETS:
        (path / "bin" / applet).symlink_to("busybox")
    (path / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\nguest:x:1000:1000::/tmp:\n")
    path.chmod(0o755)
    return path


def reachable(path: Path) -> None:
    """Gives all users access to a directory of a test. pytest makes its directories private."""
    for folder in (path, *path.parents):
        if str(folder).startswith(("/tmp/", "/var/tmp/")):
            folder.chmod(folder.stat().st_mode | 0o055)


class Result:
    """The result of a command: its exit code and its output."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


class Runtime:
    """A runtime's command with its own state directory."""

    def __init__(self, command: str, root: Path) -> None:
        self.command = command
        self.root = root

    def __call__(self, *words: str, check: bool = True, **options: Any) -> Result:
        """Runs ``command --root ROOT WORDS``; fails the test on an error unless ``check=False``.

        The output goes to files, because a detached container would keep pipes open.
        """
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            options = {
                "timeout": 60,
                "stdin": subprocess.DEVNULL,
                "stdout": out,
                "stderr": err,
                **options,
            }
            done = subprocess.run(
                [self.command, "--root", str(self.root), *words], check=False, **options
            )
            out.seek(0)
            err.seek(0)
            result = Result(
                done.returncode, out.read().decode(errors="replace"), err.read().decode()
            )
        if check:
            assert result.code == 0, result.err or result.out
        return result

    def refuses(self, *words: str, code: int = 1, **options: Any) -> str:
        """Runs a command that must fail with ``code``. Returns its one line of error."""
        result = self(*words, check=False, **options)
        assert result.code == code, result.err
        assert result.err.count("\n") == 1, result.err
        assert "Traceback" not in result.err
        assert "internal error" not in result.err
        return result.err.rstrip("\n")

    def state(self, id: str) -> dict[str, Any]:
        """The decoded output of `state`."""
        state: dict[str, Any] = json.loads(self("state", id).out)
        return state

    def ids(self) -> list[str]:
        return [path.name for path in self.root.iterdir()] if self.root.exists() else []


@functools.cache
def why_nothing_runs() -> str:
    """Why the command under test cannot run a plain container; "" if it can. Otherwise a test that
    expects a failure would pass for the wrong reason."""
    with tempfile.TemporaryDirectory() as name:
        bundle = Bundle(Path(name) / "bundle").args("echo", "reached")
        done = Runtime(COMMAND, Path(name) / "state")(
            "run", "--bundle", str(bundle.path), "plain", check=False
        )
    if done.out == "reached\n":
        return ""
    return f"{COMMAND} runs no container: {done.err or done.code}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fails the test if the command cannot run any container."""
    gated = item.get_closest_marker("root") and not item.get_closest_marker("no_runtime")
    if gated and (reason := why_nothing_runs()):
        pytest.fail(reason)


@pytest.fixture(scope="session")
def filtered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of tests/native/filtered.c, which makes system calls and prints their errnos."""
    return build_static("filtered", tmp_path_factory.mktemp("filtered"))


@pytest.fixture(scope="session")
def fault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of tests/native/fault.c, which ends by SIGSEGV."""
    return build_static("fault", tmp_path_factory.mktemp("fault"))


def build_static(name: str, folder: Path) -> Path:
    """Builds the static program of tests/native/NAME.c."""
    built = folder / name
    compiler = ["gcc"]
    if shutil.which("musl-gcc"):
        triplet = subprocess.check_output(["gcc", "-print-multiarch"], text=True).strip()
        headers = ("/usr/include", f"/usr/include/{triplet}")
        compiler = ["musl-gcc", *(word for path in headers for word in ("-idirafter", path))]
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-static", "-O1", "-o"]
    subprocess.run([*compiler, *flags, built, NATIVE / f"{name}.c"], check=True)
    return built


@pytest.fixture
def hutch(tmp_path: Path) -> Iterator[Runtime]:
    """The command under test; its containers are deleted at the end of the test."""
    runtime = Runtime(COMMAND, tmp_path / "state")
    yield runtime
    for id in runtime.ids():
        if not id.startswith("."):
            runtime("delete", "--force", id, check=False)
    reap()


def reap() -> None:
    """Reaps adopted orphans."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


class Bundle:
    """A bundle on disk, and its config, which a test changes and saves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rootfs = make_rootfs(path / "rootfs")
        # A plain dict: tests make it wrong on purpose.
        self.config = cast("dict[str, Any]", default_config())
        self.config["process"]["terminal"] = False
        self.config["process"]["args"] = ["true"]
        self.config["hostname"] = "hutch"
        self.config["linux"]["cgroupsPath"] = f"/{CGROUPS}/{path.parent.name}"
        self.save()

    def save(self) -> "Bundle":
        (self.path / "config.json").write_text(json.dumps(self.config))
        return self

    def for_id(self, id: str) -> "Bundle":
        """Gives the next container of this bundle its own cgroup."""
        self.config["linux"]["cgroupsPath"] = f"/{CGROUPS}/{self.path.parent.name}-{id}"
        return self.save()

    def args(self, *words: str) -> "Bundle":
        """Sets the command of the container."""
        self.config["process"]["args"] = list(words)
        return self.save()

    def sh(self, script: str) -> "Bundle":
        """Sets a shell script as the command of the container."""
        return self.args("sh", "-c", script)

    def share(self, *kinds: str) -> "Bundle":
        """The container has no namespaces of these kinds of its own."""
        linux = self.config["linux"]
        linux["namespaces"] = [one for one in linux["namespaces"] if one["type"] not in kinds]
        return self.save()

    def hook(self, kind: str, script: str) -> "Bundle":
        """The container has one hook, of this kind, which runs the shell script."""
        self.config["hooks"] = {kind: [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}
        return self.save()

    def change(self, function: Callable[[dict[str, Any]], object]) -> "Bundle":
        """Applies a change to the config."""
        function(self.config)
        return self.save()


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A bundle whose container runs `true`."""
    return Bundle(tmp_path / "bundle")


class Outcome:
    """The output of a container, and its exit code."""

    def __init__(self, result: Result) -> None:
        self.code = result.code
        self.out = result.out
        self.err = result.err
        self.lines = result.out.splitlines()


@pytest.fixture
def run(hutch: Runtime, bundle: Bundle) -> Callable[..., Outcome]:
    """A function run(script), which returns the output of the script in a container."""

    def runs(script: str = "", *flags: str, check: bool = True, **options: Any) -> Outcome:
        if script:
            bundle.sh(script)
        return Outcome(
            hutch("run", "--bundle", str(bundle.path), *flags, "test", check=check, **options)
        )

    return runs


@pytest.fixture
def sleeper(hutch: Runtime, bundle: Bundle) -> str:
    """The id of a container whose first process sleeps."""
    bundle.args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(bundle.path), "sleeper")
    return "sleeper"


def eventually(fact: Callable[[], object]) -> None:
    """Waits until ``fact`` returns a true value. Fails the test after a minute."""
    deadline = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < deadline, "this never came true"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether the process exists and is not a zombie. It may end during this call."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def no_traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Checks that the test has left nothing on the host."""
    yield
    assert left(tmp_path_factory.getbasetemp()) == []


# LEAKING PATH NUMBERS PROGRAM...: runs a program that inherits PATH under each of the NUMBERS.
LEAK = """
import os, sys
base = os.open(sys.argv[1], os.O_RDONLY)
for number in map(int, sys.argv[2].split(",")):
    os.dup2(base, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
LEAKING = (sys.executable, "-c", LEAK)
