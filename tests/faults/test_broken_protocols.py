"""Tests of the matrix itself: it detects protocols that are known to charge twice."""

from dataclasses import replace
from pathlib import Path

from tests.faults.matrix import HOSTILE, TIMING, Plan, run_matrix

# Often loses the answer to an accepted call and lists it late; without a balance nothing warns of that.
LOSES_ANSWERS = replace(
    HOSTILE,
    faults={"cut_after": 0.4, "accept_lag": 0.2},
    list_lag_s=(0.6, 1.0),
    read_failure_rate=0.0,
    reports_balance=False,
)

AFTER_SENDING = ("create_accepted", "create_half_answered", "body_sent", "create_answered")


def test_without_a_settle_window_calls_are_charged_twice(tmp_path: Path) -> None:
    """With `settle_s=0` a generation that is listed late counts as absent and is charged again."""
    plan = Plan(
        lanes=2, kills_per_lane=1, new_per_worker=12, behavior=LOSES_ANSWERS, timing=replace(TIMING, settle_s=0.0)
    )
    assert run_matrix(plan, tmp_path).extra_payments > 0


def test_recording_after_the_answer_charges_twice(tmp_path: Path) -> None:
    """A worker that records its intent only after the answer charges again when it is killed in between."""
    plan = Plan(lanes=2, kills_per_lane=2, behavior=LOSES_ANSWERS, mutant="records_afterwards", moments=AFTER_SENDING)
    assert run_matrix(plan, tmp_path).extra_payments > 0


def test_the_protocol_survives_the_same_vendor(tmp_path: Path) -> None:
    """The real protocol charges nothing twice at the same vendor."""
    audit = run_matrix(Plan(lanes=2, kills_per_lane=2, behavior=LOSES_ANSWERS, moments=AFTER_SENDING), tmp_path)
    assert (audit.extra_payments, audit.lost, audit.uncollected) == (0, 0, 0)
