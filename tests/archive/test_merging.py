"""What a job of a bundle means beside what is here: facts are added, a payment is never forgotten, nothing is sent."""

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

LATER = NOW + 10_000  # when the bundle is taken in: every deadline of the other machine has passed
FILM = StoredVideo("videos/pv-cell-0001.mp4", "ff", 9)
SENT: dict[str, Any] = {
    "attempt": 1,
    "intent_at": NOW + 5,
    "send_deadline": NOW + 65,
    "charged": "unknown",
    "owner": "them",
}
PAID: dict[str, Any] = {**SENT, "charged": "yes", "video_id": a_video_id(), "submitted_at": NOW + 6}
LIVES: dict[JobState, dict[str, Any]] = {
    JobState.PLANNED: {},
    JobState.UPLOADING: {},
    JobState.WAITING: {"inputs": some_inputs("upload/1", "upload/2")},
    JobState.SUBMITTING: SENT,
    JobState.UNKNOWN: {**SENT, "unknown_since": NOW + 9, "missing_poll_starts": (NOW + 300,)},
    JobState.QUEUED: PAID,
    JobState.GENERATING: PAID,
    JobState.DOWNLOADING: {**PAID, "url": "https://media.example.org/1.mp4"},
    JobState.DONE: {**PAID, "url": "https://media.example.org/1.mp4", "video": FILM},
    JobState.FAILED: {**PAID, "charged": "unknown"},
    JobState.MODERATED: {**PAID, "charged": "no"},
    JobState.REFUSED: {"attempt": 1, "intent_at": NOW + 5, "error": "no"},
    JobState.CANCELLED: {},
    JobState.TIMED_OUT: {},
}
WEIGHT = {"no": 0, "unknown": 1, "yes": 2}


def a_job(state: JobState, **changes: Any) -> JobRecord:
    """A job as the other machine packed it."""
    return replace(a_record(state=state, version=7, **LIVES[state]), **changes)


def come(theirs: JobRecord) -> JobRecord:
    """Take a job in that is not here yet."""
    return normalize_imported(theirs, at=LATER, deadline_at=LATER + 1800)


def joined(ours: JobRecord, theirs: JobRecord) -> JobRecord:
    """Take a job in that is here already."""
    return merge_job(ours, theirs, at=LATER, deadline_at=LATER + 1800) or ours


def next_of(record: JobRecord, *, is_wanted: bool = True) -> object:
    """Return what this home does for the job next."""
    return next_action(record, now=LATER + 1, owner="us", is_wanted=is_wanted)


@pytest.mark.parametrize("state", list(JobState))
def test_the_facts_arrive_as_they_are(state: JobState) -> None:
    """What was paid, made and refused is the same here; only who acts, and until when, is ours."""
    theirs = a_job(state)
    ours = come(theirs)
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
def test_what_was_never_sent_is_not_sent_here(state: JobState) -> None:
    """However much it is wanted here, it rests: the machine it comes from may send it. Taking it up frees it."""
    ours = come(a_job(state, deadline_at=LATER + 99))
    assert next_of(ours) == Idle()
    assert needs_confirmation(ours)
    freed = advance(ours, Resumed(LATER, "us", LATER + 1800))
    assert not needs_confirmation(freed)
    assert next_of(freed) != Idle()
    assert next_of(freed, is_wanted=False) == Idle()


@pytest.mark.parametrize("state", [JobState.SUBMITTING, JobState.UNKNOWN])
def test_an_open_question_is_settled_from_here_without_sending(state: JobState) -> None:
    """A call that was under way is looked for; proved absent after a whole new settle window, it still is not sent."""
    ours = come(a_job(state))
    assert (ours.state, ours.unknown_since, ours.missing_poll_starts) == (JobState.UNKNOWN, LATER, ())
    assert next_of(ours) == WaitForPoll()
    taken_up = advance(ours, Resumed(LATER, "us", LATER + 1800))  # a look at it does not free it before the proof
    for listed in (LATER + 181, LATER + 182):
        taken_up = advance(taken_up, MissingFromPoll(listed, listed, 180))
    assert is_unsent(taken_up)
    assert next_of(taken_up) == Idle()


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (JobState.QUEUED, WaitForPoll()),
        (JobState.GENERATING, WaitForPoll()),
        (JobState.DOWNLOADING, Download()),
        (JobState.DONE, Idle()),
    ],
)
def test_what_is_paid_is_watched_and_fetched_here_too(state: JobState, action: object) -> None:
    """A paid job goes on here unasked, with a new deadline; one that stood still on their disk too."""
    assert next_of(come(a_job(state)), is_wanted=False) == action
    assert next_of(come(a_job(state, blocked=state not in FINAL_STATES)), is_wanted=False) == action


@pytest.mark.parametrize("theirs", list(JobState))
@pytest.mark.parametrize("ours", list(JobState))
def test_no_pair_forgets_a_payment(ours: JobState, theirs: JobState) -> None:
    """Whatever meets: an id that was known stays, a finished video stays, and a paid job never becomes unpaid."""
    before = a_job(ours)
    after = joined(before, a_job(theirs))
    assert after.version == before.version
    assert before.video_id is None or after.video_id == before.video_id
    assert before.video is None or after.video == before.video
    assert WEIGHT[after.charged] >= WEIGHT[before.charged] or after.state is JobState.MODERATED
    if before.state is JobState.DONE or theirs in (JobState.PLANNED, JobState.UPLOADING, JobState.WAITING):
        assert after == before


def test_a_finished_video_ends_the_waiting() -> None:
    """Where ours is still waited for and theirs is done, it is done here."""
    assert joined(a_job(JobState.GENERATING), a_job(JobState.DONE)).state is JobState.DONE
    assert joined(a_job(JobState.TIMED_OUT), a_job(JobState.DONE)).video == FILM


def test_a_payment_stops_our_own_sending() -> None:
    """A job that waits to be sent here, and was sent there, is not sent any more."""
    after = joined(a_job(JobState.WAITING), a_job(JobState.QUEUED))
    assert (after.state, after.video_id, after.charged) == (JobState.QUEUED, a_video_id(), "yes")
    unsure = joined(a_job(JobState.WAITING), a_job(JobState.UNKNOWN))
    assert (unsure.state, unsure.charged) == (JobState.UNKNOWN, "unknown")


def test_an_older_question_does_not_reopen_a_settled_one() -> None:
    """A call of theirs that we have proved absent, or that is older than ours, changes nothing."""
    settled = a_job(JobState.WAITING, attempt=1, intent_at=NOW + 5)
    assert joined(settled, a_job(JobState.UNKNOWN)) == settled
    later = a_job(JobState.WAITING, attempt=2, intent_at=NOW + 500)
    assert joined(later, a_job(JobState.UNKNOWN)) == later


def test_our_own_open_call_is_settled_first() -> None:
    """While a call of ours may have been accepted, theirs does not hide it; when it is the same call, it answers it."""
    own = a_job(JobState.UNKNOWN, intent_at=NOW + 77)
    assert joined(own, a_job(JobState.DONE)) == own
    assert joined(a_job(JobState.UNKNOWN), a_job(JobState.QUEUED)).video_id == a_video_id()


def test_two_payments_are_said() -> None:
    """Where both machines paid, ours stays and a notice says that there are two."""
    ours, theirs = a_job(JobState.DONE), a_job(JobState.DONE, video_id=a_video_id(2))
    after = joined(ours, theirs)
    assert (after.video_id, after.state) == (a_video_id(), JobState.DONE)
    assert after.notices[-1] == Notice("charged_twice")
    assert joined(after, theirs) == after


def test_our_budget_and_notices_stay() -> None:
    """Their budget is not ours, and what was said here stays said."""
    ours = a_job(JobState.WAITING, budget_credits=100, notices=(Notice("ours"),))
    after = joined(ours, a_job(JobState.DONE, budget_credits=5, notices=(Notice("theirs"),)))
    assert (after.budget_credits, after.notices) == (100, (Notice("ours"), Notice("theirs")))
    assert come(a_job(JobState.DONE, budget_credits=5)).budget_credits is None
