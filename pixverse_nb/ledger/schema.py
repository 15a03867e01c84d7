"""The tables of the ledger, and the mechanism that migrates an older file."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

# What a row of `jobs` costs, in credits.
COST: Final = "coalesce(json_extract(data, '$.cost_credits'), json_extract(data, '$.estimated_credits'), 0)"

# What a row of jobs has cost or may have cost, in credits.
_COST: Final = (
    "iif(json_extract({row}data, '$.charged') = 'no', 0,"
    " coalesce(json_extract({row}data, '$.cost_credits'), json_extract({row}data, '$.estimated_credits'), 0))"
)
_VERSION_1: Final = f"""
CREATE TABLE jobs (
    ref TEXT PRIMARY KEY,
    service TEXT NOT NULL,          -- the API's address, or "sandbox": the two never mix
    content_key TEXT NOT NULL,
    seedless_key TEXT NOT NULL,
    seed_was_drawn INTEGER NOT NULL,
    state TEXT NOT NULL,
    video_id TEXT,
    created_at REAL NOT NULL,
    version INTEGER NOT NULL,
    data TEXT NOT NULL              -- the whole record as JSON
) STRICT;
CREATE INDEX jobs_by_content ON jobs (service, content_key);
CREATE INDEX jobs_by_call ON jobs (service, seedless_key) WHERE seed_was_drawn;
CREATE INDEX jobs_by_state ON jobs (service, state, created_at);
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
    account TEXT NOT NULL,          -- the payer's only one: the payer
    sha256 TEXT NOT NULL,
    at REAL NOT NULL,
    data TEXT NOT NULL,             -- JSON
    PRIMARY KEY (service, account, sha256)
) STRICT;
CREATE TABLE leases (
    service TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,         -- raised by each takeover; the intent of an older epoch is rejected
    owner TEXT NOT NULL,            -- "" if there is no leader
    has_lock INTEGER NOT NULL,
    renewals INTEGER NOT NULL,
    polls_requested INTEGER NOT NULL,
    polls_served INTEGER NOT NULL   -- the value of polls_requested that the last poll served
) STRICT;
CREATE TABLE balances (
    service TEXT NOT NULL,
    account TEXT NOT NULL,
    at REAL NOT NULL,
    credits INTEGER NOT NULL
) STRICT;
CREATE INDEX balances_by_time ON balances (service, account, at);
CREATE TABLE spending (             -- a running total, so that a budget check takes the same time in any ledger
    service TEXT PRIMARY KEY,
    credits INTEGER NOT NULL
) STRICT;
CREATE TRIGGER job_added AFTER INSERT ON jobs BEGIN
    INSERT INTO spending (service, credits) VALUES (new.service, {_COST.format(row="new.")})
    ON CONFLICT (service) DO UPDATE SET credits = credits + excluded.credits; END;
CREATE TRIGGER job_changed AFTER UPDATE OF data ON jobs BEGIN
    UPDATE spending SET credits = credits + {_COST.format(row="new.")} - {_COST.format(row="old.")}
    WHERE service = new.service; END;
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
    content_key TEXT NOT NULL,
    PRIMARY KEY (service, sweep, content_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE ratings (
    service TEXT NOT NULL,
    content_key TEXT NOT NULL,
    at REAL NOT NULL,
    choice TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (service, content_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE votes (
    service TEXT NOT NULL,
    left_key TEXT NOT NULL,
    right_key TEXT NOT NULL,
    result TEXT NOT NULL,
    is_blind INTEGER NOT NULL,
    at REAL NOT NULL
) STRICT;
CREATE INDEX votes_by_left ON votes (service, left_key);
CREATE TABLE measurements (
    sha256 TEXT NOT NULL,           -- of the video
    against TEXT NOT NULL,          -- the pictures it was compared with, and the version of the metrics
    at REAL NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (sha256, against)
) STRICT, WITHOUT ROWID;
"""  # noqa: S608 - constants of this module
# One script for each version of the schema; a file of an earlier version is migrated in one transaction.
MIGRATIONS: Final = (_VERSION_1,)
SCHEMA_VERSION: Final = len(MIGRATIONS)
APPLICATION_ID: Final = 0x70766E62  # "pvnb": marks a SQLite file as a ledger


def schema_version(db: sqlite3.Connection) -> int:
    """Return the version of a file's schema; 0 if it has none yet."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(db: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> int:
    """Bring a file to the newest schema inside the caller's transaction; return the version that was found.

    A file of a newer version is left unchanged.
    """
    found = schema_version(db)
    for script in migrations[found:]:
        for statement in _statements(script):
            db.execute(statement)
    if found < len(migrations):
        db.execute(f"PRAGMA user_version = {len(migrations)}")
    return found


def _statements(script: str) -> Iterator[str]:
    """Yield the statements one by one: `executescript` would commit the caller's transaction."""
    lines: list[str] = []
    for line in script.strip().splitlines():
        lines.append(line)
        if sqlite3.complete_statement("\n".join(lines)):  # recognises the END; of a trigger
            yield "\n".join(lines)
            lines.clear()
