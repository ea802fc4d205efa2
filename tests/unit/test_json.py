"""JSON in and out: strict as RFC 8259 allows, and Go's form of it."""

import json
import random
import sys
from typing import Any, cast

import pytest
from hutch import _json
from hutch.spec.json import decode, encode, pretty, quote
from hutch.spec.json_error import JsonError
from hypothesis import example, given, settings
from hypothesis import strategies as st

characters = st.characters(exclude_categories=["Cs"])
values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**70), 10**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(characters),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(characters), inner),
    max_leaves=30,
)


class Refused(Exception):
    pass


def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Refused
    for name in result:
        name.encode()
    return result


def short(parse: Any) -> Any:
    def number(text: str) -> Any:
        value = parse(text)
        if len(text) > 100 or value in (float("inf"), float("-inf")):
            raise Refused
        return value

    return number


def refuse(text: str) -> Any:
    raise Refused


def reference(data: bytes) -> Any:
    """The standard library's answer, made as strict as ours; raises Refused or ValueError."""
    value = json.loads(
        data.decode("utf-8"),
        object_pairs_hook=no_duplicates,
        parse_int=short(int),
        parse_float=short(float),
        parse_constant=refuse,
    )
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def same(data: bytes) -> None:
    try:
        wanted = reference(data)
    except (Refused, ValueError):
        with pytest.raises(ValueError) as caught:
            _json.decode(data)
        reason, line, column = caught.value.args
        assert 1 <= line <= data.count(b"\n") + 1
        assert 1 <= column <= len(data) + 1
        assert reason.isascii() or '"' in reason
    else:
        assert repr(_json.decode(data)) == repr(wanted)


@given(values, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_decodes_what_the_standard_library_writes(
    value: Any, ascii_only: bool, indent: int | str | None
) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert repr(_json.decode(data)) == repr(value)


PIECES = [
    *(bytes([byte]) for byte in range(256)),
    *(rb'\u00e9 \ud83d\ude00 \ud83d \ude00 \u0000 \" \\ \/ \b \x \u12'.split()),
    *b"true false null NaN Infinity -Infinity 0 -0 01 1e5 1E+05 1.5 1. .5 1e 1e999 -".split(),
    *b'"a" "a":1 "a":1,"a":2 {} [] {"a":[]} , : [1,] {"a":1,} \t \r\n'.split(),
    b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xa8", b"9" * 30,
]  # fmt: skip


def mutated(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        end = min(len(data), at + chance.choice([0, 0, 1, 1, 3]))
        data = data[:at] + chance.choice(PIECES) * chance.choice([1, 1, 1, 0]) + data[end:]
    return data


@given(values, st.randoms(use_true_random=False))
@settings(max_examples=1000)
def test_judges_mutated_texts_as_the_strict_reference_does(
    value: Any, chance: random.Random
) -> None:
    same(mutated(json.dumps(value, ensure_ascii=False).encode(), chance))


@given(st.binary(max_size=40))
@example(b'"\\ud83d\\ude00"')
@example(b'"\\ud83d\\u0041"')
@example(b'"\\ud83d\\ud83d\\ude00"')
@example(b'"\xf0\x9f\x98\x80"')
@example(b"[-0, -0.0, 0e0, 1E-400, 123456789012345678, 1234567890123456789]")
@example(b"[999999999999999999, -999999999999999999, 18446744073709551615]")
def test_judges_any_bytes_as_the_strict_reference_does(data: bytes) -> None:
    same(data)


@pytest.mark.parametrize(
    ("data", "line", "column", "reason"),
    [
        (b"", 1, 1, "the text ends, but a value must follow"),
        (b'{\n  "a": 1\n  "b": 2\n}', 3, 3, "expected a comma or the closing brace, found '\"'"),
        (b'{"a": 1,\n}', 2, 1, "expected a name in double quotes after the comma, found '}'"),
        (b'{"a" 1}', 1, 6, "expected a colon after the name, found '1'"),
        ('["é", x]'.encode(), 1, 7, "expected a value, found 'x'"),
        (b"[1 2]", 1, 4, "expected a comma or the closing bracket, found '2'"),
        (b"{'a': 1}", 1, 2, "strings must have double quotes"),
        (b"[1, // one\n2]", 1, 5, "JSON has no comments"),
        (b'{"a": "b\n", "c": 1}', 1, 9, "a line break inside a string: is the closing quote"),
        (b'["abc', 1, 2, "the string that begins here has no closing quote"),
        (b"[01]", 1, 2, "a number does not begin with 0"),
        (b"[1.]", 1, 2, "digits are missing after the decimal point"),
        (b"{} {}", 1, 4, "more text follows the value"),
        (b'"\\q"', 1, 2, "a backslash must be followed by one of"),
        (b"[tru]", 1, 2, "expected a value, found 't'"),
        (b"[\x00]", 1, 2, "expected a value, found byte 0x0"),
    ],
)
def test_an_error_names_the_line_the_column_and_the_reason(
    data: bytes, line: int, column: int, reason: str
) -> None:
    with pytest.raises(JsonError) as caught:
        decode(data, "config.json")
    error = caught.value
    assert (error.line, error.column) == (line, column)
    assert error.reason.startswith(reason)
    assert str(error) == f"config.json: line {line} column {column}: {error.reason}"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": 1, "b": {}, "a": 1}', 'the name "a" occurs twice'),
        (b"[" * 201 + b"]" * 201, "nested deeper than 200 levels"),
        (b'{"a":' * 300, "nested deeper than 200 levels"),
        (b"[" + b"1" * 101 + b"]", "a number of more than 100 characters"),
        (b"[1e400]", "a number too large for a double"),
        (b"[NaN]", "NaN and Infinity are not JSON"),
        (b"[-Infinity]", "NaN and Infinity are not JSON"),
        (b'["\\ud800"]', "only half of a surrogate pair"),
        (b'["\\udc00\\ud800"]', "only half of a surrogate pair"),
        (b'["\xed\xa0\x80"]', "the text is not UTF-8"),
        (b'["\xc0\xaf"]', "the text is not UTF-8"),
        (b"\xef\xbb\xbf{}", "a byte order mark before the text"),
        (b'["\x00"]', "a control character inside a string"),
    ],
)
def test_s46_text_that_json_parsers_read_differently_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(JsonError, match=reason):
        decode(data, "config.json")


def test_s46_nesting_of_200_levels_is_read() -> None:
    value = _json.decode(b"[" * 200 + b"]" * 200)
    for _ in range(199):
        (value,) = value
    assert value == []


def test_integers_are_exact() -> None:
    numbers = [0, -1, (1 << 63) - 1, -(1 << 63), (1 << 64) - 1, 1 << 64, 10**99]
    assert _json.decode(json.dumps(numbers).encode()) == numbers


def test_names_are_shared_and_are_the_strings_of_the_code() -> None:
    first, second = cast("list[Any]", _json.decode(b'[{"destination": 1}, {"destination": 2}]'))
    (one,), (other,) = first, second
    assert one is other is sys.intern("destination")


def test_decode_takes_bytes_only() -> None:
    with pytest.raises(TypeError):
        _json.decode("{}")
    with pytest.raises(TypeError):
        _json.quote(b"")


@given(st.text(characters))
def test_a_quoted_text_reads_back(text: str) -> None:
    assert json.loads(quote(text)) == text
    assert _json.decode(quote(text).encode()) == text


@given(st.text(st.characters(max_codepoint=0x2100)))
def test_s85_a_quoted_text_cannot_control_a_terminal(text: str) -> None:
    for character in quote(text):
        assert ord(character) >= 0x20
        assert not 0x7F <= ord(character) < 0xA0
        assert character not in "\u2028\u2029"


def test_quoting_keeps_what_is_printable_and_replaces_lone_surrogates() -> None:
    assert quote('a"b\\c/é😀') == '"a\\"b\\\\c/é😀"'
    assert quote("\b\f\n\r\t\x00\x1b\x7f") == '"\\b\\f\\n\\r\\t\\u0000\\u001b\\u007f"'
    assert quote("\ud800") == '"\\ufffd"'
    assert quote("") == '""'


@given(values)
def test_encoded_values_read_back(value: Any) -> None:
    assert repr(_json.decode(encode(value).encode())) == repr(value)
    assert repr(_json.decode(pretty(value, "\t").encode())) == repr(value)


plain_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('abc é/<&>"\\'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
)


@given(plain_values)
def test_the_forms_are_those_of_other_writers(value: Any) -> None:
    assert encode(value) == json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    assert pretty(value) == json.dumps(value, indent=2, ensure_ascii=False)
    assert pretty(value, "\t") == json.dumps(value, indent="\t", ensure_ascii=False)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"", {1, 2}, object()])
def test_what_json_cannot_say_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        encode({"a": [value]})


def test_neither_good_nor_bad_texts_leak_memory() -> None:
    good = b'{"a": [1, 2.5, "x\\u00e9", {"long name with \\n": null}], "b": 123456789012345678901}'
    chance = random.Random(1)
    texts = [good] + [mutated(good, chance) for _ in range(500)]

    def read_all() -> int:
        for text in texts:
            try:
                _json.decode(text)
            except ValueError as error:
                quote(error.args[0])
        return sys.getallocatedblocks()

    read_all()
    before = read_all()
    for _ in range(20):
        after = read_all()
    assert after - before < 50
