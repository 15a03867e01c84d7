"""One job as a row: how a record is stored and read back, inside the caller's transaction."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from pixverse_nb.errors import LedgerError
from pixverse_nb.models import JobEvent, JobState, UploadedFile
from pixverse_nb.record import JobRecord


def insert_job(db: sqlite3.Connection, record: JobRecord, *, service: str) -> JobRecord:
    """Store a job that is not there yet; return it as stored, with version 1."""
    added = replace(record, version=1)
    db.execute(
        "INSERT INTO jobs (ref, service, cell, call_key, seed_was_drawn, state, video_id, created_at, version, data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            added.ref,
            service,
            added.request.cell,
            added.request.call_key,
            int(added.seed_was_drawn),
            added.state.value,
            added.video_id,
            added.created_at,
            added.version,
            _dumped(added),
        ),
    )
    return added


def update_job(db: sqlite3.Connection, record: JobRecord) -> JobRecord | None:
    """Store the next version of a job; return it, or None where `record` does not follow on the newest one."""
    saved = replace(record, version=record.version + 1)
    changed = db.execute(
        "UPDATE jobs SET state = ?, video_id = ?, version = ?, data = ? WHERE ref = ? AND version = ?",
        (saved.state.value, saved.video_id, saved.version, _dumped(saved), saved.ref, record.version),
    ).rowcount
    return saved if changed else None


def add_event(db: sqlite3.Connection, ref: str, event: JobEvent) -> None:
    """Add a line to a job's history."""
    db.execute(
        "INSERT INTO events (ref, at, state, text) VALUES (?, ?, ?, ?)", (ref, event.at, event.state.value, event.text)
    )


def job_of(data: str) -> JobRecord:
    """Return the record of a row; LedgerError where the row is damaged."""
    with _readable():
        return JobRecord.from_json(json.loads(data), is_ours=True)


def event_of(at: float, state: str, text: str) -> JobEvent:
    """Return a line of a job's history; LedgerError where it is damaged."""
    with _readable():
        return JobEvent(at, JobState(state), text)


def upload_of(data: str) -> UploadedFile:
    """Return a remembered upload; LedgerError where the row is damaged."""
    with _readable():
        return UploadedFile(**json.loads(data))


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise LedgerError(
            "A row in ledger.db cannot be read: the file is damaged, or was changed by hand. Copy it away whole (with "
            "ledger.db-wal, where there is one) before anything else; nothing was changed."
        ) from error


def _dumped(record: JobRecord) -> str:
    return json.dumps(record.to_json(), separators=(",", ":"))
