"""The wall clock is shifted by an hour, during a process and between two, and the vendor's times are wrong too."""

from pathlib import Path

from tests.faults.kill_points import TRAPS
from tests.faults.matrix import SLOTS, Plan, run_matrix


def test_clock_shifts_cause_no_second_charge(tmp_path: Path) -> None:
    """Killed and restarted under clocks an hour apart, and shifted by two in between, every job is charged once."""
    plan = Plan(lanes=4, kills_per_lane=4, moments=tuple(TRAPS), clock_steps_s=(3600.0, -3600.0, 0.0))
    audit = run_matrix(plan, tmp_path)
    assert (audit.extra_payments, audit.lost, audit.uncollected) == (0, 0, 0)
    assert audit.generations == audit.requests
    assert audit.max_running <= SLOTS
