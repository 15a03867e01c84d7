"""Sweeps over operations other than the two pictures: planned, run, found again, shown and rated."""

import enum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest

from pixverse_nb.client import Client
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.sweep.cells import CellState
from pixverse_nb.sweep.sweep import Sweep
from tests.client.harness import Harness, wait_for_video
from tests.client.operation_calls import FIRST, SECOND, THIRD, Sources, make_sources
from tests.sweep.small_sweeps import run


class Quality(enum.Enum):
    """Qualities as a person's own enum."""

    SMALL = "360p"
    LARGER = "540p"


@pytest.fixture
def sources(client: Client, tmp_path: Path) -> Sources:
    """Return what the sweeps start from."""
    return make_sources(client, tmp_path)


def states(sweep: Sweep) -> list[str]:
    """Return the state of each cell in the plan."""
    return [planned.state.value for planned in sweep.plan().cells]


def text_sweep(client: Client, **fields: Any) -> Sweep:
    """Return a sweep of two prompts and two models."""
    given = {"prompt": ["rain", "snow"], "model": ["v6", "pixverse-c1"], "duration": 2, "quality": "360p", **fields}
    return client.sweep(**given)


def test_a_text_is_swept_over_models(client: Client, harness: Harness) -> None:
    """Each prompt is made with each model, planned with its price, and charged once."""
    sweep = text_sweep(client)
    assert [cell.caption for cell in sweep.cells] == [
        "rain · v6",
        "rain · pixverse-c1",
        "snow · v6",
        "snow · pixverse-c1",
    ]
    assert sweep.plan().credits == 2 * (2 * 4 + 2 * 6)
    assert {cell.request.operation.value for cell in run(sweep).cells} == {"text"}
    assert (len(sweep.videos), harness.paid, harness.control.requests["create"]) == (4, 4, 4)


def test_a_plan_names_its_operation(client: Client, sources: Sources) -> None:
    """The plan has the number of cells by operation, and its table shows it."""
    assert text_sweep(client).plan().operations == {"text": 4}
    plan = client.sweep(video=sources.film, operation="extend", seed=[1, 2]).plan()
    assert plan.operations == {"extend": 2}
    assert plan.table().operations == (("extend", 2),)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"images": [FIRST, "missing.png"]}, {"images[1]"}),
        ({"images": [FIRST, [SECOND, "missing.png"]]}, {"images[1][1]"}),
        ({"images": [FIRST, []]}, {"images[1]"}),
        (
            {"images": [FIRST, SECOND], "seed": [1, 2, 3], "durations": [[2, 3]], "layout": "zip"},
            {"seed", "durations[0]"},
        ),
        ({"images": [FIRST, SECOND], "durations": [99]}, {"durations[0]"}),
        ({"images": [FIRST, SECOND], "durations": [[2, 99]]}, {"durations[0]"}),
        ({"images": [FIRST, SECOND], "prompts": [7], "quality": "9p"}, {"prompts[0]", "quality"}),
        ({"images": [FIRST, SECOND], "duration_1_to_2": 99}, {"duration_1_to_2"}),
        ({"images": ["missing.png"], "operation": "fusion", "prompt": "@image1"}, {"images[0]"}),
        ({"first": FIRST, "video": "missing.mp4"}, {"video"}),
    ],
)
def test_an_error_names_the_argument(client: Client, given: dict[str, Any], names: set[str]) -> None:
    """A problem with one picture, prompt or duration of a list is named by its place in that list."""
    with pytest.raises(InvalidRequest) as caught:
        client.sweep(**given)
    assert caught.value.fields.keys() == names


def test_the_same_call_finds_the_sweep_after_a_restart(harness: Harness, tmp_path: Path) -> None:
    """In another client nothing of it is charged again, and a typed call shares its videos."""
    first = harness.open()
    sources = make_sources(first, tmp_path / "sources")
    text = run(text_sweep(first))
    longer = run(first.sweep(video=sources.film, operation="extend", seed=[1, 2], duration=2, quality="360p"))
    paid = harness.paid
    first.close()
    again = harness.open()
    assert set(states(text_sweep(again))) == {"done"}
    repeated = again.sweep(video=sources.film, operation="extend", seed=[2, 1, 3], duration=2, quality="360p")
    assert states(repeated) == ["done", "done", "new"]
    assert wait_for_video(again.create_video("snow", duration=2, quality="360p", seed=1)).ref == text.videos[2].ref
    assert harness.paid == paid
    assert len(longer.videos) == 2


def test_a_sweep_of_texts_is_shown_measured_and_ranked(client: Client) -> None:
    """The gallery, the comparison, the table, the measurements and the ranking work without pictures."""
    sweep = run(text_sweep(client))
    assert len(sweep.gallery().tiles) == 4
    assert len(sweep.compare(1, 2).videos) == 2
    assert len(sweep.measure()) == 4
    assert set(sweep.to_frame()["model"]) == {"v6", "pixverse-c1"}
    sweep.rate(2, "winner")
    assert [video.ref for video in sweep.winners] == [sweep.jobs[1].ref]
    assert len(sweep.ranking()) == 4


def test_one_picture_is_swept(client: Client, harness: Harness) -> None:
    """Arrays, Series and enums are axes; the picture may be one too, and each is uploaded once."""
    sweep = client.sweep(
        pd.Series([FIRST, SECOND], dtype=object),
        model=pd.Series(["v6", "v5.6"]),
        quality=Quality,
        seed=np.arange(7, 8),
        duration=2,
    )
    assert len(sweep.cells) == 8
    assert {cell.request.operation.value for cell in sweep.cells} == {"image"}
    assert {(type(cell.request.seed), cell.request.quality) for cell in sweep.cells} == {(int, "360p"), (int, "540p")}
    run(sweep)
    assert (len(sweep.videos), harness.control.requests["files"]) == (8, 2)


def test_styles_of_the_vendor_are_an_axis(client: Client, sources: Sources) -> None:
    """The entries of `restyles()` are values, named by their names; a cell with a style and a prompt is impossible."""
    styles = client.restyles()[:2]
    sweep = client.sweep(
        video=sources.boat, operation="restyle", restyle_id=[*styles, None], prompt=[None, "clay"], skip_refused=True
    )
    plan = sweep.plan()
    assert [planned.state for planned in plan.cells] == [
        CellState.NEW,
        CellState.REFUSED,
        CellState.NEW,
        CellState.REFUSED,
        CellState.REFUSED,
        CellState.NEW,
    ]
    assert all(cell.violations[0].fields.keys() == {"restyle_id", "prompt"} for cell in plan.refused)
    assert sweep.cells[0].values["restyle_id"] == styles[0].name
    assert sweep.cells[0].request.params["restyle_id"] == int(styles[0].id)
    run(sweep)
    assert (len(sweep.videos), sweep.progress.skipped) == (3, 3)


def test_a_value_that_is_never_right_is_an_error(client: Client, sources: Sources) -> None:
    """Without a cell in which it is right, a value is named at once and nothing is sent."""
    sent = client.requests_sent
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({"operation": "modify", "prompt": ["night", " "]}, {"prompt"}),
        ({"operation": "modify", "prompt": "night", "quality": ["360p", "1080p"], "colour": 1}, {"colour"}),
        ({"operation": "modify", "prompt": "night", "quality": ["360p", "1080p"]}, {"quality"}),
        ({"operation": "extend", "aspect_ratio": ["1:1"]}, {"aspect_ratio"}),
        ({"operation": "restyle", "seed": [1, 2]}, {"restyle_id", "prompt"}),
        ({"operation": "lip_sync", "prompt": ["hello"]}, {"audio", "prompt", "speaker_id"}),
    ]
    for fields, wrong in cases:
        with pytest.raises(InvalidRequest) as caught:
            client.sweep(video=sources.boat, **fields).plan()
        assert caught.value.fields.keys() == wrong
    assert client.requests_sent == sent


def test_a_source_that_cannot_be_used_is_named_by_its_place(client: Client, sources: Sources) -> None:
    """Of an axis of videos the wrong one is named; the account in a video id is not shown."""
    unknown = "user:1001-pixverse:somebody@example.com-video:1"
    with pytest.raises(InvalidRequest) as caught:
        client.sweep(video=[sources.boat, "nowhere.mp4"], operation="extend").plan()
    assert caught.value.fields.keys() == {"video[1]"}
    sweep = client.sweep(video=[sources.boat, unknown], operation="extend")
    assert not any("somebody" in cell.caption for cell in sweep.cells)


def test_a_video_that_is_large_enough_makes_an_impossible_cell(client: Client, sources: Sources) -> None:
    """Of an upscale, only the quality that the video has already is refused."""
    assert sources.boat.height == 36
    plan = client.sweep(video=sources.boat, operation="upscale", model="topaz-x", quality=["036p", "1080p"]).plan()
    assert [planned.state for planned in plan.cells] == [CellState.REFUSED, CellState.NEW]
    assert plan.refused[0].violations[0].fields.keys() == {"video"}


def test_videos_and_sounds_are_swept(client: Client, harness: Harness, sources: Sources, tmp_path: Path) -> None:
    """Sounds, voices, source videos and pictures of the operations are axes of their sweeps."""
    other = tmp_path / "other.mp3"
    other.write_bytes(sources.sound.read_bytes() + b"!")
    voices = client.voices()[:2]
    sweeps = [
        client.sweep(video=sources.film, operation="lip_sync", audio=[sources.sound, other]),
        client.sweep(video=sources.film, operation="lip_sync", prompt=["hello"], speaker_id=voices),
        client.sweep(video=[sources.boat, sources.film], operation="upscale"),
        client.sweep(FIRST, video=[sources.boat, sources.film], seed=1, quality="360p"),
        client.sweep(images=[FIRST, [SECOND, THIRD]], durations=[[2, 3]], quality="360p"),
        client.sweep(images=[FIRST, SECOND], operation="fusion", prompt=["@image1", "@image2"], quality="360p"),
        client.sweep(video=sources.boat, operation="modify", prompt=["night", "day"], quality="360p"),
    ]
    for sweep in sweeps:
        assert len(run(sweep).videos) == len(sweep.cells)
    assert [len(sweep.cells) for sweep in sweeps] == [2, 2, 2, 2, 4, 2, 2]
    assert harness.paid == 1 + 16


def test_listed_cells_take_the_defaults_of_the_operation(client: Client, sources: Sources) -> None:
    """`cells=` names the video like the argument, and a cell without a model has the operation's default."""
    cells = [{"video": sources.boat, "model": "v5"}, {"video": sources.film, "duration": 3}]
    sweep = client.sweep(video=sources.boat, operation="extend", cells=cells)
    assert [cell.request.model for cell in sweep.cells] == ["v5", "v6"]
    assert [cell.request.inputs[0].role for cell in sweep.cells] == ["source_video"] * 2


def test_a_source_file_that_has_changed_is_named(client: Client, sources: Sources) -> None:
    """A video file with new content makes new cells, and the plan says which file it was."""
    sweep = run(client.sweep(video=sources.film, operation="extend", seed=[1], duration=2, quality="360p"))
    sources.film.write_bytes(sweep.videos[0].path.read_bytes())
    plan = client.sweep(video=sources.film, operation="extend", seed=[1], duration=2, quality="360p").plan()
    assert [notice.kind for notice in plan.notices] == ["image_changed"]
    assert len(plan.new) == 1
