"""`Ledger`: the jobs, events and uploads of one home and service, and their export and import."""

import json
import secrets
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from pixverse_nb.domain.jobs import FINAL_STATES, MODERATED_AFTERWARDS, JobEvent, JobRecord, JobState
from pixverse_nb.domain.operations import UNDOCUMENTED_PRICES
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import BudgetReached, LedgerError
from pixverse_nb.ledger.accounts import BalanceStore, LeaseRow, LeaseStore, lease_name, lease_row
from pixverse_nb.ledger.database import Database
from pixverse_nb.ledger.schema import COST
from pixverse_nb.ledger.spending import SpendingStore
from pixverse_nb.ledger.sweeps import (
    NO_RATINGS,
    ExportedRatings,
    RatingStore,
    SweepStore,
    insert_ratings,
    sweep_spent,
)


def insert_job(db: sqlite3.Connection, record: JobRecord, *, service: str) -> JobRecord:
    """Store a new job inside the caller's transaction; return it as stored, with version 1."""
    added = replace(record, version=1)
    db.execute(
        "INSERT INTO jobs (ref, service, content_key, seedless_key, seed_was_drawn, state, video_id, created_at,"
        " version, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            added.ref,
            service,
            added.request.content_key,
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
    """Store the next version of a job; return it, or None if `record` is not the newest version."""
    saved = replace(record, version=record.version + 1)
    changed = db.execute(
        "UPDATE jobs SET state = ?, video_id = ?, version = ?, data = ? WHERE ref = ? AND version = ?",
        (saved.state.value, saved.video_id, saved.version, _dumped(saved), saved.ref, record.version),
    ).rowcount
    return saved if changed else None


def add_event(db: sqlite3.Connection, ref: str, event: JobEvent) -> None:
    """Add an event to a job's history."""
    db.execute(
        "INSERT INTO events (ref, at, state, kind, data) VALUES (?, ?, ?, ?, ?)",
        (ref, event.at, event.state.value, event.kind, json.dumps(dict(event.data))),
    )


def job_of(data: str) -> JobRecord:
    """Return the record of a row; raises LedgerError if the row is damaged."""
    with _readable():
        return JobRecord.from_json(json.loads(data))


def event_of(at: float, state: str, kind: str, data: str) -> JobEvent:
    """Return an event of a job; raises LedgerError if the row is damaged."""
    with _readable():
        return JobEvent(at, JobState(state), kind, json.loads(data))


def upload_of(data: str) -> UploadedFile:
    """Return a stored upload; raises LedgerError if the row is damaged."""
    with _readable():
        return UploadedFile(**json.loads(data))


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise LedgerError(
            "A row in ledger.db cannot be read: the file is damaged or was edited. Back up ledger.db and, if present, "
            "ledger.db-wal before anything else; nothing was changed."
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
    """A picture that the vendor has for an account (a payer's only one: the payer), since `at` (Unix seconds)."""

    upload: UploadedFile
    account: str
    at: float


# (our record, theirs) -> the record to store, or None to keep ours.
MergeFunction = Callable[[JobRecord | None, JobRecord], JobRecord | None]


class TransferStore:
    """Exports and imports the rows of one service."""

    def __init__(self, file: Database, *, service: str) -> None:
        self._file = file
        self._service = service

    def export_rows(self, refs: Iterable[str] | None) -> tuple[list[ExportedJob], list[ExportedUpload]]:
        """Return the jobs named by `refs` (None: all), oldest first, and the uploads of their pictures (None: all)."""
        with self._file.snapshot() as db:
            records = self._all(db) if refs is None else self._named(db, refs)
            jobs = [ExportedJob(record, self._events(db, record.ref)) for record in records]
            rows = db.execute(
                "SELECT data, account, at FROM uploads WHERE service = ? ORDER BY at", (self._service,)
            ).fetchall()
        uploads = [ExportedUpload(upload_of(data), account, at) for data, account, at in rows]
        if refs is not None:
            pictures = {item.sha256 for job in jobs for item in job.record.inputs}
            uploads = [one for one in uploads if one.upload.sha256 in pictures]
        return jobs, uploads

    def import_rows(
        self,
        jobs: Iterable[ExportedJob],
        uploads: Iterable[ExportedUpload],
        ratings: ExportedRatings = NO_RATINGS,
        *,
        merge: MergeFunction,
        at: float,
        kind: str,
        data: Mapping[str, Any],
    ) -> list[JobRecord]:
        """Store what `merge` returns for each job, with this event in its history, new uploads and ratings.

        All or nothing; returns the records as stored.
        """
        stored = []
        with self._file.transaction() as db:
            for job in jobs:
                ours = self._load(db, job.record.ref)
                after = merge(ours, job.record)
                if after is None:
                    continue
                if ours is None:
                    saved: JobRecord | None = insert_job(db, after, service=self._service)
                    for event in job.events:
                        add_event(db, job.record.ref, event)
                else:
                    saved = update_job(db, after)
                if saved is not None:
                    add_event(db, saved.ref, JobEvent(at, saved.state, kind, data))
                    stored.append(saved)
            for one in uploads:
                db.execute(
                    "INSERT OR IGNORE INTO uploads (service, account, sha256, at, data) VALUES (?, ?, ?, ?, ?)",
                    (self._service, one.account, one.upload.sha256, one.at, json.dumps(asdict(one.upload))),
                )
            insert_ratings(db, self._service, ratings)
        return stored

    # -- internal ------------------------------------------------------------------------------------------------

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
        rows = db.execute(
            "SELECT at, state, kind, data FROM events WHERE ref = ? ORDER BY at, rowid", (ref,)
        ).fetchall()
        return tuple(event_of(*row) for row in rows)


PAID_ELSEWHERE: Final = "paid_in_other_home"  # the notice of a job whose call another home has paid for
_OPEN_NAMES: Final = tuple(sorted(state.value for state in JobState if state not in FINAL_STATES))
_UNSETTLED_NAMES: Final = (*_OPEN_NAMES, JobState.CANCELLED.value, JobState.TIMED_OUT.value)
_REUSABLE_NAMES: Final = tuple(
    sorted(state.value for state in JobState if state not in (JobState.FAILED, JobState.MODERATED, JobState.REFUSED))
)


class Ledger:
    """The jobs, events and uploads of one home folder, for one service (API address or sandbox).

    Usable from any thread; every method is one short transaction. Raises LedgerError with a suggested fix if the file
    cannot be used; a failed write changes nothing.
    """

    def __init__(
        self,
        path: Path,
        *,
        service: str,
        budget_credits: int | None = None,
        payer: str = "",
        is_read_only: bool = False,
    ) -> None:
        self.service = service
        self.budget_credits = budget_credits  # applies to what the owner of this ledger asks for
        self.payer = payer  # of the jobs that are added
        self._lease_name = lease_name(service, payer)
        self._file = Database(path, is_read_only=is_read_only)
        self.leases = LeaseStore(self._file, service=self._lease_name)
        self.balances = BalanceStore(self._file, service=service, payer=payer)
        self.transfers = TransferStore(self._file, service=service)
        self.sweeps = SweepStore(self._file, service=service)
        self.ratings = RatingStore(self._file, service=service)
        self.spending = SpendingStore(self._file, service=service)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def network(self) -> str | None:
        """The kind of the network file system that holds the file, or None on a local disk."""
        return self._file.network

    @property
    def is_read_only(self) -> bool:
        """Whether the jobs can be looked at, but none can be created or changed."""
        return self._file.is_read_only

    def is_in_place(self) -> bool:
        """Return whether the file is still what opening its path gives: not closed, deleted, replaced or read-only."""
        return self._file.is_in_place()

    def check_writable(self) -> None:
        """Raise LedgerError if this home can only be read; nothing may be sent then."""
        self._file.check_writable()

    def damage(self) -> str | None:
        """Return what SQLite finds wrong with the file, or None; reads all of it."""
        with self._file.reading() as db:
            found = [str(text) for (text,) in db.execute("PRAGMA quick_check(5)")]
        return None if found == ["ok"] else "; ".join(found)

    def count(self) -> int:
        """Return the number of jobs."""
        with self._file.reading() as db:
            return int(db.execute("SELECT count(*) FROM jobs WHERE service = ?", (self.service,)).fetchone()[0])

    def services(self) -> tuple[str, ...]:
        """Return every service that has jobs in this file, whichever one this ledger is for."""
        with self._file.reading() as db:
            return tuple(service for (service,) in db.execute("SELECT DISTINCT service FROM jobs ORDER BY service"))

    def lease_of(self, payer: str) -> LeaseRow | None:
        """Return the lease of the clients of this payer."""
        return LeaseStore(self._file, service=lease_name(self.service, payer)).current()

    def data_version(self) -> int:
        """Return a number that changes when another process has written; cheap."""
        return self._file.data_version()

    def find_or_add(self, record: JobRecord, *, reuse: bool) -> tuple[JobRecord, bool]:
        """Return the job of the same call (the newest; a paid one first) and False, or `record` as added and True.

        In one transaction, so that two clicks, cells or kernels at the same moment get one job.
        """
        with self._file.transaction() as db:
            if reuse:
                found = self._newest_like(db, record)
                if found is not None:
                    return self._brought_up_to_date(db, record, found), False
            added = insert_job(db, replace(record, payer=self.payer), service=self.service)
            add_event(db, added.ref, JobEvent(added.created_at, added.state, "created"))
            return added, True

    def add_adopted(
        self, drafts: Iterable[JobRecord], *, at: float, may_be: Callable[[JobRecord, JobRecord], bool], most: float
    ) -> list[JobRecord]:
        """Add the jobs of generations that exist already, at most `most`, newest first; return those added.

        Left out are generations that a job has, and those for which `may_be(draft, lost)` is true for a lost call of
        this home: a generation that another job has would prove that call absent, and it would be paid again. All in
        one transaction, so that no call is lost or answered in between. A ref that is in use gets an addition.
        """
        marks = ", ".join("?" * len(_UNSETTLED_NAMES))
        with self._file.transaction() as db:
            rows = db.execute(
                f"SELECT data FROM jobs WHERE service = ? AND state IN ({marks}) AND video_id IS NULL"  # noqa: S608 - placeholders only
                " AND json_extract(data, '$.charged') = 'unknown'",
                (self.service, *_UNSETTLED_NAMES),
            ).fetchall()
            lost = [job_of(data) for (data,) in rows]
            new: list[JobRecord] = []
            for draft in drafts:
                known = db.execute(
                    "SELECT 1 FROM jobs WHERE service = ? AND video_id = ?", (self.service, draft.video_id)
                ).fetchone()
                if len(new) < most and not known and not any(may_be(draft, one) for one in lost):
                    new.append(draft)
            added = [self._insert_adopted(db, draft, at=at) for draft in reversed(new)]  # rows of one second: by rowid
        return added[::-1]

    def find_reusable(self, record: JobRecord) -> JobRecord | None:
        """Return the newest reusable job of the same call, a paid one first; None if there is none."""
        with self._file.reading() as db:
            return self._newest_like(db, record)

    def save(
        self, record: JobRecord, *, at: float, kind: str, data: Mapping[str, Any], epoch: int | None = None
    ) -> JobRecord | None:
        """Store `record` and an event, synced; return it with its new version, or None if another write came first.

        With `epoch` (the intent of a paid call) it is stored only if that is the leader's epoch. Raises BudgetReached
        if the intent would exceed a budget of the record, or if its price is unknown.
        """
        with self._file.transaction() as db:
            if epoch is not None:
                row = lease_row(db, self._lease_name)
                if row is None or row.epoch != epoch:
                    return None
                self._check_budget(db, record)
            saved = update_job(db, record)
            if saved is not None:
                add_event(db, saved.ref, JobEvent(at, saved.state, kind, data))
            return saved

    def spent_credits(self) -> int:
        """Return what this home has spent or may have spent, in credits; unknown costs are estimated."""
        with self._file.reading() as db:
            return self._spent(db, except_ref="")

    def charged_jobs(self) -> list[JobRecord]:
        """Return every job that was charged, or may have been."""
        return self._many("SELECT data FROM jobs WHERE service = ? AND json_extract(data, '$.charged') != 'no'")

    def paid_since(self, moment: float) -> list[JobRecord]:
        """Return the jobs that were accepted, or may have been, at `moment` (Unix seconds) or later."""
        return self._many(
            "SELECT data FROM jobs WHERE service = ? AND json_extract(data, '$.charged') != 'no'"
            " AND coalesce(json_extract(data, '$.intent_at'), json_extract(data, '$.submitted_at')) >= ?",
            moment,
        )

    def paid_or_refunded_since(self, moment: float) -> list[JobRecord]:
        """Return the jobs that were accepted, or may have been, since then, also those that were refunded later."""
        return self._many(
            "SELECT data FROM jobs WHERE service = ?"
            " AND (video_id IS NOT NULL OR json_extract(data, '$.charged') != 'no')"
            " AND coalesce(json_extract(data, '$.intent_at'), json_extract(data, '$.submitted_at')) >= ?",
            moment,
        )

    def awaiting_refund(self, *, ended_after: float) -> list[JobRecord]:
        """Return the failed and moderated jobs since then whose credits may still come back.

        A finished job is one of them if the vendor has moderated its video afterwards; it is looked for among those
        that were created since then, because there may be many of them.
        """
        open_ = "video_id IS NOT NULL AND coalesce(json_extract(data, '$.refund_credits'), 0) = 0"
        without_video = self._many(
            f"SELECT data FROM jobs WHERE service = ? AND state IN ('failed', 'moderated') AND {open_}"  # noqa: S608
            " AND json_extract(data, '$.finished_at') >= ?",
            ended_after,
        )
        finished = self._many(
            f"SELECT data FROM jobs WHERE service = ? AND state = 'done' AND created_at >= ? AND {open_}"  # noqa: S608
            f" AND instr(data, '{MODERATED_AFTERWARDS}')",
            ended_after,
        )
        return [*without_video, *(job for job in finished if job.moderated_afterwards_at is not None)]

    def changes_since(self, mark: int) -> tuple[int, list[JobRecord]]:
        """Return the jobs that any process has changed after `mark`, and the new mark; 0 starts from the beginning."""
        with self._file.reading() as db:
            newest = int(db.execute("SELECT coalesce(max(rowid), 0) FROM events").fetchone()[0])
            rows = db.execute(
                # the plus keeps SQLite from scanning every job of the service
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
        """Return whether a job has this vendor id."""
        return self.load_by_video(video_id) is not None

    def open_jobs(self) -> list[JobRecord]:
        """Return the jobs that are not final, oldest first."""
        marks = ", ".join("?" * len(_OPEN_NAMES))
        return self._many(  # the plus: look up by state instead of scanning by time
            f"SELECT data FROM jobs WHERE service = ? AND state IN ({marks}) ORDER BY +created_at, rowid",  # noqa: S608 - placeholders only
            *_OPEN_NAMES,
        )

    def jobs(self, *, limit: int, states: Collection[JobState] | None = None) -> list[JobRecord]:
        """Return the newest `limit` jobs, newest first; `states` restricts them (None: any state)."""
        names = [state.value for state in states or ()]
        condition = f" AND state IN ({', '.join('?' * len(names))})" if states is not None else ""
        return self._many(
            f"SELECT data FROM jobs WHERE service = ?{condition} ORDER BY created_at DESC, rowid DESC LIMIT ?",  # noqa: S608 - placeholders only
            *names,
            limit,
        )

    def finished_jobs(self, *, limit: int) -> list[JobRecord]:
        """Return the newest finished jobs, for their durations."""
        return self._many(
            "SELECT data FROM jobs WHERE service = ? AND state = 'done' ORDER BY created_at DESC LIMIT ?", limit
        )

    def stored_videos(self, *, after: int = 0, limit: int = 500) -> list[tuple[int, str, str, int]]:
        """Return a page of the finished videos: (mark of the next page, ref, name, size in bytes)."""
        with self._file.reading() as db:
            return db.execute(
                "SELECT rowid, ref, json_extract(data, '$.video.name'), json_extract(data, '$.video.size_bytes')"
                " FROM jobs NOT INDEXED WHERE service = ? AND state = 'done' AND rowid > ?"
                " AND json_extract(data, '$.error') IS NULL ORDER BY rowid LIMIT ?",
                (self.service, after, limit),
            ).fetchall()

    def events(self, ref: str) -> list[JobEvent]:
        """Return the events of a job, oldest first."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT at, state, kind, data FROM events WHERE ref = ? ORDER BY at, rowid", (ref,)
            ).fetchall()
        return [event_of(*row) for row in rows]

    def find_upload(self, sha256: str, *, account: str | None) -> UploadedFile | None:
        """Return the earlier upload of these bytes to this account, or None."""
        with self._file.reading() as db:
            row = db.execute(
                "SELECT data FROM uploads WHERE service = ? AND account = ? AND sha256 = ?",
                (self.service, account or self.payer, sha256),
            ).fetchone()
        return upload_of(row[0]) if row else None

    def add_upload(self, upload: UploadedFile, *, account: str | None, at: float) -> None:
        """Store an upload, so that a picture is uploaded once per account."""
        with self._file.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO uploads (service, account, sha256, at, data) VALUES (?, ?, ?, ?, ?)",
                (self.service, account or self.payer, upload.sha256, at, json.dumps(asdict(upload))),
            )

    def forget_upload(self, path: str) -> None:
        """Remove an upload that the vendor no longer accepts."""
        with self._file.transaction() as db:
            db.execute(
                "DELETE FROM uploads WHERE service = ? AND json_extract(data, '$.path') = ?", (self.service, path)
            )

    def uploads(self) -> list[UploadedFile]:
        """Return every stored upload, newest first."""
        with self._file.reading() as db:
            rows = db.execute("SELECT data FROM uploads WHERE service = ? ORDER BY at DESC", (self.service,)).fetchall()
        return [upload_of(data) for (data,) in rows]

    # -- internal ------------------------------------------------------------------------------------------------

    def _insert_adopted(self, db: sqlite3.Connection, draft: JobRecord, *, at: float) -> JobRecord:
        if db.execute("SELECT 1 FROM jobs WHERE ref = ?", (draft.ref,)).fetchone():
            draft = replace(draft, ref=f"{draft.ref}-{secrets.token_hex(4)}")
        record = insert_job(db, replace(draft, payer=self.payer), service=self.service)
        add_event(db, record.ref, JobEvent(at, record.state, "adopted"))
        return record

    @staticmethod
    def _brought_up_to_date(db: sqlite3.Connection, requested: JobRecord, found: JobRecord) -> JobRecord:
        """Apply the budgets of the latest caller to a job that may still be sent, and what other homes have paid."""
        payments = (notice for notice in requested.notices if notice.kind == PAID_ELSEWHERE)
        moved = replace(
            found,
            notices=tuple(dict.fromkeys((*found.notices, *payments))),
            budget_credits=requested.budget_credits,
            sweep=requested.sweep or found.sweep,
            sweep_budget_credits=requested.sweep_budget_credits if requested.sweep else found.sweep_budget_credits,
        )
        is_over = found.state in FINAL_STATES and found.state not in (JobState.TIMED_OUT, JobState.CANCELLED)
        if found.charged == "yes" or is_over or moved == found:
            return found
        return update_job(db, moved) or found

    def _check_budget(self, db: sqlite3.Connection, record: JobRecord) -> None:
        if record.budget_credits is not None:
            spent = self._spent(db, except_ref=record.ref)
            _check_price(record.budget_credits, spent, record, whose="the budget")
        if record.sweep is not None and record.sweep_budget_credits is not None:
            spent = sweep_spent(db, self.service, record.sweep, except_ref=record.ref)
            _check_price(record.sweep_budget_credits, spent, record, whose="the sweep's budget")

    def _spent(self, db: sqlite3.Connection, *, except_ref: str) -> int:
        total = db.execute("SELECT credits FROM spending WHERE service = ?", (self.service,)).fetchone()
        own = db.execute(
            f"SELECT {COST} FROM jobs WHERE ref = ? AND service = ? AND json_extract(data, '$.charged') != 'no'",  # noqa: S608 - constants of this module
            (except_ref, self.service),
        ).fetchone()
        return int(total[0] if total else 0) - int(own[0] if own else 0)

    def _newest_like(self, db: sqlite3.Connection, record: JobRecord) -> JobRecord | None:
        drawn = " AND seed_was_drawn" if record.seed_was_drawn else ""
        request = record.request
        column, value = ("seedless_key", request.seedless_key) if drawn else ("content_key", request.content_key)
        marks = ", ".join("?" * len(_REUSABLE_NAMES))
        row = db.execute(
            f"SELECT data FROM jobs WHERE service = ? AND {column} = ?{drawn} AND state IN ({marks})"  # noqa: S608 - constants of this module
            " AND NOT (state = 'cancelled' AND json_extract(data, '$.charged') = 'no')"  # never charged
            # "yes", then "unknown", then "no": a job that is paid already is never charged again
            " ORDER BY json_extract(data, '$.charged') DESC, created_at DESC, rowid DESC LIMIT 1",
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


def _check_price(budget_credits: int, spent: int, record: JobRecord, *, whose: str) -> None:
    price = record.estimated_credits
    if price is None:
        raise BudgetReached(
            f"The price of this video is not known, so {whose} of {budget_credits:,} credits cannot be kept. It was "
            f"not sent and nothing was charged. {_price_fix(record)}",
            ref=record.ref,
        )
    if spent + price > budget_credits:
        raise BudgetReached(
            f"This video costs about {price:,} credits; {spent:,} of {whose} of {budget_credits:,} are spent (or may "
            "be). It was not sent and nothing was charged. Raise budget_credits to continue.",
            ref=record.ref,
        )


def _price_fix(record: JobRecord) -> str:
    request = record.request
    if request.quality is None:  # prices are by quality
        return "No price can be added for this operation: use a client without budget_credits for it."
    if request.operation in UNDOCUMENTED_PRICES:  # the price of its model is that of other operations
        fix = f"Set a price with Client(prices={{{request.quality!r}: …}}), which then holds for every model"
    else:
        fix = f"Add its price with Client(models={{{request.model!r}: {{'price': …}}}})"
    return f"{fix}, or leave out budget_credits."
