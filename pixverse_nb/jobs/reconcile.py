"""Whether a generation that bears no reference of ours is a lost call: what its row tells against what was sent.

A vendor may tidy what it shows (spaces, capitals, escaped signs, the names of pictures) and its clock may be set, so a
single fact that differs does not make a generation another one's: it makes it one that only a person can judge.
"""

import asyncio
import html
from collections.abc import Sequence
from typing import Final

from pixverse_nb.backends import useapi
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.remote import RemoteVideo
from pixverse_nb.errors import PixVerseError
from pixverse_nb.jobs.protocols import JobContext

CLOCK_SLACK_S: Final = 3 * 3600.0  # how far the vendor's clock may differ from ours: each may be an hour off
FAR_CLOCK_S: Final = 15 * 3600.0  # and a time told in another zone than it says, too


def is_this(row: RemoteVideo, record: JobRecord) -> bool:
    """Tell whether a row without reference is this record's lost call: nothing differs, and seed and prompt are there.

    A row of a request without a prompt may leave it out. Where it names both pictures as this home has uploaded them
    its time may be far off; else it must not lie before the call.
    """
    if row.seed is None or (row.prompt is None and record.request.prompt):
        return False
    names_pictures = row.first_path is not None and row.last_path is not None
    slack_s = FAR_CLOCK_S if names_pictures else CLOCK_SLACK_S
    return (
        not _is_another(row, record)
        and _same_words(row, record)
        and _same_pictures(row, record)
        and _is_timely(row, record, slack_s)
    )


def may_be_this(row: RemoteVideo, record: JobRecord) -> bool:
    """Tell whether a row cannot be told from this lost call, so that nothing proves its absence.

    That is so where nothing that it tells speaks against it; with the very seed, also where one group of facts does:
    its words, its pictures or its time.
    """
    if _is_another(row, record):
        return False
    facts = (_same_words(row, record), _same_pictures(row, record), _is_timely(row, record, CLOCK_SLACK_S))
    return facts.count(False) <= (0 if row.seed is None else 1)


def _is_another(row: RemoteVideo, record: JobRecord) -> bool:
    """Tell whether a number differs: nobody tidies those."""
    request = record.request
    pairs = ((row.seed, request.seed), (row.duration, request.duration))
    return any(theirs is not None and theirs != ours for theirs, ours in pairs)


def _same_words(row: RemoteVideo, record: JobRecord) -> bool:
    request = record.request
    pairs = ((row.prompt, request.prompt), (row.quality, request.quality), (row.motion_mode, request.motion_mode))
    return all(theirs is None or _plain(theirs) == _plain(ours) for theirs, ours in pairs)


def _same_pictures(row: RemoteVideo, record: JobRecord) -> bool:
    pairs = ((row.first_path, record.first_path), (row.last_path, record.last_path))
    return all(theirs is None or theirs == ours for theirs, ours in pairs)


def _is_timely(row: RemoteVideo, record: JobRecord, slack_s: float) -> bool:
    return row.created_at is None or row.created_at >= (record.intent_at or record.created_at) - slack_s


def _plain(text: str) -> str:
    """Return a text without what a vendor may tidy: escaped signs, capitals, and spaces of every kind."""
    return " ".join(html.unescape(text).casefold().split())


_FRESH_POLLS: Final = 200  # a reading is taken anew before a paid call after so many poll_s (ten minutes)
_SHARE: Final = 0.5  # a fall by this share of the price is a debit: the price is an estimate


class BalanceMonitor:
    """Reads balances before paid calls, and compares when a lost call seems to have been absent."""

    def __init__(self, desk: JobContext) -> None:
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
        unknown_fields = sum(
            row.video_id is not None
            and not self._desk.ledger.knows_video(row.video_id)
            and (row.created_at is None or row.created_at >= since - CLOCK_SLACK_S)
            for row in rows
        )
        explained += unknown_fields * price  # what they cost is not told
        doubt += unknown_fields * price
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
