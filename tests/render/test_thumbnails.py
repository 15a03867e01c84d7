"""The wall: stills and captions in plain HTML, which need no script and let nothing from outside in."""

from pathlib import Path

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.render.tiles import NO_TILES, Tile, count_words, thumbnails_html, wall_text
from tests.render.factories import a_video
from tests.render.page import Page

BAD = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def a_tile(tmp_path: Path, key: str = "k", **changes: object) -> Tile:
    """A finished tile."""
    fields: dict[str, object] = {
        "caption": "seed 7 · fast",
        "state": JobState.DONE,
        "video": a_video(tmp_path / "a.mp4"),
    }
    return Tile(key, **{**fields, **changes})  # type: ignore[arg-type]  # the changes are of any field


def test_a_done_tile_is_a_still_with_its_caption(tmp_path: Path) -> None:
    """The poster is in the HTML itself, its size in attributes, and the caption below it."""
    page = Page(thumbnails_html([a_tile(tmp_path)], posters={"k": b"jpeg"}))
    image = page.only("img")
    assert (image["src"] or "").startswith("data:image/jpeg;base64,")
    assert (image["width"], image["height"], image["alt"]) == ("200", "113", "seed 7 · fast")
    assert "seed 7 · fast" in page.text


def test_a_tile_without_a_video_says_why(tmp_path: Path) -> None:
    """A failed tile stands in its place with its state and the reason; a poster changes nothing of that."""
    tile = a_tile(tmp_path, state=JobState.FAILED, video=None, line="The service had an error.")
    page = Page(thumbnails_html([tile], posters={"k": b"jpeg"}))
    assert "img" not in {name for name, _ in page.elements}
    assert "Failed" in page.text
    assert "The service had an error." in page.text


def test_verdicts_are_said_in_words(tmp_path: Path) -> None:
    """Winner, rejected and note do not depend on colour."""
    tiles = [
        a_tile(tmp_path, "a", verdict=Rating("winner", "the steam is right")),
        a_tile(tmp_path, "b", verdict=Rating("rejected")),
    ]
    shown = Page(thumbnails_html(tiles, posters={})).text
    for words in ("Winner", "the steam is right", "Rejected"):
        assert words in shown
        assert words in wall_text(tiles)


def test_what_comes_from_outside_is_only_text(tmp_path: Path) -> None:
    """Markup in a title, caption, reason or note is shown and not obeyed, and no e-mail is."""
    tile = a_tile(tmp_path, caption=BAD, state=JobState.FAILED, line=BAD, verdict=Rating("winner", BAD))
    page = Page(thumbnails_html([tile], title=BAD, posters={}))
    assert {"script", "img"}.isdisjoint(name for name, _ in page.elements)
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.text.count(BAD) == 4
    mail = a_tile(tmp_path, caption="maria@example.org")
    assert "maria" not in thumbnails_html([mail], posters={"k": b"x"}) + wall_text([mail])


def test_it_counts_what_there_is(tmp_path: Path) -> None:
    """The number of videos stands at the head; of tiles, with their states, where not all are videos yet."""
    done, failed = a_tile(tmp_path), a_tile(tmp_path, state=JobState.FAILED)
    assert count_words([]) == NO_TILES
    assert count_words([done]) == "1 video"
    assert count_words([done, done]) == "2 videos"
    assert count_words([failed, done, done]) == "3 tiles: 2 done, 1 failed"


def test_nothing_is_asked_of_the_network(tmp_path: Path) -> None:
    """The wall has no script and no address."""
    html = thumbnails_html([a_tile(tmp_path)], posters={"k": b"jpeg"})
    assert "http" not in html
    assert {"script", "link", "iframe"}.isdisjoint(name for name, _ in Page(html).elements)
