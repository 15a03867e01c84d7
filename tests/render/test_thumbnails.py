"""Thumbnails of a gallery: stills and captions in plain HTML without scripts and network access."""

from pathlib import Path

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.render.tiles import NO_TILES, Tile, format_tile_count, thumbnails_html, thumbnails_text
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
    """The poster is embedded, its size is in attributes, and the caption is below it."""
    page = Page(thumbnails_html([a_tile(tmp_path)], posters={"k": b"jpeg"}))
    image = page.only("img")
    assert (image["src"] or "").startswith("data:image/jpeg;base64,")
    assert (image["width"], image["height"], image["alt"]) == ("200", "113", "seed 7 · fast")
    assert "seed 7 · fast" in page.text


def test_a_tile_without_a_video_says_why(tmp_path: Path) -> None:
    """A failed tile shows its state and the reason, even if there is a poster."""
    tile = a_tile(tmp_path, state=JobState.FAILED, video=None, detail="The service had an error.")
    page = Page(thumbnails_html([tile], posters={"k": b"jpeg"}))
    assert "img" not in {name for name, _ in page.elements}
    assert "Failed" in page.text
    assert tile.detail in page.text


def test_ratings_are_text(tmp_path: Path) -> None:
    """Winner, rejected and notes do not depend on colour."""
    tiles = [
        a_tile(tmp_path, "a", rating=Rating("winner", "the steam is right")),
        a_tile(tmp_path, "b", rating=Rating("rejected")),
    ]
    shown = Page(thumbnails_html(tiles, posters={})).text
    for text in ("Winner", "the steam is right", "Rejected"):
        assert text in shown
        assert text in thumbnails_text(tiles)


def test_markup_from_outside_is_shown_as_text(tmp_path: Path) -> None:
    """Markup in a title, caption, reason or note is escaped, and e-mail addresses are redacted."""
    tile = a_tile(tmp_path, caption=BAD, state=JobState.FAILED, detail=BAD, rating=Rating("winner", BAD))
    page = Page(thumbnails_html([tile], title=BAD, posters={}))
    assert {"script", "img"}.isdisjoint(name for name, _ in page.elements)
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.text.count(BAD) == 4
    mail = a_tile(tmp_path, caption="maria@example.org")
    assert "maria" not in thumbnails_html([mail], posters={"k": b"x"}) + thumbnails_text([mail])


def test_tiles_are_counted_by_state(tmp_path: Path) -> None:
    """Finished videos are counted; if some tiles have none, all are counted by state."""
    done, failed = a_tile(tmp_path), a_tile(tmp_path, state=JobState.FAILED)
    assert format_tile_count([]) == NO_TILES
    assert format_tile_count([done]) == "1 video"
    assert format_tile_count([done, done]) == "2 videos"
    assert format_tile_count([failed, done, done]) == "3 tiles: 2 done, 1 failed"


def test_thumbnails_need_no_network(tmp_path: Path) -> None:
    """There is no script and no URL."""
    html = thumbnails_html([a_tile(tmp_path)], posters={"k": b"jpeg"})
    assert "http" not in html
    assert {"script", "link", "iframe"}.isdisjoint(name for name, _ in Page(html).elements)
