"""What an event is called in a job's history, and what a person can do next: plain sentences, nothing else."""

import time

from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.jobs import events, transitions
from pixverse_nb.jobs.events import Event
from pixverse_nb.jobs.transitions import needs_confirmation
from pixverse_nb.redaction import redact


def told(event: Event, after: JobRecord) -> str:
    """Return one line for the job's history."""
    match event:
        case events.UploadStarted():
            text = "uploading the pictures"
        case events.PicturesUploaded():
            text = "both pictures are at the vendor"
        case events.AccountSwitched():
            text = "another account has room: it goes there"
        case events.IntentRecorded():
            text = f"paid call {after.attempt} is about to leave"
        case events.CallAccepted():
            text = "accepted by the vendor: paid"
        case events.CallRefused(text=said):
            text = f"refused, nothing paid: {said}"
        case events.CallPostponed(text=said):
            text = f"not accepted, nothing paid: {said}"
        case events.ResponseLost(reason=said):
            text = f"no answer to the paid call ({said}); checking the vendor's list, never sending it again blindly"
        case events.ListedInPoll():
            text = f"the vendor's list shows it {after.state.value}"
        case events.MissingFromPoll():
            text = "not in the vendor's list" if after.state is JobState.UNKNOWN else "proved: never accepted, not paid"
        case events.UnexplainedDebit() | events.AmbiguousMatch():
            text = after.pending_question or "it was looked at"
        case events.ResolvedByUser(was_charged=was_charged):
            text = f"decided by a person: the lost call was {'' if was_charged else 'not '}paid"
        case events.Downloaded():
            text = "downloaded, checked and stored"
        case events.FileLost(text=said):
            text = said
        case events.WarningRaised(text=said):
            text = said
        case events.DeadlinePassed() | events.CancelAsked():
            text = after.error or after.state.value
        case events.Resumed():
            text = "taken up again"
    return redact(text)


def suggested_action(record: JobRecord, *, is_resting: bool) -> str | None:
    """Return what a person can do now, or None where nothing is to be done."""
    again = f'client.job("{record.ref}")'
    state = record.state
    if needs_confirmation(record):
        return (
            f"It came in a bundle and the machine it comes from may still send it; {again}.resume() sends it from here."
        )
    if state is JobState.DONE and record.error is not None:
        return f"{again} asks the vendor again; nothing is paid again."
    if record.blocked:
        return f"Mend that, then {again} goes on; nothing is paid again."
    if state is JobState.TIMED_OUT:
        return f"{again} takes it up again." + ("" if record.charged == "no" else " Nothing is paid again.")
    if state is JobState.CANCELLED and record.charged != "no":
        return f"{again}.resume() goes on waiting for it; nothing is paid again."
    if record.pending_question is not None and record.candidate_video_id is not None:
        return (
            f"{again}.resolve(was_charged=True) takes that one and its video; {again}.resolve(was_charged=False) sends the "
            "call again, which pays anew. Until then it is not sent."
        )
    if record.pending_question is not None:
        return (
            f"{again}.resolve(was_charged=True) keeps it as paid and ends the search; "
            f"{again}.resolve(was_charged=False) sends it again, which pays anew. Until then it is looked for and not sent."
        )
    if state is JobState.UNKNOWN:
        return "Nothing to do: the vendor's list settles it. It is not sent again before that."
    if state is JobState.FAILED:
        return "The same call makes a new, paid try."
    if is_resting:
        return f"It was never sent; {again} sends it."
    return None


_PROOFS = 2


def coming(record: JobRecord, *, timing: Timing | None, now: float, is_resting: bool) -> str:
    """Return what is going to happen, with the moment where one is known; empty where the job is over for good.

    `timing` None leaves the moments out (the pace of another process is not known); `now` is in Unix seconds.
    """
    needs_a_person = record.state.is_final or record.blocked or record.pending_question is not None or is_resting
    if needs_a_person:
        return suggested_action(record, is_resting=is_resting) or ""
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
    settle_deadline = transitions.settle_deadline(record, timing) if timing is not None else None
    why = "The vendor's list tells whether it was accepted"
    if settle_deadline is None:
        return f"{why}; it is sent again only after proof that it was not."
    if now < settle_deadline:
        return f"{why}. It may turn up late there: its absence can be proved from {_clock(settle_deadline, now)} on."
    missing = _PROOFS - len(record.missing_poll_starts)
    lists = "one more list" if missing == 1 else f"{missing} more lists"
    return f"{why}. Its time to turn up is over: {lists} without it prove that it was not."


def _clock(moment: float, now: float) -> str:
    there, today = time.localtime(moment), time.localtime(now)
    return time.strftime("%H:%M:%S" if there[:3] == today[:3] else "%Y-%m-%d %H:%M", there)
