"""Tests of `sweep.runner` with a source of jobs of its own: how many cells are submitted at once."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.sweep.runner import Runner
from tests.factories import NOW, a_record


@dataclass(frozen=True)
class FakeJob:
    """The part of a job that the runner reads."""

    ref: str


class BusyVendor:
    """A source of jobs whose vendor runs `running` jobs and postpones every further one; it reports `slots`."""

    def __init__(self, *, slots: int, running: int) -> None:
        self._slots = slots
        self._running = running
        self.records: dict[str, JobRecord] = {}

    def get_or_create(self, cell: Any) -> tuple[Any, bool]:
        """Accept or postpone the job of a cell."""
        is_accepted = len(self.records) < self._running
        record = replace(a_record(ref=str(cell)), state=JobState.QUEUED if is_accepted else JobState.WAITING)
        self.records[record.ref] = record if is_accepted else replace(record, retry_at=NOW + 20)
        return FakeJob(record.ref), True

    def record_of(self, job: Any) -> JobRecord | None:
        """Return the record of a job."""
        return self.records[job.ref]

    def is_settled(self, record: JobRecord) -> bool:
        """Return whether a job has ended; none does here."""
        return record.state.is_final

    async def load_capacity(self) -> None:
        """Do nothing: the capacity is known."""

    def seek_slot(self, *, is_seeking: bool) -> None:
        """Do nothing: nobody polls here."""

    def count_moderated(self) -> int:
        """Return 0: nothing ends here."""
        return 0

    def capacity(self) -> int:
        """Return the number of slots."""
        return self._slots

    def cancel_unsent(self, job: Any) -> None:
        """Cancel a job."""
        self.records[job.ref] = replace(self.records[job.ref], state=JobState.CANCELLED)


async def count_created(vendor: BusyVendor, cells: int) -> int:
    """Run `cells` cells until the runner waits, and return how many jobs it created."""
    is_waiting = asyncio.Event()
    runner = Runner(list(range(cells)), vendor, on_change=is_waiting.set, stop_when=None)  # type: ignore[arg-type]  # numbers serve as cells
    task = asyncio.create_task(runner.run())
    await is_waiting.wait()
    count = len(vendor.records)
    task.cancel()
    await asyncio.wait([task])
    return count


def test_as_many_jobs_are_created_as_there_are_slots() -> None:
    """With every slot in use no further job is created."""
    assert asyncio.run(count_created(BusyVendor(slots=4, running=4), 20)) == 4


def test_postponed_jobs_let_one_more_cell_try() -> None:
    """However many jobs are postponed, one more is created, so that the deadlines of the others do not start."""
    assert asyncio.run(count_created(BusyVendor(slots=4, running=3), 20)) == 5
