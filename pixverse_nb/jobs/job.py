"""The handle of one job (`Job`), a list of them (`JobList`), and the factory that finds or creates them."""

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, Protocol, Self, SupportsIndex, overload

from pixverse_nb import render
from pixverse_nb.backends.base import Backend
from pixverse_nb.domain.arguments import CALLBACK, TIMEOUT, Reuse, checked, public_class
from pixverse_nb.domain.columns import columns, utc_time
from pixverse_nb.domain.jobs import Attempt, JobEvent, JobRecord, JobSnapshot, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.domain.validation import Flag
from pixverse_nb.errors import ConfigError, InvalidRequest, JobTimeout, OutcomeUnknown, PixVerseError, refuse_pickling
from pixverse_nb.event_loop import EventLoopThread, await_future, wait_for_future
from pixverse_nb.jobs.download import check_can_store, is_intact, stat_signature
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.messages import describe_notice, describe_notices, reuse_notice
from pixverse_nb.jobs.results import (
    attempts_from_events,
    error_from_record,
    lost_error,
    python_line,
    snapshot_from_record,
    stopped_error,
    table_picture,
    thumbnails_of,
    video_of,
    with_texts,
)
from pixverse_nb.jobs.transitions import is_unpaid, needs_confirmation
from pixverse_nb.redaction import redact
from pixverse_nb.render.data_frame import data_frame
from pixverse_nb.render.display import can_replace_outputs, show_message, write_note
from pixverse_nb.render.formatting import state_label
from pixverse_nb.render.job_views import card_text, waiting_text
from pixverse_nb.render.live import LiveCard, job_card
from pixverse_nb.render.table import Table, TableList, TableTuple, TableView, with_item_errors
from pixverse_nb.video import Video

_LATE: Final = 0.99  # the progress of a job that takes longer than usual
_TIMESTAMPS: Final = ("asked_at", "submitted_at", "finished_at")
_WHOLE_NUMBERS: Final = ("seed", "duration", "credits", "refund_credits")
_COLUMNS: Final = (
    *("ref", "state", "status", "operation", "model", "prompt", "seed", "quality", "duration", "aspect_ratio"),
    *(*_TIMESTAMPS, "took_s", "credits", "credits_are_estimate", "charged", "refund_credits", "file", "error"),
)
_log: Final = logging.getLogger("pixverse_nb")


@columns(
    *("ref", "state", "status", "prompt", "model", "seed", "asked_at", "finished_at", "cost", "cost_is_estimate"),
)
@public_class(hides=("changed", "detach", "is_watched", "set_reuse_notice", "set_told", "table_row"))
class Job:
    """One video being generated: `result()` waits for it, `await job` waits without blocking, and it displays itself.

    A job continues without the handle, the cell or the kernel: `client.job(job.ref)` finds it again. A job can be
    passed wherever its ref, its video or its file is taken.

    >>> job = client.create_frames("a.jpg", "b.jpg")  # doctest: +SKIP
    >>> video = job.result()  # doctest: +SKIP
    """

    def __init__(
        self,
        record: JobRecord,
        engine: Engine,
        loop: EventLoopThread,
        *,
        is_sandbox: bool,
        other_homes: "OtherHomesSource",
    ) -> None:
        self.ref = record.ref
        self._last_known = record
        self._engine = engine
        self._loop = loop
        self._is_sandbox = is_sandbox
        self._other_homes = other_homes
        self._reuse_notice: str | None = None
        self._told: str | None = None  # a notice that was shown before the job was sent
        self._lock = threading.Lock()
        self._waiters: list[concurrent.futures.Future[JobRecord]] = []
        self._subscribers: list[Callable[[Job], object]] = []
        self._card: LiveCard | None = None  # one for all cells that show this job
        self._waiting_card: LiveCard | None = None  # shown by result() and await
        self._is_announced = False  # a terminal shows what is waited for
        self._written_notices: tuple[str, ...] | None = None  # those that a script has printed; None: nothing
        self._video: Video | None = None
        self._intact_signature: tuple[int, ...] | None = None

    # -- properties ----------------------------------------------------------------------------------------------

    @property
    def state(self) -> JobState:
        """The current state, a `JobState`; it equals its text: `job.state == "done"`."""
        return self._record().state

    @property
    def status(self) -> str:
        """The state in words for people: "Generating", "Waiting for a free slot"; code compares `state`."""
        return state_label(self.snapshot(with_video=False))

    @property
    def done(self) -> bool:
        """Whether the job has ended, with a video or without one."""
        return self._record().state.is_final

    @property
    def progress(self) -> float | None:
        """The share of the typical time that has passed, 0…1; exactly 1 once the video is there.

        None if no earlier job shows the typical time, or the job has ended without a video.
        """
        snapshot = self.snapshot(with_video=False)
        if snapshot.state.is_final:
            return 1.0 if snapshot.state is JobState.DONE else None
        if snapshot.submitted_at is None:
            return 0.0
        if not snapshot.typical_s:
            return None
        return min(max(0.0, self._engine.now() - snapshot.submitted_at) / snapshot.typical_s, _LATE)

    @property
    def cost(self) -> int | None:
        """What the video costs in credits, minus refunds; None if no price is known.

        An estimate until the vendor reports the charge: see `cost_is_estimate`. 0 if the job ended uncharged.
        """
        record = self._record()
        if record.state.is_final and record.charged == "no":
            return 0
        return None if record.credits is None else record.credits - (record.refund_credits or 0)

    @property
    def cost_is_estimate(self) -> bool:
        """Whether `cost` is an estimate and not what the vendor has charged."""
        record = self._record()
        return record.cost_credits is None and not (record.state.is_final and record.charged == "no")

    @property
    def prompt(self) -> str:
        """The prompt; "" if there is none."""
        return self.request.prompt

    @property
    def seed(self) -> int | None:
        """The seed; None if the model takes none."""
        return self.request.seed

    @property
    def model(self) -> str:
        """The name of the model, such as "v5.6"."""
        return self.request.model

    @property
    def asked_at(self) -> datetime:
        """When the job was created, in UTC."""
        return datetime.fromtimestamp(self._record().created_at, UTC)

    @property
    def finished_at(self) -> datetime | None:
        """When the job ended, in UTC; None while it is open."""
        return utc_time(self._record().finished_at)

    @property
    def request(self) -> GenerationRequest:
        """The request: `operation`, `model`, `params` and the keys of its inputs; it never changes."""
        return self._record().request

    @property
    def video_id(self) -> str | None:
        """The vendor's id once the paid call is accepted. It contains the account's e-mail: do not publish it."""
        return self._record().video_id

    @property
    def account(self) -> str | None:
        """The account, redacted; None if it is not known yet."""
        account = self._record().account
        return redact(account) if account else None

    @property
    def notices(self) -> tuple[str, ...]:
        """What you should know, as sentences: how the pictures were changed, that a paid video was reused, and more."""
        own = describe_notices(self._record())
        return (*own, self._reuse_notice) if self._reuse_notice else own

    @property
    def error(self) -> PixVerseError | None:
        """The error that `result()` raises, or None."""
        record = self._record()
        if record.state is JobState.DONE and record.error is not None and not self._is_lost(record):
            return None  # a file that was lost has been put back
        return self._error_of(record)

    @property
    def video(self) -> Video | None:
        """The finished video, or None while there is none."""
        record = self._record()
        return self._video_of(record) if record.state is JobState.DONE else None

    def events(self) -> list[JobEvent]:
        """Return what has happened so far, oldest first, from the ledger; displays as a table."""
        self._loop.check_open()
        return TableList(with_texts(self._engine.ledger.events(self.ref)), render.events_table)

    def attempts(self) -> tuple[Attempt, ...]:
        """Return the paid calls so far, oldest first, each with its time, outcome and cost; displays as a table."""
        return TableTuple(attempts_from_events(self._record(), self.events()), render.attempts_table)

    def snapshot(self, *, with_video: bool = True) -> JobSnapshot:
        """Return everything about the job at this moment, for cards and lists.

        `with_video=False` is faster: the video comes with a poster.
        """
        with_video = checked({"with_video": with_video}, {"with_video": Flag()})["with_video"]
        record = self._record()
        is_paused, is_others = self._engine.is_paused(record), not self._engine.is_ours(record)
        expectation = None if self._loop.is_closed else self._engine.expectation(record.request)
        snapshot = snapshot_from_record(
            record,
            timing=self._engine.timing,
            now=self._engine.now(),
            is_paused=is_paused,
            is_others=is_others,
            is_sandbox=self._is_sandbox,
        )
        return replace(
            snapshot,
            typical_s=expectation.typical_s if expectation and expectation.samples else None,
            queue_position=record.queue_position,
            notices=tuple(notice for notice in self.notices if notice != self._told),
            reused=self._reuse_notice is not None,
            video=self._video_of(record) if with_video and record.state is JobState.DONE else None,
        )

    def table_row(self) -> "render.JobRow":
        """Return what a table shows of the job at this moment."""
        record = self._record()
        picture = table_picture(record, home=self._engine.home)
        return render.JobRow(self.snapshot(with_video=False), picture, python_line(record, self._engine.catalogue))

    # -- waiting -------------------------------------------------------------------------------------------------

    def result(self, timeout: float | None = None, *, quiet: bool = False) -> Video:
        """Wait until the video is on disk and return it; `timeout` is in seconds (None: no limit).

        A notebook shows the job's live card unless it shows one already, a script one line on standard error,
        with the price and a line for each notice; `quiet=True` shows nothing.

        Raises JobTimeout if the waiting (not the job) ended, JobFailed, JobModerated, JobCancelled, the APIError of a
        rejected call, or DownloadError. Interrupting the cell stops only the waiting.
        """
        given = checked({"timeout": timeout, "quiet": quiet}, {"timeout": TIMEOUT, "quiet": Flag()})
        timeout, quiet = given["timeout"], given["quiet"]
        if self._loop.is_current:
            raise ConfigError("result() would deadlock in a subscriber; use `await job`.")
        self._loop.check_process()
        waiter = self._waiter()
        try:
            if not (quiet or waiter.done()):
                self._show_waiting()
            if not wait_for_future(waiter, timeout):
                raise JobTimeout(
                    f"No video after {timeout:g} s. The job continues: job.result() waits again, and after a restart "
                    f'client.job("{self.ref}") finds it.',
                    job=self,
                    ref=self.ref,
                    may_have_been_charged=self._record().charged,
                )
            record = waiter.result()
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(self._waiting_stopped_text())
            raise
        finally:
            self._forget(waiter)
        self._draw_card()
        return self._outcome(record)

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until the job has ended, and return it. If it ends without a video, nothing is raised: see `error`.

        `timeout` is in seconds (None: no limit). Raises JobTimeout if the waiting (not the job) ended.
        """
        timeout = checked({"timeout": timeout}, {"timeout": TIMEOUT})["timeout"]
        try:
            self.result(timeout)
        except PixVerseError:
            if not self._is_settled(self._record()):
                raise
        return self

    def __await__(self) -> Generator[Any, None, Video]:
        return self._wait().__await__()

    async def _wait(self) -> Video:
        self._loop.check_process()
        waiter = self._waiter()
        try:
            if not waiter.done():
                self._show_waiting()
            record = await await_future(waiter)
        except asyncio.CancelledError as interrupt:  # a cell that awaits is interrupted by cancelling it
            interrupt.add_note(self._waiting_stopped_text())
            raise
        finally:
            self._forget(waiter)
        self._draw_card()
        return self._outcome(record)

    def _waiting_stopped_text(self) -> str:
        return (
            f'Only the waiting was stopped; the job continues. client.job("{self.ref}").result() waits again, '
            "job.cancel() cancels it."
        )

    def cancel(self) -> bool:
        """Cancel the job; returns True if that changed anything.

        A job that was not sent is never charged. One that was sent stays charged: waiting and tracking end, but the
        generation may go on and is not refunded; `resume()` waits for it again.
        """
        if self._record().state.is_final:
            return False
        self._do(self._engine.cancel)
        return self._record().state is JobState.CANCELLED

    def resume(self) -> None:
        """Continue a job that has stopped: timed out, cancelled after it was sent, blocked by a full disk, never sent.

        **One that was never sent spends credits**; if another home on this machine has paid for the same call, a
        message says so first. If it has paid for this very job, the job is copied from there instead: raises
        OutcomeUnknown, and sends nothing, while that home does not know whether its call was accepted. A finished job
        is resumed only if its file is missing or modified.
        """
        record = self._record()
        if record.state is JobState.DONE and not self._is_lost(record):
            return
        self._loop.check_open()
        paid = self._find_paid_elsewhere(record)
        is_same_job = paid is not None and paid.data["ref"] == self.ref
        if paid is not None and is_same_job and _take_paid(record, paid, self._engine, self._loop, self._other_homes):
            if self._record().state is not JobState.DONE:
                self._do(self._engine.resume)
            return
        if paid is not None and not self._loop.is_current:
            show_message(describe_notice(paid))
        self._do(self._engine.resume)

    def paid_elsewhere(self) -> str | None:
        """Return which other home of this machine has paid for this call, if `resume` would pay for it again; or None.

        Sends nothing.
        """
        paid = self._find_paid_elsewhere(self._record())
        return None if paid is None or paid.data["ref"] == self.ref else describe_notice(paid)

    def _find_paid_elsewhere(self, record: JobRecord) -> Notice | None:
        can_pay = is_unpaid(record) and not self._engine.ledger.is_read_only
        return self._other_homes.find(record) if can_pay else None

    def resolve(self, *, was_charged: bool) -> None:
        """Answer the question about a lost call that only you can decide (see `job.error`).

        `was_charged=True` records it as charged, takes the generation that the question names and ends the search;
        `was_charged=False` sends the call again, **which charges again**. Without such a question nothing happens.
        """
        was_charged = checked({"was_charged": was_charged}, {"was_charged": Flag()})["was_charged"]
        named = self._record().candidate_video_id
        if was_charged and named is not None and self._engine.ledger.knows_video(named):
            fix = "another job has that generation by now: pass False to send the call again"
            raise InvalidRequest({"was_charged": fix})
        self._do(lambda record: self._engine.resolve(record, was_charged=was_charged))

    def subscribe(self, callback: Callable[["Job"], object]) -> Callable[[], None]:
        """Call `callback(job)` at every change, on the client's thread; the returned function unsubscribes."""
        checked({"callback": callback}, {"callback": CALLBACK})
        self._subscribers.append(callback)
        with contextlib.suppress(ConfigError):  # the client is closed, or this is a forked process: nothing changes
            self._loop.call_soon(self._engine.watch)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    # -- display -------------------------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        if self._card is None or self._card.is_over:
            self._card = self._make_card(becomes_player=True)
        self._card.show()
        self._is_announced = True

    def _display_(self) -> object:
        """Return what marimo shows. Each time it is new, because marimo closes it when it runs the cell again."""
        self._is_announced = True
        return self._make_card(becomes_player=True).displayable()

    def _make_card(self, *, becomes_player: bool) -> LiveCard:
        return job_card(
            self.snapshot,
            lambda changed: self.subscribe(lambda _: changed()),
            thumbnails=thumbnails_of(self._record(), home=self._engine.home, longest_px=160),
            actions={"cancel": self.cancel, "resume": self.resume},
            becomes_player=becomes_player,
        )

    def timeline(self) -> "render.Timeline":
        """Return what has happened to the job as a picture; `client.jobs().timeline()` shows several on one axis."""
        return render.Timeline(((render.job_title(self.request), tuple(self.events())),), now=time.time())

    def __reduce__(self) -> NoReturn:
        refuse_pickling(self, "job.ref instead: client.job(ref) finds the job")

    def __repr__(self) -> str:
        return f"<{card_text(self.snapshot(), now=time.time())}>"

    # -- for the client ------------------------------------------------------------------------------------------

    def changed(self, record: JobRecord) -> None:
        """Handle a new record: notify the subscribers, then wake the waiters. Called on the client's thread."""
        self._last_known = record
        notify_subscribers(self._subscribers, self)
        if self._is_settled(record):
            with self._lock:
                waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if waiter.set_running_or_notify_cancel():
                    waiter.set_result(record)

    def detach(self) -> None:
        """Raise ConfigError in the waiters: the client is closed. The next client on this home continues the job."""
        with self._lock:
            waiters, self._waiters = self._waiters, []
        text = f'The Client was closed while this job was open. client.job("{self.ref}") of a new one continues it.'
        for waiter in waiters:
            if waiter.set_running_or_notify_cancel():
                waiter.set_exception(ConfigError(text, ref=self.ref, may_have_been_charged=self._last_known.charged))

    def set_reuse_notice(self, notice: str) -> None:
        """Note that an earlier call is reused."""
        self._reuse_notice = notice

    def set_told(self, notice: str) -> None:
        """Note that this notice was shown by itself, so that cards and texts do not repeat it."""
        self._told = notice

    @property
    def is_watched(self) -> bool:
        """Whether anybody has subscribed to it."""
        return bool(self._subscribers)

    @property
    def is_paused(self) -> bool:
        """Whether the job has stopped until it is asked for again, which charges nothing twice."""
        record = self._record()
        if self._is_lost(record):
            return True
        if needs_confirmation(record) or not self._engine.is_ours(record):
            return False  # only `resume` continues it: this client may pay for it then
        return record.state is JobState.TIMED_OUT or self._engine.is_paused(record)

    # -- internal ------------------------------------------------------------------------------------------------

    def _show_waiting(self) -> None:
        """Show what is waited for, unless it is shown already or another thread than the cell's waits."""
        if threading.current_thread() is not threading.main_thread():
            return
        if can_replace_outputs():
            cards = (self._card, self._waiting_card)
            if not any(card is not None and not card.is_over and card.is_on_screen for card in cards):
                # the caller gets the video, whose player is the output of the cell: it would be there twice
                if self._waiting_card is None or self._waiting_card.is_over:
                    self._waiting_card = self._make_card(becomes_player=False)
                self._waiting_card.show()
        elif not self._is_announced:
            self._is_announced = True
            snapshot = self.snapshot()
            self._written_notices = snapshot.notices
            write_note(waiting_text(snapshot, now=time.time()))

    def _draw_card(self) -> None:
        """Redraw this job's card before the waiting cell continues.

        A notebook that a program executes may end then, and later updates would be lost. A script prints new notices.
        """
        for card in (self._card, self._waiting_card):
            if card is not None:
                card.redraw()
        if self._written_notices is not None:  # a script, which has no card
            notices = self.snapshot(with_video=False).notices
            for notice in notices:
                if notice not in self._written_notices:
                    write_note(f"Job {self.ref}: {notice}")
            self._written_notices = notices

    def _record(self) -> JobRecord:
        if self._loop.is_closed:
            return self._last_known
        record = self._engine.current(self.ref)
        if record is None:
            raise ConfigError(f"The ledger no longer has job {self.ref}.")
        self._last_known = record
        return record

    def _do(self, act: Callable[[JobRecord], object]) -> None:
        """Call `act` with the newest record on the event loop, and wait for it."""
        self._loop.run(lambda: act(self._record()))

    def _waiter(self) -> concurrent.futures.Future[JobRecord]:
        record = self._record()
        if not record.state.is_final:
            self._engine.ledger.check_writable()  # nobody would continue the job
        if self._was_never_sent(record) or (self._is_lost(record) and not self._loop.is_closed):
            self.resume()  # waiting for a video means asking for it
        self._engine.mark_requested(self.ref)  # also if its call is later proved never to have been accepted
        waiter: concurrent.futures.Future[JobRecord] = concurrent.futures.Future()
        with self._lock:
            self._waiters.append(waiter)
        record = self._record()
        if self._is_settled(record):
            self._answer(waiter, record)
        elif self._loop.is_closed:
            self.detach()
        else:  # another process may have continued it since this one last followed it
            self._loop.call_soon(lambda: self._engine.follow(record, is_requested=True))
        return waiter

    def _answer(self, waiter: concurrent.futures.Future[JobRecord], record: JobRecord) -> None:
        """Set the result of one waiter, unless it has one."""
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
        return record.state.is_final or record.pending_question is not None or self._engine.is_paused(record)

    def _was_never_sent(self, record: JobRecord) -> bool:
        if record.blocked or needs_confirmation(record) or not self._engine.is_ours(record):
            return False
        return not record.state.is_final and self._engine.is_paused(record)

    def _outcome(self, record: JobRecord) -> Video:
        if record.state is JobState.DONE and (self._loop.is_closed or not self._is_lost(record)):
            return self._video_of(record)
        error = self._error_of(record)
        if error is None:
            is_others = not self._engine.is_ours(record)
            is_lost = record.state is JobState.DONE
            error = lost_error(record) if is_lost else stopped_error(record, job=self, is_others=is_others)
        raise error

    def _error_of(self, record: JobRecord) -> PixVerseError | None:
        is_paused, is_others = self._engine.is_paused(record), not self._engine.is_ours(record)
        return error_from_record(record, job=self, is_paused=is_paused, is_others=is_others)

    def _is_lost(self, record: JobRecord) -> bool:
        """Return whether a finished video is missing or modified. Hashes the file once, and again when it changes."""
        if record.state is not JobState.DONE or record.video is None:
            return False
        signature = stat_signature(record.video, home=self._engine.home)
        if signature is None or signature != self._intact_signature:
            self._intact_signature = signature if is_intact(record, home=self._engine.home) else None
        return self._intact_signature is None

    def _video_of(self, record: JobRecord) -> Video:
        known = self._video
        if known is None or record.video is None or known.sha256 != record.video.sha256:
            self._video = known = video_of(
                record, home=self._engine.home, is_sandbox=self._is_sandbox, catalogue=self._engine.catalogue
            )
        return known


def notify_subscribers(callbacks: Iterable[Callable[[Job], object]], job: Job) -> None:
    """Call every callback with `job`; one that raises is logged and does not affect the others or the job."""
    for callback in tuple(callbacks):
        try:
            callback(job)
        except Exception:  # noqa: BLE001 - where callbacks end: whatever they raise is theirs
            _log.exception("A subscriber of job %s raised; the job continues.", job.ref)


class OtherHomesSource(Protocol):
    """What other homes of this machine have paid for (`OtherHomes`)."""

    def registered(self, content_keys: Iterable[str]) -> set[str]:
        """Return which of these requests, by their content keys, another home may have paid for."""

    def find(self, draft: JobRecord) -> Notice | None:
        """Return which other home has paid for the same call; None if there is none."""

    def take(self, draft: JobRecord) -> bool:
        """Copy the job that another home has paid for into this one; return whether there is one."""


class JobFactory:
    """Finds or creates the jobs of one client; works from any thread."""

    def __init__(
        self,
        engine: Engine,
        loop: EventLoopThread,
        *,
        handle: Callable[[JobRecord], Job],
        keep: Callable[[Job], object],
        other_homes: OtherHomesSource,
    ) -> None:
        self._engine = engine
        self._loop = loop
        self._handle = handle
        self._keep = keep
        self.other_homes = other_homes

    def get_or_create(self, draft: JobRecord, *, reuse: Reuse) -> tuple[Job, bool]:
        """Return the job of a draft, and whether it is new. **A new one spends credits** once it runs; a reused one
        is not charged again. Raises InvalidRequest, before anything is stored, if the vendor cannot take the request,
        and ConfigError if a video that is not paid yet could not be stored.

        A call that another home has paid for gets a notice, which is shown before it is sent; with `reuse="any"` that
        job is copied into this home instead, see `take`.
        """
        _check_accepted(draft.request, self._engine.backend)
        is_taken = reuse == "any" and self.take(draft)
        paid_elsewhere = self.find_paid_elsewhere(draft) if reuse and not is_taken else None
        if paid_elsewhere is not None:
            draft = replace(draft, notices=(*draft.notices, paid_elsewhere))
        ours = self._engine.ledger.find_reusable(draft) if reuse else None
        if ours is None or is_unpaid(ours):
            check_can_store(self._engine.home)
        record, is_new = self._engine.ledger.find_or_add(draft, reuse=bool(reuse))
        job = self._handle(record)
        is_resumed = not is_new and (job.is_paused or self._engine.would_take_over(record))
        if paid_elsewhere is not None and not is_resumed and not self._loop.is_current:
            text = describe_notice(paid_elsewhere)
            show_message(text)  # a sweep shows one message for all its cells
            job.set_told(text)
        if is_new:
            self._engine.mark_requested(record.ref)
            self._keep(job)  # it is sent even if the caller holds neither the job nor the client
            self._loop.call_soon(lambda: self._engine.follow(record, is_requested=True))
            return job, True
        job.set_reuse_notice(reuse_notice(record))
        if is_resumed or record.state is JobState.CANCELLED:
            job.resume()
        elif not record.state.is_final:
            # asking for it means sending it again if its call is proved never to have been accepted
            self._loop.call_soon(lambda: self._engine.follow(record, is_requested=True))
        return job, False

    def find_paid_elsewhere(self, draft: JobRecord) -> Notice | None:
        """Return which other home has paid for a call that this home has not paid for; None if there is none."""
        ours = self._engine.ledger.find_reusable(draft)
        return self.other_homes.find(draft) if ours is None or is_unpaid(ours) else None

    def take(self, draft: JobRecord) -> bool:
        """Copy the job that another home has paid for into this one, unless this one has paid; return whether it did.

        A job of this home with the same call is not sent any more. Raises OutcomeUnknown if neither home knows whether
        the call was accepted, LedgerError if the job cannot be copied; nothing is sent then.
        """
        ours = self._engine.ledger.find_reusable(draft)
        if ours is not None and ours.charged == "yes":
            return False
        found = self.other_homes.find(draft)
        if found is None or (ours is not None and ours.charged == "unknown" and not found.data["is_certain"]):
            return False
        is_same_job = ours is not None and ours.ref == found.data["ref"]
        if ours is not None and not is_same_job and not self._loop.run(lambda: self._engine.withdraw(ours)):
            return False
        return _take_paid(draft, found, self._engine, self._loop, self.other_homes)


def _take_paid(
    draft: JobRecord, found: Notice, engine: Engine, loop: EventLoopThread, other_homes: OtherHomesSource
) -> bool:
    """Copy the job that another home has paid for, and have it run here; return whether that worked.

    Raises OutcomeUnknown if this home has only a copy of the job and knows that its call was not accepted, but its own
    home does not know that yet: it may send the call again.
    """
    if not other_homes.take(draft):
        return False
    record = engine.ledger.load(str(found.data["ref"])) or engine.ledger.find_reusable(draft)
    if record is not None and record.charged == "no" and not record.imported:
        return False  # its own home, which has the proof: the copy there is older
    if record is None or record.charged == "no":
        raise OutcomeUnknown(
            f"The home {found.data['home']} has made this call and does not know yet whether it was accepted. Nothing "
            "was sent from here. A Client on that home finds out; then make the call again here.",
            ref=str(found.data["ref"]),
            may_have_been_charged="unknown",
        )
    loop.run(lambda: engine.on_external_change(record))
    return True


def _check_accepted(request: GenerationRequest, backend: Backend) -> None:
    wrong = {}
    if request.seed is not None and request.seed < backend.seed_min:
        wrong["seed"] = f"must be {backend.seed_min} or more for {backend.name}, not {request.seed}"
    if backend.prompt_required and not (request.prompt or "").strip():
        wrong["prompt"] = f"{backend.name} needs one: describe the video"
    if wrong:
        raise InvalidRequest(wrong)


@public_class(hides=("if_empty",))
@with_item_errors
class JobList(TableView, list[Job]):
    """A list of jobs, newest first, that displays as a table, or as the text `if_empty`; its slices do too."""

    def __init__(self, jobs: Iterable[Job] = (), *, if_empty: str = "No jobs.") -> None:
        super().__init__(jobs)
        self.if_empty = if_empty

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one row for each job, by its ref. Needs `pixverse-nb[sweep]`.

        Times are UTC, `took_s` and `duration` are in seconds; `credits` is charged, or estimated if
        `credits_are_estimate`. A list without jobs has the same columns. Raises ConfigError if pandas is missing.
        """
        rows = [_row(job) for job in self]
        return data_frame(rows, columns=_COLUMNS, index="ref", timestamps=_TIMESTAMPS, whole_numbers=_WHOLE_NUMBERS)

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> Job: ...

    @overload
    def __getitem__(self, place: slice, /) -> "JobList": ...

    def __getitem__(self, place: SupportsIndex | slice, /) -> "Job | JobList":
        found = super().__getitem__(place)
        return JobList(found, if_empty=self.if_empty) if isinstance(found, list) else found

    def timeline(self) -> "render.Timeline":
        """Return the timelines of these jobs as one picture, oldest first, on one time axis."""
        rows = (row for job in reversed(self) for row in job.timeline().rows)
        return render.Timeline(tuple(rows), now=time.time())

    def _table(self) -> Table:
        return render.jobs_table([job.table_row() for job in self], now=time.time(), if_empty=self.if_empty)

    def __repr__(self) -> str:
        rows = [render.JobRow(job.snapshot(with_video=False)) for job in self]  # text needs no pictures
        return render.jobs_table(rows, now=time.time(), if_empty=self.if_empty).text()


def _row(job: Job) -> dict[str, Any]:
    """Return a job as plain values, one for each of `_COLUMNS`."""
    snapshot, request, video = job.snapshot(with_video=False), job.request, job.video
    is_over = snapshot.finished_at is not None and snapshot.submitted_at is not None
    return {
        "ref": job.ref,
        "state": snapshot.state.value,
        "status": state_label(snapshot),
        "operation": request.operation.value,
        "model": request.model,
        "prompt": request.prompt,
        **{name: request.params.get(name) for name in ("seed", "quality", "duration", "aspect_ratio")},
        "asked_at": snapshot.created_at,
        "submitted_at": snapshot.submitted_at,
        "finished_at": snapshot.finished_at,
        "took_s": (snapshot.finished_at or 0) - (snapshot.submitted_at or 0) if is_over else None,
        "credits": job.cost,
        "credits_are_estimate": job.cost_is_estimate,
        "charged": snapshot.charged,
        "refund_credits": snapshot.refund_credits,
        "file": str(video.path) if video is not None else None,
        "error": snapshot.error or "",
    }
