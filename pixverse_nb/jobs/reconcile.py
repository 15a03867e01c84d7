"""Matching a lost call with the generations in the vendor's list, and with the balance.

A vendor may normalise what it shows (spaces, capitals, escapes, names of pictures) and its clock may be off. So one
field that differs does not prove that a generation is not ours; then only a person can decide.
"""

import asyncio
import html
from collections.abc import Mapping, Sequence
from typing import Final

from pixverse_nb.domain.catalogue import discounted, price_factor
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.operations import SOURCE_VIDEO, Operation
from pixverse_nb.domain.remote import RemoteVideo
from pixverse_nb.errors import PixVerseError
from pixverse_nb.jobs.protocols import JobContext

CLOCK_SLACK_S: Final = 3 * 3600.0  # how far the vendor's clock and ours may differ
FAR_CLOCK_S: Final = 15 * 3600.0  # the same, and its times may also be in the wrong time zone


def matches(row: RemoteVideo, record: JobRecord) -> bool:
    """Return whether a row without a reference is this lost call: no field differs, and it is identified.

    The seed and the prompt identify it. Without a seed, the source video does, or the prompt with every input as this
    home uploaded it. The prompt may be missing if the request has none. If the row names every input, its time may be
    far off; otherwise it must not be before the call.
    """
    if row.prompt is None and record.request.prompt:
        return False
    names_inputs = _names_inputs(row, record)
    if record.request.seed is not None:
        is_identified = row.seed is not None
    else:  # a row does not distinguish a lip sync from an upscale of the same video
        is_known_source = record.request.operation is not Operation.LIPSYNC and _has_same_source(row, record)
        is_identified = names_inputs or is_known_source
    slack_s = FAR_CLOCK_S if names_inputs else CLOCK_SLACK_S
    return (
        is_identified
        and not _differs(row, record)
        and _same_texts(row, record)
        and _same_inputs(row, record)
        and _is_timely(row, record, slack_s)
    )


def could_match(row: RemoteVideo, record: JobRecord) -> bool:
    """Return whether a row may be this lost call, so that its absence is not proved.

    It may be if nothing contradicts it; with the same seed (without one: the same source video or prompt), also if one
    group of fields does (texts, inputs or time).
    """
    if _differs(row, record):
        return False
    facts = (_same_texts(row, record), _same_inputs(row, record), _is_timely(row, record, CLOCK_SLACK_S))
    return facts.count(False) <= (1 if _is_likely(row, record) else 0)


def _is_likely(row: RemoteVideo, record: JobRecord) -> bool:
    request = record.request
    if request.seed is not None:
        return row.seed is not None
    has_same_prompt = bool(request.prompt) and _normalised(row.prompt or "") == _normalised(request.prompt)
    return has_same_prompt or _has_same_source(row, record)


def _differs(row: RemoteVideo, record: JobRecord) -> bool:
    """Return whether a number differs: vendors do not normalise those."""
    request = record.request
    pairs = ((row.seed, request.seed), (row.duration, request.duration))
    return any(theirs is not None and ours is not None and theirs != ours for theirs, ours in pairs)


def _same_texts(row: RemoteVideo, record: JobRecord) -> bool:
    request = record.request
    is_from_video = SOURCE_VIDEO in record.remotes
    pairs = (
        # the vendor may show the source's prompt, and a model of its own
        (row.prompt, None if is_from_video and not request.prompt else request.prompt),
        (row.model, None if request.operation in _MODEL_NOT_SENT else request.model),
        (row.quality, request.quality),
        (row.motion_mode, request.motion_mode),
    )
    return all(theirs is None or ours is None or _normalised(theirs) == _normalised(ours) for theirs, ours in pairs)


_MODEL_NOT_SENT: Final = frozenset({Operation.UPSCALE, Operation.LIPSYNC})  # or not a model of videos
_PICTURES_UNNAMED: Final = frozenset({Operation.FUSION, Operation.MOTION})  # nobody knows in which field a row has them


def _same_inputs(row: RemoteVideo, record: JobRecord) -> bool:
    ours = record.remotes
    operation = record.request.operation
    if row.source_number is not None and (number := _source_number(record)) is not None and row.source_number != number:
        return False
    if operation in _PICTURES_UNNAMED:
        return set(row.input_paths.values()) <= set(ours.values())
    if SOURCE_VIDEO in ours:
        return True  # a row's pictures are frames of the videos
    expected = _expected_paths(record)
    return all(expected.get(role) == path for role, path in row.input_paths.items())


def _names_inputs(row: RemoteVideo, record: JobRecord) -> bool:
    """Return whether a row has every picture that it can show of this call."""
    if record.request.operation in _PICTURES_UNNAMED or SOURCE_VIDEO in record.remotes:
        return False
    expected = _expected_paths(record)
    return bool(expected) and expected.keys() <= row.input_paths.keys()


def _expected_paths(record: JobRecord) -> Mapping[str, str]:
    """Return our uploads by the roles that rows have: of a transition's pictures, the first and the last."""
    ours = record.remotes
    if record.request.operation is not Operation.TRANSITION or not ours:
        return ours
    return {"first": ours.get("frame_1", ""), "last": ours.get(f"frame_{len(record.inputs)}", "")}


def _has_same_source(row: RemoteVideo, record: JobRecord) -> bool:
    return row.source_number is not None and row.source_number == _source_number(record)


def _source_number(record: JobRecord) -> int | None:
    """Return the number at the end of the source video's id, or None if the source is an upload."""
    number = record.remotes.get(SOURCE_VIDEO, "").rpartition(":")[2]
    return int(number) if number.isascii() and number.isdigit() else None


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
        self._factors: dict[str | None, Mapping[str, float]] = {}  # on prices, of `Credits.factors`

    def discounted(self, record: JobRecord) -> int | None:
        """Return the estimate of a cheaper mode with the factor of the job's account; None if it is not known."""
        full, factors = record.estimated_credits, self._factors.get(record.account, {})
        factor = price_factor(record.request.params, factors)
        return discounted(full, factor) if full is not None and factor is not None else None

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
        if price == 0:
            return None
        before = self._context.ledger.balances.last(
            account=record.account, before=record.intent_at or record.created_at
        )
        if before is None:
            return None
        since, credits_then = before
        credits_now = await self.read(record.account)
        if credits_now is None:
            return None
        explained, doubt = 0, 0.0
        for other in self._context.ledger.paid_since(since - 2 * self._context.timing.answer_timeout_s):
            if other.ref == record.ref or not other.may_share_account(record):
                continue
            if other.credits is None and price is None:
                return None  # its price would explain any debit
            if other.credits is None:  # such as an adopted job
                explained, doubt = explained + (price or 0), doubt + (price or 0)
                continue
            explained += other.credits
            doubt += 0.0 if other.cost_credits is not None else _SHARE * other.credits
        foreign = sum(
            row.video_id is not None
            and not self._context.ledger.knows_video(row.video_id)
            and (row.created_at is None or row.created_at >= since - CLOCK_SLACK_S)
            for row in rows
        )
        fallen = credits_then - credits_now - explained
        if price is None:
            return fallen if fallen > doubt and not foreign else None
        fallen -= foreign * price  # their price is not known
        doubt += foreign * price
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
        self._factors[account] = balance.factors
        self._context.ledger.balances.add(balance.total, account=account, at=now)
        return balance.total
