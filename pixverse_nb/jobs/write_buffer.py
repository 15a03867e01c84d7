"""Writing the records of an engine into the ledger, and again later if the file cannot be written now."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.errors import LedgerError
from pixverse_nb.jobs import events
from pixverse_nb.jobs.events import Event
from pixverse_nb.ledger.jobs import Ledger


class WriteBuffer:
    """Writes an engine's records into the ledger; belongs to its event loop.

    A record that cannot be written is retried every `retry_s` seconds; then `on_written` is called.
    """

    def __init__(self, ledger: Ledger, *, retry_s: float, on_written: Callable[[JobRecord], None]) -> None:
        self._ledger = ledger
        self._retry_s = retry_s
        self._on_written = on_written
        self._pending: dict[str, tuple[JobRecord, Mapping[str, Any]]] = {}  # the newest record of each job, its event
        self._task: asyncio.Task[None] | None = None

    def write_intent(self, record: JobRecord, event: Event, *, epoch: int) -> JobRecord | None:
        """Write the intent of a paid call, synced; None if another process wrote first or is the leader.

        Raises LedgerError if it cannot be written (then nothing may be sent), BudgetReached if it costs too much.
        """
        stored = self._ledger.save(record, **_entry(event, record), epoch=epoch)
        if stored is not None:
            self._pending.pop(record.ref, None)
        elif self._ledger.load(record.ref) is None:
            raise LedgerError(
                f"Job {record.ref} has been removed from the ledger. Nothing was sent; make the call again.",
                ref=record.ref,
            )
        return stored

    def write_event(self, record: JobRecord, event: Event) -> JobRecord | None:
        """Write what has happened; None if another process wrote first. It stays pending if it cannot be written."""
        entry = _entry(event, record)
        try:
            stored = self._ledger.save(record, **entry)
        except LedgerError:
            self._pending[record.ref] = (record, entry)
            if self._task is None or self._task.done():
                self._task = asyncio.get_running_loop().create_task(self._retry())
            return record
        self._pending.pop(record.ref, None)
        if stored is None and self._ledger.load(record.ref) is None:
            return record  # its row was removed by somebody: the job ends in memory
        return stored

    def is_pending(self, ref: str) -> bool:
        """Return whether the newest record of a job is only in memory."""
        return ref in self._pending

    @property
    def has_pending(self) -> bool:
        """Whether any record is only in memory."""
        return bool(self._pending)

    def flush(self) -> None:
        """Try to write all pending records."""
        for ref, (record, entry) in tuple(self._pending.items()):
            try:
                stored = self._ledger.save(record, **entry)
                newest = stored or self._ledger.load(ref)  # another process may have taken the job over meanwhile
            except LedgerError:
                return  # the others would wait for the same lock or the same disk
            del self._pending[ref]
            if newest is not None:
                self._on_written(newest)

    async def _retry(self) -> None:
        while self._pending:
            await asyncio.sleep(self._retry_s)
            self.flush()


def _entry(event: Event, after: JobRecord) -> dict[str, Any]:
    """Return an event as the ledger stores it."""
    return {"at": event.at, "kind": events.kind_of(event), "data": events.data_of(event, after)}
