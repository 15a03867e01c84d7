"""The poster images of tiles."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.render.tiles import Tile
from pixverse_nb.widgets.posters import NOTEBOOK_MAX_BYTES, PAGE_PX, Posters
from tests.render.factories import a_video, an_mp4
from tests.widgets.conftest import make_png


@pytest.fixture
def tile(tmp_path: Path) -> Tile:
    """A finished tile with a teal first picture, and a video that starts black and becomes lighter."""
    video = a_video(an_mp4(tmp_path / "video.mp4"), poster_jpeg=make_png(1280, 720))
    return Tile("k", "seed 1", JobState.DONE, video=video)


def brightness(poster: bytes | None) -> float:
    """Return the mean brightness of a poster, 0 to 255."""
    assert poster is not None
    with Image.open(BytesIO(poster)) as image:
        grey = image.convert("L").resize((1, 1))
        return float(grey.tobytes()[0])


def test_the_best_poster_is_the_middle_frame(tile: Tile) -> None:
    """At first the scaled first picture is available; the best poster is the middle frame, which is then cached."""
    posters = Posters()
    first_picture = posters.available(tile)
    assert first_picture is not None
    with Image.open(BytesIO(first_picture)) as image:
        assert image.size == (PAGE_PX, PAGE_PX * 9 // 16)
    assert posters.has_best(tile) is False
    assert 45 < brightness(posters.best(tile)) < 65  # frame 6 of 12; each frame is 9 lighter than the one before
    assert posters.has_best(tile) is True
    assert posters.available(tile) == posters.best(tile)


def test_a_poster_set_on_the_tile_is_the_best(tile: Tile) -> None:
    """If the tile has its own poster, the video is not decoded."""
    with_poster = replace(tile, poster_jpeg=make_png(64, 36, "white"))
    posters = Posters()
    assert posters.has_best(with_poster) is True
    assert brightness(posters.best(with_poster)) > 250


def test_without_a_readable_video_the_first_picture_is_used(tile: Tile) -> None:
    """If the video file is missing, the best poster is the available one."""
    assert tile.video is not None
    missing = replace(tile, video=replace(tile.video, path=Path("gone.mp4")))
    posters = Posters()
    assert posters.best(missing) == posters.available(missing) is not None


def test_a_forgotten_poster_is_made_again(tile: Tile, tmp_path: Path) -> None:
    """A poster is cached by key until `forget` drops it."""
    posters = Posters()
    old = posters.best(tile)
    assert tile.video is not None
    longer = replace(tile, video=replace(tile.video, path=an_mp4(tmp_path / "longer.mp4", frames=24)))
    assert posters.best(longer) == old
    posters.forget("k")
    assert brightness(posters.best(longer)) > brightness(old)


def test_the_posters_of_a_notebook_share_a_size_limit(tile: Tile) -> None:
    """One poster has at most 24,000 bytes, 200 posters have at most 8,000 each, and a tile without video has none."""
    tiles = [replace(tile, key=f"k{number}") for number in range(200)]
    posters = Posters().for_notebook([*tiles, Tile("x", "c", JobState.FAILED)])
    assert len(posters) == 200
    assert max(len(poster) for poster in posters.values()) <= 8000
    assert len(Posters().for_notebook([tile])["k"]) <= NOTEBOOK_MAX_BYTES
