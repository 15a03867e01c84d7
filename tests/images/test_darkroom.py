"""Pairs in one ratio, with every fault named at once, and nothing decoded twice."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from pixverse_nb.errors import InvalidImage, InvalidRequest
from pixverse_nb.images import Darkroom
from tests.images.made import PICTURES, encoded, phone_jpeg, prepare, prepare_pair, scene


def test_both_pictures_get_the_ratio_of_the_first() -> None:
    """With None the first picture decides, upright: a portrait first makes a portrait pair."""
    first, last = prepare_pair(phone_jpeg(400, 300, orientation=6), scene(320, 180))
    assert first.aspect_ratio == last.aspect_ratio == "3:4"
    assert (last.width, last.height) == (135, 180)


def test_the_asked_ratio_wins() -> None:
    """A given ratio holds for both pictures."""
    pair = prepare_pair(scene(400, 300), scene(300, 400), aspect_ratio="1:1", fit="contain")
    assert [(frame.width, frame.height) for frame in pair] == [(400, 400), (400, 400)]


def test_the_sample_pictures_make_a_pair() -> None:
    """The two framings of one photograph go up as they are."""
    first, last = prepare_pair(PICTURES / "coffee_wide.jpg", PICTURES / "coffee_close.jpg")
    assert first.notices == last.notices == ()


def test_both_faults_are_named() -> None:
    """Two bad pictures are one error with two fields, and it holds none of their bytes."""
    with pytest.raises(InvalidImage) as caught:
        prepare_pair(b"SECRET and text", "no-such-file.png")
    assert set(caught.value.fields) == {"first", "last"}
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("which", ["first", "last"])
def test_one_fault_is_named_alone(which: str) -> None:
    """Only the bad picture is in the fields."""
    first, last = (b"", scene()) if which == "first" else (scene(), b"")
    with pytest.raises(InvalidImage) as caught:
        prepare_pair(first, last)
    assert list(caught.value.fields) == [which]


def test_a_wrong_fit_does_not_hide_a_bad_picture() -> None:
    """Fields and pictures that are wrong are named in one error."""
    with pytest.raises(InvalidRequest) as caught:
        prepare_pair(scene(), b"", fit="stretch", aspect_ratio="7:3")
    assert set(caught.value.fields) == {"fit", "aspect_ratio", "last"}


def test_a_hit_gives_the_very_frames(tmp_path: Path) -> None:
    """The same content is found again, whatever way it is given and with the ratio asked or drawn."""
    darkroom = Darkroom()
    data = phone_jpeg(640, 360)
    (tmp_path / "a.jpg").write_bytes(data)
    first, last = darkroom.prepare_pair(data, scene())
    again = darkroom.prepare_pair(tmp_path / "a.jpg", scene(), aspect_ratio="16:9")
    assert again[0] is first
    assert again[1] is last
    assert darkroom.prepare(data, which="last") is first


def test_a_changed_file_is_another_picture(tmp_path: Path) -> None:
    """The content decides, not the name: a file written over is prepared anew."""
    darkroom = Darkroom()
    path = tmp_path / "a.png"
    path.write_bytes(encoded(scene(), "PNG"))
    before = darkroom.prepare(path, which="first")
    path.write_bytes(encoded(Image.new("RGB", (320, 180)), "PNG"))
    assert darkroom.prepare(path, which="first").key != before.key


def test_another_treatment_is_another_frame() -> None:
    """Ratio and fit are part of what is remembered."""
    darkroom = Darkroom()
    ways = [("16:9", "cover"), ("1:1", "cover"), ("1:1", "contain"), ("1:1", None)]
    image = scene()
    frames = [darkroom.prepare(image, which="first", aspect_ratio=ratio, fit=fit) for ratio, fit in ways]
    assert len({frame.key for frame in frames}) == 4


def test_the_oldest_frame_is_forgotten_first() -> None:
    """The number of frames is bounded, and use keeps a frame alive."""
    darkroom = Darkroom(frames=2)
    images = [Image.new("RGB", (320, 180), colour) for colour in ("red", "green", "blue")]
    red, green = (darkroom.prepare(image, which="first") for image in images[:2])
    assert darkroom.prepare(images[0], which="first") is red
    darkroom.prepare(images[2], which="first")
    assert darkroom.prepare(images[0], which="first") is red
    assert darkroom.prepare(images[1], which="first") is not green


def test_the_memory_is_bounded() -> None:
    """Frames are forgotten when their bytes would exceed the bound."""
    size_bytes = Darkroom().prepare(scene(), which="first").size_bytes
    small, fitting = Darkroom(size_bytes=size_bytes - 1), Darkroom(size_bytes=size_bytes)
    assert small.prepare(scene(), which="first") is not small.prepare(scene(), which="first")
    assert fitting.prepare(scene(), which="first") is fitting.prepare(scene(), which="first")


def test_a_refused_picture_is_not_remembered(tmp_path: Path) -> None:
    """A file that was mended is taken at the next try."""
    darkroom = Darkroom()
    path = tmp_path / "a.png"
    path.write_bytes(encoded(scene(), "PNG")[:300])
    with pytest.raises(InvalidImage):
        darkroom.prepare(path, which="first")
    path.write_bytes(encoded(scene(), "PNG"))
    assert darkroom.prepare(path, which="first").width == 320


def test_threads_may_share_it() -> None:
    """Many threads with a few pictures get equal frames and leave it within its bounds."""
    darkroom = Darkroom(frames=3)
    sources = [encoded(Image.new("RGB", (320, 180), (shade, 0, 0)), "PNG") for shade in range(0, 250, 50)]
    wanted = [prepare(source, which="first") for source in sources]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda turn: darkroom.prepare(sources[turn % 5], which="first"), range(60)))
    assert all(frame == wanted[turn % 5] for turn, frame in enumerate(done))
