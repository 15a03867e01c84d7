"""The engine: moves every job along the state table, one task each, and keeps the ledger in step.

It lives on the portal's loop. All changes go through `apply`: the table gives the new record, the ledger stores it
(or tells that another process was faster), the listeners hear of it. The acts themselves are in `submit` (pictures
and the paid call), `watch` (the shared list poll) and `download`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

from pixverse_nb.config import Clock, Timing, boot_clock
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.requests import FramesRequest
from pixverse_nb.errors import LedgerError
from pixverse_nb.jobs import events, transitions
from pixverse_nb.jobs.download import Downloader
from pixverse_nb.jobs.events import Event
from pixverse_nb.jobs.leader import LeaderElection, LeaderLease, lock_name
from pixverse_nb.jobs.messages import told
from pixverse_nb.jobs.poll_schedule import DurationEstimate, DurationHistory
from pixverse_nb.jobs.poller import Poller
from pixverse_nb.jobs.protocols import Vendor
from pixverse_nb.jobs.reconcile import BalanceMonitor
from pixverse_nb.jobs.slots import AccountPool
from pixverse_nb.jobs.submit import Submitter
from pixverse_nb.jobs.transitions import next_action
from pixverse_nb.ledger import Ledger

_log: Final = logging.getLogger("pixverse_nb")

Listener = Callable[[JobRecord], None]

_LEAST_STALE_S: Final = 2.0  # a busy machine must not look like a stopped process
_LONGEST_NAP_S: Final = 15.0  # the wall clock is looked at again: a laptop may have slept


class Engine:
    """Drives the open jobs of one home and service.

    Its methods run on the portal's loop; `current`, `want`, `is_resting` and `expectation` from any thread.
    """

    def __init__(
        self, *, ledger: Ledger, connect: Callable[[], Vendor], home: Path, timing: Timing, owner: str
    ) -> None:
        self.ledger = ledger
        self.service = ledger.service
        self._connect = connect
        self.home = home
        self.timing = timing
        self.owner = owner
        self.now: Clock = boot_clock()
        self.records: dict[str, JobRecord] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._signals: dict[str, asyncio.Event] = {}
        self._listeners: list[Listener] = []
        self._lessons = DurationHistory(ledger, timing)
        self._storing = WriteBuffer(ledger, again_s=timing.poll_s, written=self._written)
        self._asked: set[str] = set()  # what a living process wants: only these are ever sent
        self._in_flight: set[str] = set()  # paid calls of ours that wait for their answer
        self._may_leave_late: set[str] = set()  # calls that a process which stands still was about to make
        self._poll_for: asyncio.Task[None] | None = None
        seat = LeaderLease(
            ledger.leases,
            lock=home / f"{lock_name(self.service)}.lock",
            owner=owner,
            stale_s=max(_LEAST_STALE_S, 5 * timing.poll_s),
            now=self.now,
        )
        self._presence = LeaderElection(self, ledger=ledger, seat=seat, timing=timing)
        self._submitter = Submitter(self, witness := BalanceMonitor(self))
        self._watcher = Poller(self, witness)
        self._downloader = Downloader(self)

    @cached_property
    def client(self) -> Vendor:
        """The vendor, connected on first use: that takes a tenth of a second, which no cell should wait for."""
        return self._connect()

    def listen(self, listener: Listener) -> None:
        """Call `listener` on the loop's thread with every changed record."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Take up what an earlier process left open; what was never sent stays unsent until somebody asks."""
        for record in self.ledger.open_jobs():
            self.adopt(record, is_asked=False)
            if record.blocked and record.state is JobState.DOWNLOADING and record.ref in self.records:
                self.resume(record.ref)  # a paid file is tried again: what stood in the way may be mended

    def adopt(self, record: JobRecord, *, is_asked: bool) -> None:
        """Have `record` driven from now on, here or by the process that holds the seat.

        `is_asked` tells that a person wants it, so that it may be sent where it never was.
        """
        known = self.records.get(record.ref)
        if known is None or known.version < record.version:
            self.records[record.ref] = record
        if is_asked:
            self.request_run(record.ref)
        self._presence.wake()
        if self.is_leader:
            self._start(record.ref)

    def request_run(self, ref: str) -> None:
        """Note that a person wants this job, so that it may be sent; usable from any thread."""
        self._asked.add(ref)

    def resume(self, ref: str) -> None:
        """Go on with a job that rests here (timed out, parked, never sent), because somebody asks for it."""
        self.request_run(ref)
        now, budget = self.now(), self.ledger.budget_credits
        record = self.apply(ref, events.Resumed(now, self.owner, now + self.timing.deadline_s, budget))
        self._submitter.accounts.forgive()
        self.adopt(record, is_asked=True)

    def resolve(self, ref: str, *, was_charged: bool) -> None:
        """Carry out a person's word on a lost call."""
        self.request_run(ref)
        self.adopt(self.apply(ref, events.ResolvedByUser(self.now(), was_charged)), is_asked=True)

    @property
    def is_leader(self) -> bool:
        """True while this process is the one that sends and asks for this home."""
        return self._presence.epoch is not None

    def is_resting(self, record: JobRecord) -> bool:
        """Tell whether nothing moves for this job until a person asks."""
        return record.blocked or (transitions.is_unsent(record) and (record.imported or record.ref not in self._asked))

    # -- for the presence ----------------------------------------------------------------------------------------

    def has_business(self) -> bool:
        """Tell whether any job here is still moving, or being followed."""
        is_moving = any(not record.state.is_final and not self.is_resting(record) for record in self.records.values())
        return bool(self._tasks) or is_moving or self._storing.has_waiting

    def on_elected(self) -> None:
        """Take over every open job of the home; what another process was sending is settled before anything else."""
        self._may_leave_late.clear()
        for record in self.ledger.open_jobs():
            known = self.records.get(record.ref)
            if known is None or known.version < record.version:
                self.records[record.ref] = record
            if record.ref not in self._in_flight:
                now = self.now()
                self.apply(record.ref, events.ResponseLost(now, "sender_gone", now + self.timing.answer_timeout_s))
                if self._presence.lock_held_elsewhere and self.records[record.ref].state is JobState.UNKNOWN:
                    self._may_leave_late.add(record.ref)
            self._start(record.ref)

    def on_deposed(self) -> None:
        """Let the drives end at their next step."""
        for signal in self._signals.values():
            signal.set()
        self._submitter.slot_may_be_free()

    def on_previous_leader_gone(self) -> None:
        """Begin to settle what the process before us was sending: it is gone, or it has woken up and given way."""
        late, self._may_leave_late = self._may_leave_late, set()
        for ref in late & self.records.keys():
            self.apply(ref, events.ResponseLost(self.now(), "sender_gone"))

    def sender_may_be_stalled(self, ref: str) -> bool:
        """Tell whether a process that stands still may yet send this job's call: then nothing proves its absence."""
        return ref in self._may_leave_late

    def resubmit_requests(self) -> None:
        """Tell a new holder of the seat what this living process wants and has not been sent yet."""
        for ref in tuple(self._asked):
            record = self.records.get(ref)
            if record is not None and transitions.is_unsent(record) and not record.imported:
                self._request_send(record)

    def _request_send(self, record: JobRecord) -> None:
        # a wish that changes nothing would not be written
        later = record.deadline_at + 0.001
        self.apply(record.ref, events.Resumed(self.now(), self.owner, later, record.budget_credits))

    def refresh(self) -> None:
        """Read again what another process may have changed while nothing was followed."""
        for ref, known in tuple(self.records.items()):
            stored = self.ledger.load(ref)
            if stored is not None and stored.version > known.version:
                self.records[ref] = stored

    def current(self, ref: str) -> JobRecord | None:
        """Return the newest record of a job; usable from any thread."""
        known = self.records.get(ref) if self._presence.is_following else None
        return known or self.ledger.load(ref) or self.records.get(ref)

    def on_external_change(self, record: JobRecord) -> None:
        """Follow what another process wrote; where we hold the seat, its wish is ours to carry out."""
        known = self.records.get(record.ref)
        if known is not None and known.version >= record.version:
            return
        if known is None and record.state.is_final:
            self._publish(record)
            return
        self.records[record.ref] = record
        if transitions.is_unsent(record) and not record.imported:
            was_sent = known is not None and not transitions.is_unsent(known)
            if was_sent and record.ref in self._asked and not self.is_leader:
                self._request_send(record)  # it may be sent again, and only we may know that somebody still wants it
                return
            self._asked.add(record.ref)
        self._notify(record)
        if self.is_leader:
            self._start(record.ref)
        if record.state.is_final and record.ref not in self._tasks:
            self.records.pop(record.ref, None)

    def on_tick(self) -> None:
        """Answer the wish of another process for a list at once."""
        row = self.ledger.leases.row()
        if row is not None and row.polls_requested > row.polls_served and self._poll_for is None:
            self._poll_for = asyncio.get_running_loop().create_task(self._answer_polls(row.polls_requested))

    async def _answer_polls(self, asked: int) -> None:
        try:
            await self._watcher.poll_now()
            epoch = self._presence.epoch
            if epoch is not None:
                self.ledger.leases.answer_polls(epoch, asked)
        finally:
            self._poll_for = None

    # -- moving jobs ---------------------------------------------------------------------------------------------

    def cancel(self, ref: str, *, only_unsent: bool = False) -> None:
        """Stop waiting for a job; its generation may go on at the vendor."""
        before = self.records[ref]
        after = self.apply(ref, events.CancelAsked(self.now(), only_unsent))
        if before.video_id is not None and after.state is JobState.CANCELLED and before.state is not after.state:
            self._submitter.cancel_tracking(before.video_id)

    def apply(self, ref: str, event: Event, *, is_intent: bool = False) -> JobRecord:
        """Move a job by one event, store it and tell the listeners; return the newest record.

        Where another process wrote first, its record is read and the event applied to that. A ledger that cannot be
        written stops an intent (LedgerError, nothing is sent); any other fact is kept in memory until it can.
        """
        while True:
            before = self.records[ref]
            after = transitions.advance(before, event)
            if after == before:
                return before
            if (
                replace(after, last_seen_running_at=before.last_seen_running_at, queue_position=before.queue_position)
                != before
            ):
                epoch = self._presence.epoch or 0
                stored = (
                    self._storing.intent(after, event, epoch=epoch) if is_intent else self._storing.fact(after, event)
                )
                if stored is None:
                    self.records[ref] = self.ledger.load(ref) or before
                    if is_intent:
                        self._presence.verify()
                        return self.records[ref]
                    continue
                after = stored
            self.records[ref] = after
            if after.state is JobState.DOWNLOADING and before.state is not after.state:
                self._lessons.learn(after)
            self._notify(after)
            return after

    def expectation(self, request: FramesRequest) -> DurationEstimate:
        """Return how long such a job takes from its submission, learnt from the finished ones."""
        return self._lessons.expectation(request)

    async def poll_now(self) -> None:
        """Have the vendor's list asked at once, here or by the process that holds the seat, and wait for that."""
        self._presence.wake()
        asked: int | None = None
        while self.has_business():
            if self.is_leader:
                return await self._watcher.poll_now()
            if asked is None:
                asked = self.ledger.leases.ask_poll()
            row = self.ledger.leases.row()
            if row is None or row.polls_served >= asked:
                return None
            await asyncio.sleep(min(1.0, self.timing.poll_s / 4))
        return None

    def poll_soon(self) -> None:
        """Have the vendor's list asked as soon as the densest rhythm allows, where this process holds the seat."""
        self._watcher.hint()

    @property
    def accounts(self) -> AccountPool:
        """The accounts behind the token, and how many jobs they take."""
        return self._submitter.accounts

    @property
    def hinted_polls(self) -> int:
        """How many lists were asked for because of a hint."""
        return self._watcher.hinted_polls

    @contextmanager
    def in_flight(self, ref: str) -> Iterator[None]:
        """While a paid call of ours is under way its answer is ours, even if the seat is taken over meanwhile."""
        self._in_flight.add(ref)
        try:
            yield
        finally:
            self._in_flight.discard(ref)

    async def signal(self, ref: str, *, until: float) -> None:
        """Return when the job has changed, or at `until` (Unix seconds), or after a short nap, whichever is first."""
        signal = self._signals[ref]
        nap_s = min(max(0.0, until - self.now()), _LONGEST_NAP_S)
        try:
            async with asyncio.timeout(nap_s):
                await signal.wait()
        except TimeoutError:
            return
        signal.clear()

    async def aclose(self) -> None:
        """Give up the seat and close the connections to the vendor, where there are any."""
        self._storing.flush()
        self._presence.leave()
        if "client" in vars(self):
            await self.client.aclose()

    # -- inside --------------------------------------------------------------------------------------------------

    def _next(self, ref: str) -> transitions.Action:
        return next_action(self.records[ref], now=self.now(), owner=self.owner, is_asked=ref in self._asked)

    def _start(self, ref: str) -> None:
        if ref not in self._tasks and not isinstance(self._next(ref), transitions.Idle):
            self._signals[ref] = asyncio.Event()
            self._tasks[ref] = asyncio.get_running_loop().create_task(self._drive(ref))

    async def _drive(self, ref: str) -> None:
        try:
            while self.is_leader:
                waits = self.records[ref]
                if waits.state is JobState.SUBMITTING and waits.owner == self.owner and ref not in self._in_flight:
                    self.apply(ref, events.ResponseLost(self.now(), "it could not be written into the ledger"))
                match self._next(ref):
                    case transitions.Idle():
                        return
                    case transitions.Upload():
                        await self._submitter.upload(ref)
                    case transitions.Submit():
                        await self._submitter.submit(ref)
                    case transitions.SleepUntil(at=at):
                        await self.signal(ref, until=at)
                    case transitions.WaitForPoll():
                        self._watcher.wake()
                        await self.signal(ref, until=self.records[ref].deadline_at)
                    case transitions.Download():
                        await self._downloader.fetch(ref)
                    case transitions.TimeOut():
                        self.apply(ref, events.DeadlinePassed(self.now()))
        except Exception as error:  # noqa: BLE001 - the end of a task: a job must never hang unseen
            if not isinstance(error, LedgerError):
                _log.exception("the driving of a job ended with an error of ours")
            self.apply(ref, events.ResponseLost(self.now(), "an error of ours came between"))
            self.apply(ref, events.WarningRaised(self.now(), str(error), parks=True, kind=type(error).__name__))
        finally:
            self._tasks.pop(ref, None)
            self._signals.pop(ref, None)
            if not self._storing.is_waiting(ref):
                self._let_go(ref)

    def _let_go(self, ref: str) -> None:
        if self.records[ref].state.is_final and ref not in self._tasks:
            del self.records[ref]  # the ledger has it; nothing is to be watched any more
            self._asked.discard(ref)

    def _written(self, record: JobRecord) -> None:
        """What could not be written before is in the ledger now."""
        self.records[record.ref] = record
        self._let_go(record.ref)

    def _notify(self, record: JobRecord) -> None:
        if signal := self._signals.get(record.ref):
            signal.set()
        if not transitions.holds_slot(record):
            self._submitter.slot_may_be_free()
        if self.is_leader:
            self._watcher.wake()
        self._publish(record)

    def _publish(self, record: JobRecord) -> None:
        for listener in tuple(self._listeners):
            listener(record)


class WriteBuffer:
    """Writes the records of one engine into its ledger, on the portal's loop.

    What could not be written is tried again every `again_s` seconds; `written` is told of it then.
    """

    def __init__(self, ledger: Ledger, *, again_s: float, written: Callable[[JobRecord], None]) -> None:
        self._ledger = ledger
        self._again_s = again_s
        self._written = written
        self._waiting: dict[str, tuple[JobRecord, float, str]] = {}  # the newest of each job, when it was, what is told
        self._task: asyncio.Task[None] | None = None

    def intent(self, record: JobRecord, event: Event, *, epoch: int) -> JobRecord | None:
        """Write the intent of a paid call, synced; None where another process wrote first or holds the seat.

        Raises LedgerError where it cannot be written (then nothing may be sent), BudgetReached where it costs too much.
        """
        stored = self._ledger.save(record, at=event.at, text=told(event, record), epoch=epoch)
        if stored is not None:
            self._waiting.pop(record.ref, None)
        elif self._ledger.load(record.ref) is None:
            raise LedgerError(
                f"The ledger does not hold job {record.ref} any more: somebody has removed it. Nothing was sent; "
                "ask for the video again.",
                ref=record.ref,
            )
        return stored

    def fact(self, record: JobRecord, event: Event) -> JobRecord | None:
        """Write what has happened; None where another process wrote first. What cannot be written waits."""
        text = told(event, record)
        try:
            stored = self._ledger.save(record, at=event.at, text=text)
        except LedgerError:
            self._waiting[record.ref] = (record, event.at, text)
            if self._task is None or self._task.done():
                self._task = asyncio.get_running_loop().create_task(self._try_again())
            return record
        self._waiting.pop(record.ref, None)
        if stored is None and self._ledger.load(record.ref) is None:
            return record  # its row was removed by somebody: the job ends in memory
        return stored

    def is_waiting(self, ref: str) -> bool:
        """Tell whether the newest fact of a job is in memory alone."""
        return ref in self._waiting

    @property
    def has_waiting(self) -> bool:
        """True while the ledger lacks some fact."""
        return bool(self._waiting)

    def flush(self) -> None:
        """Try to write all that waits."""
        for ref, (record, at, text) in tuple(self._waiting.items()):
            try:
                stored = self._ledger.save(record, at=at, text=text)
                newest = stored or self._ledger.load(ref)  # another process may have taken the job over meanwhile
            except LedgerError:
                return  # the others would wait for the same lock, or the same disk
            del self._waiting[ref]
            if newest is not None:
                self._written(newest)

    async def _try_again(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._again_s)
            self.flush()
