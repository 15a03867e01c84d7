"""The life of a job as spans of time and the moments that matter, read from its events. No HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pixverse_nb.models import JobEvent, JobState
from pixverse_nb.show.words import SHORT_WORDS

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
class Life:
    """One job: what it is called, its spans and its marks in order, its end (or "now"), and where it stands there."""

    title: str
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]
    end: Mark
    state: JobState


def life_of(events: Sequence[JobEvent], *, title: str, begins_at: float, now: float) -> Life:
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
    return Life(title, tuple(spans), _first_and_last(marks), end, before)


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
