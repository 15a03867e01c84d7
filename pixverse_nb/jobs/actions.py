"""What comes next for a job: a pure look at its record and the clock, as a value for the engine to carry out."""

from dataclasses import dataclass

from pixverse_nb.models import JobState
from pixverse_nb.record import JobRecord
from pixverse_nb.settings import Timing


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
class AwaitList:
    """Wait for what the shared list poll shows."""


@dataclass(frozen=True)
class Download:
    """Fetch the finished video."""


@dataclass(frozen=True)
class GiveUp:
    """The deadline has passed."""


@dataclass(frozen=True)
class Rest:
    """Nothing is left to do here."""


Action = Upload | Submit | SleepUntil | AwaitList | Download | GiveUp | Rest


def next_action(record: JobRecord, *, now: float, owner: str, is_asked: bool) -> Action:
    """Return what the process `owner`, which holds the seat, does next for this job.

    `is_asked` tells that a living process wants it: a job that was never sent stays unpaid until somebody asks; one
    that came in a bundle does so until it is taken up here.
    """
    state = record.state
    if state.is_final or record.parked:
        return Rest()
    if state is JobState.DOWNLOADING:
        return Download()  # paid and finished: no deadline any more
    if now >= record.deadline_at and not _awaits_own_answer(record, owner):
        return GiveUp()
    if is_unsent(record) and (record.imported or not is_asked):
        return Rest()
    if state is JobState.WAITING and record.retry_at is not None and now < record.retry_at:
        return SleepUntil(min(record.retry_at, record.deadline_at))
    lacks_a_picture = record.first_path is None or record.last_path is None
    if state in (JobState.PLANNED, JobState.UPLOADING) or (state is JobState.WAITING and lacks_a_picture):
        return Upload()
    if state is JobState.WAITING:
        return Submit()
    return AwaitList()


def _awaits_own_answer(record: JobRecord, owner: str) -> bool:
    return record.state is JobState.SUBMITTING and record.owner == owner


def is_unsent(record: JobRecord) -> bool:
    """True where it is proven that no paid call of the current attempt has been accepted."""
    return record.state in (JobState.PLANNED, JobState.UPLOADING, JobState.WAITING)


def awaits_word(record: JobRecord) -> bool:
    """True where the job came in a bundle and is not paid: the machine it comes from may still send it.

    So nothing but `Job.resume` sends it from here: neither a look at it nor waiting for it.
    """
    return record.imported and record.charged == "no" and (is_unsent(record) or record.state is JobState.TIMED_OUT)


def can_be_taken_up(record: JobRecord, *, is_resting: bool) -> bool:
    """True where nothing moves for the job and `Job.resume` goes on with it.

    Not where another machine may still send it: that takes a person who knows of both.
    """
    if awaits_word(record):
        return False
    if record.state is JobState.CANCELLED:
        return record.charged != "no"
    return record.state is JobState.TIMED_OUT or (is_resting and not record.state.is_final)


def is_listed(record: JobRecord) -> bool:
    """True where the vendor's list is to be watched for this job."""
    return not record.parked and record.state in (
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
    return record.state is JobState.SUBMITTING and record.send_by is not None and now < record.send_by


def settles_at(record: JobRecord, timing: Timing) -> float | None:
    """Return the moment from which a list can prove absence; None where nothing is unknown."""
    if record.state is not JobState.UNKNOWN or record.unknown_since is None:
        return None
    return max(record.unknown_since, record.send_by or 0.0) + timing.settle_s
