"""Completion of warren: by what it knows, and in the shells themselves."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hutch.cli.warren.complete.line import completed
from hutch.cli.warren.parser import help_of
from hutch.cli.warren.table import ALIASES, GLOBALS, INTERNAL, NOUN_VERBS, NOUNS, VERBS

from tests.support.engines import Engine, make_image
from tests.support.shells import Bash, Fish, Zsh

COMMAND = str(Path(sys.prefix) / "bin" / "warren")
EVERYTHING = {*VERBS, *NOUNS, "help"}


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three scripts, as the command prints them."""
    folder = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run([COMMAND, "completion", shell], check=True, capture_output=True)
        (folder / shell).write_bytes(done.stdout)
        subprocess.run([shell, "-n", folder / shell], check=True)
    return folder


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store with two images, a volume, and containers of which one runs and one is paused."""
    engine = Engine(tmp_path_factory.mktemp("filled"))
    engine.ok("pull", "-q", make_image(engine.home / "box"))
    engine.image = "box:box"
    engine.ok("tag", "box:box", "other:1")
    engine.ok("volume", "create", "site")
    engine.ok("network", "create", "lan")
    engine.ok("create", *engine.create("--name", "made", engine.image))
    for name in ("runs", "sleeps"):
        engine.start("--name", name, engine.image, "sleep", "1000")
    engine.ok("pause", "sleeps")
    yield engine
    engine.ok("unpause", "sleeps")
    engine.ok("rm", "-f", "made", "runs", "sleeps")
    engine.ok("volume", "rm", "site")
    engine.ok("network", "rm", "lan")


def offered(engine: Engine, *words: str) -> list[str]:
    """What ``__complete`` answers, the kind first."""
    return [line.partition("\t")[0] for line in engine.ok("__complete", *words).splitlines()]


def described(*words: str) -> dict[str, str]:
    """The same without a store, in this process, with the meanings."""
    return completed(["--root", "/proc/nonexistent", *words]).words


def test_verbs_nouns_and_their_verbs_are_offered() -> None:
    assert set(described("")) == set(described("help", "")) == EVERYTHING
    assert described("vol") == {"volume": "Volumes"}
    assert set(described("--")) == set(GLOBALS)
    for noun, (_, verbs) in NOUNS.items():
        known = {word for word, name in verbs.items() if name not in INTERNAL}
        assert set(described(noun, "")) == known - ALIASES
    assert described("image", "pru") == {"prune": "Remove images that have no name"}
    assert described("frobnicate", "") == described("image", "frobnicate", "") == {}


@pytest.mark.parametrize("verb", [*VERBS, *NOUN_VERBS])
def test_every_flag_of_help_is_offered(verb: str) -> None:
    options = help_of(verb).partition("Options:")[2]
    flags = set(re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+)", options, re.M))
    assert flags <= set(described(*verb.split(), "--")) and "--help" in flags


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["run", "--restart", "al"], ["always"]),
        (["run", "--restart=al"], ["--restart=always"]),
        (["run", "--cap-add", "SYS_TI"], ["SYS_TIME"]),
        (["run", "--network", "ho"], ["host"]),
        (["run", "--pull", ""], ["always", "missing", "never"]),
        (["run", "--cgroupns", "p"], ["private"]),
        (["run", "-it", "--ulimit", "nof"], ["nofile="]),
        (["run", "--tls-verify", "x", "--"], []),  # of the command in the container
        (["kill", "-s", "USR"], ["USR1", "USR2"]),
        (["ps", "--filter", "stat"], ["status="]),
        (["ps", "--filter", "status=ru"], ["status=running"]),
        (["images", "-f", "dang"], ["dangling="]),
        (["inspect", "--type", "v"], ["volume"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["images", "--format", "j"], ["json"]),
        (["rm", "--force", "--vol"], ["--volumes"]),
    ],
)  # fmt: skip
def test_values_are_offered(words: list[str], wanted: list[str]) -> None:
    assert sorted(described(*words)) == sorted(wanted)


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    command = [COMMAND, "__complete", "--root", str(tmp_path / "none"), "start", ""]
    assert subprocess.check_output(command, text=True) == "words\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.root
def test_containers_are_offered_by_their_state(filled: Engine) -> None:
    root = ["--root", str(filled.root)]
    for verb, names in (
        ("start", ["made"]), ("stop", ["runs", "sleeps"]), ("exec", ["runs"]),
        ("unpause", ["sleeps"]), ("pause", ["runs"]), ("rm", ["made", "runs", "sleeps"]),
        ("logs", ["made", "runs", "sleeps"]),
    ):  # fmt: skip
        assert sorted(offered(filled, *root, verb, "")[1:]) == names, verb
        assert sorted(offered(filled, *root, "container", verb, "")[1:]) == names, verb
    assert offered(filled, *root, "rm", "runs", "made", "") == ["words", "sleeps"]
    assert offered(filled, *root, "rename", "runs", "") == ["words"]
    id = filled.ok("ps", "-q", "--filter", "name=runs").strip()
    assert offered(filled, *root, "stop", id[:4])[1:] == [id]
    assert offered(filled, *root, "run", "--network", "container:") == [
        "words", "container:runs",
    ]  # fmt: skip


@pytest.mark.root
def test_a_container_that_is_nearly_right_is_told(filled: Engine) -> None:
    assert "No such container: rusn (hint: did you mean runs?)" in filled.fails("stop", "rusn")
    assert "warren --root" in filled.fails("stop", "elsewhere")


@pytest.mark.root
def test_images_and_volumes_are_offered(filled: Engine) -> None:
    root = ["--root", str(filled.root)]
    assert sorted(offered(filled, *root, "run", "")[1:]) == ["box:box", "other:1"]
    assert offered(filled, *root, "rmi", "oth") == ["words", "other:1"]
    assert offered(filled, *root, "run", "-v", "s") == ["words", "site:"]
    assert offered(filled, *root, "run", "-v", "/e") == ["files"]
    assert offered(filled, *root, "volume", "rm", "") == ["words", "site"]
    assert offered(filled, *root, "network", "rm", "la") == ["words", "lan"]
    assert "lan" in offered(filled, *root, "run", "--network", "")
    assert "did you mean lan?" in filled.fails("network", "rm", "lann")
    assert offered(filled, *root, "cp", "ru") == ["files", "runs:"]
    assert offered(filled, *root, "ps", "--filter", "ancestor=o") == ["words", "ancestor=other:1"]
    assert {"made", "box:box", "site"} < set(offered(filled, *root, "inspect", ""))


@pytest.mark.root
@pytest.mark.parametrize("kind", [Bash, Fish])
def test_the_shells_offer_it(
    kind: type[Bash] | type[Fish], scripts: Path, filled: Engine, tmp_path: Path
) -> None:
    shell = kind(scripts, COMMAND)
    root = ["--root", str(filled.root)]
    assert set(shell("")) == EVERYTHING
    assert shell(*root, "container", "star") == ["start"]
    assert shell(*root, "start", "") == ["made"]
    assert shell(*root, "run", "--restart", "al") == ["always"]
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert shell("bundle", "x", "f", cwd=tmp_path)[0].rstrip("/") == "folder"
    assert {word.rstrip("/") for word in shell("run", "--env-file", "f", cwd=tmp_path)} == {
        "file", "folder",
    }  # fmt: skip


@pytest.mark.root
def test_bash_completes_behind_its_own_word_breaks(scripts: Path, filled: Engine) -> None:
    """Colons and equals signs, of which bash makes words of their own."""
    bash = Bash(scripts, COMMAND)
    root = str(filled.root)
    line = f"{COMMAND} --root={root} rmi box:b"
    assert bash("--root", "=", root, "rmi", "box", ":", "b", line=line) == ["box"]
    assert bash("run", "--restart", "=", "al", line=f"{COMMAND} run --restart=al") == ["always"]
    assert bash("run", "--restart", "=", line=f"{COMMAND} run --restart=") == [
        "no", "always", "unless-stopped", "on-failure", "on-failure:",
    ]  # fmt: skip


@pytest.mark.root
def test_zsh_completes(scripts: Path, filled: Engine) -> None:
    zsh = Zsh(scripts / "zsh", COMMAND, scripts)
    root = f"--root {filled.root}"
    try:
        for line, completed in (
            ("warren unpa", "warren unpause "),
            ("warren volume insp", "warren volume inspect "),
            ("warren run --read-on", "warren run --read-only "),
            ("warren run --restart unl", "warren run --restart unless-stopped "),
            ("warren run --cgroupns=pri", "warren run --cgroupns=private "),
            ("warren ps --filter sta", "warren ps --filter status="),
            (f"warren {root} start m", f"warren {root} start made "),
            (f"warren {root} rmi ot", f"warren {root} rmi other:1 "),
            (f"warren {root} run -v si", f"warren {root} run -v site:"),
        ):
            assert zsh(line).rstrip() == completed.rstrip(), line
    finally:
        zsh.close()
