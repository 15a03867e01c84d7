"""Jobs read from a ledger without driving them: for the command line."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import Attempt, JobEvent, JobRecord, JobSnapshot
from pixverse_nb.jobs.messages import coming, suggested_action
from pixverse_nb.jobs.results import attempts_from_events
from pixverse_nb.jobs.transitions import can_resume
from pixverse_nb.ledger import Ledger


@dataclass(frozen=True)
class History:
    """One job's whole life: where it stands, its paid calls, and everything that happened, oldest first."""

    snapshot: JobSnapshot
    attempts: tuple[Attempt, ...]
    events: tuple[JobEvent, ...]


def read_jobs(home: Path, *, service: str, timing: Timing | None, now: float, limit: int) -> list[JobSnapshot]:
    """Return the newest jobs of a home, newest first; none where there is no ledger.

    `timing` is the pace of the process that drives them, None where it is not known.
    """
    with _opened(home, service) as ledger:
        return [_snapshot(record, timing, now) for record in ledger.jobs(limit=limit)] if ledger else []


def read_history(home: Path, ref: str, *, service: str, timing: Timing | None, now: float) -> History | None:
    """Return the whole life of a job by its ref or video id, or None where the home does not know it."""
    with _opened(home, service) as ledger:
        record = (ledger.load(ref) or ledger.load_by_video(ref)) if ledger else None
        if ledger is None or record is None:
            return None
        events = tuple(ledger.events(record.ref))
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
        notices=record.notices,
        warning=None if record.blocked else record.warning,
        error=record.error,
        suggested_action=suggested_action(record, is_resting=False),
        coming=coming(record, timing=timing, now=now, is_resting=False),
        is_paused=record.blocked and not record.state.is_final,
        can_resume=can_resume(record, is_resting=record.blocked),
        attempt=record.attempt,
        charged=record.charged,
        estimated_credits=record.estimated_credits,
        cost_credits=record.cost_credits,
        is_sandbox=timing is None,
    )
