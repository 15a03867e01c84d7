"""The picture slot, as its page sees it."""

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
from tests.widgets.conftest import a_png
from tests.widgets.page import heard, say, settle, upload

PICTURES = Path(__file__).parent.parent.parent / "notebooks" / "pictures"


@pytest.fixture
def slot() -> Picker:
    """An empty slot."""
    return Picker(which="first", label="First picture")


def content_of(slot: Picker) -> Any:
    """Return what would go to `create_frames`."""
    assert slot.held is not None
    return slot.held.content


def test_an_uploaded_picture_is_read_and_shown(slot: Picker, png: bytes) -> None:
    """After the last piece the slot knows the picture's size and sends its thumbnail; the bytes are the file's."""
    upload(slot, png, name="cat.png", piece_bytes=50)
    settle()
    assert (slot.state, slot.name, slot.width, slot.height, slot.size) == ("ready", "cat.png", 64, 48, len(png))
    assert content_of(slot) == png
    ((message, (jpeg,)),) = heard(slot, "picture")
    assert message["id"] == "u1"
    assert jpeg.startswith(b"\xff\xd8\xff")


def test_every_piece_is_acknowledged(slot: Picker, png: bytes) -> None:
    """The announcement and each piece are answered with the bytes received, which paces the page."""
    upload(slot, png, piece_bytes=100)
    received = [message["received"] for message, _ in heard(slot, "ack")]
    assert received == [*range(0, len(png), 100), len(png)]


def test_the_bytes_are_never_in_a_trait(slot: Picker, png: bytes) -> None:
    """The state that notebooks store holds neither the file nor its thumbnail."""
    upload(slot, png)
    settle()
    state = json.dumps(slot.get_state(), default=repr)
    assert base64.b64encode(png).decode()[:40] not in state
    assert repr(png)[2:40] not in state
    assert not any(isinstance(value, bytes | memoryview) for value in slot.get_state().values())


def test_pieces_of_an_older_upload_are_ignored(slot: Picker, png: bytes) -> None:
    """A piece with another id than the newest upload's is neither taken nor answered."""
    for name in ("old", "new"):
        say(slot, {"kind": "begin", "id": name, "name": "a.png", "size": len(png), "type": "image/png"})
    answers = len(heard(slot, "ack"))
    say(slot, {"kind": "chunk", "id": "old", "offset": 0}, bytes(len(png)))
    assert len(heard(slot, "ack")) == answers
    say(slot, {"kind": "chunk", "id": "new", "offset": 0}, png)
    settle()
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
def test_senseless_messages_do_no_harm(slot: Picker, png: bytes, message: object) -> None:
    """An old, broken or hostile page raises nothing, and the slot takes the next picture as usual."""
    say(slot, message)
    upload(slot, png)
    settle()
    assert slot.state == "ready"
    assert slot.message == ""


def test_a_file_that_is_no_picture_is_refused_in_words(slot: Picker) -> None:
    """What cannot be decoded leaves the slot failed, with the reason and no picture, and the page is told."""
    upload(slot, b"%PDF-1.7 and so on", name="bill.png")
    settle()
    assert slot.state == "failed"
    assert "PDF" in slot.message
    assert slot.held is None
    assert heard(slot, "cleared")[-1][0]["id"] == "u1"


def test_a_damaged_picture_is_found_at_once(slot: Picker) -> None:
    """A file that is cut short is refused when it is picked, not when it is paid for."""
    upload(slot, (PICTURES / "chelsea.jpg").read_bytes()[:9000])
    settle()
    assert (slot.state, slot.held) == ("failed", None)
    assert "JPEG" in slot.message


def test_an_upload_above_the_limit_never_begins(slot: Picker) -> None:
    """The page is told before it sends the first piece."""
    say(slot, {"kind": "begin", "id": "u1", "name": "huge.png", "size": 10**9, "type": "image/png"})
    assert slot.state == "failed"
    assert "1000 MB" in slot.message
    assert heard(slot, "ack") == []


def test_a_path_is_read_and_stays_a_path(slot: Picker) -> None:
    """A typed path fills the slot, and goes to the client as the path, so that code can name it."""
    say(slot, {"kind": "address", "text": f" {PICTURES / 'chelsea.jpg'} "})
    settle()
    assert (slot.state, slot.name, slot.width) == ("ready", "chelsea.jpg", 451)
    assert content_of(slot) == PICTURES / "chelsea.jpg"


def test_a_file_that_changed_since_goes_as_it_was_shown(slot: Picker, png: bytes, tmp_path: Path) -> None:
    """Where the file at the path is another one by now, the picture that was shown is used."""
    path = tmp_path / "a.png"
    path.write_bytes(png)
    slot.pick(path)
    settle()
    path.write_bytes(a_png(20, 20))
    assert content_of(slot) == png


def test_a_missing_file_is_named(slot: Picker, tmp_path: Path) -> None:
    """A path without a file says so in the slot."""
    say(slot, {"kind": "address", "text": str(tmp_path / "nothing.png")})
    settle()
    assert slot.state == "failed"
    assert "nothing.png" in slot.message


@pytest.mark.parametrize("form", ['"{}"', "'{}'", " {} ", "file://{}", "FILE://localhost{}"])
def test_a_path_is_taken_as_file_managers_copy_it(slot: Picker, form: str, tmp_path: Path, png: bytes) -> None:
    """In quotes, with spaces around, or as a file address with its spaces escaped: it is the same file."""
    path = tmp_path / "my picture.png"
    path.write_bytes(png)
    shown = str(path).replace(" ", "%20") if form.lower().startswith("file") else str(path)
    say(slot, {"kind": "address", "text": form.format(shown)})
    settle()
    assert (slot.state, slot.message, slot.name) == ("ready", "", "my picture.png")
    assert content_of(slot) == path


def test_an_address_is_fetched(png: bytes) -> None:
    """An http(s) address is fetched by the client, and what it raises is said in the slot, masked."""
    found = {"https://example.org/cat.png": png}

    def fetch(url: str) -> bytes:
        if url not in found:
            raise NoAnswer("no host at maria@example.org", sent=False)
        return found[url]

    slot = Picker(fetch=fetch)
    say(slot, {"kind": "address", "text": "https://example.org/cat.png"})
    settle()
    assert (slot.state, slot.name, content_of(slot)) == ("ready", "cat.png", png)
    say(slot, {"kind": "address", "text": "https://example.org/dog.png"})
    settle()
    assert (slot.state, slot.message) == ("failed", "No host at m…@e…")


def test_pixels_can_be_put_in_by_code(slot: Picker) -> None:
    """A PIL image fills the slot too, with a thumbnail and without a file size."""
    image = Image.new("RGB", (100, 50), "navy")
    slot.pick(image, name="navy").join()
    assert (slot.state, slot.name, slot.width, slot.size) == ("ready", "navy", 100, 0)
    assert content_of(slot).tobytes() == image.tobytes()


def test_what_was_changed_in_a_picture_is_told(slot: Picker) -> None:
    """A photograph that lies on its side is turned upright, and the slot says so and gives the upright size."""
    image = Image.new("RGB", (100, 50), "navy")
    exif = image.getexif()
    exif[274] = 6
    sink = io.BytesIO()
    image.save(sink, "JPEG", exif=exif)
    slot.pick(sink.getvalue()).join()
    assert (slot.width, slot.height) == (50, 100)
    assert len(slot.notices) == 1


def test_a_new_page_gets_the_thumbnail_again(slot: Picker, png: bytes) -> None:
    """A page that says hello is sent the picture in the slot; an empty slot sends none."""
    say(slot, {"kind": "hello"})
    assert heard(slot, "picture") == []
    upload(slot, png)
    settle()
    say(slot, {"kind": "hello"})
    first, second = heard(slot, "picture")
    assert first == second


def test_clearing_empties_the_slot(slot: Picker, png: bytes) -> None:
    """Clear takes the picture, its name and its message away, and tells every page."""
    upload(slot, png)
    settle()
    say(slot, {"kind": "clear"})
    assert (slot.state, slot.name, slot.width, slot.held) == ("empty", "", 0, None)
    assert len(heard(slot, "cleared")) == 1


def test_an_aborted_upload_leaves_an_empty_slot(slot: Picker) -> None:
    """A page that closes while it sends leaves nothing half done; a file that went away is said."""
    begin = {"kind": "begin", "id": "u1", "name": "a.png", "size": 9, "type": "image/png"}
    say(slot, begin)
    assert slot.state == "receiving"
    say(slot, {"kind": "abort", "id": "u1"})
    assert slot.state == "empty"
    say(slot, begin)
    say(slot, {"kind": "abort", "id": "u1", "reason": "unreadable"})
    assert slot.message == "a.png cannot be read any more: it was moved or changed. Pick it again."


def test_two_slots_swap_their_pictures(slot: Picker, png: bytes) -> None:
    """Swapping exchanges pictures, names and sizes, and the pages get the other thumbnail."""
    other = Picker(which="last")
    upload(slot, png, id="one", name="one.png")
    upload(other, a_png(30, 20), id="two", name="two.png")
    settle()
    slot.swap_with(other)
    assert (slot.name, slot.width, other.name, other.width) == ("two.png", 30, "one.png", 64)
    assert heard(slot, "picture")[-1][0]["id"] == "two"
    slot.clear()
    slot.swap_with(other)
    assert (slot.name, other.state) == ("one.png", "empty")


def test_a_slot_that_is_still_receiving_is_not_swapped(slot: Picker, png: bytes) -> None:
    """While a picture is on its way into one of the slots, both stay as they are."""
    other = Picker(which="last")
    upload(other, png)
    settle()
    say(slot, {"kind": "begin", "id": "u2", "name": "a.png", "size": 9, "type": "image/png"})
    slot.swap_with(other)
    assert (slot.state, other.state) == ("receiving", "ready")


def test_changes_are_told(slot: Picker, png: bytes) -> None:
    """Whoever listens hears of a picture that came and of one that went."""
    seen: list[bool] = []
    slot.on_change(lambda: seen.append(slot.held is not None))
    upload(slot, png)
    settle()
    slot.clear()
    assert seen == [True, False]


def test_a_later_pick_wins_over_a_slower_one(slot: Picker, png: bytes) -> None:
    """What an older pick brings after a newer one has been made is dropped."""
    may_end = threading.Event()

    def slow(url: str) -> bytes:
        may_end.wait()
        return a_png(20, 20)

    slot = Picker(fetch=slow)
    slot.pick("https://example.org/slow.png")
    slot.pick(png).join()
    may_end.set()
    settle()
    assert (slot.state, slot.width) == ("ready", 64)
