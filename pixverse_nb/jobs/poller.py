"""One list poll for all open jobs of an account: what is ready, what failed, and what became of a lost answer."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pixverse_nb.backends import useapi
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.remote import RemoteState, RemoteVideo
from pixverse_nb.errors import APIError, NoAnswer, PixVerseError
from pixverse_nb.jobs import events, transitions
from pixverse_nb.jobs.poll_schedule import OpenJob, next_poll_at
from pixverse_nb.jobs.protocols import JobContext
from pixverse_nb.jobs.reconcile import CLOCK_SLACK_S, FAR_CLOCK_S, BalanceMonitor, is_this, may_be_this
from pixverse_nb.jobs.transitions import advance

_log: Final = logging.getLogger("pixverse_nb")
_PAGE: Final = 40  # the vendor's default
_MOST_PAGES: Final = 100
_MISSING_TWICE: Final = 2


@dataclass(frozen=True)
class Listing:
    """One whole look at an account's generations: when it started, its rows, and how far back it reaches.

    `is_whole_since` is the Unix time from which on no generation can be missing in it (0.0: all of them).
    """

    started_at: float
    rows: tuple[RemoteVideo, ...]
    is_whole_since: float


class Poller:
    """Polls while jobs are open and rests otherwise; lives on the engine's loop."""

    def __init__(self, desk: JobContext, witness: BalanceMonitor) -> None:
        self._desk = desk
        self._witness = witness
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._last_poll_at = 0.0
        self._is_away = False  # the last list found no vendor
        self._is_hinted = False  # something has changed at the vendor, somebody says
        self.hinted_polls = 0
        self._asked: list[asyncio.Future[None]] = []
        self._missing: dict[str, int] = defaultdict(int)

    def wake(self) -> None:
        """Look again at what is open and when to poll."""
        self._wake.set()
        is_idle = self._task is None or self._task.done()
        if is_idle and self._open():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def poll_now(self) -> asyncio.Future[None]:
        """Poll at once; the returned future ends after that poll."""
        asked = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        self.wake()
        if not self._open():
            self._answer_asked()
        return asked

    def hint(self) -> None:
        """Poll as soon as the densest rhythm allows: however many hints come, no list is closer to the last one."""
        self._is_hinted = True
        self.wake()

    # -- inside --------------------------------------------------------------------------------------------------

    def _open(self) -> list[JobRecord]:
        if not self._desk.is_leader:
            return []  # whoever holds the seat asks for all
        return [record for record in self._desk.records.values() if transitions.needs_polling(record)]

    async def _run(self) -> None:
        desk = self._desk
        self._last_poll_at = desk.now()
        while records := self._open():
            if not self._asked:
                wait_s = self._next_poll_at(records) - desk.now()
                if wait_s > 0:
                    self._wake.clear()
                    try:
                        async with asyncio.timeout(min(wait_s, 15.0)):
                            await self._wake.wait()
                    except TimeoutError:
                        pass
                    continue
            asked, self._asked = self._asked, []
            self.hinted_polls += self._is_hinted
            self._is_hinted = False
            self._last_poll_at = desk.now()
            try:
                await self._poll(records)
            except Exception:  # noqa: BLE001 - the end of a task: one list that trips us must not end the watching
                _log.exception("a list of the vendor could not be worked through")
            self._asked.extend(asked)
            self._answer_asked()
        self._is_hinted = False  # of a job that has ended
        self._answer_asked()

    def _answer_asked(self) -> None:
        asked, self._asked = self._asked, []
        for future in asked:
            if not future.done():
                future.set_result(None)

    def _next_poll_at(self, records: Sequence[JobRecord]) -> float:
        desk, timing, last = self._desk, self._desk.timing, self._last_poll_at
        if self._is_away:
            return last + 2 * timing.poll_s
        if self._is_hinted:
            return last + timing.poll_s
        moments = []
        known = [record for record in records if record.submitted_at is not None]
        if known:
            jobs = [OpenJob(r.submitted_at or 0.0, desk.expectation(r.request)) for r in known]
            moments.append(next_poll_at(jobs, last_poll_at=last, timing=timing))
        moments.extend(self._next_settling_at(record) for record in records if record.state is JobState.UNKNOWN)
        return min(moments, default=last + 8 * timing.poll_s)

    def _next_settling_at(self, record: JobRecord) -> float:
        """Return when to look for a lost call: soon, then ever less often, and twice right after it can be settled."""
        timing, last = self._desk.timing, self._last_poll_at
        settle_deadline = transitions.settle_deadline(record, timing) or last
        if record.pending_question is not None:
            return last + 8 * timing.poll_s
        if last > settle_deadline:
            return last + timing.poll_s
        age_s = max(0.0, last - (record.unknown_since or last))
        pause_s = min(8 * timing.poll_s, max(timing.poll_s / 2, age_s / 2))
        return min(last + pause_s, settle_deadline + timing.poll_s / 4)

    async def _poll(self, records: Sequence[JobRecord]) -> None:
        groups: dict[str | None, list[JobRecord]] = defaultdict(list)
        for record in records:
            groups[record.account].append(record)
        is_away = False
        for account, group in groups.items():
            try:
                listing = await self._list(account, group)
                if any(record.state is JobState.UNKNOWN for record in group):
                    await self._match_running(group)
            except PixVerseError as error:
                is_away = True
                self._say_trouble(group, error)
            else:
                await self._match(account, group, listing)
        self._is_away = is_away

    def _say_trouble(self, group: Sequence[JobRecord], error: PixVerseError) -> None:
        where = "No connection to the vendor just now" if isinstance(error, NoAnswer) else "The vendor's list fails"
        text = f"{where}: {error} It goes on by itself; nothing is lost."
        for record in group:
            newest = self._desk.records.get(record.ref)
            if newest is not None and newest.state is not JobState.UNKNOWN:
                self._desk.apply(record.ref, events.WarningRaised(self._desk.now(), text))

    async def _list(self, account: str | None, group: Sequence[JobRecord]) -> Listing:
        """Read the account's list as far back as this group needs."""
        started_at = self._desk.now()
        wanted = {record.video_id for record in group if record.video_id is not None}
        unsettled = [self._needed_since(record) for record in group if record.video_id is None]
        needed_since = min(unsettled, default=None)
        if account is not None or not unsettled:
            return await self._read_pages(account, wanted, needed_since, started_at)
        try:
            return await self._read_pages(None, wanted, needed_since, started_at)
        except APIError as error:
            if error.status != 400:
                raise
        # several accounts are configured, and the lost call may be with any of them
        emails = await self._desk.client.send(useapi.list_accounts())
        parts = [await self._read_pages(email, wanted, needed_since, started_at) for email in emails]
        rows = tuple(row for part in parts for row in part.rows)
        return Listing(started_at, rows, max((part.is_whole_since for part in parts), default=started_at))

    def _needed_since(self, record: JobRecord) -> float:
        """Return how far back a list must reach: to find a lost call, or once it can be, to prove its absence."""
        settle_deadline = transitions.settle_deadline(record, self._desk.timing)
        is_provable = settle_deadline is not None and self._desk.now() > settle_deadline
        return (record.intent_at or record.created_at) - (FAR_CLOCK_S if is_provable else CLOCK_SLACK_S)

    async def _read_pages(
        self, email: str | None, wanted: set[str], needed_since: float | None, started_at: float
    ) -> Listing:
        """Read pages until all `wanted` ids are seen and, where asked, the list is whole back to `needed_since`.

        A short page is not taken for the last one (a server may cap the limit); an empty one is, and so is a short one
        that brings nothing new (a server may not know `offset`).
        """
        rows: dict[str, RemoteVideo] = {}
        offset = 0
        for _ in range(_MOST_PAGES):
            page = await self._desk.client.send(useapi.list_videos(email=email, limit=_PAGE, offset=offset), attempts=1)
            fresh = {row.video_id or f"row {offset + at}": row for at, row in enumerate(page)}
            brings_nothing = not fresh.keys() - rows.keys()
            rows.update(fresh)
            oldest = list_window(page)
            is_far_enough = needed_since is None or (oldest is not None and oldest < needed_since)
            if brings_nothing:
                return Listing(started_at, tuple(rows.values()), 0.0 if len(page) < _PAGE else oldest or started_at)
            if is_far_enough and wanted <= rows.keys():
                return Listing(started_at, tuple(rows.values()), oldest or started_at)
            if needed_since is None and len(page) < _PAGE:
                break
            offset += len(page)
        return Listing(started_at, tuple(rows.values()), started_at)

    async def _match(self, account: str | None, group: Sequence[JobRecord], listing: Listing) -> None:
        desk = self._desk
        by_id = {record.video_id: record.ref for record in desk.records.values() if record.video_id is not None}
        found: set[str] = set()
        for row in listing.rows:
            ref = by_id.get(row.video_id or "") or self._by_reply_ref(row)
            if ref is not None:
                found.add(ref)
                self._see(ref, row, listing)
        for row in listing.rows:
            ref = self._by_nature(row, group, found) if row.video_id not in by_id else None
            if ref is not None:
                found.add(ref)
                self._see(ref, row, listing)
        for record in group:
            if record.ref not in found:
                await self._miss(record.ref, listing)
            else:
                self._missing.pop(record.ref, None)

    def _see(self, ref: str, row: RemoteVideo, listing: Listing) -> None:
        account = useapi.account_of(row.video_id) if row.video_id else None
        if ref in self._desk.records:  # it may have ended while the list was on its way
            self._desk.apply(ref, events.ListedInPoll(self._desk.now(), listing.started_at, row, account))

    def _by_reply_ref(self, row: RemoteVideo) -> str | None:
        if row.reply_ref is None:
            return None
        ours = row.reply_ref.partition(" ")[0].rpartition(":")[0]
        return ours if ours in self._desk.records else None

    def _by_nature(self, row: RemoteVideo, group: Sequence[JobRecord], found: set[str]) -> str | None:
        """Return the lost job that this row is, by seed, prompt, pictures and time, where the row has no reference."""
        if row.reply_ref is not None or row.video_id is None or self._desk.ledger.knows_video(row.video_id):
            return None
        for record in group:
            newest = self._desk.records.get(record.ref)
            if (
                newest is not None
                and newest.state is JobState.UNKNOWN
                and record.ref not in found
                and is_this(row, newest)
            ):
                return record.ref
        return None

    def _lookalikes(self, record: JobRecord, listing: Listing) -> list[RemoteVideo]:
        """Return the rows that no job holds and that cannot be told from this lost call."""
        knows = self._desk.ledger.knows_video
        return [
            row
            for row in listing.rows
            if row.reply_ref is None and may_be_this(row, record) and (row.video_id is None or not knows(row.video_id))
        ]

    def _matches_other_job(self, row: RemoteVideo, record: JobRecord) -> bool:
        """Tell whether a row is the call of another job that does not know its generation yet."""
        return any(
            other.ref != record.ref and other.state in (JobState.SUBMITTING, JobState.UNKNOWN) and is_this(row, other)
            for other in self._desk.records.values()
        )

    async def _miss(self, ref: str, listing: Listing) -> None:
        """A job that the list does not show: proof for a lost call, a reason to ask by id for an accepted one."""
        desk = self._desk
        record = desk.records.get(ref)
        if record is None:
            return  # it has ended while the list was on its way
        if record.state is JobState.UNKNOWN:
            since = record.intent_at or record.created_at
            is_sent_or_never = not desk.sender_may_be_stalled(ref)
            if is_sent_or_never and listing.is_whole_since <= since - FAR_CLOCK_S:
                await self._prove_absent(record, listing)
            return
        if record.video_id is None:
            return
        self._missing[ref] += 1
        if self._missing[ref] % _MISSING_TWICE == 0:
            try:
                row = await desk.client.send(useapi.get_video(record.video_id), attempts=1)
            except PixVerseError:
                return  # 404 is ambiguous: processing, unknown or deleted; the deadline decides
            self._see(ref, row, listing)

    async def _prove_absent(self, record: JobRecord, listing: Listing) -> None:
        """Count a list without this lost call; before it is sent again, lookalikes and the balance are asked."""
        desk = self._desk
        alike = self._lookalikes(record, listing)
        if any(row.seed is None or row.video_id is None or self._matches_other_job(row, record) for row in alike):
            return  # it tells too little, or is a call whose own answer is on its way: later more is known
        event = events.MissingFromPoll(desk.now(), listing.started_at, desk.timing.settle_s)
        if advance(record, event).state is not JobState.UNKNOWN:
            if alike:
                desk.apply(record.ref, events.AmbiguousMatch(desk.now(), str(alike[0].video_id)))
                return
            debit = await self._witness.debit(record, listing.rows)
            if debit is not None:
                desk.apply(record.ref, events.UnexplainedDebit(desk.now(), debit))
                return
        desk.apply(record.ref, event)

    async def _match_running(self, group: Sequence[JobRecord]) -> None:
        """Look for lost calls in useapi.net's scheduler, whose entries carry our reference."""
        try:
            running = await self._desk.client.send(useapi.list_running(), attempts=1)
        except APIError:
            return  # a second witness only; the list decides
        refs = {record.ref for record in group if record.state is JobState.UNKNOWN}
        for entry in running:
            row = RemoteVideo(video_id=entry.video_id, state=RemoteState.GENERATING, reply_ref=entry.reply_ref)
            ref = self._by_reply_ref(row)
            if ref in refs and ref is not None and entry.video_id is not None:
                account = useapi.account_of(entry.video_id)
                self._desk.apply(ref, events.ListedInPoll(self._desk.now(), self._desk.now(), row, account))


def list_window(page: Sequence[RemoteVideo]) -> float | None:
    """Return how far back a page of a list reaches (Unix seconds) by most of its rows: one may tell any time."""
    times = sorted((row.created_at for row in page if row.created_at is not None), reverse=True)
    return times[len(times) // 2] if 2 * len(times) > len(page) else None
