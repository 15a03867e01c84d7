"""What becomes of a lost call: absent by proof, a question for a person, and the person's word."""

from dataclasses import replace

from pixverse_nb.jobs.endings import ended
from pixverse_nb.jobs.events import DebitSeen, Decided, LookalikeSeen, RowMissing
from pixverse_nb.models import JobState
from pixverse_nb.record import JobRecord


def row_missing(record: JobRecord, event: RowMissing) -> JobRecord:
    """Count a whole list without it: two that began after the settle window prove that it was never accepted."""
    if record.state is not JobState.UNKNOWN or record.unknown_since is None:
        return record
    settled_at = max(record.unknown_since, record.send_by or 0.0) + event.settle_s
    if record.question is not None or event.listed_at <= settled_at or event.listed_at in record.absent_since:
        return record
    proofs = (*record.absent_since, event.listed_at)
    if len(proofs) < 2:
        return replace(record, absent_since=proofs)
    return replace(
        record,
        state=JobState.WAITING,
        retry_at=None,
        unknown_since=None,
        absent_since=(),
        charged="no",
        trouble="The lost call was never accepted, so nothing was paid for it.",
    )


def debit_seen(record: JobRecord, event: DebitSeen) -> JobRecord:
    """Ask a person where the balance fell and no generation explains it."""
    if record.state is not JobState.UNKNOWN or record.question is not None:
        return record
    return replace(
        record,
        lookalike=None,
        question=(
            f"The vendor lists no such generation, but the balance fell by {event.credits:,} credits that nothing else "
            "explains. Was this call paid?"
        ),
    )


def lookalike_seen(record: JobRecord, event: LookalikeSeen) -> JobRecord:
    """Ask a person whether a generation that differs in part is this call's."""
    if record.state is not JobState.UNKNOWN or record.question is not None:
        return record
    number = event.video_id.rpartition(":")[2]  # what stands before it is the account
    return replace(
        record,
        lookalike=event.video_id,
        question=(
            f"The vendor lists a generation (number {number}) with the seed of this lost call, but what else it tells "
            "of it differs in part. Is it this one, so that this call was paid?"
        ),
    )


def decided(record: JobRecord, event: Decided) -> JobRecord:
    """Carry out a person's word: paid (and where its generation is known, that one is taken), or not."""
    if record.state is not JobState.UNKNOWN or record.question is None:
        return record
    if event.was_paid and record.lookalike is not None:
        return replace(
            record,
            state=JobState.GENERATING,
            video_id=record.lookalike,
            lookalike=None,
            question=None,
            submitted_at=record.intent_at,
            charged="yes",
            trouble=None,
        )
    if event.was_paid:
        text = "It was decided that the lost call was paid; the vendor never showed its video."
        paid = replace(record, question=None, charged="yes")
        return ended(paid, JobState.FAILED, event.at, kind="JobFailed", text=text)
    return replace(
        record,
        state=JobState.WAITING,
        question=None,
        lookalike=None,
        retry_at=None,
        unknown_since=None,
        absent_since=(),
        charged="no",
        trouble="It was decided that the lost call was not paid.",
    )
