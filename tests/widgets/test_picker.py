"""The picture slot."""

import base64
import io
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from pixverse_nb.errors import NoAnswer
from pixverse_nb.widgets.form import Form
from pixverse_nb.widgets.picker import PictureSlot
from tests.widgets.conftest import make_png
from tests.widgets.fakes import FakeClient
from tests.widgets.page import messages_of, send_message, upload, wait_for_threads

PICTURES = Path(__file__).parent.parent.parent / "notebooks" / "pictures"


class SlotPage:
    """One slot of a form, and what its page sends and gets."""

    def __init__(self, form: Form, role: str = "first") -> None:
        self.form = form
        self.role = role
        self.slot: PictureSlot = form.first if role == "first" else form.last

    def send(self, content: object, *buffers: bytes) -> None:
        """Send a message from the page to the slot."""
        send_message(self.form, {"slot": self.role, **content} if isinstance(content, dict) else content, *buffers)

    def messages(self, kind: str) -> list[tuple[Mapping[str, Any], list[bytes]]]:
        """Return the messages of one kind that the slot has sent."""
        return [(one, buffers) for one, buffers in messages_of(self.form, kind) if one["slot"] == self.role]

    def upload(self, data: bytes, **details: Any) -> None:
        """Upload a file as the page does."""
        upload(self.form, self.role, data, **details)

    def shows(self, *names: str) -> tuple[object, ...]:
        """Return what the page shows."""
        values = self.slot.to_json()
        return tuple(values[name] for name in names)

    @property
    def content(self) -> Any:
        """What the slot passes to the client."""
        assert self.slot.image is not None
        return self.slot.image.content


@pytest.fixture
def slot(client: FakeClient) -> SlotPage:
    """An empty slot."""
    return SlotPage(Form(client))


def test_an_uploaded_picture_is_loaded_and_shown(slot: SlotPage, png: bytes) -> None:
    """After the last chunk the slot has the picture's size and bytes, and sends its thumbnail."""
    slot.upload(png, name="cat.png", chunk_bytes=50)
    wait_for_threads()
    assert slot.shows("state", "name", "width", "height", "size") == ("ready", "cat.png", 64, 48, len(png))
    assert slot.content == png
    ((message, (jpeg,)),) = slot.messages("picture")
    assert message["id"] == "u1"
    assert jpeg.startswith(b"\xff\xd8\xff")


def test_every_chunk_is_acknowledged(slot: SlotPage, png: bytes) -> None:
    """The announcement and each chunk are answered with the number of bytes received."""
    slot.upload(png, chunk_bytes=100)
    received = [message["received"] for message, _ in slot.messages("ack")]
    assert received == [*range(0, len(png), 100), len(png)]


def test_no_trait_contains_the_picture(slot: SlotPage, png: bytes) -> None:
    """The state that notebooks save contains neither the file nor its thumbnail."""
    slot.upload(png)
    wait_for_threads()
    state = json.dumps(slot.form.get_state(), default=repr)
    assert base64.b64encode(png).decode()[:40] not in state
    assert repr(png)[2:40] not in state
    assert not any(isinstance(value, bytes | memoryview) for value in slot.form.get_state().values())


def test_chunks_of_an_older_upload_are_ignored(slot: SlotPage, png: bytes) -> None:
    """A chunk with the id of an older upload is neither stored nor acknowledged."""
    for upload_id in ("old", "new"):
        slot.send({"kind": "begin", "id": upload_id, "name": "a.png", "size": len(png), "type": "image/png"})
    ack_count = len(slot.messages("ack"))
    slot.send({"kind": "chunk", "id": "old", "offset": 0}, bytes(len(png)))
    assert len(slot.messages("ack")) == ack_count
    slot.send({"kind": "chunk", "id": "new", "offset": 0}, png)
    wait_for_threads()
    assert slot.content == png


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
def test_malformed_messages_are_ignored(slot: SlotPage, png: bytes, message: object) -> None:
    """After a malformed message the slot accepts the next picture as usual."""
    send_message(slot.form, message)
    slot.send(message)
    slot.upload(png)
    wait_for_threads()
    assert slot.slot.state == "ready"
    assert slot.slot.message == ""


def test_a_file_that_is_not_a_picture_is_rejected(slot: SlotPage) -> None:
    """A file that cannot be decoded leaves the slot failed and without a picture, and the page is told."""
    slot.upload(b"%PDF-1.7 and so on", name="bill.png")
    wait_for_threads()
    assert slot.slot.state == "failed"
    assert "PDF" in slot.slot.message
    assert slot.slot.image is None
    assert slot.messages("cleared")[-1][0]["id"] == "u1"


def test_a_damaged_picture_is_rejected_at_once(slot: SlotPage) -> None:
    """A truncated file is rejected when it is chosen, not when the video is created."""
    slot.upload((PICTURES / "chelsea.jpg").read_bytes()[:9000])
    wait_for_threads()
    assert (slot.slot.state, slot.slot.image) == ("failed", None)
    assert "JPEG" in slot.slot.message


def test_an_upload_above_the_limit_is_rejected_before_the_first_chunk(slot: SlotPage) -> None:
    """The announcement of a file that is too large is rejected with its size."""
    slot.send({"kind": "begin", "id": "u1", "name": "huge.png", "size": 10**9, "type": "image/png"})
    assert slot.slot.state == "failed"
    assert "1000 MB" in slot.slot.message
    assert slot.messages("ack") == []


def test_a_typed_path_stays_a_path(slot: SlotPage) -> None:
    """A typed path loads the picture and is passed to the client as a path, so that code can name it."""
    slot.send({"kind": "address", "text": f" {PICTURES / 'chelsea.jpg'} "})
    wait_for_threads()
    assert slot.shows("state", "name", "width") == ("ready", "chelsea.jpg", 451)
    assert slot.content == PICTURES / "chelsea.jpg"


def test_a_file_that_has_changed_is_sent_as_it_was_loaded(slot: SlotPage, png: bytes, tmp_path: Path) -> None:
    """If the file at the path has changed, the loaded picture is used."""
    path = tmp_path / "a.png"
    path.write_bytes(png)
    slot.slot.load(path)
    wait_for_threads()
    path.write_bytes(make_png(20, 20))
    assert slot.content == png


def test_a_missing_file_is_named(slot: SlotPage, tmp_path: Path) -> None:
    """The message for a path without a file names the file."""
    slot.send({"kind": "address", "text": str(tmp_path / "nothing.png")})
    wait_for_threads()
    assert slot.slot.state == "failed"
    assert "nothing.png" in slot.slot.message


@pytest.mark.parametrize("form", ['"{}"', "'{}'", " {} ", "file://{}", "FILE://localhost{}"])
def test_a_path_copied_from_a_file_manager_is_understood(slot: SlotPage, form: str, tmp_path: Path, png: bytes) -> None:
    """A path in quotes, with spaces around it, or as a file URL loads the same file."""
    path = tmp_path / "my picture.png"
    path.write_bytes(png)
    typed = str(path).replace(" ", "%20") if form.lower().startswith("file") else str(path)
    slot.send({"kind": "address", "text": form.format(typed)})
    wait_for_threads()
    assert slot.shows("state", "message") == ("ready", "")
    assert slot.slot.name == path.name
    assert slot.content == path


def test_a_url_is_fetched(client: FakeClient, png: bytes) -> None:
    """An http(s) URL is fetched with `fetch_url`; its error is shown in the slot, redacted."""
    pictures = {"https://example.org/cat.png": png}

    def fetch_url(url: str) -> bytes:
        if url not in pictures:
            raise NoAnswer("no host at maria@example.org", sent=False)
        return pictures[url]

    client.fetch_picture = fetch_url
    slot = SlotPage(Form(client))
    slot.send({"kind": "address", "text": "https://example.org/cat.png"})
    wait_for_threads()
    assert (slot.slot.state, slot.slot.name, slot.content) == ("ready", "cat.png", png)
    slot.send({"kind": "clear"})
    slot.send({"kind": "address", "text": "https://example.org/dog.png"})
    wait_for_threads()
    assert slot.slot.state == "failed"
    assert slot.slot.message
    assert "maria" not in slot.slot.message


def test_an_image_object_can_be_loaded(slot: SlotPage) -> None:
    """A PIL image fills the slot with a thumbnail and without a file size."""
    image = Image.new("RGB", (100, 50), "navy")
    slot.slot.load(image, name="navy").join()
    assert slot.shows("state", "name", "width", "size") == ("ready", "navy", 100, 0)
    assert slot.content.tobytes() == image.tobytes()


def test_a_rotated_photo_is_turned_upright_with_a_notice(slot: SlotPage) -> None:
    """A photo with an EXIF rotation has its upright size, and the slot has a notice about it."""
    image = Image.new("RGB", (100, 50), "navy")
    exif = image.getexif()
    exif[274] = 6
    sink = io.BytesIO()
    image.save(sink, "JPEG", exif=exif)
    slot.slot.load(sink.getvalue()).join()
    assert slot.shows("width", "height") == (50, 100)
    assert len(cast(list[str], slot.slot.to_json()["notices"])) == 1


def test_a_new_page_gets_the_thumbnail(slot: SlotPage, png: bytes) -> None:
    """A page that says hello gets the thumbnail of the picture in the slot; an empty slot sends none."""
    slot.send({"kind": "hello"})
    assert slot.messages("picture") == []
    slot.upload(png)
    wait_for_threads()
    slot.send({"kind": "hello"})
    first, second = slot.messages("picture")
    assert first == second


def test_clear_empties_the_slot(slot: SlotPage, png: bytes) -> None:
    """Clearing removes the picture and its name, and tells every page."""
    slot.upload(png)
    wait_for_threads()
    slot.send({"kind": "clear"})
    assert slot.shows("state", "name", "width") == ("empty", "", 0)
    assert slot.slot.image is None
    assert len(slot.messages("cleared")) == 1


def test_an_aborted_upload_leaves_the_slot_without_a_picture(slot: SlotPage) -> None:
    """An upload that the page aborts leaves an empty slot; if the file became unreadable, the message names it."""
    begin = {"kind": "begin", "id": "u1", "name": "a.png", "size": 9, "type": "image/png"}
    slot.send(begin)
    assert slot.shows("state") == ("receiving",)
    slot.send({"kind": "abort", "id": "u1"})
    assert slot.shows("state") == ("empty",)
    slot.send(begin)
    slot.send({"kind": "abort", "id": "u1", "reason": "unreadable"})
    assert slot.shows("state") == ("failed",)
    assert "a.png" in slot.slot.message


def test_two_slots_swap_their_pictures(slot: SlotPage, png: bytes) -> None:
    """Swapping exchanges pictures, names and sizes, and the pages get the other thumbnail."""
    other = SlotPage(slot.form, "last")
    slot.upload(png, id="one", name="one.png")
    other.upload(make_png(30, 20), id="two", name="two.png")
    wait_for_threads()
    slot.slot.swap_with(other.slot)
    assert (*slot.shows("name", "width"), *other.shows("name", "width")) == ("two.png", 30, "one.png", 64)
    assert slot.messages("picture")[-1][0]["id"] == "two"
    slot.slot.clear()
    slot.slot.swap_with(other.slot)
    assert (slot.slot.name, other.slot.state) == ("one.png", "empty")


def test_a_slot_that_is_receiving_is_not_swapped(slot: SlotPage, png: bytes) -> None:
    """While one of the slots receives a picture, both stay unchanged."""
    other = SlotPage(slot.form, "last")
    other.upload(png)
    wait_for_threads()
    slot.send({"kind": "begin", "id": "u2", "name": "a.png", "size": 9, "type": "image/png"})
    slot.slot.swap_with(other.slot)
    assert (slot.slot.state, other.slot.state) == ("receiving", "ready")


def test_the_latest_request_wins(client: FakeClient, png: bytes) -> None:
    """The result of an older, slower request is dropped."""
    may_end = threading.Event()

    def fetch_slowly(url: str) -> bytes:
        may_end.wait()
        return make_png(20, 20)

    client.fetch_picture = fetch_slowly
    slot = SlotPage(Form(client))
    slot.slot.load("https://example.org/slow.png")
    slot.slot.load(png).join()
    may_end.set()
    wait_for_threads()
    assert slot.shows("state", "width") == ("ready", 64)


# ---- what comes back ----


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "begin", "id": "u2", "name": "huge.png", "size": 10**9, "type": "image/png"},
        {"kind": "begin", "id": "u2", "name": "bill.pdf", "size": 9, "type": "application/pdf"},
        {"kind": "begin", "id": "u2", "name": "folder", "size": 0, "type": ""},
        {"kind": "address", "text": "/no/such/picture.png"},
    ],
)
def test_a_picture_that_cannot_be_used_leaves_the_earlier_one(
    slot: SlotPage, png: bytes, bad: dict[str, object]
) -> None:
    """The slot says why, keeps its picture, and sends its thumbnail again to the page that shows the new one."""
    slot.upload(png, name="cat.png")
    wait_for_threads()
    slot.send(bad)
    wait_for_threads()
    assert slot.shows("state", "name", "width") == ("ready", "cat.png", 64)
    assert slot.content == png
    assert slot.slot.message
    assert [message["id"] for message, _ in slot.messages("picture")] == ["u1", "u1"]


def test_an_aborted_upload_leaves_the_earlier_picture(slot: SlotPage, png: bytes) -> None:
    """An upload that the page gives up brings the picture back that it was to replace."""
    slot.upload(png)
    wait_for_threads()
    slot.send({"kind": "begin", "id": "u2", "name": "b.png", "size": 9, "type": "image/png"})
    assert slot.slot.image is None
    slot.send({"kind": "abort", "id": "u2"})
    assert slot.content == png
    slot.send({"kind": "clear"})
    assert slot.shows("state") == ("empty",)


def test_a_sender_is_told_where_to_go_on(slot: SlotPage, png: bytes) -> None:
    """A page that has heard nothing asks, gets the bytes received, and goes on from there."""
    slot.send({"kind": "begin", "id": "u1", "name": "a.png", "size": len(png), "type": "image/png"})
    slot.send({"kind": "chunk", "id": "u1", "offset": 0}, png[:50])
    slot.send({"kind": "resume", "id": "u1"})
    answer, _ = slot.messages("ack")[-1]
    assert (answer["received"], answer["is_resumed"]) == (50, True)
    slot.send({"kind": "chunk", "id": "u1", "offset": 50}, png[50:])
    wait_for_threads()
    assert slot.content == png


def test_a_sender_whose_upload_is_not_there_is_told_so(slot: SlotPage, png: bytes) -> None:
    """An upload that never began is begun again; one that was cleared ends; one that is complete is acknowledged."""
    slot.send({"kind": "resume", "id": "u9"})
    assert [message["id"] for message, _ in slot.messages("restart")] == ["u9"]
    assert slot.messages("cleared") == []
    slot.upload(png, id="u9")
    wait_for_threads()
    slot.form.comm.sent.clear()
    slot.send({"kind": "resume", "id": "u9"})
    ((answer, _),) = slot.messages("ack")
    assert answer["received"] == answer["size"] == len(png)
    slot.send({"kind": "clear"})
    slot.form.comm.sent.clear()
    slot.send({"kind": "resume", "id": "u9"})
    assert [message["id"] for message, _ in slot.messages("cleared")] == ["u9"]
    assert slot.messages("restart") == []


def test_an_upload_without_its_page_ends(slot: SlotPage, png: bytes) -> None:
    """Another page saw it stand still: the slot says that it was interrupted, and takes the next picture."""
    slot.send({"kind": "begin", "id": "u1", "name": "a.png", "size": len(png), "type": "image/png"})
    slot.send({"kind": "chunk", "id": "u1", "offset": 0}, png[:50])
    slot.send({"kind": "stalled", "id": "u1", "received": 0})  # 50 more have come since
    assert slot.messages("ack")[-1][0]["received"] == 50
    slot.send({"kind": "stalled", "id": "u0", "received": 50})
    assert slot.shows("state", "upload") == ("receiving", "u1")
    slot.send({"kind": "stalled", "id": "u1", "received": 50})
    assert slot.shows("state", "upload") == ("failed", "")
    assert "a.png" in slot.slot.message
    slot.upload(png, id="u2")
    wait_for_threads()
    assert slot.content == png
