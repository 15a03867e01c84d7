"""Tiles: what the page of a gallery gets, and what it must not get."""

import json
from pathlib import Path

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.render.formatting import format_credits
from pixverse_nb.render.tiles import (
    Tile,
    caption_from_values,
    default_captions,
    differing_fields,
    tile_json,
    unique_keys,
    video_facts,
)
from tests.render.factories import a_request, a_video

EMAIL = "maria@example.org"


def test_the_json_has_state_and_reason() -> None:
    """A tile without a video has a label, a severity, a clock and the reason."""
    tile = Tile("k", "seed 7", JobState.REFUSED, detail="8 s is not available.", began_at=1.0, ended_at=2.0)
    row = tile_json(tile)
    assert (row["state_label"], row["severity"], row["detail"]) == ("Refused", "bad", tile.detail)
    assert (row["began_at"], row["ended_at"], row["has_video"]) == (1.0, 2.0, False)


def test_the_json_is_plain() -> None:
    """Axis values of any type become JSON values; metrics that are not finite are omitted."""
    axes = {"seed": 7, "scale": 0.5, "loop": True, "none": None, "path": Path("a") / "b.jpg", "odd": float("inf")}
    row = tile_json(Tile("k", "c", JobState.DONE, axes=axes, metrics={"psnr": 31.5, "ssim": float("nan")}))
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row["axes"] == {"seed": 7, "scale": 0.5, "loop": True, "none": None, "path": "a/b.jpg", "odd": "inf"}
    assert row["metrics"] == {"psnr": 31.5}


def test_metrics_have_labels() -> None:
    """Our metrics have a label and a unit; others keep their name."""
    row = tile_json(Tile("k", "c", JobState.DONE, metrics={"first_psnr_db": 31.5, "my_score": 2.0}))
    assert row["metrics"] == {"First frame PSNR (dB)": 31.5, "my_score": 2.0}


def test_the_json_has_no_image_no_folder_and_no_email_address(tmp_path: Path) -> None:
    """The page gets neither the poster, nor the folder of the file, nor an e-mail address."""
    video = a_video(tmp_path / "one.mp4", poster_jpeg=b"picture", ref=f"user:7-pixverse:{EMAIL}-video:4")
    tile = Tile(
        "k", EMAIL, JobState.DONE, axes={"email": EMAIL}, video=video, detail=EMAIL, rating=Rating(note="kept as it is")
    )
    text = json.dumps(tile_json(tile))
    assert EMAIL not in text
    assert "picture" not in text
    assert str(tmp_path) not in text
    assert "one.mp4" in text


def test_the_facts_of_a_video_are_its_parameters_and_its_file(tmp_path: Path) -> None:
    """The facts are the parameters, size, cost and file name; unknown facts are omitted."""
    facts = dict(video_facts(a_video(tmp_path / "one.mp4")))
    assert facts["Seed"] == "42"
    assert facts["Duration"] == "5 s"
    assert "Length" not in facts
    assert facts["Size"] == "1280 × 720"
    assert facts["Cost"] == format_credits(60, is_estimate=True, is_sandbox=False)
    assert facts["File"] == "one.mp4"
    assert list(dict(video_facts(a_video(tmp_path / "x.mp4", request=None, ref=None, cost_credits=None)))) == [
        "Size",
        "Length",
        "File",
    ]


def test_only_differing_fields_set_videos_apart(tmp_path: Path) -> None:
    """Fields that all videos share are omitted; a video without a request has no fields."""
    videos = [
        a_video(tmp_path / "a.mp4", request=a_request(model="v3.5", seed=1, motion_mode="normal")),
        a_video(tmp_path / "b.mp4", request=a_request(model="v3.5", seed=2, motion_mode="fast")),
        a_video(tmp_path / "c.mp4", request=None),
    ]
    assert differing_fields(videos) == [{"seed": 1, "motion_mode": "normal"}, {"seed": 2, "motion_mode": "fast"}, {}]


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
def test_captions(axes: dict[str, object], caption: str) -> None:
    """Self-explanatory values stand alone; plain numbers follow their name."""
    assert caption_from_values(axes) == caption


def test_a_video_that_nothing_sets_apart_is_named_by_its_request(tmp_path: Path) -> None:
    """One video is called by its prompt and seed; without a request, or if another one has the same, by its file."""
    request = a_request(prompt="a cup", seed=7)
    one = a_video(tmp_path / "a.mp4", request=request)
    assert default_captions([one]) == [caption_from_values({"prompt": "a cup", "seed": 7})]
    assert default_captions([one, a_video(tmp_path / "b.mp4", request=request)]) == ["a", "b"]
    assert default_captions([a_video(tmp_path / "c.mp4", request=None)]) == ["c"]
    other = a_video(tmp_path / "b.mp4", request=a_request(prompt="a cup", seed=8))
    assert default_captions([one, other]) == ["seed 7", "seed 8"]


def test_a_tiles_own_still_comes_before_the_videos_poster(tmp_path: Path) -> None:
    """Videos of the same inputs begin alike, so a tile's own still takes precedence over the poster."""
    video = a_video(tmp_path / "a.mp4", poster_jpeg=b"first")
    assert Tile("k", "c", JobState.DONE, video=video).poster == b"first"
    assert Tile("k", "c", JobState.DONE, video=video, poster_jpeg=b"own").poster == b"own"
    assert Tile("k", "c", JobState.FAILED).poster is None


def test_keys_are_unique(tmp_path: Path) -> None:
    """The key of a file is its sha256; the same content a second time gets a key of its own."""
    video = a_video(tmp_path / "a.mp4")
    keys = unique_keys([video, video, a_video(tmp_path / "b.mp4", sha256="1" * 64)])
    assert keys[0] == "0" * 64
    assert keys[2] == "1" * 64
    assert len(set(keys)) == 3
