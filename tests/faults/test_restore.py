"""Each stage of a restore meets each fault: CRIU's, the runtime's, the restored process's.

After `delete --force` nothing is left, and another container has not noticed. CRIU is a stand-in
(tests/support/restoring_criu.py); tests/vm has the real one.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Result, Runtime, eventually
from tests.support.leftovers import descendants, left
from tests.support.restoring_criu import FAULTS, PROGRAM, STAGES, install

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

HOOK = {"path": "/bin/true", "args": ["true"], "timeout": 30}
FAILS = {"path": "/bin/false", "args": ["false"]}


class Restore:
    """`restore` of a container "test", with a fault at a stage."""

    def __init__(self, hutch: Runtime, bundle: Bundle, folder: Path) -> None:
        self.hutch = hutch
        self.bundle = bundle
        self.folder = folder
        self.before = hutch.state("other")
        bundle.for_id("again").config["hooks"] = {
            "prestart": [HOOK], "createRuntime": [HOOK], "poststart": [HOOK], "poststop": [HOOK],
        }  # fmt: skip
        bundle.save()
        (folder / "images").mkdir()
        (folder / "images" / "descriptors.json").write_text('["/dev/null","/dev/null","/dev/null"]')
        (folder / "criu").mkdir()
        install(folder / "criu")

    def __call__(self, fault: str, stage: str, *flags: str) -> Result:
        cgroup = self.bundle.config["linux"]["cgroupsPath"]
        (self.folder / "criu" / "order").write_text(f"{fault}|{stage}|{cgroup}")
        words = ["--image-path", str(self.folder / "images"), "--bundle", str(self.bundle.path)]
        path = f"{self.folder}/criu:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path}
        done = self.hutch("restore", *words, *flags, "test", check=False, env=environment)
        assert "Traceback" not in done.err, done.err
        assert "internal error" not in done.err, done.err
        return done

    def reached(self) -> bool:
        return (self.folder / "criu" / "order").read_text().startswith("x")

    def nothing_is_left(self, where: str) -> None:
        """Of the one container; the other is as it was."""
        assert [id for id in self.hutch.ids() if not id.startswith(".")] == ["other"], where
        found = [line for line in left(self.bundle.path) if "again" in line]
        assert found == [], where
        eventually(lambda: not restored())
        assert self.hutch.state("other") == self.before, where

    def delete(self, where: str) -> None:
        for _ in range(2):
            deleted = self.hutch("delete", "--force", "test", check=False)
            assert (deleted.code, deleted.err) == (0, ""), where


def restored() -> list[int]:
    """What CRIU's stand-in has made."""
    found = []
    for pid in descendants(PROGRAM[0]):
        try:
            if PROGRAM[1] in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(pid)
        except OSError:
            continue
    return found


@pytest.fixture
def restore(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> Iterator[Restore]:
    bundle.for_id("other").args("sleep", "1000")
    hutch("run", "-d", "--bundle", str(bundle.path), "other")
    yield Restore(hutch, bundle, tmp_path)
    hutch("delete", "--force", "other")


def test_s52_the_stand_in_restores(restore: Restore) -> None:
    done = restore("nothing", "", "--detach")
    assert (done.code, done.err) == (0, "")
    state = restore.hutch.state("test")
    assert state["status"] == "running"
    assert restored() == [state["pid"]]
    restore.delete("")
    restore.nothing_is_left("")


@pytest.mark.parametrize("way", ["detached", "in the foreground"])
@pytest.mark.parametrize("fault", FAULTS)
def test_s52_s53_every_stage_of_restore(restore: Restore, fault: str, way: str) -> None:
    flags = ["--detach"] if way == "detached" else []
    for stage in STAGES[fault == "the process ends" :]:
        done = restore(fault, stage, *flags)
        where = f"{stage}: {done.code}: {done.err}"
        assert restore.reached(), where
        if fault.startswith("CRIU"):
            assert done.code == 1, where
            assert done.err.count("\n") == 1, where
            assert "CRIU could not restore" in done.err, where
            restore.nothing_is_left(where)
        elif fault.endswith("killed"):
            assert done.code == -signal.SIGKILL, where
            # CRIU notices it when it next tells the runtime something. No one waits for that.
            eventually(lambda: not descendants("criu"))
        elif done.code == 0:
            assert restore.hutch.state("test")["status"] == "stopped", where
        restore.delete(where)
        restore.nothing_is_left(where)


@pytest.mark.parametrize("kind", ["prestart", "createRuntime"])
def test_s52_a_hook_that_fails_ends_a_restore(restore: Restore, kind: str) -> None:
    restore.bundle.config["hooks"][kind] = [FAILS]
    restore.bundle.save()
    done = restore("nothing", "", "--detach")
    assert done.code == 1
    assert f"hooks.{kind}[0]" in done.err
    restore.nothing_is_left(done.err)


def test_s52_a_pid_file_that_cannot_be_written_ends_a_restore(restore: Restore) -> None:
    done = restore("nothing", "", "--detach", "--pid-file", "/none/pid")
    assert done.code == 1
    assert "/none/pid" in done.err
    restore.nothing_is_left(done.err)
