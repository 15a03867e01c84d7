"""The forms of the ledger's file, and how an older one is brought up to the newest."""

import sqlite3
from collections.abc import Iterator
from typing import Final

_FIRST_FORM: Final = """
CREATE TABLE jobs (
    ref TEXT PRIMARY KEY,
    service TEXT NOT NULL,          -- the API it was sent to; what the sandbox made never mixes with what was paid
    cell TEXT NOT NULL,
    seedless_key TEXT NOT NULL,
    seed_was_drawn INTEGER NOT NULL,
    state TEXT NOT NULL,
    video_id TEXT,
    created_at REAL NOT NULL,
    version INTEGER NOT NULL,
    data TEXT NOT NULL              -- the whole record as JSON
) STRICT;
CREATE INDEX jobs_by_cell ON jobs (service, cell);
CREATE INDEX jobs_by_call ON jobs (service, seedless_key) WHERE seed_was_drawn;
CREATE INDEX jobs_by_state ON jobs (service, state);
CREATE INDEX jobs_by_time ON jobs (service, created_at);
CREATE INDEX jobs_by_video ON jobs (service, video_id) WHERE video_id IS NOT NULL;
CREATE TABLE events (
    ref TEXT NOT NULL REFERENCES jobs (ref),
    at REAL NOT NULL,
    state TEXT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL              -- JSON
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
    polls_requested INTEGER NOT NULL,   -- how often any process wanted the vendor's list at once
    polls_served INTEGER NOT NULL     -- the value of polls_requested that the last list answered
) STRICT;
CREATE TABLE balances (
    service TEXT NOT NULL,
    account TEXT NOT NULL,
    at REAL NOT NULL,
    credits INTEGER NOT NULL
) STRICT;
CREATE INDEX balances_by_time ON balances (service, account, at);
"""
_QUICK_BOOKS: Final = """
DROP INDEX jobs_by_state;
CREATE INDEX jobs_by_state ON jobs (service, state, created_at);
CREATE INDEX jobs_by_cost ON jobs (
    service, coalesce(json_extract(data, '$.cost_credits'), json_extract(data, '$.estimated_credits'), 0)
) WHERE json_extract(data, '$.charged') != 'no';
"""
# What a row of jobs has cost, or may have: the running sum lets a budget be checked at once, whatever the ledger holds.
_COST: Final = (
    "iif(json_extract({row}data, '$.charged') = 'no', 0,"
    " coalesce(json_extract({row}data, '$.cost_credits'), json_extract({row}data, '$.estimated_credits'), 0))"
)
_RUNNING_SUMS: Final = f"""
DROP INDEX jobs_by_cost;
CREATE TABLE sums (
    service TEXT PRIMARY KEY,
    spent INTEGER NOT NULL          -- credits, kept by the two triggers below
) STRICT;
INSERT INTO sums (service, spent) SELECT service, sum({_COST.format(row="")}) FROM jobs GROUP BY service;
CREATE TRIGGER jobs_added AFTER INSERT ON jobs BEGIN
    INSERT INTO sums (service, spent) VALUES (new.service, {_COST.format(row="new.")})
    ON CONFLICT (service) DO UPDATE SET spent = spent + excluded.spent; END;
CREATE TRIGGER jobs_changed AFTER UPDATE OF data ON jobs BEGIN
    UPDATE sums SET spent = spent + {_COST.format(row="new.")} - {_COST.format(row="old.")}
    WHERE service = new.service; END;
"""  # noqa: S608 - our own words
_SWEEPS: Final = """
CREATE TABLE sweeps (
    service TEXT NOT NULL,
    sweep TEXT NOT NULL,
    at REAL NOT NULL,               -- when it was last run
    title TEXT NOT NULL,
    PRIMARY KEY (service, sweep)
) STRICT;
CREATE TABLE sweep_cells (
    service TEXT NOT NULL,
    sweep TEXT NOT NULL,
    cell TEXT NOT NULL,
    PRIMARY KEY (service, sweep, cell)
) STRICT, WITHOUT ROWID;
CREATE TABLE verdicts (
    service TEXT NOT NULL,
    cell TEXT NOT NULL,
    at REAL NOT NULL,
    choice TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (service, cell)
) STRICT, WITHOUT ROWID;
CREATE TABLE duels (
    service TEXT NOT NULL,
    left_cell TEXT NOT NULL,
    right_cell TEXT NOT NULL,
    result TEXT NOT NULL,
    is_blind INTEGER NOT NULL,
    at REAL NOT NULL
) STRICT;
CREATE INDEX duels_by_cell ON duels (service, left_cell);
CREATE TABLE measurements (
    sha256 TEXT NOT NULL,           -- of the video
    against TEXT NOT NULL,          -- the pictures it was compared with, and the version of the measuring
    at REAL NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (sha256, against)
) STRICT, WITHOUT ROWID;
"""
# The ledger's forms, oldest first; a file of an earlier form is brought up step by step in one transaction.
MIGRATIONS: Final = (_FIRST_FORM, _SEATS_AND_BALANCES, _QUICK_BOOKS, _RUNNING_SUMS + _SWEEPS)
SCHEMA_VERSION: Final = len(MIGRATIONS)


def schema_version(db: sqlite3.Connection) -> int:
    """Return the file's form; 0 where nothing is in it yet."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(db: sqlite3.Connection) -> int:
    """Bring the file up to the newest form inside the caller's transaction; return the form that was found.

    A file of a newer form than `SCHEMA_VERSION` is left as it is, for the caller to refuse.
    """
    found = schema_version(db)
    for form in MIGRATIONS[found:]:
        for statement in _statements(form):
            db.execute(statement)
    if found < SCHEMA_VERSION:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return found


def _statements(form: str) -> Iterator[str]:
    """Yield the statements one by one: `executescript` would commit what the caller's transaction holds."""
    lines: list[str] = []
    for line in form.strip().splitlines():
        lines.append(line)
        if sqlite3.complete_statement("\n".join(lines)):  # it knows that a trigger ends with its END;
            yield "\n".join(lines)
            lines.clear()
