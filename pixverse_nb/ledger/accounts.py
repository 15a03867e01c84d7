"""The seat's row in the ledger: who acts for a home and service, under which epoch, and whether it still beats."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pixverse_nb.ledger.database import Database


@dataclass(frozen=True)
class LeaseRow:
    """Who acts for a home and service: see `seat`. `owner` is "" where nobody does."""

    epoch: int
    owner: str
    has_lock: bool
    beats: int
    polls_requested: int
    polls_served: int


class LeaseStore:
    """The row of one service."""

    def __init__(self, file: Database, *, service: str) -> None:
        self._file = file
        self._service = service

    def row(self) -> LeaseRow | None:
        """Return who acts for this home and service."""
        with self._file.reading() as db:
            return seat_row(db, self._service)

    def take(self, owner: str, *, after: int, has_lock: bool) -> int | None:
        """Take the seat if its epoch is still `after` (0: nobody ever sat); return the new epoch, or None."""
        with self._file.transaction() as db:
            row = seat_row(db, self._service)
            if (row.epoch if row else 0) != after:
                return None
            db.execute(
                "INSERT INTO seats (service, epoch, owner, has_lock, beats, polls_requested, polls_served)"
                " VALUES (?, ?, ?, ?, 0, 0, 0) ON CONFLICT (service) DO UPDATE"
                " SET epoch = excluded.epoch, owner = excluded.owner, has_lock = excluded.has_lock, beats = beats + 1",
                (self._service, after + 1, owner, int(has_lock)),
            )
            return after + 1

    def beat(self, epoch: int, *, has_lock: bool) -> bool:
        """Show that the seat's holder is alive; False where the epoch is over."""
        return self._on_seat("beats = beats + 1, has_lock = ?", epoch, int(has_lock))

    def leave(self, epoch: int) -> None:
        """Free the seat, if the epoch is still this one."""
        self._on_seat("owner = ''", epoch)

    def ask_poll(self) -> int:
        """Ask whoever sits for the vendor's list; return the number that `row().polls_served` reaches afterwards."""
        with self._file.transaction() as db:
            db.execute("UPDATE seats SET polls_requested = polls_requested + 1 WHERE service = ?", (self._service,))
            row = seat_row(db, self._service)
            return row.polls_requested if row else 0

    def answer_polls(self, epoch: int, asked: int) -> None:
        """Note that a list which began after the asking number `asked` has been read."""
        self._on_seat("polls_served = ?", epoch, asked)

    def _on_seat(self, change: str, epoch: int, *values: Any) -> bool:
        with self._file.transaction() as db:
            changed = db.execute(
                f"UPDATE seats SET {change} WHERE service = ? AND epoch = ?",  # noqa: S608 - our own words
                (*values, self._service, epoch),
            ).rowcount
        return changed > 0


def seat_row(db: sqlite3.Connection, service: str) -> LeaseRow | None:
    """Return the row of a service inside the caller's transaction."""
    row = db.execute(
        "SELECT epoch, owner, has_lock, beats, polls_requested, polls_served FROM seats WHERE service = ?", (service,)
    ).fetchone()
    return LeaseRow(row[0], row[1], bool(row[2]), *row[3:]) if row else None


class Balances:
    """The readings of one service's accounts."""

    def __init__(self, file: Database, *, service: str) -> None:
        self._file = file
        self._service = service

    def add(self, credits_left: int, *, account: str | None, at: float) -> None:
        """Remember a reading of an account's balance."""
        with self._file.transaction() as db:
            db.execute(
                "INSERT INTO balances (service, account, at, credits) VALUES (?, ?, ?, ?)",
                (self._service, account or "", at, credits_left),
            )

    def last(self, *, account: str | None, before: float) -> tuple[float, int] | None:
        """Return the newest reading (Unix seconds, credits) of an account's balance before a moment, or None."""
        with self._file.reading() as db:
            row = db.execute(
                "SELECT at, credits FROM balances WHERE service = ? AND account = ? AND at <= ?"
                " ORDER BY at DESC LIMIT 1",
                (self._service, account or "", before),
            ).fetchone()
        return (float(row[0]), int(row[1])) if row else None

    def first(self, *, accounts: Sequence[str | None], since: float) -> tuple[float, int] | None:
        """Return the oldest reading (Unix seconds, credits) of one of `accounts` at `since` or later, or None."""
        names = [account or "" for account in accounts]
        with self._file.reading() as db:
            row = db.execute(
                f"SELECT at, credits FROM balances WHERE service = ? AND account IN ({', '.join('?' * len(names))})"  # noqa: S608 - marks only
                " AND at >= ? ORDER BY at LIMIT 1",
                (self._service, *names, since),
            ).fetchone()
        return (float(row[0]), int(row[1])) if row else None
