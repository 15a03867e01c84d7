"""No private metadata leaves the machine; a file without any is sent byte for byte."""

import io
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from pixverse_nb.errors import InvalidImage
from pixverse_nb.images.decode import is_bare, open_image
from tests.images.factories import (
    PICTURES,
    decoded,
    display_p3_profile,
    encoded,
    kinds,
    phone_jpeg,
    png_chunk,
    prepare,
    scene,
    srgb_profile,
)


def secret_exif() -> Image.Exif:
    """Return an EXIF block with a secret and no orientation."""
    exif = Image.Exif()
    exif[0x010F] = "SECRET"
    return exif


def jpeg_segment(marker: int, body: bytes) -> bytes:
    """Return one JPEG segment."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def webp_with(chunk: bytes) -> bytes:
    """Return a WebP file with one more chunk."""
    data = encoded(scene(), "WEBP") + chunk
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def private_files() -> Iterator[tuple[str, bytes]]:
    """Yield files that fit as they are, each with "SECRET" in another place."""
    jpeg, png, webp = (encoded(scene(), name) for name in ("JPEG", "PNG", "WEBP"))
    yield "JPEG phone", phone_jpeg()
    yield "JPEG XMP", encoded(scene(), "JPEG", xmp=b"SECRET")
    yield "JPEG comment", encoded(scene(), "JPEG", comment=b"SECRET")
    yield "JPEG RGB-coded", encoded(scene(), "JPEG", keep_rgb=True, xmp=b"SECRET", icc_profile=srgb_profile())
    yield "JPEG end", jpeg + b"SECRET"
    yield "JPEG second image", jpeg + encoded(scene(160, 90), "JPEG", comment=b"SECRET")
    yield "JPEG junk", jpeg[:20] + b"SECRET" + jpeg[20:]
    for marker in (0xE0, 0xE2, 0xE4, 0xED, 0xEE, 0xEF, 0xFE):
        yield f"JPEG {marker:X}", jpeg[:20] + jpeg_segment(marker, b"SECRET") + jpeg[20:]
    yield "JPEG after scan", jpeg[:-2] + jpeg_segment(0xFE, b"SECRET") + jpeg[-2:]
    yield "JPEG JFIF preview", jpeg[:2] + jpeg_segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\1\2SECRET") + jpeg[20:]
    yield "JPEG half a profile", jpeg[:20] + jpeg_segment(0xE2, b"ICC_PROFILE\0\1\2SECRET") + jpeg[20:]
    yield "JPEG no profile", encoded(scene(), "JPEG", icc_profile=b"SECRET")
    yield "JPEG long profile", encoded(scene(), "JPEG", icc_profile=srgb_profile() + b"SECRET")
    second = Image.new("RGB", (160, 90), "navy")
    second.info["comment"] = b"SECRET"
    yield "MPO", encoded(scene(), "MPO", save_all=True, append_images=[second], exif=secret_exif())
    for kind, body in ((b"tEXt", b"key\0SECRET"), (b"tIME", b"SECRET!"), (b"eXIf", b"SECRET"), (b"prVt", b"SECRET")):
        yield f"PNG {kind.decode()}", png[:33] + png_chunk(kind, body) + png[33:]
        yield f"PNG {kind.decode()} at end", png[:-12] + png_chunk(kind, body) + png[-12:]
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("Place", "SECRET")
    texts.add_text("Author", "SECRET", zip=True)
    yield "PNG iTXt and zTXt", encoded(scene(), "PNG", pnginfo=texts)
    yield "PNG EXIF", encoded(scene(), "PNG", exif=secret_exif())
    yield "PNG end", png + b"SECRET"
    yield "PNG IEND", png[:-12] + png_chunk(b"IEND", b"SECRET")
    yield "PNG no profile", encoded(scene(), "PNG", icc_profile=b"SECRET")
    yield "WEBP EXIF", encoded(scene(), "WEBP", exif=secret_exif())
    yield "WEBP XMP", encoded(scene(), "WEBP", xmp=b"SECRET", lossless=True)
    yield "WEBP end", webp + b"SECRET"
    yield "WEBP chunk", webp_with(b"prVt\x06\0\0\0SECRET")
    yield "GIF comment", encoded(scene(), "GIF", comment=b"SECRET")
    yield "TIFF EXIF", encoded(scene(), "TIFF", exif=secret_exif())
    yield "BMP end", encoded(scene(), "BMP") + b"SECRET"


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in private_files()])
def test_private_metadata_is_not_sent(data: bytes) -> None:
    """Wherever a file hides something, the sent bytes do not contain it, and the image looks the same."""
    frame = prepare(data)
    assert frame.data != data
    assert b"SECRET" not in frame.data
    assert not decoded(frame.data).getexif()
    assert (frame.width, frame.height) == (320, 180)
    assert kinds(frame) in ([], ["first_frame_used"])


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"restart_marker_blocks": 4, "dpi": (300, 300)}),
        ("JPEG", {"icc_profile": srgb_profile()}),
        ("JPEG", {"keep_rgb": True}),
        ("PNG", {}),
        ("PNG", {"dpi": (300, 300), "icc_profile": srgb_profile()}),
        ("WEBP", {"quality": 80}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_a_file_without_private_metadata_is_sent_byte_for_byte(file_format: str, options: dict[str, object]) -> None:
    """An sRGB profile, density, progressive scans and restart marks are not private: nothing is encoded again."""
    data = encoded(scene(), file_format, **options)
    assert prepare(data).data == data


@pytest.mark.parametrize("name", ["coffee_wide.jpg", "coffee_close.jpg", "astronaut.jpg"])
def test_a_plain_photograph_is_sent_byte_for_byte(name: str) -> None:
    """A photograph of the right size and shape is sent as it is, without a notice."""
    frame = prepare(PICTURES / name)
    assert frame.data == (PICTURES / name).read_bytes()
    assert frame.notices == ()


@pytest.mark.parametrize("fit", ["cover", "contain", None])
@pytest.mark.parametrize("size", [(320, 180), (300, 200), (3000, 2000)])
def test_no_framing_sends_private_metadata(size: tuple[int, int], fit: str | None) -> None:
    """Cropped, padded, scaled, turned or unchanged: no EXIF, no comment, no text."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Place", "SECRET")
    with_texts = encoded(scene(*size), "PNG", pnginfo=texts)
    opened = Image.open(io.BytesIO(phone_jpeg(*size)))
    for source in (phone_jpeg(*size), phone_jpeg(*size, orientation=6), with_texts, opened):
        frame = prepare(source, aspect_ratio="16:9", fit=fit)
        assert b"SECRET" not in frame.data
        assert not decoded(frame.data).getexif()


def test_a_new_encoding_holds_only_pixels() -> None:
    """A cropped image is sent without profile, density, comment or transparent colour."""
    png = encoded(scene(300, 300), "PNG", icc_profile=srgb_profile(), dpi=(300, 300), transparency=(1, 2, 3))
    gif = encoded(scene(300, 300), "GIF", comment=b"SECRET")
    jpeg = encoded(scene(300, 300), "JPEG", icc_profile=display_p3_profile(), comment=b"SECRET")
    assert not decoded(prepare(png, aspect_ratio="16:9").data).info
    assert not decoded(prepare(gif, aspect_ratio="16:9").data).info
    sent = decoded(prepare(jpeg, aspect_ratio="16:9").data)
    assert set(sent.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@settings(deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.data())
def test_a_file_cut_anywhere_is_not_sent_as_it_is(file_format: str, data: st.DataObject) -> None:
    """No proper prefix of a file is sent byte for byte."""
    whole = encoded(scene(64, 48), file_format)
    part = whole[: data.draw(st.integers(1, len(whole) - 1))]
    try:
        frame = prepare(part)
    except InvalidImage:
        return
    assert frame.data != part


@settings(deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing(file_format: str, rest: bytes) -> None:
    """Whatever follows the first bytes of a file, the check answers without an error."""
    start = encoded(scene(64, 48), file_format)
    image = Image.open(io.BytesIO(start))
    assert is_bare(image, start[:12] + rest) is False
    assert open_image(start).is_bare
