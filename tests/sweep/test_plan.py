"""Tests of `sweep.plan` and `sweep.cells`: which cells are new, finished or refused, and what they may cost."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixverse_nb.client import Client
from pixverse_nb.domain.catalogue import Operation
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.requests import build_request
from pixverse_nb.errors import InvalidImage, InvalidRequest
from pixverse_nb.ledger.sweeps import CellRow
from pixverse_nb.sweep.cells import CellState, cell_state, select_row
from pixverse_nb.sweep.context import SweepOptions
from pixverse_nb.sweep.plan import Plan
from pixverse_nb.sweep.sweep import make_sweep
from tests.client.harness import TIMING, Harness, create_job, make_picture, wait_for_video
from tests.sweep.small_sweeps import run, small_sweep, wait_until


def counts(plan: Plan) -> dict[str, int]:
    """Return the number of cells in each state that occurs."""
    return {state.value: count for state, count in plan.counts.items() if count}


def notice_kinds(plan: Plan) -> list[str]:
    """Return the kinds of a plan's notices."""
    return [notice.kind for notice in plan.notices]


def test_a_plan_shows_the_cost_and_charges_nothing(client: Client, harness: Harness) -> None:
    """The plan has cells, estimated credits, balance and slots; no picture is uploaded and nothing is charged."""
    plan = small_sweep(client, seed=range(1, 4), duration=[5, 10]).plan()
    assert len(plan) == 6
    assert counts(plan) == {"new": 6}
    assert plan.credits == 3 * 20 + 3 * 40
    assert (plan.balance, plan.slots) == (30_060, 8)
    assert harness.paid == 0
    assert harness.control.requests["files"] == 0
    assert plan.title == "6 cells: seed × duration"
    shown = repr(plan)
    assert "180" in shown
    assert all(value in shown for value in ("seed 1", "seed 2", "seed 3", "5 s", "10 s")), "a grid of two axes"


def test_finished_videos_are_not_charged_again(client: Client, harness: Harness) -> None:
    """A cell whose video exists costs nothing, whichever call made it; of added seeds only the new ones are charged."""
    wait_for_video(create_job(client, seed=2))
    plan = small_sweep(client, seed=range(1, 4)).plan()
    assert counts(plan) == {"new": 2, "done": 1}
    assert [cell.caption for cell in plan.new] == ["seed 1", "seed 3"]
    assert (plan.credits, plan.spent) == (40, 20)
    run(small_sweep(client, seed=range(1, 4)))
    assert harness.paid == 3
    assert counts(small_sweep(client, seed=range(1, 5)).plan()) == {"new": 1, "done": 3}


def test_refused_combinations_need_a_decision(client: Client, harness: Harness) -> None:
    """A refused cell is in the plan with its rule, an error when run, skipped or sent if the caller says so."""
    axes: dict[str, Any] = {"seed": 1, "quality": ["540p", "1080p"], "duration": [5, 10]}
    plan = small_sweep(client, **axes).plan()
    assert [cell.caption for cell in plan.refused] == ["1080p · 10 s"]
    (rule,) = plan.refused[0].violations
    assert rule.reason in repr(plan)
    with pytest.raises(InvalidRequest) as caught:
        run(small_sweep(client, **axes))
    assert set(caught.value.fields) == {"quality"}
    assert rule.reason in caught.value.fields["quality"]
    assert harness.paid == 0
    skipping = run(small_sweep(client, **axes, skip_refused=True))
    assert (harness.paid, skipping.progress.done, skipping.progress.skipped) == (3, 3, 1)
    assert counts(small_sweep(client, **axes, allow_refused=True).plan()) == {"new": 1, "done": 3}


def test_one_error_names_every_wrong_value_and_picture(client: Client, tmp_path: Path) -> None:
    """A value out of range, an unknown choice and an unreadable picture are named together."""
    (tmp_path / "no.png").write_bytes(b"no picture")
    images = [make_picture(0), tmp_path / "no.png"]
    with pytest.raises(InvalidRequest) as caught:
        small_sweep(client, first=images, seed=[1, 0], quality=["360p", "4k"]).plan()
    assert set(caught.value.fields) == {"first[1]", "seed", "quality"}
    with pytest.raises(InvalidImage) as only_images:
        small_sweep(client, first=images).plan()
    assert set(only_images.value.fields) == {"first[1]"}


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"budget_credits": -1, "most_cells": 0}, {"budget_credits", "most_cells"}),
        ({"deadline_s": "60"}, {"deadline_s"}),
        ({"deadline_s": float("nan")}, {"deadline_s"}),
        ({"title": 5}, {"title"}),
        ({"skip_refused": "no"}, {"skip_refused"}),
    ],
)
def test_wrong_options_are_named(client: Client, options: dict[str, Any], fields: set[str]) -> None:
    """Invalid options raise InvalidRequest before anything is prepared."""
    with pytest.raises(InvalidRequest) as caught:
        small_sweep(client, **options)
    assert set(caught.value.fields) == fields


def test_a_plan_warns_of_a_low_balance_and_budget(client: Client, harness: Harness) -> None:
    """The table gets the numbers that its warnings are made of."""
    harness.control.set_credits(daily=60, monthly=0)
    table = small_sweep(client, seed=range(1, 4), budget_credits=100).plan().table()
    assert (table.credits, table.balance, table.budget, table.spent) == (60, 60, 100, 0)


def test_combinations_of_the_same_video_are_one_cell(client: Client) -> None:
    """Two points with the same content are one cell, and the plan counts the duplicates."""
    plan = small_sweep(client, seed=[5, 5, 6], prompt=["", None]).plan()
    assert len(plan) == 2
    assert [(notice.kind, notice.data) for notice in plan.notices] == [("duplicate_cells", {"count": 4})]
    assert "4" in plan.table().notices[0]


def test_a_changed_picture_file_makes_new_cells(client: Client, tmp_path: Path) -> None:
    """If the content of a file has changed, its cells are new and the plan says which file it was."""
    path = tmp_path / "first.png"
    path.write_bytes(make_picture(10))
    run(small_sweep(client, first=path, seed=[1, 2]))
    assert small_sweep(client, first=path, seed=[1, 2]).plan().notices == ()
    path.write_bytes(make_picture(20))
    plan = small_sweep(client, first=path, seed=[1, 2]).plan()
    assert counts(plan) == {"new": 2}
    assert notice_kinds(plan) == ["image_changed"]
    assert plan.notices[0].data["source"] == repr(str(path))
    assert "first.png" in plan.table().notices[0]


def test_pictures_can_be_an_axis(client: Client) -> None:
    """Two shapes give two aspect ratios, and each picture is prepared once."""
    wide = Image.fromarray(np.zeros((90, 160, 3), np.uint8))
    tall = Image.fromarray(np.zeros((160, 90, 3), np.uint8))
    cells = small_sweep(client, first=[wide, tall], seed=[1, 2]).cells
    assert [cell.caption for cell in cells] == [
        "first 1 · seed 1",
        "first 1 · seed 2",
        "first 2 · seed 1",
        "first 2 · seed 2",
    ]
    assert [cell.request.aspect_ratio for cell in cells] == ["16:9", "16:9", "9:16", "9:16"]
    assert len({id(cell.inputs) for cell in cells}) == 2


@pytest.mark.parametrize("roles", [("image",), ("frame_1", "frame_2", "frame_3")])
def test_an_operation_with_other_pictures_can_be_swept(client: Client, roles: tuple[str, ...]) -> None:
    """The cells of a sweep take any number of pictures, which the operation's request function names."""

    def request(inputs: Any, fields: Any, **options: Any) -> Any:
        return build_request(Operation.TRANSITION, inputs, fields, roles=roles, **options)

    images = {role: make_picture(shade) for shade, role in enumerate(roles)}
    fields = {"quality": "360p", "seed": [1, 2]}
    sweep = make_sweep(client._sweep_context, images, fields, SweepOptions(), request_function=request)
    assert [cell.caption for cell in sweep.cells] == ["seed 1", "seed 2"]
    for cell in sweep.cells:
        assert tuple(item.role for item in cell.request.inputs) == roles
        assert set(cell.inputs.prepared.frames) == set(roles)
    assert counts(sweep.plan()) == {"new": 2}


def test_without_a_seed_every_cell_has_the_same_one(client: Client) -> None:
    """The cells differ only in what is varied, and the same call gives the same keys."""
    sweeps = [small_sweep(client, quality=["360p", "540p"]) for _ in range(2)]
    keys = [[cell.key for cell in sweep.cells] for sweep in sweeps]
    assert keys[0] == keys[1]
    assert {cell.request.seed for cell in sweeps[0].cells} == {1}


@pytest.mark.parametrize("fields", [{}, {"seed": [1, 2]}, {"model": "kling-o3", "quality": "720p"}], ids=str)
def test_the_seed_of_a_cell_is_never_a_drawn_one(client: Client, fields: dict[str, Any]) -> None:
    """The job of a cell is found by its own seed, not by the same call with another one."""
    for cell in small_sweep(client, **fields).cells:
        assert not cell.new_record(client._builder, now=0.0).seed_was_drawn


def test_captions_are_unique(client: Client) -> None:
    """Two long prompts that begin alike get different captions."""
    start = "a slow dolly towards the cup in the morning light of a very long summer "
    cells = small_sweep(client, seed=1, prompt=[f"{start} day", f"{start} night"]).cells
    assert len({cell.caption for cell in cells}) == 2


def test_a_plan_works_offline(client: Client, harness: Harness) -> None:
    """If the vendor cannot be reached, balance and slots are unknown and a notice says so."""
    harness.stop_sandbox()
    plan = small_sweep(client, seed=[1]).plan()
    assert (plan.balance, plan.slots, plan.expected_s) == (None, None, None)
    assert notice_kinds(plan) == ["account_unreachable"]


def row(state: JobState, charged: Any = "no", kind: str | None = None) -> CellRow:
    """Return a job of a cell as the ledger lists it."""
    return CellRow("cell", "ref", state, charged, 0, kind)


@pytest.mark.parametrize(
    ("job", "state"),
    [
        (row(JobState.DONE, "yes"), CellState.DONE),
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
def test_the_state_of_a_cell_follows_from_its_job(job: CellRow, state: CellState) -> None:
    """A charged job is waited for and not charged again; a failed one is repeated only on request."""
    assert cell_state(job) is state


def test_of_several_jobs_the_most_useful_one_counts() -> None:
    """A job with a video counts, else one that may still get one, else the newest."""
    done, lost, failed = row(JobState.DONE, "yes"), row(JobState.UNKNOWN, "unknown"), row(JobState.FAILED)
    assert select_row([failed, done]) is done
    assert select_row([failed, lost]) is lost
    assert select_row([failed, row(JobState.REFUSED)]) is failed
    assert select_row([]) is None


def test_a_plan_says_which_models_nobody_checked(client: Client) -> None:
    """A model without a row has a notice, once; one of the table that does not make the operation is refused."""
    plan = small_sweep(client, model=["c1", "v6"], seed=[1, 2]).plan()
    notices = [notice.data for notice in plan.notices if notice.kind == "unlisted_model"]
    assert (notices, counts(plan)) == ([{"model": "c1", "near": "pixverse-c1"}], {"new": 4})
    assert "pixverse-c1" in repr(plan)
    sweep = client.sweep(prompt=["a boat"], model=["v6", "v3.5"], quality="360p", duration=5)
    assert counts(sweep.plan()) == {"new": 1, "refused": 1}
    assert [rule.fields for cell in sweep.plan().refused for rule in cell.violations] == [{"model": ("v3.5",)}]
    with pytest.raises(InvalidRequest) as caught:
        sweep.run(quiet=True)
    assert caught.value.fields.keys() == {"model"}
    allowed = client.sweep(prompt=["a boat"], model="v3.5", quality="360p", duration=5, allow_refused=True).plan()
    assert (counts(allowed), notice_kinds(allowed)) == ({"new": 1}, ["undocumented_operation"])


def test_a_plan_over_models_with_and_without_seed_and_price(client: Client) -> None:
    """What is known is added up, and for a field that a model does not take the plan names the way out."""
    models = ["v6", "kling-o3", "veo-3.1-lite"]
    plan = client.sweep(make_picture(0), make_picture(9), model=models, quality="720p", duration=4).plan()
    assert (plan.credits, plan.table().least_credits) == (None, 28)
    assert plan.table().prices.count(None) == 2
    plan = client.sweep(make_picture(0), make_picture(9), model=models, seed=[1, 2, 3]).plan()
    data = [notice.data for notice in plan.notices if notice.kind == "field_not_taken"]
    assert data == [{"field": "seed", "models": "kling-o3, veo-3.1-lite"}]
    cells: list[dict[str, Any]] = [{"model": "v6", "seed": 1}, {"model": "v6", "seed": 2}, {"model": "kling-o3"}]
    cells.append({"model": "veo-3.1-lite"})
    plan = client.sweep(make_picture(0), make_picture(9), cells=cells).plan()
    assert (counts(plan), notice_kinds(plan)) == ({"new": 4}, [])


def test_a_model_that_does_not_take_a_value_makes_a_refused_cell(client: Client, harness: Harness) -> None:
    """If one model of the axis takes the value, the cells of the others are refused and can be skipped."""
    axes = {"model": ["v5.6", "v6", "kling-o3"], "duration": [5, 12], "quality": "720p"}
    plan = small_sweep(client, seed=7, **axes, skip_refused=True).plan()
    assert counts(plan) == {"new": 3, "refused": 3}
    assert [sorted({name for rule in cell.violations for name in rule.fields}) for cell in plan.refused] == [
        ["duration"],
        ["seed"],
        ["seed"],
    ]
    with pytest.raises(InvalidRequest) as caught:
        run(small_sweep(client, seed=7, **axes))
    assert caught.value.fields.keys() == {"duration", "seed"}
    assert harness.control.generations == []


def test_a_value_that_no_model_takes_is_wrong(client: Client) -> None:
    """A value that fits none of the models on the axis is an error of the sweep, not of its cells."""
    with pytest.raises(InvalidRequest) as caught:
        small_sweep(client, model=["v5.6", "v6"], duration=[5, 99], seed=[1, 2]).plan()
    assert caught.value.fields.keys() == {"duration"}


def test_the_time_in_the_sandbox_includes_rendering(tmp_path: Path) -> None:
    """Before a video has finished, its time is longer than the pace of the clock, and longer for larger videos."""
    with Client.sandbox(home=tmp_path, speed=1000) as sandbox:
        small, large = (small_sweep(sandbox, quality=quality, seed=[1, 2]).plan() for quality in ("360p", "1080p"))
        assert sandbox.timing.typical_s < (small.typical_s or 0) < (large.typical_s or 0)


def test_a_late_sweep_has_an_end_in_the_past(manual_harness: Harness) -> None:
    """If all jobs are sent and take longer than usual, the expected end stays where it was."""
    timing = replace(TIMING, typical_s=1e-6)
    sweep = small_sweep(manual_harness.open(timing=timing), seed=[1]).start()
    wait_until(sweep, lambda _: all(job.state is JobState.QUEUED for job in sweep.jobs) and len(sweep.jobs) == 1)
    first, second = sweep.progress.ends_at, sweep.progress.ends_at
    assert first is not None
    assert first == second
    sweep.jobs[0].cancel()


def test_off_peak_cells_have_their_own_time(client: Client) -> None:
    """They count for no slot; their time is unknown until one of their kind has finished."""
    axes: dict[str, Any] = {"seed": range(1, 10), "off_peak_mode": [False, True]}
    plan = small_sweep(client, **axes).plan()
    assert (len(plan.new), len(plan.off_peak)) == (18, 9)
    assert plan.typical_s is not None
    assert plan.expected_s == 2 * plan.typical_s  # nine videos with eight slots
    assert plan.off_peak_s is None
    assert (plan.table().off_peak, plan.table().off_peak_s) == (9, None)
    only = small_sweep(client, seed=[1, 2], off_peak_mode=True).plan()
    assert (len(only.off_peak), only.expected_s) == (2, None)
    run(small_sweep(client, seed=[1], off_peak_mode=True))
    later = small_sweep(client, **axes).plan()
    assert later.off_peak_s is not None
    assert len(later.off_peak) == 8
