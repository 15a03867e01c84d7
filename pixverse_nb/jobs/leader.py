"""The seat: which of the processes that have one home open sends the paid calls and asks the vendor's list.

A lock of the operating system tells at once when its holder is gone, also after a kill -9. It does not tell when its
holder is stopped, so the holder also beats in the ledger: who sees no beat for `stale_s` of its own time takes the
seat without the lock. Each taking raises the epoch, and the ledger refuses the intent of a paid call from an epoch that
is over, so that a process which wakes up late makes no new call. A call that it was just about to make may still
leave: while its lock is held, nothing proves that such a call was not accepted.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from filelock import FileLock, Timeout

from pixverse_nb.config import Clock, Timing
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger import LeaseRow, LeaseStore, Ledger

BEATS_TO_STALE: Final = 5


def lock_name(service: str) -> str:
    """Return the name of the lock file of a service: each API address and the sandbox have their own seat."""
    return f"seat-{hashlib.sha256(service.encode()).hexdigest()[:12]}"


class LeaderLease:
    """One process's claim to act for a home and service. Not thread-safe: it lives on the portal's loop."""

    def __init__(self, leases: LeaseStore, *, lock: Path, owner: str, stale_s: float, now: Clock) -> None:
        self._seats = leases
        self._file = FileLock(lock, thread_local=False, timeout=0, fallback_to_soft=False)
        self._owner = owner
        self._stale_s = stale_s
        self._now = now
        self._seen: tuple[LeaseRow | None, float] = (None, now())
        self._beaten_at = 0.0
        self.epoch: int | None = None
        self.lock_held_elsewhere = False  # another process holds the lock: it may stand still, but it is not gone

    @property
    def is_leader(self) -> bool:
        """True while this process acts, as far as it knows; the ledger has the last word."""
        return self.epoch is not None

    def try_acquire(self) -> bool:
        """Take the seat where it is free, its holder is gone, or its holder has not beaten for `stale_s`."""
        has_lock = self._try_lock()
        row = self._seats.row()
        is_free = row is None or not row.owner
        is_gone = row is not None and row.has_lock and has_lock
        if is_free or is_gone or self._is_stale(row):
            self.epoch = self._seats.take(self._owner, after=row.epoch if row else 0, has_lock=has_lock)
            self._beaten_at = self._now()
        if self.epoch is None:
            self._unlock()  # whoever sits there without it may have it
        return self.is_leader

    def beat(self) -> bool:
        """Show that this process is alive, where that is due; False where another one has taken the seat."""
        if self.epoch is None:
            return False
        if self._now() - self._beaten_at < self._stale_s / BEATS_TO_STALE:
            return True
        if not self._seats.beat(self.epoch, has_lock=self._try_lock()):
            self.leave()
            return False
        self._beaten_at = self._now()
        return True

    def leave(self) -> None:
        """Give the seat up, so that the next one takes it without waiting."""
        if self.epoch is not None:
            self._seats.leave(self.epoch)
        self.epoch = None
        self._unlock()

    def _is_stale(self, row: LeaseRow | None) -> bool:
        seen, since = self._seen
        if row != seen:
            self._seen = (row, self._now())
            return False
        return self._now() - since >= self._stale_s

    def _try_lock(self) -> bool:
        self.lock_held_elsewhere = False
        if self._file.is_locked:
            return True
        try:
            self._file.acquire()
        except Timeout:
            self.lock_held_elsewhere = True
            return False
        except (OSError, NotImplementedError):
            return False  # a file system without locks: the beats alone decide
        return True

    def _unlock(self) -> None:
        if self._file.is_locked:
            self._file.release()


_log: Final = logging.getLogger("pixverse_nb")
_LEAST_TICK_S: Final = 0.02
_MOST_TICK_S: Final = 1.0


class LeaderCallbacks(Protocol):
    """What the presence tells the engine."""

    def has_business(self) -> bool:
        """Tell whether a job is open that this process drives, waits for or shows."""

    def on_elected(self) -> None:
        """This process acts from now on."""

    def on_deposed(self) -> None:
        """Another process acts from now on."""

    def on_previous_leader_gone(self) -> None:
        """The process that held the seat before, and stood still, cannot send any more."""

    def resubmit_requests(self) -> None:
        """A new holder of the seat does not know yet what this process wants."""

    def refresh(self) -> None:
        """Changes of other processes may have been missed."""

    def on_external_change(self, record: JobRecord) -> None:
        """Another process has changed this job."""

    def on_tick(self) -> None:
        """A tick has passed while this process holds the seat."""


class LeaderElection:
    """Keeps this process's place among those that have the same home open; lives on the engine's loop."""

    def __init__(self, household: LeaderCallbacks, *, ledger: Ledger, seat: LeaderLease, timing: Timing) -> None:
        self._household = household
        self._ledger = ledger
        self._seat = seat
        self._tick_s = min(_MOST_TICK_S, max(_LEAST_TICK_S, timing.poll_s / 4))
        self._task: asyncio.Task[None] | None = None
        self._mark = 0
        self._version = -1
        self._epoch_seen = 0

    @property
    def epoch(self) -> int | None:
        """The epoch under which this process may send, or None where another one acts."""
        return self._seat.epoch

    @property
    def lock_held_elsewhere(self) -> bool:
        """True while the process that held the seat before stands still and may still send what it was sending."""
        return self._seat.lock_held_elsewhere

    @property
    def is_following(self) -> bool:
        """True while the loop runs, so that the engine's records are the newest."""
        return self._task is not None and not self._task.done()

    def wake(self) -> None:
        """Begin, if there is something to do; the seat is taken at once where it is free."""
        if not self.is_following:
            self._mark = self._ledger.change_mark()
            self._version = self._ledger.data_version()
            self._safely(self._household.refresh)
            self._safely(self._keep_seat)
            self._task = asyncio.get_running_loop().create_task(self._run())

    def verify(self) -> None:
        """Ask the ledger whether the seat is still ours, because it has refused an intent."""
        row = self._ledger.leases.row()
        if self.epoch is not None and (row is None or row.epoch != self.epoch):
            self._seat.leave()
            self._household.on_deposed()

    def leave(self) -> None:
        """Give the seat up for good: the process or its client ends."""
        self._safely(self._seat.leave)

    async def _run(self) -> None:
        while self._household.has_business():
            await asyncio.sleep(self._tick_s)
            self._safely(self._keep_seat)
            self._safely(self._follow)
            if self.epoch is not None:
                self._safely(self._household.on_tick)
        self._safely(self._seat.leave)

    def _keep_seat(self) -> None:
        if self._seat.is_leader:
            was_shut_out = self._seat.lock_held_elsewhere
            if not self._seat.beat():
                self._household.on_deposed()
            elif was_shut_out and not self._seat.lock_held_elsewhere:
                self._household.on_previous_leader_gone()
        elif self._seat.try_acquire():
            self._household.on_elected()

    def _follow(self) -> None:
        version = self._ledger.data_version()
        if version == self._version:
            return
        self._version = version
        self._mark, changed = self._ledger.changes_since(self._mark)
        for record in changed:
            self._household.on_external_change(record)
        row = self._ledger.leases.row()
        if row is not None and row.epoch != self._epoch_seen:
            self._epoch_seen = row.epoch
            if row.epoch != self.epoch:
                self._household.resubmit_requests()

    @staticmethod
    def _safely(act: Callable[[], object]) -> None:
        """A full disk or a locked file must not end the loop: the next tick tries again."""
        try:
            act()
        except LedgerError as error:
            _log.warning("%s", error)
