"""Moments of a conversation with the vendor at which a caller is killed, stopped, or has its clock shifted."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 60.0

# The moments that the vendor tells; the ones inside the caller are in `traps`.
MOMENTS: Final = (
    "upload_received",
    "create_received",
    "create_accepted",
    "create_half_answered",
    "create_answered",
    "list_requested",
    "list_half_answered",
    "video_half_sent",
)


def kill(caller: int) -> None:
    """End a process with SIGKILL."""
    try:
        os.kill(caller, signal.SIGKILL)
    except ProcessLookupError:
        return  # it has ended by itself


def shift_clock(caller: int) -> None:
    """Shift a worker's wall clock while it runs."""
    try:
        os.kill(caller, signal.SIGUSR1)
    except ProcessLookupError:
        return


class Failpoints:
    """Counts the moments of one account's callers, and acts at the requested one."""

    def __init__(self) -> None:
        self._at: tuple[str, int] | None = None
        self._act: Callable[[int], object] = kill
        self._seen: Counter[str] = Counter()
        self._accepted = threading.Condition()
        self.accepted_count = 0
        self.last_caller = 0
        self.triggered = threading.Event()

    def act_at(self, moment: str, count: int, act: Callable[[int], object] = kill) -> None:
        """Do something to the caller at the `count`-th `moment` from now on."""
        self._seen.clear()
        self.triggered.clear()
        self._act = act
        self._at = (moment, count)

    def disarm(self) -> None:
        """Do nothing at later moments."""
        self._at = None

    def reached(self, moment: str, caller: int) -> None:
        """Record a moment; called on the vendor's thread."""
        self.last_caller = caller
        self._seen[moment] += 1
        if self._at == (moment, self._seen[moment]):
            self._at = None
            self._act(caller)
            self.triggered.set()

    def accepted(self) -> None:
        """Record that a create was accepted."""
        with self._accepted:
            self.accepted_count += 1
            self._accepted.notify_all()

    def wait_for_accepted(self, count: int) -> None:
        """Wait until the account has accepted this many creates."""
        with self._accepted:
            assert self._accepted.wait_for(lambda: self.accepted_count >= count, PATIENCE_S), "nothing was accepted"
