"""The command line: Docker's habits, one clear line for what goes wrong."""

import json
import os
import pty
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hutch.cli.warren.output import ago, clean, human_size, render, template
from hutch.cli.warren.table import NOUN_VERBS, NOUNS, VERBS, of_noun

from conformance.samples.images import Layer
from tests.support.registries import Warren, damage_layer

pytestmark = pytest.mark.root


@pytest.fixture
def kept(warren: Warren, odd: Path) -> Warren:
    warren.ok("pull", "-q", f"oci:{odd}:gzip")
    warren.ok("tag", "odd:gzip", "registry.example/team/odd:1")
    return warren


def test_images_lists_every_name(kept: Warren) -> None:
    lines = kept.ok("images").splitlines()
    assert lines[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert sorted(line.split()[0] for line in lines[1:]) == [
        "localhost/odd", "registry.example/team/odd",
    ]  # fmt: skip
    assert len(kept.ok("images", "-q").split()) == 1
    assert "3.4MB" in lines[1]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["odd"], 1), (["odd:gzip"], 1), (["odd:other"], 0), (["registry.example/team/odd"], 1),
        (["-f", "reference=*/team/*"], 1), (["-f", "reference=odd"], 1),
        (["-f", "dangling=true"], 0), (["-f", "dangling=false"], 2), (["-f", "label=x"], 0),
    ],
)  # fmt: skip
def test_images_are_filtered(kept: Warren, arguments: list[str], count: int) -> None:
    assert len(kept.ok("images", "--format", "{{.ID}}", *arguments).split()) == count


def test_formats(kept: Warren) -> None:
    one = json.loads(kept.ok("images", "--format", "json", "odd:gzip"))
    assert one["Tag"] == "gzip"
    assert kept.ok("images", "--format", "{{.Repository}}|{{upper .Tag}}", "odd") == (
        "localhost/odd|GZIP\n"
    )
    assert kept.ok("images", "--format", "table {{.Tag}}\\t{{.Size}}", "odd").split() == [
        "TAG", "SIZE", "gzip", "3.4MB",
    ]  # fmt: skip
    assert kept.ok("inspect", "-f", "{{json .Config.Cmd}}", "odd:gzip") == '["/bin/sh"]\n'
    assert kept.ok("images", "--format", "table") == kept.ok("images")
    first = kept.ok("inspect", "-f", '{{index .RepoTags 0}} {{index .Labels "x.y"}}', "odd:gzip")
    assert first == "localhost/odd:gzip <no value>\n"
    assert "no item" in kept.fails("inspect", "-f", "{{index .RepoTags 9}}", "odd:gzip", status=125)
    assert "no end" in kept.fails("images", "--format", "{{.ID", status=125)
    assert "no field" in kept.fails("inspect", "-f", "{{.Nope}}", "odd:gzip", status=125)
    ids = kept.ok("images", "--format", "table {{.ID}}\\t{{range split .Tag `z`}}{{.}}{{end}}")
    assert ids.split()[:3] == ["IMAGE", "ID", "TAG"]
    ends = '{{range $i, $tag := .RepoTags}}{{if $i}}, {{end}}{{(index (split $tag ":") 1)}}{{end}}'
    assert kept.ok("inspect", "-f", ends, "odd:gzip") == "gzip, 1\n"
    assert kept.fails("images", "--format", "{{.Id}}", status=125) == (
        'warren: --format: template "{{.Id}}", column 3: there is no field .Id'
        " (hint: did you mean .ID?)"
    )


def test_inspect_has_dockers_shape(kept: Warren) -> None:
    (document,) = json.loads(kept.ok("inspect", "odd:gzip"))
    assert document["Id"].startswith("sha256:")
    assert document["RepoTags"] == ["localhost/odd:gzip", "registry.example/team/odd:1"]
    assert len(document["RootFS"]["Layers"]) == 4
    assert document["Os"] == "linux"


def test_history_is_newest_first(kept: Warren) -> None:
    lines = kept.ok("history", "--format", "{{.CreatedBy}}", "odd:gzip").split("\n")
    assert lines[:4] == ["layer 3", "layer 2", "layer 1", "layer 0"]


def test_ids_and_names_find_an_image(kept: Warren) -> None:
    identifier = kept.ok("images", "-q", "--no-trunc").strip()
    for text in (identifier, identifier[7:19], "odd:gzip", "localhost/odd:gzip"):
        assert json.loads(kept.ok("inspect", text))[0]["Id"] == identifier
    assert "No such object" in kept.fails("inspect", "odd:nothing")


def test_rmi_takes_names_and_then_the_image(kept: Warren) -> None:
    identifier = kept.ok("images", "-q").strip()
    assert "several names" in kept.fails("rmi", identifier)
    assert kept.ok("rmi", "odd:gzip") == "Untagged: localhost/odd:gzip\n"
    assert "Deleted: sha256:" in kept.ok("rmi", "registry.example/team/odd:1")
    assert kept.ok("images", "-q") == ""
    assert kept.ok("rmi", "-f", "odd:gzip") == ""


def test_prune_asks_first(kept: Warren) -> None:
    assert kept.run("system", "prune").returncode == 1
    assert "Total reclaimed space: 0B" in kept.ok("system", "prune", "--force")
    assert "Deleted" in kept.ok("system", "prune", "--force", "--all")
    assert os.listdir(kept.root / "layers") == []


def test_prune_takes_only_what_its_filters_mean(kept: Warren, tmp_path: Path) -> None:
    archive = tmp_path / "root.tar"
    archive.write_bytes(Layer().file("a").tar())
    kept.ok("import", "-q", "-c", "LABEL stage=test", archive, "labelled:1")

    def left(*filters: str) -> int:
        kept.ok("system", "prune", "-af", *(f"--filter={text}" for text in filters))
        return len(kept.ok("images", "-q").split())

    assert left("until=2020-01-01") == left("until=99999h", "label=stage") == 2
    assert left("label=stage=production") == left("label=stage", "until=1h30m") == 2
    assert left("until=1d") == left("label!=stage") == 1  # the odd image is of 2020
    assert left("label=stage=test", "label!=other") == 0
    for text in ("until=soon", "until=", "x=y", "until=99999-01-01"):
        kept.fails("system", "prune", "-f", f"--filter={text}", status=125)


def test_a_digest_does_not_move_or_remove_a_tag(kept: Warren) -> None:
    name = "registry.example/team/odd"
    digest = json.loads(kept.ok("inspect", "odd:gzip"))[0]["Digest"]
    kept.ok("tag", "odd:gzip", f"{name}:2")
    assert "several names" in kept.fails("rmi", f"{name}@{digest}")
    assert kept.ok("rmi", f"{name}:2@{digest}") == f"Untagged: {name}:2\n"
    assert len(kept.ok("images", "-q", name).split()) == 1


def test_df_adds_up(kept: Warren) -> None:
    rows = [json.loads(line) for line in kept.ok("system", "df", "--format", "json").splitlines()]
    assert [(row["Type"], row["TotalCount"]) for row in rows] == [
        ("Images", 1), ("Layers", 4), ("Blobs", 6), ("Unfinished", 0), ("Containers", 0),
        ("Local Volumes", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], "is not a warren command"),
        (["pul"], "did you mean pull?"),
        (["historu"], "did you mean history?"),
        (["contaner", "ls"], "did you mean container?"),
        (["image", "prun"], "did you mean prune?"),
        (["pull", "--al-tags", "x"], "unknown flag: --al-tags (hint: did you mean --all-tags?)"),
        (["run", "--memroy", "1g", "x"], "did you mean --memory?"),
        (["--rot", "x", "ps"], "did you mean --root?"),
        (["ps", "-aZ"], "unknown shorthand flag: -Z in -aZ"),
        (["ps", "--filter"], "flag needs an argument: --filter"),
        (["images", "one", "two"], "unexpected argument: two"),
        (["help", "frobnicate"], "is not a warren command"),
        (["system", "frobnicate"], "is not a command of warren system"),
        (["search", "--limit", "0", "x/y"], "at least 1"),
        (["pull", "--tls-verify=maybe", "x"], '"maybe" is neither true nor false'),
        (["pull", "--cert-dir", "/proc/none", "--tls-verify", "h.invalid/x"], "/proc/none"),
        (["pull", "--authfile", "/proc/nonexistent", "h.invalid/x"], "/nonexistent"),
        (["login", "-p", "secret", "h.invalid"], "not secret"),
        (["--frobnicate"], "unknown flag"),
        (["pull"], "required: IMAGE"),
        (["pull", "--frobnicate", "x"], "--frobnicate"),
        (["pull", "Upper"], "lower case"),
        (["pull", "-a", "x:1"], "--all-tags"),
        (["pull", "--platform", "a/b/c/d", "x"], "not a platform"),
        (["images", "-f", "x=y"], "invalid filter"),
        (["rmi"], "at least one"),
        (["--config", "/proc/nonexistent", "pull", "x"], "/nonexistent"),
        (["login", "-u", "me"], "--password-stdin"),
        (["import", "-c", "RUN x", "/dev/null"], "--change"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_125(warren: Warren, arguments: list[str], words: str) -> None:
    assert words in warren.fails(*arguments, status=125)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pull", "127.0.0.1:1/x"], "connection refused"),
        (["pull", "oci:/proc/nonexistent"], "no such file or directory"),
        (["pull", "oci:/tmp"], "oci-layout"),
        (["inspect", "nothing"], "No such object"),
        (["push", "nothing"], "no such image"),
        (["bundle", "--pull", "never", "nothing", "/tmp/x"], "no such image"),
        (["bundle", "oci:/proc/nonexistent", "/tmp/x"], "no such file"),
        (["load", "-i", "/proc/nonexistent"], "no such file"),
        (["load", "-i", "/etc/passwd"], '"/etc/passwd": tar, near byte 512'),
        (["pull", "docker-archive:/etc/passwd"], '"/etc/passwd": tar, near byte 512'),
        (["import", "/proc/nonexistent"], "no such file"),
    ],
)  # fmt: skip
def test_what_fails_is_1(warren: Warren, arguments: list[str], words: str) -> None:
    assert words in warren.fails(*arguments)


def test_a_short_name_without_a_registry_is_not_guessed(warren: Warren, tmp_path: Path) -> None:
    settings = tmp_path / "c.toml"
    settings.write_text('search = ["one.example", "two.example"]\n')
    line = warren.fails("--config", settings, "pull", "app", status=125)
    assert "one.example/app:latest, two.example/app:latest" in line
    settings.write_text("serach = []\n")
    assert "unknown key" in warren.fails("--config", settings, "pull", "app", status=125)


def test_bundle_never_writes_into_what_is_there(warren: Warren, odd: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").write_text("mine")
    assert "not empty" in warren.fails("bundle", "-q", f"oci:{odd}:gzip", tmp_path / "b")
    assert os.listdir(tmp_path / "b") == ["mine"]


def test_a_bundle_that_fails_takes_away_what_it_made_and_nothing_else(
    kept: Warren, tmp_path: Path
) -> None:
    """Also where DIR is a word without a slash: the same word below / is somebody else's."""
    blob = damage_layer(kept, "odd:gzip")
    names = Path("/") / tmp_path.name
    names.mkdir()
    try:
        assert blob.name in kept.fails("bundle", "-q", "odd:gzip", tmp_path.name, cwd=tmp_path)
        assert names.is_dir()
    finally:
        names.rmdir()
    assert not (tmp_path / tmp_path.name).exists()
    (tmp_path / "empty").mkdir(mode=0o751)
    kept.fails("bundle", "-q", "odd:gzip", "empty", cwd=tmp_path)
    assert os.listdir(tmp_path / "empty") == []
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o751
    (tmp_path / "file").write_text("mine")
    assert "not a directory" in kept.fails("bundle", "-q", "odd:gzip", "file", cwd=tmp_path)
    assert (tmp_path / "file").read_text() == "mine"


def test_version_and_help(warren: Warren) -> None:
    assert warren.ok("--version").startswith("warren version ")
    text = warren.ok("--help")
    for verb in VERBS:
        assert f"  {verb}" in text
        own = warren.ok(verb, "--help")
        assert own.startswith(f"Usage: warren {verb} [OPTIONS]")
        assert warren.ok("help", verb) == own
    for name in NOUN_VERBS:
        assert warren.ok(*name.split(), "--help").startswith(f"Usage: warren {name} [OPTIONS]")
    for noun in NOUNS:
        assert warren.ok(noun) == warren.ok(noun, "--help") == warren.ok("help", noun)
        assert warren.ok(noun).startswith(f"Usage: warren {noun} COMMAND")
    assert "Usage: warren push [OPTIONS] IMAGE [NAME[:TAG]]\n" in warren.ok("push", "--help")
    assert "-f, --filter KEY=VALUE" in warren.ok("images", "--help")
    assert warren.ok("system", "df", "--help").startswith("Usage: warren system df [OPTIONS]")
    assert warren.ok("version") == warren.ok("--version")
    both = warren.ok("version", "--format", "{{.Client.Version}} {{.Server.Version}}").split()
    assert both == [warren.ok("--version").split()[2]] * 2


# Docker's nouns and their verbs, without those of what warren does not do (image build).
DOCKER = {
    "container": """attach commit cp create diff exec export inspect kill list logs ls pause port
        prune ps rename restart rm run start stats stop top unpause update wait""",
    "image": "history import inspect list load ls prune pull push rm save tag",
    "system": "df events info prune",
    "volume": "create inspect list ls prune rm",
}


def test_dockers_nouns_are_complete() -> None:
    for noun, verbs in DOCKER.items():
        assert set(verbs.split()) <= set(NOUNS[noun][1]), noun
    assert {of_noun("image", "ls")[0], of_noun("image", "list")[0]} == {"images"}
    assert {of_noun("container", word)[0] for word in ("ls", "list", "ps")} == {"ps"}


def test_a_noun_inspects_its_own_kind(kept: Warren) -> None:
    assert json.loads(kept.ok("image", "inspect", "odd:gzip"))[0]["RepoTags"]
    assert "No such container" in kept.fails("container", "inspect", "odd:gzip")
    kept.ok("volume", "create", "odd")
    assert json.loads(kept.ok("inspect", "--type", "volume", "odd"))[0]["Name"] == "odd"
    assert "no such image" in kept.fails("image", "inspect", "odd:none")


def test_a_name_that_is_nearly_right_is_told(kept: Warren) -> None:
    kept.ok("volume", "create", "site")
    for words, meant in (
        (["inspect", "od:gzip"], "odd:gzip"), (["rmi", "ood"], "odd:gzip"),
        (["rmi", "far"], "warren --root"), (["volume", "rm", "syte"], "site"),
    ):  # fmt: skip
        assert f"hint: {'did you mean ' if ' ' not in meant else ''}{meant}" in kept.fails(*words)


def test_values_that_begin_with_a_dash_and_switches_with_a_value(kept: Warren) -> None:
    assert kept.ok("images", "--quiet=true") == kept.ok("images", "-q")
    assert kept.ok("images", "--quiet=false") == kept.ok("images")
    assert "-x" in kept.fails("inspect", "--", "-x")
    assert "-x" in kept.fails("pull", "--authfile", "-x", "h.invalid/x", status=125)


def test_inspect_shows_what_there_is(kept: Warren) -> None:
    done = kept.run("inspect", "nothing", "odd:gzip")
    assert done.returncode == 1 and "No such object" in done.stderr
    assert len(json.loads(done.stdout)) == 1


def test_an_id_means_an_image_in_all_its_forms(kept: Warren, odd: Path) -> None:
    """One config, two manifests: by gzip and by zstd."""
    kept.ok("pull", "-q", f"oci:{odd}:zstd")
    identifier = kept.ok("images", "-q").strip()
    assert "several names" in kept.fails("rmi", identifier)
    said = kept.ok("rmi", "--force", identifier)
    assert said.count("Untagged: ") == 3 and said.count(f"Deleted: sha256:{identifier}") == 1
    assert kept.ok("images", "-q") == "" == "".join(os.listdir(kept.root / "layers"))


@pytest.mark.parametrize("packer", ["gzip", "xz", "bzip2", "zstd"])
def test_archives_may_be_packed(kept: Warren, tmp_path: Path, packer: str) -> None:
    kept.ok("save", "-o", tmp_path / "saved.tar", "odd:gzip")
    pack = [packer, "-q", "-c", tmp_path / "saved.tar"]
    packed = subprocess.run(pack, check=True, capture_output=True).stdout
    assert kept.ok("load", "-q", input=packed) == "Loaded image: localhost/odd:gzip\n"
    cut = kept.run("load", "-q", input=packed[:-100])
    assert cut.returncode == 1 and packer in cut.stderr and "Traceback" not in cut.stderr
    tar = Layer().file("made", b"x" * 70_000).tar()
    packed = subprocess.run(pack[:-1], input=tar, check=True, capture_output=True).stdout
    kept.ok("import", "-q", "-", "made:1", input=packed)
    kept.ok("bundle", "-q", "made:1", tmp_path / "b")
    assert (tmp_path / "b" / "rootfs" / "made").read_bytes() == b"x" * 70_000


def test_what_cannot_be_written_is_named(kept: Warren, tmp_path: Path) -> None:
    line = kept.fails("save", "-o", "/proc/nonexistent/x.tar", "odd:gzip")
    assert 'write "/proc/nonexistent/x.tar"' in line and "no such file or directory" in line
    with open("/dev/full", "wb") as full:
        command = kept.command("save", "odd:gzip")
        done = subprocess.run(command, env=kept.variables(), stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, b"warren: no space left on device\n")


def test_a_pipe_is_written_to_and_not_replaced(kept: Warren) -> None:
    assert b"manifest.json" in subprocess.run(
        kept.command("save", "-o", "/dev/stdout", "odd:gzip"), env=kept.variables(),
        stdout=subprocess.PIPE, check=True,
    ).stdout  # fmt: skip
    assert os.path.islink("/dev/stdout")


def test_it_starts_isolated_and_without_site(warren: Warren, odd: Path) -> None:
    """As the launcher starts it: python -I -S, third-party modules at the end of the path."""
    packages = sysconfig.get_path("purelib")
    script = (
        f"import sys; sys.path[:0] = {os.environ.get('PYTHONPATH', '').split(':')!r};"
        f"sys.path.append({packages!r}); from hutch.cli.warren import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, "--root", warren.root, "pull", "-q",
         f"oci:{odd}:zstd"], capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def on_a_terminal(warren: Warren, *arguments: object) -> str:
    """What a person sees: standard output and error, in the order in which they come."""
    leader, follower = pty.openpty()
    command = subprocess.Popen(
        warren.command(*arguments), env={**warren.variables(), "TERM": "xterm"},
        stdout=follower, stderr=follower,
    )  # fmt: skip
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 65536):
            shown += chunk
    except OSError:
        pass  # EIO: the other side is closed
    os.close(leader)
    assert command.wait() == 0, shown
    return shown.decode()


def test_bars_on_a_terminal(warren: Warren, odd: Path) -> None:
    shown = on_a_terminal(warren, "pull", f"oci:{odd}:gzip")
    bars, cursor, rest = shown.rpartition("\x1b[?25h")  # the cursor is back
    assert "Pull complete" in bars and "━" in bars and cursor
    assert "Status: Downloaded newer image" in rest and "━" not in rest
    assert on_a_terminal(warren, "pull", "-q", f"oci:{odd}:gzip").startswith("sha256:")


def test_s85_text_from_an_image_cannot_control_the_terminal() -> None:
    assert clean("a\x1b[2Jb\r") == "a\\x1b[2Jb\\r"


def test_sizes_and_ages() -> None:
    assert [human_size(n) for n in (0, 999, 1000, 1_234_567, 5_400_000_000)] == [
        "0B", "999B", "1kB", "1.23MB", "5.4GB",
    ]  # fmt: skip
    assert ago("1990-01-01T00:00:00.123456789Z").endswith("years ago")
    assert ago("") == "N/A"
    assert render(template("{{.A.B}} {{json .A}}"), {"A": {"B": 1}}) == '1 {"B":1}'
