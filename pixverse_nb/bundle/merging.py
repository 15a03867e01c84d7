"""What a job of a bundle means beside what this home knows: pure, and never less paid than before.

A job that this home knows already stays as it is, unless the bundle knows of a payment, or has the finished video. One
that was never sent where it comes from is not sent here by itself: the other machine may still do so.
"""

from dataclasses import replace
from typing import Final

from pixverse_nb.jobs import events
from pixverse_nb.jobs.states import advance
from pixverse_nb.models import FINAL_STATES, JobState
from pixverse_nb.record import JobRecord

ARRIVED: Final = "came in a bundle from another machine"
_SENT_THERE: Final = "it was sent from another machine"


def arrived(theirs: JobRecord, *, at: float, deadline_at: float) -> JobRecord:
    """Return a job of a bundle as this home keeps it: facts as they are, open questions settled from here.

    `at` is now; an open job that was paid, or may have been, is waited for until `deadline_at`.
    """
    record = replace(theirs, version=0, owner="", budget_credits=None, retry_at=None)
    if record.state in (JobState.SUBMITTING, JobState.UNKNOWN):
        # the other machine may be sending it at this moment: absence is proved from now on
        record = advance(record, events.AnswerLost(at, _SENT_THERE))
    if record.state not in FINAL_STATES and record.charged != "no":
        record = advance(record, events.TakenUp(at, "", deadline_at))
    return replace(record, imported=record.video_id is None and record.state is not JobState.DONE)


def merged(ours: JobRecord | None, theirs: JobRecord, *, at: float, deadline_at: float) -> JobRecord | None:
    """Return what to store for a job of a bundle, or None where what is here stays as it is."""
    if ours is None:
        return arrived(theirs, at=at, deadline_at=deadline_at)
    if ours.video_id is not None and theirs.video_id not in (None, ours.video_id):
        told = advance(ours, events.CallAccepted(at, str(theirs.video_id), theirs.account, theirs.cost_credits))
        return told if told != ours else None  # a second payment: said, and both are kept
    if not _knows_more(ours, theirs):
        return None
    taken = arrived(theirs, at=at, deadline_at=deadline_at)
    notices = tuple(dict.fromkeys((*ours.notices, *taken.notices)))
    return replace(taken, version=ours.version, budget_credits=ours.budget_credits, notices=notices)


def _knows_more(ours: JobRecord, theirs: JobRecord) -> bool:
    """Tell whether theirs has the finished video, or a payment that ours does not know of."""
    if ours.state is JobState.DONE:
        return False
    if ours.video_id is not None:
        return theirs.state is JobState.DONE
    is_same_call = ours.intent_at == theirs.intent_at
    if ours.state in (JobState.SUBMITTING, JobState.UNKNOWN) and not is_same_call:
        return False  # a call of our own is open: the vendor's list settles that first
    if theirs.video_id is not None or theirs.state is JobState.DONE:
        return True
    return theirs.charged != "no" and (theirs.intent_at or 0.0) > (ours.intent_at or 0.0)
