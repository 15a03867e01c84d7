"""Pictures of every kind become upright, opaque 8-bit pixels, or are refused in words."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pixverse_nb.errors import InvalidImage
from pixverse_nb.images.decoding import MAX_PIXELS, decode, read_picture
from tests.images.made import decoded, encoded, phone_jpeg, png_of, prepare, scene

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def pixels_of(source: object) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the decoded pixels of `source` and the notices."""
    picture = read_picture(source, which="first")
    return decode(picture, at_least=(picture.width, picture.height))


def refusal(source: object) -> str:
    """Return why `source` is refused, whether its header or its pixels are wrong."""
    with pytest.raises(InvalidImage) as caught:
        prepare(source, which="last", aspect_ratio=None, fit=None)
    assert list(caught.value.fields) == ["last"]
    return caught.value.fields["last"]


def is_near(image: Image.Image, at: tuple[int, int], colour: tuple[int, ...], within: int = 24) -> bool:
    """Tell whether the pixel is `colour`, as near as JPEG keeps it."""
    found = image.convert("RGB").getpixel(at)
    assert isinstance(found, tuple)
    return all(abs(there - wanted) <= within for there, wanted in zip(found, colour, strict=True))


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "JPEG", "JPEG2000", "ICO", "QOI"])
def test_every_usual_format_is_read(file_format: str) -> None:
    """What programs and phones write is read, with its upright size."""
    options = {"sizes": [(128, 72)]} if file_format == "ICO" else {}
    image, _ = pixels_of(encoded(scene(128, 72), file_format, **options))
    assert image.size == (128, 72)
    assert is_near(image, (3, 3), RED, within=60)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_upright(orientation: int) -> None:
    """Whatever way the phone was held, the red corner comes to the top left and the size is the upright one."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    upright = scene(320, 176)
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    for file_format in ("JPEG", "PNG"):
        data = encoded(stored, file_format, exif=exif)
        picture = read_picture(data, which="first")
        image, notices = decode(picture, at_least=(320, 176))
        assert (picture.width, picture.height) == image.size == (320, 176)
        corners = [(5, 5), (314, 5), (5, 170), (314, 170)]
        assert all(is_near(image, at, c) for at, c in zip(corners, (RED, GREEN, BLUE, WHITE), strict=True))
        assert ("turned upright as its EXIF says" in notices) is (orientation > 1)


def test_a_damaged_exif_is_no_reason_to_refuse() -> None:
    """A wild orientation value, or one of the wrong type, means upright."""
    exif = Image.Exif()
    exif[0x0112] = 77
    assert read_picture(encoded(scene(), "JPEG", exif=exif), which="first").orientation == 1
    data = phone_jpeg(orientation=6)
    where = data.index(b"Exif\x00\x00")
    broken = data[: where + 10] + b"\xff" * 8 + data[where + 18 :]
    with pytest.warns(UserWarning, match="EXIF"):  # Pillow's own, and all that happens
        assert read_picture(broken, which="first").orientation == 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "RGBa", "La"])
def test_transparency_is_put_on_white(mode: str) -> None:
    """A transparent part is white, a half transparent one half way to white, an opaque one as it was."""
    image = Image.new("RGBA", (60, 40), (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 20, 40))
    image.paste((0, 0, 0, 128), (20, 0, 40, 40))
    if mode == "PA":
        given = image.convert("L").convert("P").convert("PA")
        given.putalpha(image.getchannel("A"))
    else:
        given = image.convert({"La": "LA", "RGBa": "RGBA"}.get(mode, mode)).convert(mode)
    assert given.mode == mode
    flat, notices = pixels_of(given)
    assert notices == ("transparent parts put on white",)
    assert is_near(flat, (5, 5), (255, 255, 255), 0)
    assert is_near(flat, (30, 5), (127, 127, 127), 1)
    assert is_near(flat, (50, 5), (0, 0, 0), 0)


def test_a_palette_with_transparency_is_put_on_white() -> None:
    """A PNG or GIF palette with a transparent colour, or with a table of alphas, has no black holes."""
    image = scene(64, 48).quantize(16)
    red = image.getpixel((2, 2))
    for file_format in ("PNG", "GIF"):
        flat, notices = pixels_of(encoded(image, file_format, transparency=red))
        assert is_near(flat, (2, 2), WHITE, 0)
        assert "transparent parts put on white" in notices
    table = bytes(0 if index == red else 255 for index in range(16))
    flat, _ = pixels_of(encoded(image, "PNG", transparency=table))
    assert is_near(flat, (2, 2), WHITE, 0)


@pytest.mark.parametrize(("mode", "key"), [("RGB", (255, 0, 0)), ("L", 76), ("1", 0)])
def test_a_colour_key_is_transparent(mode: str, key: object) -> None:
    """A PNG that names one colour as transparent shows white there."""
    image = scene(64, 48).convert(mode, dither=Image.Dither.NONE)
    flat, notices = pixels_of(encoded(image, "PNG", transparency=key))
    assert is_near(flat, (2, 2), WHITE, 0)
    assert notices == ("transparent parts put on white",)


def test_an_opaque_alpha_channel_is_dropped_without_a_word() -> None:
    """Screenshots are RGBA with nothing transparent in them: nothing changes that a person could see."""
    image, notices = pixels_of(encoded(scene(mode="RGBA"), "PNG"))
    assert image.mode == "RGB"
    assert notices == ()


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    """The middle of 16 bits is the middle of 8 bits, in both byte orders and as 32-bit integers."""
    values = np.linspace(1000, 30_000, 40 * 30).astype(np.uint16).reshape(30, 40)
    wanted = np.round(values / 257)
    images: list[object] = [
        encoded(Image.fromarray(values), "PNG"),
        encoded(Image.fromarray(values), "TIFF"),
        encoded(Image.fromarray(values.astype(">u2")), "TIFF"),
        Image.fromarray(values),
        Image.fromarray(values.astype(np.int32)),
    ]
    for source in images:
        image, notices = pixels_of(source)
        assert np.abs(np.asarray(image.convert("L")) - wanted).max() <= 1
        assert notices == ("reduced to 8 bits a channel",)


def test_16_bit_colour_is_reduced() -> None:
    """A 16-bit RGB PNG keeps its colours and says that it was reduced."""
    rows = b"".join(b"\x00" + struct.pack(">3H", 0x8000, 0xFFFF, 0x4000) * 32 for _ in range(20))
    image, notices = pixels_of(png_of(32, 20, 16, 2, rows))
    assert is_near(image, (3, 3), (0x80, 0xFF, 0x40), 0)
    assert notices == ("reduced to 8 bits a channel",)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 255.0), (-4.0, 900.0)])
def test_floats_are_brought_to_8_bits(low: float, high: float) -> None:
    """0…1 and 0…255 are taken as such, any other range is stretched from its least to its most."""
    ramp = np.linspace(low, high, 40 * 30, dtype=np.float32).reshape(30, 40)
    grey = np.asarray(pixels_of(Image.fromarray(ramp))[0])
    assert grey[0, 0] == 0
    assert grey[-1, -1] == 255
    assert abs(int(grey[15, 0]) - 127.5) <= 2


def test_a_32_bit_range_is_stretched() -> None:
    """Integers beyond 16 bits use their own range, and a flat picture does not divide by zero."""
    wide = np.linspace(-1000, 2_000_000, 40 * 30).astype(np.int32).reshape(30, 40)
    grey = np.asarray(pixels_of(Image.fromarray(wide))[0])
    assert (grey.min(), grey.max()) == (0, 255)
    assert pixels_of(Image.new("F", (40, 30), 900.0))[0].getpixel((1, 1)) == 0


def test_floats_that_are_no_numbers_are_refused() -> None:
    """NaN has no grey."""
    holes = np.full((40, 30), np.nan, np.float32)
    assert "not numbers" in refusal(Image.fromarray(holes))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV", "RGBX"])
def test_every_mode_of_pil_is_taken(mode: str) -> None:
    """Each colour model comes out as L, RGB or CMYK."""
    given = Image.new(mode, (64, 48)) if mode == "LAB" else scene(64, 48, mode)  # nothing converts to LAB directly
    image, notices = pixels_of(given)
    assert image.mode in {"L", "RGB", "CMYK"}
    assert notices == ()


def test_an_adobe_cmyk_jpeg_is_not_a_negative() -> None:
    """Adobe writes CMYK inverted: white stays white."""
    data = encoded(Image.new("CMYK", (64, 48), (0, 0, 0, 0)), "JPEG", quality=95)
    assert b"Adobe" in data
    image, _ = pixels_of(data)
    assert is_near(image, (5, 5), WHITE, 3)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_gives_its_first_frame(file_format: str) -> None:
    """The first frame is taken, and said."""
    data = encoded(scene(64, 48), file_format, save_all=True, append_images=[Image.new("RGB", (64, 48), "black")])
    image, notices = pixels_of(data)
    assert is_near(image, (2, 2), RED, 30)
    assert notices == ("it is an animation or has several pages: the first was taken",)


def test_the_second_picture_of_a_phone_is_no_animation() -> None:
    """An MPO (depth map, preview) is a still picture: nothing is said."""
    data = encoded(scene(), "MPO", save_all=True, append_images=[scene(160, 90)])
    image, notices = pixels_of(data)
    assert image.size == (320, 180)
    assert notices == ()


def test_a_large_jpeg_is_decoded_no_larger_than_needed() -> None:
    """Half the size is enough, so JPEG decodes to the half: never below what is needed."""
    picture = read_picture(phone_jpeg(800, 400, orientation=6), which="first")
    image, _ = decode(picture, at_least=(200, 390))
    assert image.size == (200, 400)
    assert decode(picture, at_least=(201, 390))[0].size == (400, 800)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_a_file_cut_short_is_refused(file_format: str) -> None:
    """Half a file is said to be cut short, whatever its format; nothing is sent half grey."""
    data = encoded(scene(640, 360), file_format)
    assert "cut short or damaged" in refusal(data[: len(data) // 2])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"]), st.data())
def test_damaged_files_are_refused_or_read_but_never_crash(file_format: str, data: st.DataObject) -> None:
    """Whatever bytes are changed, the outcome is a picture or InvalidImage."""
    damaged = bytearray(encoded(scene(64, 48), file_format))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        prepare(bytes(damaged), which="first", aspect_ratio=None, fit="cover")
    except InvalidImage:
        return


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=400))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    """Bytes that are no picture give InvalidImage, and the sentence does not repeat them."""
    with pytest.raises(InvalidImage):
        read_picture(data, which="first")


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    """A small file that claims a huge picture is refused: just above the bound, and far above it."""
    for side in (9460, 40_000):
        assert side * side > MAX_PIXELS
        bomb = png_of(side, side, 1, 0, b"")
        assert "89 million" in refusal(bomb)


@pytest.mark.filterwarnings("ignore:Image size")
def test_too_many_pixels_are_refused_also_where_pillow_only_warns() -> None:
    """Between Pillow's bound and its double there is only a warning: the refusal is ours, with the size."""
    assert "has 9460×9460 pixels" in refusal(png_of(9460, 9460, 1, 0, b""))


def test_an_icon_is_too_small() -> None:
    """Below 16 pixels a side it cannot be meant as a frame; 16 are let through."""
    assert "only 15×300 pixels" in refusal(scene(15, 300))
    assert read_picture(scene(16, 16), which="first").width == 16


def test_a_text_chunk_bomb_is_refused() -> None:
    """A PNG whose text unpacks to far more than it should does not fill the memory."""
    data = encoded(scene(), "PNG")
    body = b"key\x00\x00" + zlib.compress(bytes(80_000_000))
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    assert "PNG file" in refusal(data[:33] + chunk + data[33:])


def test_a_heic_without_its_package_says_how() -> None:
    """An iPhone's HEIC names the package that reads it and the other way out."""
    message = refusal(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64))
    assert "pip install pillow-heif" in message
    assert "JPEG" in message


def test_formats_that_run_programs_are_not_opened() -> None:
    """PostScript would start Ghostscript: it is refused as what it is, a text."""
    assert "text file" in refusal(encoded(scene(), "EPS")[:400])
    with pytest.raises(InvalidImage):
        read_picture(encoded(scene(), "EPS"), which="first")


def test_the_process_wide_settings_of_pillow_stay() -> None:
    """Reading and refusing leaves Pillow's own bound as it was."""
    before = Image.MAX_IMAGE_PIXELS
    refusal(png_of(40_000, 40_000, 1, 0, b""))
    assert before == Image.MAX_IMAGE_PIXELS
    assert decoded(encoded(scene(), "PNG")).size == (320, 180)


def test_an_open_file_stays_open() -> None:
    """The person's own file object and PIL image can be used afterwards."""
    file = io.BytesIO(encoded(scene(), "PNG"))
    image = scene()
    pixels_of(file)
    pixels_of(image)
    assert not file.closed
    assert image.getpixel((0, 0)) == RED
