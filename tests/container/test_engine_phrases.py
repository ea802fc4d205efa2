"""The phrases that engines and scripts look for in an error. Each test provokes the real error.

Engines read the last line with level "error" in the file of --log, or standard error. Its words
decide about their exit codes, and whether a container exists. So a change of these sentences
changes what engines do.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.containers import Bundle, Runtime, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


def creating(*program: str) -> "Callable[[Runtime, Bundle], list[str]]":
    """`create` of a container with this program."""

    def words(_: Runtime, bundle: Bundle) -> list[str]:
        bundle.args(*program)
        return ["create", "--bundle", str(bundle.path), "test"]

    return words


def executing(*program: str) -> "Callable[[Runtime, Bundle], list[str]]":
    """`exec` of this program, as engines call it."""

    def words(hutch: Runtime, bundle: Bundle) -> list[str]:
        running(hutch, bundle)
        file = bundle.path / "process.json"
        file.write_text(json.dumps({"args": program, "cwd": "/", "env": ["PATH=/bin"]}))
        return ["exec", "--process", str(file), "--detach", "test"]

    return words


def running(hutch: Runtime, bundle: Bundle) -> None:
    bundle.args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(bundle.path), "test")


def after(*words: str, stopped: bool = False) -> "Callable[[Runtime, Bundle], list[str]]":
    """A command line for a container that runs or has ended."""

    def given(hutch: Runtime, bundle: Bundle) -> list[str]:
        running(hutch, bundle)
        if stopped:
            hutch("kill", "test", "KILL")
            eventually(lambda: hutch.state("test")["status"] == "stopped")
        return list(words)

    return given


def half_removed(*words: str) -> "Callable[[Runtime, Bundle], list[str]]":
    """A command line for a container of which a delete that was killed has left its directory."""

    def given(hutch: Runtime, bundle: Bundle) -> list[str]:
        (hutch.root / "test").mkdir(parents=True)
        return [*words, "test"]

    return given


def alone(*words: str) -> "Callable[[Runtime, Bundle], list[str]]":
    """A command line for a container that does not exist."""
    return lambda _hutch, _bundle: list(words)


def above_nr_open(hutch: Runtime, bundle: Bundle) -> list[str]:
    """A limit that the kernel always refuses (setrlimit(2))."""
    limit = int(Path("/proc/sys/fs/nr_open").read_text()) + 1
    bundle.config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": limit, "hard": limit}]
    return creating("true")(hutch, bundle)


def create_again(hutch: Runtime, bundle: Bundle) -> list[str]:
    running(hutch, bundle)
    return ["create", "--bundle", str(bundle.path), "test"]


def with_a_socket_for_nothing(_: Runtime, bundle: Bundle) -> list[str]:
    return ["run", "--bundle", str(bundle.path), "--console-socket", "/nowhere", "test"]


class Phrase(NamedTuple):
    """The phrase, the program that looks for it and why, and the command line that gives it."""

    text: str
    who: str
    provoke: "Callable[[Runtime, Bundle], list[str]]"


PHRASES = [
    Phrase(
        "executable file not found in $PATH",
        "podman, docker: exit code 127 of run",
        creating("nosuch"),
    ),
    Phrase("no such file or directory", "podman, docker: 127 of run", creating("/bin/nosuch")),
    Phrase("permission denied", "podman, docker: 126 of run", creating("/etc/passwd")),
    Phrase("operation not permitted", "podman: 126 of run", above_nr_open),
    Phrase("executable file not found in $PATH", "podman: 127 of exec", executing("nosuch")),
    Phrase("no such file or directory", "podman: 127 of exec", executing("/bin/nosuch")),
    Phrase("permission denied", "podman: 126 of exec", executing("/etc/passwd")),
    Phrase(
        "container not running",
        "containerd's shim: the kill came too late, and that is no error",
        after("kill", "test", "9", stopped=True),
    ),
    Phrase("does not exist", "containerd's shim: likewise", alone("kill", "none", "9")),
    Phrase("does not exist", "containerd's shim: likewise", half_removed("kill", "--all")),
    Phrase("does not exist", "containerd's shim: likewise", half_removed("delete")),
    Phrase("container does not exist", "scripts, people", alone("state", "none")),
    Phrase("container with given ID already exists", "scripts, people", create_again),
    Phrase(
        "cannot delete container test that is not stopped: running",
        "scripts, people",
        after("delete", "test"),
    ),
    Phrase("cannot start an already running container", "scripts, people", after("start", "test")),
    Phrase(
        "cannot start a container that has stopped",
        "scripts, people",
        after("start", "test", stopped=True),
    ),
    Phrase("container not paused", "scripts, people", after("resume", "test")),
    Phrase(
        "cannot exec in a stopped container",
        "scripts, people",
        after("exec", "test", "true", stopped=True),
    ),
    Phrase(
        "JSON specification file config.json not found",
        "scripts, people",
        alone("run", "--bundle", "/", "test"),
    ),
    Phrase("invalid container ID format", "scripts, people", alone("state", "a/b")),
    Phrase(
        "cannot use console socket if runc will not detach or allocate tty",
        "scripts, people",
        with_a_socket_for_nothing,
    ),
]


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: f"{phrase.text} ({phrase.who})")
def test_a_phrase_is_in_the_log_and_on_standard_error(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, phrase: Phrase
) -> None:
    words = phrase.provoke(hutch, bundle)
    log = tmp_path / "log.json"
    done = hutch("--log-format", "json", "--log", str(log), *words, check=False)
    assert done.code == (255 if words[0] == "exec" else 1)
    (line,) = log.read_text().splitlines()
    entry = json.loads(line)
    assert entry["level"] == "error"
    assert phrase.text in entry["msg"]
    assert phrase.text in done.err


# What stands beside level, msg and time in a line of the log.


def fields(log: Path) -> dict[str, object]:
    entry: dict[str, object] = json.loads(log.read_text().splitlines()[-1])
    assert list(entry) == sorted(entry)
    return {name: value for name, value in entry.items() if name not in ("level", "msg", "time")}


def test_an_error_of_the_config_has_its_field_in_the_log(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    bundle.change(lambda config: config["process"]["rlimits"][0].update(type="RLIMIT_NOFILES"))
    log = tmp_path / "log"
    words = ["--log", str(log), "--log-format", "json"]
    hutch.refuses(*words, "run", "--bundle", str(bundle.path), "test")
    assert fields(log) == {
        "document": "config.json",
        "hint": 'did you mean "RLIMIT_NOFILE"?',
        "pointer": "process.rlimits[0].type",
        "value": "RLIMIT_NOFILES",
    }


def test_a_failed_call_has_its_name_and_errno_in_the_log(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    words = ["--log", str(log), "--log-format", "json"]
    hutch.refuses(*words, *above_nr_open(hutch, bundle))
    found = fields(log)
    assert found.pop("hint")
    assert found == {
        "call": "prlimit64",
        "document": "config.json",
        "errno": "EPERM",
        "pointer": "process.rlimits[0]",
    }


def test_an_error_of_another_document_names_that(
    hutch: Runtime, sleeper: str, tmp_path: Path
) -> None:
    log, file = tmp_path / "log", tmp_path / "process.json"
    file.write_text('{"args": ["true"], "cwd": "bin"}')
    words = ["--log", str(log), "--log-format", "json"]
    hutch.refuses(*words, "exec", "--process", str(file), sleeper, code=255)
    assert fields(log) == {"document": str(file), "pointer": "cwd", "value": "bin"}
    hutch.refuses(*words, "update", "--cpu-quota", "5", sleeper)
    found = fields(log)
    assert (found.get("document"), found["pointer"]) == (None, "--cpu-quota")
    file.write_text("{]")
    hutch.refuses(*words, "update", "--resources", str(file), sleeper)
    assert fields(log) == {"document": str(file), "pointer": "line 1 column 2"}
    hutch.refuses(*words, "update", "--resources", "/nowhere", sleeper)
    assert fields(log) == {"call": "open", "document": "/nowhere", "errno": "ENOENT"}


def test_a_warning_has_its_field_in_the_log(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    bundle.change(lambda config: config.update(mount=[]))
    log = tmp_path / "log"
    words = ["--log", str(log), "--log-format", "json"]
    hutch(*words, "run", "--bundle", str(bundle.path), "test")
    assert fields(log) == {"document": "config.json", "pointer": "mount"}


def test_an_error_on_standard_error_as_json_has_the_same(hutch: Runtime, bundle: Bundle) -> None:
    bundle.change(lambda config: config["process"].update(cwd="bin"))
    line = hutch.refuses("--log-format", "json", "run", "--bundle", str(bundle.path), "test")
    entry = json.loads(line)
    assert (entry["pointer"], entry["value"]) == ("process.cwd", "bin")
