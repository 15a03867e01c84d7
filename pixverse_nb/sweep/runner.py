"""Running a sweep: keeps every free slot filled with its next cell, and stops where going on makes no sense.

It lives on the portal's loop and decides only *when* a cell is asked for. Whether and how it is paid is the engine's
business, as for any other job: a sweep adds nothing to the protocol and takes nothing from it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.errors import LedgerError, PixVerseError
from pixverse_nb.jobs import transitions
from pixverse_nb.jobs.job import Job
from pixverse_nb.jobs.messages import describe_error
from pixverse_nb.render.sweep_views import SweepMode
from pixverse_nb.sweep.cells import Cell
from pixverse_nb.sweep.plan import is_account_error

_LOOKS_AGAIN_S: Final = 5.0  # room may come from another sweep or process, of which nobody tells


class JobSource(Protocol):
    """Where cells become jobs: what the runner needs of the client, all of it on the portal's loop."""

    def get_or_create(self, cell: Cell) -> tuple[Job, bool]:
        """Return the job of a cell, have it driven, and tell whether it was made for this."""
        ...

    def record_of(self, job: Job) -> JobRecord | None:
        """Return a job as it stands now."""
        ...

    def is_settled(self, record: JobRecord) -> bool:
        """Tell whether nothing moves for a job by itself any more."""
        ...

    async def learn_room(self) -> None:
        """Find out how many jobs may run at once, where that is not known."""
        ...

    def room(self) -> int:
        """Return how many jobs run at once."""
        ...

    def give_up(self, job: Job) -> None:
        """Cancel a job, unless its paid call may have left."""
        ...


class Runner:
    """One run over the cells that are to be had; `run()` ends when nothing is left to do.

    `tell()` is called after every change, on the loop. `stop_when()` is asked after each cell that ended; it is a
    person's function, so it runs on a thread, and where it raises the run ends in order and raises that.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        source: JobSource,
        *,
        tell: Callable[[], object],
        stop_when: Callable[[], object] | None,
        has_some: bool = False,
    ) -> None:
        self._queue = deque(cells)
        self._source = source
        self._tell = tell
        self._stop_when = stop_when
        self._has_some = has_some  # of what the sweep wants something is here already
        self._active: dict[str, Job] = {}
        self._cells: dict[str, Cell] = {}
        self._made: set[str] = set()  # the jobs that were made for this run
        self._changed = asyncio.Event()
        self._is_stopping = False
        self._falls_short = False  # a cell that was asked for will have to be asked for again
        self.mode: SweepMode = "running"
        self.reason = ""
        self.error: Exception | None = None

    @property
    def waiting(self) -> int:
        """How many cells nobody has asked for yet."""
        return len(self._queue)

    def hear(self, job: Job) -> None:
        """Take note that a job of the client has changed."""
        if job.ref in self._active:
            self._changed.set()

    def set_mode(self, mode: SweepMode, *, reason: str = "") -> None:
        """Pause, go on, drain (finish what is asked for) or stop (and take back what was not sent)."""
        if self.mode in ("done", "stopped"):
            return
        self._is_stopping = mode == "stopped"
        self.mode = "draining" if mode == "stopped" else mode  # what was sent is still being made
        self.reason = reason or ("" if mode == "running" else self.reason)
        if mode in ("paused", "stopped"):
            self._take_back()
        self._changed.set()

    def end(self, reason: str = "") -> None:
        """Note that the run is over, whatever ended it."""
        if self.mode not in ("done", "stopped"):
            self.mode, self.reason = "stopped", reason or self.reason

    async def run(self) -> None:
        """Ask for the cells, each as soon as a slot is free for it, until all have ended or the run is over."""
        await self._source.learn_room()
        if self._has_some and self._stop_when is not None:
            await self._ask_person(self._stop_when)  # it may be enough already
        while True:
            self._changed.clear()
            ended = self._take_ended()
            if ended and self._stop_when is not None and self.mode == "running":
                await self._ask_person(self._stop_when)
            self._fill()
            self._tell()
            if not self._active and (not self._queue or self.mode in ("draining", "stopped")):
                break
            try:
                async with asyncio.timeout(_LOOKS_AGAIN_S):
                    await self._changed.wait()
            except TimeoutError:
                continue
        self.mode = "stopped" if self._queue or self._falls_short or self._is_stopping else "done"
        self._tell()

    # -- inside --------------------------------------------------------------------------------------------------

    def _take_back(self) -> None:
        """Put the cells that were not sent in front again, and give up those jobs that were made for them here.

        A job that somebody else asked for too is only let go of.
        """
        for ref, job in reversed(tuple(self._active.items())):
            record = self._source.record_of(job)
            if record is not None and transitions.is_unsent(record):
                if ref in self._made:
                    self._source.give_up(job)
                self._queue.appendleft(self._cells[ref])
                del self._active[ref]

    def _take_ended(self) -> bool:
        """Let go of the jobs that have come to rest; tell whether any has, and stop where its end concerns all."""
        ended = False
        for ref, job in tuple(self._active.items()):
            record = self._source.record_of(job)
            if record is not None and not self._source.is_settled(record):
                continue
            del self._active[ref]
            ended = True
            if record is not None and _concerns_all(record):
                self._falls_short = True
                if self.mode == "running":
                    self.set_mode("draining", reason=describe_error(record) or "")
            elif record is not None and record.charged == "no" and _is_untried(record):
                self._falls_short = True
                self.reason = self.reason or "Not every cell was sent in time; the same line goes on with the rest."
        return ended

    async def _ask_person(self, stop_when: Callable[[], object]) -> None:
        try:
            is_enough = await asyncio.to_thread(stop_when)
        except Exception as error:  # noqa: BLE001 - a person's function: what runs is finished first, then this is raised
            self.error = error
            self.set_mode(
                "draining", reason=f"stop_when raised {type(error).__name__}: what was sent is finished first."
            )
        else:
            if is_enough:
                self.set_mode("draining", reason="stop_when said that it is enough.")

    def _fill(self) -> None:
        while self._queue and self.mode == "running" and self._taken() < self._source.room():
            cell = self._queue.popleft()
            try:
                job, is_new = self._source.get_or_create(cell)
            except PixVerseError as error:
                self._queue.appendleft(cell)
                self.set_mode("draining", reason=str(error))
                if not isinstance(error, LedgerError):
                    self.error = error
                return
            self._active[job.ref] = job
            self._cells[job.ref] = cell
            if is_new:
                self._made.add(job.ref)

    def _taken(self) -> int:
        """Count the jobs that hold a slot or wait for one; of those that were turned away one leaves it to another."""
        records = [record for job in self._active.values() if (record := self._source.record_of(job)) is not None]
        taking = [record for record in records if not (record.state is JobState.DOWNLOADING or record.state.is_final)]
        turned_away = sum(record.state is JobState.WAITING and record.retry_at is not None for record in taking)
        return len(taking) - min(1, turned_away)


def _concerns_all(record: JobRecord) -> bool:
    is_refused = record.state is JobState.REFUSED and record.error is not None and is_account_error(record.error.kind)
    return is_refused or (record.blocked and record.error is not None)


def _is_untried(record: JobRecord) -> bool:
    """Tell whether a job has come to rest without its cell having been tried."""
    return record.state in (JobState.CANCELLED, JobState.TIMED_OUT) or transitions.is_unsent(record)
