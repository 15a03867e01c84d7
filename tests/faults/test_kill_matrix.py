"""Workers killed at every step, against a vendor that drops, delays, lags and lies: nothing is paid twice or lost.

What the protocol has to survive here: calls cut before and after they are accepted, answers that are half, late,
without an id or never come, calls accepted only after the connection was cut, 500 before and after accepting, 429,
lists and films that fail or break off, rows that appear late, name no reference, look final while they are queued, have
a url while they run, or lie by an hour about when they were made. The lags together stay below the settle window.
"""

from pathlib import Path

from tests.faults.failpoints import MOMENTS
from tests.faults.kill_points import TRAPS
from tests.faults.matrix import SLOTS, Plan, run_matrix
from tests.faults.vendor import FAULTS


def test_nothing_is_paid_twice_and_nothing_is_lost(tmp_path: Path) -> None:
    """At least 500 requests and 100 kills (SIGKILL): one payment each, each in the ledger, each film whole on disk."""
    audit = run_matrix(Plan(), tmp_path)
    assert audit.requests >= 500
    assert audit.kills >= 100
    assert audit.extra_payments == 0
    assert audit.lost == 0
    assert audit.uncollected == 0
    assert audit.generations == audit.requests
    assert audit.most_at_once <= SLOTS
    assert audit.leaks == 0
    assert set(FAULTS) <= set(audit.struck), "the vendor has not done its worst"
    moments = {moment.partition(",")[0] for moment in audit.killed_at}
    assert len(moments) >= 0.8 * len({*TRAPS, *MOMENTS}), f"too few moments of death: {sorted(moments)}"
