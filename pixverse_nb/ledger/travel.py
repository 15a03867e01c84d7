"""Jobs and uploads that leave for another machine or come from one, each as one transaction."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from pixverse_nb.ledger.file import LedgerFile
from pixverse_nb.ledger.rows import add_event, event_of, insert_job, job_of, update_job, upload_of
from pixverse_nb.models import JobEvent, UploadedFile
from pixverse_nb.record import JobRecord


@dataclass(frozen=True)
class TravellingJob:
    """A job with its history."""

    record: JobRecord
    events: tuple[JobEvent, ...]


@dataclass(frozen=True)
class TravellingUpload:
    """A picture that the vendor holds for an account ("" where the token reaches one only), since `at`."""

    upload: UploadedFile
    account: str
    at: float


# What becomes of a job: (ours, theirs) -> what to store, or None where ours stays as it is.
Decision = Callable[[JobRecord | None, JobRecord], JobRecord | None]


class Travel:
    """The rows of one service that are taken along."""

    def __init__(self, file: LedgerFile, *, service: str) -> None:
        self._file = file
        self._service = service

    def pack(self, refs: Iterable[str] | None) -> tuple[list[TravellingJob], list[TravellingUpload]]:
        """Return the jobs named by `refs` (None: all), oldest first, and the uploads of their pictures (None: all)."""
        with self._file.transaction() as db:
            records = self._all(db) if refs is None else self._named(db, refs)
            jobs = [TravellingJob(record, self._events(db, record.ref)) for record in records]
            rows = db.execute(
                "SELECT data, account, at FROM uploads WHERE service = ? ORDER BY at", (self._service,)
            ).fetchall()
        uploads = [TravellingUpload(upload_of(data), account, at) for data, account, at in rows]
        if refs is not None:
            pictures = {sha for job in jobs for sha in (job.record.first_sha, job.record.last_sha)}
            uploads = [one for one in uploads if one.upload.sha256 in pictures]
        return jobs, uploads

    def unpack(
        self,
        jobs: Iterable[TravellingJob],
        uploads: Iterable[TravellingUpload],
        *,
        decide: Decision,
        at: float,
        text: str,
    ) -> list[JobRecord]:
        """Store what `decide` makes of each job, with `text` in its history, and the uploads not known yet.

        All of it or nothing; returns the records as stored.
        """
        stored = []
        with self._file.transaction() as db:
            for job in jobs:
                ours = self._load(db, job.record.ref)
                after = decide(ours, job.record)
                if after is None:
                    continue
                if ours is None:
                    saved: JobRecord | None = insert_job(db, after, service=self._service)
                    for event in job.events:
                        add_event(db, job.record.ref, event)
                else:
                    saved = update_job(db, after)
                if saved is not None:
                    add_event(db, saved.ref, JobEvent(at, saved.state, text))
                    stored.append(saved)
            for one in uploads:
                db.execute(
                    "INSERT OR IGNORE INTO uploads (service, account, sha256, at, data) VALUES (?, ?, ?, ?, ?)",
                    (self._service, one.account, one.upload.sha256, one.at, json.dumps(asdict(one.upload))),
                )
        return stored

    # -- inside --------------------------------------------------------------------------------------------------

    def _all(self, db: sqlite3.Connection) -> list[JobRecord]:
        rows = db.execute("SELECT data FROM jobs WHERE service = ? ORDER BY created_at, rowid", (self._service,))
        return [job_of(data) for (data,) in rows.fetchall()]

    def _named(self, db: sqlite3.Connection, refs: Iterable[str]) -> list[JobRecord]:
        found = (self._load(db, ref) for ref in dict.fromkeys(refs))
        return sorted((record for record in found if record is not None), key=lambda record: record.created_at)

    def _load(self, db: sqlite3.Connection, ref: str) -> JobRecord | None:
        row = db.execute("SELECT data FROM jobs WHERE service = ? AND ref = ?", (self._service, ref)).fetchone()
        return job_of(row[0]) if row else None

    @staticmethod
    def _events(db: sqlite3.Connection, ref: str) -> tuple[JobEvent, ...]:
        rows = db.execute("SELECT at, state, text FROM events WHERE ref = ? ORDER BY at, rowid", (ref,)).fetchall()
        return tuple(event_of(*row) for row in rows)
