"""A wall clock that is set by an hour, under a running process and between two of them, while the vendor's lies too."""

from pathlib import Path

from tests.faults.kill_points import TRAPS
from tests.faults.matrix import SLOTS, Plan, run_matrix


def test_a_clock_that_is_set_pays_nothing_twice(tmp_path: Path) -> None:
    """Killed and started again under clocks an hour apart, and set by two in the middle: one payment each."""
    plan = Plan(lanes=4, kills_each=4, moments=tuple(TRAPS), clock_steps_s=(3600.0, -3600.0, 0.0))
    audit = run_matrix(plan, tmp_path)
    assert (audit.extra_payments, audit.lost, audit.uncollected) == (0, 0, 0)
    assert audit.generations == audit.requests
    assert audit.most_at_once <= SLOTS
