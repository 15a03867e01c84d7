"""What happens next to a job, in words, for each state; and when, where that is known."""

import time
from dataclasses import replace

import pytest

from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.requests import FramesRequest
from pixverse_nb.jobs.messages import coming

NOON = time.mktime((2026, 5, 4, 12, 0, 0, 0, 0, -1))
TIMING = Timing()
JOB = JobRecord(
    ref="pv-1",
    service="s",
    request=FramesRequest(first="a", last="b", seed=1),
    created_at=NOON,
    deadline_at=NOON + 1800,
)
LOST = replace(JOB, state=JobState.UNKNOWN, charged="unknown", unknown_since=NOON, send_deadline=NOON + 20, attempt=1)


def said(record: JobRecord, *, now: float = NOON, timing: Timing | None = TIMING, is_resting: bool = False) -> str:
    """Return what comes next."""
    return coming(record, timing=timing, now=now, is_resting=is_resting)


@pytest.mark.parametrize("state", list(JobState))
@pytest.mark.parametrize("timing", [TIMING, None])
def test_every_open_state_has_its_words(state: JobState, timing: Timing | None) -> None:
    """A job that is not over always says what comes next."""
    text = said(replace(JOB, state=state), timing=timing)
    assert text or state.is_final


def test_a_lost_call_says_why_it_waits_and_until_when() -> None:
    """Before the settle window ends its end is named; afterwards, how many lists are wanting; never without reason."""
    assert said(LOST).endswith("It may turn up late there: its absence can be proved from 12:03:20 on.")
    late = NOON + 201
    assert "2 more lists without it prove that it was not." in said(LOST, now=late)
    assert "one more list without it" in said(replace(LOST, missing_poll_starts=(late,)), now=late)
    assert said(LOST, timing=None).endswith("it is sent again only after proof that it was not.")


def test_a_job_on_its_way_is_not_told_as_lost() -> None:
    """Of an accepted job it is said until when the list is asked, not that anything is looked for."""
    for state in (JobState.QUEUED, JobState.GENERATING):
        assert said(replace(JOB, state=state)) == "The vendor's list is asked until 12:30:00 at most."


def test_a_question_is_for_a_person() -> None:
    """Where only a person can decide, both choices are named in place of a time."""
    text = said(replace(LOST, pending_question="Was it paid?"))
    assert "decide(was_charged=True)" in text
    assert "decide(was_charged=False)" in text


def test_a_waiting_call_names_its_moments() -> None:
    """The next try, or a free slot, and the end of the patience; tomorrow's moments bear their date."""
    waiting = replace(JOB, state=JobState.WAITING)
    assert said(replace(waiting, retry_at=NOON + 12)) == "The paid call leaves at 12:00:12; it is given up at 12:30:00."
    assert said(waiting).startswith("The paid call leaves when a slot is free;")
    assert said(replace(waiting, deadline_at=NOON + 86400)).endswith("2026-05-05 12:00.")


def test_what_rests_says_how_it_goes_on() -> None:
    """A job that was never sent, one that is stopped and one that timed out name the line that goes on."""
    for record in (JOB, replace(JOB, blocked=True), replace(JOB, state=JobState.TIMED_OUT)):
        assert 'client.job("pv-1")' in said(record, is_resting=True)
