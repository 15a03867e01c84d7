"""What comes next for a job: a pure look at its record and the clock, as a value for the engine to carry out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.remote import RemoteState
from pixverse_nb.jobs.events import (
    AccountSwitched,
    AmbiguousMatch,
    CallAccepted,
    CallPostponed,
    CallRefused,
    CancelAsked,
    DeadlinePassed,
    Downloaded,
    Event,
    FileLost,
    IntentRecorded,
    ListedInPoll,
    MissingFromPoll,
    PicturesUploaded,
    ResolvedByUser,
    ResponseLost,
    Resumed,
    UnexplainedDebit,
    UploadStarted,
    WarningRaised,
)


@dataclass(frozen=True)
class Upload:
    """Upload both pictures."""


@dataclass(frozen=True)
class Submit:
    """Make the paid call, when a slot is free."""


@dataclass(frozen=True)
class SleepUntil:
    at: float


@dataclass(frozen=True)
class WaitForPoll:
    """Wait for what the shared list poll shows."""


@dataclass(frozen=True)
class Download:
    """Fetch the finished video."""


@dataclass(frozen=True)
class TimeOut:
    """The deadline has passed."""


@dataclass(frozen=True)
class Idle:
    """Nothing is left to do here."""


Action = Upload | Submit | SleepUntil | WaitForPoll | Download | TimeOut | Idle


def next_action(record: JobRecord, *, now: float, owner: str, is_asked: bool) -> Action:
    """Return what the process `owner`, which holds the seat, does next for this job.

    `is_asked` tells that a living process wants it: a job that was never sent stays unpaid until somebody asks; one
    that came in a bundle does so until it is taken up here.
    """
    state = record.state
    if state.is_final or record.blocked:
        return Idle()
    if state is JobState.DOWNLOADING:
        return Download()  # paid and finished: no deadline any more
    if now >= record.deadline_at and not _awaits_own_answer(record, owner):
        return TimeOut()
    if is_unsent(record) and (record.imported or not is_asked):
        return Idle()
    if state is JobState.WAITING and record.retry_at is not None and now < record.retry_at:
        return SleepUntil(min(record.retry_at, record.deadline_at))
    lacks_a_picture = record.first_path is None or record.last_path is None
    if state in (JobState.PLANNED, JobState.UPLOADING) or (state is JobState.WAITING and lacks_a_picture):
        return Upload()
    if state is JobState.WAITING:
        return Submit()
    return WaitForPoll()


def _awaits_own_answer(record: JobRecord, owner: str) -> bool:
    return record.state is JobState.SUBMITTING and record.owner == owner


def is_unsent(record: JobRecord) -> bool:
    """True where it is proven that no paid call of the current attempt has been accepted."""
    return record.state in (JobState.PLANNED, JobState.UPLOADING, JobState.WAITING)


def needs_confirmation(record: JobRecord) -> bool:
    """True where the job came in a bundle and is not paid: the machine it comes from may still send it.

    So nothing but `Job.resume` sends it from here: neither a look at it nor waiting for it.
    """
    return record.imported and record.charged == "no" and (is_unsent(record) or record.state is JobState.TIMED_OUT)


def can_resume(record: JobRecord, *, is_resting: bool) -> bool:
    """True where nothing moves for the job and `Job.resume` goes on with it.

    Not where another machine may still send it: that takes a person who knows of both.
    """
    if needs_confirmation(record):
        return False
    if record.state is JobState.CANCELLED:
        return record.charged != "no"
    return record.state is JobState.TIMED_OUT or (is_resting and not record.state.is_final)


def needs_polling(record: JobRecord) -> bool:
    """True where the vendor's list is to be watched for this job."""
    return not record.blocked and record.state in (
        JobState.SUBMITTING,
        JobState.UNKNOWN,
        JobState.QUEUED,
        JobState.GENERATING,
    )


def holds_slot(record: JobRecord) -> bool:
    """True where the job takes, or may take, one of the account's slots."""
    return record.state in (JobState.SUBMITTING, JobState.UNKNOWN, JobState.QUEUED, JobState.GENERATING)


def may_be_sent(record: JobRecord, *, now: float) -> bool:
    """The last look before the paid call leaves: its intent is the current one and its time is not over.

    A laptop may have slept between the intent and this moment.
    """
    return record.state is JobState.SUBMITTING and record.send_deadline is not None and now < record.send_deadline


def settle_deadline(record: JobRecord, timing: Timing) -> float | None:
    """Return the moment from which a list can prove absence; None where nothing is unknown."""
    if record.state is not JobState.UNKNOWN or record.unknown_since is None:
        return None
    return max(record.unknown_since, record.send_deadline or 0.0) + timing.settle_s


ENDED_HERE: Final[Mapping[JobState, Mapping[str, str]]] = {
    JobState.TIMED_OUT: {
        "no": "It was not sent in time; nothing was paid.",
        "yes": "The video was not ready in time; it is paid and can be taken up again.",
        "unknown": "It is still unknown whether the paid call was accepted; it can be taken up again.",
    },
    JobState.CANCELLED: {
        "no": "Cancelled before it was sent; nothing was paid.",
        "yes": "Cancelled here; the vendor may finish it all the same, and it stays paid.",
        "unknown": "Cancelled here while its paid call was under way; it may have been paid.",
    },
}


def with_final_message(record: JobRecord) -> JobRecord:
    """A job that ended here learns what became of its paid call: its sentence is told again with that."""
    texts = ENDED_HERE.get(record.state)
    return record if texts is None else replace(record, error=texts[record.charged])


def finish(record: JobRecord, state: JobState, at: float, *, kind: str, text: str) -> JobRecord:
    """Return the record at its end: nothing is awaited any more, and `text` says why."""
    return replace(record, state=state, finished_at=at, error_kind=kind, error=text, warning=None, queue_position=None)


def row_missing(record: JobRecord, event: MissingFromPoll) -> JobRecord:
    """Count a whole list without it: two that began after the settle window prove that it was never accepted."""
    if record.state is not JobState.UNKNOWN or record.unknown_since is None:
        return record
    settled_at = max(record.unknown_since, record.send_deadline or 0.0) + event.settle_s
    if (
        record.pending_question is not None
        or event.listed_at <= settled_at
        or event.listed_at in record.missing_poll_starts
    ):
        return record
    proofs = (*record.missing_poll_starts, event.listed_at)
    if len(proofs) < 2:
        return replace(record, missing_poll_starts=proofs)
    return replace(
        record,
        state=JobState.WAITING,
        retry_at=None,
        unknown_since=None,
        missing_poll_starts=(),
        charged="no",
        warning="The lost call was never accepted, so nothing was paid for it.",
    )


def debit_seen(record: JobRecord, event: UnexplainedDebit) -> JobRecord:
    """Ask a person where the balance fell and no generation explains it."""
    if record.state is not JobState.UNKNOWN or record.pending_question is not None:
        return record
    return replace(
        record,
        candidate_video_id=None,
        pending_question=(
            f"The vendor lists no such generation, but the balance fell by {event.credits:,} credits that nothing else "
            "explains. Was this call paid?"
        ),
    )


def lookalike_seen(record: JobRecord, event: AmbiguousMatch) -> JobRecord:
    """Ask a person whether a generation that differs in part is this call's."""
    if record.state is not JobState.UNKNOWN or record.pending_question is not None:
        return record
    number = event.video_id.rpartition(":")[2]  # what stands before it is the account
    return replace(
        record,
        candidate_video_id=event.video_id,
        pending_question=(
            f"The vendor lists a generation (number {number}) with the seed of this lost call, but what else it tells "
            "of it differs in part. Is it this one, so that this call was paid?"
        ),
    )


def decided(record: JobRecord, event: ResolvedByUser) -> JobRecord:
    """Carry out a person's word: paid (and where its generation is known, that one is taken), or not."""
    if record.state is not JobState.UNKNOWN or record.pending_question is None:
        return record
    if event.was_charged and record.candidate_video_id is not None:
        return replace(
            record,
            state=JobState.GENERATING,
            video_id=record.candidate_video_id,
            candidate_video_id=None,
            pending_question=None,
            submitted_at=record.intent_at,
            charged="yes",
            warning=None,
        )
    if event.was_charged:
        text = "It was decided that the lost call was paid; the vendor never showed its video."
        paid = replace(record, pending_question=None, charged="yes")
        return finish(paid, JobState.FAILED, event.at, kind="JobFailed", text=text)
    return replace(
        record,
        state=JobState.WAITING,
        pending_question=None,
        candidate_video_id=None,
        retry_at=None,
        unknown_since=None,
        missing_poll_starts=(),
        charged="no",
        warning="It was decided that the lost call was not paid.",
    )


def advance(record: JobRecord, event: Event) -> JobRecord:
    """Return the record after `event`; an event that does not fit the state changes nothing."""
    return _TABLE[type(event)](record, event)


def _upload_started(record: JobRecord, _: UploadStarted) -> JobRecord:
    if record.state not in (JobState.PLANNED, JobState.WAITING):
        return record
    return replace(record, state=JobState.UPLOADING)


def _pictures_uploaded(record: JobRecord, event: PicturesUploaded) -> JobRecord:
    if record.state is not JobState.UPLOADING:
        return record
    return replace(
        record,
        state=JobState.WAITING,
        retry_at=None,
        warning=None,
        first_path=event.first_path,
        last_path=event.last_path,
        account=event.account,
    )


def _account_left(record: JobRecord, event: AccountSwitched) -> JobRecord:
    if record.state is not JobState.WAITING or record.first_sha is None or record.last_sha is None:
        return record
    return replace(record, account=event.account, first_path=None, last_path=None, retry_at=None, warning=None)


def _intent_made(record: JobRecord, event: IntentRecorded) -> JobRecord:
    if record.state is not JobState.WAITING or record.first_path is None or record.last_path is None:
        return record
    return replace(
        record,
        state=JobState.SUBMITTING,
        attempt=record.attempt + 1,
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
        return record if record.video_id == event.video_id else _paid_twice(record)
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
    return with_final_message(accepted) if record.state.is_final else replace(accepted, state=JobState.QUEUED)


def _call_refused(record: JobRecord, event: CallRefused) -> JobRecord:
    if record.video_id is not None or not _speaks_of(record, event):
        return record
    if record.state.is_final:
        return with_final_message(replace(record, charged="no"))
    state = JobState.MODERATED if event.is_moderation else JobState.REFUSED
    return finish(
        replace(record, charged="no", pending_question=None), state, event.at, kind=event.kind, text=event.text
    )


def _call_postponed(record: JobRecord, event: CallPostponed) -> JobRecord:
    if record.video_id is not None or not _speaks_of(record, event):
        return record
    if record.state.is_final:
        return with_final_message(replace(record, charged="no"))
    return replace(
        record, state=JobState.WAITING, retry_at=event.retry_at, warning=event.text, charged="no", pending_question=None
    )


def _speaks_of(record: JobRecord, event: CallRefused | CallPostponed) -> bool:
    """Tell whether the vendor's no is about the current call, or about none where none is under way.

    A process that was stopped for long may learn of its call when another one has already made the next.
    """
    if event.attempt is None:
        return record.state in (JobState.PLANNED, JobState.UPLOADING, JobState.WAITING)
    return event.attempt == record.attempt


def _answer_lost(record: JobRecord, event: ResponseLost) -> JobRecord:
    send_deadline = record.send_deadline
    if send_deadline is not None and event.latest_send_by is not None:
        send_deadline = min(send_deadline, event.latest_send_by)  # written under a clock that may have been set since
    is_taken_over = event.latest_send_by is not None  # perhaps by a process whose clock was set back meanwhile
    if record.state is JobState.UNKNOWN and (is_taken_over or event.at > (record.unknown_since or 0.0)):
        # it was thought lost while its call was still under way, or its watcher is gone: the later moment counts
        return replace(record, unknown_since=event.at, send_deadline=send_deadline, missing_poll_starts=())
    if record.state is not JobState.SUBMITTING:
        return record
    return replace(
        record,
        state=JobState.UNKNOWN,
        unknown_since=event.at,
        send_deadline=send_deadline,
        missing_poll_starts=(),
        charged="unknown",
        warning=event.reason,
    )


def _row_seen(record: JobRecord, event: ListedInPoll) -> JobRecord:
    if record.state.is_final and record.state is not JobState.TIMED_OUT:
        return _second_payment(record, event)
    if record.video_id is not None and event.row.video_id not in (None, record.video_id):
        return _second_payment(record, event)
    row = event.row
    if record.state is JobState.DOWNLOADING and row.state is not RemoteState.COMPLETED:
        return record  # it was seen finished: a list that lags behind does not undo that
    found = replace(
        record,
        video_id=record.video_id or row.video_id,
        account=record.account or event.account,
        submitted_at=record.submitted_at or record.intent_at or row.created_at,  # by our clock where there is one
        cost_credits=row.cost_credits if row.cost_credits is not None else record.cost_credits,
        queue_position=row.queue_position if row.state is RemoteState.QUEUED else None,
        charged="yes",
        warning=None,
        error=None,
        error_kind=None,
        pending_question=None,
        candidate_video_id=None,
        url=row.url or record.url,
    )
    if record.state is JobState.DOWNLOADING:  # what stopped its download still stands, whatever the list shows
        found = replace(found, warning=record.warning, error=record.error, error_kind=record.error_kind)
    if row.state is RemoteState.FAILED:
        text = f"The vendor reports that the generation failed ({row.error or 'no reason given'})."
        return finish(replace(found, charged="unknown"), JobState.FAILED, event.at, kind="JobFailed", text=text)
    if row.state is RemoteState.MODERATED:
        text = "The vendor's moderator stopped the generation; PixVerse gives the credits back."
        return finish(replace(found, charged="no"), JobState.MODERATED, event.at, kind="JobModerated", text=text)
    if row.state is RemoteState.COMPLETED and row.url:
        known = record.finished_at if record.state is JobState.DOWNLOADING else None
        return replace(found, state=JobState.DOWNLOADING, finished_at=known or event.at)
    seen = replace(found, last_seen_running_at=max(event.listed_at, found.last_seen_running_at or 0.0))
    if row.state is RemoteState.COMPLETED:
        return replace(seen, state=JobState.GENERATING, warning="The vendor says completed, but names no file yet.")
    if row.state is RemoteState.UNRECOGNISED:
        warning = f"The vendor shows a status not documented: {row.status}."
        return replace(seen, state=JobState.GENERATING, warning=warning)
    return replace(seen, state=JobState.QUEUED if row.state is RemoteState.QUEUED else JobState.GENERATING)


def _second_payment(record: JobRecord, event: ListedInPoll) -> JobRecord:
    """A row of a job that has ended, or beside its own: the first one is its payment, another one is said."""
    row = event.row
    if row.video_id in (None, record.video_id):
        return record
    if record.video_id is None:
        found = replace(record, video_id=row.video_id, account=record.account or event.account, charged="yes")
        return with_final_message(found)
    return _paid_twice(record)


def _paid_twice(record: JobRecord) -> JobRecord:
    text = "The vendor lists a second generation of this job: it was paid twice. See client.videos()."
    return record if text in record.notices else replace(record, notices=(*record.notices, text))


def _downloaded(record: JobRecord, event: Downloaded) -> JobRecord:
    done = replace(
        record, state=JobState.DONE, video=event.video, warning=None, error=None, error_kind=None, blocked=False
    )
    before = record.video
    if before is None or before.sha256 == event.video.sha256:
        return done
    text = f"It was fetched again, and the vendor's file is another one than before (sha256 {before.sha256})."
    return replace(done, notices=(*record.notices, text))


def _file_lost(record: JobRecord, event: FileLost) -> JobRecord:
    if record.state is not JobState.DOWNLOADING or record.video is None:
        return record
    return replace(record, state=JobState.DONE, error=event.text, error_kind="DownloadError", warning=None)


def _troubled(record: JobRecord, event: WarningRaised) -> JobRecord:
    if record.state.is_final:
        return record
    if not event.parks:
        return replace(record, warning=event.text)
    return replace(record, warning=event.text, blocked=True, error=event.text, error_kind=event.kind)


def _deadline_passed(record: JobRecord, event: DeadlinePassed) -> JobRecord:
    if record.state.is_final or record.state is JobState.DOWNLOADING:
        return record
    text = ENDED_HERE[JobState.TIMED_OUT][record.charged]
    if record.charged == "no" and record.warning is not None:
        text = f"{text} What stood in the way at last: {record.warning}"
    return finish(record, JobState.TIMED_OUT, event.at, kind="JobTimeout", text=text)


def _cancel_asked(record: JobRecord, event: CancelAsked) -> JobRecord:
    if record.state.is_final or record.state is JobState.DOWNLOADING:
        return record
    if event.only_unsent and not is_unsent(record):
        return record
    text = ENDED_HERE[JobState.CANCELLED][record.charged]
    return finish(record, JobState.CANCELLED, event.at, kind="JobCancelled", text=text)


def _taken_up(record: JobRecord, event: Resumed) -> JobRecord:
    """Go on where the facts stand: with an id wait for it, with an open question settle it, else send."""
    if record.state is JobState.DONE:
        # only asked for where its file is gone or altered: fetch it again while the vendor still has it
        if record.url is None:
            return record
        return replace(
            record, state=JobState.DOWNLOADING, owner=event.owner, blocked=False, error=None, error_kind=None
        )
    if record.state in (JobState.FAILED, JobState.MODERATED, JobState.REFUSED):
        return record
    # a call that another process has under way stays that one's, until it is known that it ended
    owner = record.owner if record.state is JobState.SUBMITTING else event.owner
    taken = replace(
        record, owner=owner, deadline_at=max(record.deadline_at, event.deadline_at), blocked=False, error=None,
        error_kind=None, imported=record.imported and record.charged != "no",
        budget_credits=record.budget_credits if record.charged == "yes" else event.budget_credits,
    )  # fmt: skip
    if record.state not in (JobState.TIMED_OUT, JobState.CANCELLED):
        return replace(taken, retry_at=None)  # who asks does not wait for what an earlier process put off
    if record.video_id is not None:
        return replace(taken, state=JobState.GENERATING, finished_at=None)
    if record.charged == "unknown":
        since = record.unknown_since or event.at
        return replace(taken, state=JobState.UNKNOWN, unknown_since=since, missing_poll_starts=(), finished_at=None)
    return replace(taken, state=JobState.WAITING, retry_at=None, finished_at=None)


_TABLE: Final[dict[type, Callable[..., JobRecord]]] = {
    UploadStarted: _upload_started,
    PicturesUploaded: _pictures_uploaded,
    AccountSwitched: _account_left,
    IntentRecorded: _intent_made,
    CallAccepted: _call_accepted,
    CallRefused: _call_refused,
    CallPostponed: _call_postponed,
    ResponseLost: _answer_lost,
    ListedInPoll: _row_seen,
    MissingFromPoll: row_missing,
    UnexplainedDebit: debit_seen,
    AmbiguousMatch: lookalike_seen,
    ResolvedByUser: decided,
    Downloaded: _downloaded,
    FileLost: _file_lost,
    WarningRaised: _troubled,
    DeadlinePassed: _deadline_passed,
    CancelAsked: _cancel_asked,
    Resumed: _taken_up,
}
