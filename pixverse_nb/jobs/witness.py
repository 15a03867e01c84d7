"""The balance as an independent witness: what fell without a generation to explain it.

It never proves that a call was not paid (other programs spend from the same account, credits are refreshed daily), and
it never moves a job by itself. It can only stop the second sending of a call that the vendor's list does not show.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from pixverse_nb.errors import PixVerseError
from pixverse_nb.jobs.desk import Desk
from pixverse_nb.jobs.likeness import CLOCK_SLACK_S
from pixverse_nb.record import JobRecord
from pixverse_nb.remote import RemoteVideo
from pixverse_nb.wire import useapi

_FRESH_POLLS: Final = 200  # a reading is taken anew before a paid call after so many poll_s (ten minutes)
_SHARE: Final = 0.5  # a fall by this share of the price is a debit: the price is an estimate


class Witness:
    """Reads balances before paid calls, and compares when a lost call seems to have been absent."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = asyncio.Lock()
        self._read_at: dict[str | None, float] = {}

    async def look(self, record: JobRecord) -> None:
        """Take a reading before a paid call, where the last one is old; a vendor that does not tell is no hindrance."""
        async with self._lock:
            fresh_s = _FRESH_POLLS * self._desk.timing.poll_s
            if self._desk.now() - self._read_at.get(record.account, -fresh_s) < fresh_s:
                return
            self._read_at[record.account] = self._desk.now()
            await self._read(record.account)

    async def debit(self, record: JobRecord, rows: Sequence[RemoteVideo]) -> int | None:
        """Return the credits that went since before this lost call without explanation, or None where none did.

        Explained are the calls of this home, and the generations in the vendor's `rows` that others made since.
        """
        price = record.estimated_credits
        before = self._desk.ledger.balances.last(account=record.account, before=record.intent_at or record.created_at)
        if before is None or not price:
            return None
        since, credits_then = before
        credits_now = await self._read(record.account)
        if credits_now is None:
            return None
        explained, doubt = 0, 0.0
        for other in self._desk.ledger.paid_since(since - 2 * self._desk.timing.answer_timeout_s):
            is_elsewhere = None not in (other.account, record.account) and other.account != record.account
            if other.ref == record.ref or is_elsewhere:
                continue
            cost = other.credits or 0
            explained += cost
            doubt += 0.0 if other.cost_credits is not None else _SHARE * cost
        strangers = sum(
            row.video_id is not None
            and not self._desk.ledger.knows_video(row.video_id)
            and (row.created_at is None or row.created_at >= since - CLOCK_SLACK_S)
            for row in rows
        )
        explained += strangers * price  # what they cost is not told
        doubt += strangers * price
        fallen = credits_then - credits_now - explained
        return fallen if fallen - doubt >= _SHARE * price else None

    async def _read(self, account: str | None) -> int | None:
        now = self._desk.now()
        try:
            balance = await self._desk.client.send(useapi.get_credits(email=account), attempts=1)
        except PixVerseError:
            return None
        self._desk.ledger.balances.add(balance.total, account=account, at=now)
        return balance.total
