"""The book of one sweep: its cells and the jobs that stand for them, kept true as jobs change; for any thread."""

import contextlib
import threading
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.errors import PixVerseError
from pixverse_nb.jobs import transitions
from pixverse_nb.jobs.job import Job
from pixverse_nb.ledger.sweeps import CellRow
from pixverse_nb.sweep.bench import SweepContext
from pixverse_nb.sweep.cells import Cell
from pixverse_nb.sweep.plan import counting_row


class CellJobs:
    """Knows for each cell the job that counts, and turns cells into jobs under the sweep's name and budget."""

    def __init__(self, bench: SweepContext, cells: Sequence[Cell], *, sweep: str, budget_credits: int | None) -> None:
        self._bench = bench
        self._sweep = sweep
        self._budget_credits = budget_credits
        self._lock = threading.Lock()
        self._records: dict[str, JobRecord] = {}
        self._key_of: dict[str, str] = {}
        self._jobs: dict[str, Job] = {}  # held, so that their handles live as long as the sweep
        self.cells = tuple(cells)
        self.rows: dict[str, list[CellRow]] = {}
        self._keys = frozenset(cell.key for cell in cells)

    def read(self) -> None:
        """Read from the ledger which jobs stand for the cells."""
        ledger = self._bench.engine.ledger
        self.rows = ledger.sweeps.rows([cell.key for cell in self.cells])
        for key, rows in self.rows.items():
            row = counting_row(rows)
            record = ledger.load(row.ref) if row is not None else None
            if record is not None:
                self._take(key, record)

    def job_of(self, cell: Cell) -> Job | None:
        """Return the job that counts for a cell, or None while there is none."""
        with self._lock:
            job = self._jobs.get(cell.key)
            record = self._records.get(cell.key)
        if job is None and record is not None:
            job = self._bench.handle(record)
            with self._lock:
                self._jobs[cell.key] = job
        return job

    def record(self, cell: Cell) -> JobRecord | None:
        """Return the job of a cell as it stands now."""
        with self._lock:
            return self._records.get(cell.key)

    def follow(self) -> None:
        """Take note of every changed job from now on, as long as this book is held by somebody."""
        known = weakref.ref(self)

        def hear(job: Job) -> None:
            book = known()
            if book is None:
                unsubscribe()
            else:
                book.hear(job)

        unsubscribe = self._bench.subscribe(hear)

    def hear(self, job: Job) -> None:
        """Take note of a changed job, where it stands for one of the cells: also one that somebody else asked for."""
        record = self._bench.engine.current(job.ref)
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

    @property
    def spent(self) -> int:
        """What the cells have cost or may have cost, in credits: every try of them counts."""
        with self._lock:
            newest = {record.ref: record for record in self._records.values()}
        earlier = sum(row.credits for rows in self.rows.values() for row in rows if row.ref not in newest)
        return earlier + sum(record.credits or 0 for record in newest.values() if record.charged != "no")

    def keep_pictures(self, cells: Iterable[Cell]) -> None:
        """Store the prepared pictures of these cells in the home folder, each pair once."""
        for frames in {id(cell.pair): cell.pair.frames for cell in cells}.values():
            self._bench.builder.store_images(frames)

    # -- for the runner, on the portal's loop --------------------------------------------------------------------

    def get_or_create(self, cell: Cell) -> tuple[Job, bool]:
        """Return the job of a cell and whether it was made for this; what was paid for is never paid again."""
        draft = replace(
            cell.record(self._bench.builder, now=self._bench.engine.now()),
            sweep=self._sweep,
            sweep_budget_credits=self._budget_credits,
        )
        job, is_new = self._bench.factory.get_or_create(draft, reuse=True)
        with self._lock:
            self._jobs[cell.key] = job
        record = self._bench.engine.current(job.ref)
        if record is not None:
            self._take(cell.key, record)
        return job, is_new

    def record_of(self, job: Job) -> JobRecord | None:
        """Return a job as it stands now."""
        return self._bench.engine.current(job.ref)

    def is_settled(self, record: JobRecord) -> bool:
        """Tell whether nothing moves for a job by itself any more."""
        is_new = self._bench.engine.find_open(record.ref) is None and transitions.is_unsent(record)
        if is_new:
            return False  # it is about to be driven
        return record.state.is_final or record.pending_question is not None or self._bench.engine.is_paused(record)

    async def learn_room(self) -> None:
        """Find out how many jobs may run at once; accounts that had stopped are tried again, since a person asks."""
        self._bench.engine.accounts.reset()
        with contextlib.suppress(PixVerseError):  # a vendor that cannot be asked is no hindrance
            await self._bench.engine.accounts.load()

    def room(self) -> int:
        """Return how many jobs run at once, over all accounts."""
        return self._bench.engine.accounts.capacity(self._email)

    def give_up(self, job: Job) -> None:
        """Cancel a job, unless its paid call may have left."""
        record = self._bench.engine.current(job.ref)
        if record is not None:
            self._bench.engine.cancel(record, only_unsent=True)

    @property
    def _email(self) -> str | None:
        """The account that all cells are bound to, if any."""
        return self.cells[0].request.delivery.email if self.cells else None

    def _take(self, key: str, record: JobRecord) -> None:
        with self._lock:
            self._key_of[record.ref] = key
            self._records[key] = record


def _is_superseded(record: JobRecord) -> bool:
    """Tell whether another job may stand for the cell in place of this one: it has ended without a video."""
    return record.state.is_final and record.state is not JobState.DONE
