"""Leader election: which of the processes that have one home open submits the paid calls and polls the vendor.

The clients of each service and payer elect a leader of their own: it sends and sees only what belongs to its account.

An operating system lock shows at once when its holder has ended, even by kill -9. It does not show that its holder is
suspended, so the leader also renews a lease in the ledger: a process that sees no renewal for `stale_s` takes over
without the file lock. Each takeover raises the epoch, and the ledger rejects the intent of a paid call from an old
epoch, so a process that wakes up late makes no new call. A call that it was just about to make may still be sent: while
its lock is held, nothing proves that such a call was not accepted.
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
from pixverse_nb.ledger.accounts import LeaseRow, LeaseStore
from pixverse_nb.ledger.jobs import Ledger

RENEWALS_TO_STALE: Final = 5


def lock_name(lease: str) -> str:
    """Return the name of a lock file: the clients of each service and payer have their own leader (`lease_name`)."""
    return f"leader-{hashlib.sha256(lease.encode()).hexdigest()[:12]}"


def is_led(row: LeaseRow | None, lock: Path, *, is_stale: bool) -> bool:
    """Return whether a process leads, which has this lease and this lock file.

    `is_stale`: the lease was not renewed for so long that another process of its payer would take it.
    """
    if row is None or not row.owner:
        return False
    if not row.has_lock:
        return not is_stale  # a file system without locks: only the renewals show that it has not ended
    try:
        with FileLock(lock, thread_local=False, timeout=0, fallback_to_soft=False):
            return False
    except (Timeout, OSError, NotImplementedError):
        return True


class LeaderLease:
    """One process's claim to be the leader for a home and service. Not thread-safe: belongs to the event loop."""

    def __init__(self, leases: LeaseStore, *, lock: Path, owner: str, stale_s: float, now: Clock) -> None:
        self._leases = leases
        self._file = FileLock(lock, thread_local=False, timeout=0, fallback_to_soft=False)
        self._owner = owner
        self._stale_s = stale_s
        self._now = now
        self._seen: tuple[LeaseRow | None, float] = (None, now())
        self._renewed_at = 0.0
        self.epoch: int | None = None
        self.lock_held_elsewhere = False  # another process holds the lock: it may be suspended, but it has not ended

    @property
    def is_leader(self) -> bool:
        """Whether this process is the leader as far as it knows; the ledger decides."""
        return self.epoch is not None

    def try_acquire(self) -> bool:
        """Become the leader if there is none, if it has ended, or if it has not renewed its lease for `stale_s`."""
        has_lock = self._try_lock()
        row = self._leases.current()
        is_free = row is None or not row.owner
        is_gone = row is not None and row.has_lock and has_lock
        if is_free or is_gone or self._is_stale(row):
            self.epoch = self._leases.acquire(self._owner, after=row.epoch if row else 0, has_lock=has_lock)
            self._renewed_at = self._now()
        if self.epoch is None:
            self._unlock()  # release the lock so that the current leader can take it
        return self.is_leader

    def renew(self) -> bool:
        """Renew the lease if that is due; False if another process has become the leader."""
        if self.epoch is None:
            return False
        if self._now() - self._renewed_at < self._stale_s / RENEWALS_TO_STALE:
            return True
        if not self._leases.renew(self.epoch, has_lock=self._try_lock()):
            self.release()
            return False
        self._renewed_at = self._now()
        return True

    def release(self) -> None:
        """Give up the lease, so that the next process takes it without waiting."""
        if self.epoch is not None:
            self._leases.release(self.epoch)
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
            return False  # a file system without locks: only the renewals decide
        return True

    def _unlock(self) -> None:
        if self._file.is_locked:
            self._file.release()


_log: Final = logging.getLogger("pixverse_nb")
_LEAST_TICK_S: Final = 0.02
_MOST_TICK_S: Final = 1.0


class LeaderCallbacks(Protocol):
    """What the election tells the engine."""

    def has_open_work(self) -> bool:
        """Return whether a job is open that this process runs, waits for or shows."""

    def is_watched(self) -> bool:
        """Return whether somebody wants to hear of what other processes do."""

    def on_elected(self) -> None:
        """This process is the leader from now on."""

    def on_deposed(self) -> None:
        """Another process is the leader from now on."""

    def on_previous_leader_gone(self) -> None:
        """The previous leader, which was suspended, can no longer send."""

    def announce_requested(self) -> None:
        """A new leader does not know yet which jobs this process wants."""

    def refresh(self) -> None:
        """Changes of other processes may have been missed."""

    def on_external_change(self, record: JobRecord) -> None:
        """Another process has changed this job."""

    def on_tick(self) -> None:
        """A tick has passed."""


class LeaderElection:
    """Competes with the other processes of the same home; belongs to the engine's event loop.

    It runs while jobs are open: it takes or renews the lease, and reads what other processes have written. While none
    is open but somebody watches, it only reads.
    """

    def __init__(self, callbacks: LeaderCallbacks, *, ledger: Ledger, lease: LeaderLease, timing: Timing) -> None:
        self._callbacks = callbacks
        self._ledger = ledger
        self._lease = lease
        self._tick_s = min(_MOST_TICK_S, max(_LEAST_TICK_S, timing.poll_s / 4))
        self._task: asyncio.Task[None] | None = None
        self._mark = 0
        self._version = -1
        self._is_idle = False  # it runs, but only for those who watch
        self._is_behind = True  # changes before `_mark` may have been missed
        self._has_taken_over = False
        self._is_shut_out = False  # the previous leader has not ended, as far as the engine has been told
        self._epoch_seen = 0
        self._failing: set[Callable[[], object]] = set()

    @property
    def epoch(self) -> int | None:
        """The epoch under which this process may submit, or None if another one is the leader."""
        return self._lease.epoch

    @property
    def lock_held_elsewhere(self) -> bool:
        """Whether the previous leader is suspended and may still send what it was sending."""
        return self._lease.lock_held_elsewhere

    @property
    def is_following(self) -> bool:
        """Whether the loop runs, so that the engine's records are the newest."""
        return self._task is not None and not self._task.done()

    @property
    def is_idle(self) -> bool:
        """Whether the loop runs only to tell what other processes do."""
        return self.is_following and self._is_idle

    def wake(self) -> None:
        """Start, if there is something to do; the lease is taken at once if it is free."""
        if not self.is_following:
            self._begin(is_idle=False)
        elif self._is_idle:
            self._is_idle = False
            self._safely(self._compete)

    def watch(self) -> None:
        """Start, if it does not run, although no job may be open: somebody watches."""
        if not self.is_following:
            self._begin(is_idle=True)

    def verify(self) -> None:
        """Check whether this process is still the leader, because the ledger has rejected an intent."""
        row = self._ledger.leases.current()
        if self.epoch is not None and (row is None or row.epoch != self.epoch):
            self._lease.release()
            self._callbacks.on_deposed()

    def leave(self) -> None:
        """Release the lease for good: the process or its client ends."""
        self._safely(self._lease.release)

    def _begin(self, *, is_idle: bool) -> None:
        self._is_behind = True
        self._is_idle = is_idle
        self._safely(self._catch_up)
        if not is_idle:
            self._safely(self._compete)
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while self._has_work() or self._callbacks.is_watched():
            await asyncio.sleep(self._tick_s)
            if not self._is_idle:
                self._safely(self._compete)
            self._safely(self._follow)
            self._safely(self._callbacks.on_tick)

    def _has_work(self) -> bool:
        """Return whether a job is open; if none is, release the lease."""
        self._is_idle = not self._callbacks.has_open_work()
        if self._is_idle:
            self._safely(self._lease.release)
        return not self._is_idle

    def _compete(self) -> None:
        """Take or renew the lease. After an error the next tick does again what could not be done."""
        if self._lease.is_leader:
            if not self._lease.renew():
                self._callbacks.on_deposed()
                return
        elif self._lease.try_acquire():
            self._has_taken_over = self._is_shut_out = False
        if not self._lease.is_leader:
            return
        if not self._has_taken_over:
            self._callbacks.on_elected()
            self._has_taken_over = True
        if self._lease.lock_held_elsewhere:
            self._is_shut_out = True
        elif self._is_shut_out:
            self._callbacks.on_previous_leader_gone()
            self._is_shut_out = False

    def _catch_up(self) -> None:
        version, mark = self._ledger.data_version(), self._ledger.change_mark()  # in this order, as in `_follow`
        self._callbacks.refresh()
        self._version, self._mark, self._is_behind = version, mark, False

    def _follow(self) -> None:
        """Report what other processes have written. After an error the next tick reports it again."""
        if self._is_behind:
            self._catch_up()
        version = self._ledger.data_version()  # first: what is written after it changes it again
        if version == self._version:
            return
        mark, changed = self._ledger.changes_since(self._mark)
        for record in changed:
            self._callbacks.on_external_change(record)
        row = self._ledger.leases.current()
        if row is not None and row.epoch != self._epoch_seen:
            if row.epoch != self.epoch:
                self._callbacks.announce_requested()
            self._epoch_seen = row.epoch
        self._version, self._mark = version, mark

    def _safely(self, act: Callable[[], object]) -> None:
        """Log a full disk or a locked file, once until it works again, instead of ending the loop: each tick tries
        again.
        """
        try:
            act()
        except LedgerError as error:
            _log.log(logging.DEBUG if act in self._failing else logging.WARNING, "%s", error)
            self._failing.add(act)
        else:
            self._failing.discard(act)
