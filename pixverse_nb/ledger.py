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
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from pixverse_nb.errors import LedgerError
from pixverse_nb.models import FINAL_STATES, JobEvent, JobState, UploadedFile
from pixverse_nb.record import JobRecord

SCHEMA_VERSION: Final = 1

_SCHEMA: Final = """
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

_FINAL_NAMES: Final = tuple(sorted(state.value for state in FINAL_STATES))
_REUSABLE_NAMES: Final = tuple(
    sorted(
        state.value
        for state in JobState
        if state not in (JobState.FAILED, JobState.MODERATED, JobState.REFUSED, JobState.CANCELLED)
    )
)


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

    def save(self, record: JobRecord, *, at: float, text: str) -> JobRecord | None:
        """Store `record` and an event, synced; return it with its new version, or None if another write came first."""
        with self._transaction() as db:
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
            if found == 0:
                for statement in _SCHEMA.split(";\n"):
                    if statement.strip():
                        db.execute(statement)
                db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

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
