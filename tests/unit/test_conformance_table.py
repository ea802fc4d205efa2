"""The table of what the specification demands: complete, and no row empty."""

from collections import Counter

from conformance.suite.documents import DOCUMENTS
from conformance.suite.every import rows
from conformance.suite.report import Page, as_html, as_json, from_json, markdown
from conformance.suite.run import Outcome
from conformance.suite.sentences import sentences, uncovered
from conformance.suite.table import FAIL, MUST, PASS, RESULTS, SAYS, SHOULD

# How often the words of RFC 2119 that demand something stand in each document of v1.3.0.
DEMANDS = {
    "bundle.md": {"MUST": 3, "REQUIRED": 1},
    "config.md": {"MUST": 123, "MUST NOT": 5, "REQUIRED": 21, "SHOULD": 42, "SHOULD NOT": 4},
    "config-linux.md": {
        "MUST": 62,
        "MUST NOT": 10,
        "NOT RECOMMENDED": 2,
        "REQUIRED": 29,
        "SHOULD": 7,
        "SHOULD NOT": 7,
    },
    "runtime.md": {"MUST": 45, "MUST NOT": 6, "REQUIRED": 5},
    "runtime-linux.md": {"MUST": 1},
    "features.md": {"MUST": 5, "MUST NOT": 3, "REQUIRED": 2, "SHOULD": 1, "SHOULD NOT": 1},
    "features-linux.md": {"MUST": 10},
}


def test_the_list_of_sentences_has_every_word_of_every_document() -> None:
    counts: dict[str, Counter[str]] = {}
    for sentence in sentences():
        counts.setdefault(sentence.document, Counter()).update(sentence.words)
    assert {name: dict(count) for name, count in counts.items()} == DEMANDS


def test_every_sentence_about_linux_has_a_row() -> None:
    assert uncovered(rows()) == []


def test_every_row_is_shown_or_argued_and_stands_for_lines_of_its_document() -> None:
    demanding = {(sentence.document, sentence.line) for sentence in sentences()}
    for row in rows():
        assert (row.check is None) != (row.argument == ""), row.id
        assert row.check is not None or len(row.argument) > 60, row.id
        assert row.level in (MUST, SHOULD, SAYS), row.id
        assert len(row.requirement) > 20, row.id
        # There are also rows for sentences of the specification without a word of RFC 2119.
        assert row.level == SAYS or {(row.document, line) for line in row.lines} & demanding, row.id


def test_ids_are_unique_and_name_the_first_line() -> None:
    ids = [row.id for row in rows()]
    assert len(set(ids)) == len(ids)
    prefixes = {document.name: document.prefix for document in DOCUMENTS}
    for row in rows():
        assert row.id.rstrip("abcdefghij") == f"{prefixes[row.document]}-{row.lines[0]:03}"


def test_few_rows_are_argued() -> None:
    argued = [row.id for row in rows() if row.check is None]
    assert len(argued) <= 8, argued


def test_the_pages_have_every_row_and_its_results() -> None:
    table = rows()
    outcomes = {
        row.id: {"one": Outcome(PASS), "two": Outcome(FAIL, "it says <nothing> | at all")}
        for row in table
    }
    page = Page(table, outcomes, [("one", "one 1.0"), ("two", "two 2.0")], "a host")
    text = markdown(page)
    html = as_html(page)
    for row in table:
        assert f"[{row.id}](" in text
        assert f'<tr id="{row.id}" data-results="pass,fail">' in html
    assert from_json(as_json(page), table) == page
    assert "it says \\<nothing\\> \\| at all" in text
    assert "it says &lt;nothing&gt; | at all" in html
    assert "http" not in html.replace("https://github.com/opencontainers/runtime-spec/", "")
    for result in RESULTS:
        assert f'value="{result}"' in html
