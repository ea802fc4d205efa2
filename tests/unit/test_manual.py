"""The manual pages of hutch and warren: all there, complete, and good roff."""

import re
import shutil
import subprocess
import sys
from argparse import SUPPRESS
from pathlib import Path

import hutch
import pytest
from hutch.cli.cold import manual_text
from hutch.cli.cold.manual import pages
from hutch.cli.completion import script
from hutch.cli.table import GLOBAL, VERBS
from hutch.cli.warren import table as warren
from hutch.cli.warren.cold import manual_text as warren_text
from hutch.cli.warren.cold.manual import pages as warren_pages
from hutch.cli.warren.complete.scripts import SCRIPTS
from hutch.cli.warren.parser import parser_for

PAGES = pages()
WARREN = warren_pages()
WARREN_VERBS = [*warren.VERBS, *warren.NOUN_VERBS]


def plain(text: str) -> str:
    """The words of a page without roff's."""
    text = re.sub(r"\\f[BIP]|\\&", "", text)
    return " ".join(text.split()).replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\")


def test_there_is_a_page_for_every_verb_and_one_for_all() -> None:
    assert set(PAGES) == {"hutch.8", *(f"hutch-{verb}.8" for verb in VERBS)}
    assert set(manual_text.VERBS) == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_a_page_has_every_flag_as_help_has_it(verb: str) -> None:
    text = plain(PAGES[f"hutch-{verb}.8"])
    does, _, _, _, flags = VERBS[verb]
    assert f"hutch-{verb} - {does}" in text
    for name, short, placeholder, about in flags:
        assert f"--{name}" in text and about in text
        assert not short or f"-{short}, --{name}" in text
        assert not placeholder or f"--{name} {placeholder.removesuffix('...')}" in text


def test_the_page_for_all_names_the_verbs_and_global_flags() -> None:
    text = plain(PAGES["hutch.8"])
    for flag in GLOBAL:
        assert "--" + flag[0] in text
    for verb in VERBS:
        assert f"hutch-{verb}(8)" in text


def test_there_is_a_page_for_every_verb_and_noun_of_warren() -> None:
    names = ["", *warren.NOUNS, *WARREN_VERBS]
    assert set(WARREN) == {"-".join(["warren", *name.split()]) + ".1" for name in names}
    assert set(warren_text.VERBS) == set(WARREN_VERBS)
    text = plain(WARREN["warren.1"])
    for name in (*warren.VERBS, *warren.NOUNS):
        assert f"warren-{name}(1)" in text
    for noun, (_, verbs) in warren.NOUNS.items():
        text = plain(WARREN[f"warren-{noun}.1"])
        for word, name in verbs.items():
            assert name in warren.INTERNAL or f"warren-{name.replace(' ', '-')}(1)" in text, word


@pytest.mark.parametrize("verb", WARREN_VERBS)
def test_a_page_of_warren_has_every_flag_as_help_has_it(verb: str) -> None:
    text = plain(WARREN[f"warren-{verb.replace(' ', '-')}.1"])
    assert f"warren {verb}" in text
    for action in parser_for(verb)._actions:
        if action.help != SUPPRESS:
            assert ", ".join(action.option_strings) in text
            assert " ".join(str(action.help).split()) in text


# The same flag may mean another thing for another verb: these do.
MEANINGS = {"--all", "--attach", "--filter", "--force", "--format", "--interactive", "--privileged",
            "--print", "--quiet", "--signal", "--authfile", "--label", "--timeout",
             "--volumes", "--driver", "--opt", "--pod", "--container", "--replace", "--network",
             "--publish", "--type", "--pull"}  # fmt: skip


def test_a_flag_is_told_by_the_same_words_everywhere() -> None:
    told: dict[str, set[str]] = {}
    for verb in WARREN_VERBS:
        for action in parser_for(verb)._actions:
            for name in action.option_strings:
                if name.startswith("--"):
                    told.setdefault(name, set()).add(str(action.help))
    assert {name: words for name, words in told.items() if len(words) > 1}.keys() <= MEANINGS


def test_the_pages_are_written_without_the_modules_that_only_running_needs(tmp_path: Path) -> None:
    """The build has cffi, and no more."""
    absent = ("backports", "isal", "jeepney", "jsonschema", "pyroute2", "rich", "urllib3")
    package = Path(hutch.__file__).parents[1]
    blocked = f"import sys; sys.modules.update(dict.fromkeys({absent}))"
    script = f"{blocked}; from documents import write_documents; from pathlib import Path; " + (
        f"write_documents(Path({str(package)!r}), Path({str(tmp_path)!r}))"
    )
    native = Path(__file__).parents[2] / "native"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=native)
    assert (tmp_path / "man" / "man1" / "warren-run.1").read_text() == WARREN["warren-run.1"]


def test_every_flag_of_run_has_a_heading() -> None:
    (options,) = [g for g in parser_for("create")._action_groups if g.title == "Options"]
    names = {action.option_strings[-1] for action in options._group_actions}
    assert names == {"--help", "--pull", "--quiet", "--platform", "--authfile", "--cert-dir",
                     "--tls-verify"}  # fmt: skip


@pytest.mark.parametrize("name", sorted({**PAGES, **WARREN}))
@pytest.mark.parametrize(
    "command",
    [
        ["mandoc", "-Tlint", "-Wstyle"],
        ["groff", "-ww", "-man", "-Tutf8", "-z"],
    ],
    ids=["mandoc", "groff"],
)
def test_a_page_is_good_roff(command: list[str], name: str, tmp_path: Path) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    path = tmp_path / name
    path.write_text({**PAGES, **WARREN}[name])
    done = subprocess.run([*command, path], capture_output=True, text=True, check=False)
    # That mandoc does not find the pages that are referred to says nothing about this one.
    said = [line for line in (done.stdout + done.stderr).splitlines() if "referenced" not in line]
    assert said == []


def test_the_pages_and_completions_are_installed() -> None:
    share = Path(sys.prefix) / "share"
    for name, text in PAGES.items():
        assert (share / "man" / "man8" / name).read_text() == text
    for name, text in WARREN.items():
        assert (share / "man" / "man1" / name).read_text() == text
    for shell, path in (
        ("bash", "bash-completion/completions/{}"),
        ("zsh", "zsh/site-functions/_{}"),
        ("fish", "fish/vendor_completions.d/{}.fish"),
    ):
        assert (share / path.format("hutch")).read_text() == script(shell)
        assert (share / path.format("warren")).read_text() == SCRIPTS[shell]
