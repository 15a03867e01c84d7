"""Images of every kind become upright, opaque 8-bit sRGB pixels, or are refused for the right reason."""

import io
import re
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, PngImagePlugin

from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import InvalidImage
from pixverse_nb.images.decode import decode, is_plain_srgb, open_image, read_image, to_srgb
from pixverse_nb.images.sources import MAX_PIXELS, UnusableImageError
from tests.images.factories import (
    adobe_rgb_profile,
    decoded,
    display_p3_profile,
    encoded,
    phone_jpeg,
    png_chunk,
    png_of,
    prepare,
    scene,
    srgb_profile,
    tiff_of,
)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
UNDO = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the Transpose that an EXIF orientation takes back


def pixels_of(source: object) -> tuple[Image.Image, list[str]]:
    """Return the decoded pixels of `source` and the kinds of the notices."""
    image, notices = decoded_with_notices(source)
    return image, [notice.kind for notice in notices]


def decoded_with_notices(source: object) -> tuple[Image.Image, tuple[Notice, ...]]:
    """Return the decoded pixels of `source` and the notices."""
    info = open_image(source)
    return decode(info, at_least=(info.width, info.height))


def refusal(source: object) -> UnusableImageError:
    """Return why `source` is refused, by its header or by its pixels."""
    with pytest.raises(UnusableImageError) as caught:
        pixels_of(source)
    return caught.value


def is_near(image: Image.Image, at: tuple[int, int], colour: tuple[int, ...], within: int = 24) -> bool:
    """Return whether a pixel has `colour`, as near as JPEG keeps it."""
    found = image.convert("RGB").getpixel(at)
    assert isinstance(found, tuple)
    return all(abs(there - wanted) <= within for there, wanted in zip(found, colour, strict=True))


def has_upright_corners(image: Image.Image) -> bool:
    """Return whether the four corners of `scene()` are in their places."""
    right, bottom = image.width - 6, image.height - 6
    corners = {(5, 5): RED, (right, 5): GREEN, (5, bottom): BLUE, (right, bottom): WHITE}
    return all(is_near(image, at, colour) for at, colour in corners.items())


# -- formats and orientation -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "JPEG", "JPEG2000", "ICO", "QOI"])
def test_every_usual_format_is_read(file_format: str) -> None:
    """Files of phones and programs are read with their size."""
    options = {"sizes": [(128, 72)]} if file_format == "ICO" else {}
    image, _ = pixels_of(encoded(scene(128, 72), file_format, **options))
    assert image.size == (128, 72)
    assert is_near(image, (3, 3), RED, within=60)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "TIFF lzw"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright_once(orientation: int, file_format: str) -> None:
    """Each EXIF orientation ends upright, also in a TIFF, which Pillow turns by itself; a PIL image of the file too."""
    upright = scene(320, 176)
    stored = upright.transpose(Image.Transpose(UNDO[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"compression": "tiff_lzw"} if "lzw" in file_format else {}
    data = encoded(stored, file_format.split()[0], exif=exif, **options)
    info = open_image(data)
    image, notices = pixels_of(data)
    assert (info.width, info.height) == image.size == (320, 176)
    assert has_upright_corners(image)
    assert notices == (["turned_upright"] if orientation > 1 else [])
    with Image.open(io.BytesIO(data)) as opened:
        assert has_upright_corners(pixels_of(opened)[0])


def test_a_damaged_exif_block_is_ignored() -> None:
    """An unknown orientation, or a broken EXIF block, means upright."""
    exif = Image.Exif()
    exif[0x0112] = 77
    assert open_image(encoded(scene(), "JPEG", exif=exif)).orientation == 1
    data = phone_jpeg(orientation=6)
    where = data.index(b"Exif\x00\x00")
    broken = data[: where + 10] + b"\xff" * 8 + data[where + 18 :]
    with pytest.warns(UserWarning, match="EXIF"):  # Pillow's own warning
        assert open_image(broken).orientation == 1


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_gives_its_first_frame(file_format: str) -> None:
    """The first frame is used, with a notice."""
    data = encoded(scene(64, 48), file_format, save_all=True, append_images=[Image.new("RGB", (64, 48), "black")])
    image, notices = pixels_of(data)
    assert is_near(image, (2, 2), RED, 30)
    assert notices == ["first_frame_used"]


def test_the_second_image_of_a_phone_is_no_animation() -> None:
    """An MPO (with depth map or preview) is a still image, without a notice."""
    data = encoded(scene(), "MPO", save_all=True, append_images=[scene(160, 90)])
    image, notices = pixels_of(data)
    assert image.size == (320, 180)
    assert notices == []


def test_a_large_jpeg_is_decoded_no_larger_than_needed() -> None:
    """A JPEG is decoded at half its size if that is enough, and never below the size that is needed."""
    info = open_image(phone_jpeg(800, 400, orientation=6))
    image, _ = decode(info, at_least=(200, 390))
    assert image.size == (200, 400)
    assert decode(info, at_least=(201, 390))[0].size == (400, 800)


def test_formats_that_run_programs_are_not_opened() -> None:
    """PostScript would start Ghostscript, so it is refused."""
    assert refusal(encoded(scene(), "EPS")).kind == "not_an_image"


def test_an_open_file_stays_open() -> None:
    """The caller's file object and PIL image can be used afterwards."""
    file = io.BytesIO(encoded(scene(), "PNG"))
    image = scene()
    pixels_of(file)
    pixels_of(image)
    assert not file.closed
    assert image.getpixel((0, 0)) == RED


# -- transparency ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "RGBa", "La"])
def test_transparent_parts_become_white(mode: str) -> None:
    """Transparent is white, half transparent is half-way to white, opaque is unchanged."""
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
    assert notices == ["transparency_flattened"]
    assert is_near(flat, (5, 5), (255, 255, 255), 0)
    assert is_near(flat, (30, 5), (127, 127, 127), 1)
    assert is_near(flat, (50, 5), (0, 0, 0), 0)


def test_a_transparent_palette_colour_becomes_white() -> None:
    """A PNG or GIF palette with a transparent colour, or with a table of alphas, has no black holes."""
    image = scene(64, 48).quantize(16)
    red = image.getpixel((2, 2))
    for file_format in ("PNG", "GIF"):
        flat, notices = pixels_of(encoded(image, file_format, transparency=red))
        assert is_near(flat, (2, 2), WHITE, 0)
        assert "transparency_flattened" in notices
    table = bytes(0 if index == red else 255 for index in range(16))
    flat, _ = pixels_of(encoded(image, "PNG", transparency=table))
    assert is_near(flat, (2, 2), WHITE, 0)


@pytest.mark.parametrize(("mode", "key"), [("RGB", (255, 0, 0)), ("L", 76), ("1", 0)])
def test_a_colour_key_is_transparent(mode: str, key: object) -> None:
    """A PNG that declares one colour transparent is white there."""
    image = scene(64, 48).convert(mode, dither=Image.Dither.NONE)
    flat, notices = pixels_of(encoded(image, "PNG", transparency=key))
    assert is_near(flat, (2, 2), WHITE, 0)
    assert notices == ["transparency_flattened"]


def test_an_opaque_alpha_channel_is_dropped_silently() -> None:
    """Screenshots are RGBA without transparency: nothing visible changes."""
    image, notices = pixels_of(encoded(scene(mode="RGBA"), "PNG"))
    assert image.mode == "RGB"
    assert notices == []


# -- more than 8 bits --------------------------------------------------------------------------------------------------


def test_16_bit_grey_is_scaled() -> None:
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
        assert notices == ["reduced_to_8_bits"]


@pytest.mark.parametrize(("white", "dtype"), [(255, "int32"), (255, "uint16"), (4095, "uint16"), (4095, "int32")])
def test_8_and_12_bits_in_wider_integers_are_not_black(white: int, dtype: str) -> None:
    """Values up to 255 or 4095 use that range, with a notice that says so, as pixels and as TIFF and PNG files."""
    values = np.linspace(0, white, 40 * 30).astype(dtype).reshape(30, 40)
    image = Image.fromarray(values)
    sources: list[object] = [image, encoded(image, "TIFF")]
    for source in [*sources, encoded(image, "PNG")] if dtype == "uint16" else sources:
        grey, notices = decoded_with_notices(source)
        assert np.abs(np.asarray(grey) - np.round(values * 255.0 / white)).max() <= 1
        assert Notice("grey_range_assumed", {"white": white}) in notices


@pytest.mark.parametrize(
    "image",
    [
        Image.new("I;16", (40, 30), 300),
        Image.new("I", (40, 30), 4200),
        Image.new("F", (40, 30), 900.0),
        Image.new("F", (40, 30), 0.01),
        Image.new("I;16", (40, 30), 0),
    ],
)
def test_a_deep_image_that_looks_black_is_reported(image: Image.Image) -> None:
    """An image of more than 8 bits that comes out nearly black has a notice with its brightest value."""
    grey, notices = decoded_with_notices(image)
    (brightest,) = (notice.data["brightest"] for notice in notices if notice.kind == "very_dark")
    assert brightest == np.asarray(grey).max()


def test_16_bit_colour_is_reduced() -> None:
    """A 16-bit RGB PNG or TIFF keeps its colours, with a notice."""
    pixel = (0x8000, 0xFFFF, 0x4000)
    rows = b"".join(b"\x00" + struct.pack(">3H", *pixel) * 32 for _ in range(20))
    tiff = tiff_of(32, 20, struct.pack("<3H", *pixel) * 640, bits=16, channels=3)
    for data in (png_of(32, 20, 16, 2, rows), tiff):
        image, notices = pixels_of(data)
        assert is_near(image, (3, 3), (0x80, 0xFF, 0x40), 0)
        assert notices == ["reduced_to_8_bits"]


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 255.0), (-4.0, 900.0)])
def test_floats_are_scaled_to_8_bits(low: float, high: float) -> None:
    """0…1 and 0…255 keep their meaning; any other range is stretched from its minimum to its maximum."""
    ramp = np.linspace(low, high, 40 * 30, dtype=np.float32).reshape(30, 40)
    grey = np.asarray(pixels_of(Image.fromarray(ramp))[0])
    assert grey[0, 0] == 0
    assert grey[-1, -1] == 255
    assert abs(int(grey[15, 0]) - 127.5) <= 2


def test_a_32_bit_range_is_stretched() -> None:
    """Integers beyond 16 bits use their own range, and a flat image does not divide by zero."""
    wide = np.linspace(-1000, 2_000_000, 40 * 30).astype(np.int32).reshape(30, 40)
    grey = np.asarray(pixels_of(Image.fromarray(wide))[0])
    assert (grey.min(), grey.max()) == (0, 255)
    assert pixels_of(Image.new("F", (40, 30), 900.0))[0].getpixel((1, 1)) == 0


def test_not_a_number_is_refused() -> None:
    """NaN has no grey value."""
    assert refusal(Image.fromarray(np.full((40, 30), np.nan, np.float32))).kind == "unsupported"


# -- whole files that cannot be used -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        tiff_of(64, 48, bytes(64 * 48 * 12), bits=32, channels=3, sample_format=3),
        tiff_of(64, 48, bytes(64 * 48 * 2), bits=16, sample_format=3),
        tiff_of(64, 48, bytes(64 * 48 * 8), bits=64, sample_format=3),
        tiff_of(64, 48, bytes(64 * 48 * 12), bits=32, channels=3),
        tiff_of(64, 48, bytes(64 * 48 * 3), channels=3, sample_format=2),
        tiff_of(64, 48, bytes(64 * 48), more={259: 50002}),
    ],
    ids=["RGB float32", "grey float16", "grey float64", "RGB uint32", "RGB int8", "unknown compression"],
)
def test_a_whole_tiff_of_an_unsupported_kind_is_not_called_damaged(data: bytes) -> None:
    """A complete TIFF that Pillow cannot read is unsupported; half of it is damaged."""
    assert refusal(data).kind == "unsupported"
    assert refusal(data[: len(data) // 2]).kind == "damaged"


@pytest.mark.parametrize(
    "data",
    [
        tiff_of(64, 48, bytes(64 * 48 * 6), bits=16, channels=3, planar=2),
        tiff_of(64, 48, bytes(64 * 48 * 2), bits=16, photometric=0),
        tiff_of(64, 48, b"\x90" * (64 * 48), sample_format=2),
        tiff_of(64, 48, b"\xff\xff\xff\xff" * (64 * 48), bits=32),
    ],
    ids=["16-bit planes", "16-bit white is zero", "int8", "uint32 above 2³¹"],
)
def test_a_tiff_that_pillow_misreads_is_refused(data: bytes) -> None:
    """Kinds of TIFF whose colours Pillow scrambles or inverts without an error are not used."""
    assert refusal(data).kind == "unsupported"


def test_8_bit_planes_are_read() -> None:
    """A TIFF with one 8-bit channel after the other keeps its colours."""
    planes = b"\x10" * 3072 + b"\x80" * 3072 + b"\xf0" * 3072
    assert is_near(pixels_of(tiff_of(64, 48, planes, channels=3, planar=2))[0], (5, 5), (0x10, 0x80, 0xF0), 0)


@pytest.mark.parametrize("tag", [{254: 1}, {50706: 1}])
def test_the_preview_in_a_raw_file_is_not_used(tag: dict[int, int]) -> None:
    """A TIFF whose first image is a reduced version, and a camera's raw file (DNG), are refused."""
    assert refusal(tiff_of(160, 120, bytes(160 * 120), more=tag)).kind == "preview_only"


@pytest.mark.parametrize(("at", "value"), [(4, 12), (1, 0xC3), (9, 2)])
def test_an_unusual_jpeg_is_unsupported(at: int, value: int) -> None:
    """12 bits per channel, lossless coding, and two channels are not called damaged."""
    data = bytearray(encoded(scene(), "JPEG"))
    data[data.index(b"\xff\xc0") + at] = value
    assert refusal(bytes(data)).kind == "unsupported"


# -- damaged files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("truncated_allowed", [False, True])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000", "QOI"])
def test_half_a_file_is_refused(file_format: str, truncated_allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a file is refused, also if another library has told Pillow to accept truncated images."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", truncated_allowed)
    data = encoded(scene(640, 360), file_format)
    assert refusal(data[: len(data) // 2]).kind in {"damaged", "not_an_image"}
    assert ImageFile.LOAD_TRUNCATED_IMAGES is truncated_allowed


JPEG_OPTIONS: list[dict[str, object]] = [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"quality": 98}]


@pytest.mark.parametrize("options", JPEG_OPTIONS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_end_mark_is_read(mode: str, options: dict[str, object]) -> None:
    """A JPEG that lacks one or both bytes of its end mark, or has zeros there, has all of its pixels."""
    whole = encoded(scene(320, 180, mode), "JPEG", **options)
    for data in (whole[:-1], whole[:-2], whole[:-2] + bytes(100)):
        assert pixels_of(data)[0].tobytes() == decoded(whole).tobytes()


def test_a_progressive_jpeg_without_its_last_scans_is_refused() -> None:
    """A progressive JPEG that ends between two scans shows the whole picture, but coarsely: it is damaged."""
    whole = encoded(scene(), "JPEG", progressive=True)
    ends = [found.start() for found in re.finditer(rb"\xff[\xc4\xda]", whole)]
    first_scan = whole.index(b"\xff\xda")
    assert len([end for end in ends if end > first_scan]) > 8
    for end in ends:
        if end > first_scan:
            assert refusal(whole[:end]).kind == "damaged"
            assert refusal(whole[: end + 2]).kind == "damaged"


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(JPEG_OPTIONS), st.data())
def test_a_jpeg_with_missing_pixels_is_refused(options: dict[str, object], data: st.DataObject) -> None:
    """Wherever a JPEG is cut, it is refused, or the missing bytes changed no pixel (the last ones can be padding)."""
    whole = encoded(scene(), "JPEG", **options)
    part = whole[: data.draw(st.integers(700, len(whole) - 4))]
    try:
        image, _ = pixels_of(part)
    except UnusableImageError:
        return
    assert len(part) > len(whole) - 10
    assert image.tobytes() == decoded(whole).tobytes()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"]), st.data())
def test_a_damaged_file_is_refused_or_read_without_a_crash(file_format: str, data: st.DataObject) -> None:
    """Whatever bytes change, the result is a Frame or InvalidImage."""
    broken = bytearray(encoded(scene(64, 48), file_format))
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged EXIF blocks and TIFF tags
        try:
            prepare(bytes(broken))
        except InvalidImage:
            return


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=400))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    """Random bytes raise InvalidImage that names the role."""
    with pytest.raises(InvalidImage) as caught:
        read_image(data, role="frame_3")
    assert list(caught.value.fields) == ["frame_3"]


# -- size limits and Pillow's settings ---------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize("side", [9460, 40_000])
def test_too_many_pixels_are_refused_before_decoding(side: int) -> None:
    """A small file that declares a huge image is too large, just above the limit and far above it."""
    assert side * side > MAX_PIXELS
    assert refusal(png_of(side, side, 1, 0, b"")).kind == "too_large"


@pytest.mark.parametrize("limit", [None, 100])
def test_the_pixel_limit_of_the_process_does_not_matter(limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A normal image is read, and a huge one refused, whatever MAX_IMAGE_PIXELS another library has set."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert pixels_of(encoded(scene(), "PNG"))[0].size == (320, 180)
    assert refusal(png_of(40_000, 40_000, 1, 0, b"")).kind == "too_large"
    assert limit == Image.MAX_IMAGE_PIXELS


def test_an_icon_is_too_small() -> None:
    """Below 16 pixels a side an image is refused; 16 are enough."""
    assert refusal(scene(15, 300)).kind == "too_small"
    assert open_image(scene(16, 16)).width == 16


@pytest.mark.parametrize("zipped", ["add_text", "add_itxt"])
def test_a_png_with_long_texts_is_read(zipped: str) -> None:
    """Image generators store megabytes of compressed text: many texts, or one of 2 MB, are no damage."""
    texts = PngImagePlugin.PngInfo()
    for number in range(70):
        getattr(texts, zipped)(f"k{number}", "n" * 1_000_000, zip=True)
    getattr(texts, zipped)("workflow", "n" * 2_000_000, zip=True)
    assert pixels_of(encoded(scene(), "PNG", pnginfo=texts))[0].size == (320, 180)


def test_a_png_with_a_long_profile_is_read() -> None:
    """A colour profile above Pillow's limit for PNG chunks is read, and ignored if it is invalid."""
    assert pixels_of(encoded(scene(), "PNG", icc_profile=bytes(2_000_000)))[0].size == (320, 180)


def test_a_text_chunk_bomb_is_refused() -> None:
    """A PNG text that unpacks to more than the limit does not fill the memory."""
    data = encoded(scene(), "PNG")
    bomb = png_chunk(b"zTXt", b"key\x00\x00" + zlib.compress(bytes(80_000_000)))
    refusal(data[:33] + bomb + data[33:])


# -- colour ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV", "RGBX"])
def test_every_mode_of_pil_is_accepted(mode: str) -> None:
    """Each colour model is decoded to L, RGB or CMYK."""
    given = Image.new(mode, (64, 48)) if mode == "LAB" else scene(64, 48, mode)  # nothing converts to LAB directly
    image, notices = pixels_of(given)
    assert image.mode in {"L", "RGB", "CMYK"}
    assert notices == []


def test_an_adobe_cmyk_jpeg_is_not_a_negative() -> None:
    """Adobe stores CMYK inverted: white stays white."""
    data = encoded(Image.new("CMYK", (64, 48), (0, 0, 0, 0)), "JPEG", quality=95)
    assert b"Adobe" in data
    image, _ = pixels_of(data)
    assert is_near(image, (5, 5), WHITE, 3)


def test_display_p3_is_converted() -> None:
    """A phone's orange lies outside the sRGB numbers: red increases, with a notice."""
    orange = Image.new("RGB", (32, 32), (230, 120, 60))
    image, notices = to_srgb(orange, display_p3_profile())
    red, green, blue = image.getpixel((0, 0))  # type: ignore[misc]  # an RGB pixel has three values
    assert red > 240
    assert green < 120
    assert blue < 50
    assert notices[0].kind == "colours_converted"


def test_white_and_grey_stay_neutral() -> None:
    """Conversion changes colours, not greys."""
    for level in (0, 128, 255):
        for profile in (display_p3_profile(), adobe_rgb_profile()):
            pixel = to_srgb(Image.new("RGB", (16, 16), (level,) * 3), profile)[0].getpixel((0, 0))
            assert isinstance(pixel, tuple)
            assert max(pixel) - min(pixel) <= 1


def test_the_notice_names_the_profile() -> None:
    """The profile's own name is in the notice, but not a checksum that a browser gave as its name."""
    named = Notice("colours_converted", {"profile": "Adobe RGB (1998)"})
    assert to_srgb(scene(), adobe_rgb_profile())[1] == (named,)
    pasted = adobe_rgb_profile().replace(b"Adobe RGB (1998)", b"S/C9C8092730B14C")
    assert to_srgb(scene(), pasted)[1] == (Notice("colours_converted", {"profile": None}),)


def test_an_invisible_conversion_has_no_notice() -> None:
    """A grey image looks the same in either profile."""
    assert to_srgb(Image.linear_gradient("L").convert("RGB"), display_p3_profile())[1] == ()


@pytest.mark.parametrize("profile", [None, b"", srgb_profile()])
def test_srgb_is_unchanged(profile: bytes | None) -> None:
    """Without a profile, or with sRGB's own, the pixels stay as they are."""
    image = scene()
    same, notices = to_srgb(image, profile)
    assert same.tobytes() == image.tobytes()
    assert notices == ()
    assert is_plain_srgb("RGB", profile)


@pytest.mark.parametrize(
    ("mode", "profile"),
    [
        ("L", None),
        ("CMYK", None),
        ("RGB", display_p3_profile()),
        ("RGB", b"SECRET"),
        ("RGB", srgb_profile() + b"SECRET"),
    ],
)
def test_everything_else_is_not_plain(mode: str, profile: bytes | None) -> None:
    """Grey, CMYK, wide colours, and profiles that are invalid or longer than they say must be encoded again."""
    assert not is_plain_srgb(mode, profile)


@pytest.mark.parametrize("profile", [b"not a profile", srgb_profile()[:200], bytes(4000)])
def test_an_invalid_profile_is_ignored(profile: bytes) -> None:
    """A profile that cannot be read does not change the image."""
    image = scene()
    assert to_srgb(image, profile)[0].tobytes() == image.tobytes()


def test_a_profile_for_another_colour_model_is_ignored() -> None:
    """An RGB profile in a CMYK or grey image is a mistake of the program that wrote it."""
    grey, _ = to_srgb(Image.new("L", (16, 16), 99), srgb_profile())
    assert grey.getpixel((0, 0)) == (99, 99, 99)
    assert [notice.kind for notice in to_srgb(Image.new("CMYK", (16, 16)), srgb_profile())[1]] == [
        "converted_from_cmyk"
    ]


def test_cmyk_becomes_rgb() -> None:
    """Full cyan has no red, and there is a notice."""
    image, notices = to_srgb(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), None)
    assert image.getpixel((0, 0)) == (0, 255, 255)
    assert notices == (Notice("converted_from_cmyk"),)
