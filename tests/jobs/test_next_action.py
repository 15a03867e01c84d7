"""What `transitions` decides about a record: its next action, and whether it can be sent, polled or resumed."""

from dataclasses import replace

import pytest

from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import FINAL_STATES, JobInput, JobRecord, JobState
from pixverse_nb.jobs.transitions import (
    Action,
    Download,
    Idle,
    SleepUntil,
    Submit,
    TimeOut,
    Upload,
    WaitForPoll,
    can_resume,
    holds_slot,
    is_unsent,
    may_be_sent,
    needs_polling,
    next_action,
    settle_deadline,
)
from tests.factories import NOW, a_record, some_inputs

LATE = NOW + 1800


def in_state(state: JobState, **changes: object) -> JobRecord:
    """A job of ours in `state`, its pictures uploaded, with `changes`."""
    return replace(a_record(state=state, inputs=some_inputs("upload/1", "upload/2")), **changes)  # type: ignore[arg-type]  # field names of this file


MINE: dict[JobState, Action] = {
    JobState.PLANNED: Upload(),
    JobState.UPLOADING: Upload(),
    JobState.WAITING: Submit(),
    JobState.SUBMITTING: WaitForPoll(),
    JobState.UNKNOWN: WaitForPoll(),
    JobState.QUEUED: WaitForPoll(),
    JobState.GENERATING: WaitForPoll(),
    JobState.DOWNLOADING: Download(),
    **dict.fromkeys(FINAL_STATES, Idle()),
}
UNSENT = (JobState.PLANNED, JobState.UPLOADING, JobState.WAITING)


@pytest.mark.parametrize("state", list(JobState))
def test_each_state_has_its_next_step(state: JobState) -> None:
    """For a job of our own with time left, the state decides."""
    assert next_action(in_state(state), now=NOW, owner="me", is_requested=True) == MINE[state]


@pytest.mark.parametrize("state", list(JobState))
def test_an_unsent_job_of_another_process_waits_for_a_request(state: JobState) -> None:
    """A job that another process left is polled and downloaded, but sent only on request."""
    expected = Idle() if state in UNSENT else MINE[state]
    assert next_action(in_state(state), now=NOW, owner="other", is_requested=False) == expected


@pytest.mark.parametrize("state", list(JobState))
def test_nothing_is_done_for_a_blocked_job(state: JobState) -> None:
    """A blocked job is idle until a person resumes it, also at its deadline."""
    for now in (NOW, LATE):
        assert next_action(in_state(state, blocked=True), now=now, owner="me", is_requested=True) == Idle()


@pytest.mark.parametrize("state", list(JobState))
def test_which_jobs_can_be_resumed(state: JobState) -> None:
    """A paused open job, one that timed out, and a cancelled one that was charged can be resumed; no other can."""
    paused = can_resume(in_state(state, blocked=True, charged="yes"), is_paused=True)
    assert paused is (not state.is_final or state in (JobState.TIMED_OUT, JobState.CANCELLED))
    running = can_resume(in_state(state, charged="yes"), is_paused=False)
    assert running is (state in (JobState.TIMED_OUT, JobState.CANCELLED))


def test_an_unpaid_cancelled_job_and_one_of_another_machine_cannot_be_resumed() -> None:
    """The first has cost nothing; the other machine may still send and pay the second."""
    assert not can_resume(in_state(JobState.CANCELLED, charged="no"), is_paused=False)
    assert not can_resume(in_state(JobState.WAITING, charged="no", imported=True), is_paused=True)


@pytest.mark.parametrize("state", list(JobState))
@pytest.mark.parametrize("owner", ["me", "other"])
def test_the_deadline_ends_the_waiting(state: JobState, owner: str) -> None:
    """At the deadline an open job times out, except a finished video and a call of ours without an answer yet."""
    expected: Action = TimeOut()
    if state is JobState.DOWNLOADING or state in FINAL_STATES:
        expected = MINE[state]
    elif state is JobState.SUBMITTING and owner == "me":
        expected = WaitForPoll()
    assert next_action(in_state(state), now=LATE, owner=owner, is_requested=True) == expected


def test_the_wait_after_a_429_is_kept() -> None:
    """Nothing is sent before retry_at, and the sleep ends at the deadline at the latest."""
    busy = in_state(JobState.WAITING, retry_at=NOW + 20)
    assert next_action(busy, now=NOW + 19, owner="me", is_requested=True) == SleepUntil(NOW + 20)
    assert next_action(busy, now=NOW + 20, owner="me", is_requested=True) == Submit()
    far = in_state(JobState.WAITING, retry_at=LATE + 500)
    assert next_action(far, now=NOW, owner="me", is_requested=True) == SleepUntil(LATE)


@pytest.mark.parametrize("inputs", [some_inputs(None, "upload/2"), some_inputs("upload/1", None)])
def test_both_pictures_are_needed_before_sending(inputs: tuple[JobInput, ...]) -> None:
    """A waiting job that lacks one picture, because its upload failed, uploads again instead of being sent."""
    assert next_action(in_state(JobState.WAITING, inputs=inputs), now=NOW, owner="me", is_requested=True) == Upload()


def test_which_states_are_unsent_polled_and_in_a_slot() -> None:
    """Each of the three is true for exactly these states."""
    sent = {JobState.SUBMITTING, JobState.UNKNOWN, JobState.QUEUED, JobState.GENERATING}
    assert {state for state in JobState if is_unsent(in_state(state))} == set(UNSENT)
    assert {state for state in JobState if needs_polling(in_state(state))} == sent
    assert {state for state in JobState if holds_slot(in_state(state))} == sent


def test_a_blocked_job_is_not_polled_but_holds_its_slot() -> None:
    """The vendor still works on it."""
    blocked = in_state(JobState.GENERATING, blocked=True)
    assert not needs_polling(blocked)
    assert holds_slot(blocked)


@pytest.mark.parametrize(
    ("state", "send_deadline", "sent"),
    [
        (JobState.SUBMITTING, NOW + 60, True),
        (JobState.SUBMITTING, NOW, False),
        (JobState.SUBMITTING, NOW - 1, False),
        (JobState.SUBMITTING, None, False),
        (JobState.UNKNOWN, NOW + 60, False),
        (JobState.WAITING, NOW + 60, False),
        (JobState.CANCELLED, NOW + 60, False),
    ],
)
def test_the_last_check_before_sending(state: JobState, send_deadline: float | None, sent: bool) -> None:
    """The paid call is sent only while its intent is the current one and its send deadline is not over."""
    assert may_be_sent(in_state(state, send_deadline=send_deadline), now=NOW) is sent


def test_settling_counts_from_the_latest_moment() -> None:
    """A list can prove absence settle_s after the loss or after the last moment to send, whichever is later."""
    timing = Timing()
    lost = in_state(JobState.UNKNOWN, unknown_since=NOW + 10, send_deadline=NOW + 60)
    assert settle_deadline(lost, timing) == NOW + 60 + 180
    assert settle_deadline(replace(lost, unknown_since=NOW + 500), timing) == NOW + 500 + 180
    assert settle_deadline(replace(lost, send_deadline=None), timing) == NOW + 10 + 180


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.UNKNOWN])
def test_nothing_else_settles(state: JobState) -> None:
    """Only an unknown outcome has a moment at which it settles."""
    assert settle_deadline(in_state(state, unknown_since=NOW), Timing()) is None


@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_withdrawn_lost_call_is_not_repeated(withdrawn: bool) -> None:
    """A lost call that another home has made since is looked for, also if the service takes a call twice for one."""
    record = in_state(JobState.UNKNOWN, withdrawn=withdrawn)
    step = next_action(record, now=NOW, owner="me", is_requested=True, can_repeat_call=True)
    assert step == (WaitForPoll() if withdrawn else Submit())
