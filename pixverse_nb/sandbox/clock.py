"""The sandbox's time: real time run faster, slower, or only by hand."""

import time
from collections.abc import Callable


class Clock:
    """Virtual Unix seconds that run `speed` times as fast as life; with speed 0 only `advance` moves them.

    >>> clock = Clock(speed=0, start=1000.0)
    >>> clock.advance(60)
    >>> clock.now()
    1060.0
    """

    def __init__(
        self, *, speed: float = 1.0, start: float | None = None, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self._tick = tick
        self._base = time.time() if start is None else start
        self._since = tick()
        self._speed = 0.0
        self.speed = speed

    @property
    def speed(self) -> float:
        """How many virtual seconds pass in a real one; 0 or more."""
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        if not value >= 0:
            raise ValueError(f"the speed must be 0 or more, not {value!r}")
        self._base, self._since, self._speed = self.now(), self._tick(), value

    def now(self) -> float:
        """Return the virtual time in Unix seconds."""
        return self._base + (self._tick() - self._since) * self._speed

    def stamp(self) -> float:
        """Return the time to write on rows: real Unix seconds, as a client's own clock has them; virtual at speed 0."""
        return time.time() if self._speed else self.now()

    def advance(self, seconds: float) -> None:
        """Let `seconds` (0 or more) of virtual time pass at once."""
        if not seconds >= 0:
            raise ValueError(f"time goes forward only, not by {seconds!r} s")
        self._base += seconds

    def real_wait_s(self, until: float) -> float | None:
        """Return the real seconds until the virtual time `until`; None where only `advance` can bring it."""
        left = until - self.now()
        if left <= 0:
            return 0.0
        return left / self._speed if self._speed else None
