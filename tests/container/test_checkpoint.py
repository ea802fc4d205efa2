"""checkpoint and restore without CRIU: the requests to it, and the errors if it fails.

Each flag is checked in the request to a replacement of CRIU. tests/vm/test_checkpoint.py uses CRIU
itself, which needs a kernel that it supports.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hutch.container.criu.messages import OPTIONS, decode

from tests.support.containers import Bundle, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

# Saves one request, sends an answer with its type and the given ``success``, and ends.
STAND_IN = """#!{python} -IS
import os, socket, sys
connection = socket.socket(fileno=int(sys.argv[2]))
request = connection.recv(1 << 20)
open({record!r}, "wb").write(request)
folder = os.readlink("/proc/%d/fd/%d" % (os.getppid(), {fd}(request)))
open({record!r} + ".fd", "w").write(folder)
connection.send(bytes([8, request[1], 16, {success}]))
"""


class Recorder:
    """A replacement of CRIU in PATH."""

    def __init__(self, folder: Path) -> None:
        self.record = folder / "request"
        self.folder = folder
        self.answers(True)

    def answers(self, success: bool) -> None:
        program = self.folder / "criu"
        first = "lambda request: request[request.index(8, 3) + 1]"
        program.write_text(
            STAND_IN.format(
                python=sys.executable,
                record=str(self.record),
                success=int(success),
                fd=f"({first})",
            )
        )
        program.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"}

    def request(self) -> tuple[int, dict[str, Any]]:
        """The type of the request, and its options by name."""
        message = decode(self.record.read_bytes())
        names = {number: name for name, (number, _) in OPTIONS.items()}
        options = decode(bytes(message[2]))
        return int(message[1]), {names[number]: value for number, value in options.items()}


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    folder = tmp_path / "stand-in"
    folder.mkdir()
    return Recorder(folder)


Asks = Callable[..., dict[str, Any]]


@pytest.fixture
def checkpoint(hutch: Runtime, sleeper: str, recorder: Recorder, tmp_path: Path) -> Asks:
    """checkpoint(flags): the options in the request to CRIU, for a running container."""

    def asks(*flags: str, **options: Any) -> dict[str, Any]:
        recorder.answers(True)
        words = ["--image-path", str(tmp_path / "images"), *flags, sleeper]
        hutch("checkpoint", "--leave-running", *words, env=recorder.environment, **options)
        return recorder.request()[1]

    return asks


@pytest.fixture
def restore(hutch: Runtime, bundle: Bundle, recorder: Recorder, tmp_path: Path) -> Asks:
    """restore(flags): the options in the request to CRIU, which refuses; nothing is left."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "descriptors.json").write_text('["pipe:[77]","/dev/null","file[5:6]"]')

    def asks(*flags: str, **options: Any) -> dict[str, Any]:
        recorder.answers(False)
        path = str(bundle.for_id("again").path)
        words = ["--image-path", str(tmp_path / "images"), "-b", path, *flags, "test"]
        hutch("restore", *words, env=recorder.environment, check=False, **options)
        assert "test" not in hutch.ids()
        return recorder.request()[1]

    return asks


SWITCHES = {
    "tcp-established": "tcp_established",
    "ext-unix-sk": "ext_unix_sk",
    "shell-job": "shell_job",
    "file-locks": "file_locks",
    "auto-dedup": "auto_dedup",
    "link-remap": "link_remap",
    "tcp-skip-in-flight": "tcp_skip_in_flight",
    "leave-running": "leave_running",
}


def test_checkpoints_switches_reach_criu_and_are_off_otherwise(checkpoint: Asks) -> None:
    plain = checkpoint()
    for flag, option in SWITCHES.items():
        assert checkpoint("--" + flag)[option] == 1
        assert option == "leave_running" or option not in plain
    assert plain["manage_cgroups_mode"] == 3


def test_restores_switches_reach_criu_and_are_off_otherwise(restore: Asks) -> None:
    plain = restore()
    for flag, option in SWITCHES.items():
        if flag not in ("tcp-skip-in-flight", "leave-running"):
            assert restore("--" + flag)[option] == 1
            assert option not in plain
    assert restore("--lazy-pages")["lazy_pages"] == 1
    assert restore("--lsm-profile", "apparmor:p")["lsm_profile"] == b"apparmor:p"
    assert restore("--lsm-mount-context", "a:b:c")["lsm_mount_context"] == b"a:b:c"


@pytest.mark.parametrize(
    ("mode", "number"), [("soft", 3), ("full", 4), ("strict", 5), ("ignore", 0)]
)
def test_the_mode_for_cgroups_reaches_criu(
    mode: str, number: int, checkpoint: Asks, restore: Asks
) -> None:
    for asks in (checkpoint, restore):
        options = asks("--manage-cgroups-mode", mode)
        assert options["manage_cgroups_mode"] == number
        assert options["manage_cgroups"] == (mode != "ignore")
    assert ("cg_root" in options) == (mode != "ignore")


def test_a_namespace_can_be_left_out(checkpoint: Asks, restore: Asks) -> None:
    assert checkpoint("--empty-ns", "network")["empty_ns"] == 0x40000000
    assert restore("--empty-ns", "network")["empty_ns"] == 0x40000000


def test_memory_goes_to_a_page_server(checkpoint: Asks) -> None:
    server = decode(bytes(checkpoint("--page-server", "10.0.0.1:2345")["ps"]))
    assert server == {1: b"10.0.0.1", 2: 2345}
    options = checkpoint("--page-server", "[::1]:1", "--lazy-pages")
    assert decode(bytes(options["ps"]))[1] == b"::1"
    assert options["lazy_pages"] == 1


def test_the_status_descriptor_reaches_criu(checkpoint: Asks) -> None:
    read, write = os.pipe()
    assert checkpoint("--status-fd", str(write), pass_fds=[write])["status_fd"] == write
    os.close(read)
    os.close(write)


def test_the_images_are_in_the_given_directory(
    checkpoint: Asks, recorder: Recorder, hutch: Runtime, sleeper: str, tmp_path: Path
) -> None:
    work = tmp_path / "deep" / "work"
    options = checkpoint("--work-path", str(work))
    assert {"images_dir_fd", "work_dir_fd"} <= set(options)
    assert Path(f"{recorder.record}.fd").read_text() == str(tmp_path / "images")
    assert work.is_dir()
    hutch("checkpoint", "--leave-running", sleeper, cwd=tmp_path, env=recorder.environment)
    assert Path(f"{recorder.record}.fd").read_text() == str(tmp_path / "checkpoint")
    assert len(json.loads((tmp_path / "checkpoint/descriptors.json").read_text())) == 3


def test_a_pre_dump_saves_memory_for_the_checkpoint_that_follows(
    checkpoint: Asks, recorder: Recorder, tmp_path: Path
) -> None:
    before = checkpoint("--pre-dump", "--image-path", str(tmp_path / "before"))
    assert recorder.request()[0] == 4
    assert before["track_mem"] == 1
    after = checkpoint("--parent-path", "../before")
    assert recorder.request()[0] == 1
    assert after["parent_img"] == b"../before"
    assert after["track_mem"] == 1


def test_a_checkpoint_deletes_the_container_unless_it_is_left_running(
    hutch: Runtime, sleeper: str, recorder: Recorder, tmp_path: Path, checkpoint: Asks
) -> None:
    checkpoint()
    checkpoint("--pre-dump")
    assert hutch.state(sleeper)["status"] == "running"
    words = ["checkpoint", "--image-path", str(tmp_path / "images"), sleeper]
    recorder.answers(False)
    assert "CRIU could not checkpoint" in hutch.refuses(*words, env=recorder.environment)
    assert hutch.state(sleeper)["status"] == "running"
    recorder.answers(True)
    hutch(*words, env=recorder.environment)
    assert hutch.ids() == []


def test_mounts_that_come_from_the_host_are_named_to_criu(
    hutch: Runtime, bundle: Bundle, recorder: Recorder, tmp_path: Path
) -> None:
    """Binds, also behind a link of the image, and masks. A restore uses their present sources."""
    (bundle.rootfs / "real").mkdir()
    (bundle.rootfs / "link").symlink_to("/real")
    (tmp_path / "data").mkdir()
    (tmp_path / "images").mkdir()
    mount = {"destination": "/link/x", "source": str(tmp_path / "data"), "options": ["bind"]}
    bundle.config["mounts"].append(mount)
    bundle.config["linux"]["maskedPaths"] = ["/proc/keys"]
    bundle.args("sleep", "1000")
    hutch("run", "-d", "-b", str(bundle.path), "test")
    words = ["--image-path", str(tmp_path / "images"), "test"]
    hutch("checkpoint", *words, env=recorder.environment)
    request = recorder.record.read_bytes()
    assert b"\x0a\x07/real/x\x12\x07/link/x" in request
    assert b"/dev/urandom" not in request  # it is on the container's own /dev
    assert b"\x0a\x0a/proc/keys\x12\x0a/proc/keys" in request
    (tmp_path / "elsewhere").mkdir()
    mount["source"] = str(tmp_path / "elsewhere")
    bundle.save()
    recorder.answers(False)
    hutch.refuses("restore", "-b", str(bundle.path), *words, env=recorder.environment)
    place = str(tmp_path / "elsewhere").encode()
    request = recorder.record.read_bytes()
    assert b"/dev/urandom" not in request
    assert b"\x0a\x07/link/x\x12" + bytes([len(place)]) + place in request
    assert b"\x0a\x0a/proc/keys\x12\x09/dev/null" in request


def test_streams_of_the_old_caller_become_the_new_ones(restore: Asks, recorder: Recorder) -> None:
    restore()
    request = recorder.record.read_bytes()
    for name in (b"pipe:[77]", b"file[5:6]"):
        # There, standard output is the one of CRIU.
        place = request.index(b"\x0a\x09" + name + b"\x10") + 3 + len(name)
        assert request[place] > 2


def test_no_pivot_gives_a_warning_that_it_has_no_effect(
    hutch: Runtime, bundle: Bundle, recorder: Recorder, restore: Asks, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    words = ["--image-path", str(tmp_path / "images"), "-b", str(bundle.path), "--no-pivot", "test"]
    restore()
    hutch("--log", str(log), "restore", *words, env=recorder.environment, check=False)
    assert "--no-pivot means nothing to restore" in log.read_text()


# Errors


def test_criu_that_is_not_installed_is_named(
    hutch: Runtime, sleeper: str, bundle: Bundle, restore: Asks, tmp_path: Path
) -> None:
    environment = {"PATH": str(tmp_path)}
    words = ["--image-path", str(tmp_path / "images")]
    error = hutch.refuses("checkpoint", *words, sleeper, env=environment)
    assert error.startswith("hutch: criu is not installed")
    assert hutch.state(sleeper)["status"] == "running"
    (tmp_path / "images" / "descriptors.json").write_text('["","",""]')
    words += ["-b", str(bundle.for_id("again").path), "again"]
    assert "criu is not installed" in hutch.refuses("restore", *words, env=environment)
    assert hutch.ids() == [sleeper]


def works() -> bool:
    done = subprocess.run(["criu", "check"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(works(), reason="CRIU knows this kernel: tests/vm/test_checkpoint.py")
def test_the_error_of_criu_is_reported_and_the_container_continues(
    hutch: Runtime, sleeper: str, bundle: Bundle, tmp_path: Path
) -> None:
    words = ["--image-path", str(tmp_path / "images")]
    error = hutch.refuses("checkpoint", *words, sleeper)
    assert error.startswith("hutch: CRIU could not checkpoint the container: ")
    assert f"see {tmp_path}/images/dump.log" in error
    assert hutch.state(sleeper)["status"] == "running"
    assert not (tmp_path / "images" / "descriptors.json").exists()
    assert "is that a checkpoint?" in hutch.refuses("restore", *words, "-b", str(bundle.path), "x")
    (tmp_path / "images" / "descriptors.json").write_text('["","",""]')
    words += ["-b", str(bundle.for_id("again").path), "again"]
    error = hutch.refuses("restore", *words)
    assert error.startswith("hutch: CRIU could not restore the container: ")
    assert hutch.ids() == [sleeper]


def test_wrong_flags_are_refused_before_anything_is_done(
    hutch: Runtime, sleeper: str, bundle: Bundle, tmp_path: Path
) -> None:
    for flags, says in (
        (["--parent-path", "../none"], "--parent-path ../none"),
        (["--parent-path", "/tmp"], "must be relative"),
        (["--manage-cgroups-mode", "hard"], "invalid manage-cgroups-mode: hard"),
        (["--empty-ns", "pid"], "--empty-ns pid"),
        (["--page-server", "nowhere"], "--page-server"),
        (["--page-server", "a:99999"], "--page-server"),
        (["--lazy-pages"], "--page-server"),
        (["--status-fd", "999"], "--status-fd"),
        (["--status-fd", "x"], "--status-fd"),
    ):
        error = hutch.refuses("checkpoint", "--image-path", str(tmp_path / "i"), *flags, sleeper)
        assert says in error, flags
    assert hutch.state(sleeper)["status"] == "running"
    words = ["restore", "-b", str(bundle.path), "--console-socket", "/nowhere", "x"]
    assert "cannot use console socket" in hutch.refuses(*words)


def test_only_a_running_container_can_be_checkpointed(hutch: Runtime, bundle: Bundle) -> None:
    hutch("create", "-b", str(bundle.path), "test")
    assert "that is created" in hutch.refuses("checkpoint", "test", cwd=bundle.path)
    assert "does not exist" in hutch.refuses("checkpoint", "none", cwd=bundle.path)
    assert not (bundle.path / "checkpoint").exists()


def test_a_container_without_a_mount_namespace_cannot_be_restored(
    hutch: Runtime, bundle: Bundle, restore: Asks, tmp_path: Path
) -> None:
    bundle.config["linux"]["namespaces"].remove({"type": "mount"})
    words = ["--image-path", str(tmp_path / "images"), "-b", str(bundle.save().path), "test"]
    assert "linux.namespaces" in hutch.refuses("restore", *words)


def test_s63_the_content_of_checkpoint_images_is_not_trusted(
    hutch: Runtime, bundle: Bundle, restore: Asks, tmp_path: Path
) -> None:
    for text in ("{}", "[1]", "[", '"pipe"'):
        (tmp_path / "images" / "descriptors.json").write_text(text)
        words = ["--image-path", str(tmp_path / "images"), "-b", str(bundle.path), "test"]
        assert "descriptors.json" in hutch.refuses("restore", *words)
