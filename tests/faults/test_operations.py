"""Each operation of a plan meets each fault: it fails, the runtime is killed there, the init is.

After `delete --force` nothing is left, and another container has not noticed. Every operation of
the rich plan is tried; of the other plans a part, unless ``HUTCH_FAULTS`` is ``all`` in the
environment, as ``./dev faults`` sets it.
"""

import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import COMMAND, Bundle, Runtime, eventually
from tests.support.every_operation import HOOK, PLANS, SLEEP, in_joined_namespaces
from tests.support.installation import NATIVE, build_init, install_with
from tests.support.leftovers import descendants, left

pytestmark = [
    pytest.mark.root,
    pytest.mark.usefixtures("no_traces"),
    pytest.mark.skipif("HUTCH" in os.environ, reason="the runtime here is a build of its own"),
]

FAULTS = {"fails": "f", "the init ends": "i", "the runtime is killed": "r"}
STEP = 1 if os.environ.get("HUTCH_FAULTS") == "all" else 7
each_fault = pytest.mark.parametrize("fault", FAULTS)


class Faulty:
    """The runtime with an init that meets a fault where it is told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        os.mkfifo(folder / "at")
        os.mkfifo(folder / "go")
        self.calm()
        init = build_init(
            folder / "hutch-init", "-static-pie", f'-DFAULTS="{folder}"',
            "-Wl,--wrap=operation_run", str(NATIVE.parent / "tests" / "native" / "faults.c"),
        )  # fmt: skip
        self.command = str(install_with(init, folder / "prefix"))

    def order(self, text: str) -> None:
        (self.folder / "order").write_text(text)
        for path in ("order", "at", "go"):
            (self.folder / path).chmod(0o666)

    def calm(self) -> None:
        self.order("- 0")

    def reached(self) -> bool:
        return (self.folder / "order").read_text().startswith("x")


def open_folders() -> Iterator[Path]:
    """A folder that the root of a user namespace reaches, too; pytest's own are closed to it."""
    with tempfile.TemporaryDirectory(prefix="hutch-faults-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def faulty() -> Iterator[Faulty]:
    for folder in open_folders():
        yield Faulty(folder)


@pytest.fixture
def place() -> Iterator[Path]:
    yield from open_folders()


@pytest.fixture
def runtime(faulty: Faulty, place: Path) -> Iterator[Runtime]:
    made = Runtime(faulty.command, place / "state")
    yield made
    faulty.calm()
    made("delete", "--force", "test", check=False)


@pytest.fixture
def other(runtime: Runtime, faulty: Faulty, place: Path) -> Iterator[str]:
    """Another container in the same state directory, which must live through all of it."""
    faulty.calm()
    (place / "other").mkdir()
    bundle = Bundle(place / "other" / "bundle").args("sleep", "1000")
    calm = Runtime(COMMAND, runtime.root)
    calm("run", "-d", "--bundle", str(bundle.path), "other")
    before = calm.state("other")
    yield "other"
    assert calm.state("other") == before
    calm("delete", "--force", "other")


@pytest.fixture
def bundle(place: Path) -> Bundle:
    return Bundle(place / "bundle").args(*SLEEP)


class Ended:
    """How a command ended that may have been killed on the way."""

    def __init__(self, code: int, said: str) -> None:
        self.code = code
        self.said = said


def meet(faulty: Faulty, runtime: Runtime, fault: str, index: int, *words: str) -> Ended:
    """Runs the command, with the fault at that operation."""
    faulty.order(f"{FAULTS[fault]} {index}")
    at = os.open(faulty.folder / "at", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    go = os.open(faulty.folder / "go", os.O_RDWR | os.O_CLOEXEC)
    said = faulty.folder / "said"
    with said.open("wb") as errors:
        process = subprocess.Popen(
            [runtime.command, "--root", str(runtime.root), *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip
        pidfd = os.pidfd_open(process.pid)
        if FAULTS[fault] == "r":
            ready, _, _ = select.select([at, pidfd], [], [], 60)
            if at in ready and os.read(at, 1):
                process.kill()
        code = process.wait(60)
        os.close(pidfd)
        os.close(at)
        os.close(go)
    return Ended(code, said.read_text())


def check(
    faulty: Faulty, runtime: Runtime, fault: str, index: int, ended: Ended, base: Path
) -> None:
    """What must hold after a fault, and after `delete --force`."""
    where = f"operation {index}: {ended.code}: {ended.said}"
    if faulty.reached():
        assert "Traceback" not in ended.said, where
        assert "internal error" not in ended.said, where
        if fault == "the runtime is killed":
            assert ended.code in (-signal.SIGKILL, 0), where
        elif ended.code == 0:
            # An init that ends between create and start, or once it is started, is a container
            # that has stopped.
            assert runtime.state("test")["status"] == "stopped", where
        elif fault == "fails":
            assert ended.code == 1, where
            assert ended.said.count("\n") == 1, where
            assert "input/output error" in ended.said, where
    faulty.calm()
    for _ in range(2):
        deleted = runtime("delete", "--force", "test", check=False)
        assert (deleted.code, deleted.err) == (0, ""), where
    assert [id for id in runtime.ids() if not id.startswith(".") and id != "other"] == [], where
    found = [
        thing for thing in left(base) if "other" not in thing and not thing.startswith("process ")
    ]
    assert found == [], where
    # A killed process is gone a moment later.
    eventually(lambda: not descendants("hutch-init") and not others("sleep"))


def others(name: str) -> list[int]:
    """Processes of that name that run what a container of these tests runs."""
    found = []
    for pid in descendants(name):
        try:
            if SLEEP[1] in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(pid)
        except OSError:
            continue
    return found


def through_the_plan(
    faulty: Faulty, runtime: Runtime, fault: str, base: Path, words: list[list[str]], step: int = 1
) -> int:
    """The commands with the fault at every ``step``-th operation; how many there were."""
    index = tried = silent = 0
    while True:
        for command in words:
            ended = meet(faulty, runtime, fault, index, *command)
            if faulty.reached() or ended.code:
                break
        over = not faulty.reached()
        silent += not over and fault != "the init ends" and ended.code == 0
        if over:
            assert ended.code == 0, f"operation {index}: {ended.said}"
        check(faulty, runtime, fault, index, ended, base)
        if over:
            # Only where `create` has ended and `start` not begun is nobody there to be told, or
            # to be killed.
            assert silent <= (len(words) > 1)
            return tried
        index += step
        tried += 1


@each_fault
@pytest.mark.parametrize("way", ["run", "create and start", "run in the foreground"])
def test_s52_s53_every_operation_of_the_rich_plan(
    faulty: Faulty, runtime: Runtime, bundle: Bundle, other: str, place: Path, fault: str,
    way: str,
) -> None:  # fmt: skip
    PLANS["rich"](bundle, place)
    bundle.save()
    flags = ["--bundle", str(bundle.path), "test"]
    words = [["run", "-d", *flags]]
    if way == "create and start":
        words = [["create", *flags], ["start", "test"]]
    elif way == "run in the foreground":
        bundle.args("true")  # who waits for it comes to an end
        words = [["run", *flags]]
    step = 1 if way == "run" else STEP
    tried = through_the_plan(faulty, runtime, fault, place, words, step)
    assert tried * step > 60
    print(f"{tried} operations, {fault}")


@each_fault
@pytest.mark.parametrize("plan", ["in a user namespace", "on the host's mounts"])
def test_s52_s53_operations_of_other_plans(
    faulty: Faulty, runtime: Runtime, bundle: Bundle, other: str, place: Path, fault: str,
    plan: str,
) -> None:  # fmt: skip
    PLANS[plan](bundle, place)
    bundle.save()
    words = [["run", "-d", "--bundle", str(bundle.path), "test"]]
    tried = through_the_plan(faulty, runtime, fault, place, words, STEP)
    assert tried * STEP > 40
    print(f"{tried} operations, {fault}")


@each_fault
def test_s52_s53_operations_of_a_plan_that_joins_namespaces(
    faulty: Faulty, runtime: Runtime, bundle: Bundle, other: str, place: Path, fault: str
) -> None:
    holder = subprocess.Popen(
        ["unshare", "--fork", "--kill-child", "--pid", "--ipc", "--uts", "sleep", "1000"]
    )
    try:
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children")
        eventually(lambda: children.read_text().strip())
        in_joined_namespaces(bundle, holder)
        bundle.save()
        words = [["run", "-d", "--bundle", str(bundle.path), "test"]]
        # The first few are the joining; every one of them counts.
        tried = through_the_plan(faulty, runtime, fault, place, words, min(STEP, 3))
        assert tried > 15
    finally:
        holder.kill()
        holder.wait()
    print(f"{tried} operations, {fault}")


@each_fault
def test_s52_s53_operations_of_a_plan_with_a_terminal(
    faulty: Faulty, runtime: Runtime, bundle: Bundle, other: str, place: Path, fault: str
) -> None:
    PLANS["with a terminal"](bundle, place)
    bundle.save()
    path = place / "console"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(100)
    kept: list[Any] = []

    def serve() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            kept.append(socket.recv_fds(caller, 4096, 1))
            caller.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    words = [["run", "-d", "--console-socket", str(path), "--bundle", str(bundle.path), "test"]]
    tried = through_the_plan(faulty, runtime, fault, place, words, STEP)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for _, fds, _, _ in kept:
        for fd in fds:
            os.close(fd)
    assert kept
    assert tried * STEP > 40
    print(f"{tried} operations, {fault}")


@each_fault
@pytest.mark.parametrize("way", ["attached", "detached"])
def test_s52_s53_every_operation_of_exec(
    faulty: Faulty, runtime: Runtime, bundle: Bundle, other: str, place: Path, fault: str,
    way: str,
) -> None:  # fmt: skip
    """The container itself goes on; only what was to be executed is not there."""
    faulty.calm()
    if way == "detached":
        PLANS["rich"](bundle, place)
    bundle.config["hooks"] = {"poststop": HOOK}
    bundle.save()
    flags = ["--detach"] if way == "detached" else []
    runtime("run", "-d", "--bundle", str(bundle.path), "test")
    before = runtime.state("test")
    index = silent = 0
    while True:
        ended = meet(faulty, runtime, fault, index, "exec", *flags, "test", "cat", "/etc/passwd")
        if not faulty.reached():
            break
        where = f"operation {index}: {ended.code}: {ended.said}"
        silent += ended.code == 0
        if fault == "fails":
            assert (ended.code, ended.said.count("\n")) == (255, 1), where
        eventually(lambda: not descendants("hutch-init") and not descendants("cat"))
        assert runtime.state("test") == before, where
        index += 1
    assert ended.code == 0
    # What ends at the last, as it executes its program, is a program that has ended: nobody waits.
    assert silent == (fault == "the init ends" and way == "detached")
    assert index > 10
    faulty.calm()
    assert runtime("exec", "test", "echo", "well").out == "well\n"
    runtime("delete", "--force", "test")
    print(f"{index} operations, {fault}")
