"""Properties of templates: whatever they and their data are."""

import json
import string
from typing import Any

from hutch.cli.warren.go_template import Template, TemplateError, fmt
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.sampled_from(
    r"""
    {{ }} {{- -}} ( ) | . $ $x := = , if else end range with break continue nil true .A .B.C print
    printf len index slice eq and or not json join "a" `b` 'c' 1 2.5 0x1f /* */ -1 %d
    """.split()  # noqa: SIM905
)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ABCxy"), inner, max_size=4)
    ),
    max_leaves=12,
)
TEXT = st.text().filter(lambda text: "{{" not in text)


def escaped(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@given(st.lists(WORDS | st.sampled_from([" ", "\n", "text"])).map(" ".join), DATA)
def test_any_words_are_filled_in_or_told_of_and_nothing_else(text: str, data: Any) -> None:
    for template in (text, "{{" + text + "}}"):
        try:
            assert isinstance(Template(template).execute(data), str)
        except TemplateError as error:
            assert 0 <= error.at <= len(template)
            assert "\n" not in str(error)


@given(st.text(alphabet=st.sampled_from("{}-/*\"'`\\$.()|:=, \n\taAé0x19")), DATA)
def test_any_letters_are_as_well(text: str, data: Any) -> None:
    for template in (text, "{{" + text + "}}"):
        try:
            assert isinstance(Template(template).execute(data), str)
        except TemplateError as error:
            assert 0 <= error.at <= len(template)


@given(TEXT)
def test_text_without_actions_is_itself(text: str) -> None:
    assert Template(text).execute(None) == text


@given(st.text().filter(lambda text: "`" not in text and "\r" not in text))
def test_strings_are_what_they_say(text: str) -> None:
    assert Template("{{" + escaped(text) + "}}").execute(None) == text
    assert Template("{{`" + text + "`}}").execute(None) == text
    assert Template('{{printf "%s" .}}').execute(text) == text


@given(st.text())
def test_quoting_is_undone_by_reading(text: str) -> None:
    quoted = Template('{{printf "%q" .}}').execute(text)
    assert quoted.isprintable()
    assert Template("{{" + quoted + "}}").execute(None) == text


@given(DATA)
def test_json_is_json_and_one_printable_line(data: Any) -> None:
    told = Template("{{json .}}").execute(data)
    assert told.isprintable()
    assert json.loads(told) == data


@given(st.integers())
def test_integers_come_back(number: int) -> None:
    for form in ("%d", "%v", "%+d"):
        assert int(Template(f'{{{{printf "{form}" .}}}}').execute(number)) == number
    assert int(Template('{{printf "%x" .}}').execute(number), 16) == number
    assert Template("{{" + str(number) + "}}").execute(None) == str(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_come_back(number: float) -> None:
    assert float(fmt.text(number)) == number
    assert float(Template('{{printf "%g" .}}').execute(number)) == number


@given(st.integers(-1000, 1000) | st.text(string.ascii_letters), st.integers(0, 40))
def test_widths_are_the_least(value: Any, width: int) -> None:
    right = Template(f'{{{{printf "%{width}v" .}}}}').execute(value)
    left = Template(f'{{{{printf "%-{width}v" .}}}}').execute(value)
    assert right.strip() == left.strip() == str(value)
    assert len(right) == len(left) == max(width, len(str(value)))


@given(st.lists(st.text()), st.text())
def test_join_and_split_undo_each_other(parts: list[str], sign: str) -> None:
    joined = Template("{{join .P .S}}").execute({"P": parts, "S": sign})
    assert joined == sign.join(parts)
    if sign and parts:
        split = Template("{{range split .J .S}}<{{.}}>{{end}}").execute({"J": joined, "S": sign})
        assert split == "".join(f"<{part}>" for part in joined.split(sign))


@given(st.dictionaries(st.text(), st.integers()))
def test_range_goes_through_keys_in_order(data: dict[str, int]) -> None:
    told = Template("{{range $k, $v := .}}{{json $k}}={{$v}};{{end}}").execute(data)
    assert told == "".join(f"{json_of(key)}={data[key]};" for key in sorted(data))


def json_of(text: str) -> str:
    return Template("{{json .}}").execute(text)


@given(st.lists(st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a"]), min_size=1))
def test_and_and_or_are_those_of_python(values: list[Any]) -> None:
    words = " ".join(json.dumps(value) for value in values)
    for name, decides in (("and", False), ("or", True)):
        wanted = next((value for value in values[:-1] if bool(value) == decides), values[-1])
        assert Template(f"{{{{{name} {words}}}}}").execute(None) == fmt.text(wanted)


@given(DATA, DATA)
def test_a_value_stands_in_a_list_as_it_does_alone(one: Any, other: Any) -> None:
    told = Template("{{print .}}").execute([one, other])
    assert told == f"[{fmt.text(one)} {fmt.text(other)}]"
