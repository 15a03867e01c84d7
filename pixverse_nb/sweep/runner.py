"""Running a sweep: keeps every free slot filled with the next cell and stops when continuing is pointless.

It decides only *when* a job is created for a cell. The engine submits the job like any other, so a sweep neither adds
to the pay-once protocol nor takes anything from it. Everything here runs on the client's event loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.operations import Operation
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import LedgerError, PixVerseError
from pixverse_nb.jobs import transitions
from pixverse_nb.jobs.error_notices import error_notice
from pixverse_nb.jobs.job import Job
from pixverse_nb.render.sweep_views import SweepMode
from pixverse_nb.sweep.cells import ROUTE_GONE, Cell, is_account_error

MAX_MODERATED: Final = 3  # PixVerse may suspend an account with many moderated requests
Route = tuple[Operation, str]  # what the vendor offers or withdraws: an operation of a model
_RECHECK_S: Final = 5.0  # another sweep or process may free a slot without notifying this one


class JobSource(Protocol):
    """Where the runner gets the jobs of cells (`CellJobs`)."""

    def get_or_create(self, cell: Cell) -> tuple[Job, bool]:
        """Return the job of a cell and whether it is new."""
        ...

    def record_of(self, job: Job) -> JobRecord | None:
        """Return the current record of a job."""
        ...

    def is_settled(self, record: JobRecord) -> bool:
        """Return whether a job no longer changes without a person."""
        ...

    def seek_slot(self, *, is_seeking: bool) -> None:
        """Note whether more cells wait for a slot."""
        ...

    async def load_capacity(self) -> None:
        """Load how many jobs may run at once."""
        ...

    def count_moderated(self) -> int:
        """Return how many of the sweep's last requests that ended were moderated."""
        ...

    def capacity(self) -> int:
        """Return how many jobs may run at once."""
        ...

    def cancel_unsent(self, job: Job) -> None:
        """Cancel a job unless its paid call may have been sent."""
        ...


class Runner:
    """One run over the cells that have no video yet; `run()` returns when all have finished or the run was stopped.

    `on_change()` is called after every change. `stop_when()` is the caller's own function: it is called on a thread,
    once for each group of cells that ended (`has_results`: also at the start). If it raises, the jobs that were
    submitted are finished, and `error` holds what it raised. Once `max_moderated` (None: no limit) of the last requests
    were moderated, nothing more is sent. Once the vendor no longer offers an operation of a model, its other cells are
    left for a later run. `reason` says why the run stopped or left out cells.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        source: JobSource,
        *,
        on_change: Callable[[], object],
        stop_when: Callable[[], object] | None,
        max_moderated: int | None = MAX_MODERATED,
        has_results: bool = False,
    ) -> None:
        self.mode: SweepMode = "running"
        self.reason: Notice | None = None
        self.error: Exception | None = None
        self._queue = deque(cells)
        self._source = source
        self._on_change = on_change
        self._stop_when = stop_when
        self._max_moderated = max_moderated
        self._has_results = has_results
        self._active: dict[str, Job] = {}  # by job reference
        self._cells: dict[str, Cell] = {}  # by job reference
        self._created: set[str] = set()  # references of the jobs that this run created
        self._changed = asyncio.Event()
        self._gone: dict[Route, Notice] = {}  # what the vendor does not offer, with the first error
        self._is_stopping = False
        self._has_unsent = False  # a cell has to be run again although its job ended

    @property
    def waiting(self) -> int:
        """The number of cells that have no job yet."""
        return len(self._queue)

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was asked for, so that only what was submitted is still waited for."""
        return self._is_stopping

    def on_job_changed(self, job: Job) -> None:
        """Wake the run if one of its jobs has changed."""
        if job.ref in self._active:
            self._changed.set()

    def set_mode(self, mode: SweepMode, *, reason: Notice | None = None) -> None:
        """Pause, resume ("running"), drain (finish the existing jobs) or stop (also cancel the unsent ones)."""
        if self.mode in ("done", "stopped"):
            return
        self._is_stopping = mode == "stopped"
        self.mode = "draining" if mode == "stopped" else mode  # submitted jobs are still running
        is_running_again = mode == "running"
        self.reason = reason or (next(iter(self._gone.values()), None) if is_running_again else self.reason)
        if mode in ("paused", "stopped"):
            self._withdraw_unsent()
        self._changed.set()

    def end(self, reason: Notice) -> None:
        """Mark the run as stopped, unless it has ended already."""
        self._source.seek_slot(is_seeking=False)
        if self.mode not in ("done", "stopped"):
            self.mode, self.reason = "stopped", reason

    async def run(self) -> None:
        """Create the job of each cell as soon as a slot is free, until all have ended or the run is stopped."""
        await self._source.load_capacity()
        self._check_moderation()
        if self._has_results and self.mode == "running" and self._stop_when is not None:
            await self._check_stop_rule(self._stop_when)
        while True:
            self._changed.clear()
            has_ended = self._remove_ended()
            if has_ended:
                self._check_moderation()
            if has_ended and self._stop_when is not None and self.mode == "running":
                await self._check_stop_rule(self._stop_when)
            self._fill_slots()
            self._source.seek_slot(is_seeking=bool(self._queue) and self.mode == "running")
            self._on_change()
            if not self._active and (not self._queue or self.mode in ("draining", "stopped")):
                break
            try:
                async with asyncio.timeout(_RECHECK_S):
                    await self._changed.wait()
            except TimeoutError:
                continue
        self.mode = "stopped" if self._queue or self._has_unsent or self._is_stopping else "done"
        self._on_change()

    # -- internal ------------------------------------------------------------------------------------------------

    def _withdraw_unsent(self, route: Route | None = None) -> None:
        """Return the unsent cells (of one route, or all) to the front of the queue and cancel their jobs.

        A job that was also requested elsewhere is not cancelled, only detached.
        """
        for ref, job in reversed(tuple(self._active.items())):
            record = self._source.record_of(job)
            is_meant = record is not None and route in (None, _route(record.request))
            if record is not None and is_meant and transitions.is_unsent(record):
                if ref in self._created:
                    self._source.cancel_unsent(job)
                self._queue.appendleft(self._cells[ref])
                del self._active[ref]

    def _remove_ended(self) -> bool:
        """Remove the jobs that have settled and return whether there were any.

        Drains the run if the error of one would stop every other cell too.
        """
        has_ended = False
        gone: list[JobRecord] = []
        for ref, job in tuple(self._active.items()):
            record = self._source.record_of(job)
            if record is not None and not self._source.is_settled(record):
                continue
            del self._active[ref]
            has_ended = True
            if record is not None and _is_gone(record):
                self._has_unsent = True
                gone.append(record)
            elif record is not None and _stops_run(record):
                self._has_unsent = True
                if self.mode == "running":
                    self.set_mode("draining", reason=record.error)
            elif record is not None and record.charged == "no" and _ended_unsent(record):
                self._has_unsent = True
                self.reason = self.reason or Notice("cells_not_sent_in_time")
        for record in gone:
            self._leave_out(record)
        return has_ended

    def _leave_out(self, record: JobRecord) -> None:
        """Take every unsent cell that makes the same call as this refused job out of the run."""
        route = _route(record.request)
        if route in self._gone or record.error is None:
            return
        self._gone[route] = record.error
        self.reason = self.reason or record.error
        self._withdraw_unsent(route)
        self._queue = deque(cell for cell in self._queue if _route(cell.request) != route)

    def _check_moderation(self) -> None:
        """Stop the run if too many of the last requests were moderated, also those of earlier runs."""
        if self._max_moderated is None or self.mode in ("draining", "stopped"):
            return
        count = self._source.count_moderated()
        if count >= self._max_moderated:
            self.set_mode("stopped", reason=Notice("too_many_moderated", {"count": count}))

    async def _check_stop_rule(self, stop_when: Callable[[], object]) -> None:
        try:
            is_enough = await asyncio.to_thread(stop_when)
        except Exception as error:  # noqa: BLE001 - the caller's function; raised when the submitted jobs have finished
            self.error = error
            self.set_mode("draining", reason=Notice("stop_rule_failed", {"error": type(error).__name__}))
        else:
            if is_enough:
                self.set_mode("draining", reason=Notice("stop_rule_met"))

    def _fill_slots(self) -> None:
        while self._queue and self.mode == "running" and self._slots_in_use() < self._source.capacity():
            cell = self._queue.popleft()
            try:
                job, is_new = self._source.get_or_create(cell)
            except PixVerseError as error:
                self._queue.appendleft(cell)
                self.set_mode("draining", reason=error_notice(error))
                if not isinstance(error, LedgerError):
                    self.error = error
                return
            self._active[job.ref] = job
            self._cells[job.ref] = cell
            if is_new:
                self._created.add(job.ref)

    def _slots_in_use(self) -> int:
        """Count the jobs that hold a slot or wait for one; an off-peak job, until it is accepted.

        Of the jobs that the vendor postponed, one is not counted: one more cell may try, but the deadlines of all the
        others must not start yet.
        """
        records = [record for job in self._active.values() if (record := self._source.record_of(job)) is not None]
        counted = [record for record in records if not _needs_no_slot(record)]
        postponed = sum(record.state is JobState.WAITING and record.retry_at is not None for record in counted)
        return len(counted) - min(1, postponed)


def _route(request: GenerationRequest) -> Route:
    return request.operation, request.model


def _is_gone(record: JobRecord) -> bool:
    """Return whether a job was refused because the vendor does not offer its call."""
    return record.state is JobState.REFUSED and record.error is not None and record.error.kind == ROUTE_GONE


def _needs_no_slot(record: JobRecord) -> bool:
    is_accepted_off_peak = record.request.is_off_peak and record.state in (JobState.QUEUED, JobState.GENERATING)
    return record.state.is_final or record.state is JobState.DOWNLOADING or is_accepted_off_peak


def _stops_run(record: JobRecord) -> bool:
    """Return whether the error of a job would stop every other cell too."""
    is_refused = record.state is JobState.REFUSED and record.error is not None and is_account_error(record.error.kind)
    return is_refused or (record.blocked and record.error is not None)


def _ended_unsent(record: JobRecord) -> bool:
    """Return whether a settled job ended before its paid call was sent."""
    return record.state in (JobState.CANCELLED, JobState.TIMED_OUT) or transitions.is_unsent(record)
