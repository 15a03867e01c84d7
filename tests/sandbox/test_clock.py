"""The clock of the sandbox."""

import pytest

from pixverse_nb.sandbox.clock import Clock


def test_clock_runs_at_its_speed() -> None:
    """The clock multiplies real time by its speed, from the moment the speed was set."""
    real = [100.0]
    clock = Clock(speed=10, start=1000.0, tick=lambda: real[0])
    real[0] += 2
    assert clock.now() == 1020.0
    clock.speed = 1
    real[0] += 2
    assert clock.now() == 1022.0
    assert clock.real_wait_s(1032.0) == 10.0
    clock.speed = 0
    real[0] += 5
    assert (clock.now(), clock.real_wait_s(1032.0), clock.real_wait_s(1000.0)) == (1022.0, None, 0.0)
    clock.advance(8)
    assert (clock.now(), clock.stamp()) == (1030.0, 1030.0)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="seconds"):
            clock.advance(wrong)
        with pytest.raises(ValueError, match="speed"):
            clock.speed = wrong
