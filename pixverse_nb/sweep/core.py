"""What every part of a sweep stands on: its cells, the jobs that stand for them, and its name in the ledger."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.jobs.job import JobList
from pixverse_nb.sweep.axes import Axes
from pixverse_nb.sweep.bench import SweepContext
from pixverse_nb.sweep.book import CellJobs
from pixverse_nb.sweep.cells import Cell, Cells, build_cells
from pixverse_nb.sweep.plan import title_of
from pixverse_nb.video import Video


@dataclass(frozen=True)
class SweepOptions:
    """What holds for a whole sweep: its name, its budget in credits, and what is done with refused combinations."""

    title: str | None = None
    budget_credits: int | None = None
    skip_refused: bool = False
    allow_refused: bool = False


class SweepOfCells:
    """A sweep as its cells and their jobs."""

    def __init__(self, bench: SweepContext, axes: Axes, rules: SweepOptions) -> None:
        self._bench = bench
        self._axes = axes
        self._rules = rules

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells in order: `number`, `caption`, `values` on each axis, `request`, `key`.

        Raises InvalidRequest (InvalidImage) with every wrong value and picture named.
        """
        return self._built.cells

    @property
    def title(self) -> str:
        """The name of the sweep."""
        return self._rules.title or title_of(self._built.axes, len(self.cells))

    @property
    def jobs(self) -> JobList:
        """The jobs that stand for the cells, in the order of the cells; a cell that nobody asked for has none."""
        found = (self._book.job_of(cell) for cell in self.cells)
        return JobList(job for job in found if job is not None)

    @property
    def videos(self) -> list[Video]:
        """The finished videos in the order of the cells."""
        return [video for cell in self.cells if (video := self._video(cell)) is not None]

    # -- inside --------------------------------------------------------------------------------------------------

    @cached_property
    def _built(self) -> Cells:
        return build_cells(self._axes, self._bench.builder, email=self._bench.email)

    @cached_property
    def _book(self) -> CellJobs:
        book = CellJobs(self._bench, self.cells, sweep=self._name, budget_credits=self._rules.budget_credits)
        book.read()
        book.follow()
        return book

    @property
    def _name(self) -> str:
        """The sweep's name in the ledger: by content, as everything there."""
        return "sw-" + hashlib.sha256("".join(sorted(cell.key for cell in self.cells)).encode()).hexdigest()[:16]

    def _video(self, cell: Cell) -> Video | None:
        record = self._book.record(cell)
        job = self._book.job_of(cell) if record is not None and record.state is JobState.DONE else None
        return job.video if job is not None else None

    def _cell(self, which: Any) -> Cell:
        """Return the cell that a person names by number, caption, key, job or video; InvalidRequest for a stranger."""
        ref = getattr(which, "ref", None)
        for cell in self.cells:
            record = self._book.record(cell) if ref is not None else None
            is_named = any(which is one or which == one for one in (cell, cell.number, cell.caption, cell.key))
            if is_named or (record is not None and record.ref == ref):
                return cell
        raise InvalidRequest({"which": f"no cell of this sweep is {str(which)[:60]!r}: see sweep.plan()"}, sends=False)
