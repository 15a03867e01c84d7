"""What a person may give as a picture, and what identity it gets."""

import hashlib
import io
from array import array
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixverse_nb.images.sources import UnusableImageError, is_url, receive
from tests.images.made import PICTURES, encoded, scene


def refusal(source: object) -> str:
    """Return why `source` is refused."""
    with pytest.raises(UnusableImageError) as caught:
        receive(source)
    return str(caught.value)


def test_every_way_to_give_a_file_is_the_same_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Path, text, ~, bytes, bytearray, memoryview and open file give the file's bytes and their sha256."""
    data = encoded(scene(), "PNG")
    path = tmp_path / "p.png"
    path.write_bytes(data)
    monkeypatch.setenv("HOME", str(tmp_path))
    ways: list[object] = [path, str(path), "~/p.png", data, bytearray(data), memoryview(data), io.BytesIO(data)]
    for way in ways:
        given = receive(way)
        assert given.data == data
        assert given.sha256 == hashlib.sha256(data).hexdigest()


def test_a_file_object_is_read_from_where_it_stands() -> None:
    """What was read before is not part of the picture."""
    file = io.BytesIO(b"HEAD" + b"picture")
    file.seek(4)
    assert receive(file).data == b"picture"


def test_addresses_are_recognised() -> None:
    """http and https in any case are addresses; paths, other schemes and bytes are not."""
    assert is_url("https://example.org/a.png")
    assert is_url("HTTP://example.org/a.png")
    assert not any(is_url(other) for other in ("a.png", "/home/a.png", "C:\\a.png", "ftp://x/y", b"https://x", None))


def test_an_address_is_not_fetched_here() -> None:
    """An address that comes this far is refused with the way to go."""
    assert "fetched by the client" in refusal("https://example.org/a.png")


def test_the_same_pixels_have_one_identity() -> None:
    """A PIL image and a numpy array of the same pixels are the same picture, another pixel is another one."""
    image = scene()
    pixels = np.asarray(image)
    other = pixels.copy()
    other[0, 0, 0] ^= 1
    assert receive(image).sha256 == receive(pixels).sha256 == receive(image.copy()).sha256
    assert receive(other).sha256 != receive(pixels).sha256


def test_mode_size_and_colours_are_part_of_the_identity() -> None:
    """The same bytes as another shape, mode, palette or profile are another picture."""
    data = bytes(range(256)) * 12
    flat = Image.frombytes("L", (64, 48), data)
    palette = Image.frombytes("P", (64, 48), data)
    palette.putpalette(bytes(768))
    repainted = palette.copy()
    repainted.putpalette(bytes(767) + b"\x01")
    profiled = flat.copy()
    profiled.info["icc_profile"] = b"x"
    variants = [flat, Image.frombytes("L", (48, 64), data), Image.frombytes("RGB", (32, 32), data)]
    digests = {receive(image).sha256 for image in [*variants, palette, repainted, profiled]}
    assert len(digests) == 6


def test_an_image_is_copied_when_given() -> None:
    """Drawing on the original afterwards does not change what was given."""
    image = scene()
    given = receive(image)
    image.paste("black", (0, 0, 320, 180))
    assert given.image is not None
    assert given.image.getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3), (40, 60, 4)])
def test_numpy_arrays_of_uint8_are_pictures(shape: tuple[int, ...]) -> None:
    """Grey, RGB and RGBA arrays are taken, sliced and reversed views too, and keep every value."""
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    for view in (pixels, pixels[::2, ::3], np.flip(pixels, 0)):
        image = receive(view).image
        assert image is not None
        assert np.array_equal(np.asarray(image), view)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((40, 60, 3)), "uint8 values 0…255, not 'f8'; try (a * 255)"),
        (np.zeros((40, 60, 3), "uint16"), "(a // 257)"),
        (np.zeros((40, 60), bool), "a.astype('uint8')"),
        (np.zeros((3, 40, 60), "uint8"), "try a.transpose(1, 2, 0)"),
        (np.zeros((40, 60, 2), "uint8"), "not 40 × 60 × 2"),
        (np.zeros(40, "uint8"), "not 40"),
        (np.zeros((1, 40, 60, 3), "uint8"), "not 1 × 40 × 60 × 3"),
        (np.zeros((0, 60, 3), "uint8"), "empty"),
        (np.uint8(3), "not a single value"),
    ],
)
def test_other_arrays_are_refused_with_the_mend(pixels: object, words: str) -> None:
    """The refusal says what was wrong with the array, and the line that mends it."""
    assert words in refusal(pixels)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, "no picture was given"),
        (b"", "the bytes are empty"),
        ("", "the path is empty"),
        (3, "a int is not a picture"),
        (["a.png"], "a list is not a picture"),
        (str(PICTURES), "is a folder"),
        (str(PICTURES / "cofee_wide.jpg"), "did you mean 'coffee_wide.jpg'?"),
        ("no-such-folder/x.png", "looked in"),
        ("data:image/png;base64,QUJD", "this kind of address is not read"),
        ("file:///tmp/x.png", "give a path or an http(s) address"),
        ("a\0b.png", "there is no file"),
        ("A" * 5000, "the path cannot be opened"),
        ("/dev/null", "is not a regular file"),
        (io.StringIO("text"), "open it with mode 'rb'"),
        (io.BytesIO(), "seek(0)"),
        (array("d", [1.0]), "a array is not a picture"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_mend(source: object, words: str) -> None:
    """Each refusal names what it is and the way out."""
    assert words in refusal(source)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    """A file of 0 bytes says its name and its length."""
    (tmp_path / "a.png").touch()
    assert "a.png' is empty (0 bytes)" in refusal(tmp_path / "a.png")


def test_a_closed_file_is_said() -> None:
    """A file object or a PIL image whose file was closed says so."""
    file = io.BytesIO(b"x")
    file.close()
    assert "keep it open" in refusal(file)
    with Image.open(PICTURES / "chelsea.jpg") as image:
        pass
    assert "closed" in refusal(image)


@pytest.mark.parametrize("path", ["/data/proj@v2/hero@2x.jpg", "/home/maria@example.org/x.png"])
def test_a_path_is_shown_as_it_was_given(path: str) -> None:
    """The caller's own path is named whole, so that what is wrong with it can be seen."""
    assert f"there is no file {path!r}" in refusal(path)
