"""The manual pages: all there, complete, and good roff."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hutch.cli.cold import manual_text
from hutch.cli.cold.manual import pages
from hutch.cli.table import GLOBAL, VERBS

PAGES = pages()


def plain(text: str) -> str:
    """The words of a page without roff's."""
    text = re.sub(r"\\f[BIP]", "", text)
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


@pytest.mark.parametrize("name", sorted(PAGES))
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
    path.write_text(PAGES[name])
    done = subprocess.run([*command, path], capture_output=True, text=True, check=False)
    # That mandoc does not find the pages that are referred to says nothing about this one.
    said = [line for line in (done.stdout + done.stderr).splitlines() if "referenced" not in line]
    assert said == []


def test_the_pages_and_completions_are_installed() -> None:
    share = Path(sys.prefix) / "share"
    for name, text in PAGES.items():
        assert (share / "man" / "man8" / name).read_text() == text
    from hutch.cli.completion import script

    for shell, path in (
        ("bash", "bash-completion/completions/hutch"),
        ("zsh", "zsh/site-functions/_hutch"),
        ("fish", "fish/vendor_completions.d/hutch.fish"),
    ):
        assert (share / path).read_text() == script(shell)
