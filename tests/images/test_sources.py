"""What may be passed as an image, and which identity it gets."""

import contextlib
import hashlib
import io
import pickle
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin

from pixverse_nb.images.sources import (
    UnusableImageError,
    is_url,
    load_source,
    looks_like_heic,
    own_pillow_settings,
    unreadable,
)
from tests.images.factories import PICTURES, encoded, scene


def refusal(source: object) -> UnusableImageError:
    """Return the error for a source that cannot be used."""
    with pytest.raises(UnusableImageError) as caught:
        load_source(source)
    return caught.value


def test_every_way_to_pass_a_file_is_the_same_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Path, text, ~, bytes, bytearray, memoryview and open file give the file's bytes and their sha256."""
    data = encoded(scene(), "PNG")
    path = tmp_path / "p.png"
    path.write_bytes(data)
    monkeypatch.setenv("HOME", str(tmp_path))
    ways: list[object] = [path, str(path), "~/p.png", data, bytearray(data), memoryview(data), io.BytesIO(data)]
    for way in ways:
        source = load_source(way)
        assert source.data == data
        assert source.sha256 == hashlib.sha256(data).hexdigest()


def test_a_file_object_is_read_from_its_position() -> None:
    """Bytes before the current position are not part of the image."""
    file = io.BytesIO(b"HEAD" + b"image")
    file.seek(4)
    assert load_source(file).data == b"image"


def test_addresses_are_recognised() -> None:
    """http and https in any case are addresses; paths, other schemes and bytes are not."""
    assert is_url("https://example.org/a.png")
    assert is_url("HTTP://example.org/a.png")
    assert not any(is_url(other) for other in ("a.png", "/home/a.png", "C:\\a.png", "ftp://x/y", b"https://x", None))


def test_the_same_pixels_have_one_identity() -> None:
    """A PIL image and a numpy array of equal pixels have the same sha256; another pixel gives another one."""
    image = scene()
    pixels = np.asarray(image)
    other = pixels.copy()
    other[0, 0, 0] ^= 1
    assert load_source(image).sha256 == load_source(pixels).sha256 == load_source(image.copy()).sha256
    assert load_source(other).sha256 != load_source(pixels).sha256


def test_mode_size_and_colours_are_part_of_the_identity() -> None:
    """The same bytes with another shape, mode, palette or profile are another image."""
    data = bytes(range(256)) * 12
    flat = Image.frombytes("L", (64, 48), data)
    palette = Image.frombytes("P", (64, 48), data)
    palette.putpalette(bytes(768))
    repainted = palette.copy()
    repainted.putpalette(bytes(767) + b"\x01")
    profiled = flat.copy()
    profiled.info["icc_profile"] = b"x"
    variants = [flat, Image.frombytes("L", (48, 64), data), Image.frombytes("RGB", (32, 32), data)]
    digests = {load_source(image).sha256 for image in [*variants, palette, repainted, profiled]}
    assert len(digests) == 6


def test_an_image_is_copied() -> None:
    """Drawing on the original afterwards does not change the source."""
    image = scene()
    source = load_source(image)
    image.paste("black", (0, 0, 320, 180))
    assert source.image is not None
    assert source.image.getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3), (40, 60, 4)])
def test_arrays_of_uint8_are_images(shape: tuple[int, ...]) -> None:
    """Grey, RGB and RGBA arrays, also sliced and reversed views, keep every value."""
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    for view in (pixels, pixels[::2, ::3], np.flip(pixels, 0)):
        image = load_source(view).image
        assert image is not None
        assert np.array_equal(np.asarray(image), view)


@pytest.mark.parametrize(
    ("pixels", "token"),
    [
        (np.zeros((3, 40, 60), "uint8"), "transpose(1, 2, 0)"),
        (np.zeros((40, 60, 2), "uint8"), "40 × 60 × 2"),
        (np.zeros(40, "uint8"), "40"),
        (np.zeros((1, 40, 60, 3), "uint8"), "1 × 40 × 60 × 3"),
        (np.uint8(3), "single"),
    ],
)
def test_an_array_of_another_shape_is_refused(pixels: object, token: str) -> None:
    """The message names the shape."""
    error = refusal(pixels)
    assert error.kind == "wrong_type"
    assert token in str(error)


def test_an_empty_array_is_refused() -> None:
    """An array without pixels is empty, whatever its type."""
    assert refusal(np.zeros((0, 60, 3), "uint8")).kind == "empty"
    assert refusal(np.zeros((0, 60, 3))).kind == "empty"


WAVE = np.sin(np.mgrid[0:48, 0:64][1] / 9)


@pytest.mark.parametrize(
    "pixels",
    [
        WAVE > 0,
        (WAVE + 1) / 2,
        ((WAVE + 1) / 2).astype("float16"),
        (WAVE + 1) * 127,
        ((WAVE + 1) * 127).astype("uint16"),
        ((WAVE + 1) * 127).astype("int64"),
        ((WAVE + 1) * 2000).astype("uint16"),
        ((WAVE + 1) * 32767).astype("uint16"),
        ((WAVE + 1) * 32767).astype("uint32"),
        ((WAVE + 1) * 63).astype("int8"),
    ],
)
def test_the_suggested_conversion_keeps_the_picture(pixels: Any) -> None:
    """The code after "try" turns the array into a bright uint8 image that looks the same."""
    error = refusal(pixels)
    assert error.kind == "wrong_type"
    advice = str(error).partition("; try ")[2]
    converted = eval(advice, {"a": pixels})  # noqa: S307  the message's own code is what is tested
    assert np.asarray(load_source(converted).image).max() > 100
    assert np.corrcoef(converted.ravel().astype(float), pixels.ravel().astype(float))[0, 1] > 0.99


@pytest.mark.parametrize(
    "pixels",
    [
        (WAVE * 127).astype("int8"),
        WAVE,
        np.full((48, 64), np.nan),
        np.full((48, 64), 1e9),
        WAVE.astype(complex),
        np.array(["a.png", "b.png"]),
        np.array([["a"], [None]], dtype=object),
        np.zeros((48, 64), "datetime64[s]"),
    ],
)
def test_no_conversion_is_suggested_if_none_is_right(pixels: Any) -> None:
    """Negative values, NaN, text and objects are refused without advice that would spoil the picture."""
    error = refusal(pixels)
    assert error.kind == "wrong_type"
    assert "try" not in str(error)


@pytest.mark.parametrize(
    ("source", "kind", "token"),
    [
        (None, "missing", ""),
        (b"", "empty", ""),
        ("", "missing", ""),
        (3, "wrong_type", "int"),
        (["a.png"], "wrong_type", "list"),
        (str(PICTURES), "wrong_type", "folder"),
        (str(PICTURES / "cofee_wide.jpg"), "missing", "'coffee_wide.jpg'"),
        ("no-such-folder/x.png", "missing", str(Path.cwd())[-20:]),
        ("https://example.org/a.png", "wrong_type", ""),
        ("data:image/png;base64,QUJD", "wrong_type", ""),
        ("file:///tmp/x.png", "wrong_type", ""),
        ("A" * 5000, "unreadable_file", ""),
        ("/dev/null", "wrong_type", "/dev/null"),
        (io.StringIO("text"), "wrong_type", "'rb'"),
        (io.BytesIO(), "empty", "seek(0)"),
        (array("d", [1.0]), "wrong_type", "array"),
    ],
)
def test_what_is_no_image_is_refused(source: object, kind: str, token: str) -> None:
    """The error has its kind, and names what was passed or the fix."""
    error = refusal(source)
    assert error.kind == kind
    assert token in str(error)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    """The message for a file of 0 bytes has its name."""
    (tmp_path / "a.png").touch()
    error = refusal(tmp_path / "a.png")
    assert error.kind == "empty"
    assert "a.png" in str(error)


def test_a_closed_file_is_unreadable() -> None:
    """A closed file object and a PIL image of a closed file cannot be read."""
    file = io.BytesIO(b"x")
    file.close()
    assert refusal(file).kind == "unreadable_file"
    with Image.open(PICTURES / "chelsea.jpg") as image:
        pass
    assert refusal(image).kind == "unreadable_file"


@pytest.mark.parametrize("path", ["/data/proj@v2/hero@2x.jpg", "/home/maria@example.org/x.png"])
def test_a_path_is_not_redacted(path: str) -> None:
    """A missing path is shown exactly as it was passed, so that a typing error is visible."""
    assert repr(path) in str(refusal(path))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0 rest", "damaged"),
        (b"\x89PNG\r\n\x1a\n rest", "damaged"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "damaged"),
        (b"II+\x00\x08\x00\x00\x00", "damaged"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video"),
        (b"\x00\x00\x00\x18ftypmp42", "video"),
        (b"\x1a\x45\xdf\xa3webm", "video"),
        (b"\x00\x00\x00\x18ftypheic", "heic"),
        (b"\x00\x00\x00\x18ftypavif", "unsupported"),
        (b"%PDF-1.7", "pdf"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x">', "svg"),
        (b"\xef\xbb\xbf <!DOCTYPE html><svg>", "web_page"),
        (b"PK\x03\x04", "not_an_image"),
        (b"token=SECRET and more text", "not_an_image"),
        (b"", "not_an_image"),
    ],
)
def test_common_mistakes_are_recognised(data: bytes, kind: str) -> None:
    """The first bytes decide the kind of error, and its text never quotes them."""
    error = unreadable(data)
    assert error.kind == kind
    assert "SECRET" not in str(error)


def test_heic_is_recognised() -> None:
    """An iPhone's image starts with ftyp and a HEIF brand; an mp4 does not."""
    assert looks_like_heic(b"\x00\x00\x00\x18ftypheic")
    assert not looks_like_heic(b"\x00\x00\x00\x18ftypisom")
    assert "pillow-heif" in str(unreadable(b"\x00\x00\x00\x18ftypheic"))


def test_the_error_survives_pickling() -> None:
    """An error raised in a worker process arrives with its kind and text."""
    error = pickle.loads(pickle.dumps(UnusableImageError("empty", "no bytes")))  # noqa: S301  our own bytes
    assert (error.kind, str(error)) == ("empty", "no bytes")


def test_pillow_settings_are_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values that another library has set for the process hold again after the last reader, also after an error."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 10)
    with contextlib.suppress(KeyError), own_pillow_settings(), own_pillow_settings():
        assert ImageFile.LOAD_TRUNCATED_IMAGES is False
        raise KeyError
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True
    assert Image.MAX_IMAGE_PIXELS == 1000
    assert PngImagePlugin.MAX_TEXT_CHUNK == 10


def test_a_truncated_pil_image_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PIL image is loaded here: half a file is refused although the process accepts truncated images."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encoded(scene(640, 360), "PNG")
    with Image.open(io.BytesIO(data[: len(data) // 2])) as image:
        assert refusal(image).kind == "unreadable_file"
