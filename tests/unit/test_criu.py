"""CRIU's messages and its log."""

import pytest
from hutch.container.criu.messages import OPTIONS, REQUEST, decode, encode
from hutch.container.criu.service import errors_in
from hypothesis import given
from hypothesis import strategies as st


def test_a_request_on_the_wire() -> None:
    """As protoc --encode=criu_req writes it."""
    request = {
        "type": 1,
        "opts": {"images_dir_fd": 300, "leave_running": True, "log_file": "dump.log", "root": ""},
    }
    wire = bytes.fromhex("0801120f08ac0218015208") + b"dump.log"
    assert encode(request, REQUEST) == wire


def test_a_list_is_a_field_again_and_again() -> None:
    maps = {"ext_mnt": [{"key": "a", "val": "b"}, {"key": "c", "val": "d"}], "external": []}
    assert encode(maps, OPTIONS).hex() == "ba01060a0161120162ba01060a0163120164"


@given(st.integers(0, (1 << 64) - 1), st.text(max_size=300))
def test_what_is_encoded_is_decoded(number: int, text: str) -> None:
    fields = {"n": (1, "number"), "t": (900, "text")}
    wanted = {1: number} | ({900: text.encode()} if text else {})
    assert decode(encode({"n": number, "t": text}, fields)) == wanted


@given(st.binary(max_size=64))
def test_what_is_no_message_is_refused_and_nothing_else_happens(data: bytes) -> None:
    try:
        decode(data)
    except ValueError:
        pass


@pytest.mark.parametrize("data", [b"\x08", b"\x12\x05ab", b"\x0b", b"\xff" * 11])
def test_a_message_that_is_cut_off_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data)


def test_fixed_width_fields_are_passed_over() -> None:
    assert decode(b"\x09" + b"x" * 8 + b"\x15" + b"y" * 4 + b"\x08\x07") == {1: 7, 2: b"yyyy"}


def test_the_errors_of_a_log_are_those_that_came_first() -> None:
    log = b"""(00.1) Warn  (criu/x.c:1): odd
(00.2) Error (criu/util.c:642): exited, status=1
(00.3)      1: Error (criu/files.c:7): no such file
(00.4) Error (criu/files.c:7): no such file
(00.5) Error (criu/cr-dump.c:9): Dumping FAILED.
"""
    assert errors_in(log) == ["no such file", "Dumping FAILED."]
    assert errors_in(b"") == []
