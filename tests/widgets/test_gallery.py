"""The gallery, as its page sees it."""

import io
import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixverse_nb.domain.jobs import JobState, VideoFile
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.errors import DownloadError, InvalidRequest
from pixverse_nb.render.tiles import COMPARED_MAX, NO_WINNER, Tile
from pixverse_nb.widgets.assets import bundle_js
from pixverse_nb.widgets.gallery import Gallery, gallery
from tests.render.conftest import outputs
from tests.render.factories import a_request, a_video, an_mp4
from tests.widgets.conftest import a_png
from tests.widgets.page import PATIENCE_S, change, heard, say, settle

__all__ = ["outputs"]  # a fixture

EMAIL = "maria@example.org"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small real mp4."""
    return an_mp4(tmp_path_factory.mktemp("films") / "film.mp4")


def a_tile(number: int, state: JobState = JobState.GENERATING, **changes: Any) -> Tile:
    """The tile of one seed."""
    return Tile(f"k{number}", f"seed {number}", state, axes={"seed": number}, **changes)


def done(number: int, film: Path, **changes: Any) -> Tile:
    """The tile of one seed with its video."""
    video = a_video(film, poster_jpeg=a_png(640, 360), **changes)
    return a_tile(number, JobState.DONE, video=video)


def rows(wall: Gallery) -> list[list[str]]:
    """Return the keys of each message of tiles, oldest first."""
    return [[row["key"] for row in message["rows"]] for message, _ in heard(wall, "tiles")]


def test_a_page_that_says_hello_gets_every_tile() -> None:
    """The answer to hello holds all tiles, in the order in which they came, and the kernel's clock."""
    wall = Gallery([a_tile(2), a_tile(1)])
    say(wall, {"kind": "hello"})
    ((message, _),) = heard(wall, "tiles")
    assert [row["caption"] for row in message["rows"]] == ["seed 2", "seed 1"]
    assert message["is_complete"] is True
    assert message["now"] > 1_700_000_000


def test_before_hello_the_state_of_the_widget_holds_all() -> None:
    """A kernel that is busy from the first cell on cannot answer: until then its changes travel as a trait."""
    wall = Gallery([a_tile(1)])
    wall.show_tile(a_tile(1, JobState.FAILED, line="The service had an error."))
    settle()
    assert [(row["state"], row["line"]) for row in wall.rows] == [("failed", "The service had an error.")]
    assert heard(wall, "tiles") == []


def test_two_hundred_changes_are_a_few_messages() -> None:
    """What comes at once, from many threads, travels together, and nothing is lost."""
    wall = Gallery([a_tile(number) for number in range(200)])
    say(wall, {"kind": "hello"})

    def fail(some: Sequence[int]) -> None:
        for number in some:
            wall.show_tile(a_tile(number, JobState.FAILED))

    threads = [threading.Thread(target=fail, args=(range(start, 200, 4),)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    settle()
    _, *later = rows(wall)
    assert {key for keys in later for key in keys} == {f"k{number}" for number in range(200)}
    assert len(later) < 20
    assert all(tile.state is JobState.FAILED for tile in wall.tiles)


def test_a_tile_that_says_nothing_new_is_not_sent() -> None:
    """The same tile a second time is no message."""
    wall = Gallery([a_tile(1)])
    say(wall, {"kind": "hello"})
    wall.update([a_tile(1)])
    settle()
    assert len(rows(wall)) == 1


def test_posters_come_as_buffers_when_they_are_asked_for(film: Path) -> None:
    """A JPEG travels beside the message; a tile without a video has none, and an unknown key is passed over."""
    wall = Gallery([done(1, film), a_tile(2)])
    say(wall, {"kind": "posters", "keys": ["k1", "k2", "k9", 7, None]})
    settle()
    posters = [(message["key"], buffers) for message, buffers in heard(wall, "poster")]
    assert [key for key, _ in posters] == ["k1", "k2", "k1"]
    quick, none, best = (buffers for _, buffers in posters)
    assert quick[0][:3] == best[0][:3] == b"\xff\xd8\xff"
    assert quick != best  # the second is from the middle of the film, where the videos differ
    assert none == []


def test_a_tile_that_fills_brings_its_poster(film: Path) -> None:
    """A busy kernel could not be asked, so the poster of a tile that has just been done comes by itself."""
    wall = Gallery([a_tile(1)])
    say(wall, {"kind": "hello"})
    wall.show_tile(done(1, film))
    settle()
    assert [message["key"] for message, _ in heard(wall, "poster")][:1] == ["k1"]


def test_no_picture_and_no_path_is_in_the_widgets_state(film: Path) -> None:
    """What a notebook may save of a widget holds words only, with no e-mail in them."""
    wall = Gallery([replace(done(1, film), caption=EMAIL)], title="Steam")
    state = json.dumps({name: value for name, value in wall.get_state().items() if not name.startswith("_")})
    assert EMAIL not in state
    assert str(film.parent) not in state
    assert len(state) < 3000


def test_a_film_is_served_by_key_alone(film: Path) -> None:
    """The page gets the film of a tile that is shown; a path is no key."""
    wall = Gallery([done(1, film)])
    say(wall, {"kind": "request", "key": "k1", "id": "a"})
    say(wall, {"kind": "request", "key": str(film), "id": "b"})
    settle()
    ((_, (piece,)),) = heard(wall, "chunk")
    assert piece == film.read_bytes()
    assert [message["id"] for message, _ in heard(wall, "unavailable")] == ["b"]


def test_a_verdict_reaches_its_owner_and_the_other_views(film: Path) -> None:
    """What a person says is kept, told to the owner in order, and shown in every other view of the gallery."""
    told: list[tuple[str, Rating]] = []
    wall = Gallery([done(1, film), a_tile(2)], on_verdict=lambda key, verdict: told.append((key, verdict)))
    say(wall, {"kind": "rating", "key": "k1", "choice": "winner", "note": "", "view": "v1"})
    say(wall, {"kind": "rating", "key": "k1", "choice": "", "note": "grain", "view": "v1"})
    assert told == [("k1", Rating("winner")), ("k1", Rating("", "grain"))]
    assert wall.verdicts == {"k1": Rating("", "grain")}
    assert [message["view"] for message, _ in heard(wall, "rating")] == ["v1", "v1"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "k9", "choice": "winner", "note": ""},
        {"key": "k1", "choice": "best", "note": ""},
        {"key": "k1", "choice": "winner", "note": None},
        {"key": "k1", "choice": "winner", "note": "x" * 2001},
        {"key": ["k1"], "choice": "winner", "note": ""},
        {"key": "k2", "choice": "winner", "note": ""},
    ],
)
def test_a_verdict_that_makes_no_sense_is_none(wrong: dict[str, object], film: Path) -> None:
    """An unknown tile or choice, a note that is none or too long, and a winner without a video change nothing."""
    told: list[object] = []
    wall = Gallery([done(1, film), a_tile(2)], on_verdict=lambda key, verdict: told.append(key))
    say(wall, {"kind": "rating", **wrong})
    assert wall.verdicts == {}
    assert told == []
    assert heard(wall, "error") == []


def test_a_verdict_stays_when_the_tile_changes(film: Path) -> None:
    """A tile comes with the verdict that is known of it; what was said here since is not taken back by an update."""
    wall = Gallery([a_tile(1, rating=Rating("rejected"))])
    assert wall.verdicts == {"k1": Rating("rejected")}
    wall.judge("k1", Rating("", "after all"))
    wall.update([done(1, film)])
    assert wall.verdicts == {"k1": Rating("", "after all")}


def test_only_a_video_can_be_a_winner(film: Path) -> None:
    """A tile without a video may be rejected and have a note; chosen it may be when its video is there."""
    wall = Gallery([a_tile(1, JobState.FAILED)])
    with pytest.raises(InvalidRequest, match=f"seed 1 {NO_WINNER}"):
        wall.judge("k1", Rating("winner"))
    wall.judge("k1", Rating("rejected", "grain"))
    assert wall.verdicts == {"k1": Rating("rejected", "grain")}
    wall.show_tile(done(1, film))
    wall.judge("k1", Rating("winner"))
    assert wall.verdicts == {"k1": Rating("winner")}


def test_what_was_chosen_before_can_be_taken_back() -> None:
    """A winner of an older version that has no video keeps its note, and can be set free."""
    wall = Gallery([a_tile(1, JobState.FAILED, rating=Rating("winner"))])
    say(wall, {"kind": "rating", "key": "k1", "choice": "winner", "note": "why"})
    assert wall.verdicts == {"k1": Rating("winner", "why")}
    say(wall, {"kind": "rating", "key": "k1", "choice": "", "note": ""})
    assert wall.verdicts == {}


def test_what_the_owner_raises_is_said_in_the_page(film: Path) -> None:
    """An error in `on_verdict` is a sentence in the page, with no e-mail in it, and the verdict is kept."""

    def refuse(key: str, verdict: Rating) -> None:
        raise LookupError(f"nothing of {EMAIL}")

    wall = Gallery([done(1, film)], on_verdict=refuse)
    say(wall, {"kind": "rating", "key": "k1", "choice": "winner", "note": ""})
    ((message, _),) = heard(wall, "error")
    assert "nothing of m…" in message["text"]
    assert wall.verdicts == {"k1": Rating("winner")}


def test_a_choice_is_opened_by_its_owner(film: Path) -> None:
    """Two to nine tiles go to `on_open`, in the order of choosing; fewer, more or none of ours do not."""
    opened: list[list[str]] = []
    wall = Gallery([done(number, film) for number in range(12)], on_open=lambda keys: opened.append(list(keys)))
    assert wall.can_compare is True
    for keys in (["k3", "k1"], ["k1"], [f"k{number}" for number in range(12)], ["k1", "/etc/passwd"], "k1"):
        say(wall, {"kind": "open", "keys": keys})
        settle()
    assert opened == [["k3", "k1"]]
    assert Gallery([]).can_compare is False


def test_the_choice_of_the_page_can_be_read_and_set() -> None:
    """`selected` follows the page, and the page follows it; more than nine are not taken."""
    wall = Gallery([a_tile(1), a_tile(2)])
    change(wall, selected=["k2", "k1"])
    assert wall.selected == ["k2", "k1"]
    with pytest.raises(Exception, match=str(COMPARED_MAX)):
        wall.selected = [str(number) for number in range(COMPARED_MAX + 1)]


def test_the_page_knows_how_many_can_be_compared() -> None:
    """The script, which counts while a person chooses, has the same number as the kernel."""
    assert f"MAX_COMPARED = {COMPARED_MAX};" in bundle_js("gallery")


@pytest.mark.parametrize("message", [None, [], "hello", {"kind": "unknown"}, {}, {"kind": "posters", "keys": 3}])
def test_a_foreign_message_changes_nothing(message: object) -> None:
    """What an older or a foreign page sends is passed over without trouble."""
    wall = Gallery([a_tile(1)])
    say(wall, message)
    settle()
    assert heard(wall, "error") == []


def test_it_shows_itself_as_a_widget_with_html_and_text_beside(film: Path) -> None:
    """The bundle has the view, the stills for a reader without a kernel, and words for a terminal."""
    wall = Gallery([done(1, film), a_tile(2, JobState.FAILED, line="An error.")], title="Steam")
    bundle, _ = wall._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == wall.model_id
    assert bundle["text/html"].count("<img") == 1
    assert "An error." in bundle["text/html"]
    assert bundle["text/plain"] == "Steam\n2 tiles: 1 done, 1 failed\n  seed 1 · Done\n  seed 2 · Failed · An error."


@pytest.mark.parametrize(("count", "most"), [(1, 40_000), (40, 40_000), (200, 16_000)])
def test_the_html_stays_small(film: Path, count: int, most: int) -> None:
    """Noise, the hardest picture to make small, takes less than 40 KB a tile, and less where there are many."""
    noisy = a_noise()
    tiles = [a_tile(number, JobState.DONE, video=a_video(film), poster_jpeg=noisy) for number in range(count)]
    html = Gallery(tiles)._repr_mimebundle_()[0]["text/html"]
    assert html.count("<img") == count
    assert len(html) / count < most + 12_000 / count  # and the stylesheet, once


def test_the_stills_are_an_output_of_their_own(film: Path, outputs: list[dict[str, Any]]) -> None:
    """Shown in a cell, the gallery is one output and its stills another, renewed when every job has ended."""
    wall = Gallery([a_tile(1), a_tile(2)])
    wall._ipython_display_()
    view, stills = outputs
    assert "application/vnd.jupyter.widget-view+json" in view["data"]
    assert "<img" not in view["data"]["text/html"]
    assert wall.fallback_class in stills["data"]["text/html"]
    wall.show_tile(done(1, film))
    settle()
    assert len(outputs) == 2
    wall.show_tile(a_tile(2, JobState.FAILED))
    settle()
    assert outputs[2]["update"] is True
    assert outputs[2]["transient"] == stills["transient"]
    assert outputs[2]["data"]["text/html"].count("<img") == 1


def test_the_stills_of_a_notebook_are_from_the_middle_of_the_films(film: Path, outputs: list[dict[str, Any]]) -> None:
    """First come the pictures at hand, which are all alike, and soon after a frame of each film in their place."""
    Gallery([done(1, film)])._ipython_display_()
    settle()
    _, quick, best = (output["data"]["text/html"] for output in outputs)
    assert quick.count("<img") == best.count("<img") == 1
    assert quick != best


def test_a_comparison_opens_below_the_gallery(film: Path, outputs: list[dict[str, Any]]) -> None:
    """What `on_open` returns takes its place in an output below the gallery; `pv.gallery` opens a comparison."""
    wall = gallery([film, film, film], labels=["a", "b", "c"])
    wall._ipython_display_()
    assert len(outputs) == 3
    say(wall, {"kind": "open", "keys": [tile.key for tile in wall.tiles[:2]]})
    settle()
    (below,) = (output for output in outputs[3:] if output["transient"] == outputs[1]["transient"])
    assert below["update"] is True
    assert below["data"]["application/vnd.jupyter.widget-view+json"]["model_id"] != wall.model_id
    assert "a" in below["data"]["text/plain"]
    assert heard(wall, "error") == []


def test_a_page_that_stands_alone_is_written(film: Path, tmp_path: Path) -> None:
    """`save` writes the films, the stills, the verdicts and the script into one file, and no path of this machine."""
    wall = Gallery([done(1, film), a_tile(2, rating=Rating("rejected", "why"))], title="Steam </script>")
    page = wall.save(tmp_path / "pages" / "steam.html")
    assert page == tmp_path / "pages" / "steam.html"
    text = page.read_text()
    assert text.count('data-video="k1"') == 1
    assert '"note": "why"' in text
    assert str(film.parent) not in text
    assert "Steam &lt;/script&gt;" in text


def test_a_gallery_of_files_is_called_what_differs(film: Path, tmp_path: Path) -> None:
    """Videos are called by the fields in which they differ, others by their file, and each can be named."""
    other = an_mp4(tmp_path / "other.mp4", frames=6)
    made = [
        a_video(film, sha256="a" * 64, request=a_request(seed=1)),
        a_video(film, sha256="b" * 64, request=a_request(seed=2)),
    ]
    assert [tile.caption for tile in gallery([*made, other, str(film)]).tiles] == ["seed 1", "seed 2", "other", "film"]
    assert [tile.caption for tile in gallery(made, labels=["one", "two"]).tiles] == ["one", "two"]
    assert [tile.axes for tile in gallery(made).tiles] == [{"seed": 1}, {"seed": 2}]


def test_the_same_film_twice_is_two_tiles(film: Path) -> None:
    """A tile is named by the sha256 of its film; a second one of it gets a number."""
    keys = [tile.key for tile in gallery([film, film]).tiles]
    assert keys[1] == f"{keys[0]}-2"
    assert len(keys[0]) == 64


def test_a_gallery_of_something_else_says_so(film: Path, tmp_path: Path) -> None:
    """A file that is no mp4 and a wrong number of labels are errors with a sentence."""
    (tmp_path / "page.mp4").write_text("<html>")
    with pytest.raises(DownloadError, match="web page"):
        gallery([tmp_path / "page.mp4"])
    with pytest.raises(ValueError, match="1 videos and 2 labels"):
        gallery([film], labels=["a", "b"])


def test_a_bare_file_gets_a_still_of_its_own(film: Path) -> None:
    """A video without any picture is opened, and its middle is its still; a broken one stands without."""
    bare = VideoFile(path=film, sha256="c" * 64, size_bytes=1)
    gone = replace(bare, path=film.parent / "gone.mp4", sha256="d" * 64)
    html = Gallery([a_tile(1, JobState.DONE, video=bare), a_tile(2, JobState.DONE, video=gone)])._repr_mimebundle_()[0][
        "text/html"
    ]
    assert html.count("<img") == 1


def a_noise() -> bytes:
    """Return a picture of noise, as a JPEG."""
    pixels = np.random.default_rng(1).integers(0, 256, (360, 640, 3), np.uint8)
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, "JPEG", quality=90)
    return sink.getvalue()
