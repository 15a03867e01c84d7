"""The cells of a sweep and their jobs, kept up to date as jobs change; usable from any thread."""

import contextlib
import difflib
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.validation import plain, safe_repr
from pixverse_nb.errors import PixVerseError, UnknownItem
from pixverse_nb.jobs import transitions
from pixverse_nb.jobs.job import Job
from pixverse_nb.ledger.sweeps import CellRow
from pixverse_nb.sweep.cells import Cell, select_row
from pixverse_nb.sweep.context import SweepContext
from pixverse_nb.video import Video

MODERATION_WINDOW: Final = 20
# The states of a job whose request the vendor has judged.
_JUDGED: Final = frozenset({JobState.DOWNLOADING, JobState.DONE, JobState.FAILED, JobState.MODERATED})


class CellJobs:
    """Finds and creates the jobs of the cells, under the sweep's name and budget (in credits)."""

    def __init__(self, context: SweepContext, cells: Sequence[Cell], *, sweep: str, budget_credits: int | None) -> None:
        self.cells = tuple(cells)
        self.rows: Mapping[str, Sequence[CellRow]] = {}
        self._context = context
        self._sweep = sweep
        self._budget_credits = budget_credits
        self._keys = frozenset(cell.key for cell in cells)
        self._lock = threading.Lock()
        self._records: dict[str, JobRecord] = {}  # by cell key
        self._jobs: dict[str, Job] = {}  # by cell key; keeps the handles alive as long as the sweep
        self._key_of: dict[str, str] = {}  # the cell key by job reference

    def reload(self) -> None:
        """Read the jobs of all cells from the ledger."""
        ledger = self._context.engine.ledger
        self.rows = ledger.sweeps.rows([cell.key for cell in self.cells])
        for key, rows in self.rows.items():
            row = select_row(rows)
            record = ledger.load(row.ref) if row is not None else None
            if record is not None:
                self._set_record(key, record)

    def follow(self) -> None:
        """Subscribe to job changes until this object is garbage-collected."""
        reference = weakref.ref(self)

        def on_job_changed(job: Job) -> None:
            cell_jobs = reference()
            if cell_jobs is None:
                unsubscribe()
            else:
                cell_jobs.on_job_changed(job)

        unsubscribe = self._context.subscribe(on_job_changed)

    def on_job_changed(self, job: Job) -> None:
        """Record a changed job if it belongs to one of the cells, whoever requested it."""
        record = self._context.engine.current(job.ref)
        if record is None:
            return
        key = self._key_of.get(job.ref) or record.request.content_key
        if key not in self._keys:
            return
        with self._lock:
            before = self._records.get(key)
            if before is None or before.ref == job.ref or _is_superseded(before):
                self._key_of[job.ref] = key
                self._records[key] = record
                if before is not None and before.ref != job.ref:
                    self._jobs.pop(key, None)

    # -- looking up ----------------------------------------------------------------------------------------------

    def job(self, cell: Cell) -> Job | None:
        """Return the job of a cell, or None if it has none."""
        with self._lock:
            job = self._jobs.get(cell.key)
            record = self._records.get(cell.key)
        if job is None and record is not None:
            job = self._context.handle(record)
            with self._lock:
                self._jobs[cell.key] = job
        return job

    def record(self, cell: Cell) -> JobRecord | None:
        """Return the current record of a cell's job, or None if it has none."""
        with self._lock:
            return self._records.get(cell.key)

    def video(self, cell: Cell) -> Video | None:
        """Return the finished video of a cell, or None."""
        record = self.record(cell)
        job = self.job(cell) if record is not None and record.state is JobState.DONE else None
        return job.video if job is not None else None

    def videos(self) -> dict[Cell, Video]:
        """Return the finished videos in the order of the cells."""
        return {cell: video for cell in self.cells if (video := self.video(cell)) is not None}

    def find(self, which: Any) -> Cell:
        """Return a cell by its number, caption, key, job or video. Raises UnknownItem if there is no such cell."""
        ref = getattr(which, "ref", None)
        which = plain(which)
        name = which if isinstance(which, int | str) and not isinstance(which, bool) else None
        for cell in self.cells:
            record = self.record(cell) if ref is not None else None
            is_named = which is cell or (name is not None and name in (cell.number, cell.caption, cell.key))
            if is_named or (record is not None and record.ref == ref):
                return cell
        captions = [cell.caption for cell in self.cells]
        near = difflib.get_close_matches(which, captions, n=1) if isinstance(which, str) else []
        hint = f"did you mean {near[0]!r}?" if near else "sweep.plan() lists the cells"
        problem = f"this sweep has no cell {safe_repr(which):.60}; {hint}"
        raise UnknownItem({"which": problem}, sends=False)

    @property
    def spent(self) -> int:
        """What the cells have cost or may have cost, in credits, over all attempts."""
        with self._lock:
            newest = {record.ref: record for record in self._records.values()}
        earlier = sum(row.credits for rows in self.rows.values() for row in rows if row.ref not in newest)
        return earlier + sum(record.credits or 0 for record in newest.values() if record.charged != "no")

    # -- other homes of this machine -----------------------------------------------------------------------------

    def paid_in_other_homes(self, cells: Iterable[Cell]) -> list[Notice]:
        """Return which other homes have paid for these cells: one notice for each such cell."""
        wanted = {cell.request.content_key: cell for cell in cells}
        factory = self._context.factory
        registered = factory.other_homes.registered(wanted)
        found = (factory.find_paid_elsewhere(self._draft(cell)) for key, cell in wanted.items() if key in registered)
        return [notice for notice in found if notice is not None]

    def take_from_other_homes(self, cells: Iterable[Cell]) -> int:
        """Copy the jobs of these cells that another home has paid for, and return how many; nothing is charged."""
        return sum(self._context.factory.take(self._draft(cell)) for cell in cells)

    # -- for the runner ------------------------------------------------------------------------------------------

    def store_inputs(self, cells: Iterable[Cell]) -> None:
        """Store the prepared inputs of these cells in the home folder."""
        for inputs in {id(cell.inputs): cell.inputs for cell in cells}.values():
            self._context.builder.store(inputs.prepared)

    def get_or_create(self, cell: Cell) -> tuple[Job, bool]:
        """Return the job of a cell and whether it is new. **A new one spends credits.** Call it on the event loop."""
        job, is_new = self._context.factory.get_or_create(self._draft(cell), reuse=True)
        with self._lock:
            self._jobs[cell.key] = job
        record = self._context.engine.current(job.ref)
        if record is not None:
            self._set_record(cell.key, record)
        return job, is_new

    def record_of(self, job: Job) -> JobRecord | None:
        """Return the current record of a job."""
        return self._context.engine.current(job.ref)

    def is_settled(self, record: JobRecord) -> bool:
        """Return whether a job no longer changes without a person."""
        is_starting = self._context.engine.find_open(record.ref) is None and transitions.is_unsent(record)
        if is_starting:
            return False
        return record.state.is_final or record.pending_question is not None or self._context.engine.is_paused(record)

    def seek_slot(self, *, is_seeking: bool) -> None:
        """Note whether more cells wait for a slot: then finished videos are looked for more often."""
        self._context.engine.seek_slot(self, is_seeking=is_seeking)

    async def load_capacity(self) -> None:
        """Load how many jobs may run at once; accounts that had stopped are tried again. Failures are ignored."""
        self._context.engine.accounts.reset()
        with contextlib.suppress(PixVerseError):  # the submitter learns the limit from its first rejection
            await self._context.engine.accounts.load()

    def count_moderated(self) -> int:
        """Return how many of the last `MODERATION_WINDOW` ended requests were moderated, by a 422 or afterwards."""
        with self._lock:
            ended = [record for record in self._records.values() if record.state in _JUDGED and record.finished_at]
        last = sorted(ended, key=lambda record: record.finished_at or 0.0)[-MODERATION_WINDOW:]
        return sum(record.state is JobState.MODERATED for record in last)

    def capacity(self) -> int:
        """Return how many jobs may run at once, over all accounts that the cells can use."""
        email = self.cells[0].request.delivery.email if self.cells else None
        return self._context.engine.accounts.capacity(email)

    def cancel_unsent(self, job: Job) -> None:
        """Cancel a job unless its paid call may have been sent."""
        record = self._context.engine.current(job.ref)
        if record is not None:
            self._context.engine.cancel(record, only_unsent=True)

    def _draft(self, cell: Cell) -> JobRecord:
        return replace(
            cell.new_record(self._context.builder, now=self._context.engine.now()),
            sweep=self._sweep,
            sweep_budget_credits=self._budget_credits,
        )

    def _set_record(self, key: str, record: JobRecord) -> None:
        """Note what was read, unless the job has changed since."""
        with self._lock:
            self._key_of[record.ref] = key
            known = self._records.get(key)
            if known is None or known.ref != record.ref or known.version < record.version:
                self._records[key] = record


def _is_superseded(record: JobRecord) -> bool:
    """Return whether another job can take this one's place: it ended without a video."""
    return record.state.is_final and record.state is not JobState.DONE
