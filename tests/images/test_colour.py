"""Colours come to sRGB, and what is sRGB already is left alone."""

import pytest
from PIL import Image

from pixverse_nb.images.colour import is_plain_srgb, to_srgb
from tests.images.made import PICTURES, display_p3_profile, scene, srgb_profile


def adobe_rgb() -> bytes:
    """Return the profile that comes with the sample picture rocket.png."""
    with Image.open(PICTURES / "rocket.png") as image:
        profile = image.info["icc_profile"]
    assert isinstance(profile, bytes)
    return profile


def test_display_p3_is_converted() -> None:
    """The phone's orange is outside its sRGB numbers: red goes up, and the person is told."""
    orange = Image.new("RGB", (32, 32), (230, 120, 60))
    image, notices = to_srgb(orange, display_p3_profile())
    red, green, blue = image.getpixel((0, 0))  # type: ignore[misc]  # an RGB pixel has three values
    assert red > 240
    assert green < 120
    assert blue < 50
    assert notices[0].startswith("colours converted from ")


def test_white_and_grey_stay_neutral() -> None:
    """Another profile moves colours, not greys."""
    for level in (0, 128, 255):
        for profile in (display_p3_profile(), adobe_rgb()):
            pixel = to_srgb(Image.new("RGB", (16, 16), (level,) * 3), profile)[0].getpixel((0, 0))
            assert isinstance(pixel, tuple)
            assert max(pixel) - min(pixel) <= 1


def test_a_converted_picture_names_its_profile() -> None:
    """The notice says which colours it had."""
    assert to_srgb(scene(), adobe_rgb())[1] == ("colours converted from Adobe RGB (1998) to sRGB",)


def test_a_name_that_a_machine_gave_is_not_told() -> None:
    """A pasted picture's profile is called by a checksum in some browsers, which tells a person nothing."""
    pasted = adobe_rgb().replace(b"Adobe RGB (1998)", b"S/C9C8092730B14C")
    assert to_srgb(scene(), pasted)[1] == ("colours converted from the picture's own colour profile to sRGB",)


def test_a_picture_that_looks_the_same_afterwards_is_not_spoken_of() -> None:
    """A grey picture has the same greys in either profile: nothing that a person could see was converted."""
    assert to_srgb(Image.linear_gradient("L").convert("RGB"), display_p3_profile())[1] == ()


@pytest.mark.parametrize("profile", [None, b"", srgb_profile()])
def test_srgb_is_left_alone(profile: bytes | None) -> None:
    """No profile, or sRGB's own: the very pixels, and nothing to say."""
    image = scene()
    same, notices = to_srgb(image, profile)
    assert same.tobytes() == image.tobytes()
    assert notices == ()
    assert is_plain_srgb("RGB", profile)


def test_only_rgb_without_a_foreign_profile_is_plain() -> None:
    """Grey, CMYK and wide colours have to be encoded anew."""
    assert not is_plain_srgb("L", None)
    assert not is_plain_srgb("CMYK", None)
    assert not is_plain_srgb("RGB", display_p3_profile())


@pytest.mark.parametrize("profile", [b"not a profile", srgb_profile()[:200], bytes(4000)])
def test_a_broken_profile_is_left_aside(profile: bytes) -> None:
    """A profile that cannot be read does not spoil the picture."""
    image = scene()
    assert to_srgb(image, profile)[0].tobytes() == image.tobytes()


def test_a_profile_for_other_pixels_is_left_aside() -> None:
    """An RGB profile on a CMYK or grey picture is a mistake of the program that wrote it."""
    grey, _ = to_srgb(Image.new("L", (16, 16), 99), srgb_profile())
    assert grey.getpixel((0, 0)) == (99, 99, 99)
    assert to_srgb(Image.new("CMYK", (16, 16)), srgb_profile())[1] == ("converted from CMYK to RGB",)


def test_cmyk_becomes_rgb() -> None:
    """Full cyan is far from red, no ink is white, and it is said."""
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    assert to_srgb(image, None)[0].getpixel((0, 0)) == (0, 255, 255)
    assert to_srgb(image, None)[1] == ("converted from CMYK to RGB",)
