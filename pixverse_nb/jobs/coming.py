"""What happens next to a job, by itself or by a person's word: one or two plain sentences."""

import time

from pixverse_nb.jobs import actions
from pixverse_nb.jobs.words import next_step
from pixverse_nb.models import JobState
from pixverse_nb.record import JobRecord
from pixverse_nb.settings import Timing

_PROOFS = 2


def coming(record: JobRecord, *, timing: Timing | None, now: float, is_resting: bool) -> str:
    """Return what is going to happen, with the moment where one is known; empty where the job is over for good.

    `timing` None leaves the moments out (the pace of another process is not known); `now` is in Unix seconds.
    """
    needs_a_person = record.state.is_final or record.parked or record.question is not None or is_resting
    if needs_a_person:
        return next_step(record, is_resting=is_resting) or ""
    match record.state:
        case JobState.PLANNED | JobState.UPLOADING:
            return "The pictures are uploaded, then the paid call leaves."
        case JobState.WAITING:
            return _sending(record, now)
        case JobState.SUBMITTING:
            return "The paid call is under way; its answer is waited for."
        case JobState.UNKNOWN:
            return _settling(record, timing, now)
        case JobState.DOWNLOADING:
            return "The video is fetched, checked and stored."
        case _:
            return f"The vendor's list is asked until {_clock(record.deadline_at, now)} at most."


def _sending(record: JobRecord, now: float) -> str:
    when = f"at {_clock(record.retry_at, now)}" if record.retry_at and record.retry_at > now else "when a slot is free"
    return f"The paid call leaves {when}; it is given up at {_clock(record.deadline_at, now)}."


def _settling(record: JobRecord, timing: Timing | None, now: float) -> str:
    """Say why a lost call waits, and until when."""
    settles_at = actions.settles_at(record, timing) if timing is not None else None
    why = "The vendor's list tells whether it was accepted"
    if settles_at is None:
        return f"{why}; it is sent again only after proof that it was not."
    if now < settles_at:
        return f"{why}. It may turn up late there: its absence can be proved from {_clock(settles_at, now)} on."
    missing = _PROOFS - len(record.absent_since)
    lists = "one more list" if missing == 1 else f"{missing} more lists"
    return f"{why}. Its time to turn up is over: {lists} without it prove that it was not."


def _clock(moment: float, now: float) -> str:
    there, today = time.localtime(moment), time.localtime(now)
    return time.strftime("%H:%M:%S" if there[:3] == today[:3] else "%Y-%m-%d %H:%M", there)
