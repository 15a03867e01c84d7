"""Moments of a conversation at which something is done to the caller: killed, stopped, its clock set."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 60.0

# The moments that the vendor tells; the ones inside the caller are in `traps`.
MOMENTS: Final = (
    "an upload is heard",
    "a create is heard",
    "a create is accepted",
    "half a create is answered",
    "a create is answered",
    "a list is asked for",
    "half a list is answered",
    "half a film is sent",
)


def kill(caller: int) -> None:
    """End a process as nothing else does."""
    try:
        os.kill(caller, signal.SIGKILL)
    except ProcessLookupError:
        return  # it has ended by itself


def set_its_clock(caller: int) -> None:
    """Have a worker's wall clock set, in the middle of what it does."""
    try:
        os.kill(caller, signal.SIGUSR1)
    except ProcessLookupError:
        return


class Moments:
    """Counts the moments of one account's callers, and acts at the one that was asked for."""

    def __init__(self) -> None:
        self._at: tuple[str, int] | None = None
        self._act: Callable[[int], object] = kill
        self._seen: Counter[str] = Counter()
        self._accepted = threading.Condition()
        self.accepted_count = 0
        self.last_caller = 0
        self.struck = threading.Event()

    def act_at(self, moment: str, count: int, act: Callable[[int], object] = kill) -> None:
        """Do something to the caller at the `count`-th `moment` from now on."""
        self._seen.clear()
        self.struck.clear()
        self._act = act
        self._at = (moment, count)

    def forget(self) -> None:
        """Do nothing more."""
        self._at = None

    def reached(self, moment: str, caller: int) -> None:
        """Note a moment; called on the vendor's thread."""
        self.last_caller = caller
        self._seen[moment] += 1
        if self._at == (moment, self._seen[moment]):
            self._at = None
            self._act(caller)
            self.struck.set()

    def accepted(self) -> None:
        """Note that a create was accepted."""
        with self._accepted:
            self.accepted_count += 1
            self._accepted.notify_all()

    def await_accepted(self, count: int) -> None:
        """Wait until the account has accepted so many creates."""
        with self._accepted:
            assert self._accepted.wait_for(lambda: self.accepted_count >= count, PATIENCE_S), "nothing was accepted"
