"""The plan: what is new, here, refused and affordable, before anything is paid."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidImage, InvalidRequest
from pixverse_nb.ledger.sweeps import CellRow
from pixverse_nb.sweep.plan import CellState, counting_row, state_of
from tests.client.harness import Harness, create_job, make_picture, wait_for_video
from tests.sweep.grids import run, sweep


def counts(plan: Any) -> dict[str, int]:
    """Return how many cells stand where, those without any left out."""
    return {state.value: count for state, count in plan.counts.items() if count}


def test_a_plan_pays_nothing_and_says_what_running_would(client: Client, harness: Harness) -> None:
    """Cells, credits by the price list, balance and slots; nothing is sent but two questions."""
    plan = sweep(client, seed=range(1, 4), motion_mode=["normal", "fast"]).plan()
    assert len(plan) == 6
    assert counts(plan) == {"new": 6}
    assert plan.credits == 3 * 45 + 3 * 90
    assert (plan.balance, plan.slots) == (30_060, 8)
    assert harness.paid == 0
    assert harness.control.requests["files"] == 0
    text = repr(plan)
    assert "6 cells: seed × motion_mode" in text
    assert "About 405 credits for 6 videos" in text
    assert "seed 3 · fast" in text


def test_what_the_ledger_has_is_not_paid_again(client: Client, harness: Harness) -> None:
    """A cell whose video is here, by whatever call, costs nothing; adding seeds later pays for the new ones alone."""
    wait_for_video(create_job(client, seed=2))
    plan = sweep(client, seed=range(1, 4)).plan()
    assert counts(plan) == {"new": 2, "here": 1}
    assert [cell.caption for cell in plan.new] == ["seed 1", "seed 3"]
    assert (plan.credits, plan.spent) == (90, 45)
    run(sweep(client, seed=range(1, 4)))
    assert harness.paid == 3
    assert counts(sweep(client, seed=range(1, 5)).plan()) == {"new": 1, "here": 3}


def test_what_the_vendor_refuses_is_shown_with_its_rule(client: Client, harness: Harness) -> None:
    """Never dropped silently: in the plan with the reason, an error when run, left out or sent where that is said."""
    grid: dict[str, Any] = {"seed": 1, "motion_mode": ["normal", "fast"], "duration": [5, 8]}
    plan = sweep(client, **grid).plan()
    assert [cell.caption for cell in plan.refused] == ["fast · 8 s"]
    assert "fast motion is made in 5 s only" in repr(plan)
    with pytest.raises(InvalidRequest, match="fast motion is made in 5 s only") as caught:
        run(sweep(client, **grid))
    assert set(caught.value.fields) == {"motion_mode"}
    assert harness.paid == 0
    skipping = run(sweep(client, **grid, skip_refused=True))
    assert (harness.paid, skipping.progress.done, skipping.progress.skipped) == (3, 3, 1)
    assert counts(sweep(client, **grid, allow_refused=True).plan()) == {"new": 1, "here": 3}


def test_every_wrong_value_and_picture_is_named(client: Client, tmp_path: Path) -> None:
    """A field out of range, a choice that is none, an unreadable picture of an axis: all at once."""
    (tmp_path / "no.png").write_bytes(b"no picture")
    bad = sweep(client, first=[make_picture(0), tmp_path / "no.png"], seed=[1, 0], quality=["360p", "4k"])
    with pytest.raises(InvalidRequest) as caught:
        bad.plan()
    assert set(caught.value.fields) == {"first[1]", "seed", "quality"}
    with pytest.raises(InvalidImage) as only_pictures:
        sweep(client, first=[make_picture(0), tmp_path / "no.png"]).plan()
    assert set(only_pictures.value.fields) == {"first[1]"}


def test_a_wrong_budget_is_an_error(client: Client) -> None:
    """A budget is a whole number from 0 on, and so is the most of cells from 1 on."""
    with pytest.raises(InvalidRequest) as caught:
        sweep(client, seed=[1], budget_credits=-1, most_cells=0)
    assert set(caught.value.fields) == {"budget_credits", "most_cells"}


def test_a_budget_and_a_balance_that_do_not_reach_are_said(client: Client, harness: Harness) -> None:
    """The plan warns of both before anything is paid."""
    harness.control.set_credits(daily=60, monthly=0)
    plan = sweep(client, seed=range(1, 4), budget_credits=100).plan()
    html = plan._repr_mimebundle_()["text/html"]
    assert html.count('<div class="pvnb-warning">') == 2


def test_twins_are_made_once(client: Client) -> None:
    """Two points that make the same video are one cell, and the plan says so."""
    plan = sweep(client, seed=[5, 5, 6], prompt=["", None]).plan()
    assert len(plan) == 2
    assert "4 cells are the same video as another one" in plan.notices[0]


def test_a_picture_that_changed_on_disk_makes_new_cells_and_is_said(client: Client, tmp_path: Path) -> None:
    """The same name with another content: new cells, paid anew, with a sentence that says why."""
    path = tmp_path / "first.png"
    path.write_bytes(make_picture(10))
    run(sweep(client, first=path, seed=[1, 2]))
    assert sweep(client, first=path, seed=[1, 2]).plan().notices == ()
    path.write_bytes(make_picture(20))
    plan = sweep(client, first=path, seed=[1, 2]).plan()
    assert counts(plan) == {"new": 2}
    assert "first.png' is another one than on" in plan.notices[0]


def test_pictures_can_be_an_axis(client: Client) -> None:
    """Cells are named by the files; two shapes give two ratios, each prepared once."""
    wide = Image.fromarray(np.zeros((90, 160, 3), np.uint8))
    tall = Image.fromarray(np.zeros((160, 90, 3), np.uint8))
    one = sweep(client, first=[wide, tall], seed=[1, 2])
    assert [cell.caption for cell in one.cells] == [
        "first 1 · seed 1",
        "first 1 · seed 2",
        "first 2 · seed 1",
        "first 2 · seed 2",
    ]
    assert [cell.request.aspect_ratio for cell in one.cells] == ["16:9", "16:9", "9:16", "9:16"]
    assert len({id(cell.pair) for cell in one.cells}) == 2


def test_without_a_seed_every_cell_has_the_same_one(client: Client) -> None:
    """Only what is varied differs, and the same line finds the same cells again."""
    keys = [[cell.key for cell in sweep(client, motion_mode=["normal", "fast"]).cells] for _ in range(2)]
    assert keys[0] == keys[1]
    assert {cell.request.seed for cell in sweep(client, motion_mode=["normal", "fast"]).cells} == {1}


def test_a_vendor_that_is_away_hinders_no_plan(client: Client, harness: Harness) -> None:
    """Balance and slots are not known then, and the plan says so."""
    harness.stop_sandbox()
    plan = sweep(client, seed=[1]).plan()
    assert (plan.balance, plan.slots, plan.expected_s) == (None, None, None)
    assert "could not be asked for balance and slots" in plan.notices[0]


def row(state: JobState, charged: Any = "no", kind: str | None = None, ref: str = "r") -> CellRow:
    """Return a job of a cell."""
    return CellRow("cell", ref, state, charged, 0, kind)


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (row(JobState.DONE, "yes"), CellState.HAVE),
        (row(JobState.GENERATING, "yes"), CellState.OPEN),
        (row(JobState.UNKNOWN, "unknown"), CellState.OPEN),
        (row(JobState.WAITING), CellState.NEW),
        (row(JobState.CANCELLED), CellState.NEW),
        (row(JobState.CANCELLED, "yes"), CellState.OPEN),
        (row(JobState.TIMED_OUT), CellState.NEW),
        (row(JobState.TIMED_OUT, "yes"), CellState.OPEN),
        (row(JobState.FAILED, "unknown"), CellState.FAILED),
        (row(JobState.MODERATED), CellState.FAILED),
        (row(JobState.REFUSED, kind="APIError"), CellState.FAILED),
        (row(JobState.REFUSED, kind="OutOfCredits"), CellState.NEW),
        (row(JobState.REFUSED, kind="BudgetReached"), CellState.NEW),
    ],
)
def test_where_a_cell_stands_by_its_job(found: CellRow, state: CellState) -> None:
    """What was paid is waited for, never paid again; what failed by itself is tried again only on demand."""
    assert state_of(found) is state


def test_a_video_counts_before_a_later_failure() -> None:
    """Of several tries the one with a video counts, else what may still become one, else the newest."""
    done, lost, failed = row(JobState.DONE, "yes"), row(JobState.UNKNOWN, "unknown"), row(JobState.FAILED)
    assert counting_row([failed, done]) is done
    assert counting_row([failed, lost]) is lost
    assert counting_row([failed, row(JobState.REFUSED)]) is failed
    assert counting_row([]) is None
