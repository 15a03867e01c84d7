"""The job state machine: each event in each state, and the rules about charges."""

from dataclasses import replace

import pytest

from pixverse_nb.domain.jobs import FINAL_STATES, JobRecord, JobState, StoredVideo
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.remote import RemoteState
from pixverse_nb.jobs.events import (
    AccountSwitched,
    AmbiguousMatch,
    CallAccepted,
    CallPostponed,
    CallRefused,
    CancelRequested,
    DeadlinePassed,
    Downloaded,
    Event,
    FileLost,
    InputsUploaded,
    IntentRecorded,
    ListedInPoll,
    MissingFromPoll,
    PriceDiscounted,
    PriceQuoted,
    RefundChecked,
    ResolvedByUser,
    ResponseLost,
    Resumed,
    UnexplainedDebit,
    UploadStarted,
    WarningRaised,
    Withdrawn,
)
from pixverse_nb.jobs.transitions import advance, is_only_for_payer
from tests.factories import EMAIL, NOW, a_record, a_row, a_video_id, some_inputs

SETTLE_S = 180.0
SEND_BY = NOW + 63
LOST_AT = NOW + 10
STORED_VIDEO = StoredVideo("videos/one.mp4", "ff", 1000)

INTENT = IntentRecorded(NOW + 3, send_deadline=SEND_BY, owner="me")
ACCEPTED = CallAccepted(NOW + 5, a_video_id(), EMAIL, 60)
LOST = ResponseLost(LOST_AT, "no_answer")
DONE_ROW = ListedInPoll(NOW + 80, NOW + 79, a_row(RemoteState.COMPLETED))


def job_after(*events: Event) -> JobRecord:
    """Return a job after `events`."""
    record = a_record()
    for event in events:
        after = advance(record, event)
        assert after != record, f"{event} did nothing in {record.state}"
        record = after
    return record


UPLOADED = (UploadStarted(NOW + 1), InputsUploaded(NOW + 2, {"first": "upload/1", "last": "upload/2"}, None))
# One natural way into each state.
PATHS: dict[JobState, tuple[Event, ...]] = {
    JobState.PLANNED: (),
    JobState.UPLOADING: UPLOADED[:1],
    JobState.WAITING: UPLOADED,
    JobState.SUBMITTING: (*UPLOADED, INTENT),
    JobState.UNKNOWN: (*UPLOADED, INTENT, LOST),
    JobState.QUEUED: (*UPLOADED, INTENT, ACCEPTED),
    JobState.GENERATING: (*UPLOADED, INTENT, ACCEPTED, ListedInPoll(NOW + 20, NOW + 19, a_row())),
    JobState.DOWNLOADING: (*UPLOADED, INTENT, ACCEPTED, DONE_ROW),
    JobState.DONE: (*UPLOADED, INTENT, ACCEPTED, DONE_ROW, Downloaded(NOW + 90, STORED_VIDEO)),
    JobState.FAILED: (*UPLOADED, INTENT, ACCEPTED, ListedInPoll(NOW + 20, NOW + 19, a_row(RemoteState.FAILED))),
    JobState.MODERATED: (*UPLOADED, INTENT, ACCEPTED, ListedInPoll(NOW + 20, NOW + 19, a_row(RemoteState.MODERATED))),
    JobState.REFUSED: (
        *UPLOADED,
        INTENT,
        CallRefused(NOW + 5, Notice("OutOfCredits", {"detail": "No credits."}), attempt=1),
    ),
    JobState.CANCELLED: (*UPLOADED, INTENT, ACCEPTED, CancelRequested(NOW + 30)),
    JobState.TIMED_OUT: (*UPLOADED, INTENT, ACCEPTED, DeadlinePassed(NOW + 1800)),
}
OPEN = [state for state in JobState if state not in FINAL_STATES]
BEFORE_SENDING = [JobState.PLANNED, JobState.UPLOADING, JobState.WAITING]
ON_THE_LIST = [JobState.SUBMITTING, JobState.UNKNOWN, JobState.QUEUED, JobState.GENERATING]


def test_every_state_has_a_life() -> None:
    """The paths of these tests reach every state."""
    assert PATHS.keys() == set(JobState)
    for state, life in PATHS.items():
        assert job_after(*life).state is state


# For each event: where it leads from each state; a state that is not named stays as it is.
TABLE: list[tuple[Event, dict[JobState, JobState]]] = [
    (
        UploadStarted(NOW + 100),
        {JobState.PLANNED: JobState.UPLOADING, JobState.WAITING: JobState.UPLOADING},
    ),
    (
        InputsUploaded(NOW + 100, {"first": "upload/3", "last": "upload/4"}, None),
        {JobState.UPLOADING: JobState.WAITING},
    ),
    (AccountSwitched(NOW + 100, "b@example.com"), {}),
    (PriceQuoted(NOW + 100, 30), {}),
    (PriceDiscounted(NOW + 100, 15), {}),
    (IntentRecorded(NOW + 100, SEND_BY + 100, "me"), {JobState.WAITING: JobState.SUBMITTING}),
    (
        replace(ACCEPTED, at=NOW + 100),
        dict.fromkeys((*BEFORE_SENDING, JobState.SUBMITTING, JobState.UNKNOWN), JobState.QUEUED),
    ),
    (
        CallRefused(NOW + 100, Notice("OutOfCredits", {"detail": "No."}), attempt=1),
        {
            JobState.WAITING: JobState.WAITING,  # of the attempt 0 there was no call
            JobState.SUBMITTING: JobState.REFUSED,
            JobState.UNKNOWN: JobState.REFUSED,
        },
    ),
    (
        CallRefused(NOW + 100, Notice("Moderated", {"detail": "No."}), attempt=1),
        {JobState.SUBMITTING: JobState.MODERATED, JobState.UNKNOWN: JobState.MODERATED},
    ),
    (
        CallRefused(NOW + 100, Notice("Unauthorized", {"detail": "No."})),
        dict.fromkeys(BEFORE_SENDING, JobState.REFUSED),
    ),
    (
        CallPostponed(NOW + 100, NOW + 120, Notice("Busy", {"detail": "Busy."}), attempt=1),
        {JobState.SUBMITTING: JobState.WAITING, JobState.UNKNOWN: JobState.WAITING},
    ),
    (
        CallPostponed(NOW + 100, NOW + 120, Notice("Busy", {"detail": "No network."})),
        dict.fromkeys(BEFORE_SENDING, JobState.WAITING),
    ),
    (ResponseLost(NOW + 100, "cut"), {JobState.SUBMITTING: JobState.UNKNOWN}),
    (
        ListedInPoll(NOW + 101, NOW + 100, a_row(RemoteState.QUEUED)),
        dict.fromkeys((*BEFORE_SENDING, *ON_THE_LIST, JobState.TIMED_OUT), JobState.QUEUED),
    ),
    (
        ListedInPoll(NOW + 101, NOW + 100, a_row(RemoteState.GENERATING)),
        dict.fromkeys((*BEFORE_SENDING, *ON_THE_LIST, JobState.TIMED_OUT), JobState.GENERATING),
    ),
    (
        ListedInPoll(NOW + 101, NOW + 100, a_row(RemoteState.UNRECOGNISED)),
        dict.fromkeys((*BEFORE_SENDING, *ON_THE_LIST, JobState.TIMED_OUT), JobState.GENERATING),
    ),
    (
        ListedInPoll(NOW + 101, NOW + 100, a_row(RemoteState.COMPLETED)),
        dict.fromkeys((*BEFORE_SENDING, *ON_THE_LIST, JobState.TIMED_OUT), JobState.DOWNLOADING),
    ),
    (
        ListedInPoll(NOW + 101, NOW + 100, a_row(RemoteState.FAILED)),
        dict.fromkeys((*BEFORE_SENDING, *ON_THE_LIST, JobState.TIMED_OUT), JobState.FAILED),
    ),
    (
        ListedInPoll(NOW + 101, NOW + 100, a_row(RemoteState.MODERATED)),
        dict.fromkeys((*BEFORE_SENDING, *ON_THE_LIST, JobState.TIMED_OUT), JobState.MODERATED),
    ),
    (MissingFromPoll(NOW + 9001, NOW + 9000, SETTLE_S), {}),  # one list alone proves nothing in any state
    (UnexplainedDebit(NOW + 100, 60), {}),
    (AmbiguousMatch(NOW + 100, a_video_id()), {}),
    (ResolvedByUser(NOW + 100, was_charged=True), {}),  # nothing was asked
    (ResolvedByUser(NOW + 100, was_charged=False), {}),
    (FileLost(NOW + 100, Notice("file_lost", {"detail": "gone"})), {}),  # there was no file of it before
    (
        Downloaded(NOW + 100, STORED_VIDEO),
        dict.fromkeys(JobState, JobState.DONE),
    ),  # the file is here, whatever was thought
    (WarningRaised(NOW + 100, Notice("DownloadError", {"detail": "No network."})), {}),
    (WarningRaised(NOW + 100, Notice("DownloadError", {"detail": "Disk full."}), blocks=True), {}),
    (
        DeadlinePassed(NOW + 1800),
        {state: JobState.TIMED_OUT for state in OPEN if state is not JobState.DOWNLOADING},
    ),
    (
        CancelRequested(NOW + 100),
        {state: JobState.CANCELLED for state in OPEN if state is not JobState.DOWNLOADING},
    ),
    (CancelRequested(NOW + 100, only_unsent=True), dict.fromkeys(BEFORE_SENDING, JobState.CANCELLED)),
    (Withdrawn(NOW + 100), dict.fromkeys(BEFORE_SENDING, JobState.CANCELLED)),
    (RefundChecked(NOW + 100, 60), {}),
    (
        Resumed(NOW + 2000, "me", NOW + 3800),
        {
            JobState.CANCELLED: JobState.GENERATING,
            JobState.TIMED_OUT: JobState.GENERATING,
            JobState.DONE: JobState.DOWNLOADING,
        },
    ),
]


@pytest.mark.parametrize("state", list(JobState))
@pytest.mark.parametrize(("event", "leads"), TABLE, ids=[type(event).__name__ for event, _ in TABLE])
def test_each_event_in_each_state(state: JobState, event: Event, leads: dict[JobState, JobState]) -> None:
    """Each event in each state leads to the state in the table."""
    assert advance(job_after(*PATHS[state]), event).state is leads.get(state, state)


def test_a_refund_is_noted_once() -> None:
    """Unknown changes nothing but the time of the look; once credits came back, a later look takes nothing back."""
    failed = job_after(*PATHS[JobState.FAILED])
    unknown = advance(failed, RefundChecked(NOW + 100, None))
    assert unknown == replace(failed, refund_checked_at=NOW + 100)
    not_yet = advance(unknown, RefundChecked(NOW + 200, 0))
    assert (not_yet.refund_credits, not_yet.charged) == (0, "yes")
    refunded = advance(not_yet, RefundChecked(NOW + 300, 60))
    assert (refunded.refund_credits, refunded.refund_source, refunded.charged) == (60, "balance", "no")
    assert advance(refunded, RefundChecked(NOW + 400, 0)) == refunded


def test_a_video_that_is_moderated_later_is_kept() -> None:
    """A finished job stays done, with one notice however often the list shows it; one that is downloading goes on."""
    seen = ListedInPoll(NOW + 200, NOW + 199, a_row(RemoteState.MODERATED))
    for state in (JobState.DONE, JobState.DOWNLOADING):
        after = advance(advance(job_after(*PATHS[state]), seen), seen)
        assert (after.state, [notice.kind for notice in after.notices]) == (state, ["moderated_afterwards"])


def test_a_refund_of_a_video_that_was_moderated_later_is_noted() -> None:
    """The job stays done and charged, with what came back; without that notice a finished job takes no refund."""
    done = job_after(*PATHS[JobState.DONE])
    assert advance(done, RefundChecked(NOW + 300, 60)) == done
    moderated = advance(done, ListedInPoll(NOW + 200, NOW + 199, a_row(RemoteState.MODERATED)))
    assert moderated.moderated_afterwards_at == NOW + 200
    refunded = advance(moderated, RefundChecked(NOW + 300, 60))
    assert (refunded.state, refunded.charged, refunded.refund_credits) == (JobState.DONE, "yes", 60)
    assert refunded.notices == moderated.notices


def test_a_waiting_job_uploads_again_for_another_account() -> None:
    """Uploads are not shared between accounts; a job with a picture given by its remote path keeps its account."""
    waiting = replace(job_after(*UPLOADED), account="a@example.com", retry_at=NOW + 50)
    moved = advance(waiting, AccountSwitched(NOW + 10, "b@example.com"))
    assert (moved.account, moved.remotes, moved.retry_at) == ("b@example.com", {}, None)
    bound = replace(waiting, inputs=some_inputs("upload/1", "upload/2", last_sha256=None))
    assert advance(bound, AccountSwitched(NOW + 10, "b@example.com")) == bound


def test_a_quote_replaces_the_estimate_of_an_unsent_call() -> None:
    """The quote is the estimate from then on, with its source; a call that may have left keeps its own."""
    quoted = advance(job_after(*UPLOADED), PriceQuoted(NOW + 3, 30))
    assert (quoted.estimated_credits, quoted.estimate_source) == (30, "quote")
    sent = job_after(*UPLOADED, INTENT)
    assert advance(sent, PriceQuoted(NOW + 4, 30)) == sent


def test_a_discount_replaces_the_full_price_of_an_unsent_call() -> None:
    """It applies once, to a cheaper mode whose factor was not known, and not after the call may have left."""
    waiting = job_after(*UPLOADED)
    assert advance(waiting, PriceDiscounted(NOW + 3, 15)) == waiting
    cheaper = replace(
        waiting, request=replace(waiting.request, params={**waiting.request.params, "preview_mode": True})
    )
    assert cheaper.estimate_is_limit
    known = advance(cheaper, PriceDiscounted(NOW + 3, 15))
    assert (known.estimated_credits, known.estimate_source, known.estimate_is_limit) == (15, "factors", False)
    assert advance(known, PriceDiscounted(NOW + 4, 8)) == known
    sent = advance(cheaper, INTENT)
    assert advance(sent, PriceDiscounted(NOW + 4, 15)) == sent


DIFFERS = "charge_differs_from_estimate"


@pytest.mark.parametrize(("charged", "kinds"), [(30, []), (60, ["charge_differs_from_quote"])])
def test_a_charge_that_differs_from_the_quote_is_said(charged: int, kinds: list[str]) -> None:
    """A notice has both numbers, once, whether the answer or the list tells the charge."""
    record = job_after(*UPLOADED, PriceQuoted(NOW + 2, 30), INTENT, replace(ACCEPTED, cost_credits=charged))
    record = advance(record, ListedInPoll(NOW + 20, NOW + 19, replace(a_row(), cost_credits=charged)))
    assert [notice.kind for notice in record.notices] == kinds
    assert all(notice.data == {"quoted": 30, "charged": charged} for notice in record.notices)


@pytest.mark.parametrize(("charged", "kinds"), [(30, []), (20, [DIFFERS]), (60, [DIFFERS])])
def test_a_charge_that_differs_from_the_estimate_is_said(charged: int, kinds: list[str]) -> None:
    """A notice has the estimate and the charge, once."""
    record = replace(job_after(*UPLOADED), estimated_credits=30)
    record = advance(advance(record, INTENT), replace(ACCEPTED, cost_credits=charged))
    record = advance(record, ListedInPoll(NOW + 20, NOW + 19, replace(a_row(), cost_credits=charged)))
    assert [notice.kind for notice in record.notices] == kinds
    assert all(notice.data == {"estimated": 30, "charged": charged} for notice in record.notices)


@pytest.mark.parametrize("switch", ["off_peak_mode", "preview_mode"])
@pytest.mark.parametrize(("charged", "kinds"), [(15, []), (60, [DIFFERS])])
def test_a_discount_is_no_difference(switch: str, charged: int, kinds: list[str]) -> None:
    """The estimate of an off-peak job or a preview is a limit: only a higher charge is a difference."""
    record = replace(job_after(*UPLOADED), estimated_credits=30)
    record = replace(record, request=replace(record.request, params={**record.request.params, switch: True}))
    record = advance(advance(record, INTENT), replace(ACCEPTED, cost_credits=charged))
    assert [notice.kind for notice in record.notices] == kinds


def test_a_charge_without_an_estimate_is_no_difference() -> None:
    """A charge is compared only with a price that was known before."""
    assert job_after(*UPLOADED, INTENT, replace(ACCEPTED, cost_credits=30)).notices == ()


def test_the_table_knows_every_event() -> None:
    """The table above has every event."""
    assert {type(event) for event, _ in TABLE} == set(Event.__args__)


@pytest.mark.parametrize("state", list(JobState))
@pytest.mark.parametrize("event", [event for event, _ in TABLE], ids=lambda event: type(event).__name__)
def test_an_event_keeps_what_identifies_the_job(state: JobState, event: Event) -> None:
    """No event changes the request, the ref or a known video id, and the attempts only grow."""
    before = job_after(*PATHS[state])
    after = advance(before, event)
    assert (after.ref, after.request, after.created_at, after.service) == (
        before.ref,
        before.request,
        before.created_at,
        before.service,
    )
    assert before.video_id is None or after.video_id == before.video_id
    assert after.attempt == before.attempt + isinstance(event, IntentRecorded) * (state is JobState.WAITING)


# -- money: before and at the paid call -------------------------------------------------------------------------------


def test_the_intent_says_that_it_may_be_charged() -> None:
    """An intent makes the charge unknown and starts an attempt with its own reply_ref and send deadline."""
    record = job_after(*PATHS[JobState.SUBMITTING])
    assert (record.charged, record.attempt, record.send_deadline, record.owner) == ("unknown", 1, SEND_BY, "me")
    assert record.reply_ref == "pv-cell-0001:1"


def test_no_intent_without_both_pictures() -> None:
    """A paid call with a missing picture is not sent."""
    for inputs in (some_inputs(None, "upload/2"), some_inputs("upload/1", None)):
        waiting = replace(job_after(*UPLOADED), inputs=inputs)
        assert advance(waiting, INTENT) is waiting


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.WAITING])
def test_an_intent_is_made_in_waiting_only(state: JobState) -> None:
    """No other state can start a paid call, above all not unknown."""
    record = job_after(*PATHS[state])
    assert advance(record, replace(INTENT, at=NOW + 500)) is record


def test_acceptance_is_paid() -> None:
    """An accepted call has a video id, account, cost and time, and is charged."""
    record = job_after(*PATHS[JobState.QUEUED])
    assert (record.video_id, record.account, record.cost_credits) == (a_video_id(), EMAIL, 60)
    assert (record.submitted_at, record.charged) == (NOW + 5, "yes")


def test_a_pinned_account_stays() -> None:
    """The account chosen before sending is not replaced by the one in the id."""
    pinned = replace(job_after(*PATHS[JobState.SUBMITTING]), account="one@example.org")
    assert advance(pinned, ACCEPTED).account == "one@example.org"


def test_a_refusal_is_not_charged() -> None:
    """A rejection ends the job with its kind and text, and proves that nothing was charged."""
    record = job_after(*PATHS[JobState.REFUSED])
    assert (record.charged, record.error) == ("no", Notice("OutOfCredits", {"detail": "No credits."}))
    assert record.finished_at == NOW + 5


def test_busy_is_not_charged_and_tried_again() -> None:
    """A 429 leads back to waiting until `retry_at`; the next call is a new attempt."""
    busy = advance(
        job_after(*PATHS[JobState.SUBMITTING]),
        CallPostponed(NOW + 5, NOW + 20, Notice("Busy", {"detail": "Busy."}), attempt=1),
    )
    assert (busy.state, busy.charged, busy.retry_at) == (JobState.WAITING, "no", NOW + 20)
    assert busy.warning == Notice("Busy", {"detail": "Busy."})
    again = advance(busy, replace(INTENT, at=NOW + 20))
    assert (again.attempt, again.reply_ref, again.charged) == (2, "pv-cell-0001:2", "unknown")


@pytest.mark.parametrize(
    "stale",
    [
        CallPostponed(NOW + 400, NOW + 410, Notice("Busy", {"detail": "No network."}), attempt=1),
        CallRefused(NOW + 400, Notice("X", {"detail": "No."}), attempt=1),
    ],
)
@pytest.mark.parametrize("lost", [False, True])
def test_a_late_rejection_of_an_earlier_call_proves_nothing_about_the_next(
    stale: CallPostponed | CallRefused, lost: bool
) -> None:
    """A stopped process learns late that its call 1 was not sent. By then call 2 of another process is running or lost,
    and may have been accepted, so its outcome stays open.
    """
    first = advance(
        job_after(*PATHS[JobState.SUBMITTING]),
        CallPostponed(NOW + 5, NOW + 5, Notice("Busy", {"detail": "Too late."}), attempt=1),
    )
    second = advance(first, replace(INTENT, at=NOW + 300, owner="other"))
    if lost:
        second = advance(second, ResponseLost(NOW + 320, "cut"))
    assert second.attempt == 2
    assert advance(second, stale) is second


# -- money: a lost answer ---------------------------------------------------------------------------------------------


def lost_job() -> JobRecord:
    """A job whose answer was lost at LOST_AT."""
    return job_after(*PATHS[JobState.UNKNOWN])


def listed(record: JobRecord, *starts: float, settle_s: float = SETTLE_S) -> JobRecord:
    """Return the record after complete polls, started at `starts`, that lack it."""
    for start in starts:
        record = advance(record, MissingFromPoll(start + 1, start, settle_s))
    return record


SETTLED_AT = SEND_BY + SETTLE_S  # the send_deadline is later than the moment of the loss


def test_a_lost_answer_leaves_the_charge_open() -> None:
    """A call without an answer is unknown, with the reason."""
    record = lost_job()
    assert (record.charged, record.unknown_since) == ("unknown", LOST_AT)
    assert record.warning == Notice("response_lost", {"reason": "no_answer", "detail": ""})


def test_two_lists_after_the_settling_prove_absence() -> None:
    """Two complete polls started after the send deadline plus settle_s lead back to waiting, uncharged."""
    record = listed(lost_job(), SETTLED_AT + 1, SETTLED_AT + 5)
    assert (record.state, record.charged, record.attempt) == (JobState.WAITING, "no", 1)
    assert (record.unknown_since, record.missing_poll_starts, record.retry_at) == (None, (), None)
    assert advance(record, replace(INTENT, at=SETTLED_AT + 6)).reply_ref == "pv-cell-0001:2"


@pytest.mark.parametrize(
    "starts",
    [
        (),
        (SETTLED_AT + 1,),
        (SETTLED_AT, SETTLED_AT + 1),  # begun exactly at the moment is not after it
        (SETTLED_AT - 1, SETTLED_AT + 1),
        (LOST_AT + 1, LOST_AT + 2, LOST_AT + 100, SETTLED_AT - 0.1),
        (SETTLED_AT + 1, SETTLED_AT + 1),  # one list, told twice
    ],
)
def test_less_than_that_proves_nothing(starts: tuple[float, ...]) -> None:
    """Early polls, one poll, or the same poll twice leave the outcome open."""
    record = listed(lost_job(), *starts)
    assert (record.state, record.charged) == (JobState.UNKNOWN, "unknown")


def test_the_settling_counts_from_the_latest_moment() -> None:
    """A loss noticed after the send deadline counts from that time: the process may have slept between its last
    deadline check and the first byte.
    """
    late = job_after(*UPLOADED, INTENT, ResponseLost(SEND_BY + 5000, "asleep"))
    begins = SEND_BY + 5000 + SETTLE_S
    assert listed(late, begins, begins - 1).state is JobState.UNKNOWN
    assert listed(late, begins + 1, begins + 2).state is JobState.WAITING


def test_a_later_loss_moves_the_settling() -> None:
    """If a call counted as lost while it was still running, its end restarts the settle window, and earlier polls
    no longer count as proof.
    """
    once = listed(lost_job(), SETTLED_AT + 1)
    later = advance(once, ResponseLost(SETTLED_AT + 2, "cut"))
    assert (later.unknown_since, later.missing_poll_starts) == (SETTLED_AT + 2, ())
    assert listed(later, SETTLED_AT + 3, SETTLED_AT + 4).state is JobState.UNKNOWN
    assert advance(lost_job(), ResponseLost(LOST_AT - 5, "cut")) == lost_job()


def test_with_settle_0_the_proof_comes_too_early() -> None:
    """With settle_s = 0 two polls right after the loss count as proof, although the vendor lists the accepted call two
    minutes later, so the job is charged twice. With 180 s the call is found.
    """

    def payments(settle_s: float) -> int:
        accepted_at, listed_from = LOST_AT, LOST_AT + 120
        record = lost_job()
        sent = 1
        for at in range(int(LOST_AT), int(LOST_AT) + 600, 4):
            if at >= listed_from:
                record = advance(record, ListedInPoll(at + 1.0, float(at), a_row(created_at=accepted_at)))
            else:
                record = listed(record, float(at), settle_s=settle_s)
            if record.state is JobState.WAITING:
                record = advance(record, replace(INTENT, at=at + 2.0))
                sent += 1
        return sent

    assert payments(SETTLE_S) == 1
    assert payments(0.0) == 2


def test_a_row_ends_the_question() -> None:
    """The row of a lost call makes it charged, with its id and account; it was submitted when the call was sent."""
    row = a_row(created_at=NOW + 4, cost_credits=60)
    record = advance(lost_job(), ListedInPoll(NOW + 30, NOW + 29, row, EMAIL))
    assert (record.state, record.charged, record.video_id) == (JobState.GENERATING, "yes", a_video_id())
    assert (record.account, record.submitted_at, record.cost_credits) == (EMAIL, record.intent_at, 60)
    assert record.warning is None


def test_a_row_that_turns_up_after_the_proof_is_kept() -> None:
    """A generation that is listed after its absence was proved is used, and no further call is made."""
    wrong = listed(lost_job(), SETTLED_AT + 1, SETTLED_AT + 5)
    found = advance(wrong, ListedInPoll(SETTLED_AT + 9, SETTLED_AT + 8, a_row()))
    assert (found.state, found.charged) == (JobState.GENERATING, "yes")
    assert advance(found, INTENT) is found


def test_two_generations_are_said() -> None:
    """A second generation of one job keeps the first id and adds the notice charged_twice."""
    record = job_after(*PATHS[JobState.GENERATING])
    for event in (
        ListedInPoll(NOW + 60, NOW + 59, a_row(video_id=a_video_id(2))),
        CallAccepted(NOW + 60, a_video_id(2), EMAIL, 60),
    ):
        twice = advance(record, event)
        assert twice.video_id == a_video_id()
        assert twice.notices == (Notice("charged_twice"),)
        assert advance(twice, event) == twice  # said once


def test_an_unsent_job_that_times_out_has_the_reason() -> None:
    """A job that times out before it was sent has its last obstacle in the error."""
    busy = advance(
        job_after(*UPLOADED, INTENT),
        CallPostponed(NOW + 3, NOW + 30, Notice("Busy", {"detail": "429"}), attempt=1),
    )
    late = advance(busy, DeadlinePassed(NOW + 99))
    assert late.error == Notice("JobTimeout", {"obstacle": "Busy", "detail": "429"})


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.REFUSED])
def test_the_row_of_an_ended_job_is_its_payment_not_a_second_one(state: JobState) -> None:
    """A job that ended before its id was known gets the id from its row, without the notice charged_twice."""
    end: Event = CancelRequested(NOW + 5)
    if state is JobState.REFUSED:
        end = CallRefused(NOW + 5, Notice("APIError", {"detail": "No."}), attempt=1)
    record = job_after(*UPLOADED, INTENT, end)
    after = advance(record, ListedInPoll(NOW + 9, NOW + 8, a_row(), EMAIL))
    assert (after.state, after.charged, after.video_id, after.notices) == (state, "yes", a_video_id(), ())


def asked_job() -> JobRecord:
    """A lost call with a pending question, because the balance fell."""
    return advance(lost_job(), UnexplainedDebit(LOST_AT + 200, 60))


def test_an_unexplained_debit_stops_the_proof() -> None:
    """If the balance fell by an amount that no row explains, polls no longer prove absence: a question is pending, and
    nothing is sent until it is answered.
    """
    record = asked_job()
    assert record.pending_question == Notice("unexplained_debit", {"credits": 60})
    assert listed(record, SETTLED_AT + 1, SETTLED_AT + 5, SETTLED_AT + 9) == record
    assert advance(record, UnexplainedDebit(LOST_AT + 300, 90)) is record
    assert advance(record, INTENT) is record


def test_a_person_decides() -> None:
    """If it was charged the search ends and nothing is sent; if not, a new attempt is allowed."""
    paid = advance(asked_job(), ResolvedByUser(NOW + 900, was_charged=True))
    assert (paid.state, paid.charged, paid.pending_question) == (JobState.FAILED, "yes", None)
    unpaid = advance(asked_job(), ResolvedByUser(NOW + 900, was_charged=False))
    assert (unpaid.state, unpaid.charged, unpaid.pending_question) == (JobState.WAITING, "no", None)
    assert advance(unpaid, replace(INTENT, at=NOW + 901)).attempt == 2


def test_a_person_says_whose_a_lookalike_is() -> None:
    """The candidate is used if it is ours; if not, a new attempt is allowed. The e-mail address is not shown."""
    asked = advance(lost_job(), AmbiguousMatch(LOST_AT + 200, a_video_id()))
    assert asked.pending_question == Notice("ambiguous_match", {"number": a_video_id().rpartition(":")[2]})
    ours = advance(asked, ResolvedByUser(NOW + 900, was_charged=True))
    assert (ours.state, ours.charged, ours.video_id) == (JobState.GENERATING, "yes", a_video_id())
    assert (ours.pending_question, ours.candidate_video_id) == (None, None)
    other = advance(asked, ResolvedByUser(NOW + 900, was_charged=False))
    assert (other.state, other.charged, other.candidate_video_id) == (JobState.WAITING, "no", None)


def test_a_later_question_is_about_itself() -> None:
    """The candidate of an earlier question is not used for a later question about the balance."""
    asked = replace(lost_job(), candidate_video_id=a_video_id())
    paid = advance(advance(asked, UnexplainedDebit(LOST_AT + 200, 60)), ResolvedByUser(NOW + 900, was_charged=True))
    assert (paid.state, paid.video_id) == (JobState.FAILED, None)


@pytest.mark.parametrize(
    "settling",
    [
        ListedInPoll(NOW + 400, NOW + 399, a_row()),
        replace(ACCEPTED, at=NOW + 400),
        CallRefused(NOW + 400, Notice("APIError", {"detail": "No."}), attempt=1),
        CallPostponed(NOW + 400, NOW + 410, Notice("Busy", {"detail": "No network."}), attempt=1),
    ],
)
def test_what_settles_the_call_settles_the_question(settling: Event) -> None:
    """The question is dropped when the generation is listed or the answer arrives."""
    assert advance(asked_job(), settling).pending_question is None


# -- what the list shows ----------------------------------------------------------------------------------------------


def test_a_failure_tells_its_reason() -> None:
    """A failed generation ends the job with the vendor's reason; the charge is unknown."""
    row = a_row(RemoteState.FAILED, error="errCode: 500063")
    record = advance(job_after(*PATHS[JobState.QUEUED]), ListedInPoll(NOW + 20, NOW + 19, row))
    assert record.charged == "unknown"
    assert record.error == Notice("JobFailed", {"vendor_error": "errCode: 500063"})


def test_a_moderated_generation_is_refunded() -> None:
    """Moderation after acceptance is refunded upstream."""
    record = job_after(*PATHS[JobState.MODERATED])
    assert (record.error, record.charged) == (Notice("JobModerated"), "no")


def test_completed_without_an_address_is_waited_for() -> None:
    """A completed row without a file does not finish the job, and adds a warning."""
    record = advance(
        job_after(*PATHS[JobState.QUEUED]), ListedInPoll(NOW + 20, NOW + 19, a_row(RemoteState.COMPLETED, url=None))
    )
    assert record.state is JobState.GENERATING
    assert record.warning == Notice("completed_without_url")


def test_an_address_without_completion_is_waited_for() -> None:
    """The URL of a row that is still generating is ignored."""
    record = advance(job_after(*PATHS[JobState.QUEUED]), ListedInPoll(NOW + 20, NOW + 19, a_row(url="https://x/y.mp4")))
    assert record.state is JobState.GENERATING


def test_an_unknown_status_is_told_and_waited_for() -> None:
    """An undocumented status number is a warning, and the job keeps waiting."""
    row = a_row(RemoteState.UNRECOGNISED, status="77")
    record = advance(job_after(*PATHS[JobState.QUEUED]), ListedInPoll(NOW + 20, NOW + 19, row))
    assert "77" in str(record.warning)


def test_the_queue_position_is_cleared() -> None:
    """The queue position is kept only while the job is queued."""
    queued = advance(
        job_after(*PATHS[JobState.QUEUED]), ListedInPoll(NOW + 9, NOW + 8, a_row(RemoteState.QUEUED, queue_position=3))
    )
    assert queued.queue_position == 3
    assert advance(queued, ListedInPoll(NOW + 20, NOW + 19, a_row())).queue_position is None


def test_a_lagging_list_does_not_undo_the_end() -> None:
    """During the download, a poll that shows the job as running or finished changes nothing."""
    record = job_after(*PATHS[JobState.DOWNLOADING])
    for state in (RemoteState.QUEUED, RemoteState.GENERATING, RemoteState.UNRECOGNISED):
        assert advance(record, ListedInPoll(NOW + 99, NOW + 98, a_row(state))) is record
    again = advance(record, ListedInPoll(NOW + 99, NOW + 98, a_row(RemoteState.COMPLETED, url="https://x/new.mp4")))
    assert (again.url, again.finished_at) == ("https://x/new.mp4", record.finished_at)


def test_open_looks_are_remembered() -> None:
    """The latest poll that showed the job unfinished is the lower bound of its duration."""
    record = job_after(*PATHS[JobState.GENERATING])
    assert record.last_seen_running_at == NOW + 19
    assert advance(record, ListedInPoll(NOW + 60, NOW + 12, a_row())).last_seen_running_at == NOW + 19


# -- troubles, deadlines, cancelling, taking up -----------------------------------------------------------------------


def test_trouble_is_shown() -> None:
    """A warning is shown beside the state; one that pauses the job is an error that a person must fix."""
    record = job_after(*PATHS[JobState.GENERATING])
    troubled = advance(record, WarningRaised(NOW + 30, Notice("DownloadError", {"detail": "No network."})))
    assert troubled.warning == Notice("DownloadError", {"detail": "No network."})
    blocked = advance(record, WarningRaised(NOW + 30, Notice("DownloadError", {"detail": "Disk full."}), blocks=True))
    assert (blocked.blocked, blocked.error) == (True, Notice("DownloadError", {"detail": "Disk full."}))


@pytest.mark.parametrize("event", [DeadlinePassed(NOW + 1800), CancelRequested(NOW + 1800)])
@pytest.mark.parametrize(
    ("state", "charged"),
    [(JobState.WAITING, "no"), (JobState.UNKNOWN, "unknown"), (JobState.GENERATING, "yes")],
)
def test_an_end_here_says_what_was_paid(event: Event, state: JobState, charged: str) -> None:
    """A timeout or cancellation keeps what is known about the charge."""
    record = advance(job_after(*PATHS[state]), event)
    assert record.charged == charged
    kind = "JobTimeout" if isinstance(event, DeadlinePassed) else "JobCancelled"
    assert record.error is not None
    assert record.error.kind == kind


def test_a_finished_video_has_no_deadline() -> None:
    """A finished video is downloaded even after the deadline, and can no longer be cancelled."""
    record = job_after(*PATHS[JobState.DOWNLOADING])
    assert advance(record, DeadlinePassed(NOW + 9000)) is record
    assert advance(record, CancelRequested(NOW + 9000)) is record


def test_the_answer_to_a_cancelled_call_is_kept() -> None:
    """A job cancelled during its paid call still learns whether it was charged."""
    cancelled = job_after(*UPLOADED, INTENT, CancelRequested(NOW + 4))
    assert cancelled.charged == "unknown"
    paid = advance(cancelled, ACCEPTED)
    assert (paid.state, paid.charged, paid.video_id) == (JobState.CANCELLED, "yes", a_video_id())
    for proof in (
        CallRefused(NOW + 6, Notice("OutOfCredits", {"detail": "No."}), attempt=1),
        CallPostponed(NOW + 6, NOW + 9, Notice("Busy", {"detail": "Busy."}), attempt=1),
    ):
        unpaid = advance(cancelled, proof)
        assert (unpaid.state, unpaid.charged) == (JobState.CANCELLED, "no")


RESUMED = Resumed(NOW + 5000, "other", NOW + 6800)


@pytest.mark.parametrize("end", [CancelRequested(NOW + 40), DeadlinePassed(NOW + 1800)])
@pytest.mark.parametrize(
    ("state", "leads"),
    [
        (JobState.PLANNED, JobState.WAITING),
        (JobState.WAITING, JobState.WAITING),
        (JobState.SUBMITTING, JobState.UNKNOWN),
        (JobState.UNKNOWN, JobState.UNKNOWN),
        (JobState.QUEUED, JobState.GENERATING),
        (JobState.GENERATING, JobState.GENERATING),
    ],
)
def test_resuming_depends_on_the_charge(end: Event, state: JobState, leads: JobState) -> None:
    """A resumed job has a new deadline. A charged one waits for its video, an unknown one is settled first, and one
    that was never accepted is sent again.
    """
    record = advance(job_after(*PATHS[state], end), RESUMED)
    assert (record.state, record.owner, record.deadline_at) == (leads, "other", NOW + 6800)
    assert (record.error, record.finished_at) == (None, None)
    if leads is JobState.UNKNOWN:
        assert record.charged == "unknown"
        assert record.missing_poll_starts == ()
        assert record.unknown_since == (LOST_AT if state is JobState.UNKNOWN else NOW + 5000)


def test_taking_up_never_shortens_the_deadline() -> None:
    """A job keeps a deadline that is later than the new one."""
    record = replace(job_after(*PATHS[JobState.GENERATING]), deadline_at=NOW + 99_999)
    assert advance(record, RESUMED).deadline_at == NOW + 99_999


def test_a_running_call_keeps_its_owner() -> None:
    """Resuming a job while another process sends its paid call does not change the owner of that call."""
    assert advance(job_after(*PATHS[JobState.SUBMITTING]), RESUMED).owner == "me"


def test_a_paused_job_is_resumed() -> None:
    """A resumed job loses its error and continues."""
    blocked = advance(
        job_after(*PATHS[JobState.DOWNLOADING]),
        WarningRaised(NOW + 99, Notice("DownloadError", {"detail": "Disk full."}), blocks=True),
    )
    record = advance(blocked, RESUMED)
    assert (record.blocked, record.error, record.state) == (False, None, JobState.DOWNLOADING)


def test_a_paused_job_keeps_its_error() -> None:
    """A poll that shows the job again does not clear the error of a stopped download."""
    blocked = advance(
        job_after(*PATHS[JobState.DOWNLOADING]),
        WarningRaised(NOW + 99, Notice("DownloadError", {"detail": "Disk full."}), blocks=True),
    )
    seen = advance(blocked, ListedInPoll(NOW + 120, NOW + 119, a_row(RemoteState.COMPLETED, url="https://x/new.mp4")))
    assert (seen.blocked, seen.error) == (True, blocked.error)
    assert seen.url == "https://x/new.mp4"


def test_a_retried_download_keeps_its_warning() -> None:
    """A poll for another job does not clear the warning of a download."""
    trying = advance(
        job_after(*PATHS[JobState.DOWNLOADING]),
        WarningRaised(NOW + 99, Notice("DownloadError", {"detail": "The media host answered HTTP 503."})),
    )
    seen = advance(trying, ListedInPoll(NOW + 120, NOW + 119, a_row(RemoteState.COMPLETED, url="https://x/new.mp4")))
    assert seen.warning == trying.warning


def test_a_seen_row_revives_a_timed_out_job_cleanly() -> None:
    """A timed-out job that is listed is open again, without its old error."""
    record = advance(job_after(*PATHS[JobState.TIMED_OUT]), ListedInPoll(NOW + 2000, NOW + 1999, a_row()))
    assert (record.state, record.error) == (JobState.GENERATING, None)


def test_downloaded_is_done_without_troubles() -> None:
    """A stored video ends the job with its file, without an error or a warning."""
    troubled = advance(
        job_after(*PATHS[JobState.DOWNLOADING]),
        WarningRaised(NOW + 85, Notice("DownloadError", {"detail": "Disk full."}), blocks=True),
    )
    record = advance(troubled, Downloaded(NOW + 90, STORED_VIDEO))
    assert (record.state, record.video, record.error, record.warning) == (JobState.DONE, STORED_VIDEO, None, None)
    assert record.blocked is False


def test_a_clock_set_back_between_two_processes_does_not_hold_a_lost_call_open() -> None:
    """A process that takes over counts from its own clock, even if it is an hour behind."""
    behind = LOST_AT - 3600
    record = job_after(*PATHS[JobState.UNKNOWN], ResponseLost(behind, "gone", latest_send_deadline=behind + 60))
    assert (record.unknown_since, record.send_deadline, record.missing_poll_starts) == (behind, behind + 60, ())
    own = advance(job_after(*PATHS[JobState.UNKNOWN]), ResponseLost(behind, "its own answer"))
    assert own.unknown_since == LOST_AT


def test_who_asks_does_not_wait_for_what_an_earlier_process_put_off() -> None:
    """A postponed job is retried at once when it is resumed."""
    record = job_after(
        *UPLOADED, INTENT, CallPostponed(NOW + 5, NOW + 4000, Notice("Busy", {"detail": "busy"}), attempt=1), RESUMED
    )
    assert (record.state, record.retry_at) == (JobState.WAITING, None)


def test_only_the_payer_of_a_job_sends_it() -> None:
    """The intent of another payer's process changes nothing; that of a job without a payer makes it one's own."""
    theirs = replace(job_after(*UPLOADED), payer="theirs")
    assert advance(theirs, replace(INTENT, payer="ours")) == theirs
    assert advance(theirs, replace(INTENT, payer="theirs")).state is JobState.SUBMITTING
    sent = advance(job_after(*UPLOADED), replace(INTENT, payer="ours"))
    assert (sent.payer, sent.attempt_payer) == ("ours", "ours")


@pytest.mark.parametrize("state", [JobState.UPLOADING, JobState.WAITING])
def test_an_unsent_job_keeps_nothing_of_its_first_payer(state: JobState) -> None:
    """A job that another payer resumes before it was sent is uploaded again, to an account of the new payer."""
    record = job_after(*PATHS[state])
    stored = tuple(replace(item, sha256="0" * 64) for item in record.inputs)
    theirs = replace(record, payer="theirs", account=EMAIL, inputs=stored)
    ours = advance(theirs, replace(RESUMED, payer="ours"))
    assert (ours.payer, ours.account, dict(ours.remotes)) == ("ours", None, {})


def test_the_list_of_another_payer_proves_no_absence() -> None:
    """A lost call that another payer looks for is asked about instead of sent again; its own payer's list proves it."""
    lost = replace(job_after(*PATHS[JobState.UNKNOWN]), payer="theirs", attempt_payer="theirs")
    missing = [MissingFromPoll(SEND_BY + SETTLE_S + later, SEND_BY + SETTLE_S + later, SETTLE_S) for later in (1, 2)]
    ours = advance(lost, replace(RESUMED, payer="ours"))
    for event in missing:
        ours, lost = advance(ours, event), advance(lost, event)
    assert (ours.state, ours.pending_question) == (JobState.UNKNOWN, Notice("sent_by_other_payer"))
    assert (lost.state, lost.pending_question) == (JobState.WAITING, None)


def test_a_payer_that_takes_its_job_back_needs_two_lists_of_its_own() -> None:
    """Lists of another payer do not count as proofs when the first payer looks again, and leave no question."""
    lost = replace(job_after(*PATHS[JobState.UNKNOWN]), payer="theirs", attempt_payer="theirs")
    missing = [MissingFromPoll(SEND_BY + SETTLE_S + later, SEND_BY + SETTLE_S + later, SETTLE_S) for later in (1, 2)]
    own = [MissingFromPoll(SEND_BY + SETTLE_S + later, SEND_BY + SETTLE_S + later, SETTLE_S) for later in (3, 4)]
    for count in (1, 2):
        record = advance(lost, replace(RESUMED, payer="ours"))
        for event in missing[:count]:
            record = advance(record, event)
        record = advance(record, replace(RESUMED, payer="theirs"))
        assert (record.missing_poll_starts, record.pending_question) == ((), None)
        record = advance(record, own[0])
        assert (record.state, record.pending_question) == (JobState.UNKNOWN, None)
        record = advance(record, own[1])
        assert record.state is JobState.WAITING


def test_what_a_payers_list_lacks_counts_only_from_its_client() -> None:
    """A poll that ends after another payer has taken the job over proves nothing about that payer's account."""
    assert is_only_for_payer(MissingFromPoll(NOW, NOW, SETTLE_S))
    assert not is_only_for_payer(RESUMED)


def test_another_account_has_its_own_factors() -> None:
    """After a switch the estimate is the full price again, until the factors of the new account are known."""
    ours = replace(job_after(*UPLOADED), estimated_credits=20)
    ours = replace(ours, request=replace(ours.request, params={**ours.request.params, "off_peak_mode": True}))
    ours = replace(ours, inputs=tuple(replace(item, sha256="0" * 64) for item in ours.inputs))
    first = advance(ours, PriceDiscounted(NOW + 3, 10))
    switched = advance(first, AccountSwitched(NOW + 4, "other@example.com"))
    assert (first.estimated_credits, first.estimate_is_limit) == (10, False)
    assert (switched.estimated_credits, switched.estimate_is_limit) == (20, True)
    again = advance(switched, PriceDiscounted(NOW + 5, 14))
    assert (again.estimated_credits, again.full_credits) == (14, 20)
