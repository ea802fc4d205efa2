"""The times of a trace as a picture: a lane for hutch, one for hutch-init, an axis in ms."""

from collections.abc import Mapping

from hutch.cli.cold.explain_html.markup import Markup, element
from hutch.cli.cold.explain_html.times import Span, Times

WIDTH, LEFT = 1000, 76  # units of the picture
TOP, HIGH, GAP = 6, 26, 10
LETTER = 6.2  # the width of one, about


def timeline(times: Times, stages: Mapping[Span, str]) -> Markup:
    """``stages`` has the class of each span of hutch-init."""
    scale = (WIDTH - LEFT - 4) / max(times.end, 1.0)
    below = TOP + 2 * HIGH + GAP
    parts = [_grid(times.end, scale, below)]
    for row, (title, spans) in enumerate((("hutch", times.runtime), ("hutch-init", times.init))):
        y = TOP + row * (HIGH + GAP)
        parts.append(element("text", title, x=0, y=y + 17, class_="lane"))
        for span in spans:
            kind = stages.get(span, "runtime")
            if span.name.startswith("wait for"):
                kind = "waiting"
            parts.append(_bar(span, scale, y, kind))
    return element(
        "svg", *parts, viewBox=f"0 0 {WIDTH} {below + 20}", role="img",
        aria_label=f"hutch and hutch-init need {times.end / 1000:.1f} ms together",
    )  # fmt: skip


def _bar(span: Span, scale: float, y: float, kind: str) -> Markup:
    x, width = LEFT + span.begin * scale, max(span.length * scale - 0.5, 0.6)
    bar = element("rect", x=f"{x:.2f}", y=y, width=f"{width:.2f}", height=HIGH, class_=kind)
    fits = kind == "runtime" and len(span.name) * LETTER < width - 8
    label = (
        element("text", span.name, x=f"{x + 5:.2f}", y=y + 17, class_="in") if fits else Markup()
    )
    return element("g", element("title", f"{span.name}: {length(span.length)}"), bar, label)


def _grid(end: float, scale: float, below: float) -> Markup:
    step = next(s for e in range(9) for n in (1, 2, 5) if end / (s := n * 10.0**e * 100) <= 8)
    marks = []
    for number in range(int(end / step) + 1):
        x = f"{LEFT + number * step * scale:.2f}"
        marks.append(element("line", x1=x, x2=x, y1=2, y2=below))
        marks.append(element("text", f"{number * step / 1000:g} ms", x=x, y=below + 14))
    return element("g", *marks, class_="grid")


def length(microseconds: float) -> str:
    """A time for people: "38 µs", "1.34 ms"."""
    if microseconds < 1000:
        return f"{microseconds:.{1 if microseconds < 10 else 0}f} µs"
    return f"{microseconds / 1000:.2f} ms"
