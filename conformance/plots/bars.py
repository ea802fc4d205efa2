"""Bars as SVG for light and dark pages: it follows the reader's theme, and has a background of its
own."""

import statistics
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH, LEFT, RIGHT = 860, 150, 62
ROW, GAP, LABEL, HEAD, FOOT = 15, 9, 17, 58, 44
STYLE = """
svg { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
.paper { fill: #fbfaf8; stroke: #e3dfd8; } text { fill: #23211e; } .soft { fill: #6b665f; }
.title { font-size: 15px; font-weight: 600; } .grid { stroke: #e3dfd8; }
.own { fill: #2f7a57; } .peer { fill: #8c8578; } .wall { opacity: 0.38; }
.least { stroke: #23211e; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
.paper { fill: #16171a; stroke: #33363c; } text { fill: #e6e3dd; } .soft { fill: #9c978e; }
.grid { stroke: #33363c; } .own { fill: #6fbf97; } .peer { fill: #9c978e; }
.least { stroke: #e6e3dd; } }
"""

# measure -> name -> (wall, processor time) of each sample
Samples = Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]


class Plot(NamedTuple):
    """``own``: the names whose bars stand out; ``unit``: of all times. ``what``: the bars are not
    times, but medians of this number, which is in both places of a sample."""

    title: str
    samples: Samples
    own: tuple[str, ...]
    unit: str
    what: str = ""


def svg(plot: Plot) -> str:
    """The picture: for each measure and name a bar, as long as the median of the wall time, in it
    one for the median of the processor time, and a line at the smallest wall time."""
    rows = sum(len(row) for row in plot.samples.values())
    height = HEAD + rows * ROW + len(plot.samples) * (GAP + LABEL) + FOOT
    longest = max(
        max(_median(each, 0), _median(each, 1))
        for row in plot.samples.values()
        for each in row.values()
    )
    scale = (WIDTH - LEFT - RIGHT) / longest
    parts = [_axis(longest, scale, height, plot.unit)]
    y = HEAD
    for measure, row in plot.samples.items():
        parts.append(_text(LEFT, y + 12, measure, ""))
        y += LABEL
        for name, samples in row.items():
            parts.append(_row(name, samples, y, scale, name in plot.own, not plot.what))
            y += ROW
        y += GAP
    title = escape(plot.title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="{title}">'
        f"<title>{title}</title><style>{STYLE}</style>"
        f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>'
        + _text(14, 26, plot.title, "title")
        + _key(
            height - 14,
            any(len(s) > 1 for row in plot.samples.values() for s in row.values()),
            plot.what,
        )
        + "\n".join(parts)
        + "</svg>\n"
    )


def _median(samples: Sequence[tuple[float, float]], which: int) -> float:
    return statistics.median(sample[which] for sample in samples)


def _row(
    name: str,
    samples: Sequence[tuple[float, float]],
    y: int,
    scale: float,
    own: bool,
    times: bool,
) -> str:
    wall, cpu = _median(samples, 0), _median(samples, 1)
    least = LEFT + min(sample[0] for sample in samples) * scale
    line = f'<line class="least" x1="{least:.1f}" x2="{least:.1f}" y1="{y}" y2="{y + 14}"/>'
    kind = "own" if own else "peer"
    return (
        f'<text class="soft" x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(name)}</text>'
        f'<rect class="{kind} wall" x="{LEFT}" y="{y + 1}" width="{wall * scale:.1f}" height="12"/>'
        f'<rect class="{kind}" x="{LEFT}" y="{y + 4}" width="{cpu * scale:.1f}" height="6"/>'
        + (line if times and len(samples) > 1 else "")
        + _text(LEFT + max(wall, cpu) * scale + 6, y + 11, _number(wall), "soft")
    )


def _axis(longest: float, scale: float, height: int, unit: str) -> str:
    step = next(n * 10.0**e for e in range(-3, 6) for n in (1, 2, 5) if longest <= 8 * n * 10.0**e)
    parts = []
    for number in range(int(longest / step) + 1):
        x = LEFT + number * step * scale
        parts.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{HEAD - 6}" y2="{height - FOOT}"/>'
            + f'<text class="soft" x="{x:.1f}" y="{HEAD - 12}" text-anchor="middle">'
            + f"{number * step:g}{' ' + unit if number == 0 else ''}</text>"
        )
    return "\n".join(parts)


def _key(y: int, many: bool, what: str) -> str:
    """``many``: the bars are medians of several samples; ``what``: of this number."""
    median = ", median" if many else ""
    fewer = f'<text class="soft" x="{WIDTH - 14}" y="{y}" text-anchor="end">fewer are better</text>'
    if what:
        return (
            f'<rect class="own" x="14" y="{y - 8}" width="22" height="6"/>'
            + _text(42, y, what + median, "soft")
            + fewer
        )
    least = f'<line class="least" x1="362" x2="362" y1="{y - 12}" y2="{y + 2}"/>'
    return (
        f'<rect class="own wall" x="14" y="{y - 11}" width="22" height="12"/>'
        + _text(42, y, "wall time" + median, "soft")
        + f'<rect class="own" x="172" y="{y - 8}" width="22" height="6"/>'
        + _text(200, y, "processor time" + median, "soft")
        + (least + _text(370, y, "smallest wall time", "soft") if many else "")
        + f'<text class="soft" x="{WIDTH - 14}" y="{y}" text-anchor="end">shorter is better</text>'
    )


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}">{escape(text)}</text>'


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
