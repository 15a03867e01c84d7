"""A picture as it goes up: unchanged where it fits, changed and said where not, and never with private metadata."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pixverse_nb.errors import InvalidImage, InvalidRequest
from pixverse_nb.images import Frame, thumbnail
from tests.images.made import PICTURES, decoded, display_p3_profile, encoded, phone_jpeg, prepare, scene, srgb_profile


def framed(source: object, *, aspect_ratio: str | None = "16:9", fit: str | None = "cover") -> Frame:
    """Return the prepared picture, its fields checked against its own bytes."""
    frame = prepare(source, which="first", aspect_ratio=aspect_ratio, fit=fit)
    image = decoded(frame.data)
    assert image.size == (frame.width, frame.height)
    assert image.mode == "RGB"
    assert image.get_format_mimetype() == frame.media_type  # type: ignore[attr-defined]  # it is an ImageFile
    assert frame.sha256 == hashlib.sha256(frame.data).hexdigest()
    assert frame.size_bytes == len(frame.data)
    return frame


@pytest.mark.parametrize("name", ["coffee_wide.jpg", "coffee_close.jpg", "astronaut.jpg"])
def test_a_fitting_photograph_goes_up_byte_for_byte(name: str) -> None:
    """Nothing is compressed again without need."""
    data = (PICTURES / name).read_bytes()
    frame = framed(PICTURES / name, aspect_ratio=None)
    assert frame.data == data
    assert frame.notices == ()


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_fitting_file_loses_only_its_metadata(file_format: str) -> None:
    """The coded pixels of a phone's picture go up as they are; its place does not leave the machine."""
    exif = Image.Exif()
    exif[0x010F] = "SECRET"
    data = encoded(scene(), file_format, exif=exif, icc_profile=srgb_profile())
    frame = framed(data)
    assert b"SECRET" not in frame.data
    assert len(data) - 200 < frame.size_bytes < len(data)
    assert decoded(frame.data).tobytes() == decoded(data).tobytes()
    assert frame.notices == ()


@pytest.mark.parametrize("fit", ["cover", "contain", None])
@pytest.mark.parametrize("size", [(320, 180), (300, 200), (3000, 2000)])
def test_no_way_lets_private_metadata_out(size: tuple[int, int], fit: str | None) -> None:
    """Cut, padded, scaled, turned or as it is: no EXIF, no comment, no text."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Place", "SECRET")
    with_texts = encoded(scene(*size), "PNG", pnginfo=texts)
    opened = Image.open(io.BytesIO(phone_jpeg(*size)))
    for source in (phone_jpeg(*size), phone_jpeg(*size, orientation=6), with_texts, opened):
        frame = framed(source, fit=fit)
        assert b"SECRET" not in frame.data
        assert not decoded(frame.data).getexif()


def test_cover_keeps_the_middle() -> None:
    """The cut is even: what was in the middle stays in the middle."""
    image = Image.new("RGB", (400, 400), "white")
    image.paste("red", (0, 190, 400, 210))
    frame = framed(image)
    sent = decoded(frame.data)
    assert sent.size == (400, 225)
    assert sent.getpixel((200, 112)) == (255, 0, 0)
    assert sent.getpixel((200, 90)) == (255, 255, 255)
    assert frame.notices == ("cut from 400×400 to 400×225, which is 16:9",)


def test_contain_adds_black_bars() -> None:
    """The whole picture is there, centred, between black bars."""
    frame = framed(Image.new("RGB", (180, 180), "white"), fit="contain")
    sent = decoded(frame.data)
    assert sent.size == (320, 180)
    assert sent.getpixel((10, 90)) == (0, 0, 0)
    assert sent.getpixel((309, 90)) == (0, 0, 0)
    assert sent.getpixel((70, 0)) == (255, 255, 255)
    assert sent.getpixel((249, 179)) == (255, 255, 255)
    assert frame.notices == ("black bars added to the 180×180 picture to make it 16:9",)


def test_bars_are_black_also_beside_other_colours() -> None:
    """Bars are added after the colours are brought to sRGB, whatever the picture's own model."""
    for image in (Image.new("CMYK", (180, 180)), Image.new("L", (180, 180), 255)):
        assert decoded(framed(image, fit="contain").data).getpixel((10, 90)) == (0, 0, 0)


def test_no_fit_keeps_the_shape() -> None:
    """With None nothing is cut and nothing added."""
    data = encoded(scene(300, 200), "PNG")
    frame = framed(data, fit=None)
    assert decoded(frame.data).tobytes() == decoded(data).tobytes()
    assert frame.notices == ()


def test_a_phone_photograph_is_turned_scaled_and_said() -> None:
    """A 12 MP picture on its side comes upright, 2048 px high, as JPEG without a loss of colour detail."""
    frame = framed(phone_jpeg(4032, 3024, orientation=6), aspect_ratio=None)
    assert (frame.width, frame.height, frame.aspect_ratio) == (1536, 2048, "3:4")
    assert frame.media_type == "image/jpeg"
    assert frame.notices == ("turned upright as its EXIF says", "scaled down from 3024×4032 to 1536×2048")
    sent = decoded(frame.data)
    assert all(abs(a - b) < 24 for a, b in zip(sent.getpixel((1500, 30)), (255, 0, 0), strict=True))  # type: ignore[arg-type]


def test_scaling_does_not_shift_the_picture() -> None:
    """A large picture scaled in one step is the same as one cut and scaled in two."""
    large = scene(3000, 2400)
    frame = framed(large)
    box = (0, (2400 - 1688) // 2, 3000, (2400 - 1688) // 2 + 1688)
    wanted = large.crop(box).resize((frame.width, frame.height), Image.Resampling.LANCZOS)
    distance = np.abs(np.asarray(decoded(frame.data), int) - np.asarray(wanted, int))
    assert distance.mean() < 1


@pytest.mark.parametrize(("ratio", "box"), [("1:1", (400, 0, 4600, 4200)), ("16:9", (0, 694, 5000, 3506))])
def test_a_jpeg_decoded_to_the_half_is_cut_at_the_same_place(ratio: str, box: tuple[int, int, int, int]) -> None:
    """The cut is counted in the picture's own pixels, also where JPEG was asked for half of them."""
    large = scene(5000, 4200)
    frame = framed(encoded(large, "JPEG", quality=90), aspect_ratio=ratio)
    wanted = large.crop(box).resize((frame.width, frame.height), Image.Resampling.BILINEAR)
    distance = np.abs(np.asarray(decoded(frame.data), int) - np.asarray(wanted, int))
    assert distance.mean() < 1


def test_exact_pixels_stay_exact() -> None:
    """A cut PNG, a PIL image and an array go up as PNG with every value kept."""
    pixels = np.random.default_rng(1).integers(0, 256, (180, 320, 3), dtype=np.uint8)
    for source in (pixels, Image.fromarray(pixels), encoded(Image.fromarray(pixels), "BMP")):
        frame = framed(source)
        assert frame.media_type == "image/png"
        assert np.array_equal(np.asarray(decoded(frame.data)), pixels)


def test_a_heavy_lossless_picture_becomes_jpeg() -> None:
    """Above 4 MB a PNG is not worth its upload: JPEG with full colour resolution instead."""
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    frame = framed(noise)
    assert frame.media_type == "image/jpeg"
    layers = [layer[1:3] for layer in decoded(frame.data).layer]  # type: ignore[attr-defined]  # a JpegImageFile
    assert layers == [(1, 1), (1, 1), (1, 1)]


def test_wide_colours_are_converted_and_the_profile_left_out() -> None:
    """A phone's Display P3 photograph goes up as sRGB."""
    frame = framed(encoded(scene(), "JPEG", icc_profile=display_p3_profile()))
    assert "icc_profile" not in decoded(frame.data).info
    assert any(notice.startswith("colours converted from") for notice in frame.notices)


def test_what_is_encoded_anew_carries_nothing_but_pixels() -> None:
    """A cut picture goes up without profile, density, comment or transparent colour."""
    png = encoded(scene(300, 300), "PNG", icc_profile=srgb_profile(), dpi=(300, 300), transparency=(1, 2, 3))
    assert not decoded(framed(png).data).info
    gif = encoded(scene(300, 300), "GIF", comment=b"SECRET")
    assert not decoded(framed(gif).data).info
    jpeg = encoded(scene(300, 300), "JPEG", icc_profile=srgb_profile(), comment=b"SECRET")
    assert set(decoded(framed(jpeg).data).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_the_same_input_gives_the_same_bytes() -> None:
    """Preparing twice gives one sha256, so that an upload is found again."""
    for source in (phone_jpeg(500, 400), scene(500, 400), encoded(scene(2500, 1000), "PNG")):
        assert framed(source) == framed(source)


def test_the_key_tells_the_picture_and_its_treatment() -> None:
    """The same source cut otherwise is another frame; the same file as bytes or path is the same."""
    data = phone_jpeg()
    digest = hashlib.sha256(data).hexdigest()
    assert framed(data).key == f"sha256:{digest}:cover:16:9"
    assert framed(data, fit=None).key == f"sha256:{digest}:none:16:9"
    assert framed(data, aspect_ratio="1:1").key == f"sha256:{digest}:cover:1:1"
    assert framed(bytearray(data)).key == framed(data).key


def test_the_bytes_are_not_shown() -> None:
    """A Frame in a traceback or a cell does not print the picture."""
    assert "data" not in repr(framed(scene()))


def test_a_wrong_fit_and_ratio_are_named_together() -> None:
    """Both fields come with their choices."""
    with pytest.raises(InvalidRequest) as caught:
        prepare(scene(), which="first", aspect_ratio="2:1", fit="stretch")
    assert set(caught.value.fields) == {"fit", "aspect_ratio"}
    assert not isinstance(caught.value, InvalidImage)


def test_a_strip_that_would_vanish_is_refused() -> None:
    """A picture 400 times as wide as high has no pixels left once it is scaled down."""
    with pytest.raises(InvalidImage, match="strip too narrow"):
        prepare(scene(8000, 20), which="first", aspect_ratio="16:9", fit=None)
    assert framed(scene(8000, 20), fit="contain").width == 2048


def test_a_thumbnail_is_a_small_upright_jpeg() -> None:
    """Any source gives a JPEG of the asked size, upright and without metadata; small ones are not enlarged."""
    small = thumbnail(phone_jpeg(800, 600, orientation=6), longest_px=100)
    assert decoded(small).size == (75, 100)
    assert b"SECRET" not in small
    assert decoded(thumbnail(scene(40, 30))).size == (40, 30)
    assert decoded(thumbnail(scene(mode="CMYK"))).mode == "RGB"
    assert decoded(thumbnail(encoded(scene(900, 90, "RGBA"), "PNG"))).size == (320, 32)


def test_a_thumbnail_shows_what_goes_up() -> None:
    """The thumbnail of a cut frame has the frame's shape."""
    frame = framed(scene(1000, 1000))
    image = decoded(thumbnail(frame, longest_px=640))
    assert image.size == (640, 360)
    assert image.format == "JPEG"


def test_an_unreadable_thumbnail_names_its_slot() -> None:
    """The form learns which slot is wrong."""
    with pytest.raises(InvalidImage) as caught:
        thumbnail(b"no picture", which="last")
    assert list(caught.value.fields) == ["last"]
