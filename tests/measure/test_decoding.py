"""Films as they are decoded: colours by the right matrix, every format of pixels."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pixverse_nb.errors import MeasureError
from pixverse_nb.measure.decoding import open_film, planes

BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)
ORANGE = (220, 90, 30)


def levels(matrix: tuple[float, float]) -> tuple[int, int, int]:
    """Luma and chromas of orange in the levels 16…240, by ITU-R BT.601 or BT.709."""
    red, green, blue = (value / 255 for value in ORANGE)
    of_red, of_blue = matrix
    luma = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    cb, cr = (blue - luma) / (2 * (1 - of_blue)), (red - luma) / (2 * (1 - of_red))
    return round(16 + 219 * luma), round(128 + 224 * cb), round(128 + 224 * cr)


def write_planes(path: Path, values: tuple[int, int, int], *, height: int, tag: int | None) -> Path:
    """Write a film whose planes hold these levels, with this matrix named in it, or none."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=24, options={"crf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, height, "yuv420p"
        if tag is not None:
            stream.codec_context.colorspace = tag
        frame = av.VideoFrame(64, height, "yuv420p")
        for plane, value in zip(frame.planes, values, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = 0, Fraction(1, 24)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("height", "tag", "matrix"),
    [(540, 1, BT709), (540, 6, BT601), (720, 6, BT601), (540, None, BT601), (720, None, BT709)],
)
def test_colours_are_those_of_the_matrix(
    tmp_path: Path, height: int, tag: int | None, matrix: tuple[float, float]
) -> None:
    """A named matrix is used; where none is, BT.601 below 720 lines and BT.709 from there, as players do."""
    path = write_planes(tmp_path / "film.mp4", levels(matrix), height=height, tag=tag)
    with open_film(path) as film:
        (frame,) = film.frames
    assert frame.to_ndarray(format="rgb24").mean(axis=(0, 1)) == pytest.approx(ORANGE, abs=3)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_every_format_has_three_planes_of_bytes(tmp_path: Path, pixels: str) -> None:
    """Films of other formats than yuv420p are brought to it."""
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream: Any = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 36, pixels
        frame = av.VideoFrame.from_ndarray(np.full((36, 64, 3), 128, np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_film(tmp_path / "film.mp4") as film:
        (frame,) = film.frames
    luma, *chromas = planes(frame)
    assert luma.shape == (36, 64)
    assert [chroma.shape for chroma in chromas] == [(18, 32), (18, 32)]
    assert luma.mean() == pytest.approx(126, abs=2)


def test_a_film_says_its_rate_and_length(tmp_path: Path) -> None:
    """Frames a second and seconds are the mp4's own."""
    path = write_planes(tmp_path / "film.mp4", (90, 90, 90), height=36, tag=None)
    with open_film(path) as film:
        assert film.fps == 24
        assert film.duration_s == pytest.approx(1 / 24, abs=0.001)


def test_a_tiny_film_is_refused(tmp_path: Path) -> None:
    """Below 16 pixels a side there is nothing to measure."""
    path = write_planes(tmp_path / "film.mp4", (90, 90, 90), height=8, tag=None)
    with open_film(path) as film, pytest.raises(MeasureError, match="64 × 8 pixels is too small"):
        next(film.frames)
