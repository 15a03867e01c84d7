"""The state machine of a job, pure: `next_action` says what to do, `advance` applies an event to a record.

    planned -> uploading -> submitting -> queued -> generating -> downloading -> done
                 ^             |   |                       \\-> failed | moderated
                 |             |   \\-> unknown -> queued (found) | waiting (proved absent)
                 \\- waiting <--/       refused (rejected by the vendor)
    any open state -> cancelled | timed_out;  a timed-out or blocked job can be resumed

No clock and no I/O: the time is in the event. The rules about money: a call whose answer was lost is never followed by
a second call until two complete lists, started after the settle window, prove that the first one was not accepted.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import MODERATED_AFTERWARDS, JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.remote import RemoteState, RemoteVideo
from pixverse_nb.errors import Charge
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

# -- what to do next ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Upload:
    """Upload the inputs."""


@dataclass(frozen=True)
class Submit:
    """Make the paid call when a slot is free."""


@dataclass(frozen=True)
class SleepUntil:
    """Wait until `at` (Unix seconds)."""

    at: float


@dataclass(frozen=True)
class WaitForPoll:
    """Wait for the shared poll of the vendor's list."""


@dataclass(frozen=True)
class Download:
    """Download the finished video."""


@dataclass(frozen=True)
class TimeOut:
    """The deadline has passed."""


@dataclass(frozen=True)
class Idle:
    """Nothing to do in this process."""


Action = Upload | Submit | SleepUntil | WaitForPoll | Download | TimeOut | Idle


def next_action(
    record: JobRecord,
    *,
    now: float,
    owner: str,
    is_requested: bool,
    can_repeat_call: bool = False,
    is_ours: bool = True,
) -> Action:
    """Return what the process `owner`, which is the leader, does next for this job.

    `is_requested`: a living process asked for it; a job that was never sent stays unpaid until somebody does, and an
    imported one until it is resumed here. `can_repeat_call`: the backend de-duplicates, so a lost call is sent again.
    `is_ours`: it is no other payer's job, whose account this process neither charges nor sees.
    """
    state = record.state
    if state.is_final or record.blocked or not is_ours:
        return Idle()
    if state is JobState.DOWNLOADING:
        return Download()  # paid and finished: the deadline no longer applies
    if now >= record.deadline_at and not _awaits_own_answer(record, owner):
        return TimeOut()
    if is_unsent(record) and (record.awaits_resume or not is_requested):
        return Idle()
    if record.retry_at is not None and now < record.retry_at and state in (JobState.WAITING, JobState.UNKNOWN):
        return SleepUntil(min(record.retry_at, record.deadline_at))
    if state in (JobState.PLANNED, JobState.UPLOADING) or (state is JobState.WAITING and not record.is_uploaded):
        return Upload()
    is_repeatable = can_repeat_call and record.pending_question is None and not record.withdrawn
    if state is JobState.WAITING or (state is JobState.UNKNOWN and is_repeatable):
        return Submit()
    return WaitForPoll()


def _awaits_own_answer(record: JobRecord, owner: str) -> bool:
    return record.state is JobState.SUBMITTING and record.owner == owner


def is_unsent(record: JobRecord) -> bool:
    """Return whether it is certain that no paid call of the current attempt was accepted."""
    return record.state in (JobState.PLANNED, JobState.UPLOADING, JobState.WAITING)


def is_unpaid(record: JobRecord) -> bool:
    """Return whether nothing was charged for the job, and continuing it makes its paid call."""
    has_stopped = record.state in (JobState.TIMED_OUT, JobState.CANCELLED)
    return record.charged == "no" and (is_unsent(record) or has_stopped)


def can_take_over(record: JobRecord) -> bool:
    """Return whether a client of another payer that asks for this job pays for it itself."""
    return is_unpaid(record) and not needs_confirmation(record)


def is_only_for_payer(event: Event) -> bool:
    """Return whether the event counts only from a client of the job's payer.

    That is what prepares a call, and what the list and the balance of the payer's account do not explain.
    """
    if isinstance(event, CallRefused | CallPostponed):
        return event.attempt is None
    preparation = UploadStarted | InputsUploaded | AccountSwitched | PriceQuoted | PriceDiscounted
    return isinstance(event, preparation | MissingFromPoll | UnexplainedDebit)


def needs_confirmation(record: JobRecord) -> bool:
    """Return whether the job was imported unpaid: only `Job.resume` sends it, since its first machine still may."""
    return record.imported and record.charged == "no" and (is_unsent(record) or record.state is JobState.TIMED_OUT)


def can_resume(record: JobRecord, *, is_paused: bool) -> bool:
    """Return whether the job has stopped and `Job.resume` continues it without asking a person anything."""
    if needs_confirmation(record):
        return False
    if record.state is JobState.CANCELLED:
        return record.charged != "no"
    return record.state is JobState.TIMED_OUT or (is_paused and not record.state.is_final)


_AT_THE_VENDOR: Final = frozenset({JobState.SUBMITTING, JobState.UNKNOWN, JobState.QUEUED, JobState.GENERATING})


def needs_polling(record: JobRecord) -> bool:
    """Return whether the vendor's list must be watched for this job."""
    return not record.blocked and record.state in _AT_THE_VENDOR


def holds_slot(record: JobRecord) -> bool:
    """Return whether the job occupies, or may occupy, one of the account's slots; an off-peak job never does."""
    return not record.request.is_off_peak and record.state in _AT_THE_VENDOR


def may_be_sent(record: JobRecord, *, now: float) -> bool:
    """Return whether the paid call may still leave; checked just before it does, as a laptop may have slept."""
    return record.state is JobState.SUBMITTING and record.send_deadline is not None and now < record.send_deadline


def settle_deadline(record: JobRecord, timing: Timing) -> float | None:
    """Return the moment from which a list can prove absence, or None if nothing is unknown."""
    if record.state is not JobState.UNKNOWN or record.unknown_since is None:
        return None
    return max(record.unknown_since, record.send_deadline or 0.0) + timing.settle_s


# -- what an event changes ---------------------------------------------------------------------------------------------


def advance(record: JobRecord, event: Event) -> JobRecord:
    """Return the record after `event`; an event that does not fit the state changes nothing."""
    return _TRANSITIONS[type(event)](record, event)


def finish(record: JobRecord, state: JobState, at: float, error: Notice) -> JobRecord:
    """Return the record in the final `state`, with the reason."""
    return replace(record, state=state, finished_at=at, error=error, warning=None, queue_position=None)


def _upload_started(record: JobRecord, _: UploadStarted) -> JobRecord:
    if record.state not in (JobState.PLANNED, JobState.WAITING):
        return record
    return replace(record, state=JobState.UPLOADING)


def _inputs_uploaded(record: JobRecord, event: InputsUploaded) -> JobRecord:
    if record.state is not JobState.UPLOADING:
        return record
    return replace(
        record,
        state=JobState.WAITING,
        retry_at=None,
        warning=None,
        inputs=record.with_remotes(event.remotes),
        account=event.account,
    )


def _account_switched(record: JobRecord, event: AccountSwitched) -> JobRecord:
    if record.state is not JobState.WAITING or not record.can_upload_again:
        return record
    not_uploaded = record.with_remotes(dict.fromkeys(record.remotes))
    switched = replace(record, account=event.account, inputs=not_uploaded, retry_at=None, warning=None)
    return _without_factors(switched)


def _without_factors(record: JobRecord) -> JobRecord:
    """Return the record with the full price as its estimate: the factors were those of another account."""
    if record.full_credits is None:
        return record
    return replace(record, estimated_credits=record.full_credits, full_credits=None, estimate_source="")


def _price_quoted(record: JobRecord, event: PriceQuoted) -> JobRecord:
    if not is_unsent(record):
        return record  # its call may have left with the earlier estimate
    return replace(record, estimated_credits=event.credits, estimate_source="quote", full_credits=None)


def _price_discounted(record: JobRecord, event: PriceDiscounted) -> JobRecord:
    if not is_unsent(record) or not record.estimate_is_limit:
        return record
    full = record.estimated_credits
    return replace(record, estimated_credits=event.credits, estimate_source="factors", full_credits=full)


def _charge_compared(record: JobRecord) -> JobRecord:
    """Return the record with a notice if the charge is not what the vendor had quoted, or what was estimated."""
    expected, charged = record.estimated_credits, record.cost_credits
    if expected is None or charged is None or charged == expected:
        return record
    if record.estimate_source == "quote":
        return _with_notice(record, Notice("charge_differs_from_quote", {"quoted": expected, "charged": charged}))
    if record.estimate_is_limit and charged < expected:
        return record
    return _with_notice(record, Notice("charge_differs_from_estimate", {"estimated": expected, "charged": charged}))


def _intent_recorded(record: JobRecord, event: IntentRecorded) -> JobRecord:
    expected = JobState.UNKNOWN if event.repeats_attempt else JobState.WAITING
    if record.state is not expected or not record.is_uploaded or event.payer not in ("", record.payer or event.payer):
        return record
    payer = record.payer or event.payer
    return replace(
        record,
        state=JobState.SUBMITTING,
        payer=payer,
        attempt_payer=payer,
        attempt=record.attempt + (0 if event.repeats_attempt else 1),
        intent_at=event.at,
        send_deadline=event.send_deadline,
        owner=event.owner,
        charged="unknown",
        retry_at=None,
        unknown_since=None,
        missing_poll_starts=(),
    )


def _call_accepted(record: JobRecord, event: CallAccepted) -> JobRecord:
    if record.video_id is not None:
        return record if record.video_id == event.video_id else _charged_twice(record)
    accepted = replace(
        record,
        video_id=event.video_id,
        account=record.account or event.account,
        cost_credits=event.cost_credits if event.cost_credits is not None else record.cost_credits,
        submitted_at=event.at,
        charged="yes",
        warning=None,
        pending_question=None,
    )
    accepted = _charge_compared(accepted)
    if event.is_quote:
        accepted = _with_notice(accepted, Notice("made_for_quote"))
    return accepted if record.state.is_final else replace(accepted, state=JobState.QUEUED)


def _call_refused(record: JobRecord, event: CallRefused) -> JobRecord:
    if record.video_id is not None or not _is_about_current_attempt(record, event):
        return record
    if record.state.is_final:
        return replace(record, charged="no")
    state = JobState.MODERATED if event.error.kind == "Moderated" else JobState.REFUSED
    return finish(replace(record, charged="no", pending_question=None), state, event.at, event.error)


def _call_postponed(record: JobRecord, event: CallPostponed) -> JobRecord:
    if record.video_id is not None or not _is_about_current_attempt(record, event):
        return record
    if record.state.is_final:
        return replace(record, charged="no")
    return replace(
        record,
        state=JobState.WAITING,
        retry_at=event.retry_at,
        warning=event.warning,
        charged="no",
        pending_question=None,
    )


def _is_about_current_attempt(record: JobRecord, event: CallRefused | CallPostponed) -> bool:
    """Return whether the rejection refers to the current attempt (or to no attempt if none is running).

    A process that was suspended may learn the result of its call after another one has made the next.
    """
    if event.attempt is None:
        return is_unsent(record)
    return event.attempt == record.attempt


def _response_lost(record: JobRecord, event: ResponseLost) -> JobRecord:
    send_deadline = record.send_deadline
    if send_deadline is not None and event.latest_send_deadline is not None:
        send_deadline = min(send_deadline, event.latest_send_deadline)  # the clock may have been set since
    is_taken_over = event.latest_send_deadline is not None
    if record.state is JobState.UNKNOWN and (is_taken_over or event.at > (record.unknown_since or 0.0)):
        # presumed lost while the call was still under way, or its watcher is gone: the later moment counts
        return replace(record, unknown_since=event.at, send_deadline=send_deadline, missing_poll_starts=())
    if record.state is not JobState.SUBMITTING:
        return record
    return replace(
        record,
        state=JobState.UNKNOWN,
        unknown_since=event.at,
        send_deadline=send_deadline,
        retry_at=event.retry_at,
        missing_poll_starts=(),
        charged="unknown",
        warning=Notice("response_lost", {"reason": event.reason, "detail": event.detail}),
    )


def _listed_in_poll(record: JobRecord, event: ListedInPoll) -> JobRecord:
    row = event.row
    has_ended = record.state.is_final and record.state is not JobState.TIMED_OUT
    if record.state in (JobState.DONE, JobState.DOWNLOADING) and _is_moderated(row, record):
        return _moderated_afterwards(record, event)
    if has_ended or (record.video_id is not None and row.video_id not in (None, record.video_id)):
        return _second_generation(record, event)
    if record.state is JobState.DOWNLOADING and row.state is not RemoteState.COMPLETED:
        return record  # it was seen finished: a list that lags behind does not undo that
    found = replace(
        record,
        video_id=record.video_id or row.video_id,
        account=record.account or event.account,
        submitted_at=record.submitted_at or record.intent_at or row.created_at,  # by our own clock if possible
        cost_credits=row.cost_credits if row.cost_credits is not None else record.cost_credits,
        queue_position=row.queue_position if row.state is RemoteState.QUEUED else None,
        charged="yes",
        warning=None,
        error=None,
        retry_at=None,
        pending_question=None,
        candidate_video_id=None,
        url=row.url or record.url,
    )
    found = _charge_compared(found)
    if record.state is JobState.DOWNLOADING:  # whatever stopped its download is unaffected by the list
        found = replace(found, warning=record.warning, error=record.error)
    if row.state is RemoteState.FAILED:
        error = Notice("JobFailed", {"vendor_error": row.error})
        return finish(replace(found, charged="unknown"), JobState.FAILED, event.at, error)
    if row.state is RemoteState.MODERATED:
        return finish(replace(found, charged="no"), JobState.MODERATED, event.at, Notice("JobModerated"))
    if row.state is RemoteState.COMPLETED and row.url:
        known = record.finished_at if record.state is JobState.DOWNLOADING else None
        return replace(found, state=JobState.DOWNLOADING, finished_at=known or event.at)
    seen = replace(found, last_seen_running_at=max(event.listed_at, found.last_seen_running_at or 0.0))
    if row.state is RemoteState.COMPLETED:
        return replace(seen, state=JobState.GENERATING, warning=Notice("completed_without_url"))
    if row.state is RemoteState.UNRECOGNISED:
        return replace(seen, state=JobState.GENERATING, warning=Notice("unknown_status", {"status": row.status}))
    return replace(seen, state=JobState.QUEUED if row.state is RemoteState.QUEUED else JobState.GENERATING)


def _moderated_afterwards(record: JobRecord, event: ListedInPoll) -> JobRecord:
    """Keep the video, which is here or can still be downloaded, with one notice."""
    is_new = record.moderated_afterwards_at is None
    return _with_notice(record, Notice(MODERATED_AFTERWARDS, {"at": event.at})) if is_new else record


def _is_moderated(row: RemoteVideo, record: JobRecord) -> bool:
    return row.state is RemoteState.MODERATED and row.video_id is not None and row.video_id == record.video_id


def _second_generation(record: JobRecord, event: ListedInPoll) -> JobRecord:
    """Handle a row of a job that has ended, or that has another generation: the first one found is its payment."""
    row = event.row
    if row.video_id in (None, record.video_id):
        return record
    if record.video_id is None:
        return replace(record, video_id=row.video_id, account=record.account or event.account, charged="yes")
    return _charged_twice(record)


def _charged_twice(record: JobRecord) -> JobRecord:
    return _with_notice(record, Notice("charged_twice"))


def _with_notice(record: JobRecord, notice: Notice) -> JobRecord:
    return record if notice in record.notices else replace(record, notices=(*record.notices, notice))


def _missing_from_poll(record: JobRecord, event: MissingFromPoll) -> JobRecord:
    """Record a complete list that lacks the job. Two such lists, started after the settle window, prove its absence."""
    if record.state is not JobState.UNKNOWN or record.unknown_since is None or record.pending_question is not None:
        return record
    settled_at = max(record.unknown_since, record.send_deadline or 0.0) + event.settle_s
    if event.listed_at <= settled_at or event.listed_at in record.missing_poll_starts:
        return record
    missing = (*record.missing_poll_starts, event.listed_at)
    if len(missing) < PROOFS_OF_ABSENCE:
        return replace(record, missing_poll_starts=missing)
    if record.attempt_payer != record.payer:  # the list of another account proves nothing
        return replace(record, missing_poll_starts=missing, pending_question=Notice("sent_by_other_payer"))
    return _not_charged(record, Notice("proved_absent"))


PROOFS_OF_ABSENCE: Final = 2


def _not_charged(record: JobRecord, warning: Notice) -> JobRecord:
    """Return an unknown job as one whose call was not accepted, ready for the next attempt."""
    return replace(
        record,
        state=JobState.WAITING,
        pending_question=None,
        candidate_video_id=None,
        retry_at=None,
        unknown_since=None,
        missing_poll_starts=(),
        charged="no",
        warning=warning,
    )


def _unexplained_debit(record: JobRecord, event: UnexplainedDebit) -> JobRecord:
    if record.state is not JobState.UNKNOWN or record.pending_question is not None:
        return record
    question = Notice("unexplained_debit", {"credits": event.credits})
    return replace(record, candidate_video_id=None, pending_question=question)


def _ambiguous_match(record: JobRecord, event: AmbiguousMatch) -> JobRecord:
    if record.state is not JobState.UNKNOWN or record.pending_question is not None:
        return record
    number = event.video_id.rpartition(":")[2]  # the part before it names the account
    question = Notice("ambiguous_match", {"number": number})
    return replace(record, candidate_video_id=event.video_id, pending_question=question)


def _resolved_by_user(record: JobRecord, event: ResolvedByUser) -> JobRecord:
    if record.state is not JobState.UNKNOWN or record.pending_question is None:
        return record
    if not event.was_charged:
        return _not_charged(record, Notice("resolved_as_not_charged"))
    charged = replace(record, pending_question=None, charged="yes")
    if record.candidate_video_id is None:
        return finish(charged, JobState.FAILED, event.at, Notice("resolved_as_charged"))
    return replace(
        charged,
        state=JobState.GENERATING,
        video_id=record.candidate_video_id,
        candidate_video_id=None,
        submitted_at=record.intent_at,
        warning=None,
    )


def _downloaded(record: JobRecord, event: Downloaded) -> JobRecord:
    done = replace(record, state=JobState.DONE, video=event.video, warning=None, error=None, blocked=False)
    before = record.video
    if before is None or before.sha256 == event.video.sha256:
        return done
    return _with_notice(done, Notice("downloaded_file_differs", {"sha256": before.sha256}))


def _file_lost(record: JobRecord, event: FileLost) -> JobRecord:
    if record.state is not JobState.DOWNLOADING or record.video is None:
        return record
    return replace(record, state=JobState.DONE, error=event.error, warning=None)


def _warning_raised(record: JobRecord, event: WarningRaised) -> JobRecord:
    if record.state.is_final:
        return record
    if not event.blocks:
        return replace(record, warning=event.warning)
    return replace(record, warning=event.warning, blocked=True, error=event.warning)


def _deadline_passed(record: JobRecord, event: DeadlinePassed) -> JobRecord:
    if record.state.is_final or record.state is JobState.DOWNLOADING:
        return record
    obstacle = record.warning if record.charged == "no" else None
    data = {"obstacle": obstacle.kind, **obstacle.data} if obstacle is not None else {}
    return finish(record, JobState.TIMED_OUT, event.at, Notice("JobTimeout", data))


def _cancel_requested(record: JobRecord, event: CancelRequested) -> JobRecord:
    if record.state.is_final or record.state is JobState.DOWNLOADING:
        return record
    if event.only_unsent and not is_unsent(record):
        return record
    return finish(record, JobState.CANCELLED, event.at, Notice("JobCancelled"))


def _withdrawn(record: JobRecord, event: Withdrawn) -> JobRecord:
    if record.state.is_final or record.charged == "yes":
        return record
    if is_unsent(record):
        return _cancel_requested(record, CancelRequested(event.at))
    return replace(record, withdrawn=True)


def _refund_checked(record: JobRecord, event: RefundChecked) -> JobRecord:
    is_kept = record.state is JobState.DONE and record.moderated_afterwards_at is not None
    if not (is_kept or record.state in (JobState.FAILED, JobState.MODERATED)) or record.refund_credits:
        return record
    checked = replace(record, refund_checked_at=event.at)
    if event.credits is None:
        return checked
    charged: Charge = "no" if event.credits and not is_kept else "yes"
    return replace(checked, refund_credits=event.credits, refund_source="balance", charged=charged)


def _resumed(record: JobRecord, event: Resumed) -> JobRecord:
    """Continue from the facts: wait for a known generation, settle an open question, else send."""
    if record.state is JobState.DONE:
        # requested only if its file is missing or modified: download it again while the vendor still has it
        if record.url is None:
            return record
        payer = event.payer or record.payer  # any client can download it
        return replace(record, state=JobState.DOWNLOADING, owner=event.owner, payer=payer, blocked=False, error=None)
    if record.state in (JobState.FAILED, JobState.MODERATED, JobState.REFUSED):
        return record
    # a call that another process is making stays with that process until it is known to have ended
    owner = record.owner if record.state is JobState.SUBMITTING else event.owner
    resumed = replace(
        record,
        owner=owner,
        deadline_at=max(record.deadline_at, event.deadline_at),
        blocked=False,
        error=None,
        imported=record.imported and record.charged != "no",
        withdrawn=False,
        budget_credits=record.budget_credits if record.charged == "yes" else event.budget_credits,
    )
    if event.payer and record.state is not JobState.SUBMITTING:
        resumed = _taken_over(resumed, event.payer)
    if record.state not in (JobState.TIMED_OUT, JobState.CANCELLED):
        return replace(resumed, retry_at=None)  # an explicit request does not wait for an earlier back-off
    if record.video_id is not None:
        return replace(resumed, state=JobState.GENERATING, finished_at=None)
    if record.charged == "unknown":
        since = record.unknown_since or event.at
        return replace(resumed, state=JobState.UNKNOWN, unknown_since=since, missing_poll_starts=(), finished_at=None)
    return replace(resumed, state=JobState.WAITING, retry_at=None, finished_at=None)


def _taken_over(record: JobRecord, payer: str) -> JobRecord:
    """Return the job as that of another payer; if it was not sent, nothing of the first payer's account is kept."""
    if not is_unpaid(record):
        is_asked_again = record.pending_question == Notice("sent_by_other_payer")
        question = None if is_asked_again else record.pending_question
        return replace(record, payer=payer, missing_poll_starts=(), pending_question=question)
    account = record.request.delivery.email
    if not record.can_upload_again:
        return replace(record, payer=payer, account=account)
    not_uploaded = record.with_remotes(dict.fromkeys(record.remotes))
    return _without_factors(replace(record, payer=payer, account=account, inputs=not_uploaded))


_TRANSITIONS: Final[dict[type, Callable[..., JobRecord]]] = {
    UploadStarted: _upload_started,
    InputsUploaded: _inputs_uploaded,
    AccountSwitched: _account_switched,
    PriceQuoted: _price_quoted,
    PriceDiscounted: _price_discounted,
    IntentRecorded: _intent_recorded,
    CallAccepted: _call_accepted,
    CallRefused: _call_refused,
    CallPostponed: _call_postponed,
    ResponseLost: _response_lost,
    ListedInPoll: _listed_in_poll,
    MissingFromPoll: _missing_from_poll,
    UnexplainedDebit: _unexplained_debit,
    AmbiguousMatch: _ambiguous_match,
    ResolvedByUser: _resolved_by_user,
    Downloaded: _downloaded,
    FileLost: _file_lost,
    WarningRaised: _warning_raised,
    DeadlinePassed: _deadline_passed,
    CancelRequested: _cancel_requested,
    Withdrawn: _withdrawn,
    RefundChecked: _refund_checked,
    Resumed: _resumed,
}
