"""Batches: many small changes handed on together, so that two hundred of them are not two hundred messages."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from pixverse_nb.widgets.dispatch import BackgroundRunner

PAUSE_S: Final = 0.1


def _pause() -> None:
    time.sleep(PAUSE_S)  # on a thread of its own, and nothing has to wake it: what comes meanwhile is the next batch


class Batcher:
    """Hands keys to `deliver`: the first at once, all that come during the following `pause` as one batch.

    `add` may be called from any thread and returns at once; `deliver` runs on a thread of the `dispatcher`, never
    twice at a time. A key that comes several times in one batch is in it once.

    >>> told = []
    >>> batches = Batches(told.append, Dispatcher(print), pause=lambda: None)
    >>> batches.add(["a", "b"]).join()
    >>> told
    [['a', 'b']]
    """

    def __init__(
        self,
        deliver: Callable[[Sequence[str]], object],
        dispatcher: BackgroundRunner,
        *,
        pause: Callable[[], object] = _pause,
    ) -> None:
        self._deliver = deliver
        self._dispatcher = dispatcher
        self._pause = pause
        self._lock = threading.Lock()
        self._waiting: dict[str, None] = {}  # in the order in which they came
        self._runner: threading.Thread | None = None

    def add(self, keys: Iterable[str]) -> threading.Thread:
        """Take these keys along, and return the thread that delivers them."""
        with self._lock:
            self._waiting.update(dict.fromkeys(keys))
            if self._runner is None:
                self._runner = self._dispatcher.run_in_thread(self._run)
            return self._runner

    def _run(self) -> None:
        while keys := self._next():
            self._dispatcher.run_guarded(lambda: self._deliver(keys))
            self._pause()

    def _next(self) -> list[str]:
        with self._lock:
            keys = list(self._waiting)
            self._waiting.clear()
            if not keys:
                self._runner = None
            return keys
