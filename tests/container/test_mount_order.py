"""The effects of mounts on each other, and of the files that they are mounted on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Bundle, Outcome, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]


def mount(bundle: Bundle, destination: str, *options: str, **fields: Any) -> None:
    bundle.config["mounts"].append({"destination": destination, "options": list(options), **fields})
    bundle.save()


def tmpfs(bundle: Bundle, destination: str, *options: str) -> None:
    mount(bundle, destination, *options, type="tmpfs", source="tmpfs")


TRY = "echo x > {0}/new && echo written; echo reached"


# A tmpfs that is read-only.


def test_a_read_only_tmpfs_takes_mounts_below_it(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from the host\n")
    tmpfs(bundle, "/tmp", "ro", "mode=755")
    tmpfs(bundle, "/tmp/inner")
    mount(bundle, "/tmp/deep/file", "bind", source=str(tmp_path / "file"))
    done = run("cat /tmp/deep/file; " + TRY.format("/tmp/inner") + ";" + TRY.format("/tmp"))
    assert done.lines == ["from the host", "written", "reached", "reached"]
    assert "Read-only file system" in done.err


def test_a_read_only_dev_has_its_devices(run: Run, bundle: Bundle) -> None:
    (dev,) = [entry for entry in bundle.config["mounts"] if entry["destination"] == "/dev"]
    dev["options"].append("ro")
    bundle.config["linux"]["devices"] = [
        {"path": "/dev/one", "type": "c", "major": 1, "minor": 5, "fileMode": 0o666}
    ]
    bundle.save()
    done = run("echo x > /dev/null && ls /dev/pts/ptmx /dev/one;" + TRY.format("/dev"))
    assert done.lines == ["/dev/one", "/dev/pts/ptmx", "reached"]
    assert "Read-only file system" in done.err


@pytest.mark.parametrize("options", [["ro"], ["rro"], ["ro", "tmpcopyup"]])
def test_a_tmpfs_is_read_only_in_the_end(run: Run, bundle: Bundle, options: list[str]) -> None:
    tmpfs(bundle, "/tmp")
    assert run(TRY.format("/tmp")).lines == ["written", "reached"]
    bundle.config["mounts"][-1]["options"] = options
    bundle.save()
    done = run(TRY.format("/tmp"))
    assert done.lines == ["reached"]
    assert "Read-only file system" in done.err


# A tmpfs as the root.


@pytest.mark.parametrize("options", [[], ["ro"]])
def test_a_tmpfs_on_the_root_is_the_root(run: Run, bundle: Bundle, options: list[str]) -> None:
    bundle.config["root"]["readonly"] = False
    root = {"destination": "/", "type": "tmpfs", "options": ["tmpcopyup", *options]}
    bundle.config["mounts"].insert(0, root)
    bundle.save()
    done = run("cat /etc/passwd | wc -l; " + TRY.format("/etc"))
    assert done.lines == ["2", *(["reached"] if options else ["written", "reached"])]
    assert not (bundle.rootfs / "etc" / "new").exists()


def test_a_root_can_be_put_together_from_mounts(run: Run, bundle: Bundle) -> None:
    (bundle.rootfs / "bin").rename(bundle.path / "bin")
    root = {"destination": "/", "type": "tmpfs"}
    programs = {"destination": "/bin", "source": "bin", "options": ["bind"]}
    bundle.config["mounts"][:0] = [root, programs]
    bundle.save()
    assert run("ls /").lines == ["bin", "dev", "proc", "sys"]


# Sources that an earlier mount makes.


def test_a_source_may_be_made_by_an_earlier_mount(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "source" / "below").mkdir(parents=True)
    (tmp_path / "source" / "below" / "file").write_text("from the host\n")
    mount(bundle, "/mnt", "rbind", source=str(tmp_path / "source"))
    mount(bundle, "/data", "bind", source=str(bundle.rootfs / "mnt" / "below"))
    assert run("cat /data/file").out == "from the host\n"


def test_a_source_that_no_earlier_mount_makes_is_an_error(hutch: Runtime, bundle: Bundle) -> None:
    mount(bundle, "/data", "bind", source=str(bundle.rootfs / "mnt" / "below"))
    error = hutch.refuses("run", "-b", str(bundle.path), "test")
    assert "mounts[7]" in error
    assert "no such file or directory" in error


# Directories on files, files on directories.


@pytest.mark.parametrize(
    ("source", "destination", "which"),
    [
        ("directory", "/etc/passwd", "a directory cannot be mounted on the file /etc/passwd"),
        ("file", "/etc", "a file cannot be mounted on the directory /etc"),
        ("", "/etc/passwd", "a directory cannot be mounted on the file /etc/passwd"),
        ("file", "/etc/passwd/below", "/etc/passwd/below"),
    ],
)
def test_a_destination_that_is_not_a_directory_gives_the_phrase_of_engines(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, source: str, destination: str, which: str
) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    if source:
        mount(bundle, destination, "bind", source=str(tmp_path / source))
    else:
        tmpfs(bundle, destination, "mode=755")
    error = hutch.refuses("run", "-b", str(bundle.path), "test")
    assert "mounts[7]" in error
    assert "not a directory" in error
    assert which in error
    assert "does not know an option" not in error


# Programs on noexec mounts.


@pytest.mark.parametrize("program", ["/data/true", "true"])
def test_a_program_on_a_noexec_mount(
    run: Run, hutch: Runtime, bundle: Bundle, program: str
) -> None:
    bundle.config["process"]["env"] = ["PATH=/data"]
    mount(bundle, "/data", "bind", source=str(bundle.rootfs / "bin"))
    bundle.args(program)
    assert run().code == 0
    bundle.config["mounts"][-1]["options"].append("noexec")
    bundle.save()
    error = hutch.refuses("run", "-b", str(bundle.path), "test")
    assert "permission denied" in error
    assert "mounts[7], at /data, is noexec" in error
