"""One poll of the vendor's list for all open jobs of an account: finished, failed, and lost calls found again.

A backend that lists nothing has its jobs polled one by one.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.remote import RemoteState, RemoteVideo
from pixverse_nb.errors import APIError, NoAnswer, PixVerseError
from pixverse_nb.jobs import events, transitions
from pixverse_nb.jobs.poll_schedule import OpenJob, next_off_peak_poll_at, next_poll_at
from pixverse_nb.jobs.protocols import JobContext
from pixverse_nb.jobs.reconcile import CLOCK_SLACK_S, FAR_CLOCK_S, BalanceMonitor, could_match, matches

_log: Final = logging.getLogger("pixverse_nb")
_PAGE: Final = 40  # the vendor's default
_MOST_PAGES: Final = 100
_MISSING_TWICE: Final = 2


@dataclass(frozen=True)
class Listing:
    """One reading of an account's generations: when it started, its rows, and how far back it is complete.

    No generation since `complete_since` (Unix seconds; 0.0: ever) can be missing from it.
    """

    started_at: float
    rows: tuple[RemoteVideo, ...]
    complete_since: float


class Poller:
    """Polls while jobs are open; belongs to the engine's event loop."""

    def __init__(self, context: JobContext, balance: BalanceMonitor) -> None:
        self._context = context
        self._balance = balance
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._last_poll_at = 0.0
        self._is_offline = False  # the last poll failed
        self._is_early = False  # a webhook reported a change, or a job was adopted
        self.webhook_polls = 0
        self._poll_requests: list[asyncio.Future[None]] = []
        self._moderated: set[str] = set()  # ids of ended generations that a list showed as moderated
        self._missing: dict[str, int] = defaultdict(int)

    def wake(self) -> None:
        """Recalculate which jobs are open and when to poll."""
        self._wake.set()
        is_idle = self._task is None or self._task.done()
        if is_idle and self._open():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def poll_now(self) -> asyncio.Future[None]:
        """Poll at once; the returned future ends after a poll that begins from now on."""
        requested = asyncio.get_running_loop().create_future()
        self._poll_requests.append(requested)
        self.wake()
        if not self._open():
            self._answer_requests()
        return requested

    def poll_soon(self) -> None:
        """Poll as soon as the fastest schedule allows, however many webhooks arrive."""
        self._is_early = True
        self.wake()

    # -- when to poll --------------------------------------------------------------------------------------------

    def _open(self) -> list[JobRecord]:
        if not self._context.is_leader:
            return []  # the leader polls for all
        return [record for record in self._context.open_records if transitions.needs_polling(record)]

    async def _run(self) -> None:
        context = self._context
        self._last_poll_at = context.now()
        while records := self._open():
            if not self._poll_requests:
                wait_s = self._next_poll_at(records) - context.now()
                if wait_s > 0:
                    self._wake.clear()
                    try:
                        async with asyncio.timeout(min(wait_s, 15.0)):
                            await self._wake.wait()
                    except TimeoutError:
                        pass
                    continue
            requested, self._poll_requests = self._poll_requests, []
            self.webhook_polls += self._is_early
            self._is_early = False
            self._last_poll_at = context.now()
            try:
                await self._poll(records)
            except Exception:  # noqa: BLE001 - the end of a task: one bad list must not end the polling
                _log.exception("a list of the vendor could not be processed")
            _answer(requested)  # not those that arrived during the poll: the next one is theirs
        self._is_early = False  # it was about a job that has ended
        self._answer_requests()

    def _answer_requests(self) -> None:
        requested, self._poll_requests = self._poll_requests, []
        _answer(requested)

    def _next_poll_at(self, records: Sequence[JobRecord]) -> float:
        context, timing, last = self._context, self._context.timing, self._last_poll_at
        if self._is_offline and not all(record.request.is_off_peak for record in records):
            return last + 2 * timing.poll_s
        if self._is_early:
            return last + timing.poll_s
        moments = []
        jobs = []
        for record in records:
            if record.submitted_at is None:
                continue
            if record.request.is_off_peak:
                moments.append(next_off_peak_poll_at(record.submitted_at, last_poll_at=last, timing=timing))
            else:
                jobs.append(OpenJob(record.submitted_at, context.expectation(record.request)))
        if jobs:
            is_slot_wanted = context.is_slot_wanted
            moments.append(next_poll_at(jobs, last_poll_at=last, timing=timing, is_slot_wanted=is_slot_wanted))
        moments.extend(self._next_look_at(record) for record in records if record.state is JobState.UNKNOWN)
        return min(moments, default=last + 8 * timing.poll_s)

    def _next_look_at(self, record: JobRecord) -> float:
        """Return when to look for a lost call: soon, then less and less often, and twice once it can be settled."""
        timing, last = self._context.timing, self._last_poll_at
        settles_at = transitions.settle_deadline(record, timing) or last
        if record.pending_question is not None:
            asked_at = record.unknown_since or last
            if record.request.is_off_peak:  # a person has a day to answer
                return next_off_peak_poll_at(asked_at, last_poll_at=last, timing=timing)
            return last + 8 * timing.poll_s
        if last > settles_at:  # a few lists settle most of them; what they do not settle can wait
            return last + max(timing.poll_s, (last - settles_at) / 16)
        age_s = max(0.0, last - (record.unknown_since or last))
        pause_s = min(8 * timing.poll_s, max(timing.poll_s / 2, age_s / 2))
        return min(last + pause_s, settles_at + timing.poll_s / 4)

    # -- reading the list ----------------------------------------------------------------------------------------

    async def _poll(self, records: Sequence[JobRecord]) -> None:
        if not self._context.backend.lists_jobs:
            for record in records:
                await self._poll_one(record)
            return
        groups: dict[str | None, list[JobRecord]] = defaultdict(list)
        for record in records:
            groups[record.account].append(record)
        is_offline = False
        for account, group in groups.items():
            try:
                listing = await self._list(account, group)
                if any(record.state is JobState.UNKNOWN for record in group):
                    await self._match_running(group)
            except PixVerseError as error:
                is_offline = True
                self._warn(group, error)
            else:
                await self._match(group, listing)
        self._is_offline = is_offline

    async def _poll_one(self, record: JobRecord) -> None:
        """Ask for one generation by its id, at a vendor that has no list."""
        if record.video_id is None:
            return
        started_at = self._context.now()
        try:
            row = await self._context.transport.send(self._context.backend.get_video(record.video_id), attempts=1)
        except PixVerseError as error:
            self._warn([record], error)
        else:
            self._apply_row(record, row, started_at)

    def _warn(self, group: Sequence[JobRecord], error: PixVerseError) -> None:
        kind = "poll_offline" if isinstance(error, NoAnswer) else "poll_failed"
        for record in group:
            if (newest := self._context.find_open(record.ref)) is not None and newest.state is not JobState.UNKNOWN:
                warning = Notice(kind, {"detail": str(error)})
                self._context.apply(newest, events.WarningRaised(self._context.now(), warning))

    async def _list(self, account: str | None, group: Sequence[JobRecord]) -> Listing:
        """Read the account's list as far back as this group needs."""
        started_at = self._context.now()
        wanted = {record.video_id for record in group if record.video_id is not None}
        unsettled = [self._needed_since(record) for record in group if record.video_id is None]
        needed_since = min(unsettled, default=None)
        if account is not None or not unsettled:
            return await self._read_pages(account, wanted, needed_since, started_at)
        try:
            return await self._read_pages(None, wanted, needed_since, started_at)
        except APIError as error:
            accounts = self._context.backend.list_accounts()
            if error.status != 400 or accounts is None:
                raise
        # several accounts are configured, and the lost call may be with any of them
        emails = await self._context.transport.send(accounts)
        parts = [await self._read_pages(email, wanted, needed_since, started_at) for email in emails]
        rows = tuple(row for part in parts for row in part.rows)
        return Listing(started_at, rows, max((part.complete_since for part in parts), default=started_at))

    def _needed_since(self, record: JobRecord) -> float:
        """Return how far back a list must reach to find a lost call or, later, to prove its absence."""
        settles_at = transitions.settle_deadline(record, self._context.timing)
        is_provable = settles_at is not None and self._context.now() > settles_at
        return (record.intent_at or record.created_at) - (FAR_CLOCK_S if is_provable else CLOCK_SLACK_S)

    async def _read_pages(
        self, account: str | None, wanted: set[str], needed_since: float | None, started_at: float
    ) -> Listing:
        """Read pages until all `wanted` ids are seen and the list is complete back to `needed_since`, if given.

        A short page need not be the last one (a server may cap the limit). An empty page is, and so is a short one
        without new rows (a server may ignore `offset`).
        """
        rows: dict[str, RemoteVideo] = {}
        offset = 0
        for _ in range(_MOST_PAGES):
            call = self._context.backend.list_videos(account=account, limit=_PAGE, offset=offset)
            if call is None:
                break
            page = await self._context.transport.send(call, attempts=1)
            fresh = {row.video_id or f"row {offset + at}": row for at, row in enumerate(page)}
            has_nothing_new = not fresh.keys() - rows.keys()
            rows.update(fresh)
            oldest = list_window(page)
            is_far_enough = needed_since is None or (oldest is not None and oldest < needed_since)
            if has_nothing_new:
                return Listing(started_at, tuple(rows.values()), 0.0 if len(page) < _PAGE else oldest or started_at)
            if is_far_enough and wanted <= rows.keys():
                return Listing(started_at, tuple(rows.values()), oldest or started_at)
            if needed_since is None and len(page) < _PAGE:
                break
            offset += len(page)
        return Listing(started_at, tuple(rows.values()), started_at)

    # -- matching rows with jobs ---------------------------------------------------------------------------------

    async def _match(self, group: Sequence[JobRecord], listing: Listing) -> None:
        by_id = {record.video_id: record for record in self._context.open_records if record.video_id is not None}
        found: set[str] = set()
        self._note_moderated(row for row in listing.rows if row.video_id not in by_id)
        for row in listing.rows:
            record = by_id.get(row.video_id or "") or self._match_by_reply_ref(row)
            if record is not None:
                found.add(record.ref)
                self._apply_row(record, row, listing.started_at)
        for row in listing.rows:
            record = self._match_by_content(row, group, found) if row.video_id not in by_id else None
            if record is not None:
                found.add(record.ref)
                self._apply_row(record, row, listing.started_at)
        for record in group:
            if record.ref not in found:
                await self._handle_missing(record, listing)
            else:
                self._missing.pop(record.ref, None)

    def _note_moderated(self, rows: Iterable[RemoteVideo]) -> None:
        """Note which finished videos the vendor has moderated since; each row is looked up once."""
        for row in rows:
            if row.state is not RemoteState.MODERATED or row.video_id is None or row.video_id in self._moderated:
                continue
            self._moderated.add(row.video_id)
            record = self._context.ledger.load_by_video(row.video_id)
            if record is not None and record.state is JobState.DONE:
                now = self._context.now()
                self._context.apply(record, events.ListedInPoll(now, now, row))

    def _apply_row(self, record: JobRecord, row: RemoteVideo, listed_at: float) -> None:
        newest = self._context.find_open(record.ref)
        if newest is not None:  # it may have ended while the list was being read
            account = self._context.backend.account_of(row.video_id) if row.video_id else None
            self._context.apply(newest, events.ListedInPoll(self._context.now(), listed_at, row, account))

    def _match_by_reply_ref(self, row: RemoteVideo) -> JobRecord | None:
        if row.reply_ref is None:
            return None
        return self._context.find_open(row.reply_ref.partition(" ")[0].rpartition(":")[0])

    def _match_by_content(self, row: RemoteVideo, group: Sequence[JobRecord], found: set[str]) -> JobRecord | None:
        """Return the lost job that this row is, by seed, prompt, inputs and time, if the row has no reference.

        None if the row may as well be the call of another job that has no answer: a row does not show everything that
        two calls may differ in, and the one that gives its video away would be sent and charged again.
        """
        if row.reply_ref is not None or row.video_id is None or self._context.ledger.knows_video(row.video_id):
            return None
        account = self._context.backend.account_of(row.video_id)
        unanswered = [
            record
            for record in self._context.open_records
            if record.state in (JobState.SUBMITTING, JobState.UNKNOWN)
            and record.ref not in found
            and (account is None or record.account in (None, account))
            and matches(row, record)
        ]
        if len({record.request.content_key for record in unanswered}) > 1:
            return None
        refs = {record.ref for record in group}
        return next((one for one in unanswered if one.state is JobState.UNKNOWN and one.ref in refs), None)

    def _candidates(self, record: JobRecord, listing: Listing) -> list[RemoteVideo]:
        """Return the rows of no known job that could be this lost call."""
        knows = self._context.ledger.knows_video
        return [
            row
            for row in listing.rows
            if row.reply_ref is None and could_match(row, record) and (row.video_id is None or not knows(row.video_id))
        ]

    def _matches_other_job(self, row: RemoteVideo, record: JobRecord) -> bool:
        """Return whether a row is, or may be soon known as, the call of another job that has no generation yet.

        If it matches two lost jobs, only a person can tell.
        """
        is_ours_too = matches(row, record)
        return any(
            other.ref != record.ref
            and (other.state is JobState.SUBMITTING or (other.state is JobState.UNKNOWN and not is_ours_too))
            and matches(row, other)
            for other in self._context.open_records
        )

    async def _handle_missing(self, record: JobRecord, listing: Listing) -> None:
        """Handle a job that the list lacks: proof for a lost call, a reason to ask by id for an accepted one."""
        context = self._context
        newest = context.find_open(record.ref)
        if newest is None:
            return  # it has ended while the list was being read
        if newest.state is JobState.UNKNOWN:
            since = newest.intent_at or newest.created_at
            if not context.sender_may_be_stalled(newest) and listing.complete_since <= since - FAR_CLOCK_S:
                await self._prove_absent(newest, listing)
            return
        if newest.video_id is None:
            return
        self._missing[newest.ref] += 1
        if self._missing[newest.ref] % _MISSING_TWICE == 0:
            try:
                row = await context.transport.send(context.backend.get_video(newest.video_id), attempts=1)
            except PixVerseError:
                return  # 404 is ambiguous: processing, unknown or deleted; the deadline decides
            self._apply_row(newest, row, listing.started_at)

    async def _prove_absent(self, record: JobRecord, listing: Listing) -> None:
        """Count a list without this lost call; before it may be sent again, check candidates and the balance."""
        context = self._context
        candidates = self._candidates(record, listing)
        is_seeded = record.request.seed is not None
        if any(
            (row.seed is None and is_seeded) or row.video_id is None or self._matches_other_job(row, record)
            for row in candidates
        ):
            return  # too little is known, or it is a call whose own answer is under way: wait for more
        event = events.MissingFromPoll(context.now(), listing.started_at, context.timing.settle_s)
        if transitions.advance(record, event).state is not JobState.UNKNOWN:
            if candidates:
                context.apply(record, events.AmbiguousMatch(context.now(), str(candidates[0].video_id)))
                return
            debit = await self._balance.unexplained_debit(record, listing.rows)
            if debit is not None:
                context.apply(record, events.UnexplainedDebit(context.now(), debit))
                return
        context.apply(record, event)

    async def _match_running(self, group: Sequence[JobRecord]) -> None:
        """Look for lost calls among the jobs that the vendor tracks, which carry our reference."""
        call = self._context.backend.list_running()
        if call is None:
            return
        try:
            running = await self._context.transport.send(call, attempts=1)
        except APIError:
            return  # additional evidence only; the list decides
        lost = {record.ref for record in group if record.state is JobState.UNKNOWN}
        for entry in running:
            row = RemoteVideo(video_id=entry.video_id, state=RemoteState.GENERATING, reply_ref=entry.reply_ref)
            record = self._match_by_reply_ref(row)
            if record is not None and record.ref in lost and entry.video_id is not None:
                self._apply_row(record, row, self._context.now())


def _answer(requested: Sequence[asyncio.Future[None]]) -> None:
    for future in requested:
        if not future.done():
            future.set_result(None)


def list_window(page: Sequence[RemoteVideo]) -> float | None:
    """Return how far back a page reaches (Unix seconds), judged by most of its rows: a single one may be wrong."""
    times = sorted((row.created_at for row in page if row.created_at is not None), reverse=True)
    return times[len(times) // 2] if 2 * len(times) > len(page) else None
