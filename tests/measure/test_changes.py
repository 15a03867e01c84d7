"""The rules for cuts and flicker, on bare numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_nb.measure.changes import find_cuts, flicker_levels

levels = st.floats(0, 255)


@pytest.mark.parametrize(
    ("content", "cuts"),
    [
        ([], ()),
        ([1, 1, 60, 1, 1], (3,)),
        ([60], (1,)),  # two frames that have nothing in common
        ([1, 1, 14.9, 1, 1], ()),  # below the least
        ([1, 1, 15, 1, 1], (3,)),
        ([20, 20, 59, 20, 20], ()),  # less than three times what is usual there
        ([20, 20, 60, 20, 20], (3,)),
        ([40, 40, 40, 40, 40], ()),  # everything races
        ([0, 90, 90, 0, 0], (2, 3)),  # one frame of something else
        ([90, 0, 0, 90], (1, 4)),
    ],
)
def test_what_is_a_cut(content: list[float], cuts: tuple[int, ...]) -> None:
    """A step is a cut from 15 on where it is three times the mean of the two steps on either side."""
    assert find_cuts(content) == cuts


@pytest.mark.parametrize(
    ("light", "cuts", "flicker"),
    [
        ([], (), None),
        ([10, 20], (), None),
        ([10, 20, 10, 20], (), 10),
        ([10, 20, 30, 40], (), 0),
        ([10, 10, 16, 10, 10], (), 4),  # one flash of 6: 3, 6 and 3
        ([10, 10, 90, 90], (2,), None),
        ([10, 10, 10, 90, 90, 90], (3,), 0),
    ],
)
def test_what_is_flicker(light: list[float], cuts: tuple[int, ...], flicker: float | None) -> None:
    """It is the mean distance of a frame's light from the average of its neighbours', cuts left out."""
    assert flicker_levels(light, cuts) == flicker


@given(st.lists(levels, min_size=3), levels, st.floats(-3, 3))
def test_flicker_knows_no_brightness_and_no_fade(light: list[float], more: float, slope: float) -> None:
    """A film that is brighter all over, or fades besides, flickers as much."""
    lifted = [value + more + slope * at for at, value in enumerate(light)]
    assert flicker_levels(lifted) == pytest.approx(flicker_levels(light), abs=1e-9)
