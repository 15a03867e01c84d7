"""The sandbox's clock: real time, sped up, slowed down, or moved only by hand."""

import math
import time
from collections.abc import Callable


class Clock:
    """Virtual Unix seconds that pass `speed` times as fast as real ones. At speed 0 only `advance` moves the clock.

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
        """Virtual seconds per real second, 0 or more. Setting a negative or infinite speed raises ValueError."""
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        if not 0 <= value < math.inf:
            raise ValueError(f"speed must be 0 or more, not {value!r}")
        self._base, self._since, self._speed = self.now(), self._tick(), value

    def now(self) -> float:
        """Return the virtual time in Unix seconds."""
        return self._base + (self._tick() - self._since) * self._speed

    def stamp(self) -> float:
        """Return the time to show in rows: real Unix seconds, which match the client's clock; virtual at speed 0."""
        return time.time() if self._speed else self.now()

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`. Raises ValueError for a negative or infinite number."""
        if not 0 <= seconds < math.inf:
            raise ValueError(f"seconds must be 0 or more, not {seconds!r}")
        self._base += seconds

    def real_wait_s(self, until: float) -> float | None:
        """Return the real seconds until the virtual time `until`, or None if only `advance` can reach it."""
        left = until - self.now()
        if left <= 0:
            return 0.0
        return left / self._speed if self._speed else None
