"""hutch install-runtime: what becomes of an engine's configuration, and what does not."""

import tomllib
from pathlib import Path

import pytest
from hutch.cli.cold.install.change import copy_of, diff, forget, install, remove, write
from hutch.cli.cold.install.engines import ENGINES, Wanted, runtime_class
from hutch.cli.cold.install.json_text import Json
from hutch.cli.cold.install.toml_text import Toml, looked_up
from hutch.errors import ConfigError, HutchError

PROGRAM = "/opt/hutch/bin/hutch"
V2 = 'plugins."io.containerd.grpc.v1.cri".containerd'
V3 = "plugins.'io.containerd.cri.v1.runtime'.containerd"
NESTED = f"""version = 2
# where images are
root = "/var/lib/containerd"

[plugins]
  [{V2}]
    # as the cluster wants it
    default_runtime_name = "runc" # not crun
    [{V2}.runtimes]
      [{V2}.runtimes.runc]
        runtime_type = "io.containerd.runc.v2"
        [{V2}.runtimes.runc.options]
          SystemdCgroup = true

    # networks
    [plugins."io.containerd.grpc.v1.cri".cni]
      bin_dirs = [
        "[x]", # not a table
      ]
[timeouts]
  "a.b" = "5s"
"""
TEXTS = {
    "docker": [
        None, "", "{}", "{ }\n", '{"log-level": "warn"}', '{\n  "log-level": "warn"\n}\n',
        '{"default-runtime":"crun","runtimes":{"crun":{"path":"/usr/bin/crun"}}}\n',
        '{\n\t"runtimes": {\n\t\t"crun": {"path": "/usr/bin/crun", "a": [1, {"b": "}"}]}\n\t},\n'
        '\t"default-runtime": "crun",\n\t"insecure-registries": ["é:1",\n "b:2"]\n}',
        '{"runtimes": {}}\n', '{\n    "runtimes": {\n    }\n}\n',
    ],
    "containerd": [
        None, "", "version = 2\n", "version = 3", NESTED, NESTED.replace("\n", "\r\n"),
        f'version = 2\n{V2}.default_runtime_name = "runc"\n',
        f'version = 3\n[{V3}]\ndefault_runtime_name = "runc"\n[{V3}.runtimes.runc]\nx = 1\n',
        f'version = 2\n[{V2}.runtimes.runc]\nx = """\n[not.a.table]\n"""\n[[a.b]]\nc = 1\n',
    ],
    "podman": [
        None, "# ours\n", '[engine]\n',
        '[engine]\nruntime = "crun"\n[engine.runtimes]\nx = ["/x"]\n',
        '[engine]\n# json\nruntime_supports_json = [\n  "crun", # of old\n  "runc",\n]\n\n# end\n',
        '[engine.runtimes]\ncrun = [\n  "/usr/bin/crun",\n]\n[network]\nsubnet = "10.0.0.0/8"',
    ],
    "crio": [
        None, '[crio.runtime]\ndefault_runtime = "crun"\n', "[crio.runtime.runtimes.runc]\n",
    ],
}  # fmt: skip
CASES = [
    pytest.param(engine, text, default, id=f"{engine}-{index}{'-default' if default else ''}")
    for engine, texts in TEXTS.items()
    for index, text in enumerate(texts)
    for default in (False, True)
]


def kept(path: Path, text: str | None) -> bytes | None:
    """Writes the file; its content."""
    if text is None:
        return None
    path.write_bytes(text.encode())
    return text.encode()


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def make(engine: str, path: Path, wanted: Wanted) -> None:
    write(install(ENGINES[engine], str(path), wanted), wanted.name)


def take_back(engine: str, path: Path, name: str = "hutch") -> None:
    write(remove(ENGINES[engine], str(path), name), name)
    forget(str(path), name)


@pytest.mark.parametrize(("engine", "text", "default"), CASES)
def test_a_runtime_comes_and_goes_and_leaves_the_file_as_it_was(
    engine: str, text: str | None, default: bool, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    before = kept(path, text)
    wanted = Wanted("hutch", PROGRAM, default)
    make(engine, path, wanted)
    one = path.read_text()
    data = ENGINES[engine].language.parse(one)
    assert ENGINES[engine].found(data, "hutch") == wanted
    make(engine, path, wanted)
    assert path.read_text() == one
    # Another program, and the first one again.
    make(engine, path, wanted._replace(program="/other"))
    make(engine, path, wanted)
    assert path.read_text() == one
    take_back(engine, path)
    assert content(path) == before
    assert list(tmp_path.iterdir()) == ([] if text is None else [path])


@pytest.mark.parametrize(("engine", "text", "default"), CASES)
def test_what_others_change_in_between_stays(
    engine: str, text: str | None, default: bool, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    kept(path, text)
    make(engine, path, Wanted("hutch", PROGRAM, default))
    language = ENGINES[engine].language
    later = language.set(path.read_text(), [(("added", "later"), "x")])
    path.write_text(later)
    take_back(engine, path)
    meant = language.parse(language.set(text or "", [(("added", "later"), "x")]))
    left = language.parse(path.read_text())
    assert without_empty(left) == without_empty(meant)
    assert not Path(copy_of(str(path), "hutch")).exists()


def test_the_copy_is_not_in_a_folder_of_which_crio_reads_every_file(tmp_path: Path) -> None:
    folder = tmp_path / "crio.conf.d"
    folder.mkdir()
    path = folder / "10-crio.conf"
    before = kept(path, '[crio.runtime]\ndefault_runtime = "crun"\n')
    make("crio", path, Wanted("hutch", PROGRAM, True))
    assert list(folder.iterdir()) == [path]
    take_back("crio", path)
    assert content(path) == before
    assert list(tmp_path.iterdir()) == [folder]


def without_empty(data: object) -> object:
    """Nested tables without the empty ones, and without the version that a new file gets."""
    if not isinstance(data, dict):
        return data
    found = {key: without_empty(value) for key, value in data.items() if key != "version"}
    return {key: value for key, value in found.items() if value != {}}


@pytest.mark.parametrize(("engine", "text", "default"), CASES)
def test_all_lines_of_the_file_stay_but_for_values_that_change(
    engine: str, text: str | None, default: bool, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    kept(path, text)
    change = install(ENGINES[engine], str(path), Wanted("hutch", PROGRAM, default))
    removed = [line for line in diff(change).splitlines() if line[:1] == "-" and line[:3] != "---"]
    changing = ("default-runtime", "default_runtime", "runtime = ", "runtime_supports_json")
    if engine != "docker":
        removed = [line for line in removed if not any(word in line for word in changing)]
        # A line without its end gets one; the values of a list on several lines go with it.
        assert len(removed) <= (4 if text and "json = [\n" in text else 1)
    comments = [part for part in (text or "").splitlines() if part.strip().startswith("#")]
    assert [part for part in comments if part not in (change.after or b"").decode()] == []


def test_a_value_that_changes_keeps_its_comment_and_its_place() -> None:
    text = Toml.set(NESTED, [(("root",), "/srv")])
    assert text == NESTED.replace('"/var/lib/containerd"', '"/srv"')
    place = ("plugins", "io.containerd.grpc.v1.cri", "containerd", "default_runtime_name")
    text = Toml.set(NESTED, [(place, "hutch")])
    assert text == NESTED.replace('"runc" # not crun', '"hutch" # not crun')


def test_the_runtime_gets_the_cgroup_driver_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(NESTED)
    make("containerd", path, Wanted("hutch", PROGRAM, False))
    data = tomllib.loads(path.read_text())
    place = ("plugins", "io.containerd.grpc.v1.cri", "containerd", "runtimes", "hutch")
    assert looked_up(data, place) == {
        "runtime_type": "io.containerd.runc.v2",
        "options": {"BinaryName": PROGRAM, "SystemdCgroup": True},
    }


def test_containerd_keeps_the_runtime_that_it_has_without_a_file(tmp_path: Path) -> None:
    """Once the file names one runtime, containerd has no other."""
    path = tmp_path / "config.toml"
    make("containerd", path, Wanted("hutch", PROGRAM, False))
    place = ("plugins", "io.containerd.grpc.v1.cri", "containerd", "runtimes")
    runc = {"runtime_type": "io.containerd.runc.v2"}
    assert looked_up(tomllib.loads(path.read_text()), (*place, "runc")) == runc
    # It stays for another one.
    make("containerd", path, Wanted("other", "/other", False))
    take_back("containerd", path)
    left = looked_up(tomllib.loads(path.read_text()), place)
    assert isinstance(left, dict) and set(left) == {"runc", "other"}


def test_a_json_file_keeps_its_indentation() -> None:
    text = '{\n  "debug": true,\n  "runtimes": {\n    "x": {"path": "/x"}\n  }\n}\n'
    assert Json.set(text, [(("runtimes", "hutch", "path"), "/h")]) == (
        '{\n  "debug": true,\n  "runtimes": {\n    "x": {"path": "/x"},\n'
        '    "hutch": {\n      "path": "/h"\n    }\n  }\n}\n'
    )
    assert Json.set('{"a": 1}', [(("b",), "c")]) == '{"a": 1, "b": "c"}'


@pytest.mark.parametrize(
    ("engine", "text", "said"),
    [
        ("docker", '{\n  "a": 1\n  "b": 2}', "file: line 3, column 3: expecting ','"),
        ("docker", "[1]", "file: must be an object"),
        ("docker", '{"a": 1, "a": 2}', "file: a: is there twice"),
        ("docker", '{"runtimes": ["hutch"]}', "file: runtimes = "),
        ("docker", "[" * 100000, "file: is nested too deeply"),
        ("podman", "[engine]\nruntime = crun\n", "file: Invalid value (at line 2, column 11)"),
        ("podman", '[engine]\nruntime = "', "file: Unterminated string (at end of document)"),
        ("podman", "engine = 7\n", "file: engine = 7: must be a table"),
        ("podman", '[engine]\nruntimes = {crun = ["/c"]}\n', "inline table"),
        ("containerd", 'root = "/x"\n', "file: version = 1: only versions 2 and 3"),
        ("containerd", "version = 4\n", "file: version = 4: only versions 2 and 3"),
        ("containerd", 'version = "2"\n', 'file: version = "2": only'),
        ("crio", "[crio]\nruntime = []\n", "file: crio.runtime = []: must be a table"),
    ],
)
def test_a_file_that_cannot_be_changed_is_named_with_the_place(
    engine: str, text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(HutchError) as caught:
        install(ENGINES[engine], str(path), Wanted("hutch", PROGRAM, False))
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))
    assert path.read_text() == text


def test_a_file_that_is_not_text_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    path.write_bytes(b'{\n"a": "\xff"}')
    with pytest.raises(ConfigError, match="line 2: is not UTF-8"):
        install(ENGINES["docker"], str(path), Wanted("hutch", PROGRAM, False))
    path.write_bytes(b" " * (2 << 20))
    with pytest.raises(HutchError, match="larger than 1 MiB"):
        install(ENGINES["docker"], str(path), Wanted("hutch", PROGRAM, False))


def test_two_runtimes_go_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    path.write_text('{"debug": true}\n')
    make("docker", path, Wanted("hutch", PROGRAM, True))
    make("docker", path, Wanted("other", "/other", False))
    take_back("docker", path)
    assert path.read_text() == '{"debug": true, "runtimes": {"other": {"path": "/other"}}}\n'
    take_back("docker", path, "other")
    assert Json.parse(path.read_text()) == {"debug": True, "runtimes": {}}


def test_podman_keeps_asking_the_other_runtimes_for_json(tmp_path: Path) -> None:
    path = tmp_path / "containers.conf"
    path.write_text('[engine]\nruntime_supports_json = ["crun"]\n')
    make("podman", path, Wanted("hutch", PROGRAM, False))
    data = tomllib.loads(path.read_text())
    assert looked_up(data, ("engine", "runtime_supports_json")) == ["crun", "hutch"]


def test_a_runtime_class_is_yaml_with_the_handler() -> None:
    import yaml

    assert yaml.safe_load(runtime_class("hutch")) == {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "hutch"},
        "handler": "hutch",
    }
