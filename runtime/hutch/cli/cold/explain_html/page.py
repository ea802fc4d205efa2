"""The page of ``hutch explain --html``."""

import base64
import hashlib
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.cli.cold.explain_html.config import Fields
from hutch.cli.cold.explain_html.markup import Markup, element, joined
from hutch.cli.cold.explain_html.stages import STAGES, Stage, stages_of
from hutch.cli.cold.explain_html.timeline import length, timeline
from hutch.cli.cold.explain_html.times import Span, Times, of_steps
from hutch.plan.steps import RUNTIME, Step

if TYPE_CHECKING:
    from hutch.plan.plan import Plan
    from hutch.spec.json import Json

FOLDER = Path(__file__).parent
BAR = 72  # units of the longest step's bar
OUTSIDE, INSIDE = ("hutch, outside", "outside"), ("hutch-init, inside", "inside")
# The steps of a trace in which hutch does all steps of a stage.
TOGETHER = {"cgroup": "make the cgroup", "start": "start hutch-init"}


def page(
    bundle: str, config: "Json", plan: "Plan", rows: Sequence[Step], times: Times | None
) -> str:
    """The page for a bundle: its ``config``, the ``plan`` for it and the plan's steps, and the
    ``times`` of a trace, if there is one."""
    style, script = (FOLDER / name for name in ("page.css", "page.js"))
    stages = stages_of(rows, plan.operations)
    fields = Fields(config, rows)
    spans = of_steps(times, rows) if times else {}
    parts = [_head(bundle, rows, fields, times)]
    if times:
        kinds = {span: stages[index].name for index, span in spans.items()}
        parts.append(
            element(
                "section", element("h2", "Time"), _legend(stages), timeline(times, kinds),
                _table(times), class_="time", id="time",
            )
        )  # fmt: skip
    parts.append(
        element(
            "main",
            element("section", element("h2", "config.json"), element("div", fields.markup,
                    class_="json"), class_="config", tabindex=0, aria_label="config.json"),
            element("section", element("h2", "Steps"), _sides(),
                    *_groups(rows, stages, fields, spans, times),
                    class_="steps", aria_label="Steps"),
        )
    )  # fmt: skip
    return _document(bundle, style.read_text(), script.read_text(), joined(parts))


def _document(bundle: str, style: str, script: str, body: Markup) -> str:
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}; base-uri \'none\'; '
        "form-action 'none'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"{element('title', 'How a container is made: ' + bundle)}<style>{style}</style>"
    )
    page = f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}\n'
    return page + f"<script>{script}</script></body></html>\n"


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _head(bundle: str, rows: Sequence[Step], fields: Fields, times: Times | None) -> Markup:
    outside = sum(row.lane == RUNTIME for row in rows)
    caused = len(fields.anchors)
    words = [
        element("p", "Bundle ", element("code", bundle), class_="bundle"),
        element(
            "p",
            element("b", str(len(rows))), " steps. hutch does ", element("b", str(outside)),
            " of them from outside, hutch-init ", element("b", str(len(rows) - outside)),
            " from inside the container. Fields of config.json cause ", element("b", str(caused)),
            "; the others are the specification's defaults and the runtime's own protection.",
            *([" Made in ", element("b", f"{times.end / 1000:.1f} ms"), "."] if times else []),
        ),
        element("p", "Point at a field to see its steps, at a step to see its field. A click keeps "
                "both marked, Escape lets go.", class_="hint"),
    ]  # fmt: skip
    return element("header", element("h1", "How this container is made"), *words)


def _legend(stages: Sequence[Stage]) -> Markup:
    entries = [
        element("li", element("i", class_=stage.name), stage.title)
        for stage in STAGES
        if stage in stages
    ]
    waiting = element("li", element("i", class_="waiting"), "waiting for hutch")
    return element("ul", *entries, waiting, class_="legend")


def _table(times: Times) -> Markup:
    """What hutch does from outside, in words and numbers."""
    lines = [
        element("tr", element("td", span.name), element("td", length(span.length)))
        for span in times.runtime
    ]
    return element(
        "details",
        element("summary", "What hutch does, from outside"),
        element("table", *lines),
    )


def _sides() -> Markup:
    """The key to the two lines on which the steps stand."""
    entries = [
        element("li", element("span", class_="rail " + side, aria_hidden="true"), lane)
        for lane, side in (OUTSIDE, INSIDE)
    ]
    return element("ul", *entries, class_="legend sides")


def _groups(
    rows: Sequence[Step],
    stages: Sequence[Stage],
    fields: Fields,
    spans: dict[int, Span],
    times: Times | None,
) -> list[Markup]:
    longest = max((s.length for s in spans.values() if not _waits(s)), default=1.0) or 1.0
    groups = []
    for stage, indices in groupby(range(len(rows)), key=lambda index: stages[index]):
        own = list(indices)
        counted = [spans[index] for index in own if index in spans]
        if times and all(rows[index].lane == RUNTIME for index in own):
            counted += [s for s in times.runtime if s.name == TOGETHER.get(stage.name)]
        title = element(
            "h3", stage.title, element("small", stage.about),
            *([element("span", length(sum(s.length for s in counted)), class_="took")]
              if counted else []),
        )  # fmt: skip
        steps = [_step(index, rows[index], fields, spans.get(index), longest) for index in own]
        listed = element("ol", *steps, start=own[0] + 1)
        groups.append(element("section", title, listed, class_=f"stage {stage.name}"))
    return groups


def _step(
    index: int, row: Step, fields: Fields, span: Span | None, longest: float
) -> Markup:  # fmt: skip
    anchor = fields.anchors.get(index)
    absent = index in fields.absent
    origin = element(
        "a", row.pointer, href="#" + anchor,
        **({"title": "config.json does not have it: this is its default"} if absent else {}),
    ) if anchor else element("span", row.pointer)  # fmt: skip
    lane, side = OUTSIDE if row.lane == RUNTIME else INSIDE
    parts = [
        element("span", str(index + 1), class_="number", aria_hidden="true"),
        element("span", element("i", lane), class_="rail " + side, title=lane),
        element(
            "div",
            element("div", row.does, class_="does"),
            element("div", origin, element("code", row.call), class_="why"),
            class_="what",
        ),
    ]
    if span:
        parts.append(_time(span, longest))
    link = {"data_f": anchor} if anchor else {}
    return element("li", *parts, class_="step", id=f"s{index + 1}", **link)


def _time(span: Span, longest: float) -> Markup:
    waits = _waits(span)
    width = max(min(span.length / longest, 1.0) * BAR, 1.0)
    bar = element("rect", width=f"{width:.1f}", height=6, rx=1)
    svg = element("svg", bar, viewBox=f"0 0 {BAR} 6", aria_hidden="true")
    return element(
        "div", svg, element("span", length(span.length)),
        class_="length waits" if waits else "length",
    )  # fmt: skip


def _waits(span: Span) -> bool:
    return span.name.startswith("wait for")
