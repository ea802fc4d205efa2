"""Templates of --format: what Go's text/template and Docker's documentation say of each part."""

import re
import shutil
import subprocess
from typing import Any

import pytest
from hutch.cli.warren.go_template import Template, TemplateError
from hutch.errors import shown

# What podman, whose templates are Go's own, prints alike: it is asked where it is installed.
SAME = {
    # Actions, text, trim markers, comments
    "plain": "plain",
    "{{23 -}} < {{- 45}}": "23<45",
    "a {{- /* c */ -}} b{{/* d */}}c": "abc",
    "x\n{{- 1 -}}\n y": "x1y",
    '{{"raw"}}{{`r "x"`}}{{"\\x41\\101\\u00e9"}}': 'rawr "x"AAé',
    "{{0x10}} {{010}} {{0b11}} {{'a'}} {{1_000}} {{-5}} {{.5}} {{1E3}}": (
        "16 8 3 97 1000 -5 0.5 1000"
    ),
    "{{1e6}} {{1e20}} {{0.00001}} {{123456789.0}} {{3.0}}": "1e+06 1e+20 1e-05 1.23456789e+08 3",
    "{{true}} {{(1)}} {{((print 1))}}": "true 1 1",
    # if, with, range
    "{{if 1}}T1{{end}}|{{if 0}}T1{{end}}": "T1|",
    '{{if ""}}T1{{else}}T0{{end}}{{if 0}}a{{else if 1}}b{{else}}c{{end}}': "T0b",
    '{{with "x"}}{{.}}{{end}}{{with ""}}a{{else}}none{{end}}': "xnone",
    '{{with $x := "v"}}{{$x}}{{end}}{{if $x := 0}}a{{else}}{{$x}}{{end}}': "v0",
    '{{range split "a,b" ","}}[{{.}}]{{end}}': "[a][b]",
    '{{range $i, $e := split "a,b" ","}}{{$i}}={{$e}};{{end}}': "0=a;1=b;",
    '{{range $e := split "a,b" ","}}{{$e}}{{end}}': "ab",
    '{{range split "a,b,c" ","}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}': "ac",
    '{{range split "a,b,c" ","}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}': "a",
    # Variables
    "{{$x := 1}}{{$x}}{{$x = 2}}{{if true}}{{$x = 3}}{{$y := 4}}{{$y}}{{end}}{{$x}}": "143",
    '{{$a := 1}}{{range split "1,2" ","}}{{$a = .}}{{end}}{{$a}}': "2",
    "{{$a := 1}}{{if true}}{{$a := 2}}{{$a}}{{end}}{{$a}}": "21",
    # Pipelines: the documentation's own examples
    '{{printf "%q" "output"}}{{"output" | printf "%q"}}': '"output""output"',
    '{{printf "%q" (print "out" "put")}}{{"put" | printf "%s%s" "out" | printf "%q"}}': (
        '"output""output"'
    ),
    '{{"output" | printf "%s" | printf "%q"}}': '"output"',
    '{{with "output"}}{{printf "%q" .}}{{end}}': '"output"',
    '{{with $x := "output" | printf "%q"}}{{$x}}{{end}}': '"output"',
    # Functions
    '{{and 1 0}}{{and 1 2}}{{or 0 "" "x"}}{{or 0 ""}}|{{not 0}}': "02x|true",
    '{{and 0 (index "a" 9)}}{{or 1 (index "a" 9)}}': "01",
    '{{eq 1 2 1}} {{ne "a" "b"}} {{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1.5 1.5}}': (
        "true true true true true true"
    ),
    '{{len "äö"}} {{len (split "a,b" ",")}}': "4 2",
    '{{index (split "a,b" ",") 1}} {{index "abc" 1}}': "b 98",
    '{{slice "abcdef" 1 3}} {{slice "abcdef" 2}} {{slice (split "a,b,c" ",") 1}}': "bc cdef [b c]",
    '{{print 1 2 "a" 3}}|{{print "a" "b"}}|{{print}}|{{println 1 "a"}}': "1 2a3|ab||1 a\n",
    "{{html \"<a&b>'\"}} {{urlquery \"a b/c~é&\"}}": "&lt;a&amp;b&gt;&#39; a+b%2Fc~%C3%A9%26",
    '{{js "it\'s \\"x\\" <b> = \\n"}}': "it\\'s \\\"x\\\" \\u003Cb\\u003E \\u003D \\u000A",
    # Docker's
    '{{join (split "a,b" ",") " , "}} {{upper "ab"}} {{lower "AB"}}': "a , b AB ab",
    '{{title "hello wo-rld don\'t"}} {{pad "x" 1 2}}| {{truncate "abcdef" 3}}': (
        "Hello Wo-Rld Don'T  x  | abc"
    ),
    '{{json (split "a,b" ",")}} {{json "a<b"}} {{json nil}}': '["a","b"] "a<b" null',
    # printf
    '{{printf "%5d|%-5s|%05d|%+d|% d|%x|%#x|%o|%b|%c|%U" 3 "a" -3 5 5 255 255 8 5 65 65}}': (
        "    3|a    |-0003|+5| 5|ff|0xff|10|101|A|U+0041"
    ),
    '{{printf "%6.2f|%e|%g|%.3g|%t|%5t|%v" 3.14159 12345.678 1e-10 12345.678 true false 2.0}}': (
        "  3.14|1.234568e+04|1e-10|1.23e+04|true|false|2"
    ),
    '{{printf "%T %T %T %T" 1 1.5 "x" true}} {{printf "%*d|%.2s|%%" 4 42 "abc"}}': (
        "int float64 string bool   42|ab|%"
    ),
    '{{printf "%q %s %d" (split "a,b" ",") (split "a,b" ",") 1}}': '["a" "b"] [a b] 1',
    '{{printf "%d" "x"}} {{printf "%d"}} {{printf "%d" 1 2}}': (
        "%!d(string=x) %!d(MISSING) 1%!(EXTRA int=2)"
    ),
    '{{printf "%s" 5}} {{printf "%d" nil}} {{printf "%z" 1}} {{printf "%"}}': (
        "%!s(int=5) %!d(<nil>) %!z(int=1) %!(NOVERB)"
    ),
    '{{printf "%q" "\\x00\\x7f"}} {{printf "%q" 65}} {{printf "%x" "hi"}}': (
        "\"\\x00\\x7f\" 'A' 6869"
    ),
}  # fmt: skip

DATA: dict[str, Any] = {
    "ID": "abc",
    "Names": ["x", "y"],
    "Size": 12,
    "Health": None,
    "Labels": {"com.example.a": "1", "b": "2"},
    "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "90/tcp": None},
    "State": {"Running": True, "Pid": 7},
}
FILLED = {
    "{{.ID}} {{.State.Pid}} {{$.Size}} {{(.State).Running}}": "abc 7 12 true",
    "{{.Names}} {{.Labels}}": "[x y] map[b:2 com.example.a:1]",
    "{{.Labels.b}} {{.Labels.c}} {{.Health}} {{.Health.Status}}": (
        "2 <no value> <no value> <no value>"
    ),
    '{{index .Labels "com.example.a"}} {{index .Labels "c"}}|': "1 |",
    '{{(index (index .Ports "80/tcp") 0).HostPort}}': "8080",
    '{{range $p, $t := .Ports}}{{$p}}{{with $t}} on {{(index . 0).HostPort}}{{end}};{{end}}': (
        "80/tcp on 8080;90/tcp;"
    ),
    '{{range $p, $c := .Ports}}{{range $c}}{{$p}}:{{.HostPort}} {{$.ID}}{{end}}{{end}}': (
        "80/tcp:8080 abc"
    ),
    "{{range .Health}}x{{else}}none{{end}}{{range $i := 2}}{{$i}}{{end}}": "none01",
    "{{with .State}}{{.Pid}}{{$.ID}}{{end}}{{with 0}}a{{else with 1}}b{{.}}{{end}}": "7abcb1",
    "{{if and .State.Running (gt .Size 10)}}up{{end}}{{if not .Health}}!{{end}}": "up!",
    "{{.Names | len}}{{.ID | upper | printf `%-5s|`}}{{len .Labels}}{{len .Health}}": "2ABC  |20",
    '{{join .Names "-"}} {{json .State}} {{.}}': (
        'x-y {"Running":true,"Pid":7} map[Health:<nil> ID:abc Labels:map[b:2 com.example.a:1] '
        "Names:[x y] Ports:map[80/tcp:[map[HostIp:0.0.0.0 HostPort:8080]] 90/tcp:<nil>] Size:12 "
        "State:map[Pid:7 Running:true]]"
    ),
    "{{eq .Health nil}} {{ne .ID nil}} {{upper .Labels.c}}|{{print .Health}}": "true true |<nil>",
}  # fmt: skip

WRONG = {
    "{{.Nmaes}}": "column 3: there is no field .Nmaes (hint: did you mean .Names?)",
    "{{.id}}": "column 3: there is no field .id (hint: did you mean .ID?)",
    "{{.State.Zzz}}": "column 9: there is no field .Zzz (hint: there are Running, Pid)",
    "a\n {{.Zzz}}": "line 2, column 4: there is no field .Zzz (hint: there are ID, Names, Size, "
    "Health, Labels, Ports, State)",
    "{{.ID.X}}": "column 6: a string has no field .X",
    "{{.ID": "column 1: the action has no end (hint: {{ ... }})",
    "{{/* x": "column 1: the comment has no end (hint: {{/* ... */}})",
    "{{/* x */ 1}}": "column 8: }} must stand at once behind a comment",
    "{{}}": "column 3: the action is empty",
    "{{end}}": "column 3: {{end}} ends nothing (hint: {{if ...}} or the like is missing)",
    "{{else}}": "column 3: {{else}} ends nothing (hint: {{if ...}} or the like is missing)",
    "{{if .ID}}x": "column 3: {{if}} has no {{end}}",
    "{{if}}x{{end}}": "column 5: a value is missing before }}",
    "{{if 1}}a{{else}}b{{else}}c{{end}}": "column 21: a second {{else}} of one {{if}}",
    "{{if 1}}a{{else with 1}}b{{end}}": "column 17: {{else with}} within {{if}}",
    "{{range 1.5}}{{end}}": "column 9: range goes through no number",
    "{{range .ID}}{{end}}": "column 9: range goes through no string",
    "{{break}}": "column 3: {{break}} outside of {{range}}",
    '{{template "x"}}': "column 3: template is not supported",
    "{{foo}}": "column 3: there is no function foo (hint: there are and, eq, ge, gt, html, index, "
    "join, js, json, le, len, lower, lt, ne, not, or, pad, print, printf, println, slice, split, "
    "title, truncate, upper, urlquery)",
    "{{uper .ID}}": "column 3: there is no function uper (hint: did you mean upper?)",
    "{{$x}}": "column 3: there is no variable $x",
    "{{if $y := 1}}{{end}}{{$y}}": "column 24: there is no variable $y",
    "{{if 1}}{{$y := 1}}{{else}}{{$y}}{{end}}": "column 30: there is no variable $y",
    "{{$x, $y := 1}}": "column 3: there is no variable $x",
    "{{.ID .Size}}": "column 3: is no function, and takes no argument",
    "{{1 | .ID}}": "column 7: takes no argument, so nothing can be piped to it",
    "{{1 | }}": "column 7: a command is missing before }}",
    "{{(1}}": "column 5: unexpected }}",
    "{{1)}}": "column 4: a space is missing before )",
    "{{1 )}}": "column 5: unexpected )",
    '{{print "a""b"}}': "column 12: a space is missing before 'b'",
    "{{nil}}": "column 3: nil is no command",
    '{{"abc}}': 'column 3: the string has no end: " is missing',
    "{{`abc}}": "column 3: the string has no end: ` is missing",
    '{{"\\z"}}': "column 4: \\z is no escape of a Go string",
    '{{"\\ud800"}}': "column 4: \\ud800 is no character",
    "{{'ab'}}": "column 3: 'ab' is more than one character",
    "{{5a}}": "column 3: '5a' is no number",
    "{{1.2.3}}": "column 3: '1.2.' is no number",
    "{{0x}}": "column 3: '0x' is no number",
    "{{#}}": "column 3: unexpected '#' in an action",
    "{{.ID.}}": "column 6: a space is missing before .",
    "{{upper 3}}": "column 3: upper: takes a string, not a number (hint: print makes one of "
    "anything)",
    "{{len 3}}": "column 3: len: a number has no length",
    "{{len}}": "column 3: len takes 1 argument, not 0",
    "{{eq 1}}": "column 3: eq takes 2 arguments or more, not 1",
    "{{slice .ID 1 2 3 4}}": "column 3: slice takes 1 to 4 arguments, not 5",
    '{{eq 1 "a"}}': "column 3: eq: cannot compare a number with a string",
    "{{eq .Names .Names}}": "column 3: eq: cannot compare a list (hint: len and index make it "
    "comparable)",
    "{{lt true false}}": "column 3: lt: a truth value is neither less nor greater",
    "{{index .Names 9}}": "column 3: index: there is no item 9: there are 2",
    '{{index .Names "a"}}': "column 3: index: the place in a list is a whole number, not a string",
    "{{index .Labels 1}}": "column 3: index: an object's key is a string, not a number",
    "{{index .Size 1}}": "column 3: index: a number has no items",
    "{{slice .ID 2 1}}": "column 3: slice: there is no part from 2 to 1: there are 3 items",
    "{{slice .ID 0 1 2}}": "column 3: slice: a string takes two places at most",
    "{{slice .Labels}}": "column 3: slice: an object cannot be sliced",
    '{{join .ID ","}}': "column 3: join: takes a list, not a string",
    '{{truncate .ID "2"}}': "column 3: truncate: takes a whole number, not a string",
    "{{" + "(" * 200 + "1" + ")" * 200 + "}}": "column 103: more than 100 parts in each other",
}

podman = pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed")


@pytest.mark.parametrize("text", SAME)
def test_it_does_what_go_does(text: str) -> None:
    assert Template(text).execute({}) == SAME[text]


@podman
@pytest.mark.parametrize("text", SAME)
def test_podman_prints_the_same(text: str) -> None:
    done = subprocess.run(
        ["podman", "version", "--format", text], capture_output=True, text=True, check=True
    )
    assert done.stdout.rstrip("\n") == SAME[text].rstrip("\n")


@podman
@pytest.mark.parametrize(
    "text",
    [text for text in WRONG if not re.search(r"\.(ID|id|Names|State|Labels|Size|N|Z)", text)],
)
def test_podman_refuses_the_same(text: str) -> None:
    done = subprocess.run(
        ["podman", "version", "--format", text], capture_output=True, text=True, check=False
    )
    # Go takes more parentheses, sees what the other branch declares, and a pipe to nothing.
    wider = text.startswith("{{(((") or text in (
        "{{if 1}}{{$y := 1}}{{else}}{{$y}}{{end}}",
        "{{1 | }}",
    )
    assert (done.returncode == 0) == wider


@pytest.mark.parametrize("text", FILLED)
def test_it_is_filled_in_from_data(text: str) -> None:
    assert Template(text).execute(DATA) == FILLED[text]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_with_its_place(text: str) -> None:
    with pytest.raises(TemplateError) as raised:
        Template(text).execute(DATA)
    assert str(raised.value) == f"template {shown(text)}, {WRONG[text]}"


def test_tabs_and_line_breaks_are_escapes_of_the_text_alone() -> None:
    text = '{{"a\\tb"}}\\t{{1}}\\n'
    assert Template(text, escapes=True).execute({}) == "a\tb\t1\n"
    assert Template(text).execute({}) == "a\tb\\t1\\n"


def test_the_fields_that_it_asks_for() -> None:
    text = '{{.A.B}}{{range .C}}{{upper .D}}{{else}}{{(index .E "x").F}}{{end}}'
    assert Template(text).fields() == ["B", "C", "D", "E", "F"]
