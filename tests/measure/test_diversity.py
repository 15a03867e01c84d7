"""Distances between films."""

import math
from pathlib import Path

import numpy as np
import pytest

from pixverse_nb.measure.changes import FINGERPRINT_MOMENTS, FINGERPRINT_SIDE
from pixverse_nb.measure.diversity import diversity
from pixverse_nb.measure.video import measure_video
from tests.measure.films import plain, scene, write_film

SIZE = FINGERPRINT_MOMENTS * FINGERPRINT_SIDE**2


def level(value: int) -> bytes:
    """The fingerprint of a film of one grey."""
    return bytes([value]) * SIZE


def test_distances_of_known_films() -> None:
    """Films of one grey each lie as far apart as their levels, and the mean leaves out the film itself."""
    found = diversity([level(0), level(30), level(90)])
    assert found.matrix.tolist() == [[0, 30, 90], [30, 0, 60], [90, 60, 0]]
    assert found.mean == (60.0, 45.0, 75.0)


def test_it_is_the_root_of_the_mean_square() -> None:
    """Where half of the places differ by 100, films lie √½ · 100 apart."""
    half = bytes([100]) * (SIZE // 2) + bytes(SIZE // 2)
    assert diversity([level(0), half]).matrix[0, 1] == pytest.approx(100 * math.sqrt(0.5))


def test_films_without_a_fingerprint() -> None:
    """A film that could not be measured takes no part: None for it, and the others as if it were not there."""
    found = diversity([level(10), None, level(40), b""])
    assert found.mean == (30.0, None, 30.0, None)
    assert np.isnan(found.matrix[1]).all()
    assert np.isnan(found.matrix[:, 3]).all()


@pytest.mark.parametrize("prints", [[], [level(9)], [None, level(9)]])
def test_alone_there_is_no_distance(prints: list[bytes | None]) -> None:
    """One film, or none, has no mean distance."""
    assert diversity(prints).mean == (None,) * len(prints)


def test_the_fingerprint_of_a_film(tmp_path: Path) -> None:
    """A film that brightens evenly has its eight moments evenly from first to last, 32 × 32 places each."""
    path = write_film(tmp_path / "film.mp4", [plain(20 + 10 * at) for at in range(22)])
    marks = np.frombuffer(measure_video(path).fingerprint, np.uint8).reshape(8, 32, 32)
    assert marks.std(axis=(1, 2)).max() == 0
    assert marks[:, 0, 0].astype(int).tolist() == pytest.approx([20 + 30 * moment for moment in range(8)], abs=2)


def test_like_films_lie_near(tmp_path: Path) -> None:
    """The same scene in another size and encoding lies nearer than another scene."""
    films = [
        write_film(tmp_path / "one.mp4", [scene(1)] * 4),
        write_film(tmp_path / "same.mp4", [scene(1, width=640, height=360)] * 4, crf=30),
        write_film(tmp_path / "other.mp4", [scene(2)] * 4),
    ]
    matrix = diversity([measure_video(path).fingerprint for path in films]).matrix
    assert matrix[0, 1] < 3
    assert matrix[0, 2] > 30
