"""The gallery in a real JupyterLab: hundreds of tiles, at most twelve loaded videos, and ratings."""

from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.render.player import video_file
from pixverse_nb.render.tiles import Tile
from pixverse_nb.widgets.gallery import Gallery
from tests.browser.playing import PATIENCE_MS, play
from tests.browser.real_lab import Lab

MAX_LOADED = 12
TILES = 200
VIDEOS = 8

# `videos` are a few short videos that all tiles share; `done(n)` is the tile of seed n.
SETUP = """from pathlib import Path
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.render.player import video_file
from pixverse_nb.render.tiles import Tile
from pixverse_nb.widgets.gallery import Gallery

videos = [video_file(path) for path in sorted(Path({folder!r}).glob("*.mp4"))]
def done(n):
    axes = {{"seed": n, "motion_mode": ["normal", "fast"][n % 2]}}
    name = f"seed {{n}} · {{axes['motion_mode']}}"
    return Tile(f"k{{n}}", name, JobState.DONE, axes=axes, metrics={{"psnr": n * 7 % 200 / 10}}, video=videos[n % 8])
"""
MANY = 'Gallery([done(n) for n in range(200)], title="Two hundred", on_open=lambda keys: None)'
# Counts the loaded videos of the whole page at every change, and keeps the highest count.
WATCH = """() => {
    window.maxLoaded = 0;
    const count = () => {
        window.maxLoaded = Math.max(window.maxLoaded, document.querySelectorAll('video[src]').length);
    };
    const options = { subtree: true, childList: true, attributes: true, attributeFilter: ['src'] };
    new MutationObserver(count).observe(document.body, options);
}"""
PLAYING = """() => [...document.querySelectorAll('.pvnb-gallery video')]
    .filter(video => !video.paused && video.muted && video.currentTime > 0).length"""


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with eight small videos of a moving bar, each in a different colour."""
    folder = tmp_path_factory.mktemp("videos")
    for number in range(VIDEOS):
        with av.open(str(folder / f"{number}.mp4"), "w", format="mp4", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
            for at in range(48):
                picture = np.full((90, 160, 3), (30 * number, 120, 200 - 20 * number), np.uint8)
                picture[:, at * 3 : at * 3 + 12] = 250
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            container.mux(stream.encode())
    return folder


def shown(page: Page, lab: Lab, videos: Path, code: str) -> tuple[str, Locator]:
    """Run the setup and `code` in one cell; return the notebook's name and its gallery."""
    name = lab.new_notebook([SETUP.format(folder=str(videos)) + code])
    lab.open(page, name)
    lab.run_all(page)
    lab.wait_idle(page)
    gallery = page.locator(".pvnb-gallery").first
    expect(gallery.locator(".pvnb-gallery-tile").first).to_be_visible(timeout=PATIENCE_MS)
    return name, gallery


def captions(gallery: Locator) -> list[str]:
    """Return the captions of the tiles in the displayed order."""
    texts: list[str] = gallery.locator(".pvnb-gallery-caption").all_text_contents()
    return texts


def cell(gallery: Locator, name: str) -> Locator:
    """Return the tile with this name."""
    return gallery.get_by_role("gridcell", name=name)


def test_two_hundred_tiles_load_at_most_twelve_videos(page: Page, lab: Lab, videos: Path) -> None:
    """With autoplay on, scrolling to the end and back never loads more than twelve videos."""
    _, gallery = shown(page, lab, videos, MANY)
    expect(gallery.get_by_role("status").first).to_have_text("200 videos")
    page.evaluate(WATCH)
    gallery.get_by_role("radio", name="All").click()
    page.wait_for_function(f"({PLAYING})() > 5", timeout=PATIENCE_MS)
    tiles = gallery.locator(".pvnb-gallery-tile")
    for number in (*range(0, TILES, 20), TILES - 1, *reversed(range(0, TILES, 20))):
        tiles.nth(number).scroll_into_view_if_needed()
        expect(tiles.nth(number).locator("img")).to_have_js_property("complete", True)
        page.wait_for_function(
            "tile => tile.querySelector('img').naturalWidth > 0", arg=tiles.nth(number).element_handle()
        )
    tiles.nth(0).hover()
    page.wait_for_function(f"({PLAYING})() > 5", timeout=PATIENCE_MS)
    assert 6 <= page.evaluate("window.maxLoaded") <= MAX_LOADED
    gallery.get_by_role("radio", name="Still").click()
    page.wait_for_function(f"({PLAYING})() === 0")


def test_tiles_are_sorted_and_filtered(page: Page, lab: Lab, videos: Path) -> None:
    """Tiles are sorted by a metric and filtered by axis, range and rating; filters show counts and can be removed."""
    _, gallery = shown(page, lab, videos, MANY)
    count = gallery.get_by_role("status").first
    gallery.get_by_label("Sort by").select_option("metric:psnr")
    assert captions(gallery)[0] == "seed 0 · normal"
    gallery.get_by_role("button", name="Ascending").click()
    assert captions(gallery)[0] == "seed 57 · fast"
    expect(gallery.locator(".pvnb-gallery-extra").first).to_have_text("psnr 19.9")
    gallery.get_by_role("button", name="Filter", exact=True).click()
    gallery.get_by_role("group", name="motion mode").get_by_role("button", name="fast").click()
    expect(count).to_have_text("100 of 200")
    gallery.get_by_label("psnr, at least").fill("500")
    expect(count).to_have_text("50 of 200")
    gallery.get_by_role("group", name="Rating").get_by_role("button", name="Winner").click()
    expect(count).to_have_text("0 of 200")
    expect(gallery.locator(".pvnb-gallery-nothing")).to_be_visible()
    gallery.get_by_role("button", name="Remove the filter Winner").click()
    gallery.get_by_role("button", name="Remove the filter fast").click()
    expect(count).to_have_text("100 of 200")
    gallery.get_by_role("button", name="Clear", exact=True).first.click()
    expect(count).to_have_text("200 videos")


LONG = """
from dataclasses import replace
prompt = "a very long prompt that goes on and on with many words about light and wood and porcelain, number {n}"
def with_prompt(n):
    metrics = {"psnr": n / 3, "Height": 360.0, "first": 33.4 + n / 1000}
    return replace(done(n), axes={"prompt": prompt.format(n=n)}, metrics=metrics)
Gallery([with_prompt(n) for n in range(3)])"""


def test_filters_offer_only_what_differs(page: Page, lab: Lab, videos: Path) -> None:
    """A long value is cut with an ellipsis inside its chip; a metric that is equal on every tile is not offered."""
    _, gallery = shown(page, lab, videos, LONG)
    gallery.get_by_role("button", name="Filter", exact=True).click()
    chip = gallery.locator(".pvnb-gallery-chips .pvnb-gallery-chip").first
    text, around = chip.locator(".pvnb-gallery-chip-text").bounding_box(), chip.bounding_box()
    assert text is not None
    assert around is not None
    assert text["x"] + text["width"] < around["x"] + around["width"], "its end is seen"
    assert chip.locator(".pvnb-gallery-chip-text").evaluate("span => span.scrollWidth > span.clientWidth")
    expect(gallery.locator(".pvnb-gallery-ranged .pvnb-gallery-name")).to_have_text(["psnr"])
    expect(gallery.locator("optgroup[label=Metrics] option")).to_have_text(["psnr"])


ECHO = """
def echo(key, rating):
    gallery.show_tile(Tile("echo", f"heard {key} {rating.choice} {rating.note}", JobState.PLANNED))
gallery = Gallery([done(n) for n in range(6)], on_rating=echo, on_open=lambda keys: echo(",".join(keys), Rating()))
gallery"""


def test_ratings_by_keyboard_reach_the_kernel(page: Page, lab: Lab, videos: Path) -> None:
    """Arrows move, W, X, N and C rate, Enter opens and Escape closes; JupyterLab handles none of these keys."""
    _, gallery = shown(page, lab, videos, ECHO)
    cell(gallery, "seed 0").focus()
    page.keyboard.press("ArrowRight")
    expect(cell(gallery, "seed 1")).to_be_focused()
    page.keyboard.press("w")
    expect(gallery).to_contain_text("heard k1 winner")
    expect(cell(gallery, "seed 1")).to_contain_text("Winner")
    page.keyboard.press("x")
    expect(gallery).to_contain_text("heard k1 rejected")
    page.keyboard.press("x")
    expect(cell(gallery, "seed 1")).not_to_contain_text("Rejected")
    page.keyboard.press("n")
    page.keyboard.type("wax")  # in the note field these letters are text
    page.keyboard.press("Enter")
    expect(gallery).to_contain_text("heard k1 wax")
    expect(cell(gallery, "seed 1")).to_be_focused()
    page.keyboard.press("c")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("c")
    gallery.get_by_role("button", name="Compare 2").click()
    expect(gallery).to_contain_text("heard k1,k0")
    cell(gallery, "seed 1").focus()
    page.keyboard.press("Enter")
    light = gallery.locator(".pvnb-gallery-lightbox")
    expect(light).to_have_accessible_name("seed 1 · fast, 2 of 7")
    expect(light.get_by_label("Note")).to_have_value("wax")
    expect(light.get_by_role("row", name="seed 1")).to_be_visible()
    page.wait_for_function(f"({PLAYING})() === 1", timeout=PATIENCE_MS)
    page.keyboard.press("ArrowRight")
    expect(light).to_have_accessible_name("seed 2 · normal, 3 of 7")
    page.keyboard.press("w")
    expect(light.get_by_role("button", name="Winner")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(cell(gallery, "seed 2")).to_be_focused()
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(1)


WITHOUT_VIDEO = """
def echo(key, rating):
    gallery.show_tile(Tile("echo", f"heard {key} {rating.choice} {rating.note}", JobState.PLANNED))
no_video = Tile("bad", "seed 99", JobState.FAILED, detail="The service had an error and gave no reason at all. " * 3)
gallery = Gallery([done(0), no_video], on_rating=echo, on_open=lambda keys: None)
gallery"""


def test_without_a_video_there_is_no_winner(page: Page, lab: Lab, videos: Path) -> None:
    """A tile without a video offers only note and reject; W shows an alert, and the rating does not hide its state."""
    _, gallery = shown(page, lab, videos, WITHOUT_VIDEO)
    no_video = cell(gallery, "seed 99")
    no_video.focus()
    acts = no_video.locator(".pvnb-gallery-actions button")
    expect(acts.filter(visible=True)).to_have_count(2)
    page.keyboard.press("w")
    expect(gallery.get_by_role("alert")).to_contain_text("seed 99")
    page.keyboard.press("x")
    expect(gallery).to_contain_text("heard bad rejected")
    badge, state = (no_video.locator(f".pvnb-gallery-{part}").bounding_box() for part in ("badge", "line"))
    assert badge is not None
    assert state is not None
    assert badge["y"] >= state["y"] + state["height"], "the badge is below the state and its reason"
    page.keyboard.press("Enter")
    light = gallery.locator(".pvnb-gallery-lightbox")
    expect(light.get_by_role("button", name="Reject")).to_be_visible()
    expect(light.get_by_role("button", name="Winner")).to_have_count(0)


def test_the_lightbox_hides_the_toolbar(page: Page, lab: Lab, videos: Path) -> None:
    """The gallery's toolbar stays hidden after a rating in the lightbox and after an update from the kernel."""
    _, gallery = shown(page, lab, videos, ECHO)
    cell(gallery, "seed 1").focus()
    page.keyboard.press("Enter")
    sort = gallery.get_by_label("Sort by")
    expect(sort).to_be_hidden()
    keys = gallery.locator(".pvnb-gallery-keys")
    expect(keys).to_contain_text("Esc all tiles")
    expect(keys).not_to_contain_text("Enter")
    page.keyboard.press("w")
    light = gallery.locator(".pvnb-gallery-lightbox")
    expect(light).to_have_accessible_name(
        "seed 1 · fast, 2 of 7"
    )  # the kernel received the rating and sent a seventh tile
    expect(sort).to_be_hidden()
    page.keyboard.press("Escape")
    expect(sort).to_be_visible()
    expect(keys).to_contain_text("Enter open")


FILLING = """
def fill(key, rating):
    gallery.update([done(1), Tile("k2", "seed 2", JobState.FAILED, detail="The service had an error.")])
waiting = [Tile("k1", "seed 1", JobState.GENERATING), Tile("k2", "seed 2", JobState.QUEUED)]
gallery = Gallery([done(0), *waiting], on_rating=fill)
gallery"""


def test_a_tile_is_updated_while_it_is_shown(page: Page, lab: Lab, videos: Path) -> None:
    """When the kernel updates a tile, its placeholder becomes a still that plays; a failed tile gives the reason."""
    _, gallery = shown(page, lab, videos, FILLING)
    expect(gallery.get_by_role("status").first).to_have_text("3 tiles, 1 video")
    expect(cell(gallery, "seed 1")).to_contain_text("Generating")
    cell(gallery, "seed 0").focus()
    page.keyboard.press("w")
    expect(cell(gallery, "seed 1").locator("img")).to_be_visible(timeout=PATIENCE_MS)
    expect(cell(gallery, "seed 2")).to_contain_text("The service had an error.")
    expect(cell(gallery, "seed 0")).to_be_focused()
    cell(gallery, "seed 1").hover()
    play(cell(gallery, "seed 1").locator("video"))


def test_two_galleries_do_not_disturb_each_other(page: Page, lab: Lab, videos: Path) -> None:
    """Together they load at most twelve videos; filters, ratings and keys of one do not affect the other."""
    code = """
from IPython.display import display
display(Gallery([done(n) for n in range(10)], title="A"))
display(Gallery([done(n) for n in range(10)], title="B"))"""
    _, one = shown(page, lab, videos, code)
    other = page.locator(".pvnb-gallery").nth(1)
    page.evaluate(WATCH)
    for gallery in (one, other):
        gallery.get_by_role("radio", name="All").click()
    page.wait_for_function(f"({PLAYING})() > 9", timeout=PATIENCE_MS)
    cell(other, "seed 9").hover()  # takes a video from the first: both now want more than the limit
    play(cell(other, "seed 9").locator("video"))
    cell(one, "seed 3").focus()
    page.keyboard.press("w")
    one.get_by_role("button", name="Filter", exact=True).click()
    one.get_by_role("group", name="motion mode").get_by_role("button", name="fast").click()
    expect(one.get_by_role("status").first).to_have_text("5 of 10")
    expect(other.get_by_role("status").first).to_have_text("10 videos")
    expect(other).not_to_contain_text("1 winner")
    assert page.evaluate("window.maxLoaded") <= MAX_LOADED


def test_chosen_videos_open_in_a_comparison(page: Page, lab: Lab, videos: Path) -> None:
    """Two tiles of `pv.gallery` selected by key are compared below the gallery, which stays unchanged."""
    _, gallery = shown(page, lab, videos, "import pixverse_nb as pv\npv.gallery(videos)")
    for name in ("2", "5"):
        cell(gallery, name).focus()
        page.keyboard.press("c")
    gallery.get_by_role("button", name="Compare 2").click()
    comparison = page.locator(".pvnb-compare")
    expect(comparison.locator("video")).to_have_count(2, timeout=PATIENCE_MS)
    expect(gallery).to_contain_text("2 selected")


def test_a_reader_without_a_kernel_sees_stills(page: Page, lab: Lab, videos: Path) -> None:
    """The saved notebook shows posters and captions, trusted or not, and grows by at most 40 KB a tile."""
    name, _ = shown(page, lab, videos, MANY)
    stills = page.locator(".pvnb-thumbnails")
    expect(stills).to_be_attached()
    expect(stills).not_to_be_visible()  # while the gallery itself is shown
    lab.save(page)
    assert (lab.root / name).stat().st_size / TILES < 40_000
    for trusted in (True, False):
        reopened = lab.reopen_without_kernel(page, name, trusted=trusted)
        still = reopened.locator(".pvnb-thumbnails img").first
        expect(still).to_be_visible(timeout=PATIENCE_MS)
        assert still.evaluate("image => image.complete && image.naturalWidth > 0")
        expect(reopened.locator(".pvnb-thumbnails figcaption")).to_have_count(TILES)
        expect(reopened.locator(".pvnb-thumbnails figcaption").nth(7)).to_have_text("seed 7 · fast")


def test_a_saved_page_plays_from_disk(page: Page, videos: Path, tmp_path: Path) -> None:
    """The saved page plays and rates from a file without any request, and its ratings can be saved as JSON."""
    tiles = [
        Tile(f"k{number}", f"seed {number}", JobState.DONE, axes={"seed": number}, video=video_file(path))
        for number, path in enumerate(sorted(videos.glob("*.mp4")))
    ]
    failed = Tile("f", "seed 99", JobState.FAILED, detail="The service had an error.", rating=Rating("rejected"))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    place = Gallery([*tiles, failed], title="Steam").save(tmp_path / "steam.html")
    page.goto(place.as_uri())
    gallery = page.locator(".pvnb-gallery")
    expect(page.get_by_role("heading", name="Steam")).to_be_visible()
    expect(cell(gallery, "seed 99")).to_contain_text("The service had an error.")
    cell(gallery, "seed 3").hover()
    play(cell(gallery, "seed 3").locator("video"))
    cell(gallery, "seed 3").focus()
    page.keyboard.press("w")
    expect(gallery).to_contain_text("1 winner · 1 rejected")
    expect(gallery.get_by_role("button", name="Compare")).to_have_count(0)
    with page.expect_download() as download:
        gallery.get_by_role("button", name="Save as JSON").click()
    saved = download.value.path().read_text()
    assert '"caption": "seed 3"' in saved
    assert '"choice": "winner"' in saved
    assert [url for url in requests if not url.startswith(("file:", "blob:", "data:"))] == []
