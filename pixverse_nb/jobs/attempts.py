"""The paid calls of a job, one by one, read from its history."""

from collections.abc import Sequence
from itertools import pairwise

from pixverse_nb.models import Attempt, JobEvent, JobState
from pixverse_nb.record import JobRecord


def attempts_of(record: JobRecord, events: Sequence[JobEvent]) -> tuple[Attempt, ...]:
    """Return every paid call that was about to leave, oldest first; `events` are the job's, oldest first.

    A new one is made only after proof, or a person's word, that the one before was not accepted: so all but the last
    cost nothing.
    """
    starts = [
        at
        for at, event in enumerate(events)
        if event.state is JobState.SUBMITTING and (at == 0 or events[at - 1].state is not JobState.SUBMITTING)
    ]
    parts = [events[start:end] for start, end in pairwise([*starts, len(events)])]
    first = record.attempt - len(parts) + 1  # an adopted job has a call that nobody here saw leaving
    numbered = enumerate(parts, start=first)
    return tuple(_attempt(record, part, number, is_last=number == record.attempt) for number, part in numbered)


def _attempt(record: JobRecord, part: Sequence[JobEvent], number: int, *, is_last: bool) -> Attempt:
    outcome = next((event for event in part if event.state is not JobState.SUBMITTING), None)
    if not is_last:  # the last word on it before the next one
        outcome = next((event for event in reversed(part) if event.state is JobState.WAITING), outcome)
    charged = record.charged if is_last else "no"
    is_told = charged == "no" or record.cost_credits is not None
    return Attempt(
        number=number,
        reply_ref=f"{record.ref}:{number}",
        sent_at=part[0].at,
        text=outcome.text if outcome else "its answer is waited for",
        charged=charged,
        credits=0 if charged == "no" else record.cost_credits if is_told else record.estimated_credits,
        is_estimate=not is_told,
    )
