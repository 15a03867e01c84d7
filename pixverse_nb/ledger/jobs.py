"""One job as a row: how a record is stored and read back, inside the caller's transaction."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from pixverse_nb.domain.jobs import FINAL_STATES, JobEvent, JobRecord, JobState
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import BudgetReached, LedgerError
from pixverse_nb.ledger.accounts import Balances, LeaseStore, seat_row
from pixverse_nb.ledger.database import Database
from pixverse_nb.ledger.sweeps import COST, RatingStore, Sweeps, sweep_spent


def insert_job(db: sqlite3.Connection, record: JobRecord, *, service: str) -> JobRecord:
    """Store a job that is not there yet; return it as stored, with version 1."""
    added = replace(record, version=1)
    db.execute(
        "INSERT INTO jobs (ref, service, cell, seedless_key, seed_was_drawn, state, video_id, created_at, version, data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            added.ref,
            service,
            added.request.cell,
            added.request.seedless_key,
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
        return JobEvent(at, JobState(state), text=text)


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


@dataclass(frozen=True)
class ExportedJob:
    """A job with its history."""

    record: JobRecord
    events: tuple[JobEvent, ...]


@dataclass(frozen=True)
class ExportedUpload:
    """A picture that the vendor holds for an account ("" where the token reaches one only), since `at`."""

    upload: UploadedFile
    account: str
    at: float


# What becomes of a job: (ours, theirs) -> what to store, or None where ours stays as it is.
Decision = Callable[[JobRecord | None, JobRecord], JobRecord | None]


class TransferStore:
    """The rows of one service that are taken along."""

    def __init__(self, file: Database, *, service: str) -> None:
        self._file = file
        self._service = service

    def pack(self, refs: Iterable[str] | None) -> tuple[list[ExportedJob], list[ExportedUpload]]:
        """Return the jobs named by `refs` (None: all), oldest first, and the uploads of their pictures (None: all)."""
        with self._file.transaction() as db:
            records = self._all(db) if refs is None else self._named(db, refs)
            jobs = [ExportedJob(record, self._events(db, record.ref)) for record in records]
            rows = db.execute(
                "SELECT data, account, at FROM uploads WHERE service = ? ORDER BY at", (self._service,)
            ).fetchall()
        uploads = [ExportedUpload(upload_of(data), account, at) for data, account, at in rows]
        if refs is not None:
            pictures = {sha for job in jobs for sha in (job.record.first_sha, job.record.last_sha)}
            uploads = [one for one in uploads if one.upload.sha256 in pictures]
        return jobs, uploads

    def unpack(
        self,
        jobs: Iterable[ExportedJob],
        uploads: Iterable[ExportedUpload],
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
                    add_event(db, saved.ref, JobEvent(at, saved.state, text=text))
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


_OPEN_NAMES: Final = tuple(sorted(state.value for state in JobState if state not in FINAL_STATES))
_REUSABLE_NAMES: Final = tuple(
    sorted(state.value for state in JobState if state not in (JobState.FAILED, JobState.MODERATED, JobState.REFUSED))
)


class Ledger:
    """The jobs, events and uploads of one home folder, for one service (API address or sandbox).

    Usable from any thread; every method is one short transaction. Raises LedgerError with the mend where the file
    cannot be used; a failed write changes nothing.
    """

    def __init__(self, path: Path, *, service: str, budget_credits: int | None = None) -> None:
        self.service = service
        self.budget_credits = budget_credits  # of who holds this ledger: what they ask for stands under it
        self._file = Database(path)
        self.leases = LeaseStore(self._file, service=service)
        self.balances = Balances(self._file, service=service)
        self.travel = TransferStore(self._file, service=service)
        self.sweeps = Sweeps(self._file, service=service)
        self.opinions = RatingStore(self._file, service=service)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def network(self) -> str | None:
        """The kind of the network file system that holds the file, or None on a local disk."""
        return self._file.network

    def damage(self) -> str | None:
        """Return what SQLite finds wrong with the file, or None where it is sound; reads all of it."""
        with self._file.reading() as db:
            found = [str(text) for (text,) in db.execute("PRAGMA quick_check(5)")]
        return None if found == ["ok"] else "; ".join(found)

    def count(self) -> int:
        """Return how many jobs there are."""
        with self._file.reading() as db:
            return int(db.execute("SELECT count(*) FROM jobs WHERE service = ?", (self.service,)).fetchone()[0])

    def data_version(self) -> int:
        """Return a number that changes when another process has written; costs next to nothing."""
        return self._file.data_version()

    def find_or_add(self, record: JobRecord, *, reuse: bool) -> tuple[JobRecord, bool]:
        """Return the newest job that the same call made before and False, or `record` as added and True.

        In one transaction, so that two clicks, cells or kernels that ask at the same moment get one job.
        """
        with self._file.transaction() as db:
            if reuse:
                found = self._newest_like(db, record)
                if found is not None:
                    return self._under_budgets_of(db, record, found), False
            added = insert_job(db, record, service=self.service)
            add_event(db, added.ref, JobEvent(added.created_at, added.state, text="asked for"))
            return added, True

    def find_reusable(self, record: JobRecord) -> JobRecord | None:
        """Return the newest reusable job that the same call made before, or None."""
        with self._file.reading() as db:
            return self._newest_like(db, record)

    def save(self, record: JobRecord, *, at: float, text: str, epoch: int | None = None) -> JobRecord | None:
        """Store `record` and an event, synced; return it with its new version, or None if another write came first.

        With `epoch` (the intent of a paid call) it is stored only while that is the seat's epoch. Raises
        BudgetReached where the intent would exceed a budget of the record, or has no known price under one.
        """
        with self._file.transaction() as db:
            if epoch is not None:
                row = seat_row(db, self.service)
                if row is None or row.epoch != epoch:
                    return None
                self._check_budget(db, record)
            saved = update_job(db, record)
            if saved is not None:
                add_event(db, saved.ref, JobEvent(at, saved.state, text=text))
            return saved

    def spent_credits(self) -> int:
        """Return what this home has paid, or may have paid, for its service, in credits (estimates where not told)."""
        with self._file.reading() as db:
            return self._spent(db, except_ref="")

    def paid_since(self, moment: float) -> list[JobRecord]:
        """Return the jobs that were accepted, or may have been, at `moment` (Unix seconds) or later."""
        return self._many(
            "SELECT data FROM jobs WHERE service = ? AND json_extract(data, '$.charged') != 'no'"
            " AND coalesce(json_extract(data, '$.intent_at'), json_extract(data, '$.submitted_at')) >= ?",
            moment,
        )

    def changes_since(self, mark: int) -> tuple[int, list[JobRecord]]:
        """Return the jobs that any process has changed after `mark`, and the new mark; 0 starts from the beginning."""
        with self._file.reading() as db:
            newest = int(db.execute("SELECT coalesce(max(rowid), 0) FROM events").fetchone()[0])
            rows = db.execute(
                # the plus keeps SQLite from walking through every job of the service
                "SELECT data FROM jobs WHERE ref IN (SELECT ref FROM events WHERE rowid > ?) AND +service = ?"
                " ORDER BY created_at, rowid",
                (mark, self.service),
            ).fetchall()
        return newest, [job_of(data) for (data,) in rows]

    def change_mark(self) -> int:
        """Return the mark for `changes_since` from now on."""
        with self._file.reading() as db:
            return int(db.execute("SELECT coalesce(max(rowid), 0) FROM events").fetchone()[0])

    def load(self, ref: str) -> JobRecord | None:
        """Return the job with this ref, or None."""
        return self._one("SELECT data FROM jobs WHERE service = ? AND ref = ?", ref)

    def load_by_video(self, video_id: str) -> JobRecord | None:
        """Return the job of this vendor id, or None."""
        return self._one("SELECT data FROM jobs WHERE service = ? AND video_id = ?", video_id)

    def knows_video(self, video_id: str) -> bool:
        """Tell whether some job holds this vendor id."""
        return self.load_by_video(video_id) is not None

    def open_jobs(self) -> list[JobRecord]:
        """Return the jobs that are not final, oldest first."""
        marks = ", ".join("?" * len(_OPEN_NAMES))
        return self._many(  # the plus: looked up by state, not walked through by time
            f"SELECT data FROM jobs WHERE service = ? AND state IN ({marks}) ORDER BY +created_at, rowid",  # noqa: S608 - marks only
            *_OPEN_NAMES,
        )

    def jobs(self, *, limit: int) -> list[JobRecord]:
        """Return the newest `limit` jobs, newest first."""
        return self._many("SELECT data FROM jobs WHERE service = ? ORDER BY created_at DESC, rowid DESC LIMIT ?", limit)

    def durations_of(self, *, limit: int) -> list[JobRecord]:
        """Return the newest finished jobs, for what their durations teach."""
        return self._many(
            "SELECT data FROM jobs WHERE service = ? AND state = 'done' ORDER BY created_at DESC LIMIT ?", limit
        )

    def stored_videos(self, *, after: int = 0, limit: int = 500) -> list[tuple[int, str, str, int]]:
        """Return a page of the finished videos whose file is expected: (mark of the next page, ref, name, bytes)."""
        with self._file.reading() as db:
            return db.execute(
                "SELECT rowid, ref, json_extract(data, '$.video.name'), json_extract(data, '$.video.size_bytes')"
                " FROM jobs NOT INDEXED WHERE service = ? AND state = 'done' AND rowid > ?"
                " AND json_extract(data, '$.error') IS NULL ORDER BY rowid LIMIT ?",
                (self.service, after, limit),
            ).fetchall()

    def events(self, ref: str) -> list[JobEvent]:
        """Return what happened to a job, oldest first."""
        with self._file.reading() as db:
            rows = db.execute("SELECT at, state, text FROM events WHERE ref = ? ORDER BY at, rowid", (ref,)).fetchall()
        return [event_of(*row) for row in rows]

    def find_upload(self, sha256: str, *, account: str | None) -> UploadedFile | None:
        """Return the earlier upload of these bytes to this account, or None."""
        with self._file.reading() as db:
            row = db.execute(
                "SELECT data FROM uploads WHERE service = ? AND account = ? AND sha256 = ?",
                (self.service, account or "", sha256),
            ).fetchone()
        return upload_of(row[0]) if row else None

    def add_upload(self, upload: UploadedFile, *, account: str | None, at: float) -> None:
        """Remember an upload, so that the same picture goes up once for each account."""
        with self._file.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO uploads (service, account, sha256, at, data) VALUES (?, ?, ?, ?, ?)",
                (self.service, account or "", upload.sha256, at, json.dumps(asdict(upload))),
            )

    def forget_upload(self, path: str) -> None:
        """Forget an upload that the vendor no longer takes."""
        with self._file.transaction() as db:
            db.execute(
                "DELETE FROM uploads WHERE service = ? AND json_extract(data, '$.path') = ?", (self.service, path)
            )

    def uploads(self) -> list[UploadedFile]:
        """Return every remembered upload, newest first."""
        with self._file.reading() as db:
            rows = db.execute("SELECT data FROM uploads WHERE service = ? ORDER BY at DESC", (self.service,)).fetchall()
        return [upload_of(data) for (data,) in rows]

    # -- inside --------------------------------------------------------------------------------------------------

    @staticmethod
    def _under_budgets_of(db: sqlite3.Connection, asked: JobRecord, found: JobRecord) -> JobRecord:
        """A job that may still be sent stands under the budgets of whoever asks for it last."""
        moved = replace(
            found,
            budget_credits=asked.budget_credits,
            sweep=asked.sweep or found.sweep,
            sweep_budget_credits=asked.sweep_budget_credits if asked.sweep else found.sweep_budget_credits,
        )
        is_over = found.state in FINAL_STATES and found.state not in (JobState.TIMED_OUT, JobState.CANCELLED)
        if found.charged == "yes" or is_over or moved == found:
            return found
        return update_job(db, moved) or found

    def _check_budget(self, db: sqlite3.Connection, record: JobRecord) -> None:
        if record.budget_credits is not None:
            spent = self._spent(db, except_ref=record.ref)
            _refuse_above(record.budget_credits, spent, record, whose="the budget")
        if record.sweep is not None and record.sweep_budget_credits is not None:
            spent = sweep_spent(db, self.service, record.sweep, except_ref=record.ref)
            _refuse_above(record.sweep_budget_credits, spent, record, whose="the sweep's budget")

    def _spent(self, db: sqlite3.Connection, *, except_ref: str) -> int:
        total = db.execute("SELECT spent FROM sums WHERE service = ?", (self.service,)).fetchone()
        own = db.execute(
            f"SELECT {COST} FROM jobs WHERE ref = ? AND service = ? AND json_extract(data, '$.charged') != 'no'",  # noqa: S608 - own words
            (except_ref, self.service),
        ).fetchone()
        return int(total[0] if total else 0) - int(own[0] if own else 0)

    def _newest_like(self, db: sqlite3.Connection, record: JobRecord) -> JobRecord | None:
        drawn = " AND seed_was_drawn" if record.seed_was_drawn else ""
        request = record.request
        column, value = ("seedless_key", request.seedless_key) if drawn else ("cell", request.cell)
        marks = ", ".join("?" * len(_REUSABLE_NAMES))
        row = db.execute(
            f"SELECT data FROM jobs WHERE service = ? AND {column} = ?{drawn} AND state IN ({marks})"  # noqa: S608 - own names
            " AND NOT (state = 'cancelled' AND json_extract(data, '$.charged') = 'no')"  # given up before it was paid
            " ORDER BY created_at DESC, rowid DESC LIMIT 1",
            (self.service, value, *_REUSABLE_NAMES),
        ).fetchone()
        return job_of(row[0]) if row else None

    def _one(self, query: str, *values: Any) -> JobRecord | None:
        found: Sequence[JobRecord] = self._many(query, *values)
        return found[0] if found else None

    def _many(self, query: str, *values: Any) -> list[JobRecord]:
        with self._file.reading() as db:
            rows = db.execute(query, (self.service, *values)).fetchall()
        return [job_of(data) for (data,) in rows]


def _refuse_above(budget_credits: int, spent: int, record: JobRecord, *, whose: str) -> None:
    price = record.estimated_credits
    if price is None:
        raise BudgetReached(
            f"The price list does not tell what this video costs, so {whose} of {budget_credits:,} credits cannot be "
            "kept. It was not sent and nothing was paid. Add its price (Client(prices=…)), or go on without a budget.",
            ref=record.ref,
        )
    if spent + price > budget_credits:
        raise BudgetReached(
            f"This video costs about {price:,} credits; {spent:,} of {whose} of {budget_credits:,} are spent (or may "
            "be). It was not sent and nothing was paid. Raise budget_credits to go on.",
            ref=record.ref,
        )
