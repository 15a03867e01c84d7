"""A job's history and the next step in plain sentences."""

from dataclasses import replace

import pytest

from pixverse_nb.domain.jobs import JobState, StoredVideo
from pixverse_nb.domain.remote import RemoteState
from pixverse_nb.jobs import events
from pixverse_nb.jobs.messages import suggested_action, told
from pixverse_nb.jobs.transitions import advance
from tests.factories import EMAIL, NOW, TOKEN, a_record, a_row, a_video_id

WAITING = a_record(state=JobState.WAITING, first_path="upload/1", last_path="upload/2")
SENT = advance(WAITING, events.IntentRecorded(NOW, NOW + 60, "me"))
LOST = advance(SENT, events.ResponseLost(NOW + 5, "cut"))
RUNNING = advance(SENT, events.CallAccepted(NOW + 5, a_video_id(), EMAIL, 60))

LINES: list[tuple[events.Event, object, str]] = [
    (events.UploadStarted(NOW), a_record(), "uploading the pictures"),
    (
        events.PicturesUploaded(NOW, "a", "b", None),
        a_record(state=JobState.UPLOADING),
        "both pictures are at the vendor",
    ),
    (events.AccountSwitched(NOW, EMAIL), WAITING, "another account has room: it goes there"),
    (events.IntentRecorded(NOW, NOW + 60, "me"), replace(WAITING, attempt=2), "paid call 3 is about to leave"),
    (events.CallAccepted(NOW, a_video_id(), EMAIL, 60), SENT, "accepted by the vendor: paid"),
    (events.CallRefused(NOW, "APIError", "No.", attempt=1), SENT, "refused, nothing paid: No."),
    (events.CallPostponed(NOW, NOW + 9, "Busy.", attempt=1), SENT, "not accepted, nothing paid: Busy."),
    (
        events.ResponseLost(NOW, "cut"),
        SENT,
        "no answer to the paid call (cut); checking the vendor's list, never sending it again blindly",
    ),
    (events.ListedInPoll(NOW, NOW, a_row(RemoteState.QUEUED)), RUNNING, "the vendor's list shows it queued"),
    (events.ListedInPoll(NOW, NOW, a_row()), RUNNING, "the vendor's list shows it generating"),
    (events.MissingFromPoll(NOW + 9000, NOW + 9000, 180.0), LOST, "not in the vendor's list"),
    (
        events.MissingFromPoll(NOW + 9009, NOW + 9008, 180.0),
        replace(LOST, missing_poll_starts=(NOW + 9000,)),
        "proved: never accepted, not paid",
    ),
    (
        events.UnexplainedDebit(NOW, 60),
        LOST,
        (
            "The vendor lists no such generation, but the balance fell by 60 credits that nothing else explains. "
            "Was this call paid?"
        ),
    ),
    (
        events.AmbiguousMatch(NOW, "user:1-maria@example.com-v:1001"),
        LOST,
        (
            "The vendor lists a generation (number 1001) with the seed of this lost call, but what else it tells of it "
            "differs in part. Is it this one, so that this call was paid?"
        ),
    ),
    (
        events.ResolvedByUser(NOW, was_charged=True),
        replace(LOST, pending_question="Was it paid?"),
        "decided by a person: the lost call was paid",
    ),
    (
        events.ResolvedByUser(NOW, was_charged=False),
        replace(LOST, pending_question="Was it paid?"),
        "decided by a person: the lost call was not paid",
    ),
    (events.FileLost(NOW, "It is gone."), replace(RUNNING, state=JobState.DONE), "It is gone."),
    (
        events.Downloaded(NOW, StoredVideo("videos/1.mp4", "ff", 1)),
        replace(RUNNING, state=JobState.DOWNLOADING),
        "downloaded, checked and stored",
    ),
    (events.WarningRaised(NOW, "No network."), RUNNING, "No network."),
    (
        events.DeadlinePassed(NOW),
        RUNNING,
        "The video was not ready in time; it is paid and can be taken up again.",
    ),
    (events.CancelAsked(NOW), WAITING, "Cancelled before it was sent; nothing was paid."),
    (events.Resumed(NOW, "me", NOW + 9), replace(RUNNING, state=JobState.TIMED_OUT), "taken up again"),
]


@pytest.mark.parametrize(("event", "before", "line"), LINES, ids=[line for *_, line in LINES])
def test_each_event_has_its_line(event: events.Event, before: object, line: str) -> None:
    """What happened stands in the history as one plain line."""
    assert told(event, advance(before, event)) == line  # type: ignore[arg-type]  # records, told by their line


def test_no_event_is_without_a_line() -> None:
    """Every kind of event is told."""
    assert {type(event) for event, *_ in LINES} == set(events.Event.__args__)


def test_the_history_is_masked() -> None:
    """What the vendor or the network says is stored without account and token."""
    line = told(events.CallPostponed(NOW, NOW, f"Account {EMAIL} is busy; {TOKEN}", attempt=1), SENT)
    assert "maria" not in line
    assert "r8x" not in line


@pytest.mark.parametrize(
    ("state", "charged", "is_resting", "words"),
    [
        (JobState.TIMED_OUT, "no", False, 'client.job("pv-cell-0001") takes it up again.'),
        (JobState.TIMED_OUT, "yes", False, "Nothing is paid again."),
        (JobState.TIMED_OUT, "unknown", False, "Nothing is paid again."),
        (JobState.CANCELLED, "yes", False, ".resume() goes on waiting for it; nothing is paid again."),
        (JobState.CANCELLED, "unknown", False, ".resume()"),
        (JobState.CANCELLED, "no", False, None),
        (JobState.UNKNOWN, "unknown", False, "It is not sent again before that."),
        (JobState.FAILED, "unknown", False, "The same call makes a new, paid try."),
        (JobState.WAITING, "no", True, 'It was never sent; client.job("pv-cell-0001") sends it.'),
        (JobState.PLANNED, "no", False, None),
        (JobState.GENERATING, "yes", False, None),
        (JobState.DONE, "yes", False, None),
    ],
)
def test_the_next_step(state: JobState, charged: str, is_resting: bool, words: str | None) -> None:
    """A person is told what can be done, and what it costs; where nothing is to be done, nothing is said."""
    step = suggested_action(a_record(state=state, charged=charged), is_resting=is_resting)
    if words is None:
        assert step is None
    else:
        assert words in str(step)


def test_a_parked_job_can_be_mended() -> None:
    """What only a person can mend says so, and that going on pays nothing again."""
    step = suggested_action(a_record(state=JobState.DOWNLOADING, blocked=True), is_resting=True)
    assert step == 'Mend that, then client.job("pv-cell-0001") goes on; nothing is paid again.'
