"""Names and what they stand for: capabilities, limits, signals, ids of containers."""

import re
import resource
import signal
from pathlib import Path

import pytest
from hutch.container.signalfd import to_reset
from hutch.errors import UsageError
from hutch.spec.capabilities import CAPABILITIES, mask
from hutch.spec.container_id import MAX_LENGTH, check_identifier
from hutch.spec.rlimits import INFINITY, RLIMITS
from hutch.spec.signal_names import SIGNALS, signal_name, signal_number
from hypothesis import given
from hypothesis import strategies as st

HEADERS = Path("/usr/include/linux")


def test_the_capabilities_are_those_of_the_kernels_header() -> None:
    header = (HEADERS / "capability.h").read_text()
    defined = re.findall(r"^#define (CAP_[A-Z_]+)\s+(\d+)$", header, re.MULTILINE)
    assert {name: int(number) for name, number in defined}.items() <= CAPABILITIES.items()
    assert len(CAPABILITIES) == 41
    assert CAPABILITIES["CAP_CHECKPOINT_RESTORE"] == 40


def test_a_mask_has_a_bit_for_each_name_and_tells_the_unknown_ones() -> None:
    assert mask([]) == (0, [])
    assert mask(["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE", "CAP_CHOWN"]) == (1 | 1 << 40, [])
    assert mask(["CAP_KIL", "CAP_KILL", "cap_kill", "KILL"]) == (
        1 << 5,
        ["CAP_KIL", "cap_kill", "KILL"],
    )
    assert mask(CAPABILITIES) == ((1 << 41) - 1, [])


def test_the_limits_are_those_of_this_machines_c_library() -> None:
    known = {name: getattr(resource, name) for name in RLIMITS if hasattr(resource, name)}
    assert known.items() <= RLIMITS.items()
    assert sorted(RLIMITS.values()) == list(range(16))
    assert len(known) >= 14
    assert INFINITY == (1 << 64) - 1


def test_the_signals_are_those_of_this_machines_c_library() -> None:
    for name, member in signal.Signals.__members__.items():
        assert signal_number(name) == member
        assert signal_number(name.removeprefix("SIG").lower()) == member
        assert signal_number(str(int(member))) == member
    assert int(signal.SIGRTMIN) == 34
    assert int(signal.SIGRTMAX) == 64


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("9", 9), ("09", 9), ("64", 64), ("KILL", 9), ("SIGKILL", 9), ("sigterm", 15),
     ("RTMIN", 34), ("SIGRTMIN+3", 37), ("rtmax-1", 63), ("RTMAX", 64), ("RTMIN+30", 64)],
)  # fmt: skip
def test_a_signal_may_be_a_name_or_a_number(text: str, number: int) -> None:
    assert signal_number(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "SIG", "FOO", "-1", "+9", "65", "999999999999", "9 ", "1.0", "0x9", "RTMIN+31", "RTMIN-1",
     "RTMAX+1", "RTMIN+", "RTMIN+x", "SIGSIGKILL", "²", "KILL\0"],
)  # fmt: skip
def test_what_is_no_signal_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="unknown signal"):
        signal_number(text)


@given(st.integers(0, 64))
def test_the_name_of_a_signal_leads_back_to_its_number(number: int) -> None:
    assert signal_number(signal_name(number)) == number


def test_a_signal_with_two_names_is_shown_by_the_first() -> None:
    assert [signal_name(n) for n in (6, 17, 29, 34, 36)] == [
        "SIGABRT", "SIGCHLD", "SIGIO", "SIGRTMIN", "SIGRTMIN+2"]  # fmt: skip
    assert max(SIGNALS.values()) == 31


@pytest.mark.parametrize(
    "identifier", ["a", "0", "my-container_1.2+x", ".hidden", "a..b", "...", "A" * MAX_LENGTH]
)
def test_s44_good_ids_pass(identifier: str) -> None:
    check_identifier(identifier)


@pytest.mark.parametrize(
    "identifier",
    ["", ".", "..", "../x", "/", "a/b", "a\0b", "-x", "--help", "a b", "a\n", "é", "a:b", "a@b",
     "A" * (MAX_LENGTH + 1), "x" * 1024, "a\\b", "\u0661"],
)  # fmt: skip
def test_s44_bad_ids_are_refused_in_the_words_of_runc(identifier: str) -> None:
    with pytest.raises(UsageError, match="invalid container ID format") as caught:
        check_identifier(identifier)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


@given(st.text())
def test_s44_an_id_that_passes_is_one_safe_path_component(identifier: str) -> None:
    try:
        check_identifier(identifier)
    except UsageError:
        return
    assert identifier.isascii()
    assert "/" not in identifier
    assert identifier not in ("", ".", "..")
    assert not identifier.startswith("-")


def test_a_signal_that_belongs_to_the_c_library_is_not_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # musl keeps one more than glibc, and an interpreter warns when a program is to start with it.
    assert set(range(1, 65)) - set(to_reset()) == {9, 19, 32, 33}
    monkeypatch.setattr("_signal.valid_signals", lambda: set(range(1, 65)) - {32, 33, 34})
    assert set(range(1, 65)) - set(to_reset()) == {9, 19, 32, 33, 34}
