"""Tests of the matrix: protocols that are known to pay twice are found out by it."""

from dataclasses import replace
from pathlib import Path

from tests.faults.matrix import HOSTILE, TIMING, Plan, run_matrix

# A vendor that often loses what it has accepted, and shows it late: the balance is not told, so it warns of nothing.
FORGETFUL = replace(
    HOSTILE, faults={"cut_after": 0.4, "accept_lag": 0.2}, list_lag_s=(0.6, 1.0), read_fails=0.0, tells_balance=False
)

AFTER_IT_WAS_SENT = ("a create is accepted", "half a create is answered", "all is sent", "a create is answered")


def test_without_a_settle_window_it_pays_twice(tmp_path: Path) -> None:
    """With settle_s=0 a generation that is listed late counts as absent, and is paid again."""
    plan = Plan(lanes=2, kills_each=1, new_each=12, habits=FORGETFUL, timing=replace(TIMING, settle_s=0.0))
    assert run_matrix(plan, tmp_path).extra_payments > 0


def test_recording_after_the_answer_pays_twice(tmp_path: Path) -> None:
    """A worker that writes its intent only when the answer is there forgets what it has paid when it is killed."""
    plan = Plan(lanes=2, kills_each=2, habits=FORGETFUL, mutant="records afterwards", moments=AFTER_IT_WAS_SENT)
    assert run_matrix(plan, tmp_path).extra_payments > 0


def test_the_protocol_survives_the_same_vendor(tmp_path: Path) -> None:
    """What finds the broken ones out finds nothing in ours: the difference is the protocol, not the luck."""
    audit = run_matrix(Plan(lanes=2, kills_each=2, habits=FORGETFUL, moments=AFTER_IT_WAS_SENT), tmp_path)
    assert (audit.extra_payments, audit.lost, audit.uncollected) == (0, 0, 0)
