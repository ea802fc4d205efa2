"""Invalid input: one clear line, the right exit code, nothing changed, nothing left."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Runtime
from tests.support.disks import small_disk

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

# Each verb that takes an id, with the words around it.
VERBS = {
    "create": [], "run": [], "start": [], "state": [], "kill": ["KILL"], "delete": [],
    "exec": ["true"], "pause": [], "resume": [], "ps": [],
}  # fmt: skip


def code_of(verb: str) -> int:
    return 255 if verb == "exec" else 1


@pytest.mark.parametrize("verb", VERBS)
def test_s44_every_verb_refuses_an_invalid_id(hutch: Runtime, bundle: Bundle, verb: str) -> None:
    (hutch.root.parent / "x").mkdir()
    for id in ("../x", "a/b", "", ".", "..", "a b", "x" * 1024, "é", "a\nb", "%41"):
        error = hutch.refuses(verb, id, *VERBS[verb], code=code_of(verb), cwd=bundle.path)
        assert "invalid container ID format" in error, id
    assert "flag" in hutch.refuses(verb, "-x", code=code_of(verb), cwd=bundle.path)
    error = hutch.refuses(verb, "--", "-x", *VERBS[verb], code=code_of(verb), cwd=bundle.path)
    assert "invalid container ID format" in error
    assert (hutch.root.parent / "x").exists()
    assert [id for id in hutch.ids() if not id.startswith(".")] == []


@pytest.mark.parametrize("verb", [v for v in VERBS if v not in ("create", "run")])
def test_no_verb_knows_a_container_that_does_not_exist(hutch: Runtime, verb: str) -> None:
    error = hutch.refuses(verb, "none", *VERBS[verb], code=code_of(verb))
    assert error == "hutch: container does not exist: none"
    assert not hutch.root.exists()


def test_s44_delete_force_checks_the_id_as_well(hutch: Runtime) -> None:
    assert "invalid container ID format" in hutch.refuses("delete", "--force", "../x")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b"", "config.json"),
        (b"{", "config.json"),
        (b'{"ociVersion": "1.0.2",}', "config.json"),
        (b"null", "config.json"),
        (b"[]", "config.json"),
        (b'"text"', "config.json"),
        (b"\xff\xfe", "config.json"),
        (b"[" * 100000, "config.json"),
        (b'{"a": 1e99999}', "config.json"),
        (b'{"ociVersion": "1.0.2", "ociVersion": "1.0.2"}', "ociVersion"),
        (b'{"ociVersion": 1}', "ociVersion"),
        (b'{"ociVersion": "9.0.0", "root": {"path": "rootfs"}}', "ociVersion"),
        (b'{"ociVersion": "1.0.2", "process": {"args": ["a\\u0000b"], "cwd": "/"}}', "args"),
    ],
)
def test_s46_an_invalid_config_gives_one_line(
    hutch: Runtime, bundle: Bundle, text: bytes, named: str
) -> None:
    (bundle.path / "config.json").write_bytes(text)
    for verb in ("run", "create"):
        assert named in hutch.refuses(verb, "-b", str(bundle.path), "test")
    assert not hutch.root.exists()


WRONG = [
    ("process.args", []),
    ("process.args[0]", [1]),
    ("process.env[0]", [1]),
    ("process.cwd", 3),
    ("process.user.uid", -1),
    ("process.user.uid", 1 << 32),
    ("process.user.additionalGids", "x"),
    ("process.rlimits", {}),
    ("process.terminal", "yes"),
    ("process.capabilities.bounding", "CAP_KILL"),
    ("process.oomScoreAdj", 1001),
    ("process.consoleSize.height", -1),
    ("root.readonly", 1),
    ("root.path", ""),
    ("hostname", 3),
    ("hostname", "x" * 65),
    ("mounts", {}),
    ("mounts[0].destination", None),
    ("mounts[0].options", "ro"),
    ("hooks.prestart", {}),
    ("hooks.prestart[0].path", "relative"),
    ("annotations", []),
    ("linux.namespaces[0].type", "nosuch"),
    ("linux.resources.memory.limit", "1G"),
    ("linux.resources.pids.limit", []),
    ("linux.resources.cpu.shares", -1),
    ("linux.devices[0].path", None),
    ("linux.maskedPaths", "x"),
    ("linux.rootfsPropagation", "sideways"),
    ("linux.uidMappings[0].size", 0),
    ("linux.sysctl", []),
    ("linux.seccomp.defaultAction", "ALLOW"),
    ("linux.cgroupsPath", 1),
]


def put(config: object, pointer: str, value: object) -> None:
    """Sets the field at ``pointer`` to ``value``, and makes missing objects above it."""
    steps: list[str | int] = []
    for part in pointer.split("."):
        name, *indices = part.replace("]", "").split("[")
        steps += [name, *map(int, indices)]
    if isinstance(steps[-1], int) and isinstance(value, list):
        steps.pop()
    here: object = config
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if following is None:
            here[step] = value
            return
        empty: object = [] if isinstance(following, int) else {}
        if isinstance(here, list):
            while len(here) <= step:
                here.append({})
        elif step not in here:
            here[step] = empty
        here = here[step]


@pytest.mark.parametrize(("pointer", "value"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_type_or_value_names_its_field(
    hutch: Runtime, bundle: Bundle, pointer: str, value: object
) -> None:
    bundle.change(lambda config: put(config, pointer, value))
    error = hutch.refuses("run", "-b", str(bundle.path), "test")
    assert pointer in error
    assert not hutch.root.exists()


@pytest.mark.parametrize("field", ["process", "root", "ociVersion"])
def test_a_missing_section_names_its_field(hutch: Runtime, bundle: Bundle, field: str) -> None:
    del bundle.config[field]
    bundle.save()
    assert field in hutch.refuses("run", "-b", str(bundle.path), "test")
    assert not hutch.root.exists()


def test_invalid_bundles_are_refused(hutch: Runtime, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (empty, tmp_path / "nowhere"):
        error = hutch.refuses("run", "-b", str(path), "test")
        assert "config.json not found" in error
    (empty / "config.json").mkdir()
    assert "config.json" in hutch.refuses("run", "-b", str(empty), "test")
    (empty / "config.json").rmdir()
    os.mkfifo(empty / "config.json")
    assert "not a regular file" in hutch.refuses("run", "-b", str(empty), "test")
    assert not hutch.root.exists()


def test_invalid_state_directories_are_refused(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    other = Runtime(hutch.command, tmp_path / "file")
    assert "file" in other.refuses("run", "-b", str(bundle.path), "test")
    assert "file" in other.refuses("list")
    assert "file" in other.refuses("state", "test")
    other = Runtime(hutch.command, Path("/proc/nosuch"))
    assert "/proc/nosuch" in other.refuses("run", "-b", str(bundle.path), "test")


def test_arguments_that_are_not_utf8_are_refused(hutch: Runtime) -> None:
    done = subprocess.run(
        [hutch.command.encode(), b"state", b"\xff\xfe"], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"UTF-8" in done.stderr


# Damaged state.


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "empty": lambda path: path.write_bytes(b""),
    "an array": lambda path: path.write_text("[]"),
    "a number": lambda path: path.write_text("7"),
    "another id": lambda path: path.write_text(
        path.read_text().replace('"id":"test"', '"id":"other"')
    ),
    "without keys": lambda path: path.write_text('{"id":"test"}'),
    "wrong types": lambda path: path.write_text(
        json.dumps({**json.loads(path.read_text()), "pid": "1", "cgroup": 3, "hooks": []})
    ),
    "a cgroup of wrong types": lambda path: path.write_text(
        json.dumps({**json.loads(path.read_text()), "cgroup": {"mode": 1}})
    ),
    "a directory": make_directory,
    "a dangling link": make_dangling_link,
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_state_is_reported_and_delete_force_removes_it(
    hutch: Runtime, bundle: Bundle, kind: str
) -> None:
    hutch("create", "--bundle", str(bundle.path), "test")
    path = hutch.root / "test" / "state.json"
    before = path.read_bytes()
    pid = hutch.state("test")["pid"]
    DAMAGE[kind](path)
    for verb, words in VERBS.items():
        if verb not in ("create", "run"):
            error = hutch.refuses(verb, "test", *words, code=code_of(verb))
            assert "damaged" in error or "no state.json" in error
    listed = hutch("list")
    assert listed.out.count("\n") == 1
    assert listed.err.startswith("load container test: ")
    # With the complete state file, the container can be removed as usual.
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_bytes(before)
    assert hutch.state("test")["pid"] == pid
    hutch("delete", "--force", "test")
    assert hutch.ids() == []


@pytest.mark.parametrize("kind", [kind for kind in DAMAGE if kind != "a directory"])
def test_delete_force_removes_a_container_whose_state_is_damaged_and_says_so(
    hutch: Runtime, bundle: Bundle, kind: str
) -> None:
    hutch("run", "--keep", "--bundle", str(bundle.path), "test")
    DAMAGE[kind](hutch.root / "test" / "state.json")
    done = hutch("delete", "--force", "test")
    assert kind == "gone" or "damaged" in done.err
    assert hutch.ids() == []
    # What no state file names is left, as the warning says.
    name = bundle.config["linux"]["cgroupsPath"].lstrip("/")
    for path in Path("/sys/fs/cgroup").glob(f"*/{name}"):
        path.rmdir()


# A state directory that is full or read-only.


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs with one page and a few inodes."""
    with small_disk(tmp_path / "tiny", "size=4k,nr_inodes=8") as path:
        yield path


@pytest.mark.parametrize("filled", ["space", "inodes"])
@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_full_state_directory_is_one_line_and_nothing_is_left(
    hutch: Runtime, bundle: Bundle, tiny: Path, filled: str, verb: str
) -> None:
    if filled == "space":
        (tiny / "full").write_bytes(bytes(4096))
    else:
        for number in range(5):
            (tiny / str(number)).write_text("")
    other = Runtime(hutch.command, tiny / "state")
    error = other.refuses(verb, "-b", str(bundle.path), "test")
    assert "no space left on device" in error
    assert [id for id in other.ids() if not id.startswith(".")] == []


def test_a_read_only_state_directory_is_one_line(
    hutch: Runtime, bundle: Bundle, tiny: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tiny], check=True)
    other = Runtime(hutch.command, tiny / "state")
    error = other.refuses("run", "-b", str(bundle.path), "test")
    assert "read-only file system" in error


def test_without_resctrl_intel_rdt_is_an_error_and_nothing_is_left(
    hutch: Runtime, bundle: Bundle
) -> None:
    if " - resctrl " in Path("/proc/self/mountinfo").read_text():
        pytest.skip("this machine has resctrl")
    bundle.change(lambda config: put(config, "linux.intelRdt", {"closID": "x"}))
    error = hutch.refuses("run", "-b", str(bundle.path), "test")
    assert "linux.intelRdt: no resctrl file system is mounted (hint: " in error
    assert hutch.ids() in ([], [".filters"])
