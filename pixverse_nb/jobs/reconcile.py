"""Matching a lost call with the generations in the vendor's list, and with the balance.

A vendor may normalise what it shows (spaces, capitals, escapes, names of pictures) and its clock may be off. So one
field that differs does not prove that a generation is not ours; then only a person can decide.
"""

import asyncio
import html
from collections.abc import Sequence
from typing import Final

from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.remote import RemoteVideo
from pixverse_nb.errors import PixVerseError
from pixverse_nb.jobs.protocols import JobContext

CLOCK_SLACK_S: Final = 3 * 3600.0  # how far the vendor's clock and ours may differ
FAR_CLOCK_S: Final = 15 * 3600.0  # the same, and its times may also be in the wrong time zone


def matches(row: RemoteVideo, record: JobRecord) -> bool:
    """Return whether a row without a reference is this lost call: no field differs, and seed and prompt are there.

    The prompt may be missing if the request has none. If the row names every input as this home uploaded it, its time
    may be far off; otherwise it must not be before the call.
    """
    if row.seed is None or record.request.seed is None or (row.prompt is None and record.request.prompt):
        return False
    names_inputs = bool(record.inputs) and record.remotes.keys() <= row.input_paths.keys()
    slack_s = FAR_CLOCK_S if names_inputs else CLOCK_SLACK_S
    return (
        not _differs(row, record)
        and _same_texts(row, record)
        and _same_inputs(row, record)
        and _is_timely(row, record, slack_s)
    )


def could_match(row: RemoteVideo, record: JobRecord) -> bool:
    """Return whether a row may be this lost call, so that its absence is not proved.

    It may be if nothing contradicts it; with the same seed, also if one group of fields does (texts, inputs or time).
    """
    if _differs(row, record):
        return False
    facts = (_same_texts(row, record), _same_inputs(row, record), _is_timely(row, record, CLOCK_SLACK_S))
    return facts.count(False) <= (0 if row.seed is None or record.request.seed is None else 1)


def _differs(row: RemoteVideo, record: JobRecord) -> bool:
    """Return whether a number differs: vendors do not normalise those."""
    request = record.request
    pairs = ((row.seed, request.seed), (row.duration, request.duration))
    return any(theirs is not None and ours is not None and theirs != ours for theirs, ours in pairs)


def _same_texts(row: RemoteVideo, record: JobRecord) -> bool:
    request = record.request
    pairs = (
        (row.prompt, request.prompt),
        (row.quality, request.quality),
        (row.motion_mode, request.motion_mode),
        (row.model, request.model),
    )
    return all(theirs is None or ours is None or _normalised(theirs) == _normalised(ours) for theirs, ours in pairs)


def _same_inputs(row: RemoteVideo, record: JobRecord) -> bool:
    ours = record.remotes
    return all(ours.get(role) == path for role, path in row.input_paths.items())


def _is_timely(row: RemoteVideo, record: JobRecord, slack_s: float) -> bool:
    return row.created_at is None or row.created_at >= (record.intent_at or record.created_at) - slack_s


def _normalised(text: str) -> str:
    """Return a text without what a vendor may change: escapes, capitals, and white space."""
    return " ".join(html.unescape(text).casefold().split())


_FRESH_POLLS: Final = 200  # a balance is old after this many poll_s (ten minutes)
_SHARE: Final = 0.5  # a fall by this share of the price counts as a debit: the price is an estimate


class BalanceMonitor:
    """Records balances before paid calls, and compares them if a lost call seems to be absent."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._lock = asyncio.Lock()
        self._read_at: dict[str | None, float] = {}

    async def snapshot(self, record: JobRecord) -> None:
        """Record the balance before a paid call if the last one is old. Failures are ignored."""
        async with self._lock:
            fresh_s = _FRESH_POLLS * self._context.timing.poll_s
            if self._context.now() - self._read_at.get(record.account, -fresh_s) < fresh_s:
                return
            self._read_at[record.account] = self._context.now()
            await self.read(record.account)

    async def unexplained_debit(self, record: JobRecord, rows: Sequence[RemoteVideo]) -> int | None:
        """Return the credits that have gone since before this lost call without explanation, or None.

        The calls of this home and the generations in the vendor's `rows` that others made since explain a debit.
        """
        price = record.estimated_credits
        before = self._context.ledger.balances.last(
            account=record.account, before=record.intent_at or record.created_at
        )
        if before is None or not price:
            return None
        since, credits_then = before
        credits_now = await self.read(record.account)
        if credits_now is None:
            return None
        explained, doubt = 0, 0.0
        for other in self._context.ledger.paid_since(since - 2 * self._context.timing.answer_timeout_s):
            is_elsewhere = None not in (other.account, record.account) and other.account != record.account
            if other.ref == record.ref or is_elsewhere:
                continue
            if other.credits is None:  # such as an adopted job: its price is not known
                explained, doubt = explained + price, doubt + price
                continue
            explained += other.credits
            doubt += 0.0 if other.cost_credits is not None else _SHARE * other.credits
        foreign = sum(
            row.video_id is not None
            and not self._context.ledger.knows_video(row.video_id)
            and (row.created_at is None or row.created_at >= since - CLOCK_SLACK_S)
            for row in rows
        )
        explained += foreign * price  # their price is not known
        doubt += foreign * price
        fallen = credits_then - credits_now - explained
        return fallen if fallen - doubt >= _SHARE * price else None

    async def read(self, account: str | None) -> int | None:
        """Return the balance of an account now, and record it; None if it cannot be read."""
        now = self._context.now()
        call = self._context.backend.get_credits(account=account)
        if call is None:
            return None
        try:
            balance = await self._context.transport.send(call, attempts=1)
        except PixVerseError:
            return None
        self._context.ledger.balances.add(balance.total, account=account, at=now)
        return balance.total
