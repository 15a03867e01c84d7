"""Tiles: what a page is told of a video, and nothing that is not its business."""

import json
from pathlib import Path

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.render.tiles import Tile, axes_of, caption_of, facts_of, row_of
from tests.render.factories import a_request, a_video

EMAIL = "maria@example.org"


def test_a_row_says_state_and_reason_in_words() -> None:
    """A tile without a video has its state in words, its tone, its clock and the reason."""
    row = row_of(Tile("k", "seed 7", JobState.REFUSED, line="8 s is not made in 1080p.", began_at=1.0, ended_at=2.0))
    assert (row["words"], row["tone"], row["line"]) == ("Refused", "bad", "8 s is not made in 1080p.")
    assert (row["began"], row["ended"], row["film"]) == (1.0, 2.0, False)


def test_a_row_is_plain_json() -> None:
    """Axes of any kind and metrics that are no number are told in a form that JSON knows."""
    axes = {"seed": 7, "scale": 0.5, "loop": True, "none": None, "path": Path("a") / "b.jpg", "odd": float("inf")}
    row = row_of(Tile("k", "c", JobState.DONE, axes=axes, metrics={"psnr": 31.5, "ssim": float("nan")}))
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row["axes"] == {"seed": 7, "scale": 0.5, "loop": True, "none": None, "path": "a/b.jpg", "odd": "inf"}
    assert row["metrics"] == {"psnr": 31.5}


def test_metrics_are_called_as_people_call_them() -> None:
    """A metric of ours has its heading and unit; another one keeps its name."""
    row = row_of(Tile("k", "c", JobState.DONE, metrics={"first_psnr_db": 31.5, "my_score": 2.0}))
    assert row["metrics"] == {"First frame PSNR (dB)": 31.5, "my_score": 2.0}


def test_a_row_holds_no_picture_no_folder_and_no_email(tmp_path: Path) -> None:
    """Neither the poster, nor the folder of the file, nor an account's address is told to the page."""
    video = a_video(tmp_path / "one.mp4", poster_jpeg=b"picture", ref=f"user:7-pixverse:{EMAIL}-video:4")
    tile = Tile(
        "k", EMAIL, JobState.DONE, axes={"email": EMAIL}, video=video, line=EMAIL, verdict=Rating(note="kept as it is")
    )
    told = json.dumps(row_of(tile))
    assert EMAIL not in told
    assert "picture" not in told
    assert str(tmp_path) not in told
    assert "one.mp4" in told


def test_the_facts_of_a_video_are_its_parameters_and_its_file(tmp_path: Path) -> None:
    """What was asked for, the size, the cost and the name of the file are there; what is unknown is left out."""
    facts = dict(facts_of(a_video(tmp_path / "one.mp4")))
    assert facts["Seed"] == "42"
    assert facts["Duration"] == "5 s"
    assert "Length" not in facts
    assert facts["Size"] == "1280 × 720"
    assert facts["Cost"] == "about 60 credits (estimate)"
    assert facts["File"] == "one.mp4"
    assert list(dict(facts_of(a_video(tmp_path / "x.mp4", request=None, ref=None, cost_credits=None)))) == [
        "Size",
        "Length",
        "File",
    ]


def test_the_axes_are_the_fields_that_differ(tmp_path: Path) -> None:
    """What all videos have in common sets none apart; a video without a request has no axes."""
    videos = [
        a_video(tmp_path / "a.mp4", request=a_request(seed=1, motion_mode="normal")),
        a_video(tmp_path / "b.mp4", request=a_request(seed=2, motion_mode="fast")),
        a_video(tmp_path / "c.mp4", request=None),
    ]
    assert axes_of(videos) == [{"seed": 1, "motion_mode": "normal"}, {"seed": 2, "motion_mode": "fast"}, {}]


@pytest.mark.parametrize(
    ("axes", "caption"),
    [
        ({"seed": 7, "motion_mode": "fast"}, "seed 7 · fast"),
        ({"duration": 8, "quality": "720p"}, "8 s · 720p"),
        ({"remove_watermark": False}, "with watermark"),
        ({"remove_watermark": True, "seed": 1}, "seed 1"),
        ({}, ""),
    ],
)
def test_a_caption_says_what_differs(axes: dict[str, object], caption: str) -> None:
    """Values that say themselves stand alone; bare numbers have their name in front."""
    assert caption_of(axes) == caption


def test_a_tiles_own_still_comes_before_the_videos_poster(tmp_path: Path) -> None:
    """All videos of two pictures begin alike, so a still of the tile's own is shown where there is one."""
    video = a_video(tmp_path / "a.mp4", poster_jpeg=b"first")
    assert Tile("k", "c", JobState.DONE, video=video).poster == b"first"
    assert Tile("k", "c", JobState.DONE, video=video, poster_jpeg=b"own").poster == b"own"
    assert Tile("k", "c", JobState.FAILED).poster is None
