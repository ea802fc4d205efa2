"""Reading a bundle's config.json and the process file of exec."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import hutch
import pytest
from hutch.errors import ConfigError, HutchError
from hutch.spec.default import default_config
from hutch.spec.json import decode, encode, pretty
from hutch.spec.json_error import JsonError
from hutch.spec.load import MAX_SIZE, load_bundle, load_process, load_resources

PACKAGES = Path(hutch.__file__).parents[1]
CONTAINER = default_config()  # that a process is for


def bundle(folder: Path, config: Any) -> str:
    (folder / "config.json").write_text(pretty(config, "\t"))
    return str(folder)


def test_a_bundle_gives_its_config_and_the_bytes(tmp_path: Path) -> None:
    config, data = load_bundle(bundle(tmp_path, default_config()))
    assert config == default_config()
    assert data == (tmp_path / "config.json").read_bytes()


def test_a_relative_bundle_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle(tmp_path, default_config())
    monkeypatch.chdir(tmp_path)
    for name in ("", ".", "../" + tmp_path.name):
        assert load_bundle(name)[0] == default_config()


def test_a_missing_config_is_told_in_the_words_of_runc_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (str(tmp_path), "", str(tmp_path / "absent"), "absent"):
        with pytest.raises(HutchError) as caught:
            load_bundle(name)
        where = os.path.normpath(tmp_path / name)
        assert str(caught.value).startswith(
            f"JSON specification file config.json not found in {where}"
        )


@pytest.mark.parametrize("kind", ["folder", "fifo", "device"])
def test_s46_only_a_regular_file_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(HutchError, match=r"config\.json is not a regular file"):
        load_bundle(str(tmp_path))


def test_s46_a_config_of_more_than_4_mib_is_refused(tmp_path: Path) -> None:
    data = encode(default_config()).encode()
    path = tmp_path / "config.json"
    path.write_bytes(data + b" " * (MAX_SIZE - len(data)))
    load_bundle(str(tmp_path))
    path.write_bytes(data + b" " * (MAX_SIZE - len(data) + 1))
    with pytest.raises(HutchError, match=r"config\.json is larger than 4 MiB"):
        load_bundle(str(tmp_path))


def test_what_is_no_json_is_told_with_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{\n\t"ociVersion": "1.3.0",\n}')
    with pytest.raises(JsonError, match=r"^config\.json: line 3 column 1: expected a name"):
        load_bundle(str(tmp_path))


def test_a_path_that_cannot_be_one_is_an_error_of_ours() -> None:
    with pytest.raises(HutchError, match="cannot be a path"):
        load_bundle("/a\0b")
    with pytest.raises(HutchError, match="not a directory"):
        load_bundle("/dev/null")


def test_a_single_problem_is_told_alone_with_its_hint(tmp_path: Path) -> None:
    config = default_config()
    config["process"]["rlimits"][0]["type"] = "RLIMIT_NOFILES"
    with pytest.raises(ConfigError) as caught:
        load_bundle(bundle(tmp_path, config))
    error = caught.value
    assert (error.pointer, error.value) == ("process.rlimits[0].type", "RLIMIT_NOFILES")
    assert error.hint == 'did you mean "RLIMIT_NOFILE"?'
    assert "more:" not in str(error)


def test_the_first_problem_says_where_the_others_are(tmp_path: Path) -> None:
    config = default_config()
    config["process"]["cwd"] = "root"
    config["root"]["path"] = ""
    config["hooks"] = {"prestart": [{"path": "hook"}]}
    with pytest.raises(ConfigError) as caught:
        load_bundle(bundle(tmp_path, config))
    assert str(caught.value) == (
        'config.json: process.cwd = "root": must be an absolute path'
        " (and 2 more: hooks.prestart[0].path, root.path)"
    )


def test_of_many_problems_five_others_are_named(tmp_path: Path) -> None:
    config = default_config()
    config["linux"]["maskedPaths"] = ["x"] * 40
    with pytest.raises(ConfigError) as caught:
        load_bundle(bundle(tmp_path, config))
    assert "(and 39 more: linux.maskedPaths[1], linux.maskedPaths[2]," in str(caught.value)
    assert str(caught.value).endswith("linux.maskedPaths[5], ...)")


def test_without_jsonschema_the_first_problem_is_told_alone(tmp_path: Path) -> None:
    config = default_config()
    config["process"]["cwd"] = "root"
    config["root"]["path"] = ""
    program = f"""
        import sys
        sys.path.append({str(PACKAGES)!r})
        sys.modules["jsonschema"] = None
        from hutch.spec.load import HutchError, load_bundle
        try:
            load_bundle({bundle(tmp_path, config)!r})
        except HutchError as error:
            print(error)
    """
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == 'config.json: process.cwd = "root": must be an absolute path\n'


def test_a_process_file_is_read_and_checked(tmp_path: Path) -> None:
    process = {"args": ["ls"], "cwd": "/", "terminal": False}
    path = tmp_path / "process.json"
    path.write_text(encode(process))
    assert load_process(str(path), CONTAINER) == process


def test_a_process_may_come_from_a_pipe() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb"), os.fdopen(write, "wb") as writer:
        writer.write(b'{"args": ["ls"], "cwd": "/"}')
        writer.close()
        assert load_process(f"/dev/fd/{read}", CONTAINER) == {"args": ["ls"], "cwd": "/"}


def test_a_process_has_ids_that_its_container_maps(tmp_path: Path) -> None:
    path = tmp_path / "process.json"
    path.write_text('{"args": ["ls"], "cwd": "/", "user": {"uid": 0, "gid": 3}}')
    container = default_config(rootless=True)
    with pytest.raises(ConfigError, match=r"process\.json: user\.gid = 3: is not mapped in linux"):
        load_process(str(path), container)
    container["linux"]["gidMappings"][0]["size"] = 4
    load_process(str(path), container)


def test_errors_of_a_process_file_name_the_file_and_begin_inside_it(tmp_path: Path) -> None:
    path = tmp_path / "process.json"
    path.write_text('{"args": [], "rlimits": [{"type": "RLIMIT_CPU", "soft": 1, "hard": -1}]}')
    with pytest.raises(ConfigError) as caught:
        load_process(str(path), CONTAINER)
    assert str(caught.value) == (
        f"{path}: cwd: is required, but missing (and 2 more: args, rlimits[0].hard)"
    )
    assert caught.value.pointer == "cwd"
    path.write_text("[")
    with pytest.raises(JsonError, match=r"process\.json: line 1 column 2: the text ends"):
        load_process(str(path), CONTAINER)
    with pytest.raises(HutchError, match=r"absent\.json: no such file or directory"):
        load_process(str(tmp_path / "absent.json"), CONTAINER)


def test_what_is_ignored_or_taken_otherwise_is_told_and_not_kept(tmp_path: Path) -> None:
    told: list[HutchError] = []
    config = default_config()
    loaded, data = load_bundle(
        bundle(tmp_path, {**config, "mount": [], "annotations": None}), told.append
    )
    assert loaded == decode(data, "what create keeps") == config
    assert list(map(str, told)) == ["config.json: mount: is not known, and ignored"]
    path = tmp_path / "process.json"
    path.write_text('{"args": ["ls"], "cwd": "/", "terminale": true, "env": null}')
    assert load_process(str(path), CONTAINER, told.append) == {"args": ["ls"], "cwd": "/"}
    assert [str(told[1])] == [
        f'{path}: terminale: is not known, and ignored (hint: did you mean "terminal"?)'
    ]
    path.write_text('{"memory": {"limit": 5, "swop": 6}}')
    assert load_resources(str(path), told.append) == {"memory": {"limit": 5}}
    assert [str(told[2])] == [
        f'{path}: memory.swop: is not known, and ignored (hint: did you mean "swap"?)'
    ]
