"""Every change of a job goes into the ledger; what a full disk or a locked file keeps out is tried again.

Only an intent must be written before anything else happens. Every other fact has happened already: it holds in memory,
and is written as soon as the ledger takes it, so that no job ends for us and stays open for the next process.
"""

import asyncio
from collections.abc import Callable

from pixverse_nb.errors import LedgerError
from pixverse_nb.jobs.events import Event
from pixverse_nb.jobs.words import told
from pixverse_nb.ledger import Ledger
from pixverse_nb.record import JobRecord


class Storing:
    """Writes the records of one engine into its ledger, on the portal's loop.

    What could not be written is tried again every `again_s` seconds; `written` is told of it then.
    """

    def __init__(self, ledger: Ledger, *, again_s: float, written: Callable[[JobRecord], None]) -> None:
        self._ledger = ledger
        self._again_s = again_s
        self._written = written
        self._waiting: dict[str, tuple[JobRecord, float, str]] = {}  # the newest of each job, when it was, what is told
        self._task: asyncio.Task[None] | None = None

    def intent(self, record: JobRecord, event: Event, *, epoch: int) -> JobRecord | None:
        """Write the intent of a paid call, synced; None where another process wrote first or holds the seat.

        Raises LedgerError where it cannot be written (then nothing may be sent), BudgetReached where it costs too much.
        """
        stored = self._ledger.save(record, at=event.at, text=told(event, record), epoch=epoch)
        if stored is not None:
            self._waiting.pop(record.ref, None)
        elif self._ledger.load(record.ref) is None:
            raise LedgerError(
                f"The ledger does not hold job {record.ref} any more: somebody has removed it. Nothing was sent; "
                "ask for the video again.",
                ref=record.ref,
            )
        return stored

    def fact(self, record: JobRecord, event: Event) -> JobRecord | None:
        """Write what has happened; None where another process wrote first. What cannot be written waits."""
        text = told(event, record)
        try:
            stored = self._ledger.save(record, at=event.at, text=text)
        except LedgerError:
            self._waiting[record.ref] = (record, event.at, text)
            if self._task is None or self._task.done():
                self._task = asyncio.get_running_loop().create_task(self._try_again())
            return record
        self._waiting.pop(record.ref, None)
        if stored is None and self._ledger.load(record.ref) is None:
            return record  # its row was removed by somebody: the job ends in memory
        return stored

    def is_waiting(self, ref: str) -> bool:
        """Tell whether the newest fact of a job is in memory alone."""
        return ref in self._waiting

    @property
    def has_waiting(self) -> bool:
        """True while the ledger lacks some fact."""
        return bool(self._waiting)

    def flush(self) -> None:
        """Try to write all that waits."""
        for ref, (record, at, text) in tuple(self._waiting.items()):
            try:
                stored = self._ledger.save(record, at=at, text=text)
                newest = stored or self._ledger.load(ref)  # another process may have taken the job over meanwhile
            except LedgerError:
                return  # the others would wait for the same lock, or the same disk
            del self._waiting[ref]
            if newest is not None:
                self._written(newest)

    async def _try_again(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._again_s)
            self.flush()
