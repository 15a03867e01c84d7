"""What the jobs of a home have cost, from the ledger alone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.spending import SpendingRow
from pixverse_nb.ledger.jobs import Ledger
from pixverse_nb.render.spending_table import SpendingTable
from tests.factories import a_record, a_video_id


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    one = Ledger(tmp_path / "ledger.db", service="https://api.example.org")
    yield one
    one.close()


def add(ledger: Ledger, number: int, **changes: Any) -> None:
    """Add a job."""
    ledger.find_or_add(replace(a_record(ref=f"pv-cell-{number:04}"), **changes), reuse=False)


def done(number: int, **changes: Any) -> dict[str, Any]:
    """Return the changes that make a job a finished one."""
    return {"state": JobState.DONE, "charged": "yes", "video_id": a_video_id(number), **changes}


def table(ledger: Ledger) -> SpendingTable:
    """Return the spending by model."""
    return SpendingTable(ledger.spending.rows("model"), by="model", is_sandbox=False)


def test_a_video_without_a_price_does_not_make_the_others_cheaper(ledger: Ledger) -> None:
    """The cost per video is divided by the videos whose charge or estimate is known; the others are counted."""
    add(ledger, 1, **done(1, cost_credits=20, estimated_credits=30))
    add(ledger, 2, **done(2, cost_credits=None, estimated_credits=40))
    add(ledger, 3, **done(3, cost_credits=None, estimated_credits=None))
    spending = table(ledger)
    assert (spending.total.videos, spending.total.unpriced, spending.per_video) == (3, 1, 30)
    assert "unpriced" in spending.to_frame().columns


def test_only_videos_without_a_price(ledger: Ledger) -> None:
    """Without a known price there is no cost per video."""
    add(ledger, 1, **done(1, cost_credits=None, estimated_credits=None))
    assert (table(ledger).per_video, table(ledger).total.unpriced) == (None, 1)
    assert repr(table(ledger))


@pytest.mark.parametrize(("state", "unexplained"), [(JobState.SUBMITTING, 0), (JobState.UNKNOWN, 30)])
def test_a_call_in_flight_is_not_unexplained(ledger: Ledger, state: JobState, unexplained: int) -> None:
    """A paid call that is being sent has lost nothing yet; one whose answer was lost is unexplained."""
    add(ledger, 1, state=state, charged="unknown", estimated_credits=30)
    (row,) = table(ledger)
    assert row == SpendingRow(row.group, jobs=1, estimated=30, unexplained=unexplained)
