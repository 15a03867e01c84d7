"""The engine: moves every job along the state table, one task each, and keeps the ledger in step.

It lives on the portal's loop. All changes go through `apply`: the table gives the new record, the ledger stores it
(or tells that another process was faster), the listeners hear of it. The acts themselves are in `submit` (pictures
and the paid call), `watch` (the shared list poll) and here (the download).
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

from pixverse_nb.errors import DownloadError, LedgerError, NoAnswer, PixVerseError
from pixverse_nb.jobs import actions, events, states
from pixverse_nb.jobs.actions import next_action
from pixverse_nb.jobs.desk import Vendor
from pixverse_nb.jobs.events import Event
from pixverse_nb.jobs.rhythm import Expectation, Seen, expectation_of, kind_of
from pixverse_nb.jobs.submit import Submitter
from pixverse_nb.jobs.watch import Watcher
from pixverse_nb.jobs.words import told
from pixverse_nb.ledger import Ledger
from pixverse_nb.models import FramesRequest, JobState
from pixverse_nb.record import JobRecord, StoredVideo
from pixverse_nb.settings import Timing
from pixverse_nb.wire import useapi

Listener = Callable[[JobRecord], None]

_LEARNT_FROM: Final = 200  # finished jobs that are looked at for their durations
_LONGEST_NAP_S: Final = 15.0  # the wall clock is looked at again: a laptop may have slept


class Engine:
    """Drives the open jobs of one home and service; every method but `record` runs on the portal's loop."""

    def __init__(
        self, *, ledger: Ledger, connect: Callable[[], Vendor], home: Path, timing: Timing, owner: str
    ) -> None:
        self.ledger = ledger
        self.service = ledger.service
        self._connect = connect
        self.home = home
        self.timing = timing
        self.owner = owner
        self.now: Callable[[], float] = time.time
        self.records: dict[str, JobRecord] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._signals: dict[str, asyncio.Event] = {}
        self._listeners: list[Listener] = []
        self._seen: dict[tuple[object, ...], list[Seen]] | None = None
        self._submitter = Submitter(self)
        self._watcher = Watcher(self)

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
            self.adopt(record)

    def adopt(self, record: JobRecord) -> None:
        """Drive `record` from now on."""
        known = self.records.get(record.ref)
        if known is None or known.version < record.version:
            self.records[record.ref] = record
        if record.state is JobState.SUBMITTING and record.owner != self.owner:
            reason = "the process that sent it ended before its answer came"
            record = self.apply(record.ref, events.AnswerLost(self.now(), reason))
        if record.ref not in self._tasks and not isinstance(self._next(record.ref), actions.Rest):
            self._signals[record.ref] = asyncio.Event()
            self._tasks[record.ref] = asyncio.get_running_loop().create_task(self._drive(record.ref))

    def take_up(self, ref: str) -> None:
        """Go on with a job that rests here (timed out, parked, never sent), because somebody asks for it."""
        record = self.apply(ref, events.TakenUp(self.now(), self.owner, self.now() + self.timing.deadline_s))
        self._submitter.forgive()
        self.adopt(record)

    def cancel(self, ref: str) -> None:
        """Stop waiting for a job; its generation may go on at the vendor."""
        before = self.records[ref]
        after = self.apply(ref, events.CancelAsked(self.now()))
        if before.video_id is not None and after.state is JobState.CANCELLED and before.state is not after.state:
            self._tasks[f"cancel {ref}"] = asyncio.get_running_loop().create_task(self._stop_tracking(before.video_id))

    def apply(self, ref: str, event: Event, *, is_intent: bool = False) -> JobRecord:
        """Move a job by one event, store it and tell the listeners; return the newest record.

        Where another process wrote first, its record is read and the event applied to that. A ledger that cannot be
        written stops an intent (LedgerError, nothing is sent); any other fact is kept in memory and stored with the
        next one.
        """
        while True:
            before = self.records[ref]
            after = states.advance(before, event)
            if after == before:
                return before
            if replace(after, seen_open_at=before.seen_open_at, queue_position=before.queue_position) != before:
                try:
                    stored = self.ledger.save(after, at=event.at, text=told(event, after))
                except LedgerError:
                    if is_intent:
                        raise
                    stored = after
                if stored is None:
                    self.records[ref] = self.ledger.load(ref) or before
                    continue
                after = stored
            self.records[ref] = after
            if after.state is JobState.DOWNLOADING and before.state is not after.state:
                self._learn(after)
            self._tell(after)
            return after

    def expectation(self, request: FramesRequest) -> Expectation:
        """Return how long such a job takes from its submission, learnt from the finished ones."""
        if self._seen is None:
            self._seen = {}
            for record in reversed(self.ledger.done_like(limit=_LEARNT_FROM)):
                self._learn(record)
        return expectation_of(self._seen.get(kind_of(request), []), self.timing)

    def poll_now(self) -> asyncio.Future[None]:
        """Ask the vendor's list at once; the future ends after that poll."""
        return self._watcher.poll_now()

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
        """Close the connections to the vendor, where there are any."""
        if "client" in vars(self):
            await self.client.aclose()

    # -- inside --------------------------------------------------------------------------------------------------

    def _next(self, ref: str) -> actions.Action:
        return next_action(self.records[ref], now=self.now(), owner=self.owner)

    async def _drive(self, ref: str) -> None:
        try:
            while True:
                match self._next(ref):
                    case actions.Rest():
                        return
                    case actions.Upload():
                        await self._submitter.upload(ref)
                    case actions.Submit():
                        await self._submitter.submit(ref)
                    case actions.SleepUntil(at=at):
                        await self.signal(ref, until=at)
                    case actions.AwaitList():
                        self._watcher.wake()
                        await self.signal(ref, until=self.records[ref].deadline_at)
                    case actions.Download():
                        await self._download(ref)
                    case actions.GiveUp():
                        self.apply(ref, events.DeadlinePassed(self.now()))
        except LedgerError as error:
            self._park(ref, error)
        finally:
            self._tasks.pop(ref, None)
            self._signals.pop(ref, None)
            if self.records[ref].state.is_final:
                del self.records[ref]  # the ledger has it; nothing is to be watched any more

    def _park(self, ref: str, error: PixVerseError) -> None:
        kind = type(error).__name__
        self.apply(ref, events.Troubled(self.now(), f"{error}", parks=True, kind=kind))

    async def _download(self, ref: str) -> None:
        record = self.records[ref]
        path = self.home / "videos" / f"{ref}.mp4"
        try:
            info = await self.client.download(record.url or "", path)
        except NoAnswer as error:
            text = f"{error} The video is finished and paid; its download goes on when the network is back."
            self.apply(ref, events.Troubled(self.now(), text))
            if not await self._renew_url(ref):
                await self.signal(ref, until=self.now() + self.timing.retry_s[1])
            return
        except DownloadError as error:
            if not await self._renew_url(ref):
                self._park(ref, error)
            return
        except OSError as error:
            text = f"The video cannot be stored in {path.parent} ({error.strerror or error})."
            self._park(ref, DownloadError(text, ref=ref, may_have_been_charged="yes"))
            return
        video = StoredVideo(
            name=f"videos/{path.name}",
            sha256=info.sha256,
            size_bytes=info.size_bytes,
            width=info.width,
            height=info.height,
            duration_s=info.duration_s,
        )
        self.apply(ref, events.Downloaded(self.now(), video))

    async def _renew_url(self, ref: str) -> bool:
        """Ask for the video's newest address once; True where it is another one than before."""
        record = self.records[ref]
        if record.video_id is None:
            return False
        try:
            row = await self.client.send(useapi.get_video(record.video_id))
        except PixVerseError:
            return False
        if row.url is None or row.url == record.url:
            return False
        self.records[ref] = replace(record, url=row.url)
        return True

    async def _stop_tracking(self, video_id: str) -> None:
        try:
            await self.client.send(useapi.stop_tracking(video_id), attempts=1)
        except PixVerseError:
            return  # a courtesy: the slot frees itself when the generation ends

    def _learn(self, record: JobRecord) -> None:
        """Remember how long a finished job took, between the last list that showed it open and the next one."""
        if self._seen is None or record.submitted_at is None or record.finished_at is None:
            return
        least_s = max(0.0, (record.seen_open_at or record.submitted_at) - record.submitted_at)
        seen = Seen(least_s, max(least_s, record.finished_at - record.submitted_at))
        samples = self._seen.setdefault(kind_of(record.request), [])
        samples.insert(0, seen)
        del samples[_LEARNT_FROM:]

    def _tell(self, record: JobRecord) -> None:
        if signal := self._signals.get(record.ref):
            signal.set()
        if not actions.holds_slot(record):
            self._submitter.slot_may_be_free()
        self._watcher.wake()
        for listener in tuple(self._listeners):
            listener(record)
