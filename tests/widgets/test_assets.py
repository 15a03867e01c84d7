"""Bundles and standalone pages."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixverse_nb.errors import FileError
from pixverse_nb.widgets.assets import bundle_css, bundle_js, standalone_page, write_page

BOMB = '</script><script>alert(1)</script><!-- & "'
WIDGETS = ("compare", "form", "gallery")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A file of more than one chunk, whose length is not a multiple of three."""
    path = tmp_path / "video.mp4"
    path.write_bytes(bytes(range(256)) * 8000 + b"!")
    return path


def make_page(video: Path, *, title: str = "Two seeds", state: dict[str, object] | None = None) -> str:
    """Return a whole page with one video."""
    parts = standalone_page(
        title,
        widget="gallery",
        state=state or {"title": "x"},
        videos={"k1": video, "gone": video.with_name("gone.mp4")},
    )
    return "".join(parts)


@pytest.mark.parametrize("name", WIDGETS)
def test_a_bundle_is_one_module(name: str) -> None:
    """A bundle imports nothing and exports the widget as its default."""
    text = bundle_js(name)
    assert not re.search(r"^import\b|\bimport\(", text, re.MULTILINE)
    assert re.findall(r"\b(\w+) as default\b", text) == [f"{name}_default"]


@pytest.mark.parametrize("name", WIDGETS)
def test_a_stylesheet_starts_with_the_shared_colours(name: str) -> None:
    """Each stylesheet contains the shared colours before its own rules, and imports nothing."""
    text = bundle_css(name)
    assert 0 <= text.index("--pvnb-accent:") < text.index(f".pvnb-{name} {{")
    assert "@import" not in text


def test_a_page_contains_its_video_and_its_state(video: Path) -> None:
    """The base64 lines decode to the file, the state is unchanged, and a missing video is left out."""
    text = make_page(video, state={"label": BOMB, "numbers": [1, 2.5]})
    (lines,) = re.findall(r'<script type="text/plain" data-video="k1">\n(.*?)</script>', text, re.DOTALL)
    assert b"".join(base64.b64decode(line) for line in lines.splitlines()) == video.read_bytes()
    (state,) = re.findall(r"data-state>(.*?)</script>", text)
    assert json.loads(state) == {"label": BOMB, "numbers": [1, 2.5]}
    assert 'data-video="gone"' not in text


def test_nothing_from_outside_becomes_markup(video: Path) -> None:
    """Neither a title nor a value can close the element that contains it."""
    text = make_page(video, title=BOMB, state={"label": BOMB})
    assert "<script>alert" not in text
    assert "&lt;/script&gt;" in text


def test_a_page_runs_its_own_scripts_and_reaches_no_network(video: Path) -> None:
    """The policy names the digests of the two scripts in the page, and no host."""
    text = make_page(video)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    scripts = re.findall(r'<script(?: type="module")?>(.*?)</script>', text, re.DOTALL)
    digests = {base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts}
    assert set(re.findall(r"sha256-([^']+)'", policy)) == digests
    assert len(digests) == 2
    assert policy.startswith("default-src 'none';")
    assert not re.search(r"https?:|\*", policy)


def test_a_page_is_made_in_small_parts(video: Path) -> None:
    """No part of the page is larger than about a megabyte, whatever the size of the video."""
    parts = standalone_page("x", widget="compare", state={}, videos={"k": video})
    assert max(map(len, parts)) < 1.1e6


def test_a_failed_write_keeps_the_old_page(tmp_path: Path) -> None:
    """A page replaces the last one; if writing fails, the last one is still there and no other file."""
    target = tmp_path / "out" / "page.html"
    assert write_page(target, ["one"]) == target

    def fails_halfway() -> Iterator[str]:
        yield "two"
        raise OSError(28, "disk full")

    with pytest.raises(FileError) as caught:
        write_page(target, fails_halfway())
    assert caught.value.errno == 28
    assert target.read_text() == "one"
    assert list(target.parent.iterdir()) == [target]
