"""A command line read without argparse means what it means to argparse."""

import pytest
from hutch.cli.warren.declared import read
from hutch.cli.warren.parser import parse
from hutch.cli.warren.table import NOUN_VERBS, VERBS, summary_of
from hutch.cli.warren.verb import verb_of
from hutch.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

NAMES = sorted({*VERBS, *NOUN_VERBS} - {"compose"})
WORDS = (
    "-", "--", "-a", "-d", "-e", "-e=A", "-eA=b", "-f", "-h", "-h=x", "-hx", "-i", "-it", "-itv",
    "-l", "-n", "-n1", "-p80:80", "-q", "-s", "-t", "-t5", "-v", "/a:/b", "--all",
    "--env", "--env=A=b", "--filter", "--format={{.ID}}", "--help", "--interactive=false",
    "--label", "--memory=1g",
    "--name", "--name=", "--no-trunc=true", "--nothing", "--pull=never", "--pull=often", "--rm",
    "--rm=maybe", "--time=3", "--time=x", "--tls-verify", "--tls-verify=no", "--tty",
    "false", "true", "busybox", "sh", "-c", "5", "",
)  # fmt: skip


@given(st.sampled_from(NAMES), st.lists(st.sampled_from(WORDS), max_size=6))
def test_read_agrees_with_argparse(name: str, words: list[str]) -> None:
    verb = verb_of(name)
    quick = read(verb.declare, words, verb.stops)
    if quick is not None:
        slow = parse(name, summary_of(name), verb.declare, words, verb.stops)
        assert vars(quick) == vars(slow)


@pytest.mark.parametrize(
    "line",
    [
        "run -d --rm -it --name web -e A=1 -e B -v /a:/b -p 80:80 busybox sh -c true",
        "run --network none -m 64m --cpus 1.5 --rm=true busybox",
        "exec -it -u 0 -w /tmp web sh",
        "ps -a -q --no-trunc --filter name=a --filter name=b --format x",
        "stop -t 3 a b",
        "rm -fv a",
        "wait a",
    ],
)
def test_everyday_command_lines_need_no_argparse(line: str) -> None:
    name, *words = line.split()
    verb = verb_of(name)
    quick = read(verb.declare, words, verb.stops)
    assert quick is not None
    assert vars(quick) == vars(parse(name, summary_of(name), verb.declare, words, verb.stops))


@pytest.mark.parametrize("line", ["run", "run --nothing x", "rm --help", "stop -t x a", "ps x"])
def test_what_is_wrong_is_left_to_argparse(line: str) -> None:
    name, *words = line.split()
    verb = verb_of(name)
    assert read(verb.declare, words, verb.stops) is None
    with pytest.raises((UsageError, SystemExit)):
        parse(name, summary_of(name), verb.declare, words, verb.stops)
