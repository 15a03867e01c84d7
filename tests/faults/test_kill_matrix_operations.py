"""The kill matrix over operations that start from a prompt or a video, and over chains and sweeps of them.

The calls differ from those of pictures in what identifies them after a lost answer: a text has no pictures, and an
upscale has neither a seed nor a prompt, only its source.
"""

from pathlib import Path

from tests.faults.failpoints import MOMENTS
from tests.faults.kill_points import TRAPS
from tests.faults.matrix import SLOTS, Plan, run_matrix

OPERATIONS = ("text", "extend", "upscale", "chain", "sweep")
REACHED = tuple(moment for moment in (*TRAPS, *MOMENTS) if not moment.startswith("upload"))  # nothing is uploaded


def test_no_operation_is_charged_twice_or_lost(tmp_path: Path) -> None:
    """Killed at each step and restarted, every text, extension, upscale, chain and sweep is charged once and kept."""
    plan = Plan(lanes=4, kills_per_lane=8, new_per_worker=4, moments=REACHED, operations=OPERATIONS)
    audit = run_matrix(plan, tmp_path)
    assert audit.requests >= 150
    assert audit.kills >= 32
    assert audit.extra_payments == 0
    assert audit.lost == 0
    assert audit.uncollected == 0
    assert audit.generations == audit.requests
    assert audit.max_running <= SLOTS
