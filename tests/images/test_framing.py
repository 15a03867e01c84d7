"""Which part of an image is sent, and how large."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixverse_nb.domain.catalogue import ASPECT_RATIOS
from pixverse_nb.domain.notices import Notice
from pixverse_nb.images.framing import LONGEST_PX, framing_for, nearest_ratio, validate_framing

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
    """The sizes of usual cameras, phones and screens get the ratio that crops least."""
    assert nearest_ratio(*size) == ratio


@settings(deadline=None)
@given(sides, sides)
def test_the_nearest_ratio_turns_with_the_picture(width: int, height: int) -> None:
    """Swapping width and height swaps the ratio."""
    across, down = nearest_ratio(width, height).split(":")
    turned = nearest_ratio(height, width)
    assert turned == f"{down}:{across}"


@settings(deadline=None)
@given(sides, sides, st.sampled_from(ASPECT_RATIOS))
def test_cover_crops_evenly_to_the_ratio(width: int, height: int, ratio: str) -> None:
    """One side is kept whole, the crop is centred, and the shape is right within a pixel."""
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
    """Nothing is cropped: the whole image fits inside the canvas."""
    framing = framing_for(width, height, aspect_ratio=ratio, fit="contain")
    assert framing.box == (0, 0, width, height)
    assert framing.inner[0] <= framing.canvas[0]
    assert framing.inner[1] <= framing.canvas[1]


@settings(deadline=None)
@given(sides, sides, st.sampled_from(ASPECT_RATIOS), st.sampled_from(["cover", "contain", None]))
def test_no_side_exceeds_the_limit_and_nothing_is_enlarged(width: int, height: int, ratio: str, fit: str) -> None:
    """No side is longer than 2048 px, and nothing is enlarged."""
    framing = framing_for(width, height, aspect_ratio=ratio, fit=fit)
    assert max(framing.canvas) <= LONGEST_PX
    assert framing.inner[0] <= framing.box[2] - framing.box[0]
    assert framing.inner[1] <= framing.box[3] - framing.box[1]


@pytest.mark.parametrize("size", [(1920, 1080), (1919, 1080), (1920, 1081), (1366, 768)])
def test_a_shape_right_within_a_pixel_is_unchanged(size: tuple[int, int]) -> None:
    """1366×768 is a 16:9 screen: it is not worth a re-encoding to crop its last column."""
    assert framing_for(*size, aspect_ratio="16:9", fit="cover").changes_nothing
    assert framing_for(*size, aspect_ratio="16:9", fit="contain").changes_nothing


@pytest.mark.parametrize("size", [(4000, 60), (700, 60), (960, 540)])
def test_a_small_crop_has_a_caution(size: tuple[int, int]) -> None:
    """A crop that leaves less than a good video needs is reported with the size that remains."""
    framing = framing_for(*size, aspect_ratio="1:1", fit="cover")
    caution = Notice("small_after_crop", {"width": size[1], "height": size[1], "good_px": 640})
    assert caution in framing.notices


@pytest.mark.parametrize(("size", "fit"), [((4000, 60), "contain"), ((4000, 60), None), ((451, 300), "cover")])
def test_an_image_that_keeps_its_length_has_no_caution(size: tuple[int, int], fit: str | None) -> None:
    """Bars remove nothing, and an image that was small before is not made small by its crop."""
    kinds = [notice.kind for notice in framing_for(*size, aspect_ratio="16:9", fit=fit).notices]
    assert "small_after_crop" not in kinds


def test_every_change_has_a_notice() -> None:
    """Cropping, padding and scaling are reported with the sizes before and after."""
    cover = framing_for(4032, 3024, aspect_ratio="16:9", fit="cover")
    cropped: dict[str, str | int] = {
        "width": 4032,
        "height": 3024,
        "new_width": 4032,
        "new_height": 2268,
        "aspect_ratio": "16:9",
    }
    scaled = {"width": 4032, "height": 2268, "new_width": 2048, "new_height": 1152}
    assert cover.notices == (Notice("cropped", cropped), Notice("scaled_down", scaled))
    contain = framing_for(100, 100, aspect_ratio="16:9", fit="contain")
    padded: dict[str, str | int] = {
        "width": 100,
        "height": 100,
        "new_width": 178,
        "new_height": 100,
        "aspect_ratio": "16:9",
    }
    assert contain.notices == (Notice("padded", padded),)
    unchanged = framing_for(4032, 3024, aspect_ratio="16:9", fit=None)
    assert [notice.kind for notice in unchanged.notices] == ["scaled_down"]


def test_invalid_fields_are_named() -> None:
    """An unknown ratio and an unknown fit are each named; None is valid for both."""
    assert validate_framing(aspect_ratio="2:1", fit="stretch").keys() == {"aspect_ratio", "fit"}
    assert validate_framing(aspect_ratio=None, fit=None) == {}
