"""Bars as one self-contained SVG: the median of each contender, and from its slowest to its fastest turn as a thin line."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 760
_LABELS = 230
_VALUES = 120
_ROW = 30
_TOP = 44
_OURS, _THEIRS, _SPREAD, _TEXT = "#2563eb", "#94a3b8", "#0f172a", "#334155"
_FONT = f'font-family="system-ui, sans-serif" font-size="13" fill="{_TEXT}"'


@dataclass(frozen=True)
class Bar:
    """One contender. `ours` only chooses the colour."""

    label: str
    median: float
    lowest: float
    highest: float
    ours: bool = False


def bar_chart(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """The bars from zero, on one linear scale."""
    longest = max((bar.highest for bar in bars), default=0) or 1
    room = WIDTH - _LABELS - _VALUES
    height = _TOP + _ROW * len(bars) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" {_FONT}>',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="26" font-size="15" font-weight="600">{escape(title)} ({escape(unit)})</text>',
    ]
    for number, bar in enumerate(bars):
        top = _TOP + _ROW * number
        middle = top + _ROW / 2 - 2
        colour = _OURS if bar.ours else _THEIRS
        low, mid, high = (_LABELS + room * value / longest for value in (bar.lowest, bar.median, bar.highest))
        lines += [
            f'<text x="{_LABELS - 10}" y="{middle + 4}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect x="{_LABELS}" y="{top + 3}" width="{max(mid - _LABELS, 1):.1f}" height="{_ROW - 10}" fill="{colour}"/>',
            f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="{_SPREAD}" stroke-width="1.5"/>',
            f'<text x="{max(high, mid) + 8:.1f}" y="{middle + 4}">{number_for_people(bar.median)}</text>',
        ]
    return "\n".join([*lines, "</svg>\n"])


def number_for_people(value: float) -> str:
    """Whole numbers with separators; two more digits below ten."""
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2f}"
