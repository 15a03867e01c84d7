"""The life of a job as spans of time and the moments that matter, read from its events. No HTML."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor
from types import MappingProxyType
from typing import Final

from pixverse_nb.domain.jobs import JobEvent, JobState
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import bundle_of
from pixverse_nb.render.formatting import SHORT_WORDS, duration_words, severity, shortened
from pixverse_nb.render.player import data_url
from pixverse_nb.render.style import styled

# How a job's history says it, so that the picture finds it again there.
SENDER_GONE: Final = "the process that sent it ended, or stood still, before its answer came"
TAKEN_UP: Final = "taken up again"
DECIDED: Final = "decided by a person"

_PAID: Final = (JobState.QUEUED, JobState.GENERATING, JobState.DOWNLOADING)
_TURNS: Final[Mapping[tuple[JobState, JobState], str]] = MappingProxyType(
    {
        **{(JobState.SUBMITTING, paid): "paid" for paid in _PAID},
        **{(JobState.UNKNOWN, paid): "found in the list: paid" for paid in _PAID},
        (JobState.SUBMITTING, JobState.WAITING): "not accepted, not paid",
        (JobState.UNKNOWN, JobState.WAITING): "proved: never accepted",
    }
)
_ARRIVALS: Final[Mapping[JobState, str]] = MappingProxyType(
    {JobState.SUBMITTING: "intent on disk", JobState.UNKNOWN: "answer lost"}
)
_END_WORDS: Final[Mapping[JobState, str]] = MappingProxyType({JobState.DONE: "stored"})


@dataclass(frozen=True)
class Span:
    """A stretch in one state, from `start_s` to `end_s`, in seconds since the picture begins."""

    state: JobState
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Mark:
    """A moment that matters, `at_s` seconds after the picture begins, in a few words."""

    at_s: float
    words: str


@dataclass(frozen=True)
class JobTimeline:
    """One job: what it is called, its spans and its marks in order, its end (or "now"), and where it stands there."""

    title: str
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]
    end: Mark
    state: JobState


def build_timeline(events: Sequence[JobEvent], *, title: str, begins_at: float, now: float) -> JobTimeline:
    """Return the life that `events` (oldest first, at least one) tell, counted from `begins_at` (Unix seconds).

    The last state of an open job lasts until `now`. A clock that was set back while the job ran cannot turn time round:
    what is told later is drawn no earlier. What happens again and again is marked the first and the last time.
    """
    start_s = at_s = max(0.0, events[0].at - begins_at)
    before = events[0].state
    spans: list[Span] = []
    marks: list[Mark] = []
    for event in events:
        at_s = max(at_s, event.at - begins_at)
        if words := _moment(event, before):
            marks.append(Mark(at_s, words))
        if event.state is not before:
            spans.append(Span(before, start_s, at_s))
            start_s, before = at_s, event.state
    if before.is_final:
        end = Mark(start_s, _END_WORDS.get(before, SHORT_WORDS[before].lower()))
        marks = [mark for mark in marks if mark != end]
    else:
        end = Mark(max(at_s, now - begins_at), "now")
        spans.append(Span(before, start_s, end.at_s))
    return JobTimeline(title, tuple(spans), _first_and_last(marks), end, before)


def _moment(event: JobEvent, before: JobState) -> str:
    """Return what to write at an event, or nothing where it matters to nobody."""
    if SENDER_GONE in event.text:
        return "kernel gone, taken over"
    if event.text == TAKEN_UP:
        return TAKEN_UP
    if event.text.startswith(DECIDED):
        return DECIDED
    if event.state is before:
        return ""
    if event.state.is_final:
        return _END_WORDS.get(event.state, SHORT_WORDS[event.state].lower())
    return _TURNS.get((before, event.state)) or _ARRIVALS.get(event.state, "")


def _first_and_last(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    first = {mark.words: mark for mark in reversed(marks)}
    last = {mark.words: mark for mark in marks}
    return tuple(mark for mark in marks if mark is first[mark.words] or mark is last[mark.words])


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


def draw(lives: Sequence[JobTimeline]) -> Drawing:
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


def _scale_of(lives: Sequence[JobTimeline]) -> float:
    """Return the pixels of a second: as many as leave room for the words of every flag and of every end."""
    ends = [(life.end.at_s, _width(life.end) + 16) for life in lives]
    flags = [(mark.at_s, _width(mark) + 6) for life in lives for mark in life.marks]
    longest_s = max([_LEAST_S, *(at_s for at_s, _ in ends)])
    return min([WIDTH_PX / longest_s, *((WIDTH_PX - width) / at_s for at_s, width in (*ends, *flags) if at_s > 0)])


def _row(life: JobTimeline, top: float, scale: float) -> Drawing:
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
    colour = _COLOURS[severity(span.state)]
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


def _end(life: JobTimeline, bar_y: float, scale: float) -> str:
    x, y = life.end.at_s * scale, bar_y + _BAR_PX / 2
    colour = _COLOURS[severity(life.state)]
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
    return escape(redact(text))


_NOTHING = "Nothing has happened yet."


@dataclass(frozen=True)
class Timeline:
    """The life of some jobs up to a moment; a picture where it stands last in a cell.

    `rows` are the title and the events of each job, `now` is the moment of the picture in Unix seconds.
    """

    rows: tuple[tuple[str, tuple[JobEvent, ...]], ...]
    now: float

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return dict(bundle_of(timelines_html(self.rows, now=self.now), timelines_text(self.rows, now=self.now)))

    def __repr__(self) -> str:
        return timelines_text(self.rows, now=self.now)


def title_of(request: GenerationRequest) -> str:
    """Return what a job is called in a picture of several: its prompt and its seed."""
    prompt = shortened(request.prompt, longest=70)
    return " · ".join(part for part in (prompt, f"seed {request.seed}") if part)


def timelines_html(rows: Sequence[tuple[str, Sequence[JobEvent]]], *, now: float) -> str:
    """Return several jobs, each (title, events), below one another on one axis that begins with the first of them."""
    lives = _lives(rows, now)
    if not lives:
        return styled(f'<div class="pvnb"><div class="pvnb-line">{_NOTHING}</div></div>')
    drawing = draw(lives)
    told = escape(redact(_told(lives)))
    return styled(
        '<div class="pvnb pvnb-life">'
        f'<div class="pvnb-drawn" hidden="hidden"><svg viewBox="0 0 {WIDTH_PX:g} {drawing.height:g}" role="img"'
        f' aria-label="{told}">{drawing.shapes}</svg></div>'
        f'<img class="pvnb-plain" alt="{told}" width="{WIDTH_PX:g}" style="max-width:100%"'
        f' src="{data_url(picture_file(drawing).encode(), "image/svg+xml")}"></div>'
    )


def timelines_text(rows: Sequence[tuple[str, Sequence[JobEvent]]], *, now: float) -> str:
    """Return the same in words: a line for each job, and below it one for each moment that matters."""
    return redact(_told(_lives(rows, now))) or _NOTHING


def _told(lives: Sequence[JobTimeline]) -> str:
    lines = []
    for life in lives:
        lines.append(f"{' '.join(life.title.split())}: {SHORT_WORDS[life.state]}")
        lines += [f"{clock(mark.at_s):>12}  {mark.words}" for mark in (*life.marks, life.end)]
    return "\n".join(lines)


def _lives(rows: Sequence[tuple[str, Sequence[JobEvent]]], now: float) -> list[JobTimeline]:
    told = [(title, events) for title, events in rows if events]
    begins_at = min((events[0].at for _, events in told), default=now)
    return [build_timeline(events, title=title, begins_at=begins_at, now=now) for title, events in told]
