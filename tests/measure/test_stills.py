"""The first, the middle and the last frame of a film."""

from pathlib import Path

import pytest

from pixverse_nb.errors import MeasureError
from pixverse_nb.measure.stills import Moment, Wanted, take_stills
from tests.measure.films import plain, write_film


@pytest.mark.parametrize(
    ("count", "levels"), [(1, (0, 0, 0)), (2, (0, 10, 10)), (3, (0, 10, 20)), (8, (0, 40, 70)), (9, (0, 40, 80))]
)
def test_the_three_moments(tmp_path: Path, count: int, levels: tuple[int, ...]) -> None:
    """The first and the last frame, and the one that is shown when half of the film has passed."""
    path = write_film(tmp_path / "film.mp4", [plain(10 * at) for at in range(count)])
    stills = take_stills(Wanted(path, ("first", "middle", "last"), 64, 36))
    assert [still.mean() for still in stills] == pytest.approx(levels, abs=2)


@pytest.mark.parametrize(
    ("moments", "levels"), [(("first",), [0]), (("middle", "first"), [40, 0]), (("last", "middle"), [80, 40])]
)
def test_only_what_is_wanted(tmp_path: Path, moments: tuple[Moment, ...], levels: list[int]) -> None:
    """The frames come in the order in which they are named."""
    path = write_film(tmp_path / "film.mp4", [plain(10 * at) for at in range(9)])
    stills = take_stills(Wanted(path, moments, 64, 36))
    assert [still.mean() for still in stills] == pytest.approx(levels, abs=2)


@pytest.mark.parametrize(
    ("box", "size"), [((160, 160), (90, 160)), ((400, 90), (90, 160)), ((640, 640), (360, 640)), ((3, 90), (2, 3))]
)
def test_they_fit_into_the_box(tmp_path: Path, box: tuple[int, int], size: tuple[int, int]) -> None:
    """A still is as large as the box allows without changing its shape, larger than the film too."""
    path = write_film(tmp_path / "film.mp4", [plain(9)])
    (still,) = take_stills(Wanted(path, ("first",), *box))
    assert still.shape == (*size, 3)


def test_no_film_no_stills(tmp_path: Path) -> None:
    """A film that is not there is a MeasureError."""
    with pytest.raises(MeasureError, match=r"gone\.mp4 cannot be read"):
        take_stills(Wanted(tmp_path / "gone.mp4", ("first",), 64, 36))
