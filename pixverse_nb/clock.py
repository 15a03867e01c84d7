"""The clock that jobs live by: Unix seconds that no one can turn back or forward, and that count a machine's sleep."""

import time
from collections.abc import Callable

Clock = Callable[[], float]  # Unix seconds


def steady_clock() -> Clock:
    """Return a clock that starts at the wall clock's time and runs on by the time since boot.

    A wall clock that is set by an hour would end the settling of a lost answer at once, and so pay twice. The time
    since boot is not set by anyone, and unlike `time.monotonic` on most systems it goes on while a laptop sleeps.
    """
    wall, start = time.time(), _since_boot()
    return lambda: wall + (_since_boot() - start)


def _since_boot() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_UPTIME_RAW"):  # macOS, where CLOCK_MONOTONIC counts the sleep and time.monotonic() does not
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()
