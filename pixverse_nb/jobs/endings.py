"""How a job ends, and what is said of one that ended here while its generation may go on at the vendor."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pixverse_nb.models import JobState
from pixverse_nb.record import JobRecord

ENDED_HERE: Final[Mapping[JobState, Mapping[str, str]]] = {
    JobState.TIMED_OUT: {
        "no": "It was not sent in time; nothing was paid.",
        "yes": "The video was not ready in time; it is paid and can be taken up again.",
        "unknown": "It is still unknown whether the paid call was accepted; it can be taken up again.",
    },
    JobState.CANCELLED: {
        "no": "Cancelled before it was sent; nothing was paid.",
        "yes": "Cancelled here; the vendor may finish it all the same, and it stays paid.",
        "unknown": "Cancelled here while its paid call was under way; it may have been paid.",
    },
}


def told_again(record: JobRecord) -> JobRecord:
    """A job that ended here learns what became of its paid call: its sentence is told again with that."""
    texts = ENDED_HERE.get(record.state)
    return record if texts is None else replace(record, error=texts[record.charged])


def ended(record: JobRecord, state: JobState, at: float, *, kind: str, text: str) -> JobRecord:
    """Return the record at its end: nothing is awaited any more, and `text` says why."""
    return replace(record, state=state, finished_at=at, error_kind=kind, error=text, trouble=None, queue_position=None)
