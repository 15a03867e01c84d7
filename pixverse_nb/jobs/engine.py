"""The engine: runs every job of a home through the state machine, one task each, and keeps the ledger in step.

It belongs to one event loop. Every change goes through `apply`: `transitions` gives the new record, the ledger stores
it (unless another process was faster), the subscribers are notified. The work itself is in `submit`, `poller` and
`download`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

from pixverse_nb.backends.base import Backend, VideoMade
from pixverse_nb.config import Clock, Timing, boot_clock
from pixverse_nb.domain.catalogue import CATALOGUE, Catalogue
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import LedgerError
from pixverse_nb.jobs import events, transitions
from pixverse_nb.jobs.download import Downloader
from pixverse_nb.jobs.events import Event
from pixverse_nb.jobs.leader import LeaderElection, LeaderLease, is_led, lock_name
from pixverse_nb.jobs.poll_schedule import DurationEstimate, DurationHistory
from pixverse_nb.jobs.poller import Poller
from pixverse_nb.jobs.protocols import Transport
from pixverse_nb.jobs.reconcile import BalanceMonitor
from pixverse_nb.jobs.refunds import RefundWatcher
from pixverse_nb.jobs.slots import AccountPool
from pixverse_nb.jobs.submit import Submitter
from pixverse_nb.jobs.write_buffer import WriteBuffer
from pixverse_nb.ledger.accounts import LeaseRow, lease_name
from pixverse_nb.ledger.jobs import Ledger
from pixverse_nb.redaction import redact

_log: Final = logging.getLogger("pixverse_nb")

JobCallback = Callable[[JobRecord], None]

_LEAST_STALE_S: Final = 2.0  # a busy machine must not look like a suspended process
_LEADER_KNOWN_S: Final = 0.5  # a list asks for every job whether another payer's process runs it
_LONGEST_WAIT_S: Final = 15.0  # then the wall clock is read again: a laptop may have slept


class Engine:
    """Runs the open jobs of one home and service.

    Its methods belong to its event loop. Only `current`, `mark_requested`, `is_paused`, `expectation` and
    `requests_sent` work from any thread.
    """

    def __init__(  # noqa: PLR0913 - every part has a name
        self,
        *,
        backend: Backend,
        ledger: Ledger,
        connect: Callable[[], Transport],
        home: Path,
        timing: Timing,
        owner: str,
        catalogue: Catalogue = CATALOGUE,
        sending: Callable[[JobRecord], AbstractContextManager[bool]] = lambda _: nullcontext(enter_result=False),
        is_watched: Callable[[], bool] = lambda: False,
    ) -> None:
        self.backend = backend
        self.ledger = ledger
        self.service = ledger.service
        self._connect = connect
        self.home = home
        self.timing = timing
        self.owner = owner
        self.catalogue = catalogue  # of the client, for what is drawn from its jobs
        self.sending = sending
        self.is_watched = is_watched  # whether somebody wants to hear of changes, also those of other processes
        self.now: Clock = boot_clock()
        self._records: dict[str, JobRecord] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wakeups: dict[str, asyncio.Event] = {}
        self._subscribers: list[JobCallback] = []
        self._durations = DurationHistory(lambda limit: ledger.finished_jobs(limit=limit), timing)
        self._writes = WriteBuffer(ledger, retry_s=timing.poll_s, on_written=self._on_written)
        self._requested: set[str] = set()  # jobs that a living process asked for: only these are ever submitted
        self._slot_seekers: set[object] = set()  # sweeps with cells that wait for a slot
        self._in_flight: set[str] = set()  # our own paid calls that wait for their answer
        self._stalled: set[str] = set()  # jobs that a suspended process was about to submit
        self._poll_for_others: asyncio.Task[None] | None = None
        self._led: dict[str, tuple[bool, float]] = {}  # by other payer: whether a process leads, and when that was read
        self._leases_seen: dict[str, tuple[LeaseRow | None, float]] = {}  # by other payer: a lease, and since when
        self._stale_s = max(_LEAST_STALE_S, 5 * timing.poll_s)
        lease = LeaderLease(
            ledger.leases,
            lock=self._lock_of(ledger.payer),
            owner=owner,
            stale_s=self._stale_s,
            now=self.now,
        )
        self._election = LeaderElection(self, ledger=ledger, lease=lease, timing=timing)
        balance = BalanceMonitor(self)
        self._submitter = Submitter(self, balance)
        self._poller = Poller(self, balance)
        self._refunds = RefundWatcher(self, balance)
        self._downloader = Downloader(self)

    @cached_property
    def transport(self) -> Transport:
        """The connection to the vendor, opened on first use because that takes a tenth of a second."""
        return self._connect()

    def subscribe(self, callback: JobCallback) -> None:
        """Call `callback` on the event loop's thread with every changed record."""
        self._subscribers.append(callback)

    def watch(self) -> None:
        """Hear of what other processes do as long as `is_watched()`; sends and takes over nothing."""
        if not self.ledger.is_read_only:
            self._election.watch()

    # -- requests of the user ------------------------------------------------------------------------------------

    def has_stored_work(self) -> bool:
        """Return whether `start` has anything to do."""
        return not self.ledger.is_read_only and bool(self.ledger.open_jobs() or self._refunds.pending())

    def start(self) -> None:
        """Continue what an earlier process left open; a job that was never sent waits until somebody asks for it."""
        if self.ledger.is_read_only:
            return
        self._refunds.start()
        for record in self.ledger.open_jobs():
            self.follow(record, is_requested=False)
            if (
                self.is_ours(record)
                and record.blocked
                and record.state is JobState.DOWNLOADING
                and record.ref in self._records
            ):
                self.resume(record)  # a paid file is tried again: the obstacle may be gone

    def follow(self, record: JobRecord, *, is_requested: bool) -> None:
        """Run `record` from now on, here or by the leader.

        `is_requested`: somebody asked for it, so it may be submitted if it never was.
        """
        newest = self._keep_newest(record)
        if newest.state.is_final:  # it has ended since it was read; whoever waits for it may have missed that
            self._publish(newest)
            self._forget_finished(record.ref)
            return
        if is_requested:
            self.mark_requested(record.ref)
        self._election.wake()
        if self.is_leader:
            self._start(record.ref)

    def mark_requested(self, ref: str) -> None:
        """Note that somebody wants this job, so that it may be submitted; works from any thread."""
        self._requested.add(ref)

    def resume(self, record: JobRecord) -> None:
        """Continue a job that has stopped (timed out, blocked, never sent) because somebody asks for it.

        Another payer's job becomes one of this payer, unless its call was sent and a process of the other looks for it.
        """
        self.ledger.check_writable()
        self.mark_requested(record.ref)
        payer = "" if self.is_ours(record) else self.ledger.payer
        if payer and record.state is not JobState.DONE and not transitions.can_take_over(record):
            if self._is_led(record.payer, max_age_s=0.0):
                self.follow(record, is_requested=True)
                return
            lost_by = self.now() + self.timing.answer_timeout_s
            record = self.apply(record, events.ResponseLost(self.now(), "sender_gone", latest_send_deadline=lost_by))
        now, budget = self.now(), self.ledger.budget_credits
        deadline_at = now + self.timing.job_deadline_s(is_off_peak=record.request.is_off_peak)
        record = self.apply(record, events.Resumed(now, self.owner, deadline_at, budget, payer))
        self._submitter.accounts.reset()
        self.follow(record, is_requested=True)

    def resolve(self, record: JobRecord, *, was_charged: bool) -> None:
        """Apply a person's answer to the question about a lost call."""
        self.ledger.check_writable()
        self.mark_requested(record.ref)
        self.follow(self.apply(record, events.ResolvedByUser(self.now(), was_charged)), is_requested=True)

    async def quote(self, record: JobRecord) -> int:
        """Return the vendor's price for a job that is not made; its inputs are uploaded, nothing is charged.

        If the same call has been made already, its price is returned without a question. Raises VideoMade if the vendor
        makes the video instead, which is then a job of this home.
        """
        made = self.ledger.find_reusable(record)
        if made is not None and made.charged == "yes" and (paid := made.cost_credits or made.estimated_credits):
            return paid
        try:
            return await self._submitter.quote(record)
        except VideoMade as error:
            with suppress(LedgerError):  # the error names the generation, which can be adopted later
                added, _ = self.ledger.find_or_add(record, reuse=False)
                kept = self.apply(added, self._submitter.accepted_as_quote(error))
                self.follow(kept, is_requested=True)
                error.ref, error.account = kept.ref, redact(kept.account) if kept.account else None
            raise

    def cancel(self, record: JobRecord, *, only_unsent: bool = False) -> None:
        """Stop waiting for a job; its generation may go on at the vendor."""
        self.ledger.check_writable()
        before = self.newest(record)
        after = self.apply(before, events.CancelRequested(self.now(), only_unsent))
        is_new = after.state is JobState.CANCELLED and before.state is not after.state
        if is_new and before.video_id is not None and not before.request.is_off_peak:
            self._submitter.cancel_tracking(before.video_id)

    def withdraw(self, record: JobRecord) -> bool:
        """Do not send a job that somebody asked for; return whether it is not known to be paid.

        One that was not sent is cancelled. A lost call is still looked for, but not sent again once its absence is
        proved.
        """
        self._requested.discard(record.ref)
        self.ledger.check_writable()
        self.apply(record, events.Withdrawn(self.now()))
        current = self.current(record.ref)
        return current is None or current.charged != "yes"

    def seek_slot(self, seeker: object, *, is_seeking: bool) -> None:
        """Note whether `seeker` has more jobs to create as soon as a slot is free."""
        (self._slot_seekers.add if is_seeking else self._slot_seekers.discard)(seeker)

    async def poll_now(self) -> None:
        """Have the vendor polled at once, here or by the leader, and wait for that."""
        self.ledger.check_writable()
        self._election.wake()
        requested: int | None = None
        while self.has_open_work():
            if self.is_leader:
                return await self._poller.poll_now()
            if requested is None:
                requested = self.ledger.leases.request_poll()
            row = self.ledger.leases.current()
            if row is None or row.polls_served >= requested:
                return None
            await asyncio.sleep(min(1.0, self.timing.poll_s / 4))
        return None

    def poll_soon(self) -> None:
        """Have the vendor polled as soon as the fastest schedule allows, if this process is the leader."""
        self._poller.poll_soon()

    async def aclose(self) -> None:
        """Release the lease and close the connections to the vendor, if there are any."""
        self._writes.flush()
        self._election.leave()
        if "transport" in vars(self):
            await self.transport.aclose()

    # -- queries -------------------------------------------------------------------------------------------------

    @property
    def is_leader(self) -> bool:
        """Whether this process submits and polls for this home."""
        return self._election.epoch is not None

    @property
    def open_records(self) -> tuple[JobRecord, ...]:
        """The newest record of every open job of this payer."""
        return tuple(record for record in self._records.values() if self.is_ours(record))

    def find_open(self, ref: str) -> JobRecord | None:
        """Return the newest record of an open job, or None."""
        return self._records.get(ref)

    def newest(self, record: JobRecord) -> JobRecord:
        """Return the newest version of a record that this process has."""
        return self._records.get(record.ref, record)

    def current(self, ref: str) -> JobRecord | None:
        """Return the newest record of a job, open or not; works from any thread."""
        is_newest = self._election.is_following or self._writes.is_pending(ref)
        known = self._records.get(ref) if is_newest else None
        return known or self.ledger.load(ref) or self._records.get(ref)

    def is_paused(self, record: JobRecord) -> bool:
        """Return whether the job has stopped until it is asked for again."""
        if not self.is_ours(record):
            return record.blocked or not self._is_led(record.payer)
        is_requested = record.ref in self._requested and not record.awaits_resume
        return record.blocked or (transitions.is_unsent(record) and not is_requested)

    def is_ours(self, record: JobRecord) -> bool:
        """Return whether the job has the payer of this process, or none yet; works from any thread."""
        return record.payer in ("", self.ledger.payer)

    def would_take_over(self, record: JobRecord) -> bool:
        """Return whether resuming this job of another payer makes this one pay for it."""
        return not self.is_ours(record) and transitions.can_take_over(record)

    def sender_may_be_stalled(self, record: JobRecord) -> bool:
        """Return whether a suspended process may still send this job's call: then nothing proves its absence."""
        return record.ref in self._stalled

    @property
    def is_slot_wanted(self) -> bool:
        """Whether a job waits for a slot, here or in a sweep."""
        return bool(self._slot_seekers) or any(
            record.state is JobState.WAITING and not self.is_paused(record) for record in self.open_records
        )

    def expectation(self, request: GenerationRequest) -> DurationEstimate:
        """Return how long such a job takes from its submission, learned from finished ones."""
        return self._durations.expectation(request)

    @property
    def accounts(self) -> AccountPool:
        """The accounts behind the token, and how many jobs they accept."""
        return self._submitter.accounts

    @property
    def requests_sent(self) -> int:
        """The number of requests sent to the API so far; does not open a connection."""
        return self.transport.requests_sent if "transport" in vars(self) else 0

    @property
    def webhook_polls(self) -> int:
        """How many polls were triggered by a webhook."""
        return self._poller.webhook_polls

    # -- changing jobs -------------------------------------------------------------------------------------------

    def apply(self, record: JobRecord, event: Event, *, is_intent: bool = False) -> JobRecord:
        """Apply an event to the newest version of a job, store the result, notify, and return it.

        If another process wrote first, its record is read and the event applied to that. If the ledger cannot be
        written, an intent raises LedgerError (nothing is sent); any other event is kept in memory until it can.
        """
        ref = record.ref
        while True:
            before = self._keep_newest(record)
            if not self.is_ours(before) and transitions.is_only_for_payer(event):
                return before  # another payer has taken it over
            after = transitions.advance(before, event)
            if after == before:
                self._forget_finished(ref)
                return before
            if (
                replace(after, last_seen_running_at=before.last_seen_running_at, queue_position=before.queue_position)
                != before
            ):
                if is_intent:
                    stored = self._writes.write_intent(after, event, epoch=self._election.epoch or 0)
                else:
                    stored = self._writes.write_event(after, event)
                if stored is None:
                    self._records[ref] = newest = self.ledger.load(ref) or before
                    self._notify(newest)
                    if is_intent:
                        self._election.verify()
                        return newest
                    continue
                after = stored
            self._records[ref] = after
            if after.state is JobState.DOWNLOADING and before.state is not after.state:
                self._durations.record(after)
            self._notify(after)
            self._refunds.follow(after)
            if before.state.is_final:
                self._forget_finished(ref)  # something was learned about a job that had ended
            return after

    def renew_url(self, record: JobRecord, url: str) -> JobRecord:
        """Replace the address of a finished video in memory."""
        self._records[record.ref] = renewed = replace(self.newest(record), url=url)
        return renewed

    @contextmanager
    def in_flight(self, record: JobRecord) -> Iterator[None]:
        """Own the answer of a paid call that is under way, even if another process becomes the leader."""
        self._in_flight.add(record.ref)
        try:
            yield
        finally:
            self._in_flight.discard(record.ref)

    async def wait_for_change(self, record: JobRecord, *, until: float) -> None:
        """Return when the job has changed, at `until` (Unix seconds), or after a short wait, whichever is first."""
        wakeup = self._wakeups[record.ref]
        wait_s = min(max(0.0, until - self.now()), _LONGEST_WAIT_S)
        try:
            async with asyncio.timeout(wait_s):
                await wakeup.wait()
        except TimeoutError:
            return
        wakeup.clear()

    # -- callbacks of the leader election ------------------------------------------------------------------------

    def has_open_work(self) -> bool:
        """Return whether any job here is still moving or being followed."""
        is_moving = any(
            not record.state.is_final and not self.is_paused(record) for record in tuple(self._records.values())
        )
        return bool(self._tasks) or is_moving or self._writes.has_pending

    def on_elected(self) -> None:
        """Take over every open job of the home; calls that another process was making become unknown first."""
        self._stalled.clear()
        for record in self.ledger.open_jobs():
            self._keep_newest(record)
            if not self.is_ours(record):
                continue
            if record.ref not in self._in_flight:
                now = self.now()
                deadline = now + self.timing.answer_timeout_s
                after = self.apply(record, events.ResponseLost(now, "sender_gone", latest_send_deadline=deadline))
                if self._election.lock_held_elsewhere and after.state is JobState.UNKNOWN:
                    self._stalled.add(record.ref)
            self._start(record.ref)

    def on_deposed(self) -> None:
        """Let the tasks end at their next step."""
        for wakeup in self._wakeups.values():
            wakeup.set()
        self._submitter.slot_may_be_free()

    def on_previous_leader_gone(self) -> None:
        """Start to settle what the previous leader was sending: it has ended, or has woken up and given way."""
        for ref in tuple(self._stalled):
            if ref in self._records:
                self.apply(self._records[ref], events.ResponseLost(self.now(), "sender_gone"))
            self._stalled.discard(ref)

    def announce_requested(self) -> None:
        """Tell a new leader which unsent jobs this living process wants."""
        for ref in tuple(self._requested):
            record = self._records.get(ref)
            if record is None or not self.is_ours(record):
                continue
            if transitions.is_unsent(record) and not record.awaits_resume:
                self._announce_requested(record)

    def refresh(self) -> None:
        """Read again what another process may have changed while nothing was followed."""
        for ref, known in tuple(self._records.items()):
            stored = self.ledger.load(ref)
            if stored is not None and stored.version > known.version:
                self._records[ref] = stored
                self._notify(stored)  # somebody may be waiting for it already

    def on_external_change(self, record: JobRecord) -> None:
        """Follow what another process wrote; the leader also carries out what that process wants."""
        known = self._records.get(record.ref)
        if known is not None and known.version >= record.version:
            if known.version == record.version and record.owner != self.owner:
                self._take_wish(record)  # it was read when this process became the leader
            return
        if known is None and (record.state.is_final or self._election.is_idle):
            self._publish(record)
            return
        self._records[record.ref] = record
        if transitions.is_unsent(record) and not record.awaits_resume and self.is_ours(record):
            was_sent = known is not None and not transitions.is_unsent(known)
            if was_sent and record.ref in self._requested and not self.is_leader:
                self._announce_requested(record)  # it may be sent again, and only this process may still want it
                return
            self._requested.add(record.ref)
        self._notify(record)
        if self.is_leader:
            self._start(record.ref)
        if record.state.is_final and record.ref not in self._tasks:
            self._records.pop(record.ref, None)

    def _take_wish(self, record: JobRecord) -> None:
        """Note that another living process wants this unsent job."""
        if transitions.is_unsent(record) and not record.awaits_resume and self.is_ours(record):
            self._requested.add(record.ref)
            if self.is_leader:
                self._start(record.ref)

    def on_tick(self) -> None:
        """Serve the request of another process for a poll; end the waiting for a payer whose last process has ended."""
        for record in tuple(self._records.values()):
            if record.ref not in self._tasks and not self.is_ours(record) and self.is_paused(record):
                del self._records[record.ref]
                self._publish(record)
        if not self.is_leader:
            return
        row = self.ledger.leases.current()
        if row is not None and row.polls_requested > row.polls_served and self._poll_for_others is None:
            self._poll_for_others = asyncio.get_running_loop().create_task(self._serve_polls(row.polls_requested))

    async def _serve_polls(self, requested: int) -> None:
        try:
            await self._poller.poll_now()
            epoch = self._election.epoch
            if epoch is not None:
                self.ledger.leases.mark_polls_served(epoch, requested)
        finally:
            self._poll_for_others = None

    def _announce_requested(self, record: JobRecord) -> None:
        later = record.deadline_at + 0.001  # an update without changes would not be saved
        self.apply(record, events.Resumed(self.now(), self.owner, later, record.budget_credits))

    def _lock_of(self, payer: str) -> Path:
        return self.home / f"{lock_name(lease_name(self.service, payer))}.lock"

    def _is_led(self, payer: str, *, max_age_s: float = _LEADER_KNOWN_S) -> bool:
        """Return whether a process runs the jobs of another payer; works from any thread."""
        led, at = self._led.get(payer, (False, float("-inf")))
        now = self.now()
        if now - at > max_age_s:
            row = self.ledger.lease_of(payer)
            seen, since = self._leases_seen.get(payer, (None, now))
            if row != seen:
                since = now
            self._leases_seen[payer] = (row, since)
            led = is_led(row, self._lock_of(payer), is_stale=now - since >= self._stale_s)
            self._led[payer] = (led, now)
        return led

    # -- the task of a job ---------------------------------------------------------------------------------------

    def _keep_newest(self, record: JobRecord) -> JobRecord:
        """Take up a job that somebody has read, and return its newest record: it may have ended since."""
        followed = self._records.get(record.ref)
        known = followed
        if known is None:
            with suppress(LedgerError):
                known = self.ledger.load(record.ref)
        newest = record if known is None or known.version < record.version else known
        self._records[record.ref] = newest
        if newest.version > (followed or record).version:
            self._notify(newest)  # another process has written it, and it will not be read again
        return newest

    def _next(self, ref: str) -> transitions.Action:
        return transitions.next_action(
            self._records[ref],
            now=self.now(),
            owner=self.owner,
            is_requested=ref in self._requested,
            can_repeat_call=self.backend.dedupes_by_key,
            is_ours=self.is_ours(self._records[ref]),
        )

    def _start(self, ref: str) -> None:
        is_known = ref in self._records  # else it has ended: a subscriber may have cancelled it
        if is_known and ref not in self._tasks and not isinstance(self._next(ref), transitions.Idle):
            self._wakeups[ref] = asyncio.Event()
            self._tasks[ref] = asyncio.get_running_loop().create_task(self._run(ref))

    async def _run(self, ref: str) -> None:  # noqa: C901 - one branch per way in which a step can end
        try:
            while self.is_leader:
                record = self._records[ref]
                is_mine = record.state is JobState.SUBMITTING and record.owner == self.owner
                if is_mine and ref not in self._in_flight:
                    record = self.apply(record, events.ResponseLost(self.now(), "not_recorded"))
                match self._next(ref):
                    case transitions.Idle():
                        return
                    case transitions.Upload():
                        await self._submitter.upload(record)
                    case transitions.Submit():
                        await self._submitter.submit(record)
                    case transitions.SleepUntil(at=at):
                        await self.wait_for_change(record, until=at)
                    case transitions.WaitForPoll():
                        self._poller.wake()
                        await self.wait_for_change(record, until=record.deadline_at)
                    case transitions.Download():
                        await self._downloader.fetch(record)
                    case transitions.TimeOut():
                        self.apply(record, events.DeadlinePassed(self.now()))
        except Exception as error:  # noqa: BLE001 - the end of a task: a job must never hang unnoticed
            if not isinstance(error, LedgerError):
                _log.exception("the task of a job ended with an internal error")
            record = self.apply(self._records[ref], events.ResponseLost(self.now(), "internal_error"))
            warning = Notice(type(error).__name__, {"detail": str(error)})
            self.apply(record, events.WarningRaised(self.now(), warning, blocks=True))
        finally:
            self._tasks.pop(ref, None)
            self._wakeups.pop(ref, None)
            self._forget_finished(ref)

    def _forget_finished(self, ref: str) -> None:
        record = self._records.get(ref)
        if record is None or not record.state.is_final or ref in self._tasks or self._writes.is_pending(ref):
            return
        del self._records[ref]  # the ledger has it
        self._requested.discard(ref)

    def _on_written(self, record: JobRecord) -> None:
        """Handle a record that could not be written earlier and is in the ledger now."""
        known = self._records.get(record.ref)
        self._records[record.ref] = record
        if known is None or replace(known, version=record.version) != record:
            self._notify(record)  # another process has gone on with it
        self._forget_finished(record.ref)

    def _notify(self, record: JobRecord) -> None:
        if wakeup := self._wakeups.get(record.ref):
            wakeup.set()
        if not transitions.holds_slot(record):
            self._submitter.slot_may_be_free()
        if self.is_leader:
            self._poller.wake()
        self._publish(record)

    def _publish(self, record: JobRecord) -> None:
        for callback in tuple(self._subscribers):
            callback(record)
