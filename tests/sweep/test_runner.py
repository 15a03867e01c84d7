"""The runner alone, on a desk of its own: how many cells are asked for at once."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.sweep.runner import Runner
from tests.factories import NOW, a_record


@dataclass(frozen=True)
class Ticket:
    """A job as far as the runner looks at it."""

    ref: str


class FullHouse:
    """A desk whose vendor takes `running` jobs and turns every further one away; `slots` are known to it."""

    def __init__(self, *, slots: int, running: int) -> None:
        self._slots = slots
        self._running = running
        self.records: dict[str, JobRecord] = {}

    def get_or_create(self, cell: Any) -> tuple[Any, bool]:
        """Take it, or turn it away."""
        is_taken = len(self.records) < self._running
        record = replace(a_record(ref=str(cell)), state=JobState.QUEUED if is_taken else JobState.WAITING)
        self.records[record.ref] = record if is_taken else replace(record, retry_at=NOW + 20)
        return Ticket(record.ref), True

    def record_of(self, job: Any) -> JobRecord | None:
        """Return it as it stands."""
        return self.records[job.ref]

    def is_settled(self, record: JobRecord) -> bool:
        """Nothing ends here."""
        return record.state.is_final

    async def learn_room(self) -> None:
        """It is known."""

    def room(self) -> int:
        """Return the slots."""
        return self._slots

    def give_up(self, job: Any) -> None:
        """Cancel it."""
        self.records[job.ref] = replace(self.records[job.ref], state=JobState.CANCELLED)


async def asked(desk: FullHouse, cells: int) -> int:
    """Run over so many cells until the runner waits, and return how many it has asked for."""
    waits = asyncio.Event()
    runner = Runner(list(range(cells)), desk, tell=waits.set, stop_when=None)  # type: ignore[arg-type]  # a cell is what the desk takes
    task = asyncio.create_task(runner.run())
    await waits.wait()
    count = len(desk.records)
    task.cancel()
    await asyncio.wait([task])
    return count


def test_no_more_cells_are_asked_for_than_there_are_slots() -> None:
    """Where every slot is taken nothing more is asked for."""
    assert asyncio.run(asked(FullHouse(slots=4, running=4), 20)) == 4


def test_one_that_was_turned_away_leaves_its_place_to_one_other() -> None:
    """However many are turned away, one place is given on: the deadlines of all the others must not run already."""
    assert asyncio.run(asked(FullHouse(slots=4, running=3), 20)) == 5
