"""The life of jobs as a picture: spans of time in the colours of their states, and the moments that matter.

The picture stands in the HTML twice. Inline, it takes its colours from the host, light or dark. An untrusted JupyterLab
drops inline SVG (but keeps its words) and the stylesheet: there the inline one stays `hidden`, and what is seen is an
<img> of the same drawing on a ground of its own.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from html import escape

from pixverse_nb.models import FramesRequest, JobEvent
from pixverse_nb.privacy import masked
from pixverse_nb.show.display import bundle_of
from pixverse_nb.show.drawing import WIDTH_PX, clock, draw, picture_file
from pixverse_nb.show.moments import Life, life_of
from pixverse_nb.show.player import data_url
from pixverse_nb.show.style import styled
from pixverse_nb.show.words import SHORT_WORDS, shortened

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


def title_of(request: FramesRequest) -> str:
    """Return what a job is called in a picture of several: its prompt and its seed."""
    prompt = shortened(request.prompt, longest=70)
    return " · ".join(part for part in (prompt, f"seed {request.seed}") if part)


def timelines_html(rows: Sequence[tuple[str, Sequence[JobEvent]]], *, now: float) -> str:
    """Return several jobs, each (title, events), below one another on one axis that begins with the first of them."""
    lives = _lives(rows, now)
    if not lives:
        return styled(f'<div class="pvnb"><div class="pvnb-line">{_NOTHING}</div></div>')
    drawing = draw(lives)
    told = escape(masked(_told(lives)))
    return styled(
        '<div class="pvnb pvnb-life">'
        f'<div class="pvnb-drawn" hidden="hidden"><svg viewBox="0 0 {WIDTH_PX:g} {drawing.height:g}" role="img"'
        f' aria-label="{told}">{drawing.shapes}</svg></div>'
        f'<img class="pvnb-plain" alt="{told}" width="{WIDTH_PX:g}" style="max-width:100%"'
        f' src="{data_url(picture_file(drawing).encode(), "image/svg+xml")}"></div>'
    )


def timelines_text(rows: Sequence[tuple[str, Sequence[JobEvent]]], *, now: float) -> str:
    """Return the same in words: a line for each job, and below it one for each moment that matters."""
    return masked(_told(_lives(rows, now))) or _NOTHING


def _told(lives: Sequence[Life]) -> str:
    lines = []
    for life in lives:
        lines.append(f"{' '.join(life.title.split())}: {SHORT_WORDS[life.state]}")
        lines += [f"{clock(mark.at_s):>12}  {mark.words}" for mark in (*life.marks, life.end)]
    return "\n".join(lines)


def _lives(rows: Sequence[tuple[str, Sequence[JobEvent]]], now: float) -> list[Life]:
    told = [(title, events) for title, events in rows if events]
    begins_at = min((events[0].at for _, events in told), default=now)
    return [life_of(events, title=title, begins_at=begins_at, now=now) for title, events in told]
