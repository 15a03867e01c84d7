"""The seat: which of the processes that have one home open sends the paid calls and asks the vendor's list.

A lock of the operating system tells at once when its holder is gone, also after a kill -9. It does not tell when its
holder is stopped, so the holder also beats in the ledger: who sees no beat for `stale_s` of its own time takes the
seat without the lock. Each taking raises the epoch, and the ledger refuses the intent of a paid call from an epoch that
is over, so that a process which wakes up late makes no new call. A call that it was just about to make may still
leave: while its lock is held, nothing proves that such a call was not accepted.
"""

import hashlib
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from pixverse_nb.clock import Clock
from pixverse_nb.ledger import SeatRow, Seats

BEATS_TO_STALE: Final = 5


def lock_name(service: str) -> str:
    """Return the name of the lock file of a service: each API address and the sandbox have their own seat."""
    return f"seat-{hashlib.sha256(service.encode()).hexdigest()[:12]}"


class Seat:
    """One process's claim to act for a home and service. Not thread-safe: it lives on the portal's loop."""

    def __init__(self, seats: Seats, *, lock: Path, owner: str, stale_s: float, now: Clock) -> None:
        self._seats = seats
        self._file = FileLock(lock, thread_local=False, timeout=0, fallback_to_soft=False)
        self._owner = owner
        self._stale_s = stale_s
        self._now = now
        self._seen: tuple[SeatRow | None, float] = (None, now())
        self._beaten_at = 0.0
        self.epoch: int | None = None
        self.is_shut_out = False  # another process holds the lock: it may stand still, but it is not gone

    @property
    def is_held(self) -> bool:
        """True while this process acts, as far as it knows; the ledger has the last word."""
        return self.epoch is not None

    def try_take(self) -> bool:
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
        return self.is_held

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

    def _is_stale(self, row: SeatRow | None) -> bool:
        seen, since = self._seen
        if row != seen:
            self._seen = (row, self._now())
            return False
        return self._now() - since >= self._stale_s

    def _try_lock(self) -> bool:
        self.is_shut_out = False
        if self._file.is_locked:
            return True
        try:
            self._file.acquire()
        except Timeout:
            self.is_shut_out = True
            return False
        except (OSError, NotImplementedError):
            return False  # a file system without locks: the beats alone decide
        return True

    def _unlock(self) -> None:
        if self._file.is_locked:
            self._file.release()
