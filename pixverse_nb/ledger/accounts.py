"""What the ledger knows of processes and accounts: the leader's lease, requests for polls, and balances."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pixverse_nb.ledger.database import Database


@dataclass(frozen=True)
class LeaseRow:
    """The leader of a home and service (see `jobs.leader`); `owner` is "" if there is none."""

    epoch: int
    owner: str
    has_lock: bool
    renewals: int
    polls_requested: int
    polls_served: int


class LeaseStore:
    """The lease of one service, or of one payer at a service."""

    def __init__(self, file: Database, *, service: str) -> None:
        self._file = file
        self._service = service

    def current(self) -> LeaseRow | None:
        """Return the current lease, or None if there never was one."""
        with self._file.reading() as db:
            return lease_row(db, self._service)

    def acquire(self, owner: str, *, after: int, has_lock: bool) -> int | None:
        """Take the lease if its epoch is still `after` (0: there was none); return the new epoch, or None."""
        with self._file.transaction() as db:
            row = lease_row(db, self._service)
            if (row.epoch if row else 0) != after:
                return None
            db.execute(
                "INSERT INTO leases (service, epoch, owner, has_lock, renewals, polls_requested, polls_served)"
                " VALUES (?, ?, ?, ?, 0, 0, 0) ON CONFLICT (service) DO UPDATE"
                " SET epoch = excluded.epoch, owner = excluded.owner, has_lock = excluded.has_lock,"
                " renewals = renewals + 1",
                (self._service, after + 1, owner, int(has_lock)),
            )
            return after + 1

    def renew(self, epoch: int, *, has_lock: bool) -> bool:
        """Renew the lease; False if the epoch is over."""
        return self._update("renewals = renewals + 1, has_lock = ?", epoch, int(has_lock))

    def release(self, epoch: int) -> None:
        """Release the lease if it still has this epoch."""
        self._update("owner = ''", epoch)

    def request_poll(self) -> int:
        """Ask the leader for a poll; return the number that `polls_served` reaches afterwards."""
        with self._file.transaction() as db:
            db.execute("UPDATE leases SET polls_requested = polls_requested + 1 WHERE service = ?", (self._service,))
            row = lease_row(db, self._service)
            return row.polls_requested if row else 0

    def mark_polls_served(self, epoch: int, requested: int) -> None:
        """Record that a poll has started after request number `requested`."""
        self._update("polls_served = ?", epoch, requested)

    def _update(self, change: str, epoch: int, *values: Any) -> bool:
        with self._file.transaction() as db:
            changed = db.execute(
                f"UPDATE leases SET {change} WHERE service = ? AND epoch = ?",  # noqa: S608 - constants of this module
                (*values, self._service, epoch),
            ).rowcount
        return changed > 0


def lease_name(service: str, payer: str) -> str:
    """Return the name under which the clients of one service and payer share a lease."""
    return f"{service}#{payer}" if payer else service


def lease_row(db: sqlite3.Connection, service: str) -> LeaseRow | None:
    """Return the row of a service inside the caller's transaction."""
    row = db.execute(
        "SELECT epoch, owner, has_lock, renewals, polls_requested, polls_served FROM leases WHERE service = ?",
        (service,),
    ).fetchone()
    return LeaseRow(row[0], row[1], bool(row[2]), *row[3:]) if row else None


class BalanceStore:
    """The balances of one service's accounts; None is the only account of `payer`."""

    def __init__(self, file: Database, *, service: str, payer: str = "") -> None:
        self._file = file
        self._service = service
        self._payer = payer

    def add(self, credits_left: int, *, account: str | None, at: float) -> None:
        """Record the balance of an account."""
        with self._file.transaction() as db:
            db.execute(
                "INSERT INTO balances (service, account, at, credits) VALUES (?, ?, ?, ?)",
                (self._service, account or self._payer, at, credits_left),
            )

    def last(self, *, account: str | None, before: float) -> tuple[float, int] | None:
        """Return the newest balance (Unix seconds, credits) of an account before a moment, or None."""
        with self._file.reading() as db:
            row = db.execute(
                "SELECT at, credits FROM balances WHERE service = ? AND account = ? AND at <= ?"
                " ORDER BY at DESC LIMIT 1",
                (self._service, account or self._payer, before),
            ).fetchone()
        return (float(row[0]), int(row[1])) if row else None

    def first(self, *, accounts: Sequence[str | None], since: float) -> tuple[float, int] | None:
        """Return the oldest balance (Unix seconds, credits) of one of `accounts` at `since` or later, or None."""
        names = [account or self._payer for account in accounts]
        with self._file.reading() as db:
            row = db.execute(
                f"SELECT at, credits FROM balances WHERE service = ? AND account IN ({', '.join('?' * len(names))})"  # noqa: S608 - placeholders only
                " AND at >= ? ORDER BY at LIMIT 1",
                (self._service, *names, since),
            ).fetchone()
        return (float(row[0]), int(row[1])) if row else None
