"""The one door to SQLite: what was asked for, paid and received, in `ledger.db` of the home folder.

Every write is synced to the disk before the call returns (WAL, synchronous=FULL), because the intent of a paid call
has to survive a crash that happens right after it. Several processes may open one ledger: each record carries a
version, and a write that does not know the newest one is refused, so that two processes never move one job at once.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from pixverse_nb.errors import BudgetReached, LedgerError
from pixverse_nb.models import FINAL_STATES, JobEvent, JobState, UploadedFile
from pixverse_nb.record import JobRecord

_FIRST_FORM: Final = """
CREATE TABLE jobs (
    ref TEXT PRIMARY KEY,
    service TEXT NOT NULL,          -- the API it was sent to; what the sandbox made never mixes with what was paid
    cell TEXT NOT NULL,
    call_key TEXT NOT NULL,
    seed_was_drawn INTEGER NOT NULL,
    state TEXT NOT NULL,
    video_id TEXT,
    created_at REAL NOT NULL,
    version INTEGER NOT NULL,
    data TEXT NOT NULL              -- the whole record as JSON
) STRICT;
CREATE INDEX jobs_by_cell ON jobs (service, cell);
CREATE INDEX jobs_by_call ON jobs (service, call_key) WHERE seed_was_drawn;
CREATE INDEX jobs_by_state ON jobs (service, state);
CREATE INDEX jobs_by_time ON jobs (service, created_at);
CREATE INDEX jobs_by_video ON jobs (service, video_id) WHERE video_id IS NOT NULL;
CREATE TABLE events (
    ref TEXT NOT NULL REFERENCES jobs (ref),
    at REAL NOT NULL,
    state TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_ref ON events (ref, at);
CREATE TABLE uploads (
    service TEXT NOT NULL,
    account TEXT NOT NULL,          -- "" where the token reaches one account only
    sha256 TEXT NOT NULL,
    at REAL NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (service, account, sha256)
) STRICT;
"""
_SEATS_AND_BALANCES: Final = """
CREATE TABLE seats (
    service TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,         -- raised by each taking; the intent of an older epoch is refused
    owner TEXT NOT NULL,            -- "" where nobody sits
    has_lock INTEGER NOT NULL,
    beats INTEGER NOT NULL,
    asked_polls INTEGER NOT NULL,   -- how often any process wanted the vendor's list at once
    done_polls INTEGER NOT NULL     -- the value of asked_polls that the last list answered
) STRICT;
CREATE TABLE balances (
    service TEXT NOT NULL,
    account TEXT NOT NULL,
    at REAL NOT NULL,
    credits INTEGER NOT NULL
) STRICT;
CREATE INDEX balances_by_time ON balances (service, account, at);
"""
# The ledger's forms, oldest first; a file of an earlier form is brought up step by step in one transaction.
_FORMS: Final = (_FIRST_FORM, _SEATS_AND_BALANCES)
SCHEMA_VERSION: Final = len(_FORMS)

_FINAL_NAMES: Final = tuple(sorted(state.value for state in FINAL_STATES))
_REUSABLE_NAMES: Final = tuple(
    sorted(
        state.value
        for state in JobState
        if state not in (JobState.FAILED, JobState.MODERATED, JobState.REFUSED, JobState.CANCELLED)
    )
)


@dataclass(frozen=True)
class SeatRow:
    """Who acts for a home and service: see `seat`. `owner` is "" where nobody does."""

    epoch: int
    owner: str
    has_lock: bool
    beats: int
    asked_polls: int
    done_polls: int


class Ledger:
    """The jobs, events and uploads of one home folder, for one service (API address or sandbox).

    Usable from any thread; every method is one short transaction. Raises LedgerError with the mend where the file
    cannot be used; a failed write changes nothing.
    """

    def __init__(self, path: Path, *, service: str) -> None:
        self._path = path
        self.service = service
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(
                f"The ledger {path} cannot be opened ({error}). Check the folder and its rights."
            ) from error
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def find_or_add(self, record: JobRecord, *, reuse: bool) -> tuple[JobRecord, bool]:
        """Return the newest job that the same call made before and False, or `record` as added and True.

        In one transaction, so that two clicks, cells or kernels that ask at the same moment get one job.
        """
        with self._transaction() as db:
            if reuse:
                found = self._newest_like(db, record)
                if found is not None:
                    return found, False
            added = replace(record, version=1)
            db.execute(
                "INSERT INTO jobs (ref, service, cell, call_key, seed_was_drawn, state, video_id, created_at, version,"
                " data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    added.ref,
                    self.service,
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
            self._add_event(db, added.ref, added.created_at, added.state, "asked for")
            return added, True

    def find_like(self, record: JobRecord) -> JobRecord | None:
        """Return the newest reusable job that the same call made before, or None."""
        with self._reading() as db:
            return self._newest_like(db, record)

    def save(self, record: JobRecord, *, at: float, text: str, epoch: int | None = None) -> JobRecord | None:
        """Store `record` and an event, synced; return it with its new version, or None if another write came first.

        With `epoch` (the intent of a paid call) it is stored only while that is the seat's epoch. Raises
        BudgetReached where the intent would exceed the record's budget.
        """
        with self._transaction() as db:
            if epoch is not None:
                row = self._seat(db)
                if row is None or row.epoch != epoch:
                    return None
                self._check_budget(db, record)
            changed = db.execute(
                "UPDATE jobs SET state = ?, video_id = ?, version = ?, data = ? WHERE ref = ? AND version = ?",
                (
                    record.state.value,
                    record.video_id,
                    record.version + 1,
                    _dumped(replace(record, version=record.version + 1)),
                    record.ref,
                    record.version,
                ),
            ).rowcount
            if not changed:
                return None
            self._add_event(db, record.ref, at, record.state, text)
            return replace(record, version=record.version + 1)

    def spent_credits(self) -> int:
        """Return what this home has paid, or may have paid, for its service, in credits (estimates where not told)."""
        with self._reading() as db:
            return self._spent(db, except_ref="")

    def changes_since(self, mark: int) -> tuple[int, list[JobRecord]]:
        """Return the jobs that any process has changed after `mark`, and the new mark; 0 starts from the beginning."""
        with self._reading() as db:
            newest = int(db.execute("SELECT coalesce(max(rowid), 0) FROM events").fetchone()[0])
            rows = db.execute(
                "SELECT data FROM jobs WHERE service = ? AND ref IN (SELECT ref FROM events WHERE rowid > ?)",
                (self.service, mark),
            ).fetchall()
        return newest, [JobRecord.from_json(json.loads(data)) for (data,) in rows]

    def change_mark(self) -> int:
        """Return the mark for `changes_since` from now on."""
        with self._reading() as db:
            return int(db.execute("SELECT coalesce(max(rowid), 0) FROM events").fetchone()[0])

    def outside_version(self) -> int:
        """Return a number that changes when another connection has written; costs next to nothing."""
        with self._reading() as db:
            return int(db.execute("PRAGMA data_version").fetchone()[0])

    def seat(self) -> SeatRow | None:
        """Return who acts for this home and service."""
        with self._reading() as db:
            return self._seat(db)

    def take_seat(self, owner: str, *, after: int, has_lock: bool) -> int | None:
        """Take the seat if its epoch is still `after` (0: nobody ever sat); return the new epoch, or None."""
        with self._transaction() as db:
            row = self._seat(db)
            if (row.epoch if row else 0) != after:
                return None
            db.execute(
                "INSERT INTO seats (service, epoch, owner, has_lock, beats, asked_polls, done_polls)"
                " VALUES (?, ?, ?, ?, 0, 0, 0) ON CONFLICT (service) DO UPDATE"
                " SET epoch = excluded.epoch, owner = excluded.owner, has_lock = excluded.has_lock, beats = beats + 1",
                (self.service, after + 1, owner, int(has_lock)),
            )
            return after + 1

    def beat(self, epoch: int, *, has_lock: bool) -> bool:
        """Show that the seat's holder is alive; False where the epoch is over."""
        return self._on_seat("beats = beats + 1, has_lock = ?", epoch, int(has_lock))

    def leave_seat(self, epoch: int) -> None:
        """Free the seat, if the epoch is still this one."""
        self._on_seat("owner = ''", epoch)

    def ask_poll(self) -> int:
        """Ask whoever sits for the vendor's list; return the number that `seat().done_polls` reaches afterwards."""
        with self._transaction() as db:
            db.execute("UPDATE seats SET asked_polls = asked_polls + 1 WHERE service = ?", (self.service,))
            row = self._seat(db)
            return row.asked_polls if row else 0

    def answer_polls(self, epoch: int, asked: int) -> None:
        """Note that a list which began after the asking number `asked` has been read."""
        self._on_seat("done_polls = ?", epoch, asked)

    def add_balance(self, credits_left: int, *, account: str | None, at: float) -> None:
        """Remember a reading of an account's balance."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO balances (service, account, at, credits) VALUES (?, ?, ?, ?)",
                (self.service, account or "", at, credits_left),
            )

    def last_balance(self, *, account: str | None, before: float) -> tuple[float, int] | None:
        """Return the newest reading (Unix seconds, credits) of an account's balance before a moment, or None."""
        with self._reading() as db:
            row = db.execute(
                "SELECT at, credits FROM balances WHERE service = ? AND account = ? AND at <= ?"
                " ORDER BY at DESC LIMIT 1",
                (self.service, account or "", before),
            ).fetchone()
        return (float(row[0]), int(row[1])) if row else None

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
        marks = ", ".join("?" * len(_FINAL_NAMES))
        return self._many(
            f"SELECT data FROM jobs WHERE service = ? AND state NOT IN ({marks}) ORDER BY created_at",  # noqa: S608 - marks only
            *_FINAL_NAMES,
        )

    def jobs(self, *, limit: int) -> list[JobRecord]:
        """Return the newest `limit` jobs, newest first."""
        return self._many("SELECT data FROM jobs WHERE service = ? ORDER BY created_at DESC, rowid DESC LIMIT ?", limit)

    def done_like(self, *, limit: int) -> list[JobRecord]:
        """Return the newest finished jobs, for what their durations teach."""
        return self._many(
            "SELECT data FROM jobs WHERE service = ? AND state = 'done' ORDER BY created_at DESC LIMIT ?", limit
        )

    def events(self, ref: str) -> list[JobEvent]:
        """Return what happened to a job, oldest first."""
        with self._reading() as db:
            rows = db.execute("SELECT at, state, text FROM events WHERE ref = ? ORDER BY at, rowid", (ref,)).fetchall()
        return [JobEvent(at, JobState(state), text) for at, state, text in rows]

    def find_upload(self, sha256: str, *, account: str | None) -> UploadedFile | None:
        """Return the earlier upload of these bytes to this account, or None."""
        with self._reading() as db:
            row = db.execute(
                "SELECT data FROM uploads WHERE service = ? AND account = ? AND sha256 = ?",
                (self.service, account or "", sha256),
            ).fetchone()
        return UploadedFile(**json.loads(row[0])) if row else None

    def add_upload(self, upload: UploadedFile, *, account: str | None, at: float) -> None:
        """Remember an upload, so that the same picture goes up once for each account."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO uploads (service, account, sha256, at, data) VALUES (?, ?, ?, ?, ?)",
                (self.service, account or "", upload.sha256, at, json.dumps(asdict(upload))),
            )

    def forget_upload(self, path: str) -> None:
        """Forget an upload that the vendor no longer takes."""
        with self._transaction() as db:
            db.execute(
                "DELETE FROM uploads WHERE service = ? AND json_extract(data, '$.path') = ?", (self.service, path)
            )

    def uploads(self) -> list[UploadedFile]:
        """Return every remembered upload, newest first."""
        with self._reading() as db:
            rows = db.execute("SELECT data FROM uploads WHERE service = ? ORDER BY at DESC", (self.service,)).fetchall()
        return [UploadedFile(**json.loads(data)) for (data,) in rows]

    # -- inside --------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        with self._translated():
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
        with self._transaction() as db:
            found = int(db.execute("PRAGMA user_version").fetchone()[0])
            if found > SCHEMA_VERSION:
                raise LedgerError(
                    f"The ledger {self._path} was written by a newer pixverse_nb (form {found}, this one knows "
                    f"{SCHEMA_VERSION}). Update pixverse_nb; nothing was changed."
                )
            for form in _FORMS[found:]:
                for statement in form.split(";\n"):
                    if statement.strip():
                        db.execute(statement)
            if found < SCHEMA_VERSION:
                db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _seat(self, db: sqlite3.Connection) -> SeatRow | None:
        row = db.execute(
            "SELECT epoch, owner, has_lock, beats, asked_polls, done_polls FROM seats WHERE service = ?",
            (self.service,),
        ).fetchone()
        return SeatRow(row[0], row[1], bool(row[2]), *row[3:]) if row else None

    def _on_seat(self, change: str, epoch: int, *values: Any) -> bool:
        with self._transaction() as db:
            changed = db.execute(
                f"UPDATE seats SET {change} WHERE service = ? AND epoch = ?",  # noqa: S608 - our own words
                (*values, self.service, epoch),
            ).rowcount
        return changed > 0

    def _check_budget(self, db: sqlite3.Connection, record: JobRecord) -> None:
        if record.budget_credits is None:
            return
        spent = self._spent(db, except_ref=record.ref)
        price = record.estimated_credits or 0
        if spent + price > record.budget_credits:
            raise BudgetReached(
                f"This video costs about {price} credits; {spent} of the budget of {record.budget_credits} are spent "
                "(or may be). It was not sent and nothing was paid. Raise budget_credits to go on.",
                ref=record.ref,
            )

    def _spent(self, db: sqlite3.Connection, *, except_ref: str) -> int:
        row = db.execute(
            "SELECT coalesce(sum(coalesce(json_extract(data, '$.cost_credits'),"
            " json_extract(data, '$.estimated_credits'), 0)), 0) FROM jobs"
            " WHERE service = ? AND ref != ? AND json_extract(data, '$.charged') != 'no'",
            (self.service, except_ref),
        ).fetchone()
        return int(row[0])

    def _newest_like(self, db: sqlite3.Connection, record: JobRecord) -> JobRecord | None:
        drawn = " AND seed_was_drawn" if record.seed_was_drawn else ""
        request = record.request
        column, value = ("call_key", request.call_key) if drawn else ("cell", request.cell)
        marks = ", ".join("?" * len(_REUSABLE_NAMES))
        row = db.execute(
            f"SELECT data FROM jobs WHERE service = ? AND {column} = ?{drawn} AND state IN ({marks})"  # noqa: S608 - own names
            " ORDER BY created_at DESC, rowid DESC LIMIT 1",
            (self.service, value, *_REUSABLE_NAMES),
        ).fetchone()
        return JobRecord.from_json(json.loads(row[0])) if row else None

    def _one(self, query: str, *values: Any) -> JobRecord | None:
        found: Sequence[JobRecord] = self._many(query, *values)
        return found[0] if found else None

    def _many(self, query: str, *values: Any) -> list[JobRecord]:
        with self._reading() as db:
            rows = db.execute(query, (self.service, *values)).fetchall()
        return [JobRecord.from_json(json.loads(data)) for (data,) in rows]

    @staticmethod
    def _add_event(db: sqlite3.Connection, ref: str, at: float, state: JobState, text: str) -> None:
        db.execute("INSERT INTO events (ref, at, state, text) VALUES (?, ?, ?, ?)", (ref, at, state.value, text))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            yield self._db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LedgerError(
                f"The ledger {self._path} cannot be used ({error}). Nothing was sent after this point; "
                "free disk space or check the file, then run the same line again."
            ) from error


def _dumped(record: JobRecord) -> str:
    return json.dumps(record.to_json(), separators=(",", ":"))
