"""Reading jobs from a ledger without running them, for the command line."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import Attempt, JobEvent, JobRecord, JobSnapshot
from pixverse_nb.jobs.results import attempts_from_events, snapshot_from_record, with_texts
from pixverse_nb.ledger.jobs import Ledger


@dataclass(frozen=True)
class History:
    """One job: its current state, its paid calls and its events, oldest first."""

    snapshot: JobSnapshot
    attempts: tuple[Attempt, ...]
    events: tuple[JobEvent, ...]


def read_services(home: Path) -> tuple[str, ...]:
    """Return every service that has jobs in a home; empty if there is no ledger."""
    with _opened(home, "") as ledger:
        return ledger.services() if ledger else ()


def read_jobs(
    home: Path, *, service: str, timing: Timing | None, is_sandbox: bool, now: float, limit: int
) -> list[JobSnapshot]:
    """Return the newest jobs of a home, newest first; empty if there is no ledger.

    `timing` is that of the process that runs them, None if unknown.
    """
    with _opened(home, service) as ledger:
        records = ledger.jobs(limit=limit) if ledger else []
        return [_snapshot(record, timing, now, is_sandbox=is_sandbox) for record in records]


def read_history(
    home: Path, ref: str, *, service: str, timing: Timing | None, is_sandbox: bool, now: float
) -> History | None:
    """Return the history of a job by its ref or video id, or None if the home has no such job."""
    with _opened(home, service) as ledger:
        record = (ledger.load(ref) or ledger.load_by_video(ref)) if ledger else None
        if ledger is None or record is None:
            return None
        events = with_texts(ledger.events(record.ref))
        snapshot = _snapshot(record, timing, now, is_sandbox=is_sandbox)
        return History(snapshot, attempts_from_events(record, events), events)


@contextlib.contextmanager
def _opened(home: Path, service: str) -> Iterator[Ledger | None]:
    if not (home / "ledger.db").is_file():
        yield None
        return
    with contextlib.closing(Ledger(home / "ledger.db", service=service)) as ledger:
        yield ledger


def _snapshot(record: JobRecord, timing: Timing | None, now: float, *, is_sandbox: bool) -> JobSnapshot:
    return snapshot_from_record(record, timing=timing, now=now, is_paused=record.blocked, is_sandbox=is_sandbox)
