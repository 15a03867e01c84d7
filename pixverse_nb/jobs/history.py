"""Reading jobs from a ledger without running them, for the command line."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import Attempt, JobEvent, JobRecord, JobSnapshot
from pixverse_nb.jobs.messages import describe_error, describe_notice, status_detail, suggested_action
from pixverse_nb.jobs.results import attempts_from_events, with_texts
from pixverse_nb.jobs.transitions import can_resume
from pixverse_nb.ledger.jobs import Ledger


@dataclass(frozen=True)
class History:
    """One job: its current state, its paid calls and its events, oldest first."""

    snapshot: JobSnapshot
    attempts: tuple[Attempt, ...]
    events: tuple[JobEvent, ...]


def read_jobs(home: Path, *, service: str, timing: Timing | None, now: float, limit: int) -> list[JobSnapshot]:
    """Return the newest jobs of a home, newest first; empty if there is no ledger.

    `timing` is that of the process that runs them, None if unknown.
    """
    with _opened(home, service) as ledger:
        return [_snapshot(record, timing, now) for record in ledger.jobs(limit=limit)] if ledger else []


def read_history(home: Path, ref: str, *, service: str, timing: Timing | None, now: float) -> History | None:
    """Return the history of a job by its ref or video id, or None if the home has no such job."""
    with _opened(home, service) as ledger:
        record = (ledger.load(ref) or ledger.load_by_video(ref)) if ledger else None
        if ledger is None or record is None:
            return None
        events = with_texts(ledger.events(record.ref))
        return History(_snapshot(record, timing, now), attempts_from_events(record, events), events)


@contextlib.contextmanager
def _opened(home: Path, service: str) -> Iterator[Ledger | None]:
    if not (home / "ledger.db").is_file():
        yield None
        return
    with contextlib.closing(Ledger(home / "ledger.db", service=service)) as ledger:
        yield ledger


def _snapshot(record: JobRecord, timing: Timing | None, now: float) -> JobSnapshot:
    return JobSnapshot(
        ref=record.ref,
        state=record.state,
        request=record.request,
        created_at=record.created_at,
        submitted_at=record.submitted_at,
        finished_at=record.finished_at,
        notices=tuple(map(describe_notice, record.notices)),
        warning=None if record.blocked or record.warning is None else describe_notice(record.warning),
        error=describe_error(record),
        suggested_action=suggested_action(record, is_paused=False),
        status_detail=status_detail(record, timing=timing, now=now, is_paused=False),
        is_paused=record.blocked and not record.state.is_final,
        can_resume=can_resume(record, is_paused=record.blocked),
        attempt=record.attempt,
        charged=record.charged,
        estimated_credits=record.estimated_credits,
        cost_credits=record.cost_credits,
        is_sandbox=timing is None,
    )
