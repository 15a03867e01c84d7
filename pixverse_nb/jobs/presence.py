"""Several processes on one home: who holds the seat acts, the others follow what it writes and are ready to take over.

One loop a process, and only while jobs are open: it takes or keeps the seat, and reads what other processes have
changed in the ledger. A process that asks for a job without holding the seat has handed it over by writing it down.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger import Ledger
from pixverse_nb.record import JobRecord
from pixverse_nb.seat import Seat
from pixverse_nb.settings import Timing

_log: Final = logging.getLogger("pixverse_nb")
_LEAST_TICK_S: Final = 0.02
_MOST_TICK_S: Final = 1.0


class Household(Protocol):
    """What the presence tells the engine."""

    def has_business(self) -> bool:
        """Tell whether a job is open that this process drives, waits for or shows."""

    def seated(self) -> None:
        """This process acts from now on."""

    def unseated(self) -> None:
        """Another process acts from now on."""

    def alone(self) -> None:
        """The process that held the seat before, and stood still, cannot send any more."""

    def ask_again(self) -> None:
        """A new holder of the seat does not know yet what this process wants."""

    def refresh(self) -> None:
        """Changes of other processes may have been missed."""

    def changed_elsewhere(self, record: JobRecord) -> None:
        """Another process has changed this job."""

    def take_turn(self) -> None:
        """A tick has passed while this process holds the seat."""


class Presence:
    """Keeps this process's place among those that have the same home open; lives on the engine's loop."""

    def __init__(self, household: Household, *, ledger: Ledger, seat: Seat, timing: Timing) -> None:
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
    def is_shut_out(self) -> bool:
        """True while the process that held the seat before stands still and may still send what it was sending."""
        return self._seat.is_shut_out

    @property
    def is_following(self) -> bool:
        """True while the loop runs, so that the engine's records are the newest."""
        return self._task is not None and not self._task.done()

    def wake(self) -> None:
        """Begin, if there is something to do; the seat is taken at once where it is free."""
        if not self.is_following:
            self._mark = self._ledger.change_mark()
            self._version = self._ledger.outside_version()
            self._safely(self._household.refresh)
            self._safely(self._keep_seat)
            self._task = asyncio.get_running_loop().create_task(self._run())

    def verify(self) -> None:
        """Ask the ledger whether the seat is still ours, because it has refused an intent."""
        row = self._ledger.seats.row()
        if self.epoch is not None and (row is None or row.epoch != self.epoch):
            self._seat.leave()
            self._household.unseated()

    def leave(self) -> None:
        """Give the seat up for good: the process or its client ends."""
        self._safely(self._seat.leave)

    async def _run(self) -> None:
        while self._household.has_business():
            await asyncio.sleep(self._tick_s)
            self._safely(self._keep_seat)
            self._safely(self._follow)
            if self.epoch is not None:
                self._safely(self._household.take_turn)
        self._safely(self._seat.leave)

    def _keep_seat(self) -> None:
        if self._seat.is_held:
            was_shut_out = self._seat.is_shut_out
            if not self._seat.beat():
                self._household.unseated()
            elif was_shut_out and not self._seat.is_shut_out:
                self._household.alone()
        elif self._seat.try_take():
            self._household.seated()

    def _follow(self) -> None:
        version = self._ledger.outside_version()
        if version == self._version:
            return
        self._version = version
        self._mark, changed = self._ledger.changes_since(self._mark)
        for record in changed:
            self._household.changed_elsewhere(record)
        row = self._ledger.seats.row()
        if row is not None and row.epoch != self._epoch_seen:
            self._epoch_seen = row.epoch
            if row.epoch != self.epoch:
                self._household.ask_again()

    @staticmethod
    def _safely(act: Callable[[], object]) -> None:
        """A full disk or a locked file must not end the loop: the next tick tries again."""
        try:
            act()
        except LedgerError as error:
            _log.warning("%s", error)
