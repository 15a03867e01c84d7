"""Frames: sent unchanged if they fit, otherwise changed with a notice, in one ratio, and each decoded once."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import InvalidImage, InvalidRequest
from pixverse_nb.images import Frame, ImagePreparer, thumbnail
from tests.images.factories import (
    decoded,
    display_p3_profile,
    encoded,
    kinds,
    phone_jpeg,
    prepare,
    prepare_pair,
    scene,
)


def framed(source: object, *, aspect_ratio: str | None = "16:9", fit: str | None = "cover") -> Frame:
    """Return the prepared image, after checking its fields against its own bytes."""
    frame = prepare(source, aspect_ratio=aspect_ratio, fit=fit)
    image = decoded(frame.data)
    assert image.size == (frame.width, frame.height)
    assert image.mode == "RGB"
    assert image.get_format_mimetype() == frame.media_type  # type: ignore[attr-defined]  # it is an ImageFile
    assert frame.sha256 == hashlib.sha256(frame.data).hexdigest()
    assert frame.size_bytes == len(frame.data)
    return frame


# -- one frame ---------------------------------------------------------------------------------------------------------


def test_cover_keeps_the_middle() -> None:
    """The crop is even: what was in the middle stays there."""
    image = Image.new("RGB", (400, 400), "white")
    image.paste("red", (0, 190, 400, 210))
    frame = framed(image)
    sent = decoded(frame.data)
    assert sent.size == (400, 225)
    assert sent.getpixel((200, 112)) == (255, 0, 0)
    assert sent.getpixel((200, 90)) == (255, 255, 255)
    assert kinds(frame) == ["cropped"]


def test_contain_adds_black_bars() -> None:
    """The whole image is kept, centred between black bars."""
    frame = framed(Image.new("RGB", (180, 180), "white"), fit="contain")
    sent = decoded(frame.data)
    assert sent.size == (320, 180)
    assert sent.getpixel((10, 90)) == (0, 0, 0)
    assert sent.getpixel((309, 90)) == (0, 0, 0)
    assert sent.getpixel((70, 0)) == (255, 255, 255)
    assert sent.getpixel((249, 179)) == (255, 255, 255)
    assert kinds(frame) == ["padded"]


def test_bars_are_black_in_every_colour_model() -> None:
    """Bars are added after the conversion to sRGB."""
    for image in (Image.new("CMYK", (180, 180)), Image.new("L", (180, 180), 255)):
        assert decoded(framed(image, fit="contain").data).getpixel((10, 90)) == (0, 0, 0)


def test_no_fit_keeps_the_shape() -> None:
    """With fit=None nothing is cropped and nothing added."""
    data = encoded(scene(300, 200), "PNG")
    frame = framed(data, fit=None)
    assert frame.data == data
    assert frame.notices == ()


def test_a_phone_photograph_is_turned_and_scaled() -> None:
    """A 12-megapixel image on its side becomes an upright JPEG, 2048 px high, with full colour resolution."""
    frame = framed(phone_jpeg(4032, 3024, orientation=6), aspect_ratio=None)
    assert (frame.width, frame.height, frame.aspect_ratio) == (1536, 2048, "3:4")
    assert frame.media_type == "image/jpeg"
    scaled = {"width": 3024, "height": 4032, "new_width": 1536, "new_height": 2048}
    assert frame.notices == (Notice("turned_upright"), Notice("scaled_down", scaled))
    sent = decoded(frame.data)
    assert all(abs(a - b) < 24 for a, b in zip(sent.getpixel((1500, 30)), (255, 0, 0), strict=True))  # type: ignore[arg-type]


def test_scaling_does_not_shift_the_image() -> None:
    """A large image scaled in one step equals one cropped and scaled in two."""
    large = scene(3000, 2400)
    frame = framed(large)
    box = (0, (2400 - 1688) // 2, 3000, (2400 - 1688) // 2 + 1688)
    wanted = large.crop(box).resize((frame.width, frame.height), Image.Resampling.LANCZOS)
    distance = np.abs(np.asarray(decoded(frame.data), int) - np.asarray(wanted, int))
    assert distance.mean() < 1


@pytest.mark.parametrize(("ratio", "box"), [("1:1", (400, 0, 4600, 4200)), ("16:9", (0, 694, 5000, 3506))])
def test_a_jpeg_decoded_at_half_size_is_cropped_at_the_same_place(ratio: str, box: tuple[int, int, int, int]) -> None:
    """The crop is measured in full-size pixels, also if the JPEG was decoded at half its size."""
    large = scene(5000, 4200)
    frame = framed(encoded(large, "JPEG", quality=90), aspect_ratio=ratio)
    wanted = large.crop(box).resize((frame.width, frame.height), Image.Resampling.BILINEAR)
    distance = np.abs(np.asarray(decoded(frame.data), int) - np.asarray(wanted, int))
    assert distance.mean() < 1


def test_exact_pixels_stay_exact() -> None:
    """An array, a PIL image and a BMP become a PNG with every value kept."""
    pixels = np.random.default_rng(1).integers(0, 256, (180, 320, 3), dtype=np.uint8)
    for source in (pixels, Image.fromarray(pixels), encoded(Image.fromarray(pixels), "BMP")):
        frame = framed(source)
        assert frame.media_type == "image/png"
        assert np.array_equal(np.asarray(decoded(frame.data)), pixels)


def test_a_large_lossless_image_becomes_jpeg() -> None:
    """Above 4 MB a PNG takes too long to upload: the frame is a JPEG with full colour resolution."""
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    frame = framed(noise)
    assert frame.media_type == "image/jpeg"
    layers = [layer[1:3] for layer in decoded(frame.data).layer]  # type: ignore[attr-defined]  # a JpegImageFile
    assert layers == [(1, 1), (1, 1), (1, 1)]


def test_removing_metadata_hardly_changes_the_pixels() -> None:
    """A phone's JPEG that fits is encoded again at high quality, without a notice; a PNG stays exact."""
    data = phone_jpeg()
    frame = framed(data)
    difference = np.abs(np.asarray(decoded(frame.data), int) - np.asarray(decoded(data), int))
    assert difference.mean() < 1
    assert frame.notices == ()
    png = encoded(scene(), "PNG", xmp=b"private", icc_profile=b"unknown")
    assert decoded(framed(png).data).tobytes() == scene().tobytes()


def test_wide_colours_are_converted_and_the_profile_removed() -> None:
    """A phone's Display P3 photograph is sent as sRGB."""
    frame = framed(encoded(scene(), "JPEG", icc_profile=display_p3_profile()))
    assert "icc_profile" not in decoded(frame.data).info
    assert kinds(frame) == ["colours_converted"]


def test_the_same_input_gives_the_same_bytes() -> None:
    """Preparing twice gives one sha256, so that an earlier upload is found."""
    for source in (phone_jpeg(500, 400), scene(500, 400), encoded(scene(2500, 1000), "PNG")):
        assert framed(source) == framed(source)


def test_the_key_names_source_and_framing() -> None:
    """The same source framed in another way has another key; the same file as bytes or bytearray has the same."""
    data = phone_jpeg()
    digest = hashlib.sha256(data).hexdigest()
    assert framed(data).key == f"sha256:{digest}:cover:16:9"
    assert framed(data, fit=None).key == f"sha256:{digest}:none:16:9"
    assert framed(data, aspect_ratio="1:1").key == f"sha256:{digest}:cover:1:1"
    assert framed(bytearray(data)).key == framed(data).key


def test_the_repr_has_no_bytes() -> None:
    """A Frame in a traceback or a cell does not print the image."""
    assert "data" not in repr(framed(scene()))


def test_a_strip_that_would_vanish_is_refused() -> None:
    """An image 400 times as wide as high has no pixels left once it is scaled down."""
    with pytest.raises(InvalidImage) as caught:
        prepare(scene(8000, 20), role="first", aspect_ratio="16:9", fit=None)
    assert "8000×20" in caught.value.fields["first"]
    assert framed(scene(8000, 20), fit="contain").width == 2048


# -- several frames ----------------------------------------------------------------------------------------------------


def test_all_images_get_the_ratio_of_the_first() -> None:
    """With aspect_ratio=None the upright shape of the first image decides, for any number of images."""
    sources = {"first": phone_jpeg(400, 300, orientation=6), "frame_2": scene(320, 180), "last": scene(180, 180)}
    frames = ImagePreparer().prepare_all(sources)
    assert list(frames) == ["first", "frame_2", "last"]
    assert {frame.aspect_ratio for frame in frames.values()} == {"3:4"}
    assert (frames["frame_2"].width, frames["frame_2"].height) == (135, 180)
    assert ImagePreparer().prepare_all({}) == {}


def test_the_given_ratio_wins() -> None:
    """A given ratio applies to all images."""
    pair = prepare_pair(scene(400, 300), scene(300, 400), aspect_ratio="1:1", fit="contain")
    assert [(frame.width, frame.height) for frame in pair] == [(400, 400), (400, 400)]


def test_every_unusable_image_is_named_by_its_role() -> None:
    """One error names all unusable images, without quoting their bytes; usable ones are not named."""
    with pytest.raises(InvalidImage) as caught:
        ImagePreparer().prepare_all({"first": b"SECRET and text", "frame_2": scene(), "last": "no-such-file.png"})
    assert set(caught.value.fields) == {"first", "last"}
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("role", ["first", "last"])
def test_one_unusable_image_is_named_alone(role: str) -> None:
    """Only the unusable image is in the fields."""
    with pytest.raises(InvalidImage) as caught:
        ImagePreparer().prepare_all({"first": scene(), "last": scene(), role: b""})
    assert list(caught.value.fields) == [role]


def test_a_wrong_fit_does_not_hide_an_unusable_image() -> None:
    """One error names invalid fields and unusable images; invalid fields alone are not an InvalidImage."""
    with pytest.raises(InvalidRequest) as caught:
        prepare_pair(scene(), b"", fit="stretch", aspect_ratio="7:3")
    assert set(caught.value.fields) == {"fit", "aspect_ratio", "last"}
    with pytest.raises(InvalidRequest) as alone:
        prepare(scene(), aspect_ratio="2:1", fit="stretch")
    assert set(alone.value.fields) == {"fit", "aspect_ratio"}
    assert not isinstance(alone.value, InvalidImage)


# -- the cache ---------------------------------------------------------------------------------------------------------


def test_a_cached_frame_is_found_by_content(tmp_path: Path) -> None:
    """The same content gives the same Frame object, however it is passed and whether or not the ratio is given."""
    preparer = ImagePreparer()
    data = phone_jpeg(640, 360)
    (tmp_path / "a.jpg").write_bytes(data)
    frames = preparer.prepare_all({"first": data, "last": scene()})
    again = preparer.prepare_all({"first": tmp_path / "a.jpg", "last": scene()}, aspect_ratio="16:9")
    assert again["first"] is frames["first"]
    assert again["last"] is frames["last"]
    assert preparer.prepare(data, role="last") is frames["first"]


def test_a_changed_file_is_another_image(tmp_path: Path) -> None:
    """The content decides, not the name: an overwritten file is prepared again."""
    preparer = ImagePreparer()
    path = tmp_path / "a.png"
    path.write_bytes(encoded(scene(), "PNG"))
    before = preparer.prepare(path)
    path.write_bytes(encoded(Image.new("RGB", (320, 180)), "PNG"))
    assert preparer.prepare(path).key != before.key


def test_each_framing_is_another_frame() -> None:
    """Ratio and fit are part of the cache key."""
    preparer = ImagePreparer()
    image = scene()
    framings = [("16:9", "cover"), ("1:1", "cover"), ("1:1", "contain"), ("1:1", None)]
    frames = [preparer.prepare(image, aspect_ratio=ratio, fit=fit) for ratio, fit in framings]
    assert len({frame.key for frame in frames}) == 4


def test_the_least_recently_used_frame_is_dropped() -> None:
    """The number of frames is limited, and use keeps a frame in the cache."""
    preparer = ImagePreparer(frames=2)
    images = [Image.new("RGB", (320, 180), colour) for colour in ("red", "green", "blue")]
    red, green = (preparer.prepare(image) for image in images[:2])
    assert preparer.prepare(images[0]) is red
    preparer.prepare(images[2])
    assert preparer.prepare(images[0]) is red
    assert preparer.prepare(images[1]) is not green


def test_the_cache_size_is_limited() -> None:
    """Frames are dropped when their bytes exceed the limit."""
    size_bytes = ImagePreparer().prepare(scene()).size_bytes
    small, fitting = ImagePreparer(size_bytes=size_bytes - 1), ImagePreparer(size_bytes=size_bytes)
    assert small.prepare(scene()) is not small.prepare(scene())
    assert fitting.prepare(scene()) is fitting.prepare(scene())


def test_a_refused_image_is_not_cached(tmp_path: Path) -> None:
    """A file that was repaired is accepted on the next call."""
    preparer = ImagePreparer()
    path = tmp_path / "a.png"
    path.write_bytes(encoded(scene(), "PNG")[:300])
    with pytest.raises(InvalidImage):
        preparer.prepare(path)
    path.write_bytes(encoded(scene(), "PNG"))
    assert preparer.prepare(path).width == 320


def test_threads_can_share_a_preparer() -> None:
    """Many threads with a few images get equal frames."""
    preparer = ImagePreparer(frames=3)
    sources = [encoded(Image.new("RGB", (320, 180), (shade, 0, 0)), "PNG") for shade in range(0, 250, 50)]
    wanted = [prepare(source) for source in sources]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda turn: preparer.prepare(sources[turn % 5]), range(60)))
    assert all(frame == wanted[turn % 5] for turn, frame in enumerate(done))


# -- thumbnails --------------------------------------------------------------------------------------------------------


def test_a_thumbnail_is_a_small_upright_jpeg() -> None:
    """Any source gives an upright JPEG of the given size without metadata; small images are not enlarged."""
    small = thumbnail(phone_jpeg(800, 600, orientation=6), longest_px=100)
    assert decoded(small).size == (75, 100)
    assert b"SECRET" not in small
    assert decoded(thumbnail(scene(40, 30))).size == (40, 30)
    assert decoded(thumbnail(scene(mode="CMYK"))).mode == "RGB"
    assert decoded(thumbnail(encoded(scene(900, 90, "RGBA"), "PNG"))).size == (320, 32)


def test_a_thumbnail_of_a_frame_has_its_shape() -> None:
    """The thumbnail of a cropped frame shows the crop."""
    image = decoded(thumbnail(framed(scene(1000, 1000)), longest_px=640))
    assert image.size == (640, 360)
    assert image.format == "JPEG"


def test_a_failed_thumbnail_names_its_role() -> None:
    """The error tells the form which image cannot be used."""
    with pytest.raises(InvalidImage) as caught:
        thumbnail(b"no image", role="last")
    assert list(caught.value.fields) == ["last"]
