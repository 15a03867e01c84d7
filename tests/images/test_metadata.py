"""Private metadata is taken out of files without touching the coded pixels."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from pixverse_nb.images.metadata import without_metadata
from tests.images.made import PICTURES, decoded, encoded, phone_jpeg, scene, srgb_profile


def stripped(data: bytes, file_format: str) -> bytes:
    """Return the file without its metadata; it has to be possible."""
    result = without_metadata(data, file_format)
    assert result is not None
    return result


def coded_pixels(webp: bytes) -> bytes:
    """Return the chunk of a WebP file that holds its pixels; what a decoder makes of it may differ by a rounding."""
    (name,) = [name for name in (b"VP8 ", b"VP8L") if name in webp]
    begins = webp.index(name)
    size_bytes = int.from_bytes(webp[begins + 4 : begins + 8], "little")
    return webp[begins : begins + 8 + size_bytes]


def test_a_jpeg_loses_place_maker_and_comment() -> None:
    """EXIF (GPS), and comments go; the pixels stay bit for bit and nothing is compressed again."""
    data = phone_jpeg()
    assert data.count(b"SECRET") >= 3
    result = stripped(data, "JPEG")
    assert b"SECRET" not in result
    assert not decoded(result).getexif()
    assert decoded(result).tobytes() == decoded(data).tobytes()


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_blocks": 4}, {"optimize": True}])
def test_every_build_of_jpeg_keeps_its_pixels(options: dict[str, object]) -> None:
    """Progressive scans and restart markers are walked through, not cut."""
    data = encoded(scene(), "JPEG", quality=95, exif=Image.Exif(), **options)
    assert decoded(stripped(data, "JPEG")).tobytes() == decoded(data).tobytes()


def test_a_jpeg_keeps_its_colour_profile_and_adobe_mark() -> None:
    """What is needed to show the colours rightly stays: the ICC profile, and Adobe's transform flag."""
    profile = srgb_profile()
    rgb_coded = encoded(scene(), "JPEG", keep_rgb=True, icc_profile=profile, xmp=b"SECRET")
    result = stripped(rgb_coded, "JPEG")
    assert b"Adobe" in rgb_coded
    assert b"Adobe" in result
    assert b"SECRET" not in result
    assert decoded(result).info["icc_profile"] == profile
    assert decoded(result).tobytes() == decoded(rgb_coded).tobytes()


def test_what_follows_the_first_picture_is_left_out() -> None:
    """The second picture of an MPO (depth, preview, gain map) does not go up with the first."""
    data = encoded(scene(), "MPO", save_all=True, append_images=[scene(200, 100)])
    result = stripped(data, "MPO")
    assert Image.open(io.BytesIO(result)).format == "JPEG"
    assert result.count(b"\xff\xd8\xff") == 1
    assert decoded(result).tobytes() == decoded(data).tobytes()


def test_a_plain_jpeg_stays_byte_for_byte() -> None:
    """A file without anything private is returned as it is."""
    data = (PICTURES / "coffee_wide.jpg").read_bytes()
    assert without_metadata(data, "JPEG") == data


def test_a_png_loses_texts_time_and_exif() -> None:
    """tEXt, iTXt, zTXt, tIME and eXIf go, the pixels and the density stay."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "SECRET")
    texts.add_itxt("Place", "SECRET")
    texts.add(b"tIME", b"\x07\xe8\x01\x01\x01\x01\x01")
    exif = Image.Exif()
    exif[0x010F] = "SECRET"
    data = encoded(scene(), "PNG", pnginfo=texts, exif=exif, dpi=(300, 300)) + b"SECRET after the end"
    result = stripped(data, "PNG")
    assert not any(word in result for word in (b"SECRET", b"tEXt", b"iTXt", b"tIME", b"eXIf"))
    assert "dpi" in decoded(result).info
    assert decoded(result).tobytes() == decoded(data).tobytes()


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 80}])
def test_a_webp_loses_exif_and_xmp(options: dict[str, object]) -> None:
    """The chunks go, their flags too, and the coded pixels stay byte for byte."""
    exif = Image.Exif()
    exif[0x010F] = "SECRET"
    data = encoded(scene(), "WEBP", exif=exif, xmp=b"SECRET-XMP", icc_profile=srgb_profile(), **options)
    result = stripped(data, "WEBP")
    assert b"SECRET" not in result
    assert result[20] & 0x0C == 0
    assert int.from_bytes(result[4:8], "little") + 8 == len(result)
    assert decoded(result).info["icc_profile"] == srgb_profile()
    assert decoded(result).size == decoded(data).size
    assert coded_pixels(result) == coded_pixels(data)


def test_other_formats_have_to_be_encoded_anew() -> None:
    """A GIF or a TIFF is not taken apart."""
    assert without_metadata(encoded(scene(), "GIF"), "GIF") is None
    assert without_metadata(encoded(scene(), "TIFF"), "TIFF") is None


@settings(deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.data())
def test_a_file_cut_anywhere_is_never_passed_on_as_whole(file_format: str, data: st.DataObject) -> None:
    """Every true prefix is told to be encoded anew, and nothing is raised."""
    whole = encoded(scene(64, 48), file_format)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert without_metadata(whole[:cut], file_format) is None


@settings(deadline=None)
@given(st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\x00\x00\x00WEBP"]), st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing(start: bytes, rest: bytes) -> None:
    """Whatever the bytes, the answer is bytes or None."""
    for file_format in ("JPEG", "PNG", "WEBP"):
        assert isinstance(without_metadata(start + rest, file_format), bytes | None)
