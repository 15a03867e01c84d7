"""One frame of a film as a picture."""

import io
from pathlib import Path

import pytest
from PIL import Image

from pixverse_nb.errors import MeasureError
from pixverse_nb.measure.still import still_jpeg
from tests.render.factories import an_mp4


def shade(jpeg: bytes) -> int:
    """Return how bright the picture is, 0…255."""
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        return image.convert("L").resize((1, 1)).tobytes()[0]


def test_the_frame_is_that_of_the_moment(tmp_path: Path) -> None:
    """A film of 24 frames, each 9 levels lighter than the one before, gives the frame at a share of its length."""
    film = an_mp4(tmp_path / "film.mp4", frames=24)
    assert shade(still_jpeg(film, share=0.0)) == pytest.approx(0, abs=4)
    assert shade(still_jpeg(film)) == pytest.approx(12 * 9, abs=6)
    assert shade(still_jpeg(film, share=1.0)) == pytest.approx(23 * 9, abs=6)


def test_it_is_as_small_as_asked(tmp_path: Path) -> None:
    """The longer side has at most so many pixels, and a smaller film is not enlarged."""
    film = an_mp4(tmp_path / "film.mp4", width=320, height=180)
    for longest, size in ((160, (160, 90)), (640, (320, 180))):
        with Image.open(io.BytesIO(still_jpeg(film, longest_px=longest))) as image:
            assert image.size == size


def test_what_cannot_be_decoded_says_so(tmp_path: Path) -> None:
    """A missing file and half a film are a sentence that names the file."""
    film = an_mp4(tmp_path / "film.mp4")
    half = tmp_path / "half.mp4"
    half.write_bytes(film.read_bytes()[:-200])
    for path in (tmp_path / "gone.mp4", half):
        with pytest.raises(MeasureError, match=path.name):
            still_jpeg(path)
