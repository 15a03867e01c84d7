"""Which part of a picture goes up, and how large."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixverse_nb.domain.requests import ASPECT_RATIOS
from pixverse_nb.images.framing import LONGEST_PX, framing_for, nearest_ratio

sides = st.integers(16, 10_000)


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        ((1920, 1080), "16:9"),
        ((1080, 1920), "9:16"),
        ((512, 512), "1:1"),
        ((4032, 3024), "4:3"),
        ((3024, 4032), "3:4"),
        ((3000, 2000), "4:3"),
        ((2000, 3000), "3:4"),
        ((4000, 1000), "16:9"),
        ((1550, 1000), "16:9"),
        ((1000, 1550), "9:16"),
    ],
)
def test_the_nearest_ratio(size: tuple[int, int], ratio: str) -> None:
    """Usual cameras, phones and screens get the ratio that loses least of them."""
    assert nearest_ratio(*size) == ratio


@settings(deadline=None)
@given(sides, sides)
def test_the_nearest_ratio_turns_with_the_picture(width: int, height: int) -> None:
    """A picture on its side gets the ratio on its side."""
    across, down = nearest_ratio(width, height).split(":")
    turned = nearest_ratio(height, width)
    assert turned == f"{down}:{across}"


@settings(deadline=None)
@given(sides, sides, st.sampled_from(ASPECT_RATIOS))
def test_cover_cuts_evenly_to_the_ratio(width: int, height: int, ratio: str) -> None:
    """One side stays whole, the cut is centred, and the shape is the ratio's within a pixel."""
    framing = framing_for(width, height, aspect_ratio=ratio, fit="cover")
    left, top, right, bottom = framing.box
    across, down = map(int, ratio.split(":"))
    kept_width, kept_height = right - left, bottom - top
    assert kept_width == width or kept_height == height
    assert abs(left - (width - right)) <= 1
    assert abs(top - (height - bottom)) <= 1
    assert min(abs(kept_width - kept_height * across / down), abs(kept_height - kept_width * down / across)) <= 1.5
    assert framing.canvas == framing.inner


@settings(deadline=None)
@given(sides, sides, st.sampled_from(ASPECT_RATIOS))
def test_contain_keeps_everything(width: int, height: int, ratio: str) -> None:
    """Nothing is cut: the whole picture stands inside the canvas."""
    framing = framing_for(width, height, aspect_ratio=ratio, fit="contain")
    assert framing.box == (0, 0, width, height)
    assert framing.inner[0] <= framing.canvas[0]
    assert framing.inner[1] <= framing.canvas[1]


@settings(deadline=None)
@given(sides, sides, st.sampled_from(ASPECT_RATIOS), st.sampled_from(["cover", "contain", None]))
def test_no_side_is_above_the_limit_and_nothing_is_enlarged(width: int, height: int, ratio: str, fit: str) -> None:
    """What goes up has at most 2048 px a side, and never more pixels than were given."""
    framing = framing_for(width, height, aspect_ratio=ratio, fit=fit)
    assert max(framing.canvas) <= LONGEST_PX
    assert framing.inner[0] <= framing.box[2] - framing.box[0]
    assert framing.inner[1] <= framing.box[3] - framing.box[1]


@pytest.mark.parametrize("size", [(1920, 1080), (1919, 1080), (1920, 1081), (1366, 768)])
def test_a_shape_right_within_a_pixel_is_left_alone(size: tuple[int, int]) -> None:
    """1366×768 is a 16:9 screen: nobody wants its last column cut, or the file compressed again for it."""
    assert framing_for(*size, aspect_ratio="16:9", fit="cover").changes_nothing
    assert framing_for(*size, aspect_ratio="16:9", fit="contain").changes_nothing


@pytest.mark.parametrize("size", [(4000, 60), (700, 60), (960, 540)])
def test_a_cut_that_leaves_too_little_is_said(size: tuple[int, int]) -> None:
    """Where the cut makes a picture smaller than a good video needs, the person is told, with what is left."""
    framing = framing_for(*size, aspect_ratio="1:1", fit="cover")
    assert framing.caution == f"only {size[1]}×{size[1]} pixels of it are sent; 640 or more a side make a good video"
    assert framing.caution in framing.notices


@pytest.mark.parametrize(("size", "fit"), [((4000, 60), "contain"), ((4000, 60), None), ((451, 300), "cover")])
def test_a_picture_that_keeps_its_length_needs_no_caution(size: tuple[int, int], fit: str | None) -> None:
    """Bars take nothing away, and a picture that was small before is not made small by its cut."""
    assert framing_for(*size, aspect_ratio="16:9", fit=fit).caution == ""


def test_every_change_is_said() -> None:
    """Cutting, bars and scaling each have their sentence with the sizes."""
    cover = framing_for(4032, 3024, aspect_ratio="16:9", fit="cover")
    assert cover.notices == (
        "cut from 4032×3024 to 4032×2268, which is 16:9",
        "scaled down from 4032×2268 to 2048×1152",
    )
    contain = framing_for(100, 100, aspect_ratio="16:9", fit="contain")
    assert contain.notices == ("black bars added to the 100×100 picture to make it 16:9",)
    assert framing_for(4032, 3024, aspect_ratio="16:9", fit=None).notices == (
        "scaled down from 4032×3024 to 2048×1536",
    )
