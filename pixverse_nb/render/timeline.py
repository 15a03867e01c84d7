"""The timeline: what happened to one job or to several, drawn as SVG on one time axis.

A few jobs are drawn in detail: the states as a bar, and the milestones (intent saved, charged, stored) with their
times. More jobs, such as those of a sweep, get one line each.
"""

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path
from types import MappingProxyType
from typing import Final

from markupsafe import Markup

from pixverse_nb.domain.arguments import as_path, file_errors
from pixverse_nb.domain.jobs import JobEvent, JobState
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import mime_bundle
from pixverse_nb.render.formatting import (
    SHORT_STATE_LABELS,
    format_duration,
    format_seed,
    severity,
    shorten,
    with_direction_marks,
)
from pixverse_nb.render.player import data_url
from pixverse_nb.render.style import html, join, with_stylesheet

WIDTH_PX: Final = 720.0
DETAILED_MAX: Final = 12  # more jobs than this get one line each
LINES_MAX: Final = 100  # more jobs than this are not drawn

_NO_EVENTS: Final = "Nothing has happened yet."
_STATES_IN_SLOT: Final = frozenset({JobState.SUBMITTING, JobState.UNKNOWN, JobState.QUEUED, JobState.GENERATING})


@dataclass(frozen=True)
class Timeline:
    """The timeline of some jobs up to a moment; a notebook shows it as a picture.

    `rows` are the caption and the events (oldest first) of each job; `now` is the end of the axis in Unix seconds.

    >>> Timeline(rows=(("seed 7", ()),), now=1_760_000_000.0)
    Nothing has happened yet.
    """

    rows: tuple[tuple[str, tuple[JobEvent, ...]], ...]
    now: float

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture as an SVG file that follows the reader's light or dark mode, and return its path.

        Raises InvalidRequest if nothing has happened yet, FileError if it cannot be written.
        """
        timelines = build_timelines(self.rows, now=self.now)
        if not timelines:
            raise InvalidRequest({"jobs": _NO_EVENTS}, sends=False)
        target = as_path(path)
        with file_errors(target, "written"):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_svg_file(_draw(timelines)), encoding="utf-8")
        return target

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return dict(mime_bundle(timelines_html(self.rows, now=self.now), repr(self)))

    def __repr__(self) -> str:
        return timelines_text(self.rows, now=self.now)


def job_title(request: GenerationRequest) -> str:
    """Return the caption of a job in a timeline: its prompt and its seed."""
    return " · ".join(
        filter(None, (with_direction_marks(shorten(request.prompt, max_length=70)), format_seed(request)))
    )


def timelines_html(rows: Iterable[tuple[str, Sequence[JobEvent]]], *, now: float) -> Markup:
    """Return jobs, each (caption, events), below one another on an axis that begins with the first event of all."""
    timelines = build_timelines(rows, now=now)
    if not timelines:
        return with_stylesheet(html('<div class="pvnb"><div class="pvnb-line">{}</div></div>', _NO_EVENTS))
    drawing = _draw(timelines)
    # Trusted notebooks show the <svg>, which follows the theme. From untrusted ones JupyterLab removes it, together
    # with the stylesheet that hides the <img>.
    return with_stylesheet(
        html(
            '<div class="pvnb pvnb-timeline"><div class="pvnb-timeline-svg" hidden="hidden">'
            '<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{text}">{shapes}</svg></div>'
            '<img class="pvnb-timeline-image" alt="{text}" width="{width:g}" style="max-width:100%" src="{source}">'
            "</div>",
            width=WIDTH_PX,
            height=drawing.height,
            text=_describe(timelines),
            shapes=drawing.shapes,
            source=data_url(_svg_file(drawing).encode(), "image/svg+xml"),
        )
    )


def timelines_text(rows: Iterable[tuple[str, Sequence[JobEvent]]], *, now: float) -> str:
    """Return the same as plain text: a line for each job and, for a few jobs, one for each milestone."""
    return redact(_describe(build_timelines(rows, now=now))) or _NO_EVENTS


# -- from events to values -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """A period in one state; times are seconds since the start of the axis."""

    state: JobState
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Milestone:
    """A moment worth a label, `at_s` seconds after the start of the axis; `kind` is that of its event, or "now"."""

    at_s: float
    kind: str
    label: str


@dataclass(frozen=True)
class JobTimeline:
    """One job: its caption, spans and milestones in order, where it ends (or "now"), and its latest state."""

    title: str
    spans: tuple[Span, ...]
    milestones: tuple[Milestone, ...]
    end: Milestone
    state: JobState


def build_timelines(rows: Iterable[tuple[str, Sequence[JobEvent]]], *, now: float) -> list[JobTimeline]:
    """Return the timelines of all jobs that have events; the axis begins with the first event of all."""
    known = [(title, events) for title, events in rows if events]
    begins_at = min((events[0].at for _, events in known), default=now)
    return [build_timeline(events, title=title, begins_at=begins_at, now=now) for title, events in known]


def build_timeline(events: Sequence[JobEvent], *, title: str, begins_at: float, now: float) -> JobTimeline:
    """Return the timeline of a job's `events` (oldest first, at least one), counted from `begins_at` (Unix seconds).

    The last state of an open job extends to `now`. If the clock was set back while the job ran, later events are not
    drawn earlier. A milestone that repeats is kept the first and the last time.
    """
    state, start_s = events[0].state, max(0.0, events[0].at - begins_at)
    at_s = start_s
    end_kind = events[0].kind
    spans: list[Span] = []
    milestones: list[Milestone] = []
    for event in events:
        at_s = max(at_s, event.at - begins_at)
        if label := _milestone_label(event, before=state):
            milestones.append(Milestone(at_s, event.kind, label))
        if event.state is not state:
            spans.append(Span(state, start_s, at_s))
            state, start_s, end_kind = event.state, at_s, event.kind
    if state.is_final:
        end = Milestone(start_s, end_kind, _end_label(state))
        milestones = [milestone for milestone in milestones if milestone != end]
    else:
        end = Milestone(max(at_s, now - begins_at), "now", "now")
        spans.append(Span(state, start_s, end.at_s))
    return JobTimeline(title, tuple(spans), _first_and_last(milestones), end, state)


def _milestone_label(event: JobEvent, *, before: JobState) -> str:
    """Return the label of an event, or an empty string if it is not a milestone."""
    is_change = event.state is not before
    match event.kind:
        case "intent_recorded":
            return "intent saved"
        case "call_accepted":
            return "accepted, charged"
        case "call_postponed" if before in _STATES_IN_SLOT and is_change:
            return "not accepted, not charged"
        case "response_lost":
            return "kernel stopped, taken over" if event.data.get("reason") == "sender_gone" else "response lost"
        case "listed_in_poll" if is_change and before in (JobState.SUBMITTING, JobState.UNKNOWN):
            return "found in the list, charged"
        case "missing_from_poll" if is_change:
            return "proved: not accepted"
        case "resolved_by_user":
            return "resolved by you"
        case "resumed":
            return "resumed"
        case _:
            return _end_label(event.state) if is_change and event.state.is_final else ""


def _end_label(state: JobState) -> str:
    return "stored" if state is JobState.DONE else SHORT_STATE_LABELS[state].lower()


def _first_and_last(milestones: Sequence[Milestone]) -> tuple[Milestone, ...]:
    first = {milestone.label: milestone for milestone in reversed(milestones)}
    last = {milestone.label: milestone for milestone in milestones}
    return tuple(one for one in milestones if one is first[one.label] or one is last[one.label])


def _max_concurrent(timelines: Sequence[JobTimeline]) -> int:
    """Return how many jobs used a slot at the same time at most."""
    spans = [span for timeline in timelines for span in timeline.spans if span.state in _STATES_IN_SLOT]
    changes = sorted([(span.start_s, 1) for span in spans] + [(span.end_s, -1) for span in spans])
    count = most = 0
    for _, change in changes:
        count += change
        most = max(most, count)
    return most


def _describe(timelines: Sequence[JobTimeline]) -> str:
    lines = []
    is_detailed = len(timelines) <= DETAILED_MAX
    if not is_detailed:
        lines.append(_summary(timelines))
    for timeline in timelines:
        head = f"{' '.join(timeline.title.split())}: {SHORT_STATE_LABELS[timeline.state]}"
        if is_detailed:
            moments = (*timeline.milestones, timeline.end)
            lines += [head, *(f"{format_moment(one.at_s):>12}  {one.label}" for one in moments)]
        else:
            lines.append(f"{head}, {format_moment(timeline.end.at_s)}")
    return "\n".join(lines)


def _summary(timelines: Sequence[JobTimeline]) -> str:
    hidden = f"; the first {LINES_MAX} are shown" if len(timelines) > LINES_MAX else ""
    return f"{len(timelines)} jobs, up to {_max_concurrent(timelines)} at a time{hidden}"


def format_moment(seconds: float) -> str:
    """Return a moment with its unit: "40 ms", "2.8 s", "3 min 20 s"."""
    return f"{seconds * 1000:.0f} ms" if 0 < seconds < 0.0995 else format_duration(seconds)


# -- from values to SVG --------------------------------------------------------------------------------------------

_TITLE_PX: Final = 26.0
_LABEL_PX: Final = 18.0  # the height of a row of milestone labels
_BAR_PX: Final = 12.0
_BELOW_PX: Final = 34.0  # the names of the states, and the distance to the next job
_LINE_PX: Final = 19.0  # the distance of two jobs with one line each
_CAPTION_PX: Final = 170.0  # the column of captions left of such jobs
_CAPTION_LENGTH: Final = 25
_AXIS_PX: Final = 22.0
_LETTER_PX: Final = 7.4  # no common sans-serif font of 12 px is wider on average
_GAP_PX: Final = 12.0
_TICKS_MAX: Final = 7
_SHORTEST_S: Final = 0.1
_TICK_STEPS_S: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 20, 30)),
    *(3600 * hours for hours in (1, 2, 4, 6, 12)),
    *(86_400 * days for days in (1, 2, 5, 10, 20, 50, 100)),
)
_FILE_MARGIN_PX: Final = (16.0, 12.0)

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
# States of one colour differ in opacity; "generating" is opaque.
_OPACITIES: Final[Mapping[JobState, float]] = MappingProxyType(
    {
        JobState.PLANNED: 0.3,
        JobState.UPLOADING: 0.45,
        JobState.WAITING: 0.2,
        JobState.SUBMITTING: 0.7,
        JobState.QUEUED: 0.4,
        JobState.DOWNLOADING: 0.6,
    }
)
_FILE_COLOURS: Final = Markup(
    "<style>svg{--pvnb-ground:#fff;--pvnb-ink:#1f2328;--pvnb-quiet:#5c636b;--pvnb-line:#d5d9de;--pvnb-accent:#1976d2;"
    "--pvnb-warn:#d97706;--pvnb-bad:#d03b3b;--pvnb-good:#2e8b57}"
    "@media (prefers-color-scheme:dark){svg{--pvnb-ground:#15181c;--pvnb-ink:#e3e6ea;--pvnb-quiet:#9aa2ab;"
    "--pvnb-line:#3a4047;--pvnb-accent:#64b5f6;--pvnb-warn:#f5a742;--pvnb-bad:#ef7b7b;--pvnb-good:#5dbb87}}</style>"
)


@dataclass(frozen=True)
class _Drawing:
    """SVG shapes that are WIDTH_PX wide and `height` pixels high."""

    shapes: Markup
    height: float


@dataclass(frozen=True)
class _Axis:
    """The horizontal scale: second 0 is at `left` pixels."""

    left: float
    px_per_s: float

    def x(self, at_s: float) -> float:
        return self.left + at_s * self.px_per_s


def _svg_file(drawing: _Drawing) -> Markup:
    """Return the drawing as a standalone SVG with its own colours, for light and dark mode."""
    across, down = _FILE_MARGIN_PX
    return html(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x:g} {y:g} {width:g} {height:g}"'
        ' width="{width:g}" height="{height:g}">{colours}'
        '<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8" fill="var(--pvnb-ground)"/>'
        "{shapes}</svg>",
        x=-across,
        y=-down,
        width=WIDTH_PX + 2 * across,
        height=drawing.height + 2 * down,
        colours=_FILE_COLOURS,
        shapes=drawing.shapes,
    )


def _draw(timelines: Sequence[JobTimeline]) -> _Drawing:
    is_detailed = len(timelines) <= DETAILED_MAX
    rows = _draw_detailed(timelines) if is_detailed else _draw_lines(timelines[:LINES_MAX], _summary(timelines))
    font = "var(--pvnb-sans,system-ui,-apple-system,'Segoe UI',sans-serif)"
    shapes = html('<g style="font:12px/1 {};font-variant-numeric:tabular-nums">{}</g>', Markup(font), rows.shapes)  # noqa: S704  a constant
    return _Drawing(shapes, rows.height)


def _draw_detailed(timelines: Sequence[JobTimeline]) -> _Drawing:
    axis = _fit_axis(timelines, left=0.0, with_milestones=True)
    parts: list[Markup] = []
    top = 0.0
    for timeline in timelines:
        row = _detailed_row(timeline, top, axis)
        parts.append(row.shapes)
        top += row.height
    parts.append(_time_axis(top, max(timeline.end.at_s for timeline in timelines), axis))
    return _Drawing(join(parts), top + _AXIS_PX)


def _draw_lines(timelines: Sequence[JobTimeline], summary: str) -> _Drawing:
    axis = _fit_axis(timelines, left=_CAPTION_PX, with_milestones=False)
    parts = [_title(summary, 0.0), _legend(timelines, 34.0)]
    top = 50.0
    for timeline in timelines:
        caption = shorten(timeline.title, max_length=_CAPTION_LENGTH)
        parts += [
            html('<text x="0" y="{:g}" fill="var(--pvnb-ink)">{}</text>', top + 10, caption),
            *(_span(span, top, axis) for span in timeline.spans),
            _end(timeline, top, axis),
        ]
        top += _LINE_PX
    parts.append(_time_axis(top + 2, max(timeline.end.at_s for timeline in timelines), axis))
    return _Drawing(join(parts), top + 2 + _AXIS_PX)


def _fit_axis(timelines: Sequence[JobTimeline], *, left: float, with_milestones: bool) -> _Axis:
    """Return the largest scale that leaves room for the label of every end and milestone."""
    labels = [(timeline.end.at_s, _label_width(timeline.end) + 16) for timeline in timelines]
    if with_milestones:
        labels += [(one.at_s, _label_width(one) + 6) for timeline in timelines for one in timeline.milestones]
    room = WIDTH_PX - left
    longest_s = max(_SHORTEST_S, *(timeline.end.at_s for timeline in timelines))
    return _Axis(left, min([room / longest_s, *((room - width) / at_s for at_s, width in labels if at_s > 0)]))


def _detailed_row(timeline: JobTimeline, top: float, axis: _Axis) -> _Drawing:
    labels = [(axis.x(one.at_s), _label_width(one) + 6) for one in timeline.milestones]
    label_rows = stagger_labels(labels)
    bar_y = top + _TITLE_PX + (max(label_rows, default=-1) + 1) * _LABEL_PX + 4
    parts = (
        _title(shorten(timeline.title, max_length=90), top),
        *(_span(span, bar_y, axis, with_name=True) for span in timeline.spans),
        *(_milestone(one, row, bar_y, axis) for one, row in zip(timeline.milestones, label_rows, strict=True)),
        _end(timeline, bar_y, axis),
    )
    return _Drawing(join(parts), bar_y + _BAR_PX + _BELOW_PX - top)


def stagger_labels(labels: Sequence[tuple[float, float]]) -> list[int]:
    """Return a row (0 is next to the bar) for each label, so that none overlap; labels are (x, width), ordered by x."""
    rows: list[int] = []
    for index in reversed(range(len(labels))):
        x, width = labels[index]
        right_of_it = range(len(rows))
        covered = [rows[-1 - step] for step in right_of_it if labels[index + 1 + step][0] < x + width + _GAP_PX]
        rows.append(max(covered, default=-1) + 1)
    return rows[::-1]


def _title(text: str, top: float) -> Markup:
    return html(
        '<text x="0" y="{:g}" fill="var(--pvnb-ink)" font-size="13" font-weight="600">{}</text>', top + 14, text
    )


def _span(span: Span, bar_y: float, axis: _Axis, *, with_name: bool = False) -> Markup:
    left = axis.x(span.start_s)
    width = max(1.0, axis.x(span.end_s) - left - 1)
    name = SHORT_STATE_LABELS[span.state]
    bar = html(
        '<rect x="{left:.1f}" y="{y:g}" width="{width:.1f}" height="{height:g}" rx="{radius:.1f}"'
        ' fill="{colour}" fill-opacity="{opacity:g}"><title>{name}, {duration}</title></rect>',
        left=left,
        y=bar_y,
        width=width,
        height=_BAR_PX,
        radius=min(2, width / 2),
        colour=_COLOURS[severity(span.state)],
        opacity=_OPACITIES.get(span.state, 1),
        name=name,
        duration=format_moment(span.end_s - span.start_s),
    )
    if not with_name or len(name) * _LETTER_PX > width:
        return bar
    label = '<text x="{:.1f}" y="{:g}" fill="var(--pvnb-quiet)" font-size="11">{}</text>'
    return join((bar, html(label, left, bar_y + _BAR_PX + 14, name)))


def _milestone(milestone: Milestone, row: int, bar_y: float, axis: _Axis) -> Markup:
    x = axis.x(milestone.at_s)
    y = bar_y - 7 - row * _LABEL_PX
    return html(
        '<path d="M{:.1f} {:.1f}V{:g}" stroke="var(--pvnb-ink)" stroke-width="1" fill="none" stroke-opacity="0.55"/>{}',
        x,
        y - 9,
        bar_y + _BAR_PX,
        _label(milestone, x + 6, y),
    )


def _end(timeline: JobTimeline, bar_y: float, axis: _Axis) -> Markup:
    x, y = axis.x(timeline.end.at_s), bar_y + _BAR_PX / 2
    colour = _COLOURS[severity(timeline.state)]
    return html(
        '<circle cx="{:.1f}" cy="{:g}" r="4" fill="{}" stroke="{}" stroke-width="2"/>{}',
        x + 5,
        y,
        colour if timeline.state.is_final else "none",
        colour,
        _label(timeline.end, x + 16, y + 4),
    )


def _label(milestone: Milestone, x: float, y: float) -> Markup:
    return html(
        '<text class="pvnb-milestone" data-kind="{}" x="{:.1f}" y="{:g}" fill="var(--pvnb-ink)">{}'
        '<tspan fill="var(--pvnb-quiet)" dx="5">{}</tspan></text>',
        milestone.kind,
        x,
        y,
        milestone.label,
        format_moment(milestone.at_s),
    )


def _legend(timelines: Sequence[JobTimeline], y: float) -> Markup:
    """Return the colour of each state that occurs."""
    used = {span.state for timeline in timelines for span in timeline.spans}
    parts = []
    x = 0.0
    for state in JobState:
        if state in used:
            name = SHORT_STATE_LABELS[state]
            parts.append(
                html(
                    '<rect x="{:g}" y="{:g}" width="9" height="9" rx="2" fill="{}" fill-opacity="{:g}"/>'
                    '<text x="{:g}" y="{:g}" fill="var(--pvnb-quiet)" font-size="11">{}</text>',
                    x,
                    y - 8,
                    _COLOURS[severity(state)],
                    _OPACITIES.get(state, 1),
                    x + 13,
                    y,
                    name,
                )
            )
            x += 13 + len(name) * 6.4 + 14
    return join(parts)


def _time_axis(top: float, length_s: float, axis: _Axis) -> Markup:
    step_s = _tick_step(length_s or _SHORTEST_S)
    end_x = max(axis.x(length_s), axis.left + 1)
    line = html('<path d="M{:g} {:g}H{:.1f}" stroke="var(--pvnb-line)" fill="none"/>', axis.left, top, end_x)
    ticks = (
        html(
            '<path d="M{x:.1f} {top:g}v4" stroke="var(--pvnb-line)" fill="none"/>'
            '<text x="{x:.1f}" y="{y:g}" fill="var(--pvnb-quiet)" font-size="11" text-anchor="{anchor}">{label}</text>',
            x=axis.x(number * step_s),
            top=top,
            y=top + 17,
            anchor="start" if number == 0 else "middle",
            label=format_duration(number * step_s),
        )
        for number in range(floor(length_s / step_s + 1e-9) + 1)
    )
    return join((line, *ticks))


def _tick_step(length_s: float) -> float:
    """Return the seconds between two ticks: a round number of seconds, minutes, hours or days."""
    return next((step for step in _TICK_STEPS_S if length_s / step <= _TICKS_MAX), length_s / _TICKS_MAX)


def _label_width(milestone: Milestone) -> float:
    return (len(milestone.label) + len(format_moment(milestone.at_s))) * _LETTER_PX + 8
