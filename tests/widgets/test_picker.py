"""The picture slot."""

import base64
import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixverse_nb.errors import NoAnswer
from pixverse_nb.widgets.picker import Picker
from tests.widgets.conftest import make_png
from tests.widgets.page import messages_of, send_message, upload, wait_for_threads

PICTURES = Path(__file__).parent.parent.parent / "notebooks" / "pictures"


@pytest.fixture
def slot() -> Picker:
    """An empty slot."""
    return Picker(role="first", label="First picture")


def content_of(slot: Picker) -> Any:
    """Return what the slot passes to `create_frames`."""
    assert slot.image is not None
    return slot.image.content


def test_an_uploaded_picture_is_loaded_and_shown(slot: Picker, png: bytes) -> None:
    """After the last chunk the slot has the picture's size and bytes, and sends its thumbnail."""
    upload(slot, png, name="cat.png", chunk_bytes=50)
    wait_for_threads()
    assert (slot.state, slot.name, slot.width, slot.height, slot.size) == ("ready", "cat.png", 64, 48, len(png))
    assert content_of(slot) == png
    ((message, (jpeg,)),) = messages_of(slot, "picture")
    assert message["id"] == "u1"
    assert jpeg.startswith(b"\xff\xd8\xff")


def test_every_chunk_is_acknowledged(slot: Picker, png: bytes) -> None:
    """The announcement and each chunk are answered with the number of bytes received."""
    upload(slot, png, chunk_bytes=100)
    received = [message["received"] for message, _ in messages_of(slot, "ack")]
    assert received == [*range(0, len(png), 100), len(png)]


def test_no_trait_contains_the_picture(slot: Picker, png: bytes) -> None:
    """The state that notebooks save contains neither the file nor its thumbnail."""
    upload(slot, png)
    wait_for_threads()
    state = json.dumps(slot.get_state(), default=repr)
    assert base64.b64encode(png).decode()[:40] not in state
    assert repr(png)[2:40] not in state
    assert not any(isinstance(value, bytes | memoryview) for value in slot.get_state().values())


def test_chunks_of_an_older_upload_are_ignored(slot: Picker, png: bytes) -> None:
    """A chunk with the id of an older upload is neither stored nor acknowledged."""
    for upload_id in ("old", "new"):
        send_message(slot, {"kind": "begin", "id": upload_id, "name": "a.png", "size": len(png), "type": "image/png"})
    ack_count = len(messages_of(slot, "ack"))
    send_message(slot, {"kind": "chunk", "id": "old", "offset": 0}, bytes(len(png)))
    assert len(messages_of(slot, "ack")) == ack_count
    send_message(slot, {"kind": "chunk", "id": "new", "offset": 0}, png)
    wait_for_threads()
    assert content_of(slot) == png


@pytest.mark.parametrize(
    "message",
    [
        None,
        7,
        [],
        {},
        {"kind": None},
        {"kind": "dance"},
        {"kind": "chunk"},
        {"kind": "chunk", "id": "u1", "offset": "x"},
        {"kind": "begin"},
        {"kind": "begin", "id": {}, "size": "many"},
        {"kind": "abort", "id": []},
        {"kind": "address", "text": 5},
        {"kind": "address", "text": "  "},
    ],
)
def test_malformed_messages_are_ignored(slot: Picker, png: bytes, message: object) -> None:
    """After a malformed message the slot accepts the next picture as usual."""
    send_message(slot, message)
    upload(slot, png)
    wait_for_threads()
    assert slot.state == "ready"
    assert slot.message == ""


def test_a_file_that_is_not_a_picture_is_rejected(slot: Picker) -> None:
    """A file that cannot be decoded leaves the slot failed and without a picture, and the page is told."""
    upload(slot, b"%PDF-1.7 and so on", name="bill.png")
    wait_for_threads()
    assert slot.state == "failed"
    assert "PDF" in slot.message
    assert slot.image is None
    assert messages_of(slot, "cleared")[-1][0]["id"] == "u1"


def test_a_damaged_picture_is_rejected_at_once(slot: Picker) -> None:
    """A truncated file is rejected when it is chosen, not when the video is created."""
    upload(slot, (PICTURES / "chelsea.jpg").read_bytes()[:9000])
    wait_for_threads()
    assert (slot.state, slot.image) == ("failed", None)
    assert "JPEG" in slot.message


def test_an_upload_above_the_limit_is_rejected_before_the_first_chunk(slot: Picker) -> None:
    """The announcement of a file that is too large is rejected with its size."""
    send_message(slot, {"kind": "begin", "id": "u1", "name": "huge.png", "size": 10**9, "type": "image/png"})
    assert slot.state == "failed"
    assert "1000 MB" in slot.message
    assert messages_of(slot, "ack") == []


def test_a_typed_path_stays_a_path(slot: Picker) -> None:
    """A typed path loads the picture and is passed to the client as a path, so that code can name it."""
    send_message(slot, {"kind": "address", "text": f" {PICTURES / 'chelsea.jpg'} "})
    wait_for_threads()
    assert (slot.state, slot.name, slot.width) == ("ready", "chelsea.jpg", 451)
    assert content_of(slot) == PICTURES / "chelsea.jpg"


def test_a_file_that_has_changed_is_sent_as_it_was_loaded(slot: Picker, png: bytes, tmp_path: Path) -> None:
    """If the file at the path has changed, the loaded picture is used."""
    path = tmp_path / "a.png"
    path.write_bytes(png)
    slot.load(path)
    wait_for_threads()
    path.write_bytes(make_png(20, 20))
    assert content_of(slot) == png


def test_a_missing_file_is_named(slot: Picker, tmp_path: Path) -> None:
    """The message for a path without a file names the file."""
    send_message(slot, {"kind": "address", "text": str(tmp_path / "nothing.png")})
    wait_for_threads()
    assert slot.state == "failed"
    assert "nothing.png" in slot.message


@pytest.mark.parametrize("form", ['"{}"', "'{}'", " {} ", "file://{}", "FILE://localhost{}"])
def test_a_path_copied_from_a_file_manager_is_understood(slot: Picker, form: str, tmp_path: Path, png: bytes) -> None:
    """A path in quotes, with spaces around it, or as a file URL loads the same file."""
    path = tmp_path / "my picture.png"
    path.write_bytes(png)
    typed = str(path).replace(" ", "%20") if form.lower().startswith("file") else str(path)
    send_message(slot, {"kind": "address", "text": form.format(typed)})
    wait_for_threads()
    assert (slot.state, slot.message) == ("ready", "")
    assert slot.name == path.name
    assert content_of(slot) == path


def test_a_url_is_fetched(png: bytes) -> None:
    """An http(s) URL is fetched with `fetch_url`; its error is shown in the slot, redacted."""
    pictures = {"https://example.org/cat.png": png}

    def fetch_url(url: str) -> bytes:
        if url not in pictures:
            raise NoAnswer("no host at maria@example.org", sent=False)
        return pictures[url]

    slot = Picker(fetch_url=fetch_url)
    send_message(slot, {"kind": "address", "text": "https://example.org/cat.png"})
    wait_for_threads()
    assert (slot.state, slot.name, content_of(slot)) == ("ready", "cat.png", png)
    send_message(slot, {"kind": "address", "text": "https://example.org/dog.png"})
    wait_for_threads()
    assert slot.state == "failed"
    assert slot.message
    assert "maria" not in slot.message


def test_an_image_object_can_be_loaded(slot: Picker) -> None:
    """A PIL image fills the slot with a thumbnail and without a file size."""
    image = Image.new("RGB", (100, 50), "navy")
    slot.load(image, name="navy").join()
    assert (slot.state, slot.name, slot.width, slot.size) == ("ready", "navy", 100, 0)
    assert content_of(slot).tobytes() == image.tobytes()


def test_a_rotated_photo_is_turned_upright_with_a_notice(slot: Picker) -> None:
    """A photo with an EXIF rotation has its upright size, and the slot has a notice about it."""
    image = Image.new("RGB", (100, 50), "navy")
    exif = image.getexif()
    exif[274] = 6
    sink = io.BytesIO()
    image.save(sink, "JPEG", exif=exif)
    slot.load(sink.getvalue()).join()
    assert (slot.width, slot.height) == (50, 100)
    assert len(slot.notices) == 1


def test_a_new_page_gets_the_thumbnail(slot: Picker, png: bytes) -> None:
    """A page that says hello gets the thumbnail of the picture in the slot; an empty slot sends none."""
    send_message(slot, {"kind": "hello"})
    assert messages_of(slot, "picture") == []
    upload(slot, png)
    wait_for_threads()
    send_message(slot, {"kind": "hello"})
    first, second = messages_of(slot, "picture")
    assert first == second


def test_clear_empties_the_slot(slot: Picker, png: bytes) -> None:
    """Clearing removes the picture and its name, and tells every page."""
    upload(slot, png)
    wait_for_threads()
    send_message(slot, {"kind": "clear"})
    assert (slot.state, slot.name, slot.width, slot.image) == ("empty", "", 0, None)
    assert len(messages_of(slot, "cleared")) == 1


def test_an_aborted_upload_leaves_the_slot_without_a_picture(slot: Picker) -> None:
    """An upload that the page aborts leaves an empty slot; if the file became unreadable, the message names it."""
    begin = {"kind": "begin", "id": "u1", "name": "a.png", "size": 9, "type": "image/png"}
    send_message(slot, begin)
    assert slot.state == "receiving"
    send_message(slot, {"kind": "abort", "id": "u1"})
    assert slot.state == "empty"
    send_message(slot, begin)
    send_message(slot, {"kind": "abort", "id": "u1", "reason": "unreadable"})
    assert slot.state == "failed"
    assert "a.png" in slot.message


def test_two_slots_swap_their_pictures(slot: Picker, png: bytes) -> None:
    """Swapping exchanges pictures, names and sizes, and the pages get the other thumbnail."""
    other = Picker(role="last")
    upload(slot, png, id="one", name="one.png")
    upload(other, make_png(30, 20), id="two", name="two.png")
    wait_for_threads()
    slot.swap_with(other)
    assert (slot.name, slot.width, other.name, other.width) == ("two.png", 30, "one.png", 64)
    assert messages_of(slot, "picture")[-1][0]["id"] == "two"
    slot.clear()
    slot.swap_with(other)
    assert (slot.name, other.state) == ("one.png", "empty")


def test_a_slot_that_is_receiving_is_not_swapped(slot: Picker, png: bytes) -> None:
    """While one of the slots receives a picture, both stay unchanged."""
    other = Picker(role="last")
    upload(other, png)
    wait_for_threads()
    send_message(slot, {"kind": "begin", "id": "u2", "name": "a.png", "size": 9, "type": "image/png"})
    slot.swap_with(other)
    assert (slot.state, other.state) == ("receiving", "ready")


def test_callbacks_are_called_at_each_change(slot: Picker, png: bytes) -> None:
    """A callback is called when a picture was loaded and when it was removed."""
    has_image: list[bool] = []
    slot.on_change(lambda: has_image.append(slot.image is not None))
    upload(slot, png)
    wait_for_threads()
    slot.clear()
    assert has_image == [True, False]


def test_the_latest_request_wins(slot: Picker, png: bytes) -> None:
    """The result of an older, slower request is dropped."""
    may_end = threading.Event()

    def fetch_slowly(url: str) -> bytes:
        may_end.wait()
        return make_png(20, 20)

    slot = Picker(fetch_url=fetch_slowly)
    slot.load("https://example.org/slow.png")
    slot.load(png).join()
    may_end.set()
    wait_for_threads()
    assert (slot.state, slot.width) == ("ready", 64)
