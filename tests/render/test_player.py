"""The player: plain HTML that plays anywhere, says what the video is, and lets nothing from outside in."""

import base64
from pathlib import Path
from urllib.parse import unquote

import pytest

from pixverse_nb.render.player import EMBED_LIMIT_BYTES, player_figure, player_html, player_text, relative_url
from tests.render.factories import a_request, a_video, an_mp4
from tests.render.page import Page


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a new folder the current one, as a notebook's own folder is."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A small real mp4."""
    return an_mp4(tmp_path / "film.mp4")


def test_a_small_film_is_in_the_html(film: Path) -> None:
    """The mp4 itself stands in `src` of the video element, so that the saved notebook needs no file."""
    source = Page(player_html(a_video(film))).only("video")["src"] or ""
    head, data = source.split(",", 1)
    assert head == "data:video/mp4;base64"
    assert base64.b64decode(data) == film.read_bytes()


def test_the_source_is_on_the_video_element(film: Path) -> None:
    """There is no source element: JupyterLab's sanitizer takes its `src` away, and leaves the video's own."""
    assert "source" not in {name for name, _ in Page(player_html(a_video(film))).elements}


def test_the_limit_for_embedding(tmp_path: Path) -> None:
    """A file of exactly 8 MiB is embedded; one byte more and the player points at the file."""
    whole = tmp_path / "whole.mp4"
    whole.write_bytes(bytes(EMBED_LIMIT_BYTES))
    more = tmp_path / "more.mp4"
    more.write_bytes(bytes(EMBED_LIMIT_BYTES + 1))
    assert EMBED_LIMIT_BYTES == 8 * 1024 * 1024
    assert (Page(player_html(a_video(whole))).only("video")["src"] or "").startswith("data:video/mp4;")
    assert Page(player_html(a_video(more))).only("video")["src"] == "more.mp4"


def test_embedding_can_be_chosen(film: Path) -> None:
    """`embed=False` points at the file however small it is."""
    assert Page(player_html(a_video(film), embed=False)).only("video")["src"] == "film.mp4"


@pytest.mark.parametrize("name", ["a b.mp4", "Über#1.mp4", "50%.mp4", "what?.mp4", 'say "hi"&<b>.mp4', "it's.mp4"])
def test_any_file_name_is_a_right_address(tmp_path: Path, name: str) -> None:
    """Spaces, umlauts, # % ? and quotes are percent-encoded, and come back as they were."""
    path = tmp_path / "videos" / name
    path.parent.mkdir()
    path.write_bytes(b"x")
    page = Page(player_html(a_video(path), embed=False))
    address = page.only("video")["src"] or ""
    assert unquote(address) == f"videos/{name}"
    assert not set(address) & set(" #?\"'<>&")
    assert "b" not in {tag for tag, _ in page.elements}


def test_a_file_outside_the_folder_is_reached_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A video beside the notebook's folder has an address that goes up first."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert relative_url(tmp_path / "videos" / "x.mp4") == "../videos/x.mp4"


def test_nothing_is_asked_of_the_network(film: Path) -> None:
    """The player has no script and no address of another host, the vendor's own url included."""
    video = a_video(film, url="https://media.example.org/x.mp4", poster_jpeg=b"jpeg")
    html = player_html(video)
    assert "http" not in html
    assert {"script", "link", "iframe"}.isdisjoint(name for name, _ in Page(html).elements)


def test_what_comes_from_outside_is_only_text(film: Path) -> None:
    """Markup in a prompt, a reference, a notice or the line of Python is shown and not obeyed."""
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    video = a_video(film, request=a_request(prompt=bad), ref=bad, python=bad)
    page = Page(player_html(video, notices=(bad,)))
    assert {"script", "img"}.isdisjoint(name for name, _ in page.elements)
    assert page.text.count(bad) == 4
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_no_email_is_shown(film: Path) -> None:
    """The account's address, which is inside every video_id, is made unreadable wherever it turns up."""
    video_id = "user:7-pixverse:maria@example.org-video:42"
    video = a_video(film, video_id=video_id, ref=video_id, python=f'client.job("{video_id}")')
    shown = player_html(video, notices=(video_id,)) + player_text(video)
    assert "maria" not in shown
    assert "example.org" not in shown


def test_the_caption_says_what_it_is(film: Path) -> None:
    """Size, duration, seed, parameters, credits, reference and prompt stand below the player."""
    text = Page(player_html(a_video(film))).text
    for fact in (
        "1280 × 720",
        "5 s",
        "seed 42",
        "16:9",
        "normal motion",
        "v3.5",
        "ref nb:3f9c1a7e:1",
        "a slow push in",
    ):
        assert fact in text


def test_an_estimate_is_called_one(film: Path) -> None:
    """Credits from the price list are "about … (estimate)"; the vendor's own figure stands plain."""
    assert "about 60 credits (estimate)" in Page(player_html(a_video(film))).text
    plain = Page(player_html(a_video(film, cost_is_estimate=False))).text
    assert "60 credits" in plain
    assert "about" not in plain


def test_the_sandbox_is_named(film: Path) -> None:
    """What the sandbox made says so, and its credits are sandbox credits."""
    text = Page(player_html(a_video(film, is_sandbox=True))).text
    assert "Sandbox" in text
    assert "60 sandbox credits" in text
    assert "Sandbox" not in Page(player_html(a_video(film))).text


def test_the_line_that_makes_it_again(film: Path) -> None:
    """The Python stands in a code element, whole."""
    video = a_video(film)
    page = Page(player_html(video))
    assert "code" in {name for name, _ in page.elements}
    assert video.python is not None
    assert video.python in page.text


def test_a_long_prompt_is_cut_at_a_word(film: Path) -> None:
    """A caption never grows with a prompt of two thousand characters."""
    text = Page(player_html(a_video(film, request=a_request(prompt="steam rising " * 150), python=None))).text
    assert text.count("steam rising") < 25
    assert "…" in text


@pytest.mark.parametrize(("width", "height", "shown"), [(1280, 720, (720, 405)), (720, 1280, (292, 520))])
def test_the_place_is_kept_before_the_film_is_loaded(
    film: Path, width: int, height: int, shown: tuple[int, int]
) -> None:
    """The element has its size in attributes: at most 720 px wide and 520 px high, in the film's own ratio."""
    element = Page(player_html(a_video(film, width=width, height=height))).only("video")
    assert (element["width"], element["height"]) == tuple(str(side) for side in shown)


def test_an_unknown_size_is_bounded(film: Path) -> None:
    """Without a known size the player is bounded all the same, and the caption does not invent one."""
    page = Page(player_html(a_video(film, width=None, height=None)))
    assert "max-height:520px" in (page.only("video")["style"] or "")
    assert "×" not in page.text


def test_how_it_plays(film: Path) -> None:
    """With controls, looped, muted and in place; only the head of the file is loaded before it plays."""
    element = Page(player_html(a_video(film, poster_jpeg=b"jpeg"))).only("video")
    assert {"controls", "loop", "muted", "playsinline"} <= element.keys()
    assert "autoplay" not in element
    assert element["preload"] == "metadata"
    assert element["poster"] == "data:image/jpeg;base64," + base64.b64encode(b"jpeg").decode()


def test_a_lost_file_says_what_to_do(tmp_path: Path) -> None:
    """Where the mp4 has gone a box names it and the call that fetches it again; there is no empty player."""
    page = Page(player_html(a_video(tmp_path / "gone.mp4")))
    assert "video" not in {name for name, _ in page.elements}
    assert "gone.mp4" in page.text
    assert "client.job('nb:3f9c1a7e:1').result()" in page.text
    assert "not there any more" in player_text(a_video(tmp_path / "gone.mp4"))


def test_a_lost_file_of_somebody_elses(tmp_path: Path) -> None:
    """A video without a job names no job."""
    page = Page(player_html(a_video(tmp_path / "gone.mp4", ref=None)))
    assert "client.job" not in page.text
    assert "Put it back" in page.text


def test_many_players_share_one_stylesheet(film: Path) -> None:
    """`player_figure` comes without the sheet that `player_html` brings."""
    assert "style" in {name for name, _ in Page(player_html(a_video(film))).elements}
    assert "style" not in {name for name, _ in Page(player_figure(a_video(film))).elements}


def test_the_text_is_short(film: Path) -> None:
    """In a terminal a video is two lines: where it is, and what it is."""
    lines = player_text(a_video(film)).splitlines()
    assert len(lines) == 2
    assert str(film) in lines[0]
    assert "seed 42" in lines[1]
