"""The drawing of jobs' lives as SVG: a bar for each, flags at its moments, one axis for all. Values in, string out.

A flag's words stand right of its pole, and a flag whose words would reach the next pole hangs one lane higher, so that
no words overlap and no pole crosses any. Widths of words are estimated, because nothing here can measure a font.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor
from types import MappingProxyType
from typing import Final

from pixverse_nb.models import JobState
from pixverse_nb.privacy import masked
from pixverse_nb.show.moments import Life, Mark, Span
from pixverse_nb.show.words import SHORT_WORDS, duration_words, shortened, tone

WIDTH_PX: Final = 720.0

_TITLE_PX: Final = 26.0
_LANE_PX: Final = 18.0
_BAR_PX: Final = 12.0
_BELOW_PX: Final = 34.0  # the names of the states, and the distance to the next job
_AXIS_PX: Final = 22.0
_LETTER_PX: Final = 7.4  # no usual sans-serif of 12 px is wider on average
_GAP_PX: Final = 12.0
_MOST_TICKS: Final = 7
_LEAST_S: Final = 0.1
_STEPS_S: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 20, 30)),
    *(3600 * hours for hours in (1, 2, 4, 6, 12)),
    *(86_400 * days for days in (1, 2, 5, 10, 20, 50, 100)),
)
_MARGIN_PX: Final = (16.0, 12.0)  # around the drawing where it is a file of its own

_COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "run": "var(--pvnb-accent)",
        "wait": "var(--pvnb-accent)",
        "warn": "var(--pvnb-warn)",
        "bad": "var(--pvnb-bad)",
        "good": "var(--pvnb-good)",
        "off": "var(--pvnb-quiet)",
    }
)
# Neighbours of one colour are told apart by strength; the vendor at work is the strongest.
_STRENGTHS: Final[Mapping[JobState, float]] = MappingProxyType(
    {
        JobState.PLANNED: 0.3,
        JobState.UPLOADING: 0.45,
        JobState.WAITING: 0.2,
        JobState.SUBMITTING: 0.7,
        JobState.QUEUED: 0.4,
        JobState.DOWNLOADING: 0.6,
    }
)
_OWN_COLOURS: Final = (
    "<style>svg{--pvnb-ground:#fff;--pvnb-ink:#1f2328;--pvnb-quiet:#5c636b;--pvnb-line:#d5d9de;--pvnb-accent:#1976d2;"
    "--pvnb-warn:#d97706;--pvnb-bad:#d03b3b;--pvnb-good:#2e8b57}"
    "@media (prefers-color-scheme:dark){svg{--pvnb-ground:#15181c;--pvnb-ink:#e3e6ea;--pvnb-quiet:#9aa2ab;"
    "--pvnb-line:#3a4047;--pvnb-accent:#64b5f6;--pvnb-warn:#f5a742;--pvnb-bad:#ef7b7b;--pvnb-good:#5dbb87}}</style>"
)


@dataclass(frozen=True)
class Drawing:
    """What stands inside an <svg> that is WIDTH_PX wide and `height` pixels high."""

    shapes: str
    height: float


def draw(lives: Sequence[Life]) -> Drawing:
    """Return the drawing of at least one life, on an axis that begins at 0 s."""
    scale = _scale_of(lives)
    parts = []
    top = 0.0
    axis_px = max(life.end.at_s for life in lives) * scale
    for life in lives:
        row = _row(life, top, scale)
        parts.append(row.shapes)
        top += row.height
    parts.append(_axis(top, axis_px, scale))
    font = "var(--pvnb-sans,system-ui,-apple-system,'Segoe UI',sans-serif)"
    shapes = f'<g style="font:12px/1 {font};font-variant-numeric:tabular-nums">{"".join(parts)}</g>'
    return Drawing(shapes, top + _AXIS_PX)


def picture_file(drawing: Drawing) -> str:
    """Return the drawing as an SVG file of its own, with colours of its own, light or dark as the reader's system."""
    across, down = _MARGIN_PX
    width, height = WIDTH_PX + 2 * across, drawing.height + 2 * down
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-across:g} {-down:g} {width:g} {height:g}"'
        f' width="{width:g}" height="{height:g}">{_OWN_COLOURS}'
        f'<rect x="{-across:g}" y="{-down:g}" width="{width:g}" height="{height:g}" rx="8" fill="var(--pvnb-ground)"/>'
        f"{drawing.shapes}</svg>"
    )


def clock(seconds: float) -> str:
    """Return a moment in words: "40 ms", "2.8 s", "3 min 20 s"."""
    return f"{seconds * 1000:.0f} ms" if 0 < seconds < 0.0995 else duration_words(seconds)


def lanes_of(flags: Sequence[tuple[float, float]]) -> list[int]:
    """Return a lane (0 is next to the bar) for each flag, given as (x, width) in the order of x."""
    lanes: list[int] = []
    for at in reversed(range(len(flags))):
        x, width = flags[at]
        reached = [lanes[-1 - right] for right in range(len(lanes)) if flags[at + 1 + right][0] < x + width + _GAP_PX]
        lanes.append(max(reached, default=-1) + 1)
    return lanes[::-1]


def _scale_of(lives: Sequence[Life]) -> float:
    """Return the pixels of a second: as many as leave room for the words of every flag and of every end."""
    ends = [(life.end.at_s, _width(life.end) + 16) for life in lives]
    flags = [(mark.at_s, _width(mark) + 6) for life in lives for mark in life.marks]
    longest_s = max([_LEAST_S, *(at_s for at_s, _ in ends)])
    return min([WIDTH_PX / longest_s, *((WIDTH_PX - width) / at_s for at_s, width in (*ends, *flags) if at_s > 0)])


def _row(life: Life, top: float, scale: float) -> Drawing:
    flags = [(mark.at_s * scale, _width(mark) + 6) for mark in life.marks]
    lanes = lanes_of(flags)
    bar_y = top + _TITLE_PX + (max(lanes, default=-1) + 1) * _LANE_PX + 4
    title = _safe(shortened(life.title, longest=90))
    parts = [
        f'<text x="0" y="{top + 14:g}" fill="var(--pvnb-ink)" font-size="13" font-weight="600">{title}</text>',
        *(_span(span, bar_y, scale) for span in life.spans),
        *(_flag(mark, lane, bar_y, scale) for mark, lane in zip(life.marks, lanes, strict=True)),
        _end(life, bar_y, scale),
    ]
    return Drawing("".join(parts), bar_y + _BAR_PX + _BELOW_PX - top)


def _span(span: Span, bar_y: float, scale: float) -> str:
    left, right = span.start_s * scale, span.end_s * scale
    width = max(1.0, right - left - 1)
    colour = _COLOURS[tone(span.state)]
    name = SHORT_WORDS[span.state]
    bar = (
        f'<rect x="{left:.1f}" y="{bar_y:g}" width="{width:.1f}" height="{_BAR_PX:g}" rx="{min(2, width / 2):.1f}"'
        f' fill="{colour}" fill-opacity="{_STRENGTHS.get(span.state, 1):g}">'
        f"<title>{_safe(name)}, {clock(span.end_s - span.start_s)}</title></rect>"
    )
    if len(name) * _LETTER_PX > width:
        return bar
    below = bar_y + _BAR_PX + 14
    return f'{bar}<text x="{left:.1f}" y="{below:g}" fill="var(--pvnb-quiet)" font-size="11">{_safe(name)}</text>'


def _flag(mark: Mark, lane: int, bar_y: float, scale: float) -> str:
    x = mark.at_s * scale
    y = bar_y - 7 - lane * _LANE_PX
    return (
        f'<path d="M{x:.1f} {y - 9:.1f}V{bar_y + _BAR_PX:g}" stroke="var(--pvnb-ink)" stroke-width="1" fill="none"'
        f' stroke-opacity="0.55"/>{_words(mark, x + 6, y)}'
    )


def _end(life: Life, bar_y: float, scale: float) -> str:
    x, y = life.end.at_s * scale, bar_y + _BAR_PX / 2
    colour = _COLOURS[tone(life.state)]
    fill = colour if life.state.is_final else "none"
    return (
        f'<circle cx="{x + 5:.1f}" cy="{y:g}" r="4" fill="{fill}" stroke="{colour}" stroke-width="2"/>'
        f"{_words(life.end, x + 16, y + 4)}"
    )


def _words(mark: Mark, x: float, y: float) -> str:
    return (
        f'<text class="pvnb-flag" x="{x:.1f}" y="{y:g}" fill="var(--pvnb-ink)">{_safe(mark.words)}'
        f'<tspan fill="var(--pvnb-quiet)" dx="5">{clock(mark.at_s)}</tspan></text>'
    )


def _axis(top: float, length: float, scale: float) -> str:
    step = _step(length / scale if length else _LEAST_S)
    ticks = []
    for number in range(floor(length / scale / step + 1e-9) + 1):
        x = number * step * scale
        anchor = "start" if number == 0 else "middle"
        ticks.append(
            f'<path d="M{x:.1f} {top:g}v4" stroke="var(--pvnb-line)" fill="none"/>'
            f'<text x="{x:.1f}" y="{top + 17:g}" fill="var(--pvnb-quiet)" font-size="11" text-anchor="{anchor}">'
            f"{duration_words(number * step)}</text>"
        )
    return f'<path d="M0 {top:g}H{max(length, 1):.1f}" stroke="var(--pvnb-line)" fill="none"/>{"".join(ticks)}'


def _step(length_s: float) -> float:
    """Return the seconds between two ticks: a round number of seconds, minutes, hours or days."""
    return next((step for step in _STEPS_S if length_s / step <= _MOST_TICKS), length_s / _MOST_TICKS)


def _width(mark: Mark) -> float:
    return (len(mark.words) + len(clock(mark.at_s))) * _LETTER_PX + 8


def _safe(text: str) -> str:
    return escape(masked(text))
