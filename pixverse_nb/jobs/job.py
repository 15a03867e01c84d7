"""The handle of one job, as people hold it: look at it, wait for it, cancel it, show it."""

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Container, Generator, Iterable
from typing import Any, Final, SupportsIndex, overload

from pixverse_nb.domain.jobs import Attempt, JobEvent, JobRecord, JobSnapshot, JobState
from pixverse_nb.domain.requests import FramesRequest
from pixverse_nb.errors import ConfigError, InvalidRequest, JobTimeout, PixVerseError
from pixverse_nb.event_loop import EventLoopThread, wait_for_future
from pixverse_nb.jobs.download import is_intact, stat_signature
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.messages import coming, suggested_action
from pixverse_nb.jobs.results import (
    attempts_from_events,
    error_of,
    lost_error,
    reuse_notice,
    thumbnails_of,
    unsent_error,
    video_of,
)
from pixverse_nb.jobs.transitions import can_resume, needs_confirmation
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import mime_bundle
from pixverse_nb.render.job_views import card_text, jobs_html, jobs_text
from pixverse_nb.render.live import watch_live
from pixverse_nb.render.timeline import Timeline, job_title
from pixverse_nb.video import Video

_log: Final = logging.getLogger("pixverse_nb")


class Job:
    """One video on its way: `result()` waits for it, `await job` waits without blocking, the handle itself shows.

    A job goes on whatever becomes of the handle, the cell or the kernel: `client.job(job.ref)` finds it again.

    >>> job = client.create_frames("a.jpg", "b.jpg")  # doctest: +SKIP
    >>> video = job.result()  # doctest: +SKIP
    """

    def __init__(self, record: JobRecord, engine: Engine, portal: EventLoopThread, *, is_sandbox: bool) -> None:
        self.ref = record.ref
        self._last_known = record
        self._engine = engine
        self._portal = portal
        self._is_sandbox = is_sandbox
        self._reuse_notice: str | None = None
        self._lock = threading.Lock()
        self._waiters: list[concurrent.futures.Future[JobRecord]] = []
        self._subscribers: list[Callable[[Job], object]] = []
        self._cards: list[Callable[[], None]] = []  # each draws one output that shows this job
        self._video: Video | None = None
        self._seen_whole: tuple[int, ...] | None = None

    # -- what it is ----------------------------------------------------------------------------------------------

    @property
    def state(self) -> JobState:
        """Where the job stands now."""
        return self._record().state

    @property
    def request(self) -> FramesRequest:
        """What was asked for, the seed included."""
        return self._record().request

    @property
    def video_id(self) -> str | None:
        """The vendor's id once the paid call is accepted. It holds the account's e-mail: do not publish it."""
        return self._record().video_id

    @property
    def account(self) -> str | None:
        """The account, masked; None where the vendor chose it and has not told yet."""
        account = self._record().account
        return redact(account) if account else None

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know: how the pictures were changed, that a paid video was given back, and the like."""
        own = self._record().notices
        return (*own, self._reuse_notice) if self._reuse_notice else own

    @property
    def error(self) -> PixVerseError | None:
        """The error that `result()` raises, or None."""
        record = self._record()
        if record.state is JobState.DONE and record.error is not None and not self._is_lost(record):
            return None  # a file that was lost has been put back
        return error_of(record, job=self, is_resting=self._is_resting(record))

    @property
    def video(self) -> Video | None:
        """The finished video, or None while there is none."""
        record = self._record()
        return self._video_of(record) if record.state is JobState.DONE else None

    def events(self) -> list[JobEvent]:
        """Return what has happened so far, oldest first, from the ledger."""
        return self._engine.ledger.events(self.ref)

    def attempts(self) -> tuple[Attempt, ...]:
        """Return the paid calls so far, oldest first: when each left, what became of it, what it may have cost."""
        return attempts_from_events(self._record(), self.events())

    def snapshot(self, *, with_video: bool = True) -> JobSnapshot:
        """Return everything about the job at this moment, for cards and lists.

        The first video of a job comes with a poster, which takes its time: a long list can do without.
        """
        record = self._record()
        is_resting = self._is_resting(record)
        expectation = None if self._portal.is_closed else self._engine.expectation(record.request)
        return JobSnapshot(
            ref=record.ref,
            state=record.state,
            request=record.request,
            created_at=record.created_at,
            submitted_at=record.submitted_at,
            finished_at=record.finished_at,
            typical_s=expectation.typical_s if expectation and expectation.samples else None,
            queue_position=record.queue_position,
            notices=self.notices,
            warning=None if record.blocked else record.warning,
            error=record.error,
            suggested_action=suggested_action(record, is_resting=is_resting),
            coming=coming(record, timing=self._engine.timing, now=self._engine.now(), is_resting=is_resting),
            is_paused=is_resting and not record.state.is_final,
            can_resume=can_resume(record, is_resting=is_resting),
            attempt=record.attempt,
            charged=record.charged,
            estimated_credits=record.estimated_credits,
            cost_credits=record.cost_credits,
            is_sandbox=self._is_sandbox,
            reused=self._reuse_notice is not None,
            video=self._video_of(record) if with_video and record.state is JobState.DONE else None,
        )

    # -- waiting for it ------------------------------------------------------------------------------------------

    def result(self, timeout: float | None = None) -> Video:
        """Wait until the video is on disk and return it; `timeout` is in seconds.

        Raises JobTimeout where the waiting (not the job) ended, JobFailed, JobModerated, JobCancelled, the APIError of
        a refusal, or DownloadError. Interrupting the cell stops the waiting only.
        """
        if self._portal.is_current:
            raise ConfigError("result() would wait for itself in a subscriber: use `await job`.")
        waiter = self._waiter()
        try:
            if not wait_for_future(waiter, timeout):
                raise JobTimeout(
                    f"No video after {timeout:g} s of waiting. The job goes on: job.result() waits again, and after a "
                    f'restart client.job("{self.ref}") finds it.',
                    job=self,
                    ref=self.ref,
                    may_have_been_charged=self._record().charged,
                )
            record = waiter.result()
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(
                f'Only the waiting was stopped; the job goes on. client.job("{self.ref}").result() waits again, '
                "job.cancel() gives it up."
            )
            raise
        finally:
            self._forget(waiter)
        self._draw_cards()
        return self._outcome(record)

    def __await__(self) -> Generator[Any, None, Video]:
        return self._wait().__await__()

    async def _wait(self) -> Video:
        waiter = self._waiter()
        try:
            record = await asyncio.wrap_future(waiter)
        finally:
            self._forget(waiter)
        self._draw_cards()
        return self._outcome(record)

    def cancel(self) -> bool:
        """Give the job up; True where that changed anything.

        What was not sent is never paid. What was sent is paid: our waiting and the vendor's tracking end, the
        generation itself may go on and is not refunded; `resume()` takes it up again.
        """
        if self._record().state.is_final:
            return False
        self._do(lambda: self._engine.cancel(self.ref))
        return self._record().state is JobState.CANCELLED

    def resume(self) -> None:
        """Go on with a job that rests: timed out, cancelled after it was sent, stopped by a full disk, never sent.

        One that is done is taken up only where its file is gone or altered.
        """
        record = self._record()
        if record.state is JobState.DONE and not self._is_lost(record):
            return
        self._do(lambda: self._engine.resume(self.ref))

    def resolve(self, *, was_charged: bool) -> None:
        """Answer the question of a job whose lost call only a person can judge (see `job.error`).

        `was_charged=True` keeps it as paid, takes the generation that the question names and ends the search;
        `was_charged=False` sends it again, **which pays anew**.
        Without such a question nothing happens.
        """
        named = self._record().candidate_video_id
        if was_charged and named is not None and self._engine.ledger.knows_video(named):
            mend = "the generation of the question is another job's by now: False lets the call be settled anew"
            raise InvalidRequest({"was_charged": mend})
        self._do(lambda: self._engine.resolve(self.ref, was_charged=was_charged))

    def subscribe(self, callback: Callable[["Job"], object]) -> Callable[[], None]:
        """Call `callback(job)` at every change, on the portal's thread; the returned function ends that."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    # -- showing it ----------------------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        draw = watch_live(
            self.snapshot,
            lambda changed: self.subscribe(lambda _: changed()),
            thumbnails=thumbnails_of(self._record(), home=self._engine.home, longest_px=160) or (),
        )
        self._cards.append(draw)

    def timeline(self) -> Timeline:
        """Return the life of the job so far as a picture: when it was where, and the moments that matter.

        `client.jobs().timeline()` shows several on one axis.
        """
        return Timeline(((job_title(self.request), tuple(self.events())),), now=time.time())

    def __repr__(self) -> str:
        return f"<{card_text(self.snapshot(), now=time.time())}>"

    # -- for the session -----------------------------------------------------------------------------------------

    def changed(self, record: JobRecord) -> None:
        """Take note of a new record: tell who subscribed, then wake who waits. Called on the portal's thread."""
        self._last_known = record
        tell(self._subscribers, self)
        if self._is_settled(record):
            with self._lock:
                waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if waiter.set_running_or_notify_cancel():
                    waiter.set_result(record)

    def detach(self) -> None:
        """Tell whoever waits that the client is closed; the job goes on with the next one on this home."""
        with self._lock:
            waiters, self._waiters = self._waiters, []
        text = f'The Client was closed while this job was open. client.job("{self.ref}") of a new one goes on with it.'
        for waiter in waiters:
            if waiter.set_running_or_notify_cancel():
                waiter.set_exception(ConfigError(text, ref=self.ref, may_have_been_charged=self._last_known.charged))

    def say_reused(self, notice: str) -> None:
        """Note that an earlier call is given back."""
        self._reuse_notice = notice

    @property
    def is_paused(self) -> bool:
        """True where nothing moves until a person asks (and asking pays nothing again)."""
        record = self._record()
        if needs_confirmation(record):
            return False
        return self._is_lost(record) or record.state is JobState.TIMED_OUT or self._is_resting(record)

    # -- inside --------------------------------------------------------------------------------------------------

    def _draw_cards(self) -> None:
        """Have what is shown of this job true before the cell that waited for it goes on.

        A notebook run by a program (`make demo`) may be at its end then, and what is drawn later is lost.
        """
        for draw in tuple(self._cards):
            draw()

    def _record(self) -> JobRecord:
        if self._portal.is_closed:
            return self._last_known
        record = self._engine.current(self.ref)
        if record is None:
            raise ConfigError(f"The ledger has no job {self.ref} any more.")
        self._last_known = record
        return record

    def _do(self, act: Callable[[], object]) -> None:
        def known() -> None:
            if self.ref not in self._engine.records:
                self._engine.records[self.ref] = self._record()
            act()

        if self._portal.is_current:
            known()
            return

        async def on_the_loop() -> None:
            known()

        self._portal.call(on_the_loop())

    def _waiter(self) -> concurrent.futures.Future[JobRecord]:
        record = self._record()
        if self._was_never_sent(record) or (self._is_lost(record) and not self._portal.is_closed):
            self.resume()  # to wait for a video is to ask for it
        self._engine.request_run(self.ref)  # also where its call is proved later never to have been accepted
        waiter: concurrent.futures.Future[JobRecord] = concurrent.futures.Future()
        with self._lock:
            self._waiters.append(waiter)
        record = self._record()
        if self._is_settled(record):
            self._answer(waiter, record)
        elif self._portal.is_closed:
            self.detach()
        return waiter

    def _answer(self, waiter: concurrent.futures.Future[JobRecord], record: JobRecord) -> None:
        """Give one waiter its answer, unless it has it already."""
        with self._lock:
            if waiter not in self._waiters:
                return
            self._waiters.remove(waiter)
        waiter.set_result(record)

    def _forget(self, waiter: concurrent.futures.Future[JobRecord]) -> None:
        with self._lock:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _is_settled(self, record: JobRecord) -> bool:
        return record.state.is_final or record.pending_question is not None or self._is_resting(record)

    def _was_never_sent(self, record: JobRecord) -> bool:
        if record.blocked or needs_confirmation(record):
            return False
        return not record.state.is_final and self._is_resting(record)

    def _is_resting(self, record: JobRecord) -> bool:
        return self._engine.is_resting(record)

    def _outcome(self, record: JobRecord) -> Video:
        if record.state is JobState.DONE and (self._portal.is_closed or not self._is_lost(record)):
            return self._video_of(record)
        error = error_of(record, job=self, is_resting=self._is_resting(record))
        if error is None:
            error = lost_error(record) if record.state is JobState.DONE else unsent_error(record, job=self)
        raise error

    def _is_lost(self, record: JobRecord) -> bool:
        """Tell whether a finished video is not on the disk as it was; it is read whole once, and after each change."""
        if record.state is not JobState.DONE or record.video is None:
            return False
        look = stat_signature(record.video, home=self._engine.home)
        if look is None or look != self._seen_whole:
            self._seen_whole = look if is_intact(record, home=self._engine.home) else None
        return self._seen_whole is None

    def _video_of(self, record: JobRecord) -> Video:
        known = self._video
        if known is None or record.video is None or known.sha256 != record.video.sha256:
            self._video = known = video_of(record, home=self._engine.home, is_sandbox=self._is_sandbox)
        return known


def tell(callbacks: Iterable[Callable[[Job], object]], job: Job) -> None:
    """Call every callback with `job`; one that raises is logged and stops neither the others nor the job."""
    for callback in tuple(callbacks):
        try:
            callback(job)
        except Exception:  # noqa: BLE001 - where callbacks end: whatever they raise is theirs
            _log.exception("A subscriber of job %s raised; the job goes on.", job.ref)


class JobFactory:
    """Turns drafts into jobs for one client; usable from any thread."""

    def __init__(self, engine: Engine, portal: EventLoopThread, *, handle: Callable[[JobRecord], Job]) -> None:
        self._engine = engine
        self._portal = portal
        self._handle = handle

    def get_or_create(self, draft: JobRecord, *, reuse: bool) -> tuple[Job, bool]:
        """Return the job of a draft, and whether it is a new one. **A new one spends credits** once it is driven.

        A found one is not paid again.
        """
        record, is_new = self._engine.ledger.find_or_add(draft, reuse=reuse)
        job = self._handle(record)
        if is_new:
            self._engine.request_run(record.ref)
            self._portal.post(lambda: self._engine.adopt(record, is_asked=True))
            return job, True
        job.say_reused(reuse_notice(record))
        if job.is_paused or record.state is JobState.CANCELLED:
            job.resume()
        elif not record.state.is_final:
            # to ask for it is to want it sent again, where its call is proved never to have been accepted
            self._portal.post(lambda: self._engine.adopt(record, is_asked=True))
        return job, False


class JobList(list[Job]):
    """Jobs, newest first; a plain list that is a table where it stands last in a cell, and so is a slice of it."""

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> Job: ...

    @overload
    def __getitem__(self, place: slice, /) -> "JobList": ...

    def __getitem__(self, place: SupportsIndex | slice, /) -> "Job | JobList":
        return JobList(super().__getitem__(place)) if isinstance(place, slice) else super().__getitem__(place)

    def timeline(self) -> Timeline:
        """Return the lives of these jobs as one picture, the oldest first, on one axis."""
        rows = (row for job in reversed(self) for row in job.timeline().rows)
        return Timeline(tuple(rows), now=time.time())

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        snapshots = [job.snapshot(with_video=False) for job in self]
        now = time.time()
        return dict(mime_bundle(jobs_html(snapshots, now=now), jobs_text(snapshots, now=now)))

    def __repr__(self) -> str:
        return jobs_text([job.snapshot(with_video=False) for job in self], now=time.time())
