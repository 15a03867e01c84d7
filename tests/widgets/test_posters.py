"""Posters: small stills, each made once."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.render.tiles import Tile
from pixverse_nb.widgets.posters import PAGE_PX, STILL_MAX_BYTES, Posters
from tests.render.factories import a_video, an_mp4
from tests.widgets.conftest import a_png


@pytest.fixture
def tile(tmp_path: Path) -> Tile:
    """A finished tile with a film that begins black and ends lighter, and a first picture in teal."""
    video = a_video(an_mp4(tmp_path / "film.mp4"), poster_jpeg=a_png(1280, 720))
    return Tile("k", "seed 1", JobState.DONE, video=video)


def brightness(still: bytes | None) -> float:
    """Return the mean of a still, 0…255."""
    assert still is not None
    with Image.open(BytesIO(still)) as image:
        grey = image.convert("L").resize((1, 1))
        return float(grey.tobytes()[0])


def test_the_best_still_is_the_middle_of_the_film(tile: Tile) -> None:
    """At hand is the first picture, brought to the size of a tile; the best is a frame half way through."""
    posters = Posters()
    quick = posters.at_hand(tile)
    assert quick is not None
    with Image.open(BytesIO(quick)) as image:
        assert image.size == (PAGE_PX, PAGE_PX * 9 // 16)
    assert posters.has_best(tile) is False
    assert 45 < brightness(posters.best(tile)) < 65  # frame 6 of 12, each 9 lighter than the one before
    assert posters.has_best(tile) is True
    assert posters.at_hand(tile) == posters.best(tile)


def test_a_tiles_own_still_is_the_best(tile: Tile) -> None:
    """Where the owner has given a still, no film is opened."""
    own = replace(tile, poster_jpeg=a_png(64, 36, "white"))
    posters = Posters()
    assert posters.has_best(own) is True
    assert brightness(posters.best(own)) > 250


def test_a_film_that_cannot_be_opened_leaves_the_first_picture(tile: Tile) -> None:
    """A missing file is no trouble: the still at hand stays."""
    assert tile.video is not None
    gone = replace(tile, video=replace(tile.video, path=Path("gone.mp4")))
    posters = Posters()
    assert posters.best(gone) == posters.at_hand(gone) is not None


def test_another_film_gets_another_still(tile: Tile, tmp_path: Path) -> None:
    """What is forgotten is made anew."""
    posters = Posters()
    before = posters.best(tile)
    assert tile.video is not None
    longer = replace(tile, video=replace(tile.video, path=an_mp4(tmp_path / "longer.mp4", frames=24)))
    assert posters.best(longer) == before
    posters.forget("k")
    assert brightness(posters.best(longer)) > brightness(before)


def test_the_stills_of_a_notebook_share_a_budget(tile: Tile) -> None:
    """Each has at most 24,000 bytes; two hundred have at most 8,000 each; a tile without a video has none."""
    tiles = [replace(tile, key=f"k{number}") for number in range(200)]
    stills = Posters().for_notebook([*tiles, Tile("x", "c", JobState.FAILED)])
    assert len(stills) == 200
    assert max(len(still) for still in stills.values()) <= 8000
    assert len(Posters().for_notebook([tile])["k"]) <= STILL_MAX_BYTES
