"""The gallery."""

import io
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixverse_nb.domain.jobs import JobState, VideoFile
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.render.tiles import COMPARED_MAX, Tile
from pixverse_nb.widgets.assets import bundle_js
from pixverse_nb.widgets.gallery import Gallery, gallery
from tests.render.conftest import outputs
from tests.render.factories import a_request, a_video, an_mp4
from tests.widgets.conftest import make_png
from tests.widgets.page import TIMEOUT_S, messages_of, send_message, set_traits, wait_for_threads

__all__ = ["outputs"]  # a fixture

EMAIL = "maria@example.org"
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small mp4."""
    return an_mp4(tmp_path_factory.mktemp("videos") / "video.mp4")


def make_tile(number: int, state: JobState = JobState.GENERATING, **changes: Any) -> Tile:
    """Return the tile of one seed."""
    return Tile(f"k{number}", f"seed {number}", state, axes={"seed": number}, **changes)


def finished_tile(number: int, video: Path, **changes: Any) -> Tile:
    """Return the tile of one seed with its video."""
    file = a_video(video, poster_jpeg=make_png(640, 360), **changes)
    return make_tile(number, JobState.DONE, video=file)


def sent_keys(shown: Gallery) -> list[list[str]]:
    """Return the keys in each message of tiles, oldest first."""
    return [[row["key"] for row in message["rows"]] for message, _ in messages_of(shown, "tiles")]


# ---- tiles and posters ----


def test_a_page_that_says_hello_gets_every_tile() -> None:
    """The answer to hello has all tiles in the order in which they were added, and the kernel's time."""
    shown = Gallery([make_tile(2), make_tile(1)])
    send_message(shown, {"kind": "hello"})
    ((message, _),) = messages_of(shown, "tiles")
    assert [row["caption"] for row in message["rows"]] == ["seed 2", "seed 1"]
    assert message["is_complete"] is True
    assert message["now"] > 1_700_000_000


def test_before_hello_changes_are_in_a_trait() -> None:
    """A busy kernel cannot answer hello, so until then changes are written into the trait `rows`."""
    shown = Gallery([make_tile(1)])
    shown.show_tile(make_tile(1, JobState.FAILED, detail="Broken"))
    wait_for_threads()
    assert [(row["state"], row["detail"]) for row in shown.rows] == [("failed", "Broken")]
    assert messages_of(shown, "tiles") == []


def test_many_changes_are_sent_in_few_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 changes from four threads in the pause after the first message arrive completely, in at most one more."""
    is_over = threading.Event()
    monkeypatch.setattr(time, "sleep", lambda _: is_over.wait(TIMEOUT_S))  # the pause lasts until all are made
    shown = Gallery([make_tile(number) for number in range(200)])
    send_message(shown, {"kind": "hello"})

    def fail(numbers: Sequence[int]) -> None:
        for number in numbers:
            shown.show_tile(make_tile(number, JobState.FAILED))

    threads = [threading.Thread(target=fail, args=(range(start, 200, 4),)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    is_over.set()
    wait_for_threads()
    _, *later = sent_keys(shown)
    assert {key for keys in later for key in keys} == {f"k{number}" for number in range(200)}
    assert len(later) <= 2
    assert all(tile.state is JobState.FAILED for tile in shown.tiles)


def test_an_unchanged_tile_is_not_sent() -> None:
    """The same tile a second time causes no message."""
    shown = Gallery([make_tile(1)])
    send_message(shown, {"kind": "hello"})
    shown.update([make_tile(1)])
    wait_for_threads()
    assert len(sent_keys(shown)) == 1


def test_posters_are_sent_as_buffers(video: Path) -> None:
    """A requested poster is a JPEG in a buffer; a tile without a video has none, and unknown keys are ignored."""
    shown = Gallery([finished_tile(1, video), make_tile(2)])
    send_message(shown, {"kind": "posters", "keys": ["k1", "k2", "k9", 7, None]})
    wait_for_threads()
    posters = [(message["key"], buffers) for message, buffers in messages_of(shown, "poster")]
    assert [key for key, _ in posters] == ["k1", "k2", "k1"]
    first_picture, none, middle_frame = (buffers for _, buffers in posters)
    assert first_picture[0][:3] == middle_frame[0][:3] == b"\xff\xd8\xff"
    assert first_picture != middle_frame
    assert none == []


def test_a_finished_tile_brings_its_poster(video: Path) -> None:
    """The poster of a tile that has just finished is sent without a request, because a busy kernel cannot answer."""
    shown = Gallery([make_tile(1)])
    send_message(shown, {"kind": "hello"})
    shown.show_tile(finished_tile(1, video))
    wait_for_threads()
    assert [message["key"] for message, _ in messages_of(shown, "poster")][:1] == ["k1"]


def test_the_saved_state_contains_no_picture_and_no_path(video: Path) -> None:
    """The state that notebooks save is small, redacted text."""
    shown = Gallery([replace(finished_tile(1, video), caption=EMAIL)], title="Steam")
    state = json.dumps({name: value for name, value in shown.get_state().items() if not name.startswith("_")})
    assert EMAIL not in state
    assert str(video.parent) not in state
    assert len(state) < 3000


def test_videos_are_served_by_key(video: Path) -> None:
    """The page can request the video of a tile by its key, but not by a path."""
    shown = Gallery([finished_tile(1, video)])
    send_message(shown, {"kind": "request", "key": "k1", "id": "a"})
    send_message(shown, {"kind": "request", "key": str(video), "id": "b"})
    wait_for_threads()
    ((_, (chunk,)),) = messages_of(shown, "chunk")
    assert chunk == video.read_bytes()
    assert [message["id"] for message, _ in messages_of(shown, "unavailable")] == ["b"]


# ---- ratings ----


def test_a_rating_is_stored_and_passed_on(video: Path) -> None:
    """A rating is stored, passed to the callback in order, and sent to the other views."""
    received: list[tuple[str, Rating]] = []
    tiles = [finished_tile(1, video), make_tile(2)]
    shown = Gallery(tiles, on_rating=lambda key, rating: received.append((key, rating)))
    send_message(shown, {"kind": "rating", "key": "k1", "choice": "winner", "note": "", "view": "v1"})
    send_message(shown, {"kind": "rating", "key": "k1", "choice": "", "note": "grain", "view": "v1"})
    assert received == [("k1", Rating("winner")), ("k1", Rating("", "grain"))]
    assert shown.ratings == {"k1": Rating("", "grain")}
    assert [message["view"] for message, _ in messages_of(shown, "rating")] == ["v1", "v1"]


@pytest.mark.parametrize(
    "invalid",
    [
        {"key": "k9", "choice": "winner", "note": ""},
        {"key": "k1", "choice": "best", "note": ""},
        {"key": "k1", "choice": "winner", "note": None},
        {"key": "k1", "choice": "winner", "note": "x" * 2001},
        {"key": ["k1"], "choice": "winner", "note": ""},
        {"key": "k2", "choice": "winner", "note": ""},
    ],
)
def test_an_invalid_rating_is_ignored(invalid: dict[str, object], video: Path) -> None:
    """An unknown tile or choice, an invalid or long note, and a winner without a video change nothing."""
    received: list[object] = []
    shown = Gallery([finished_tile(1, video), make_tile(2)], on_rating=lambda key, rating: received.append(key))
    send_message(shown, {"kind": "rating", **invalid})
    assert shown.ratings == {}
    assert received == []
    assert messages_of(shown, "error") == []


def test_an_update_keeps_the_rating(video: Path) -> None:
    """A new tile brings its rating; an update of a shown tile does not overwrite the rating given since."""
    shown = Gallery([make_tile(1, rating=Rating("rejected"))])
    assert shown.ratings == {"k1": Rating("rejected")}
    shown.rate("k1", Rating("", "later"))
    shown.update([finished_tile(1, video)])
    assert shown.ratings == {"k1": Rating("", "later")}


def test_only_a_tile_with_a_video_can_win(video: Path) -> None:
    """A tile without a video can be rejected and have a note; it can win once it has a video."""
    shown = Gallery([make_tile(1, JobState.FAILED)])
    with pytest.raises(InvalidRequest) as caught:
        shown.rate("k1", Rating("winner"))
    assert caught.value.fields.keys() == {"rating"}
    shown.rate("k1", Rating("rejected", "grain"))
    assert shown.ratings == {"k1": Rating("rejected", "grain")}
    shown.show_tile(finished_tile(1, video))
    shown.rate("k1", Rating("winner"))
    assert shown.ratings == {"k1": Rating("winner")}


def test_a_stored_winner_without_a_video_can_be_changed() -> None:
    """A winner stored by an older version can get a note and be cleared, although it has no video."""
    shown = Gallery([make_tile(1, JobState.FAILED, rating=Rating("winner"))])
    send_message(shown, {"kind": "rating", "key": "k1", "choice": "winner", "note": "why"})
    assert shown.ratings == {"k1": Rating("winner", "why")}
    send_message(shown, {"kind": "rating", "key": "k1", "choice": "", "note": ""})
    assert shown.ratings == {}


def test_an_error_of_the_callback_is_sent_to_the_page(video: Path) -> None:
    """If `on_rating` raises, the page gets the redacted error, and the rating is kept."""

    def fail(key: str, rating: Rating) -> None:
        raise LookupError(EMAIL)

    shown = Gallery([finished_tile(1, video)], on_rating=fail)
    send_message(shown, {"kind": "rating", "key": "k1", "choice": "winner", "note": ""})
    ((message, _),) = messages_of(shown, "error")
    assert "LookupError" in message["text"]
    assert EMAIL not in message["text"]
    assert shown.ratings == {"k1": Rating("winner")}


# ---- selection and comparison ----


def test_selected_tiles_are_passed_to_on_open(video: Path) -> None:
    """Two to nine known keys are passed to `on_open` in the order of selection; other messages are ignored."""
    opened: list[list[str]] = []
    tiles = [finished_tile(number, video) for number in range(12)]
    shown = Gallery(tiles, on_open=lambda keys: opened.append(list(keys)))
    assert shown.can_compare is True
    for keys in (["k3", "k1"], ["k1"], [f"k{number}" for number in range(12)], ["k1", "/etc/passwd"], "k1"):
        send_message(shown, {"kind": "open", "keys": keys})
        wait_for_threads()
    assert opened == [["k3", "k1"]]
    assert Gallery([]).can_compare is False


def test_selected_follows_the_page() -> None:
    """`selected` has the keys that the page has set, and more than nine are rejected."""
    shown = Gallery([make_tile(1), make_tile(2)])
    set_traits(shown, selected=["k2", "k1"])
    assert shown.selected == ["k2", "k1"]
    with pytest.raises(Exception, match=str(COMPARED_MAX)):
        shown.selected = [str(number) for number in range(COMPARED_MAX + 1)]


def test_the_script_has_the_same_selection_limit() -> None:
    """The limit in the script equals the limit in Python."""
    assert f"MAX_COMPARED = {COMPARED_MAX};" in bundle_js("gallery")


def test_a_comparison_opens_below_the_gallery(video: Path, outputs: list[dict[str, Any]]) -> None:
    """The comparison of the selected videos is shown in an output below the gallery."""
    shown = gallery([video, video, video], labels=["a", "b", "c"])
    shown._ipython_display_()
    assert len(outputs) == 3
    send_message(shown, {"kind": "open", "keys": [tile.key for tile in shown.tiles[:2]]})
    wait_for_threads()
    (comparison,) = (output for output in outputs[3:] if output["transient"] == outputs[1]["transient"])
    assert comparison["update"] is True
    assert comparison["data"][WIDGET]["model_id"] != shown.model_id
    assert "a" in comparison["data"]["text/plain"]
    assert messages_of(shown, "error") == []


@pytest.mark.parametrize("message", [None, [], "hello", {"kind": "unknown"}, {}, {"kind": "posters", "keys": 3}])
def test_malformed_messages_are_ignored(message: object) -> None:
    """A malformed message or one of another version causes no error."""
    shown = Gallery([make_tile(1)])
    send_message(shown, message)
    wait_for_threads()
    assert messages_of(shown, "error") == []


# ---- display ----


def test_the_bundle_has_the_widget_html_and_text(video: Path) -> None:
    """The bundle has the widget, still images for readers without a kernel, and text for a terminal."""
    shown = Gallery([finished_tile(1, video), make_tile(2, JobState.FAILED, detail="Broken")], title="Steam")
    bundle, _ = shown._repr_mimebundle_()
    assert bundle[WIDGET]["model_id"] == shown.model_id
    assert bundle["text/html"].count("<img") == 1
    for token in ("Steam", "seed 1", "seed 2", "Broken"):
        assert token in bundle["text/html"]
        assert token in bundle["text/plain"]


@pytest.mark.parametrize(("count", "max_bytes"), [(1, 40_000), (40, 40_000), (200, 16_000)])
def test_the_html_stays_small(video: Path, count: int, max_bytes: int) -> None:
    """Noise, which compresses worst, needs less than 40 KB for each tile, and less if there are many."""
    noise = noisy_jpeg()
    tiles = [make_tile(number, JobState.DONE, video=a_video(video, poster_jpeg=noise)) for number in range(count)]
    html = Gallery(tiles)._repr_mimebundle_()[0]["text/html"]
    assert html.count("<img") == count
    assert len(html) / count < max_bytes + 12_000 / count  # 12,000 for the stylesheet, once


def test_the_still_images_are_a_separate_output(video: Path, outputs: list[dict[str, Any]]) -> None:
    """The gallery and its still images are two outputs; the images are updated when all jobs have finished."""
    shown = Gallery([make_tile(1), make_tile(2)])
    shown._ipython_display_()
    view, images = outputs
    assert WIDGET in view["data"]
    assert "<img" not in view["data"]["text/html"]
    assert shown.fallback_class in images["data"]["text/html"]
    shown.show_tile(finished_tile(1, video))
    wait_for_threads()
    assert len(outputs) == 2
    shown.show_tile(make_tile(2, JobState.FAILED))
    wait_for_threads()
    assert outputs[2]["update"] is True
    assert outputs[2]["transient"] == images["transient"]
    assert outputs[2]["data"]["text/html"].count("<img") == 1


def test_the_still_images_become_middle_frames(video: Path, outputs: list[dict[str, Any]]) -> None:
    """The first pictures are shown at once, and are then replaced by the middle frames of the videos."""
    Gallery([finished_tile(1, video)])._ipython_display_()
    wait_for_threads()
    _, first_pictures, middle_frames = (output["data"]["text/html"] for output in outputs)
    assert first_pictures.count("<img") == middle_frames.count("<img") == 1
    assert first_pictures != middle_frames


def test_a_video_without_a_picture_shows_its_middle_frame(video: Path) -> None:
    """A video without a first picture is decoded for its still image; a missing file has none."""
    without_poster = VideoFile(path=video, sha256="c" * 64, size_bytes=1)
    missing = replace(without_poster, path=video.parent / "gone.mp4", sha256="d" * 64)
    tiles = [make_tile(n, JobState.DONE, video=file) for n, file in enumerate((without_poster, missing), 1)]
    html = Gallery(tiles)._repr_mimebundle_()[0]["text/html"]
    assert html.count("<img") == 1


def test_the_saved_page_is_complete(video: Path, tmp_path: Path) -> None:
    """`save` writes the videos, the ratings and the script into one file, escaped and without local paths."""
    tiles = [finished_tile(1, video), make_tile(2, rating=Rating("rejected", "why"))]
    page = Gallery(tiles, title="</script>").save(tmp_path / "pages" / "steam.html")
    assert page == tmp_path / "pages" / "steam.html"
    text = page.read_text()
    assert text.count('data-video="k1"') == 1
    assert '"note": "why"' in text
    assert str(video.parent) not in text
    assert "&lt;/script&gt;" in text


# ---- pv.gallery ----


def test_files_are_labelled_with_their_differences(video: Path, tmp_path: Path) -> None:
    """Videos are labelled with the fields that differ, other files with their names, unless labels are given."""
    other = an_mp4(tmp_path / "other.mp4", frames=6)
    videos = [
        a_video(video, sha256="a" * 64, request=a_request(seed=1)),
        a_video(video, sha256="b" * 64, request=a_request(seed=2)),
    ]
    captions = [tile.caption for tile in gallery([*videos, other, str(video)]).tiles]
    assert captions == ["seed 1", "seed 2", "other", "video"]
    assert [tile.caption for tile in gallery(videos, labels=["one", "two"]).tiles] == ["one", "two"]
    assert [tile.axes for tile in gallery(videos).tiles] == [{"seed": 1}, {"seed": 2}]


def test_the_same_video_twice_is_two_tiles(video: Path) -> None:
    """The key of a tile is the sha256 of its video, with a number for the second tile."""
    keys = [tile.key for tile in gallery([video, video]).tiles]
    assert keys[1] == f"{keys[0]}-2"
    assert len(keys[0]) == 64


def test_invalid_arguments_are_rejected(video: Path, tmp_path: Path) -> None:
    """Everything that is no video is named, and so is a wrong number of labels."""
    (tmp_path / "page.mp4").write_text("<html>")
    with pytest.raises(InvalidRequest) as caught:
        gallery([video, tmp_path / "page.mp4", tmp_path / "none.mp4", 7], labels=["a", "b"])  # type: ignore[list-item]
    assert caught.value.fields.keys() == {"videos[1]", "videos[2]", "videos[3]", "labels"}


def noisy_jpeg() -> bytes:
    """Return a JPEG of noise."""
    pixels = np.random.default_rng(1).integers(0, 256, (360, 640, 3), np.uint8)
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, "JPEG", quality=90)
    return sink.getvalue()


def test_a_terminal_prints_a_gallery_once(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If outputs cannot be replaced, there is one text, not one for each part."""
    gallery([video], labels=["only one"], title="A title")._ipython_display_()
    assert capsys.readouterr().out.count("A title") == 1


def test_the_page_is_told_where_a_comparison_is(video: Path) -> None:
    """In a Box the gallery has no output below it, so its page gets the comparison's model to show it itself."""
    shown = gallery([video, video], labels=["a", "b"])
    send_message(shown, {"kind": "open", "keys": [tile.key for tile in shown.tiles]})
    wait_for_threads()
    ((content, _),) = messages_of(shown, "comparison")
    assert content["model_id"] != shown.model_id
    assert content["mark"]
