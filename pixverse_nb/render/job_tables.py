"""Tables of jobs, of what happened to one, and of its paid calls."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pixverse_nb.domain.jobs import Attempt, JobEvent, JobSnapshot, JobState
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import (
    CHARGE_LABELS,
    SHORT_STATE_LABELS,
    elapsed_s,
    format_clock,
    format_credits,
    format_duration,
    format_row_parameters,
    format_seed,
    job_severity,
    known_cost,
    next_step,
    severity,
    short_state_label,
    shorten,
    state_explanation,
    state_label,
    with_direction_marks,
)
from pixverse_nb.render.table import Column, Table, TableCell, code_cell, picture_cell, state_cell, time_cell

_PROMPT_LENGTH: Final = 160
_REASON_LENGTH: Final = 280


@dataclass(frozen=True)
class JobRow:
    """A job in a table: how it is at this moment, a small JPEG of its first picture, and the call that repeats it."""

    job: JobSnapshot
    picture: bytes | None = None
    call: str = ""


def jobs_table(rows: Sequence[JobRow], *, now: float, if_empty: str = "No jobs.") -> Table:
    """Return a table of jobs in the given order, at `now` (Unix seconds), or the text for an empty list."""
    if not rows:
        return Table(if_empty)
    has_pictures = any(row.picture for row in rows)
    columns = (
        *((Column("", "picture"),) if has_pictures else ()),
        Column("State"),
        Column("Video", "prose"),
        Column("Credits", "number", meaning="~: an estimate"),
        Column("Created"),
        Column("Ref", "ref"),
    )
    return Table(
        _jobs_summary([row.job for row in rows]), columns, tuple(_job_row(row, has_pictures, now) for row in rows)
    )


def _job_row(row: JobRow, has_pictures: bool, now: float) -> tuple[TableCell, ...]:
    job = row.job
    sandbox = ("sandbox",) if job.is_sandbox else ()
    facts = " · ".join(filter(None, (*format_row_parameters(job.request), format_seed(job.request), *sandbox)))
    label = short_state_label(job)
    prompt = with_direction_marks(shorten(redact(job.request.prompt or ""), max_length=_PROMPT_LENGTH))
    return (
        *((picture_cell(row.picture),) if has_pictures else ()),
        state_cell(label, job_severity(job), _reasons(job), tooltip=state_label(job)),
        TableCell(prompt, aside=facts),
        _credits_cell(job),
        time_cell(job.created_at, aside=_duration(job, now)),
        code_cell(job.ref, call=row.call),
    )


def _reasons(job: JobSnapshot) -> list[str]:
    """Return earlier attempts, what went wrong or is in the way, and the next step; empty if all is well."""
    earlier = job.attempt - 1
    attempts = ""
    if earlier > 0:
        rejected = "1 earlier attempt was" if earlier == 1 else f"{earlier} earlier attempts were"
        attempts = f"Attempt {job.attempt}: {rejected} rejected and not charged."
    step = next_step(job)
    is_with_vendor = job.state in (JobState.QUEUED, JobState.GENERATING)
    status = (step or state_explanation(job)) if is_with_vendor else job.status_detail or step
    texts = dict.fromkeys(text for text in (attempts, job.error, job.warning, status) if text)
    return [shorten(text, max_length=_REASON_LENGTH) for text in texts]


def _credits_cell(job: JobSnapshot) -> TableCell:
    """Return what the job costs, and whether that is charged if this is not plain."""
    cost, is_estimate = known_cost(job)
    if job.charged == "no" and job.state.is_final:
        return TableCell("0", order=0)
    text = "" if cost is None else f"{'~' if is_estimate else ''}{cost:,}"
    aside = {"no": "not yet", "unknown": "may be charged", "yes": ""}[job.charged]
    if job.refund_credits is not None:
        aside = "refunded" if job.refund_credits else "not refunded yet"
    whole = format_credits(cost, is_estimate=is_estimate, is_sandbox=job.is_sandbox)
    return TableCell(text, aside=aside, order=cost, tooltip=whole)


def _duration(job: JobSnapshot, now: float) -> str:
    elapsed = elapsed_s(job, now=now)
    if job.state.is_final:
        return f"took {format_duration(elapsed)}" if job.submitted_at is not None else ""
    return "" if job.is_paused else format_clock(elapsed)


def _jobs_summary(jobs: Sequence[JobSnapshot]) -> str:
    states = Counter(job.state for job in jobs)
    count = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
    parts = ", ".join(f"{states[state]} {SHORT_STATE_LABELS[state].lower()}" for state in JobState if states[state])
    charged = [known_cost(job) for job in jobs if job.charged == "yes" and not job.refund_credits]
    total = sum(cost or 0 for cost, _ in charged)
    if not total:
        return f"{count}: {parts}"
    is_estimate = any(is_estimate for _, is_estimate in charged)
    unit = "sandbox credits" if all(job.is_sandbox for job in jobs) else "credits"
    return f"{count}: {parts} · {'about ' if is_estimate else ''}{total:,} {unit}"


# -- one job ---------------------------------------------------------------------------------------------------------


def events_table(events: Sequence[JobEvent]) -> Table:
    """Return what happened to a job, oldest first."""
    if not events:
        return Table("Nothing has happened yet.")
    count = "1 event" if len(events) == 1 else f"{len(events)} events"
    took_s = events[-1].at - events[0].at
    summary = f"{count} in {format_duration(took_s)}" if took_s >= 1 else count
    rows = tuple(
        (
            time_cell(event.at, is_exact=True),
            state_cell(SHORT_STATE_LABELS[event.state], severity(event.state)),
            event.text or event.kind.replace("_", " "),
        )
        for event in events
    )
    return Table(summary, (Column("Time"), Column("State"), Column("What happened", "prose")), rows, is_narrow=True)


def attempts_table(attempts: Sequence[Attempt]) -> Table:
    """Return the paid calls of a job, oldest first."""
    if not attempts:
        return Table("No paid call was sent.")
    count = "1 paid call" if len(attempts) == 1 else f"{len(attempts)} paid calls"
    charged = sum(attempt.credits or 0 for attempt in attempts if attempt.charged == "yes")
    columns = (
        Column("Call", "number"),
        Column("Sent"),
        Column("Outcome", "prose"),
        Column("Charged"),
        Column("Credits", "number", meaning="~: an estimate"),
    )
    rows = tuple(
        (
            attempt.number,
            time_cell(attempt.sent_at, is_exact=True),
            attempt.text,
            CHARGE_LABELS[attempt.charged],
            _attempt_credits(attempt),
        )
        for attempt in attempts
    )
    return Table(f"{count}: {charged:,} credits charged", columns, rows, is_narrow=True)


def _attempt_credits(attempt: Attempt) -> TableCell:
    if attempt.charged == "no":
        return TableCell("0", order=0)
    if attempt.credits is None:
        return TableCell("unknown")
    return TableCell(f"{'~' if attempt.is_estimate else ''}{attempt.credits:,}", order=attempt.credits)
