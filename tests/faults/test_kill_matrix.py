"""Workers are killed at every step, against a vendor that drops, delays, lags and lies: nothing is charged twice or
lost.

The protocol has to survive: calls cut before and after they are accepted; answers that are partial, late, without an
id, or missing; calls accepted only after the connection was cut; 500 before and after accepting; 429; lists and videos
that fail or break off; rows that appear late, lack the reference, look final while queued, have a url while running, or
are an hour wrong about their creation. The lags together stay below the settle window.
"""

from pathlib import Path

from tests.faults.failpoints import MOMENTS
from tests.faults.kill_points import TRAPS
from tests.faults.matrix import SLOTS, Plan, run_matrix
from tests.faults.vendor import FAULTS


def test_nothing_is_charged_twice_and_nothing_is_lost(tmp_path: Path) -> None:
    """After at least 500 requests and 100 kills (SIGKILL), each is charged once, in the ledger, and intact on disk."""
    audit = run_matrix(Plan(), tmp_path)
    assert audit.requests >= 500
    assert audit.kills >= 100
    assert audit.extra_payments == 0
    assert audit.lost == 0
    assert audit.uncollected == 0
    assert audit.generations == audit.requests
    assert audit.max_running <= SLOTS
    assert audit.leaks == 0
    assert set(FAULTS) <= set(audit.triggered), "some faults were never triggered"
    moments = {moment.partition(",")[0] for moment in audit.killed_at}
    assert len(moments) >= 0.8 * len({*TRAPS, *MOMENTS}), f"too few kill points: {sorted(moments)}"
