"""Readings of an account's balance: an independent witness of what was paid."""

from collections.abc import Sequence

from pixverse_nb.ledger.file import LedgerFile


class Balances:
    """The readings of one service's accounts."""

    def __init__(self, file: LedgerFile, *, service: str) -> None:
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
