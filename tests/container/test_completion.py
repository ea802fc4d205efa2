"""Completion in real shells, with real containers."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hutch.cli.table import GLOBAL, VERBS

from tests.support.containers import Bundle, Runtime
from tests.support.shells import Bash, Fish, Zsh

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three scripts, as the command prints them."""
    from tests.support.containers import COMMAND

    folder = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run([COMMAND, "completion", shell], check=True, capture_output=True)
        (folder / shell).write_bytes(done.stdout)
    return folder


@pytest.fixture
def containers(hutch: Runtime, bundle: Bundle) -> list[str]:
    for id in ("alpha", "beta"):
        hutch("create", "-b", str(bundle.for_id(id).path), id)
    return ["--root", str(hutch.root)]


@pytest.fixture
def bash(scripts: Path, hutch: Runtime) -> Bash:
    return Bash(scripts, hutch.command)


@pytest.fixture
def fish(scripts: Path, hutch: Runtime) -> Fish:
    return Fish(scripts, hutch.command)


@pytest.fixture(params=["bash", "fish"])
def shell(request: pytest.FixtureRequest, scripts: Path, hutch: Runtime) -> "Bash | Fish":
    kind = Bash if request.param == "bash" else Fish
    return kind(scripts, hutch.command)


def test_verbs_are_offered_first(shell: "Bash | Fish") -> None:
    assert set(shell("")) == {"help", *VERBS}
    assert set(shell("res")) == {"restore", "resume"}
    assert set(shell("--debug", "--root", "/x", "res")) == {"restore", "resume"}
    assert set(shell("help", "che")) == {"check", "checkpoint"}


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_every_flag_is_offered(bash: Bash, fish: Fish, verb: str) -> None:
    flags = VERBS[verb][4] if verb else GLOBAL
    wanted = {"--" + flag[0] for flag in flags} | {"--help"}
    words = [verb, "--"] if verb else ["--"]
    assert set(bash(*words)) == wanted
    # fish offers a flag with a value also with "=".
    assert {word.rstrip("=") for word in fish(*words)} == wanted


def test_containers_are_those_of_the_root_on_the_line(
    shell: "Bash | Fish", containers: list[str]
) -> None:
    assert shell(*containers, "start", "") == ["alpha", "beta"]
    assert shell(*containers, "exec", "--cwd", "/tmp", "be") == ["beta"]
    assert shell(*containers, "state", "alpha", "") == []
    assert shell(*containers, "list", "") == []


def test_values_of_flags_are_offered(shell: "Bash | Fish", tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert shell("--log-format", "") == ["json", "text"] or shell("--log-format", "") == [
        "text",
        "json",
    ]
    assert shell("list", "--format", "j") == ["json"]
    assert shell("exec", "--cap", "CAP_SYS_TI") == ["CAP_SYS_TIME"]
    assert shell("run", "--bundle", "f", cwd=tmp_path)[0].rstrip("/") == "folder"
    assert {word.rstrip("/") for word in shell("run", "--pid-file", "f", cwd=tmp_path)} == {
        "file",
        "folder",
    }
    assert set(shell("--rootless", "")) == {"true", "false", "auto"}
    assert set(shell("completion", "")) == {"bash", "zsh", "fish"}


def test_kill_offers_signals_after_the_container(
    shell: "Bash | Fish", containers: list[str]
) -> None:
    assert shell(*containers, "kill", "alpha", "KI") == ["KILL"]


def test_bash_completes_after_an_equals_sign(bash: Bash, containers: list[str]) -> None:
    """bash makes the "=" a word of its own (COMP_WORDBREAKS)."""
    assert bash("list", "--format", "=", "j") == ["json"]
    assert bash("list", "--format", "=") == ["table", "json"]
    assert bash("--root", "=", containers[1], "start", "a") == ["alpha"]


def test_fish_completes_a_value_after_an_equals_sign(fish: Fish, containers: list[str]) -> None:
    assert fish("--root=" + containers[1], "state", "al") == ["alpha"]


@pytest.fixture(scope="module")
def zsh(scripts: Path) -> Iterator[Zsh]:
    from tests.support.containers import COMMAND

    made = Zsh(scripts / "zsh", COMMAND, scripts)
    yield made
    made.close()


def test_zsh_completes_verbs_flags_values_and_containers(zsh: Zsh, containers: list[str]) -> None:
    root = " ".join(containers)
    for line, completed in (
        ("hutch checkp", "hutch checkpoint "),
        ("hutch --debug upd", "hutch --debug update "),
        ("hutch help feat", "hutch help features "),
        ("hutch --log-fo", "hutch --log-format="),
        ("hutch run --no-piv", "hutch run --no-pivot "),
        ("hutch update --cpuset-m", "hutch update --cpuset-mems="),
        ("hutch list --format=j", "hutch list --format=json "),
        ("hutch exec --cap CAP_SYS_TI", "hutch exec --cap CAP_SYS_TIME "),
        (f"hutch {root} start al", f"hutch {root} start alpha "),
        (f"hutch {root} kill beta KI", f"hutch {root} kill beta KILL "),
        ("hutch completion f", "hutch completion fish "),
    ):
        assert zsh(line).rstrip() == completed.rstrip(), line


def test_zsh_knows_the_flags_of_every_verb(zsh: Zsh) -> None:
    """Completes the first flag that is not the beginning of another one."""
    for verb in VERBS:
        names = [flag[0] for flag in VERBS[verb][4]] + ["help"]
        name = next(n for n in names if not any(o != n and o.startswith(n[:-1]) for o in names))
        line = f"hutch {verb} --{name}"
        assert zsh(line[:-1]).rstrip(" =") == line, line


def test_the_scripts_pass_the_syntax_check_of_each_shell(scripts: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        subprocess.run([shell, "-n", scripts / shell], check=True)


def test_another_shell_is_refused(hutch: Runtime) -> None:
    assert "bash, zsh or fish" in hutch.refuses("completion", "csh")
