"""Merging an imported job with ours: no payment or video is lost, and nothing is sent."""

from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.archive.transfer import merge_job, normalize_imported
from pixverse_nb.domain.jobs import FINAL_STATES, JobRecord, JobState, StoredVideo
from pixverse_nb.domain.notices import Notice
from pixverse_nb.jobs.events import MissingFromPoll, Resumed
from pixverse_nb.jobs.transitions import (
    Download,
    Idle,
    WaitForPoll,
    advance,
    is_unsent,
    needs_confirmation,
    next_action,
)
from tests.factories import NOW, a_record, a_video_id, some_inputs

LATER = NOW + 10_000  # the time of the import: every deadline of the other machine has passed
VIDEO = StoredVideo("videos/pv-cell-0001.mp4", "ff", 9)
SENT: dict[str, Any] = {
    "attempt": 1,
    "intent_at": NOW + 5,
    "send_deadline": NOW + 65,
    "charged": "unknown",
    "owner": "theirs",
}
PAID: dict[str, Any] = {**SENT, "charged": "yes", "video_id": a_video_id(), "submitted_at": NOW + 6}
FIELDS: dict[JobState, dict[str, Any]] = {
    JobState.PLANNED: {},
    JobState.UPLOADING: {},
    JobState.WAITING: {"inputs": some_inputs("upload/1", "upload/2")},
    JobState.SUBMITTING: SENT,
    JobState.UNKNOWN: {**SENT, "unknown_since": NOW + 9, "missing_poll_starts": (NOW + 300,)},
    JobState.QUEUED: PAID,
    JobState.GENERATING: PAID,
    JobState.DOWNLOADING: {**PAID, "url": "https://media.example.org/1.mp4"},
    JobState.DONE: {**PAID, "url": "https://media.example.org/1.mp4", "video": VIDEO},
    JobState.FAILED: {**PAID, "charged": "unknown"},
    JobState.MODERATED: {**PAID, "charged": "no"},
    JobState.REFUSED: {"attempt": 1, "intent_at": NOW + 5, "error": Notice("JobRefused", {"detail": "no"})},
    JobState.CANCELLED: {},
    JobState.TIMED_OUT: {},
}
WEIGHT = {"no": 0, "unknown": 1, "yes": 2}


def a_job(state: JobState, **changes: Any) -> JobRecord:
    """A job in this state as the other machine exported it."""
    return replace(a_record(state=state, version=7, **FIELDS[state]), **changes)


def import_new(theirs: JobRecord) -> JobRecord:
    """Import a job that this home does not have."""
    return normalize_imported(theirs, at=LATER, deadline_at=LATER + 1800)


def import_known(ours: JobRecord, theirs: JobRecord) -> JobRecord:
    """Import a job that this home has already."""
    return merge_job(ours, theirs, at=LATER, deadline_at=LATER + 1800) or ours


def next_here(record: JobRecord, *, is_requested: bool = True) -> object:
    """Return the next action of this home for the job."""
    return next_action(record, now=LATER + 1, owner="us", is_requested=is_requested)


@pytest.mark.parametrize("state", list(JobState))
def test_a_new_job_keeps_its_facts(state: JobState) -> None:
    """Charges, results and errors are imported unchanged; only the owner and the deadline are ours."""
    theirs = a_job(state)
    ours = import_new(theirs)
    for name in (
        "ref",
        "request",
        "created_at",
        "video_id",
        "video",
        "charged",
        "attempt",
        "intent_at",
        "url",
        "error",
    ):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert (ours.version, ours.owner) == (0, "")
    assert (ours.state in FINAL_STATES) is (state in FINAL_STATES)


@pytest.mark.parametrize("state", [JobState.PLANNED, JobState.UPLOADING, JobState.WAITING])
def test_an_unsent_job_waits_for_resume(state: JobState) -> None:
    """A job that was never sent is not sent from here until it is resumed: its first machine may still send it."""
    ours = import_new(a_job(state, deadline_at=LATER + 99))
    assert next_here(ours) == Idle()
    assert needs_confirmation(ours)
    freed = advance(ours, Resumed(LATER, "us", LATER + 1800))
    assert not needs_confirmation(freed)
    assert next_here(freed) != Idle()
    assert next_here(freed, is_requested=False) == Idle()


@pytest.mark.parametrize("state", [JobState.SUBMITTING, JobState.UNKNOWN])
def test_an_open_call_is_reconciled_but_not_sent(state: JobState) -> None:
    """A call that may have been accepted gets a new settle window; if it proves absent, it is not sent from here."""
    ours = import_new(a_job(state))
    assert (ours.state, ours.unknown_since, ours.missing_poll_starts) == (JobState.UNKNOWN, LATER, ())
    assert next_here(ours) == WaitForPoll()
    resumed = advance(ours, Resumed(LATER, "us", LATER + 1800))  # a look at it does not free it before the proof
    for listed in (LATER + 181, LATER + 182):
        resumed = advance(resumed, MissingFromPoll(listed, listed, 180))
    assert is_unsent(resumed)
    assert next_here(resumed) == Idle()


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (JobState.QUEUED, WaitForPoll()),
        (JobState.GENERATING, WaitForPoll()),
        (JobState.DOWNLOADING, Download()),
        (JobState.DONE, Idle()),
    ],
)
def test_a_paid_job_continues_here(state: JobState, action: object) -> None:
    """A paid job is polled and downloaded here with a new deadline, even if it was blocked on the other machine."""
    assert next_here(import_new(a_job(state)), is_requested=False) == action
    assert next_here(import_new(a_job(state, blocked=state not in FINAL_STATES)), is_requested=False) == action


@pytest.mark.parametrize("theirs", list(JobState))
@pytest.mark.parametrize("ours", list(JobState))
def test_no_merge_loses_a_payment(ours: JobState, theirs: JobState) -> None:
    """For every pair of states, a known video id and a finished video are kept, and a paid job never becomes unpaid."""
    before = a_job(ours)
    after = import_known(before, a_job(theirs))
    assert after.version == before.version
    assert before.video_id is None or after.video_id == before.video_id
    assert before.video is None or after.video == before.video
    assert WEIGHT[after.charged] >= WEIGHT[before.charged] or after.state is JobState.MODERATED
    if before.state is JobState.DONE or theirs in (JobState.PLANNED, JobState.UPLOADING, JobState.WAITING):
        assert after == before


def test_a_finished_video_is_taken() -> None:
    """If theirs is done and ours is not, ours becomes done."""
    assert import_known(a_job(JobState.GENERATING), a_job(JobState.DONE)).state is JobState.DONE
    assert import_known(a_job(JobState.TIMED_OUT), a_job(JobState.DONE)).video == VIDEO


def test_their_payment_stops_our_submission() -> None:
    """A job that waits here and was or may have been accepted there is not sent from here."""
    after = import_known(a_job(JobState.WAITING), a_job(JobState.QUEUED))
    assert (after.state, after.video_id, after.charged) == (JobState.QUEUED, a_video_id(), "yes")
    unsure = import_known(a_job(JobState.WAITING), a_job(JobState.UNKNOWN))
    assert (unsure.state, unsure.charged) == (JobState.UNKNOWN, "unknown")


def test_an_older_call_does_not_reopen_a_settled_one() -> None:
    """Their open call changes nothing if we have proved it absent or have made a later one."""
    settled = a_job(JobState.WAITING, attempt=1, intent_at=NOW + 5)
    assert import_known(settled, a_job(JobState.UNKNOWN)) == settled
    later = a_job(JobState.WAITING, attempt=2, intent_at=NOW + 500)
    assert import_known(later, a_job(JobState.UNKNOWN)) == later


def test_our_own_open_call_is_reconciled_first() -> None:
    """Another call of theirs does not replace our open one; their answer to the same call does."""
    own = a_job(JobState.UNKNOWN, intent_at=NOW + 77)
    assert import_known(own, a_job(JobState.DONE)) == own
    assert import_known(a_job(JobState.UNKNOWN), a_job(JobState.QUEUED)).video_id == a_video_id()


def test_a_second_payment_is_noted() -> None:
    """If both machines paid, ours is kept with a notice, once."""
    ours, theirs = a_job(JobState.DONE), a_job(JobState.DONE, video_id=a_video_id(2))
    after = import_known(ours, theirs)
    assert (after.video_id, after.state) == (a_video_id(), JobState.DONE)
    assert after.notices[-1] == Notice("charged_twice")
    assert import_known(after, theirs) == after


def test_our_budget_and_notices_stay() -> None:
    """Our budget and our notices are kept; their budget is dropped."""
    ours = a_job(JobState.WAITING, budget_credits=100, notices=(Notice("ours"),))
    after = import_known(ours, a_job(JobState.DONE, budget_credits=5, notices=(Notice("theirs"),)))
    assert (after.budget_credits, after.notices) == (100, (Notice("ours"), Notice("theirs")))
    assert import_new(a_job(JobState.DONE, budget_credits=5)).budget_credits is None
