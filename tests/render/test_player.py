"""The player: plain HTML that plays anywhere, describes the video, and needs no network."""

import base64
from pathlib import Path
from urllib.parse import unquote

import pytest

from pixverse_nb.render.formatting import format_credits
from pixverse_nb.render.player import EMBED_LIMIT_BYTES, player_figure, player_html, player_text, relative_url
from tests.render.factories import a_request, a_video, an_mp4
from tests.render.page import Page


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a new folder, as if it were the notebook's own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def mp4(tmp_path: Path) -> Path:
    """A small real mp4."""
    return an_mp4(tmp_path / "video.mp4")


def test_a_small_video_is_embedded(mp4: Path) -> None:
    """The mp4 is in `src` of the video element, so that the saved notebook needs no file."""
    source = Page(player_html(a_video(mp4))).only("video")["src"] or ""
    head, data = source.split(",", 1)
    assert head == "data:video/mp4;base64"
    assert base64.b64decode(data) == mp4.read_bytes()


def test_the_source_is_on_the_video_element(mp4: Path) -> None:
    """There is no <source>: JupyterLab's sanitizer removes its `src` but keeps that of <video>."""
    assert "source" not in {name for name, _ in Page(player_html(a_video(mp4))).elements}


def test_the_limit_for_embedding(tmp_path: Path) -> None:
    """A file of exactly 8 MiB is embedded; one byte more, and the player refers to the file."""
    whole = tmp_path / "whole.mp4"
    whole.write_bytes(bytes(EMBED_LIMIT_BYTES))
    more = tmp_path / "more.mp4"
    more.write_bytes(bytes(EMBED_LIMIT_BYTES + 1))
    assert EMBED_LIMIT_BYTES == 8 * 1024 * 1024
    assert (Page(player_html(a_video(whole))).only("video")["src"] or "").startswith("data:video/mp4;")
    assert Page(player_html(a_video(more))).only("video")["src"] == "more.mp4"


def test_embedding_can_be_chosen(mp4: Path) -> None:
    """With `embed=False` the player refers to the file however small it is."""
    assert Page(player_html(a_video(mp4), embed=False)).only("video")["src"] == "video.mp4"


@pytest.mark.parametrize("name", ["a b.mp4", "Über#1.mp4", "50%.mp4", "what?.mp4", 'say "hi"&<b>.mp4', "it's.mp4"])
def test_any_file_name_makes_a_valid_url(tmp_path: Path, name: str) -> None:
    """Spaces, umlauts, # % ? and quotes are percent-encoded, and decode to the original name."""
    path = tmp_path / "videos" / name
    path.parent.mkdir()
    path.write_bytes(b"x")
    page = Page(player_html(a_video(path), embed=False))
    address = page.only("video")["src"] or ""
    assert unquote(address) == f"videos/{name}"
    assert not set(address) & set(" #?\"'<>&")
    assert "b" not in {tag for tag, _ in page.elements}


def test_a_file_outside_the_folder_has_a_relative_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL of a video next to the notebook's folder goes up first."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert relative_url(tmp_path / "videos" / "x.mp4") == "../videos/x.mp4"


def test_the_player_needs_no_network(mp4: Path) -> None:
    """The player has no script and no URL of another host, not even the original URL of the video."""
    video = a_video(mp4, url="https://media.example.org/x.mp4", poster_jpeg=b"jpeg")
    html = player_html(video)
    assert "http" not in html
    assert {"script", "link", "iframe"}.isdisjoint(name for name, _ in Page(html).elements)


def handlers_of(page: Page) -> list[str | None]:
    """Return the code of all event handlers: the one that hands Ctrl+S on."""
    return [code for _, attributes in page.elements for name, code in attributes.items() if name.startswith("on")]


def test_markup_from_outside_is_shown_as_text(mp4: Path) -> None:
    """Markup in a prompt, reference, notice or line of Python is escaped."""
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    video = a_video(mp4, request=a_request(prompt=bad), ref=bad, python=bad)
    page = Page(player_html(video, notices=(bad,)))
    assert {"script", "img"}.isdisjoint(name for name, _ in page.elements)
    assert page.text.count(bad) == 4
    assert handlers_of(page) == handlers_of(Page(player_html(a_video(mp4))))


def test_no_email_address_is_shown(mp4: Path) -> None:
    """The account's e-mail address, which is part of every video_id, is redacted."""
    video_id = "user:7-pixverse:maria@example.org-video:42"
    video = a_video(mp4, video_id=video_id, ref=video_id, python=f'client.job("{video_id}")')
    shown = player_html(video, notices=(video_id,)) + player_text(video)
    assert "maria" not in shown
    assert "example.org" not in shown


def test_the_caption_has_the_facts(mp4: Path) -> None:
    """Size, duration, seed, parameters, reference and prompt are below the player."""
    text = Page(player_html(a_video(mp4, request=a_request(model="v3.5")))).text
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


def test_estimated_credits_are_marked(mp4: Path) -> None:
    """Credits from the price list are marked as an estimate; reported credits are not."""
    estimated, reported = (format_credits(60, is_estimate=flag, is_sandbox=False) for flag in (True, False))
    marked = Page(player_html(a_video(mp4))).text
    plain = Page(player_html(a_video(mp4, cost_is_estimate=False))).text
    assert (estimated in marked, estimated in plain, reported in plain) == (True, False, True)


def test_sandbox_videos_are_marked(mp4: Path) -> None:
    """A video from the sandbox has a badge, and its credits are sandbox credits."""
    text = Page(player_html(a_video(mp4, is_sandbox=True))).text
    assert "Sandbox" in text
    assert "60 sandbox credits" in text
    assert "Sandbox" not in Page(player_html(a_video(mp4))).text


def test_the_line_of_python_is_shown(mp4: Path) -> None:
    """The line of Python that generates the video again is in a code element, in full."""
    video = a_video(mp4)
    page = Page(player_html(video))
    assert "code" in {name for name, _ in page.elements}
    assert video.python is not None
    assert video.python in page.text


def test_a_long_prompt_is_shortened(mp4: Path) -> None:
    """A prompt of two thousand characters is cut."""
    text = Page(player_html(a_video(mp4, request=a_request(prompt="steam rising " * 150), python=None))).text
    assert text.count("steam rising") < 25
    assert "…" in text


@pytest.mark.parametrize(("width", "height", "shown"), [(1280, 720, (720, 405)), (720, 1280, (292, 520))])
def test_the_size_is_reserved_before_the_video_is_loaded(
    mp4: Path, width: int, height: int, shown: tuple[int, int]
) -> None:
    """The element has its size in attributes: at most 720 px wide and 520 px high, in the ratio of the video."""
    element = Page(player_html(a_video(mp4, width=width, height=height))).only("video")
    assert (element["width"], element["height"]) == tuple(str(side) for side in shown)


def test_an_unknown_size_is_bounded(mp4: Path) -> None:
    """Without a known size the player is limited in height, and the caption has no size."""
    page = Page(player_html(a_video(mp4, width=None, height=None)))
    assert "max-height:520px" in (page.only("video")["style"] or "")
    assert "×" not in page.text


def test_playback_options(mp4: Path) -> None:
    """The player has controls, loops, is muted, does not start by itself, and preloads only metadata."""
    element = Page(player_html(a_video(mp4, poster_jpeg=b"jpeg"))).only("video")
    assert {"controls", "loop", "muted", "playsinline"} <= element.keys()
    assert "autoplay" not in element
    assert element["preload"] == "metadata"
    assert element["poster"] == "data:image/jpeg;base64," + base64.b64encode(b"jpeg").decode()


def test_a_missing_file_can_be_downloaded_again(tmp_path: Path) -> None:
    """If the mp4 is missing, a box names it and the call that downloads it again; there is no empty player."""
    page = Page(player_html(a_video(tmp_path / "gone.mp4")))
    assert "video" not in {name for name, _ in page.elements}
    assert "gone.mp4" in page.text
    assert "client.job('nb:3f9c1a7e:1').result()" in page.text
    assert "missing" in player_text(a_video(tmp_path / "gone.mp4"))


def test_a_missing_file_without_a_job(tmp_path: Path) -> None:
    """The box of a video without a job names no call."""
    page = Page(player_html(a_video(tmp_path / "gone.mp4", ref=None)))
    assert "gone.mp4" in page.text
    assert "client.job" not in page.text


def test_a_figure_has_no_stylesheet(mp4: Path) -> None:
    """`player_figure` has no stylesheet, so that several players can share one."""
    assert "style" in {name for name, _ in Page(player_html(a_video(mp4))).elements}
    assert "style" not in {name for name, _ in Page(player_figure(a_video(mp4))).elements}


def test_the_text_has_two_lines(mp4: Path) -> None:
    """In a terminal a video is its path and a line of facts."""
    lines = player_text(a_video(mp4)).splitlines()
    assert len(lines) == 2
    assert str(mp4) in lines[0]
    assert "seed 42" in lines[1]


def test_a_linked_player_can_say_where_the_file_is(mp4: Path) -> None:
    """A player with an address has a hidden note with the path of the file; an embedded one has none."""
    linked = Page(player_html(a_video(mp4), embed=False))
    notes = [attributes for tag, attributes in linked.elements if attributes.get("role") == "note"]
    assert [("hidden" in note) for note in notes] == [True]
    assert str(mp4) in linked.text
    assert {"onerror", "onloadedmetadata"} <= linked.only("video").keys()
    assert "onerror" not in Page(player_html(a_video(mp4))).only("video")
